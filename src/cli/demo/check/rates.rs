//! The RPCs about exchange rates.

use super::Check;
use crate::cli::error::CliError;
use crate::generate::foreign_currency::ABROAD;
use crate::generate::history::CURRENCY;
use crate::pb;
use crate::pb::item_result::Outcome;

/// A currency that nobody of the demo pays in, so that the answers about the demo stay as they are.
const CHECKED: &str = "NOK";
/// Before every history of the demo.
const DAY: &str = "2019-05-04";

impl Check<'_> {
    /// A rate that is new, one that is known and one that is none; then the list of them, and of those of the demo.
    pub(super) async fn rates(&mut self) -> Result<(), CliError> {
        let sound = rate("0.1025");
        // A check of a server that was checked before finds the rate there.
        let known = self
            .list_rates(CHECKED)
            .await?
            .is_some_and(|count| count > 0);
        let first = if known {
            Outcome::Duplicate
        } else {
            Outcome::Written
        };
        self.ingest_rates(&[sound.clone(), rate("0")], &[first, Outcome::Refused])
            .await?;
        self.ingest_rates(&[sound], &[Outcome::Duplicate]).await?;
        for (from, least) in [(CHECKED, 1), (ABROAD, 36)] {
            if let Some(count) = self.list_rates(from).await? {
                let found = format!("{count} rates from {from} to {CURRENCY}");
                self.expect("ListRates", count >= least, &found)?;
            }
        }
        Ok(())
    }

    async fn ingest_rates(
        &mut self,
        rates: &[pb::ExchangeRate],
        expected: &[Outcome],
    ) -> Result<(), CliError> {
        let rpc = "IngestRates";
        let request = self.connection.request(pb::IngestRatesRequest {
            rates: rates.to_vec(),
            ..Default::default()
        });
        let results = match self.connection.ingest().ingest_rates(request).await {
            Ok(answer) => answer.into_inner().results,
            Err(status) => return self.failed(rpc, &status),
        };
        let outcomes: Vec<Outcome> = results.iter().map(pb::ItemResult::outcome).collect();
        let violations = || results.iter().flat_map(|result| &result.violations);
        let explained = outcomes.contains(&Outcome::Refused)
            == violations().any(|one| one.field == "rates[1].rate");
        let names: Vec<&str> = outcomes
            .iter()
            .map(|outcome| outcome.as_str_name().trim_start_matches("OUTCOME_"))
            .collect();
        let mut found = names.join(", ");
        for violation in violations() {
            found = format!("{found}; {}: {}", violation.field, violation.description);
        }
        self.expect(rpc, explained && outcomes == expected, &found)
    }

    /// How many rates there are from a currency; `None` when the server did not say, which is then noted.
    async fn list_rates(&mut self, from: &str) -> Result<Option<usize>, CliError> {
        let request = self.connection.request(pb::ListRatesRequest {
            from_currency: from.to_owned(),
            to_currency: CURRENCY.to_owned(),
            page_size: 1_000,
            ..pb::ListRatesRequest::default()
        });
        match self.connection.ingest().list_rates(request).await {
            Ok(answer) => Ok(Some(answer.into_inner().rates.len())),
            Err(status) => {
                self.failed("ListRates", &status)?;
                Ok(None)
            }
        }
    }
}

fn rate(rate: &str) -> pb::ExchangeRate {
    pb::ExchangeRate {
        from_currency: CHECKED.to_owned(),
        to_currency: CURRENCY.to_owned(),
        day: DAY.to_owned(),
        rate: rate.to_owned(),
    }
}
