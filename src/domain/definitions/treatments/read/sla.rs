//! Reading `sla:`.

use crate::domain::{
    definitions::{
        calendars::{Calendars, calendar_of},
        fields::{self, Fields},
        treatments::Sla,
        yaml::Node,
    },
    rules::diagnostic::{Code, Diagnostics, Span},
};

/// Agreed times, perhaps of working hours.
pub(super) fn read(
    node: &Node,
    place: Span,
    calendars: &Calendars,
    problems: &mut Diagnostics,
) -> Option<Sla> {
    let mut fields = Fields::from_node(node, place, "`sla`", problems)?;
    let response = fields.require("response", "4 h", problems);
    let resolution = fields.get("resolution");
    let times = [response, resolution];
    let response = response.and_then(|node| fields::minutes(node, problems));
    let resolution = match resolution {
        Some(node) => fields::minutes(node, problems).map(Some),
        None => Some(None),
    };
    let hours = match fields.get("hours") {
        Some(node) => fields::text(node, problems).map(Some),
        None => Some(None),
    };
    let calendar = match fields.get("calendar") {
        Some(node) => calendar_of(node, calendars, problems).map(Some),
        None => Some(None),
    };
    let extent = match fields.get("extent") {
        Some(node) => fields::words(node, problems).map(Some),
        None => Some(None),
    };
    fields.finish(problems);
    let sla = Sla {
        response_minutes: response?,
        resolution_minutes: resolution?,
        hours: hours?,
        calendar: calendar?,
        extent: extent?,
    };
    let [_, resolution] = times;
    if let (Some(minutes), Some(node)) = (sla.resolution_minutes, resolution)
        && minutes < sla.response_minutes
    {
        let help = "set a resolution time of at least the response time";
        let message = "the resolution is due before the response";
        problems.add_with_help(node.span, Code::BadValue, message, help);
    }
    if let Some(calendar) = sla.calendar {
        let calendar = &calendars.known[calendar.0 as usize];
        let minutes = [Some(sla.response_minutes), sla.resolution_minutes];
        for (node, minutes) in times.into_iter().zip(minutes) {
            let (Some(node), Some(minutes)) = (node, minutes) else {
                continue;
            };
            if fields::scalar(node, problems).is_some_and(|written| written.ends_with('d')) {
                let help = "write the working hours, for example `16 h` for two days of 8 hours";
                let message = "a day is 24 hours, and the calendar counts working hours only";
                problems.add_with_help(node.span, Code::UnitMismatch, message, help);
            } else if !calendar.holds(minutes) {
                let help = "shorten it, or give the calendar more hours";
                let message = format!("`{}` takes more than a year for this", calendar.name);
                problems.add_with_help(node.span, Code::Limit, message, help);
            }
        }
    }
    Some(sla)
}
