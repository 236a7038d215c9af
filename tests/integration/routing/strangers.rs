//! Unknown callers.

use patron::pb::{RouteQuality, RouteVerdict};

use super::{decided, number, service};
use crate::support::messages::by_phone;

#[tokio::test]
async fn strangers_have_treatments_of_their_own_completed_by_unrated() {
    let service = service().await;
    for (text, verdict, queue, queue_by, priority, automation) in [
        (
            "030 5555555",
            RouteVerdict::Unknown,
            "newcomers",
            "UNKNOWN",
            10,
            true,
        ),
        (
            "anonymous",
            RouteVerdict::Withheld,
            "reception",
            "tier",
            0,
            false,
        ),
        ("", RouteVerdict::Withheld, "reception", "tier", 0, false),
        (
            "+266696687",
            RouteVerdict::Withheld,
            "reception",
            "tier",
            0,
            false,
        ),
        (
            "+49 030 23125001",
            RouteVerdict::Invalid,
            "exceptions",
            "INVALID",
            10,
            true,
        ),
        (
            "12",
            RouteVerdict::Invalid,
            "exceptions",
            "INVALID",
            10,
            true,
        ),
        (
            "alice",
            RouteVerdict::Invalid,
            "exceptions",
            "INVALID",
            10,
            true,
        ),
    ] {
        let answer = service.route(number(text)).await;
        assert_eq!(answer.verdict(), verdict, "{text:?}");
        assert_eq!(answer.quality(), RouteQuality::Full, "{text:?}");
        let treatment = answer.treatment.unwrap();
        assert_eq!(treatment.queue, queue, "{text:?}");
        assert_eq!(decided(&treatment, "queue"), queue_by, "{text:?}");
        assert_eq!(treatment.priority, Some(priority), "{text:?}");
        assert_eq!(treatment.automation_allowed, Some(automation), "{text:?}");
        assert_eq!(treatment.response_minutes, Some(480), "{text:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_number_is_part_of_the_answer() {
    let service = service().await;
    let wrong = service
        .route(number("+49 030 23125001"))
        .await
        .number
        .unwrap();
    assert_eq!(
        wrong.error,
        "has the trunk prefix 0 after the country code 49: remove it"
    );
    assert_eq!(wrong.e164, "");
    // Classify says how to treat somebody unknown, too.
    let unknown = service.classify(by_phone("+49305555555"), "").await;
    assert_eq!(unknown.treatment.unwrap().queue, "newcomers");
}
