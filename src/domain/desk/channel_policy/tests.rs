use proptest::prelude::*;

use super::*;

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn month(income: f64, contacts: f64, cost: f64) -> ChannelMonth {
    ChannelMonth {
        channel: "phone".into(),
        income,
        contacts,
        cost_per_contact: Some(cost),
        channel_cost: contacts * cost,
        other_cost: 0.0,
        lacks_costs: false,
        lacks_income: false,
    }
}

fn other(channel: &str, cost: Option<f64>) -> OtherChannel {
    OtherChannel {
        channel: channel.into(),
        cost_per_contact: cost,
        is_offered: true,
    }
}

fn others() -> [OtherChannel; 4] {
    [
        other("visit", Some(95.0)),
        other("chat", Some(4.0)),
        other("self_service", Some(0.2)),
        other("letter", None),
    ]
}

fn decided(month: &ChannelMonth) -> ChannelDecision {
    decide_channel(month, &others(), euro()).unwrap()
}

/// A product of 15 a month, 2.5 calls a month at 45.
#[test]
fn calls_that_cost_more_than_the_product_are_redirected_and_not_cut() {
    let decision = decided(&month(15.0, 2.5, 45.0));
    assert_eq!(decision.verdict, ChannelVerdict::Redirect);
    assert_eq!(decision.contribution.to_string(), "-97.50 EUR");
    assert_eq!(decision.affordable, Some(0));
    assert_eq!(decision.suggested.as_deref(), Some("self_service"));
    let order: Vec<&str> = decision
        .alternatives
        .iter()
        .map(|it| &*it.channel)
        .collect();
    assert_eq!(order, ["self_service", "chat", "visit", "letter"]);
    let moved = decision.alternatives[0].contribution.unwrap();
    assert_eq!(moved.to_string(), "14.50 EUR");
    assert_eq!(decision.alternatives[3].contribution, None);
    let reasons = decision.reasons.iter();
    let texts: Vec<(&str, &str)> = reasons.map(|it| (it.code, &*it.text.en)).collect();
    assert_eq!(
        texts,
        [
            (
                "CONTRIBUTION_NEGATIVE",
                "a month brings 15.00 EUR and contacts cost 112.50 EUR: contribution -97.50 EUR"
            ),
            (
                "CONTACTS_PAID_FOR",
                "0 of 2.5 contacts a month on phone are paid for"
            ),
            (
                "CHEAPER_CHANNEL",
                "with these contacts on self_service, the contribution would be 14.50 EUR"
            ),
        ]
    );
    let german = decision.reasons[1].text.de.as_deref();
    assert_eq!(
        german,
        Some("0 von 2,5 Kontakten im Monat über phone sind bezahlt")
    );
}

#[test]
fn contacts_that_are_paid_for_stay() {
    assert_eq!(
        decided(&month(112.5, 2.5, 45.0)).verdict,
        ChannelVerdict::Keep
    );
    let limited = decided(&month(100.0, 2.5, 45.0));
    assert_eq!(limited.verdict, ChannelVerdict::Limit);
    assert_eq!(limited.affordable, Some(2));
    // 100 - 2 * 45 - 0.5 * 0.2.
    let moved = limited.alternatives[0].limited_contribution.unwrap();
    assert_eq!(moved.to_string(), "9.90 EUR");
    assert_eq!(
        decided(&month(-1.0, 0.0, 45.0)).verdict,
        ChannelVerdict::Keep
    );
    assert_eq!(
        decided(&month(-1.0, 5.0, 0.0)).verdict,
        ChannelVerdict::Keep
    );
}

#[test]
fn without_a_cheaper_channel_nothing_is_redirected() {
    let dear = [other("visit", Some(95.0)), other("letter", None)];
    let decision = decide_channel(&month(15.0, 2.5, 45.0), &dear, euro()).unwrap();
    assert_eq!(decision.verdict, ChannelVerdict::Limit);
    assert_eq!((decision.affordable, decision.suggested), (Some(0), None));
    assert_eq!(decision.reasons[2].code, "NO_CHEAPER_CHANNEL");
    let not_offered = [OtherChannel {
        is_offered: false,
        ..other("chat", Some(4.0))
    }];
    let decision = decide_channel(&month(15.0, 2.5, 45.0), &not_offered, euro()).unwrap();
    assert_eq!(decision.verdict, ChannelVerdict::Limit);
}

#[test]
fn what_is_missing_never_decides() {
    let lacking = |lacks_costs, lacks_income, income| {
        let month = ChannelMonth {
            lacks_costs,
            lacks_income,
            ..month(income, 2.5, 45.0)
        };
        decided(&month).verdict
    };
    assert_eq!(lacking(true, false, 200.0), ChannelVerdict::Undecided);
    assert_eq!(lacking(true, false, 15.0), ChannelVerdict::Redirect);
    assert_eq!(lacking(false, true, 15.0), ChannelVerdict::Undecided);
    assert_eq!(lacking(false, true, 200.0), ChannelVerdict::Keep);
    // One contact is paid for as far as is known; with the missing cost, perhaps none is.
    assert_eq!(lacking(true, false, 60.0), ChannelVerdict::Undecided);
    let unused = ChannelMonth {
        lacks_costs: true,
        ..month(200.0, 0.0, 45.0)
    };
    assert_eq!(decided(&unused).verdict, ChannelVerdict::Keep);
    let unknown = ChannelMonth {
        cost_per_contact: None,
        channel_cost: 0.0,
        lacks_costs: true,
        ..month(15.0, 2.5, 45.0)
    };
    let decision = decided(&unknown);
    assert_eq!(decision.verdict, ChannelVerdict::Undecided);
    assert_eq!(decision.affordable, None);
}

#[test]
fn contacts_are_paid_for_at_their_unrounded_mean_cost() {
    // 1.4 cents each on average: 85 of 100 are paid for, and not 120.
    let decision = decided(&ChannelMonth {
        cost_per_contact: Some(0.014),
        channel_cost: 1.4,
        ..month(1.2, 100.0, 0.014)
    });
    assert_eq!(decision.contribution.to_string(), "-0.20 EUR");
    assert_eq!(decision.affordable, Some(85));
    // Less than half a cent is not nothing.
    let decision = decided(&month(0.2, 100.0, 0.004));
    assert_eq!(
        (decision.verdict, decision.affordable),
        (ChannelVerdict::Limit, Some(50))
    );
}

proptest! {
    #[test]
    fn a_verdict_follows_from_its_numbers(
        income in -50_000..500_000_i32, contacts in 0..200_i32, cost in 0..20_000_i32, other_cost in 0..50_000_i32,
    ) {
        let month = ChannelMonth {
            other_cost: f64::from(other_cost) / 100.0,
            ..month(f64::from(income) / 100.0, f64::from(contacts) / 4.0, f64::from(cost) / 100.0)
        };
        let decision = decided(&month);
        let is_positive = decision.contribution.amount_minor >= 0;
        match decision.verdict {
            ChannelVerdict::Keep => prop_assert!(is_positive || contacts == 0 || cost == 0),
            ChannelVerdict::Limit => prop_assert!(!is_positive && (decision.affordable > Some(0) || decision.suggested.is_none())),
            ChannelVerdict::Redirect => prop_assert!(!is_positive && decision.affordable == Some(0) && decision.suggested.is_some()),
            ChannelVerdict::Undecided => prop_assert!(false, "nothing is missing"),
        }
        // Moving contacts to what is suggested never costs more.
        if let Some(suggested) = &decision.suggested {
            let offer = decision.alternatives.iter().find(|it| it.channel == *suggested).unwrap();
            prop_assert!(offer.contribution.unwrap().amount_minor >= decision.contribution.amount_minor);
        }
    }
}
