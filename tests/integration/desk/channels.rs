//! Channel policy: A1 of the acceptance examples, by facts and by numbers.

use patron::pb;
use patron::pb::ChannelVerdict;
use patron::pb::evaluate_channel_policy_request::Whose;

use super::{cents, contact, plain_call, service};
use crate::support::messages::{by_id, call, contract, money, reason, violated};
use crate::support::service::ServiceWithDatabase;

async fn policy(
    service: &ServiceWithDatabase,
    request: pb::EvaluateChannelPolicyRequest,
) -> pb::EvaluateChannelPolicyResponse {
    let answer = service.desk().evaluate_channel_policy(request).await;
    answer.unwrap().into_inner()
}

fn of(customer: &str) -> pb::EvaluateChannelPolicyRequest {
    pb::EvaluateChannelPolicyRequest {
        whose: Some(Whose::Subject(by_id(customer))),
        ..Default::default()
    }
}

fn hypothetical(income: i64, contacts: f64) -> pb::EvaluateChannelPolicyRequest {
    pb::EvaluateChannelPolicyRequest {
        whose: Some(Whose::Hypothetical(pb::HypotheticalCustomer {
            income_per_month: Some(money(income, "EUR")),
            contacts_per_month: contacts,
            ..Default::default()
        })),
        channel: "phone".to_owned(),
        ..Default::default()
    }
}

/// What A1 demands of an answer.
#[track_caller]
fn check_small_business(answer: &pb::EvaluateChannelPolicyResponse) {
    assert_eq!(answer.verdict(), ChannelVerdict::Redirect);
    assert_eq!(answer.channel, "phone");
    assert_eq!(cents(answer.income.as_ref()), 1_500);
    assert!((answer.contact_count - 2.5).abs() < 1e-12);
    assert_eq!(cents(answer.cost_per_contact.as_ref()), 4_500);
    assert_eq!(cents(answer.channel_cost.as_ref()), 11_250);
    assert_eq!(cents(answer.contribution.as_ref()), -9_750);
    assert_eq!(answer.affordable_contact_count, Some(0));
    assert_eq!(answer.suggested_channel, "self_service");
    let alternatives = answer.alternatives.iter();
    let alternatives: Vec<_> = alternatives
        .map(|it| {
            (
                &*it.channel,
                it.contribution.as_ref().map(|it| it.amount_minor),
            )
        })
        .collect();
    assert_eq!(
        alternatives,
        [
            ("self_service", Some(1_450)),
            ("chat", Some(500)),
            ("letter", None)
        ]
    );
    let texts = answer
        .reasons
        .iter()
        .map(|it| &*it.text.as_ref().unwrap().en);
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [
            "a month brings 15.00 EUR and contacts cost 112.50 EUR: contribution -97.50 EUR",
            "0 of 2.5 contacts a month on phone are paid for",
            "with these contacts on self_service, the contribution would be 14.50 EUR",
        ]
    );
}

/// A small business: a product of 15 a month, 2.5 calls a month at 45 each (A1).
#[tokio::test]
async fn a_small_business_that_calls_a_lot_is_redirected_and_not_cut() {
    let service = service().await;
    service
        .write_contracts(&[contract("smb", "k", "2025-11-15", 1, 1_500)])
        .await;
    let call = |number: i32| {
        let day = format!("2026-{:02}-{:02}", 6 + number % 6, 1 + number % 3);
        contact("smb", &number.to_string(), &day, "phone", "how do I", 4_500)
    };
    let calls: Vec<pb::Contact> = (0..15).map(call).collect();
    service.write_contacts(&calls).await;
    let answer = policy(&service, of("smb")).await;
    check_small_business(&answer);
    assert_eq!(
        (&*answer.first_day, &*answer.last_day),
        ("2026-05-23", "2026-11-22")
    );
    assert_eq!(answer.provenance.as_ref().unwrap().profile_version, 2);
    let by_numbers = policy(&service, hypothetical(1_500, 2.5)).await;
    check_small_business(&by_numbers);
    assert_eq!(by_numbers.first_day, "");
}

#[tokio::test]
async fn who_pays_keeps_the_channel_and_who_pays_in_part_is_limited() {
    let service = service().await;
    let keep = policy(&service, hypothetical(11_250, 2.5)).await;
    assert_eq!(keep.verdict(), ChannelVerdict::Keep);
    assert_eq!(cents(keep.contribution.as_ref()), 0);
    assert_eq!(keep.suggested_channel, "");
    let limit = policy(&service, hypothetical(10_000, 2.5)).await;
    assert_eq!(limit.verdict(), ChannelVerdict::Limit);
    assert_eq!(limit.affordable_contact_count, Some(2));
    assert_eq!(limit.suggested_channel, "self_service");
    let own_cost = pb::EvaluateChannelPolicyRequest {
        whose: Some(Whose::Hypothetical(pb::HypotheticalCustomer {
            income_per_month: Some(money(1_500, "EUR")),
            contacts_per_month: 2.5,
            cost_per_contact: Some(money(500, "EUR")),
            other_cost_per_month: Some(money(100, "EUR")),
        })),
        ..hypothetical(0, 0.0)
    };
    let answer = policy(&service, own_cost).await;
    assert_eq!(answer.verdict(), ChannelVerdict::Keep);
    assert_eq!(cents(answer.contribution.as_ref()), 1_500 - 1_250 - 100);
}

#[tokio::test]
async fn a_customer_without_contacts_keeps_every_channel() {
    let service = service().await;
    service
        .write_contracts(&[contract("ada", "k", "2025-11-15", 1, 1_500)])
        .await;
    let answer = policy(&service, of("ada")).await;
    assert_eq!(answer.verdict(), ChannelVerdict::Keep);
    assert_eq!((&*answer.channel, answer.contact_count), ("", 0.0));
    let codes = answer.reasons.iter().map(|it| &*it.code);
    assert_eq!(
        codes.collect::<Vec<_>>(),
        ["CONTRIBUTION_POSITIVE", "CHANNEL_NOT_USED"]
    );
}

#[tokio::test]
async fn missing_costs_leave_a_positive_contribution_undecided() {
    let service = service().await;
    service
        .write_contracts(&[contract("ada", "k", "2025-11-15", 1, 1_500)])
        .await;
    let letter = pb::Contact {
        channel: "letter".to_owned(),
        ..plain_call("ada", "1", "2026-11-02")
    };
    service.write_contacts(&[letter]).await;
    let answer = policy(&service, of("ada")).await;
    assert_eq!(answer.verdict(), ChannelVerdict::Undecided);
    assert_eq!(answer.missing_costs[0].channel, "letter");
}

/// Definitions that offer no self-service to small customers.
#[tokio::test]
async fn only_channels_of_the_treatment_are_suggested() {
    let service = ServiceWithDatabase::start().await;
    let document = super::DOCUMENT.replace(
        "queue: reception, priority: 20",
        "queue: reception, channels: [chat], priority: 20",
    );
    service.publish(&document).await;
    service
        .write_contacts(&[contact("ada", "1", "2026-11-02", "phone", "", 4_500)])
        .await;
    let answer = policy(&service, of("ada")).await;
    assert_eq!(answer.verdict(), ChannelVerdict::Redirect);
    assert_eq!(answer.suggested_channel, "chat");
    let offered = answer.alternatives.iter().filter(|it| it.is_offered);
    assert_eq!(offered.map(|it| &*it.channel).collect::<Vec<_>>(), ["chat"]);
}

#[tokio::test]
async fn what_cannot_be_decided_is_refused_with_a_reason() {
    let service = service().await;
    let refused = |request| async {
        service
            .desk()
            .evaluate_channel_policy(request)
            .await
            .unwrap_err()
    };
    assert_eq!(reason(&refused(of("nobody")).await), "CUSTOMER_NOT_FOUND");
    let wrong = pb::EvaluateChannelPolicyRequest {
        whose: Some(Whose::Hypothetical(pb::HypotheticalCustomer {
            contacts_per_month: f64::NAN,
            ..Default::default()
        })),
        months: 3,
        ..Default::default()
    };
    assert_eq!(
        violated(&refused(wrong).await),
        [
            "channel",
            "months",
            "hypothetical.income_per_month",
            "hypothetical.contacts_per_month"
        ]
    );
    let foreign = pb::EvaluateChannelPolicyRequest {
        whose: Some(Whose::Hypothetical(pb::HypotheticalCustomer {
            income_per_month: Some(money(1_500, "USD")),
            ..Default::default()
        })),
        ..hypothetical(0, 0.0)
    };
    assert_eq!(
        violated(&refused(foreign).await),
        ["hypothetical.income_per_month"]
    );
    let bare = ServiceWithDatabase::start().await;
    bare.write_contacts(&[call("ada", "1", "2026-11-02")]).await;
    let refused = bare
        .desk()
        .evaluate_channel_policy(of("ada"))
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "NO_REPORTING_CURRENCY");
}
