//! What holds for some time only.

use super::{ADA, rules, service, state};
use crate::routing::{decided, number};
use crate::support::messages::by_phone;

/// A4 of the acceptance examples, the treatment: the boost of a region expires by itself, in every answer.
#[tokio::test]
async fn a_boost_of_a_region_expires_by_itself() {
    let service = service().await;
    state(&service, "ada", "region", "north").await;
    // Twice each day: the second answer comes from memory, also over midnight.
    for (now, minutes, decides) in [
        ("2026-12-15T23:59:59Z", 15, "place/north"),
        ("2026-12-15T23:59:59Z", 15, "place/north"),
        ("2026-12-16T00:00:00Z", 60, "tier"),
        ("2026-12-16T00:00:00Z", 60, "tier"),
    ] {
        service.set_clock(now);
        let routed = service.route(number(ADA)).await.treatment.unwrap();
        assert_eq!(routed.response_minutes, Some(minutes), "{now}");
        assert_eq!(decided(&routed, "sla"), decides, "{now}");
        let classified = service.classify(by_phone(ADA), "").await;
        let classified = classified.classification.unwrap().treatment.unwrap();
        assert_eq!(classified.response_minutes, Some(minutes), "{now}");
        assert_eq!(classified.skills.is_empty(), minutes == 60, "{now}");
    }
    // The day of the question decides, not the day on which it is asked.
    let earlier = service.classify(by_phone(ADA), "2026-12-10").await;
    let earlier = earlier.classification.unwrap().treatment.unwrap();
    assert_eq!(earlier.response_minutes, Some(15));
}

#[tokio::test]
async fn a_rule_ends_at_its_instant() {
    let service = service().await;
    state(&service, "ada", "region", "north").await;
    for (now, applies) in [
        ("2026-11-27T08:59:59Z", true),
        ("2026-11-27T09:00:00Z", false),
    ] {
        service.set_clock(now);
        let answer = service.route(number(ADA)).await;
        assert_eq!(rules(&answer).contains(&"flood"), applies, "{now}");
    }
}
