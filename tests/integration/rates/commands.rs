//! The commands about rates against a server.

use super::start;
use crate::support::program::run_json;

#[tokio::test]
async fn a_file_of_rates_is_imported_listed_and_ends_what_was_missing() {
    let service = start().await;
    let endpoint = &*service.app.endpoint();
    let classify = ["classify", "ada", "--as-of", super::AS_OF, "--json"];
    let classify = [&classify[..], &["--endpoint", endpoint]].concat();
    let before = run_json(&classify).await;
    let before = &before["classification"];
    assert_eq!(before["tier"]["unratedReason"], "UNRATED_REASON_NO_RATE");
    assert_eq!(before["missingRates"][0]["fromCurrency"], "USD");
    assert_eq!(before["missingRates"][0]["toCurrency"], "EUR");
    assert_eq!(before["missingRates"][0]["day"], "2026-01-01");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rates.csv");
    let rows = "day,currency,rate\n2026-05-10,USD,0.75\n2026-02-01,USD,0.80\n2026-01-01,USD,0.90\n";
    std::fs::write(&file, rows).unwrap();
    let import = ["import", "rates", file.to_str().unwrap(), "--to", "EUR"];
    let import = [&import[..], &["--json", "--endpoint", endpoint]].concat();
    let first = run_json(&import).await;
    assert_eq!(
        (&first["written"], &first["duplicates"]),
        (&3.into(), &0.into())
    );
    let second = run_json(&import).await;
    assert_eq!(
        (&second["written"], &second["duplicates"]),
        (&0.into(), &3.into())
    );

    let after = run_json(&classify).await;
    let after = &after["classification"];
    assert_eq!(after["lifetimeValue"]["amountMinor"], "25451");
    assert_eq!(after["missingRates"], serde_json::Value::Null);
    let list = ["rates", "list", "--from", "USD", "--since", "2026-02-01"];
    let list = [&list[..], &["--json", "--endpoint", endpoint]].concat();
    let listed = run_json(&list).await;
    let rates = listed["rates"].as_array().unwrap();
    assert_eq!(rates.len(), 2);
    assert_eq!(rates[0]["rate"]["rate"], "0.8");
    assert_eq!(rates[1]["rate"]["day"], "2026-05-10");
}
