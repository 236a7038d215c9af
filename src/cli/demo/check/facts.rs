//! The RPCs that write facts, and the one that shows what became of them.

use tonic::{Response, Status};

use super::{CHECKED, Check};
use crate::cli::demo::by_id;
use crate::cli::error::CliError;
use crate::pb;
use crate::pb::item_result::Outcome;

/// Day of the facts of the check: within every limit, before every history of the demo.
const DAY: &str = "2019-05-04";
const SOURCE: &str = "demo-check";

impl Check<'_> {
    /// `IngestService` and `CustomerService`.
    pub(super) async fn facts(&mut self) -> Result<(), CliError> {
        self.customers().await?;
        self.transactions().await?;
        self.contacts().await?;
        self.contracts().await?;
        self.stream().await?;
        self.time_zone().await?;
        self.customer().await?;
        self.profiles().await
    }

    async fn profiles(&mut self) -> Result<(), CliError> {
        let rpc = "CheckProfiles";
        let request = pb::CheckProfilesRequest::default();
        let request = self.connection.request(request);
        let page = match self.connection.customers().check_profiles(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return self.failed(rpc, &status),
        };
        let (checked, differing) = (page.checked_count, page.differences.len());
        let found = format!("{checked} profiles, {differing} not as their facts");
        self.expect(rpc, checked > 0 && differing == 0, &found)
    }

    async fn time_zone(&mut self) -> Result<(), CliError> {
        let rpc = "GetTimeZone";
        let request = self.connection.request(pb::GetTimeZoneRequest {});
        match self.connection.ingest().get_time_zone(request).await {
            Ok(answer) => {
                let zone = answer.into_inner().time_zone;
                let is_known = jiff::tz::TimeZone::get(&zone).is_ok();
                self.expect(rpc, is_known, &zone)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    async fn customers(&mut self) -> Result<(), CliError> {
        for expected in [Outcome::Written, Outcome::Duplicate] {
            let request = self.connection.request(pb::IngestCustomersRequest {
                customers: vec![patch()],
                ..Default::default()
            });
            let answer = self.connection.ingest().ingest_customers(request).await;
            let results = answer.map(|answer| answer.map(|answer| answer.results));
            self.outcomes("IngestCustomers", results, &[expected])?;
        }
        Ok(())
    }

    async fn transactions(&mut self) -> Result<(), CliError> {
        let wrong = pb::Transaction {
            transaction_id: "wrong".to_owned(),
            amount: Some(money(100, "XQX")),
            ..transaction()
        };
        for expected in [Outcome::Written, Outcome::Duplicate] {
            let request = self.connection.request(pb::IngestTransactionsRequest {
                transactions: vec![transaction(), wrong.clone()],
                ..Default::default()
            });
            let answer = self.connection.ingest().ingest_transactions(request).await;
            let results = answer.map(|answer| answer.map(|answer| answer.results));
            self.outcomes("IngestTransactions", results, &[expected, Outcome::Refused])?;
        }
        Ok(())
    }

    /// The transaction and the contact again, by a stream.
    async fn stream(&mut self) -> Result<(), CliError> {
        use pb::stream_facts_request::Batch;

        let batches = [
            Batch::Transactions(pb::IngestTransactionsRequest {
                transactions: vec![transaction()],
                ..Default::default()
            }),
            Batch::Contacts(pb::IngestContactsRequest {
                contacts: vec![contact()],
                ..Default::default()
            }),
        ];
        let batches = batches.map(|batch| pb::StreamFactsRequest { batch: Some(batch) });
        let sent = tokio_stream::iter(batches);
        let mut acknowledged = match self.connection.ingest().stream_facts(sent).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return self.expect("StreamFacts", false, &status.to_string()),
        };
        let (mut count, mut outcomes) = (0, vec![]);
        let ended = loop {
            match acknowledged.message().await {
                Ok(Some(answer)) => {
                    count = answer.acknowledged_count;
                    let batches = answer.batches.iter();
                    let results = batches.flat_map(|batch| &batch.results);
                    outcomes.extend(results.map(pb::ItemResult::outcome));
                }
                Ok(None) => break Ok(()),
                Err(status) => break Err(status),
            }
        };
        let right = ended.is_ok() && count == 2 && outcomes == [Outcome::Duplicate; 2];
        let found = format!("{count} of 2 batches acknowledged");
        self.expect("StreamFacts", right, &found)
    }

    async fn contacts(&mut self) -> Result<(), CliError> {
        for expected in [Outcome::Written, Outcome::Duplicate] {
            let request = self.connection.request(pb::IngestContactsRequest {
                contacts: vec![contact()],
                ..Default::default()
            });
            let answer = self.connection.ingest().ingest_contacts(request).await;
            let results = answer.map(|answer| answer.map(|answer| answer.results));
            self.outcomes("IngestContacts", results, &[expected])?;
        }
        Ok(())
    }

    async fn contracts(&mut self) -> Result<(), CliError> {
        for expected in [Outcome::Written, Outcome::Duplicate] {
            let request = self.connection.request(pb::IngestContractsRequest {
                contracts: vec![contract()],
                ..Default::default()
            });
            let answer = self.connection.ingest().ingest_contracts(request).await;
            let results = answer.map(|answer| answer.map(|answer| answer.results));
            self.outcomes("IngestContracts", results, &[expected])?;
        }
        Ok(())
    }

    /// Compares outcomes; a refusal must say where and why.
    fn outcomes(
        &mut self,
        rpc: &str,
        answer: Result<Response<Vec<pb::ItemResult>>, Status>,
        expected: &[Outcome],
    ) -> Result<(), CliError> {
        let results = match answer {
            Ok(answer) => answer.into_inner(),
            Err(status) => return self.failed(rpc, &status),
        };
        let outcomes: Vec<Outcome> = results.iter().map(pb::ItemResult::outcome).collect();
        // A check of a server that was checked before finds its facts there.
        let repeated: Vec<Outcome> = expected
            .iter()
            .map(|outcome| match outcome {
                Outcome::Written => Outcome::Duplicate,
                Outcome::Duplicate
                | Outcome::NotApplicable
                | Outcome::Refused
                | Outcome::Unspecified => *outcome,
            })
            .collect();
        let explained = results
            .iter()
            .filter(|result| result.outcome() == Outcome::Refused)
            .all(|result| {
                let mut violations = result.violations.iter();
                violations.any(|one| one.field.contains("amount.currency"))
            });
        let right = explained && (outcomes == expected || outcomes == repeated);
        let names: Vec<&str> = outcomes
            .iter()
            .map(|outcome| outcome.as_str_name().trim_start_matches("OUTCOME_"))
            .collect();
        let mut found = names.join(", ");
        for violation in results.iter().flat_map(|result| &result.violations) {
            found = format!("{found}; {}: {}", violation.field, violation.description);
        }
        self.expect(rpc, right, &found)
    }

    async fn customer(&mut self) -> Result<(), CliError> {
        let rpc = "GetCustomer";
        let request = self.connection.request(pb::GetCustomerRequest {
            subject: Some(by_id(CHECKED)),
            ..Default::default()
        });
        let customer = match self.connection.customers().get_customer(request).await {
            Ok(answer) => answer.into_inner().customer.unwrap_or_default(),
            Err(status) => return self.failed(rpc, &status),
        };
        let bought = customer.purchase_days.first();
        let right = customer.customer_id == CHECKED
            && customer.kind() == pb::CustomerKind::Company
            && customer.display_name == "Checked"
            && customer.profile_version >= 1
            && customer.purchase_days.len() == 1
            && bought.is_some_and(|day| day.day == DAY && day.amount == Some(money(1_234, "EUR")))
            && customer.contact_days.len() == 1
            && customer.contracts.len() == 1
            && customer.identifiers.len() == 1
            && customer.attributes.iter().any(|one| one.name == "checked");
        let found = format!(
            "{} with {} purchase day, {} contact day, {} contract, {} identifier, {} attribute",
            customer.customer_id,
            customer.purchase_days.len(),
            customer.contact_days.len(),
            customer.contracts.len(),
            customer.identifiers.len(),
            customer.attributes.len()
        );
        self.expect(rpc, right, &found)
    }
}

fn patch() -> pb::CustomerPatch {
    pb::CustomerPatch {
        customer_id: CHECKED.to_owned(),
        kind: pb::CustomerKind::Company.into(),
        display_name: Some("Checked".to_owned()),
        add_identifiers: vec![pb::Identifier {
            identifier: Some(pb::identifier::Identifier::Email(
                "checked@example.org".to_owned(),
            )),
        }],
        attributes: vec![pb::AttributeValue {
            name: "checked".to_owned(),
            value: Some(pb::attribute_value::Value::BoolValue(true)),
            observed_on: DAY.to_owned(),
            source: SOURCE.to_owned(),
        }],
        ..pb::CustomerPatch::default()
    }
}

pub(super) fn transaction() -> pb::Transaction {
    pb::Transaction {
        customer_id: CHECKED.to_owned(),
        source: SOURCE.to_owned(),
        transaction_id: "1".to_owned(),
        kind: pb::transaction::Kind::Purchase.into(),
        when: Some(pb::transaction::When::OccurredOn(DAY.to_owned())),
        amount: Some(money(1_234, "EUR")),
        ..pb::Transaction::default()
    }
}

/// A purchase of a customer of its own, for an import that is undone.
pub(super) fn imported() -> pb::Transaction {
    pb::Transaction {
        customer_id: format!("{CHECKED}-import"),
        transaction_id: "2".to_owned(),
        ..transaction()
    }
}

fn contact() -> pb::Contact {
    pb::Contact {
        customer_id: CHECKED.to_owned(),
        source: SOURCE.to_owned(),
        contact_id: "1".to_owned(),
        when: Some(pb::contact::When::OccurredOn(DAY.to_owned())),
        channel: "phone".to_owned(),
        cost: Some(money(450, "EUR")),
        ..pb::Contact::default()
    }
}

/// Ended when it began to be checked: it teaches no fit of the demo.
fn contract() -> pb::Contract {
    pb::Contract {
        customer_id: CHECKED.to_owned(),
        source: SOURCE.to_owned(),
        contract_id: "1".to_owned(),
        started_on: DAY.to_owned(),
        period_months: 12,
        price: Some(money(9_900, "EUR")),
        ended_on: DAY.to_owned(),
        ..pb::Contract::default()
    }
}

fn money(amount_minor: i64, currency: &str) -> pb::Money {
    pb::Money {
        amount_minor,
        currency: currency.to_owned(),
    }
}
