use super::*;
use crate::domain::definitions::Sla;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn treatment(priority: Option<u32>, response_minutes: u32) -> Treatment {
    Treatment {
        priority,
        sla: Some(Sla {
            response_minutes,
            resolution_minutes: None,
            hours: None,
            calendar: None,
            extent: None,
        }),
        ..Treatment::default()
    }
}

#[test]
fn a_priority_is_the_sum_of_its_reasons() {
    let (gold, policies) = (treatment(Some(80), 60), Policies::default());
    for (created, impact, priority, codes) in [
        (
            "2026-01-31T12:00:00Z",
            ProductionImpact::None,
            80,
            "TREATMENT_PRIORITY",
        ),
        (
            "2026-01-31T11:30:00Z",
            ProductionImpact::None,
            95,
            "TREATMENT_PRIORITY WAITING",
        ),
        (
            "2026-01-31T11:00:00Z",
            ProductionImpact::Stopped,
            180,
            "TREATMENT_PRIORITY PRODUCTION_STOPPED RESPONSE_OVERDUE",
        ),
        (
            "2026-02-01T12:00:00Z",
            ProductionImpact::Degraded,
            105,
            "TREATMENT_PRIORITY PRODUCTION_DEGRADED",
        ),
    ] {
        let found = urgency(
            Some(&gold),
            Some(&policies),
            impact,
            at(created),
            at("2026-01-31T12:00:00Z"),
        );
        let reasons: Vec<&str> = found.reasons.iter().map(|it| it.reason.code).collect();
        assert_eq!((found.priority, &*reasons.join(" ")), (priority, codes));
        assert_eq!(
            found
                .due
                .map(|due| due.as_second() - at(created).as_second()),
            Some(3_600)
        );
    }
    let none = urgency(
        None,
        Some(&policies),
        ProductionImpact::None,
        Timestamp::UNIX_EPOCH,
        at("2026-01-31T12:00:00Z"),
    );
    assert_eq!((none.priority, none.due), (DEFAULT_PRIORITY, None));
}

fn suggested(topic: &str, title: &str, text: &str) -> Option<(String, Evidence, String)> {
    let categories = [
        Category::new(
            "Invoices".into(),
            &["invoice".to_owned(), "Rechnung".to_owned()],
        ),
        Category::new(
            "Network".into(),
            &["vpn".to_owned(), "no connection".to_owned()],
        ),
    ];
    let past = ["password_reset".into(), "printer".into()];
    let ticket = TicketText { topic, title, text };
    let known = KnownTopics {
        own: &past,
        of_segments: &["printer".into(), "firmware update".into()],
    };
    let found = categorise(ticket, &categories, known)?;
    Some((
        found.name.to_string(),
        found.evidence,
        found.words.join("|"),
    ))
}

#[test]
fn words_point_to_a_category_by_a_rule() {
    let found =
        |name: &str, evidence, words: &str| Some((name.to_owned(), evidence, words.to_owned()));
    assert_eq!(
        suggested("NETWORK", "invoice", ""),
        found("Network", Evidence::Topic, "network")
    );
    assert_eq!(
        suggested("", "Keine RECHNUNG erhalten", "vpn"),
        found("Invoices", Evidence::Keywords, "rechnung")
    );
    assert_eq!(
        suggested("other", "VPN: no  connection!", "invoice Rechnung"),
        found("Network", Evidence::Keywords, "vpn|no connection")
    );
    // Whole words only, and in their order.
    assert_eq!(suggested("", "vpns and connection no", "invoiced"), None);
    assert_eq!(
        suggested("", "Please reset", "my password, reset"),
        found("password_reset", Evidence::PastTopic, "password|reset")
    );
    assert_eq!(
        suggested("", "Update of the firmware", "a printer"),
        found("printer", Evidence::PastTopic, "printer")
    );
    assert_eq!(
        suggested("", "Update of the firmware", ""),
        found("firmware update", Evidence::SegmentTopic, "firmware|update")
    );
    assert_eq!(suggested("", "", ""), None);
}
