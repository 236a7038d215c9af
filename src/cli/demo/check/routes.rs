//! `RouteContact`: a known number, a shared one, and unknown callers.

use jiff::Span;

use super::Check;
use crate::cli::error::CliError;
use crate::cli::text;
use crate::pb;
use crate::pb::route_contact_request::Caller;
use crate::pb::{RouteQuality, RouteVerdict};

const RPC: &str = "RouteContact";

impl Check<'_> {
    /// Routes of calls, each with a treatment that has a queue.
    pub(super) async fn routes(&mut self) -> Result<(), CliError> {
        let regular = self.examples.regular_phone.clone();
        let shared = self.examples.shared_phone.clone();
        // As it is dialled from abroad, and as a trunk sends it.
        let dialled = regular.replacen('+', "00", 1);
        let in_sip = format!("<sip:{regular}@gw.example;user=phone>");
        for (number, verdict) in [
            (&*dialled, RouteVerdict::Resolved),
            (&*in_sip, RouteVerdict::Resolved),
            (&*shared, RouteVerdict::Ambiguous),
            ("+49 30 5550000", RouteVerdict::Unknown),
            ("anonymous", RouteVerdict::Withheld),
            ("+49 030 5550000", RouteVerdict::Invalid),
        ] {
            let request = self.connection.request(pb::RouteContactRequest {
                caller: Some(Caller::Number(number.to_owned())),
                ..Default::default()
            });
            match self.connection.routing().route_contact(request).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    let queue = answer.treatment.as_ref().map_or("", |it| &*it.queue);
                    let right = answer.verdict() == verdict
                        && answer.quality() == RouteQuality::Full
                        && !queue.is_empty();
                    let found = format!(
                        "{number} is {}, queue {queue:?}",
                        answer.verdict().as_str_name()
                    );
                    self.expect(RPC, right, &found)?;
                }
                Err(status) => self.failed(RPC, &status)?,
            }
        }
        self.contact(&dialled).await?;
        self.simulation().await
    }

    /// A contact about something, to which a rule applies and for which times are due.
    async fn contact(&mut self, number: &str) -> Result<(), CliError> {
        let request = self.connection.request(pb::RouteContactRequest {
            caller: Some(Caller::Number(number.to_owned())),
            channel: "phone".to_owned(),
            intent: "repair".to_owned(),
            ..Default::default()
        });
        match self.connection.routing().route_contact(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let decision = answer.decision.unwrap_or_default();
                let due = answer.times.and_then(|times| times.response_due_time);
                let right = decision.unknown_fields.is_empty() && due.is_some();
                let due = text::time_text(due.as_ref()).unwrap_or_default();
                let rules = decision.rules.join(", ");
                let found = format!("a repair: rules [{rules}], respond by {due}");
                self.expect(RPC, right, &found)
            }
            Err(status) => self.failed(RPC, &status),
        }
    }

    /// The contacts of the last half year, by the definitions in force.
    async fn simulation(&mut self) -> Result<(), CliError> {
        const RPC: &str = "SimulateRouting";
        let until = self.until;
        let from = until.saturating_sub(Span::new().days(180));
        let request = self.connection.request(pb::SimulateRoutingRequest {
            from: from.to_string(),
            until: until.to_string(),
            ..Default::default()
        });
        match self.connection.routing().simulate_routing(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let queues = answer.simulations.first().map_or(0, |it| it.queues.len());
                let right = answer.contact_count > 0 && queues > 0;
                let found = format!("{} contacts at {queues} queues", answer.contact_count);
                self.expect(RPC, right, &found)
            }
            Err(status) => self.failed(RPC, &status),
        }
    }
}
