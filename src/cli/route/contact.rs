//! How a contact changed the treatment, and opening hours and due times.

use crate::cli::text;
use crate::pb;

/// What the contact and its time decide, in words. Empty if nothing does.
pub(super) fn contact_text(response: &pb::RouteContactResponse) -> String {
    let mut rows = vec![];
    if let Some(decision) = &response.decision {
        let reasons = decision.priority_reasons.iter();
        let reasons: Vec<String> = reasons
            .map(|reason| format!("{} by {}", reason.amount, reason.source))
            .collect();
        let parts = [
            ("Rules", decision.rules.join(", ")),
            ("Priority", reasons.join(" + ")),
            ("Closed now", decision.closed_queues.join(", ")),
            ("Not defined", decision.unknown_fields.join(", ")),
        ];
        rows.extend(parts.into_iter().filter(|(_, value)| !value.is_empty()));
    }
    if let Some(times) = &response.times {
        rows.extend(opening(times).map(|opening| ("Hours", opening)));
        let due = [
            ("Respond by", times.response_due_time.as_ref()),
            ("Resolve by", times.resolution_due_time.as_ref()),
        ];
        let due = due
            .into_iter()
            .filter_map(|(label, time)| Some((label, text::time_text(time)?)));
        rows.extend(due);
    }
    if rows.is_empty() {
        return String::new();
    }
    format!("This contact\n{}", text::indented(&text::labelled(&rows)))
}

fn opening(times: &pb::ServiceTimes) -> Option<String> {
    let (state, change) = match (times.open_now?, &times.closes_time, &times.opens_time) {
        (true, Some(closes), _) => ("open until", Some(closes)),
        (true, None, _) => ("open", None),
        (false, _, Some(opens)) => ("closed until", Some(opens)),
        (false, _, None) => ("closed", None),
    };
    let mut out = format!("{}: {state}", times.calendar);
    if let Some(change) = text::time_text(change) {
        out.push(' ');
        out.push_str(&change);
    }
    if let Some(holiday) = &times.holiday {
        out.push_str(", ");
        out.push_str(&holiday.en);
    }
    Some(out)
}
