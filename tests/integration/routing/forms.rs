//! One number in every form in which trunks, headers and people send it.

use patron::pb;
use patron::pb::{CallerSource, NumberForm, RouteQuality, RouteVerdict};

use super::{ADA, number, service};

/// The 36 forms in which one number arrives, and the trunk over which it does.
const FORMS: [(&str, &str); 36] = [
    ("", "+493023125001"),
    ("", "+49 30 23125001"),
    ("", "+49 (0)30 23125-001"),
    ("", "+49(0)3023125001"),
    ("", "+49-30-23125001"),
    ("", "+49/30/23125001"),
    ("", "+49.30.23125001"),
    ("", "(+49) 30 23125001"),
    ("", "00493023125001"),
    ("", "0049 30 23125001"),
    ("", "0049 (0)30 23125001"),
    ("", "030 23125001"),
    ("", "030/23125001"),
    ("", "030-23125001"),
    ("", "(030) 23125001"),
    ("", "03023125001"),
    ("", "tel:+49-30-23125001"),
    ("", "tel:030-23125001;phone-context=example.com"),
    ("", "tel:23125001;phone-context=+4930"),
    ("", "tel:+493023125001;ext=12"),
    ("", "sip:+493023125001@gw.example"),
    ("", "sip:+493023125001@gw.example;user=phone"),
    ("", "sips:+493023125001@gw.example:5061;transport=tls"),
    ("", "sip:%2B493023125001@gw.example"),
    ("", "sip:03023125001@10.0.0.1"),
    ("", "<sip:+493023125001@gw.example>;tag=1"),
    ("", "\"Ada B.\" <sip:+493023125001@gw.example>"),
    ("", " 493023125001"),
    ("", "  030 23125001  "),
    ("", "＋４９３０２３１２５００１"),
    ("", "٠٣٠٢٣١٢٥٠٠١"),
    ("", "#31#03023125001"),
    ("", "*31#+493023125001"),
    ("", "+493023125001 ext. 12"),
    ("sip", "493023125001"),
    ("mixed", "493023125001"),
];

#[tokio::test]
async fn one_number_is_found_in_all_forms_that_trunks_send() {
    let service = service().await;
    for (trunk, text) in FORMS {
        let answer = service
            .route(pb::RouteContactRequest {
                trunk: trunk.to_owned(),
                ..number(text)
            })
            .await;
        assert_eq!(
            answer.verdict(),
            RouteVerdict::Resolved,
            "{text}: {answer:?}"
        );
        assert_eq!(answer.quality(), RouteQuality::Full, "{text}");
        assert_eq!(answer.customer.unwrap().customer_id, "ada", "{text}");
        let read = answer.number.unwrap();
        assert_eq!(read.e164, ADA, "{text}");
        assert!(read.is_valid, "{text}");
        assert_eq!(read.metadata_version, "9.0.42");
    }
    // How it was read is part of the answer.
    let read = service
        .route(number("030 23125001 ext. 12"))
        .await
        .number
        .unwrap();
    assert_eq!(read.form(), NumberForm::National);
    assert_eq!(
        (&*read.number_plan, &*read.extension),
        ("national:DE", "12")
    );
    assert_eq!(read.source(), CallerSource::Number);
}
