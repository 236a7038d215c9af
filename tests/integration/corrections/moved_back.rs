//! What an import moved goes back when it is undone, and what takes a moved fact back goes with it.

use patron::pb;
use patron::pb::item_result::Outcome;
use patron::pb::transaction::Kind;

use super::moved::{
    assert_sound, call, move_facts, order, orders, outcomes, publish, purchase, refund, send,
    send_as,
};
use super::undo;
use crate::support::messages::{by_id, patch};
use crate::support::service::{Service, ServiceWithDatabase};

const DAY: &str = "2026-01-05";

fn total(customer: &str, id: &str, original: &str, cents: i64) -> pb::Transaction {
    pb::Transaction {
        kind: Kind::RefundTotal.into(),
        ..refund(customer, (id, original), DAY, cents)
    }
}

/// The one customer who has an order.
async fn owner<'a>(service: &Service, customers: &[&'a str], amount: i64) -> &'a str {
    let mut owners = vec![];
    for customer in customers {
        let found = service.find_customer(by_id(customer)).await;
        let days = found.map(|it| it.purchase_days).unwrap_or_default();
        let amounts = days.iter().filter_map(|day| day.amount.as_ref());
        let sum: i64 = amounts.map(|it| it.amount_minor).sum();
        // Each order has an amount of its own bit.
        if sum & amount != 0 {
            owners.push(*customer);
        }
    }
    assert_eq!(owners.len(), 1, "{owners:?} have {amount}");
    owners[0]
}

#[tokio::test]
async fn what_an_import_moved_goes_back_with_its_refunds() {
    let service = ServiceWithDatabase::start().await;
    publish(&service, "move").await;
    let first = [
        purchase("guest", "1", DAY, 10_000),
        refund("guest", ("2", "1"), "2026-01-06", 1_000),
    ];
    send_as(&service, &first, "first").await;
    let before = service.customer("guest").await;
    let second = [
        purchase("ada", "1", DAY, 10_000),
        purchase("ada", "3", "2026-02-05", 50),
    ];
    send_as(&service, &second, "second").await;
    assert_eq!(orders(&service, "ada").await, (2, 9_050));
    let preview = undo(&service, "second", true).await.unwrap();
    assert_eq!(preview.moved_back_fact_count, 2);
    assert_eq!(orders(&service, "ada").await, (2, 9_050));

    let undone = undo(&service, "second", false).await.unwrap();
    assert_eq!(undone.moved_back_fact_count, 2);
    assert_eq!(undone.removed_customer_count, 1);
    let after = service.customer("guest").await;
    assert_eq!(after.purchase_days, before.purchase_days);
    assert!(service.find_customer(by_id("ada")).await.is_err());
    assert_sound(&service).await;
    // Nothing is left of the move: another import may move it anew, and the first is undone as ever.
    send_as(&service, &second[..1], "third").await;
    assert_eq!(orders(&service, "ada").await, (1, 9_000));
    undo(&service, "first", false).await.unwrap();
    assert!(service.find_customer(by_id("guest")).await.is_err());
    // The third sent the purchase too, and not its refund.
    assert_eq!(orders(&service, "ada").await, (1, 10_000));
    undo(&service, "third", false).await.unwrap();
    assert!(service.find_customer(by_id("ada")).await.is_err());
    assert_sound(&service).await;
}

#[tokio::test]
async fn imports_that_moved_one_fact_are_undone_in_any_order() {
    let service = ServiceWithDatabase::start().await;
    publish(&service, "move").await;
    let customers = ["guest", "ada", "bob", "cem"];
    service.write_customers(&customers.map(patch)).await;
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let sent = |customer: &str, at: usize| purchase(customer, &at.to_string(), DAY, 1 << at);
    let base: Vec<pb::Transaction> = (0..orders.len()).map(|at| sent("guest", at)).collect();
    send(&service, &base).await;
    for (import, customer) in customers[1..].iter().enumerate() {
        for at in 0..orders.len() {
            let name = format!("{at}-{import}");
            send_as(&service, &[sent(customer, at)], &name).await;
        }
    }
    for (at, order) in orders.iter().enumerate() {
        let mut left = vec![0, 1, 2];
        for import in order {
            undo(&service, &format!("{at}-{import}"), false)
                .await
                .unwrap();
            left.retain(|it| it != import);
            let expected = left.last().map_or("guest", |import| customers[import + 1]);
            let found = owner(&service, &customers, 1 << at).await;
            assert_eq!(found, expected, "{order:?} without {import}");
        }
    }
    assert_sound(&service).await;
}

#[tokio::test]
async fn what_was_moved_on_by_hand_stays_there() {
    let service = ServiceWithDatabase::start().await;
    publish(&service, "move").await;
    service.write_customers(&["ada", "bob"].map(patch)).await;
    send(&service, &[purchase("guest", "1", DAY, 100)]).await;
    send_as(&service, &[purchase("ada", "1", DAY, 100)], "wrong").await;
    move_facts(&service, ("ada", "bob"), &[order("1")], false)
        .await
        .unwrap();
    let undone = undo(&service, "wrong", false).await.unwrap();
    assert_eq!(undone.moved_back_fact_count, 0);
    assert_eq!(orders(&service, "bob").await, (1, 100));
    assert_sound(&service).await;
}

#[tokio::test]
async fn of_several_customers_in_one_call_the_first_has_the_fact() {
    let service = ServiceWithDatabase::start().await;
    publish(&service, "move").await;
    send(&service, &[purchase("guest", "1", DAY, 100)]).await;
    let both = ["ada", "bob"].map(|who| purchase(who, "1", DAY, 100));
    for expected in [Outcome::Written, Outcome::Duplicate] {
        let results = send(&service, &both).await;
        let [first, second] = [&results[0], &results[1]];
        assert_eq!(first.outcome(), expected);
        if expected == Outcome::Written {
            assert_eq!(second.violations[0].reason, "OTHER_CUSTOMER");
            assert_eq!(orders(&service, "ada").await, (1, 100));
        }
    }
    assert_sound(&service).await;
}

#[tokio::test]
async fn what_takes_a_moved_fact_back_goes_where_that_is() {
    let service = ServiceWithDatabase::start().await;
    send(&service, &[purchase("guest", "1", DAY, 10_000)]).await;
    service
        .write_contacts(&[call("guest", "k", "2026-01-07")])
        .await;
    service.write_customers(&[patch("ada")]).await;
    let contact = super::moved::fact(pb::FactKind::Contact, "k");
    move_facts(&service, ("guest", "ada"), &[order("1"), contact], false)
        .await
        .unwrap();
    // The next export still names the guest.
    let export = [
        purchase("guest", "1", DAY, 10_000),
        total("guest", "1#30", "1", 3_000),
    ];
    let results = send_as(&service, &export, "nightly").await;
    assert_eq!(outcomes(&results), [Outcome::Duplicate, Outcome::Written]);
    assert_eq!(orders(&service, "ada").await, (1, 7_000));
    let guest = service.customer("guest").await;
    assert_eq!(guest.unmatched_refund_count, 0);
    assert_eq!(
        outcomes(&send(&service, &export).await),
        [Outcome::Duplicate; 2]
    );
    let other = [total("guest", "1#30", "1", 4_000)];
    let results = send(&service, &other).await;
    assert_eq!(results[0].violations[0].reason, "IDEMPOTENCY_KEY_REUSED");
    let retraction = pb::Contact {
        retracts_contact_id: "k".to_owned(),
        channel: String::new(),
        duration_seconds: None,
        cost: None,
        ..call("guest", "no-k", "2026-01-07")
    };
    service.write_contacts(&[retraction]).await;
    assert!(service.customer("ada").await.contact_days.is_empty());
    assert_sound(&service).await;
    // And back again: there it is known, too.
    move_facts(&service, ("ada", "guest"), &[order("1")], false)
        .await
        .unwrap();
    assert_eq!(orders(&service, "guest").await, (1, 7_000));
    assert_eq!(
        outcomes(&send(&service, &export).await),
        [Outcome::Duplicate; 2]
    );
    assert_sound(&service).await;
}

#[tokio::test]
async fn a_refund_of_another_customers_purchase_is_refused_with_it() {
    let service = ServiceWithDatabase::start().await;
    send(&service, &[purchase("ada", "1", DAY, 10_000)]).await;
    let row = |who: &str| {
        [
            purchase(who, "1", DAY, 10_000),
            total(who, "1#30", "1", 3_000),
        ]
    };
    let results = send(&service, &row("bob")).await;
    for result in &results {
        assert_eq!(result.violations[0].reason, "OTHER_CUSTOMER");
    }
    assert!(service.find_customer(by_id("bob")).await.is_err());
    // Nothing of it is taken: the customer who has the purchase gets its refund.
    let results = send(&service, &row("ada")).await;
    assert_eq!(outcomes(&results), [Outcome::Duplicate, Outcome::Written]);
    assert_eq!(orders(&service, "ada").await, (1, 7_000));
    // A refund that came before its purchase turned out to be another's is known where it is.
    let early = [refund("bob", ("r", "2"), DAY, 100)];
    send(&service, &early).await;
    send(&service, &[purchase("ada", "2", DAY, 500)]).await;
    assert_eq!(
        outcomes(&send(&service, &early).await),
        [Outcome::Duplicate]
    );
    assert_sound(&service).await;
}

#[tokio::test]
async fn totals_of_refunds_move_with_their_purchase_and_say_the_same_there() {
    let service = ServiceWithDatabase::start().await;
    let first = [
        purchase("guest", "1", DAY, 100),
        total("guest", "1#20", "1", 20),
    ];
    send_as(&service, &first, "first").await;
    send_as(&service, &[total("guest", "1#50", "1", 50)], "second").await;
    service.write_customers(&[patch("ada")]).await;
    move_facts(&service, ("guest", "ada"), &[order("1")], false)
        .await
        .unwrap();
    assert_eq!(orders(&service, "ada").await, (1, 50));
    undo(&service, "second", false).await.unwrap();
    assert_eq!(orders(&service, "ada").await, (1, 80));
    assert_sound(&service).await;
}
