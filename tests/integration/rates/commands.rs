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
    assert_eq!(before["unrated_reason"], "NO_RATE");
    assert_eq!(before["missing_rates"][0]["from_currency"], "USD");
    assert_eq!(before["missing_rates"][0]["to_currency"], "EUR");
    assert_eq!(before["missing_rates"][0]["day"], "2026-01-01");

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
    assert_eq!(after["lifetime_value"]["amount"], "254.51");
    assert_eq!(after["missing_rates"], serde_json::Value::Null);
    let list = ["rates", "list", "--from", "USD", "--since", "2026-02-01"];
    let list = [&list[..], &["--json", "--endpoint", endpoint]].concat();
    let listed = run_json(&list).await;
    let rates: Vec<_> = listed.as_array().unwrap().iter().collect();
    assert_eq!(rates.len(), 2);
    assert_eq!(rates[0]["rate"], "0.8");
    assert_eq!(rates[1]["day"], "2026-05-10");
}
