//! What is recorded of contracts, what is known already, and what is refused.

use patron::pb;
use patron::pb::item_result::Outcome;
use tonic::Code;

use super::{activate_models, score};
use crate::support::messages::{by_id, contract, money, purchase, reason, violated};
use crate::support::program::{run, run_json};
use crate::support::service::{ServiceWithDatabase, TODAY, assert_outcomes};

fn with(contract: pb::Contract, price: i64, ended_on: &str, effective_on: &str) -> pb::Contract {
    pb::Contract {
        price: Some(money(price, "EUR")),
        ended_on: ended_on.to_owned(),
        effective_on: effective_on.to_owned(),
        ..contract
    }
}

#[tokio::test]
async fn a_contract_creates_its_customer_and_its_currency_and_is_shown() {
    let service = ServiceWithDatabase::start().await;
    let sent = pb::Contract {
        cost_minor: Some(30_000),
        category: "maintenance".to_owned(),
        customer_kind: pb::CustomerKind::Company.into(),
        ..contract("firm", "k-1", "2024-03-01", 12, 120_000)
    };
    service.write_contracts(&[sent]).await;
    let known = service.customer("firm").await;
    assert_eq!(known.kind(), pb::CustomerKind::Company);
    assert_eq!(known.profile_version, 1);
    assert_eq!(
        known.contracts,
        [pb::ContractState {
            source: "erp".to_owned(),
            contract_id: "firm-k-1".to_owned(),
            started_on: "2024-03-01".to_owned(),
            period_months: 12,
            price: Some(money(120_000, "EUR")),
            cost_minor: Some(30_000),
            category: "maintenance".to_owned(),
            ended_on: String::new(),
            effective_on: "2024-03-01".to_owned(),
        }]
    );
    let basis = service.classify(by_id("firm"), "").await.provenance;
    assert_eq!(basis.unwrap().basis_id, "r0-m0-EUR");
    let restarted = service.restart().await;
    assert_eq!(restarted.customer("firm").await, known);
}

/// A nightly export of how contracts stand: what stands so already is known, and what returns to earlier terms is not.
#[tokio::test]
async fn what_stands_so_already_is_a_duplicate_and_anything_else_is_news() {
    let service = ServiceWithDatabase::start().await;
    let plain = contract("ada", "1", "2025-01-15", 1, 1_000);
    let dearer = with(plain.clone(), 1_200, "", "");
    let ended = with(plain.clone(), 1_000, "2026-12-31", "");
    for (at, said) in [&plain, &dearer, &plain, &ended, &plain].iter().enumerate() {
        service.write_contracts(std::slice::from_ref(said)).await;
        let again = service.send_contracts(std::slice::from_ref(said)).await;
        assert_outcomes(&again, Outcome::Duplicate);
        let customer = service.customer("ada").await;
        let held = &customer.contracts[0];
        assert_eq!((&held.price, &held.ended_on), (&said.price, &said.ended_on));
        let since = if at == 0 { "2025-01-15" } else { TODAY };
        assert_eq!(held.effective_on, since);
        assert_eq!(customer.profile_version, i64::try_from(at).unwrap() + 1);
    }
    // What says since when it holds may come late and again, whatever was said since.
    let risen = with(plain.clone(), 1_100, "", "2025-06-01");
    service.write_contracts(std::slice::from_ref(&risen)).await;
    assert_outcomes(&service.send_contracts(&[risen]).await, Outcome::Duplicate);
    assert_eq!(
        service.customer("ada").await.contracts[0].price,
        plain.price
    );
}

/// The history of a contract in one call, without a day for any of it: the last message holds, and the call can be sent again.
#[tokio::test]
async fn a_call_that_tells_the_history_of_a_contract_is_written_once_in_its_order() {
    let service = ServiceWithDatabase::start().await;
    let plain = contract("ada", "1", "2025-01-15", 1, 1_000);
    let dearer = with(plain.clone(), 1_200, "", "");
    let ended = with(plain.clone(), 1_200, "2026-12-31", "");
    let other = contract("ada", "2", "2025-01-15", 1, 500);
    let history = [plain, dearer, other, ended.clone()];
    let results = service.send_contracts(&history).await;
    assert_outcomes(&results, Outcome::Written);
    let known = service.customer("ada").await;
    assert_eq!(known.contracts[0].price, ended.price);
    assert_eq!(known.contracts[0].ended_on, "2026-12-31");
    assert_outcomes(&service.send_contracts(&history).await, Outcome::Duplicate);
    assert_eq!(service.customer("ada").await, known);
    // Folded from the facts, the same holds.
    let yesterday = score(&service, "ada", "2026-11-21").await;
    assert_eq!(yesterday.running_contracts, 2);
    let restarted = service.restart().await;
    assert_eq!(restarted.customer("ada").await, known);
}

#[tokio::test]
async fn a_contract_keeps_its_first_day_and_period() {
    let service = ServiceWithDatabase::start().await;
    let plain = contract("ada", "1", "2026-01-15", 1, 1_000);
    service.write_contracts(std::slice::from_ref(&plain)).await;
    let moved = pb::Contract {
        started_on: "2026-01-16".to_owned(),
        ..plain.clone()
    };
    let yearly = pb::Contract {
        period_months: 12,
        ..plain.clone()
    };
    let results = service
        .send_contracts(&[
            moved,
            yearly,
            with(plain.clone(), 1_100, "", "2026-05-01"),
            with(plain.clone(), 1_200, "", "2026-05-01"),
            with(plain.clone(), 1_100, "", "2026-05-01"),
            // Another source has contracts of its own.
            pb::Contract {
                source: "other".to_owned(),
                ..plain
            },
        ])
        .await;
    let said: Vec<_> = results
        .iter()
        .map(|result| {
            let violation = result.violations.first();
            let reason = violation.map_or("", |violation| &violation.reason);
            (result.outcome(), reason)
        })
        .collect();
    assert_eq!(
        said,
        [
            (Outcome::Refused, "CONTRACT_CHANGED"),
            (Outcome::Refused, "CONTRACT_CHANGED"),
            (Outcome::Written, ""),
            // A correction of the same day, in the same call.
            (Outcome::Written, ""),
            (Outcome::Duplicate, ""),
            (Outcome::Written, ""),
        ]
    );
    assert_eq!(results[0].violations[0].field, "contracts[0]");
    let held = service.customer("ada").await.contracts;
    assert_eq!(
        (held.len(), &held[0].price),
        (2, &Some(money(1_200, "EUR")))
    );
    let empty = pb::IngestContractsRequest {
        contracts: vec![],
        ..Default::default()
    };
    let status = service.ingest().ingest_contracts(empty).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(violated(&status), ["contracts"]);
    assert_eq!(reason(&status), "INVALID_REQUEST");
}

#[tokio::test]
async fn a_negative_price_or_cost_of_a_contract_is_no_refund() {
    let service = ServiceWithDatabase::start().await;
    let negative = pb::Contract {
        cost_minor: Some(-1),
        ..with(contract("ada", "3", "2026-01-15", 1, 0), -1, "", "")
    };
    let refused = &service.send_contracts(&[negative]).await[0].violations;
    let fields = refused.iter().map(|one| (&*one.field, &*one.reason));
    assert_eq!(
        fields.collect::<Vec<_>>(),
        [
            ("contracts[0].price.amount_minor", "NEGATIVE"),
            ("contracts[0].cost_minor", "NEGATIVE")
        ]
    );
    for violation in refused {
        let description = &violation.description;
        assert!(description.contains("0 or more") && !description.contains("refund"));
    }
}

/// What was true of a contract on days past, whatever came first. Priced by its yearly renewal on 2027-03-01 or 2026-03-01.
#[tokio::test]
async fn a_day_in_the_past_sees_the_contract_as_it_was_in_any_order_of_arrival() {
    let service = ServiceWithDatabase::start().await;
    let said = |id: &str| {
        let plain = contract(id, "1", "2025-03-01", 12, 10_000);
        [
            with(plain.clone(), 10_000, "", "2025-03-01"),
            with(plain.clone(), 12_000, "", "2026-02-01"),
            with(plain.clone(), 12_000, "2026-09-01", "2026-07-01"),
        ]
    };
    for (at, order) in [[0, 1, 2], [2, 1, 0], [1, 2, 0]].iter().enumerate() {
        let said = said(&format!("c{at}"));
        for place in order {
            service
                .write_contracts(std::slice::from_ref(&said[*place]))
                .await;
        }
    }
    // So that there is a reporting currency in any case and the version answers.
    service
        .write(&[purchase("eve", "1", "2026-01-01", 100)])
        .await;
    activate_models(&service).await;
    for id in ["c0", "c1", "c2"] {
        for (as_of, running, renewals, price) in [
            // 2025-12-01: renewed first on 2026-03-01, at the first price. Later renewals are beyond twelve months.
            ("2025-12-01", 1, 0.8, 100.0),
            ("2026-01-31", 1, 0.8, 100.0),
            ("2026-02-01", 1, 0.8, 120.0),
            // Renewed once; the next renewal is on 2027-03-01, of which nobody knew yet that it will not be.
            ("2026-06-30", 1, 4.2 / 5.0, 120.0),
            ("2026-07-01", 1, 0.0, 0.0),
            ("2026-08-31", 1, 0.0, 0.0),
            ("2026-09-01", 0, 0.0, 0.0),
            ("", 0, 0.0, 0.0),
        ] {
            let found = score(&service, id, as_of).await;
            assert_eq!(found.running_contracts, running, "{id} {as_of}");
            let expected = found.expected_renewals.unwrap();
            assert!(
                (expected - renewals).abs() < 1e-12,
                "{id} {as_of}: {expected}"
            );
            let value = found.contract_value.unwrap();
            let undiscounted = renewals * price;
            assert!(
                value <= undiscounted && value >= 0.88 * undiscounted,
                "{id} {as_of}: {value}"
            );
        }
        let before = score(&service, id, "2025-02-28").await;
        assert_eq!(before.contract_value, None);
        assert_eq!(before.unrated_reason(), pb::UnratedReason::NoPurchase);
    }
}

#[tokio::test]
async fn an_ended_contract_that_was_never_seen_running_ran_until_its_end() {
    let service = ServiceWithDatabase::start().await;
    let ended = with(
        contract("ada", "1", "2025-03-01", 12, 10_000),
        10_000,
        "2026-03-01",
        "",
    );
    service.write_contracts(&[ended]).await;
    activate_models(&service).await;
    let before = score(&service, "ada", "2026-02-28").await;
    assert_eq!(
        (before.running_contracts, before.expected_renewals),
        (1, Some(0.8))
    );
    let after = score(&service, "ada", "2026-03-01").await;
    assert_eq!(
        (after.running_contracts, after.expected_renewals),
        (0, Some(0.0))
    );
    // A mistake is taken back by ending it where it began.
    let mistake = with(
        contract("bob", "1", "2025-03-01", 12, 10_000),
        10_000,
        "2025-03-01",
        "",
    );
    service.write_contracts(&[mistake]).await;
    let never = score(&service, "bob", "").await;
    assert_eq!(never.unrated_reason(), pb::UnratedReason::NoPurchase);
    assert_eq!(never.contract_value, None);
}

/// Rows of one contract that stand far apart, more than a call takes between them, and none says since when it holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_tells_how_contracts_came_to_stand_adds_nothing_when_it_comes_again() {
    let service = ServiceWithDatabase::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contracts.csv");
    let mut rows = "customer_id,contract_id,started_on,period,price,ended_on\n\
                    ben,B-1,2025-06-01,monthly,19.90,\n"
        .to_owned();
    rows.extend((0..1_500).map(|at| format!("c{at},C-{at},2025-06-01,monthly,5,\n")));
    rows.push_str(
        "ben,B-1,2025-06-01,monthly,24.90,\nben,B-1,2025-06-01,monthly,24.90,2026-12-01\n",
    );
    std::fs::write(&path, rows).unwrap();
    let (file, endpoint) = (path.to_str().unwrap(), service.app.endpoint());
    let import = [
        "import",
        "contracts",
        file,
        "--source",
        "erp",
        "--currency",
        "EUR",
    ];
    let import = [&import[..], &["--json", "--endpoint", &endpoint]].concat();
    let first = run_json(&import).await;
    assert_eq!(
        (&first["written"], &first["refused"]),
        (&1_503.into(), &0.into())
    );
    let ben = service.customer("ben").await;
    assert_eq!(ben.contracts[0].price, Some(money(2_490, "EUR")));
    assert_eq!(ben.contracts[0].ended_on, "2026-12-01");
    let second = run_json(&import).await;
    assert_eq!(
        (&second["written"], &second["duplicates"]),
        (&0.into(), &1_503.into())
    );
    assert_eq!(service.customer("ben").await, ben);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_imported_once_and_refused_rows_are_told() {
    let service = ServiceWithDatabase::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contracts.csv");
    // The file of the README, and a row that ends before it begins.
    let rows = "customer_id,contract_id,started_on,period,price,cost,ended_on,effective_on\n\
                anna,A-1,2024-11-15,yearly,240,90,,\n\
                ben,B-1,2025-06-01,monthly,19.90,,,\n\
                ben,B-1,2025-06-01,monthly,24.90,,,2026-01-01\n\
                ben,B-1,2025-06-01,monthly,24.90,,2026-12-01,2026-11-03\n\
                eve,E-1,2025-06-01,monthly,1,,2025-05-31,\n";
    std::fs::write(&path, rows).unwrap();
    let (file, endpoint) = (path.to_str().unwrap(), service.app.endpoint());
    let import = async |more: &[&str]| {
        let said = ["import", "contracts", file, "--source", "erp"];
        let currency = ["--currency", "EUR", "--json", "--endpoint", &endpoint];
        let arguments: Vec<&str> = said.iter().chain(&currency).chain(more).copied().collect();
        let output = run(&arguments).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        ["rows", "written", "duplicates", "refused"].map(|key| summary[key].as_i64().unwrap())
    };
    assert_eq!(import(&["--dry-run"]).await[3], 1);
    let nobody = service.find_customer(by_id("ben")).await.unwrap_err();
    assert_eq!(nobody.code(), Code::NotFound);
    assert_eq!(import(&[]).await, [5, 4, 0, 1]);
    assert_eq!(import(&[]).await, [5, 0, 4, 1]);
    let rejected = std::fs::read_to_string(folder.path().join("contracts.rejected.csv"));
    assert!(rejected.unwrap().contains("the end, 2025-05-31, is before"));
    let ben = &service.customer("ben").await.contracts;
    assert_eq!(ben.len(), 1);
    assert_eq!(ben[0].price, Some(money(2_490, "EUR")));
    assert_eq!(
        (&*ben[0].ended_on, &*ben[0].effective_on),
        ("2026-12-01", "2026-11-03")
    );
    let anna = &service.customer("anna").await.contracts[0];
    assert_eq!((anna.period_months, anna.cost_minor), (12, Some(9_000)));
    let shown = run_json(&["customer", "show", "ben", "--json", "--endpoint", &endpoint]).await;
    let price = &shown["customer"]["contracts"][0]["price"];
    assert_eq!(price["amountMinor"], "2490");
    let page = run(&["customer", "show", "ben", "--endpoint", &endpoint]).await;
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(
        page.contains("erp/B-1") && page.contains("monthly"),
        "{page}"
    );
}
