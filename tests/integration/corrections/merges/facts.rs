//! Facts of customers who are merged: by either id, with one key, taken back across the two.

use patron::pb;
use patron::pb::item_result::Outcome;
use patron::pb::transaction::Kind;

use super::{
    NUMBER, assert_sound, call, city, contract, counts, merge, net, publish, purchase, refund,
    said, unmerge,
};
use crate::support::messages::{by_email, by_id, by_phone, email, money, patch, phone};
use crate::support::service::{ServiceWithDatabase, assert_outcomes};

/// Both, with a purchase each.
async fn start() -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    let facts = [
        purchase("ada", "1", "2026-01-05", 1_000),
        purchase("ada-2", "2", "2026-02-05", 2_000),
    ];
    service.write(&facts).await;
    service
}

#[tokio::test]
async fn facts_sent_to_the_old_id_stay_with_it_and_a_file_sent_again_counts_once() {
    let service = start().await;
    let file = [
        purchase("ada-2", "2", "2026-02-05", 2_000),
        purchase("ada-2", "3", "2026-03-05", 4_000),
        purchase("ada", "4", "2026-04-05", 8_000),
    ];
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    let sent = service.send(&file).await;
    let outcomes: Vec<Outcome> = sent.iter().map(pb::ItemResult::outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Duplicate, Outcome::Written, Outcome::Written]
    );
    assert_outcomes(&service.send(&file).await, Outcome::Duplicate);
    assert_eq!(net(&service, "ada-2").await, (15_000, 0));
    service
        .write_contacts(&[call("ada-2", "c", "2026-03-01")])
        .await;
    service
        .write_contracts(&[contract("ada-2", "k", "2026-01-01", 12, 100)])
        .await;
    let known = [contract("ada-2", "k", "2026-01-01", 12, 100)];
    assert_outcomes(&service.send_contracts(&known).await, Outcome::Duplicate);
    assert_sound(&service).await;
    unmerge(&service, "ada-2", false).await.unwrap();
    assert_eq!(net(&service, "ada").await, (9_000, 0));
    assert_eq!(net(&service, "ada-2").await, (6_000, 0));
    assert_outcomes(&service.send(&file).await, Outcome::Duplicate);
    assert_outcomes(&service.send_contracts(&known).await, Outcome::Duplicate);
    service
        .write(&[purchase("ada-2", "5", "2026-05-05", 1)])
        .await;
    assert_eq!(net(&service, "ada-2").await, (6_001, 0));
    assert_eq!(service.customer("ada-2").await.contracts.len(), 1);
    assert_eq!(service.customer("ada").await.contact_days, []);
    assert_sound(&service).await;
}

#[tokio::test]
async fn a_contract_goes_on_under_either_id_of_merged_customers() {
    let service = start().await;
    let terms = |id: &str, day: &str, price| pb::Contract {
        effective_on: day.to_owned(),
        ..contract(id, "k", "2026-01-01", 12, price)
    };
    service
        .write_contracts(&[terms("ada-2", "2026-01-01", 100)])
        .await;
    // Merged by way of another customer, so that neither id is that of the customer who stays.
    service
        .write(&[purchase("top", "9", "2026-01-05", 1)])
        .await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    merge(&service, ("top", "ada"), false).await.unwrap();
    let mut sent = vec![terms("ada-2", "2026-01-01", 100)];
    for (id, day, price) in [
        ("ada", "2026-06-01", 200),
        ("top", "2026-07-01", 300),
        ("ada-2", "2026-08-01", 400),
    ] {
        sent.push(terms(id, day, price));
        let written = service.send_contracts(&sent[sent.len() - 1..]).await;
        assert_outcomes(&written, Outcome::Written);
        let customer = service.customer(id).await;
        assert_eq!(customer.contracts.len(), 1);
        assert_eq!(customer.contracts[0].price, Some(money(price, "EUR")));
        assert_sound(&service).await;
    }
    // Of two in a call, the last is how it stands now, whichever ids they have.
    let now = [("ada", 500), ("top", 600)].map(|(id, price)| terms(id, "", price));
    assert_outcomes(&service.send_contracts(&now).await, Outcome::Written);
    let customer = service.customer("ada").await;
    assert_eq!(customer.contracts[0].price, Some(money(600, "EUR")));
    for id in ["ada", "ada-2", "top"] {
        let again = sent.iter().cloned().map(|it| pb::Contract {
            customer_id: id.to_owned(),
            ..it
        });
        let again: Vec<pb::Contract> = again.collect();
        let known = service.send_contracts(&again).await;
        assert_outcomes(&known, Outcome::Duplicate);
    }
    let other = service
        .send_contracts(&[contract("ada", "k", "2026-02-01", 12, 1)])
        .await;
    assert_eq!(other[0].violations[0].reason, "CONTRACT_CHANGED");
    assert_sound(&service).await;
    unmerge(&service, "ada", false).await.unwrap();
    unmerge(&service, "ada-2", false).await.unwrap();
    for (id, contracts) in [("ada", 0), ("top", 0), ("ada-2", 1)] {
        assert_eq!(
            service.customer(id).await.contracts.len(),
            contracts,
            "{id}"
        );
    }
    let customer = service.customer("ada-2").await;
    assert_eq!(customer.contracts[0].price, Some(money(600, "EUR")));
    let refused = service.send_contracts(&[terms("ada", "", 700)]).await;
    assert_eq!(refused[0].violations[0].reason, "OTHER_CUSTOMER");
    assert_sound(&service).await;
}

#[tokio::test]
async fn what_both_have_alike_counts_once_and_a_preview_says_how_much_of_it_differs() {
    let service = start().await;
    publish(&service).await;
    service
        .write(&[
            purchase("ada", "7", "2026-03-01", 100),
            purchase("ada-2", "7", "2026-03-01", 100),
            purchase("ada", "8", "2026-03-02", 300),
            purchase("ada-2", "8", "2026-03-02", 500),
        ])
        .await;
    service
        .write_contracts(&[
            contract("ada", "k", "2026-01-01", 12, 700),
            contract("ada-2", "k", "2026-01-01", 12, 900),
        ])
        .await;
    let cities = [("ada", "Berlin"), ("ada-2", "Ulm")].map(|(id, name)| pb::CustomerPatch {
        attributes: vec![city(name, "2026-02-01")],
        ..patch(id)
    });
    service.write_customers(&cities).await;
    let preview = merge(&service, ("ada", "ada-2"), true).await.unwrap();
    assert_eq!(
        counts(&preview.effect.unwrap()),
        [
            ("transaction", 3, 2, 1),
            ("contract", 1, 1, 1),
            ("attribute", 1, 1, 1)
        ]
    );
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    // Of the two 8s each counts, since they differ; of the contract, the state of the one who stays.
    assert_eq!(net(&service, "ada").await, (3_900, 0));
    let customer = service.customer("ada").await;
    assert_eq!(customer.contracts.len(), 1);
    assert_eq!(customer.contracts[0].price, Some(money(700, "EUR")));
    assert_eq!(customer.attributes.len(), 1);
    let value = format!("{:?}", customer.attributes[0].value);
    assert!(value.contains("Berlin"), "{value}");
    // The day after, sent for either of them.
    let later = pb::CustomerPatch {
        attributes: vec![city("Rome", "2026-02-02")],
        ..patch("ada-2")
    };
    service.write_customers(&[later]).await;
    let customer = service.customer("ada").await;
    let value = format!("{:?}", customer.attributes[0].value);
    assert!(value.contains("Rome"), "{value}");
    assert_sound(&service).await;
    unmerge(&service, "ada-2", false).await.unwrap();
    assert_eq!(net(&service, "ada-2").await, (2_600, 0));
    let customer = service.customer("ada-2").await;
    assert_eq!(customer.contracts[0].price, Some(money(900, "EUR")));
    assert_sound(&service).await;
}

#[tokio::test]
async fn a_refund_finds_its_purchase_across_the_two_and_a_total_counts_all_refunds() {
    let service = start().await;
    service
        .write(&[refund("ada", "r", "2", "2026-03-01", 300)])
        .await;
    assert_eq!(net(&service, "ada").await, (1_000, 1));
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    assert_eq!(net(&service, "ada").await, (2_700, 0));
    let total = |id: &str, key: &str, amount| pb::Transaction {
        kind: Kind::RefundTotal.into(),
        ..refund(id, key, "2", "2026-03-02", amount)
    };
    // Of 800 in total, 300 are recorded with the other id: without it, all 800 are the other's.
    for outcome in [Outcome::Written, Outcome::Duplicate] {
        let sent = service.send(&[total("ada-2", "2#8", 800)]).await;
        assert_outcomes(&sent, outcome);
        assert_eq!(net(&service, "ada").await, (2_200, 0));
    }
    assert_sound(&service).await;
    unmerge(&service, "ada-2", false).await.unwrap();
    assert_eq!(net(&service, "ada").await, (1_000, 1));
    assert_eq!(net(&service, "ada-2").await, (1_200, 0));
    assert_sound(&service).await;
}

#[tokio::test]
async fn an_identifier_leads_to_the_customer_who_stays_until_nobody_of_them_has_it() {
    let service = start().await;
    let patches = [("ada", "a@example.org"), ("ada-2", "b@example.org")];
    let patches = patches.map(|(id, address)| pb::CustomerPatch {
        add_identifiers: vec![phone(NUMBER), email(address)],
        ..patch(id)
    });
    service.write_customers(&patches).await;
    let found = async |subject: pb::Subject| -> Vec<String> {
        let answer = service.classify(subject, "").await;
        let one = answer.classification.into_iter().chain(answer.candidates);
        one.map(|it| it.customer_id).collect()
    };
    assert_eq!(found(by_phone(NUMBER)).await, ["ada-2", "ada"]);
    assert_eq!(found(by_email("b@example.org")).await, ["ada-2"]);
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    assert_eq!(found(by_phone(NUMBER)).await, ["ada"]);
    assert_eq!(found(by_email("b@example.org")).await, ["ada"]);
    // A fact by the number is of the customer who stays.
    let named = pb::Transaction {
        customer: Some(by_phone(NUMBER)),
        ..purchase("", "n", "2026-04-01", 50)
    };
    let sent = service.send(&[named]).await;
    assert_eq!(
        (sent[0].outcome(), &*sent[0].customer_id),
        (Outcome::Written, "ada")
    );
    // It ends on one, then on both; another begins on the one who is merged.
    let ends = |id: &str| pb::CustomerPatch {
        end_identifiers: vec![phone(NUMBER)],
        ..patch(id)
    };
    service.write_customers(&[ends("ada")]).await;
    assert_eq!(found(by_phone(NUMBER)).await, ["ada"]);
    assert_sound(&service).await;
    service.write_customers(&[ends("ada-2")]).await;
    assert!(found(by_phone(NUMBER)).await.is_empty());
    let begins = pb::CustomerPatch {
        add_identifiers: vec![email("c@example.org")],
        display_name: Some("Second".to_owned()),
        kind: pb::CustomerKind::Company.into(),
        ..patch("ada-2")
    };
    service.write_customers(&[begins]).await;
    assert_eq!(found(by_email("c@example.org")).await, ["ada"]);
    let customer = service.customer("ada").await;
    assert_eq!(
        (customer.kind(), &*customer.display_name),
        (pb::CustomerKind::Person, "")
    );
    assert_sound(&service).await;
    unmerge(&service, "ada-2", false).await.unwrap();
    assert_eq!(found(by_email("c@example.org")).await, ["ada-2"]);
    assert_eq!(found(by_email("b@example.org")).await, ["ada-2"]);
    assert_eq!(found(by_email("a@example.org")).await, ["ada"]);
    assert!(found(by_phone(NUMBER)).await.is_empty());
    let customer = service.customer("ada-2").await;
    assert_eq!(
        (customer.kind(), &*customer.display_name),
        (pb::CustomerKind::Company, "Second")
    );
    assert_sound(&service).await;
}

#[tokio::test]
async fn contacts_and_outcomes_of_both_are_in_the_figures_of_the_one_who_stays() {
    let service = start().await;
    publish(&service).await;
    let calls = [
        call("ada", "c1", "2026-10-01"),
        call("ada-2", "c2", "2026-10-02"),
        call("ada-2", "c1", "2026-10-01"),
    ];
    service.write_contacts(&calls).await;
    merge(&service, ("ada", "ada-2"), false).await.unwrap();
    let cost = async |subject: &str| {
        let request = pb::GetCostToServeRequest {
            whose: Some(pb::get_cost_to_serve_request::Whose::Subject(by_id(
                subject,
            ))),
            months: 12,
            as_of: String::new(),
        };
        let answer = service.desk().get_cost_to_serve(request).await;
        answer.unwrap().into_inner()
    };
    let (one, other) = (cost("ada").await, cost("ada-2").await);
    assert_eq!(one, other);
    assert_eq!(one.total.unwrap().contact_count, 2);
    let subjects = vec![by_id("ada"), by_id("ada-2"), by_id("ada")];
    let request = pb::BatchClassifyRequest {
        subjects,
        ..Default::default()
    };
    let answer = service.scoring().batch_classify(request).await.unwrap();
    let answers = answer.into_inner().responses;
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    let before = said(&service, by_id("ada"), None).await;
    assert_eq!(said(&service, by_id("ada-2"), None).await, before);
}
