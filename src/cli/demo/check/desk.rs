//! The service desk: an outcome, figures and costs of everyone, a channel, tickets, topics.

use tonic::{Response, Status};

use super::{CHECKED, Check};
use crate::cli::demo::by_id;
use crate::cli::error::CliError;
use crate::pb;
use crate::pb::contact_outcome::When;
use crate::pb::item_result::Outcome;

/// Day of the outcome: as of the other facts of the check, before every history of the demo.
const DAY: &str = "2019-05-04";

impl Check<'_> {
    /// `ServiceDeskService`.
    pub(super) async fn desk(&mut self) -> Result<(), CliError> {
        self.outcome().await?;
        self.figures().await?;
        self.costs().await?;
        self.channel().await?;
        self.tickets().await?;
        self.topics().await
    }

    /// Prints what came and whether it is right, or the error.
    fn judge<T>(
        &mut self,
        rpc: &str,
        answer: Result<Response<T>, Status>,
        judge: impl FnOnce(&T) -> (bool, String),
    ) -> Result<(), CliError> {
        match answer {
            Ok(answer) => {
                let (right, found) = judge(answer.get_ref());
                self.expect(rpc, right, &found)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    async fn outcome(&mut self) -> Result<(), CliError> {
        for expected in [Outcome::Written, Outcome::Duplicate] {
            let outcome = pb::ContactOutcome {
                customer_id: CHECKED.to_owned(),
                source: "demo-check".to_owned(),
                contact_id: "1".to_owned(),
                when: Some(When::OccurredOn(DAY.to_owned())),
                channel: "phone".to_owned(),
                resolved_at_first_contact: Some(true),
                satisfaction: Some(5),
                ..Default::default()
            };
            let request = self.connection.request(pb::RecordContactOutcomeRequest {
                outcome: Some(outcome),
            });
            let answer = self.connection.desk().record_contact_outcome(request).await;
            self.judge("RecordContactOutcome", answer, |answer| {
                let found = answer.outcome();
                (found == expected, found.as_str_name().to_owned())
            })?;
        }
        Ok(())
    }

    async fn figures(&mut self) -> Result<(), CliError> {
        let connection = self.patient();
        let request = connection.request(pb::GetServiceFiguresRequest {
            days: 365,
            dimension: pb::get_service_figures_request::Dimension::Channel.into(),
            ..Default::default()
        });
        let answer = connection.desk().get_service_figures(request).await;
        self.judge("GetServiceFigures", answer, |answer| {
            let total = answer.total.clone().unwrap_or_default();
            let grouped: i64 = answer.groups.iter().map(|group| group.contact_count).sum();
            let right = total.contact_count > 0 && grouped == total.contact_count;
            let (contacts, customers) = (total.contact_count, total.customer_count);
            let found = format!("{contacts} contacts of {customers} customers in a year");
            (right, found)
        })
    }

    async fn costs(&mut self) -> Result<(), CliError> {
        use pb::get_cost_to_serve_request::Whose;
        let connection = self.patient();
        let one = Whose::Subject(by_id(&self.examples.regular));
        for (whose, least) in [(one, 1), (Whose::Group(pb::CustomerGroup::default()), 2)] {
            let request = connection.request(pb::GetCostToServeRequest {
                whose: Some(whose),
                ..Default::default()
            });
            let answer = connection.desk().get_cost_to_serve(request).await;
            self.judge("GetCostToServe", answer, |answer| {
                let total = answer.total.clone().unwrap_or_default();
                let by_channel = answer.channels.iter().filter_map(|it| it.cost.as_ref());
                let by_channel: i64 = by_channel.map(|cost| cost.contact_count).sum();
                let right = answer.customer_count >= least
                    && by_channel == total.contact_count
                    && answer.contribution.is_some();
                let (customers, contacts) = (answer.customer_count, total.contact_count);
                (right, format!("{customers} customers, {contacts} contacts"))
            })?;
        }
        Ok(())
    }

    /// A product of 15 a month and 2.5 calls a month at 45.
    async fn channel(&mut self) -> Result<(), CliError> {
        use pb::evaluate_channel_policy_request::Whose;
        let euros = |amount_minor| {
            Some(pb::Money {
                amount_minor,
                currency: "EUR".to_owned(),
            })
        };
        let request = self.connection.request(pb::EvaluateChannelPolicyRequest {
            whose: Some(Whose::Hypothetical(pb::HypotheticalCustomer {
                income_per_month: euros(1_500),
                contacts_per_month: 2.5,
                cost_per_contact: euros(4_500),
                other_cost_per_month: None,
            })),
            channel: "phone".to_owned(),
            ..Default::default()
        });
        let answer = self
            .connection
            .desk()
            .evaluate_channel_policy(request)
            .await;
        self.judge("EvaluateChannelPolicy", answer, |answer| {
            let right = answer.verdict() == pb::ChannelVerdict::Redirect
                && answer.contribution == euros(-9_750)
                && answer.suggested_channel == "portal";
            let verdict = answer.verdict().as_str_name();
            (
                right,
                format!("{verdict} to {:?}", answer.suggested_channel),
            )
        })
    }

    async fn tickets(&mut self) -> Result<(), CliError> {
        let ticket = |id: &str, subject, impact: pb::ProductionImpact| pb::Ticket {
            ticket_id: id.to_owned(),
            subject,
            production_impact: impact.into(),
            ..Default::default()
        };
        let regular = Some(by_id(&self.examples.regular));
        let request = self.connection.request(pb::PresortTicketsRequest {
            tickets: vec![
                ticket("calm", None, pb::ProductionImpact::None),
                ticket("urgent", regular, pb::ProductionImpact::Stopped),
            ],
            categories: vec![],
        });
        let answer = self.connection.desk().presort_tickets(request).await;
        self.judge("PresortTickets", answer, |answer| {
            let order = answer.tickets.iter().map(|it| &*it.ticket_id);
            let order: Vec<&str> = order.collect();
            let has_queues = answer.tickets.iter().all(|it| !it.queue.is_empty());
            (order == ["urgent", "calm"] && has_queues, order.join(", "))
        })
    }

    async fn topics(&mut self) -> Result<(), CliError> {
        let connection = self.patient();
        let request = connection.request(pb::ListDeflectionCandidatesRequest::default());
        let answer = connection.desk().list_deflection_candidates(request).await;
        self.judge("ListDeflectionCandidates", answer, |answer| {
            let found = answer.candidates.len();
            let right = answer.target_channel == "portal" && answer.contact_count > 0;
            (
                right,
                format!("{found} candidates of {} contacts", answer.contact_count),
            )
        })?;
        let request = connection.request(pb::ListTopicSurgesRequest::default());
        let answer = connection.desk().list_topic_surges(request).await;
        self.judge("ListTopicSurges", answer, |answer| {
            let (tested, found) = (answer.tested_topic_count, answer.surges.len());
            (tested > 0, format!("{found} of {tested} topics surged"))
        })
    }
}
