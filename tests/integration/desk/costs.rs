//! Cost to serve of a customer and of groups, next to income; what is missing is named.

use patron::pb;
use patron::pb::CustomerKind;
use patron::pb::get_cost_to_serve_request::Whose;

use super::{cents, contact, of_segment, of_tier, plain_call, service};
use crate::support::messages::{by_id, call, contract, money, patch, purchase, refund};
use crate::support::service::ServiceWithDatabase;

async fn cost(
    service: &ServiceWithDatabase,
    whose: Whose,
    months: i32,
    as_of: &str,
) -> pb::GetCostToServeResponse {
    let request = pb::GetCostToServeRequest {
        whose: Some(whose),
        months,
        as_of: as_of.to_owned(),
    };
    let answer = service.desk().get_cost_to_serve(request).await;
    answer.unwrap().into_inner()
}

fn everyone() -> Whose {
    Whose::Group(pb::CustomerGroup::default())
}

/// Ada pays 15 a month since January and bought something in October; she called twice and chatted once.
async fn ada(service: &ServiceWithDatabase) {
    service
        .write_contracts(&[contract("ada", "k", "2026-01-31", 1, 1_500)])
        .await;
    service
        .write(&[
            purchase("ada", "p1", "2026-10-05", 10_000),
            purchase("ada", "old", "2026-05-22", 70_000),
        ])
        .await;
    service
        .write(&[refund("ada", "r", "p1", "2026-11-01", 4_000)])
        .await;
    service
        .write_contacts(&[
            contact("ada", "1", "2026-10-23", "phone", "invoice", 5_000),
            contact("ada", "2", "2026-11-22", "phone", "invoice", 3_000),
            contact("ada", "3", "2026-09-01", "chat", "", 400),
            contact("ada", "old", "2026-05-22", "phone", "repair", 9_900),
        ])
        .await;
}

#[tokio::test]
async fn cost_stands_next_to_the_income_of_the_same_months() {
    let service = service().await;
    ada(&service).await;
    let answer = cost(&service, Whose::Subject(by_id("ada")), 6, "").await;
    assert_eq!(
        (&*answer.first_day, &*answer.last_day, answer.months),
        ("2026-05-23", "2026-11-22", 6)
    );
    assert_eq!(
        (answer.customer_count, answer.contacting_customer_count),
        (1, 1)
    );
    let total = answer.total.unwrap();
    assert_eq!(
        (total.contact_count, cents(total.cost.as_ref())),
        (3, 8_400)
    );
    assert_eq!(cents(total.mean_cost.as_ref()), 2_800);
    let channels = answer.channels.iter();
    let channels: Vec<_> = channels
        .map(|it| {
            (
                &*it.channel,
                cents(it.cost.as_ref().unwrap().cost.as_ref()),
                it.contacts_per_month,
            )
        })
        .collect();
    assert_eq!(
        channels,
        [("phone", 8_000, 2.0 / 6.0), ("chat", 400, 1.0 / 6.0)]
    );
    let topics = answer.topics.iter().map(|it| (&*it.channel, &*it.topic));
    assert_eq!(
        topics.collect::<Vec<_>>(),
        [("phone", "invoice"), ("chat", "")]
    );
    // Six months at 15.00; the purchase less its refund.
    let income = answer.income.unwrap();
    assert_eq!(income.basis(), pb::IncomeBasis::Margin);
    assert_eq!(cents(income.contracts.as_ref()), 9_000);
    assert_eq!(cents(income.purchases.as_ref()), 6_000);
    assert_eq!(cents(income.total.as_ref()), 15_000);
    assert_eq!(cents(answer.contribution.as_ref()), 6_600);
    let per_month = answer.per_month.unwrap();
    assert_eq!(cents(per_month.cost.as_ref()), 1_400);
    assert_eq!(cents(per_month.contribution.as_ref()), 1_100);
    assert!((per_month.contact_count - 0.5).abs() < 1e-12);
    assert!(answer.is_complete);
    let months: Vec<_> = answer
        .month_figures
        .iter()
        .map(|it| {
            (
                &*it.first_day,
                cents(it.cost.as_ref()),
                cents(it.income.as_ref()),
            )
        })
        .collect();
    assert_eq!(
        months,
        [
            ("2026-05-23", 0, 1_500),
            ("2026-06-23", 0, 1_500),
            ("2026-07-23", 0, 1_500),
            ("2026-08-23", 400, 1_500),
            ("2026-09-23", 0, 7_500),
            ("2026-10-23", 8_000, 1_500),
        ]
    );
}

#[tokio::test]
async fn an_earlier_day_knows_nothing_later() {
    let service = service().await;
    ada(&service).await;
    let answer = cost(&service, Whose::Subject(by_id("ada")), 1, "2026-10-31").await;
    assert_eq!(cents(answer.total.unwrap().cost.as_ref()), 5_000);
    // Before the refund.
    assert_eq!(cents(answer.income.unwrap().purchases.as_ref()), 10_000);
    let group = cost(&service, everyone(), 1, "2026-10-31").await;
    assert_eq!(cents(group.income.unwrap().purchases.as_ref()), 10_000);
    assert_eq!(cents(group.contribution.as_ref()), 5_000 + 1_500);
}

#[tokio::test]
async fn a_group_is_the_sum_of_its_members() {
    let service = service().await;
    ada(&service).await;
    let firm = pb::CustomerPatch {
        kind: CustomerKind::Company.into(),
        ..patch("firm")
    };
    service.write_customers(&[firm, patch("silent")]).await;
    service
        .write_contacts(&[
            plain_call("firm", "1", "2026-11-01"),
            plain_call("firm", "2", "2026-11-02"),
        ])
        .await;
    let all = cost(&service, everyone(), 6, "").await;
    assert_eq!((all.customer_count, all.contacting_customer_count), (3, 2));
    assert_eq!(
        cents(all.total.as_ref().unwrap().cost.as_ref()),
        8_400 + 9_000
    );
    let companies = cost(&service, Whose::Group(of_segment("firms/companies")), 6, "").await;
    assert_eq!(companies.customer_count, 1);
    assert_eq!(cents(companies.total.unwrap().cost.as_ref()), 9_000);
    assert_eq!(cents(companies.contribution.as_ref()), -9_000);
    assert_eq!(companies.provenance.unwrap().profile_version, 0);
    let unrated = cost(&service, Whose::Group(of_tier("UNRATED")), 6, "").await;
    let rated: i64 = all.customer_count - unrated.customer_count;
    // Without a model of orders, no customer has a tier.
    assert_eq!(rated, 0);
}

#[tokio::test]
async fn missing_costs_and_incomes_are_named_and_never_zero() {
    let service = service().await;
    let foreign = pb::Transaction {
        amount: Some(money(9_900, "USD")),
        ..purchase("ada", "p", "2026-11-01", 0)
    };
    service
        .write(&[foreign, purchase("ada", "q", "2026-11-02", 2_000)])
        .await;
    let letter = pb::Contact {
        channel: "letter".to_owned(),
        ..plain_call("ada", "1", "2026-11-02")
    };
    let dear = pb::Contact {
        cost: Some(money(100, "CHF")),
        ..call("ada", "2", "2026-11-02")
    };
    service
        .write_contacts(&[letter, dear, plain_call("ada", "3", "2026-11-02")])
        .await;
    let answer = cost(&service, Whose::Subject(by_id("ada")), 1, "").await;
    assert!(!answer.is_complete);
    let total = answer.total.unwrap();
    assert_eq!(
        (
            total.contact_count,
            total.priced_count,
            cents(total.cost.as_ref())
        ),
        (3, 1, 4_500)
    );
    let missing = total.missing.iter();
    let missing: Vec<_> = missing
        .map(|it| (&*it.channel, &*it.currency, it.contact_count))
        .collect();
    assert_eq!(missing, [("letter", "", 1), ("phone", "CHF", 1)]);
    let income = answer.income.unwrap();
    assert_eq!(cents(income.purchases.as_ref()), 2_000);
    let missing = income.missing.iter();
    let missing: Vec<_> = missing
        .map(|it| (&*it.currency, it.customer_count))
        .collect();
    assert_eq!(missing, [("USD", 1)]);
    assert_eq!(cents(answer.contribution.as_ref()), -2_500);
}

/// Before definitions, with no purchase: there is no currency to report in, and nothing is made up.
#[tokio::test]
async fn without_a_reporting_currency_every_cost_is_missing() {
    let service = ServiceWithDatabase::start().await;
    service
        .write_contacts(&[call("ada", "1", "2026-11-02")])
        .await;
    let answer = cost(&service, everyone(), 1, "").await;
    let total = answer.total.unwrap();
    assert_eq!(
        (total.contact_count, total.priced_count, total.cost),
        (1, 0, None)
    );
    assert_eq!(total.missing[0].currency, "EUR");
    assert_eq!((answer.contribution, answer.is_complete), (None, false));
}
