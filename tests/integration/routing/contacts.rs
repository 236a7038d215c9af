//! What becomes of numbers, claims and shared lines.

use patron::pb;
use patron::pb::attribute_value::Value;
use patron::pb::route_contact_request::Caller;
use patron::pb::{CallerSource, CustomerKind, IdentifiedBy, RouteQuality, RouteVerdict};
use tonic::Code;

use super::{ADA, FIRM, decided, number, service};
use crate::support::messages::{
    attribute, by_email, by_external, by_id, by_phone, email, external, patch, phone, reason,
    violated,
};
use crate::support::service::TODAY;

/// A3 of the acceptance examples, of a known number: everything in one call.
#[tokio::test]
async fn a_known_caller_is_resolved_with_their_treatment() {
    let service = service().await;
    // Twice: the second answer comes from memory.
    for _ in 0..2 {
        let answer = service.route(number(ADA)).await;
        let classified = service
            .classify(by_phone(ADA), "")
            .await
            .classification
            .unwrap();
        let treatment = answer.treatment.clone().unwrap();
        assert_eq!(Some(&treatment), classified.treatment.as_ref());
        assert_eq!(treatment.queue, "reception");
        assert_eq!(treatment.response_minutes, Some(480));
        assert_eq!(treatment.fallback_queues, ["voicemail"]);
        assert_eq!(treatment.priority, Some(10));
        assert_eq!(treatment.automation_allowed, Some(true));
        // The customer as Classify has it, but for the treatment.
        let expected = pb::Classification {
            treatment: None,
            ..classified
        };
        assert_eq!(answer.identified_by(), IdentifiedBy::Caller);
        // Without rules and calendars nothing depends on the contact.
        assert_eq!((&answer.decision, &answer.times), (&None, &None));
        assert_eq!(answer.customer, Some(expected));
        assert_eq!(answer.provenance.unwrap().as_of, TODAY);
    }
}

/// A3 of the acceptance examples, of a number that eight contacts of one firm share: who calls is open, queue and tier are not.
#[tokio::test]
async fn a_firm_behind_one_number_has_a_certain_queue() {
    let service = service().await;
    let answer = service.route(number(FIRM)).await;
    assert_eq!(answer.verdict(), RouteVerdict::Ambiguous);
    assert_eq!(answer.quality(), RouteQuality::Full);
    assert_eq!((answer.candidate_count, answer.candidates.len()), (8, 8));
    let shared = answer.shared.unwrap();
    assert_eq!(shared.kind(), CustomerKind::Company);
    assert!(shared.tier.is_some());
    let common = shared.treatment.unwrap();
    assert_eq!((&*common.queue, common.priority), ("workshop", Some(60)));
    let treatment = answer.treatment.unwrap();
    assert_eq!(treatment.queue, "workshop");
    assert_eq!(decided(&treatment, "queue"), "service/repairs");
    assert_eq!(treatment.language, "de-AT");
    // They share a queue: nothing has to be asked.
    assert_eq!(answer.question, None);
    // What all share is also said by Classify.
    let classified = service.classify(by_phone(FIRM), "").await;
    assert_eq!(classified.treatment, Some(treatment));
    assert_eq!(classified.shared.unwrap().treatment, Some(common));
}

#[tokio::test]
async fn customers_with_different_queues_are_told_apart_by_one_question() {
    let service = service().await;
    let orders = pb::CustomerPatch {
        attributes: vec![attribute(
            "line",
            Some(Value::TextValue("orders".to_owned())),
        )],
        kind: CustomerKind::Company.into(),
        add_identifiers: vec![phone(FIRM)],
        ..patch("firm-orders")
    };
    service.write_customers(&[orders]).await;
    let answer = service.route(number(FIRM)).await;
    assert_eq!(answer.candidate_count, 9);
    let question = answer.question.unwrap();
    assert_eq!(question.asks_for, "line");
    let text = question.text.unwrap();
    assert_eq!(text.en, "Line of business: which one applies?");
    assert_eq!(text.de, "Bereich: Was trifft zu?");
    let answers: Vec<_> = question
        .answers
        .iter()
        .map(|it| (&*it.value, it.candidate_count, &*it.queue))
        .collect();
    assert_eq!(
        answers,
        [("orders", 1, "sales"), ("repairs", 8, "workshop")]
    );
    // What they do not share is that of unknown callers.
    let treatment = answer.treatment.unwrap();
    assert_eq!(treatment.queue, "newcomers");
    assert_eq!(decided(&treatment, "queue"), "UNKNOWN");
    assert_eq!(treatment.skills, ["contracts"]);
    assert_eq!(answer.shared.unwrap().treatment.unwrap().queue, "");
}

#[tokio::test]
async fn a_claim_narrows_a_shared_number_and_identifies_where_nothing_else_does() {
    let service = service().await;
    let eve = pb::CustomerPatch {
        add_identifiers: vec![external("crm", "4711"), email("eve@example.org")],
        ..patch("eve")
    };
    service.write_customers(&[eve]).await;
    let claimed = |request: pb::RouteContactRequest, claim| pb::RouteContactRequest {
        claim: Some(claim),
        ..request
    };
    let nobody = pb::RouteContactRequest::default();
    for (request, customer, by) in [
        (
            claimed(number(FIRM), by_id("firm-3")),
            "firm-3",
            IdentifiedBy::CallerAndClaim,
        ),
        // What is claimed contradicts the number.
        (
            claimed(number(ADA), by_id("firm-3")),
            "ada",
            IdentifiedBy::Caller,
        ),
        (
            claimed(number(ADA), by_id("nobody")),
            "ada",
            IdentifiedBy::Caller,
        ),
        (
            claimed(number("030 5555555"), by_external("crm", "4711")),
            "eve",
            IdentifiedBy::Claim,
        ),
        (
            claimed(number("anonymous"), by_email("eve@example.org")),
            "eve",
            IdentifiedBy::Claim,
        ),
        (
            claimed(nobody.clone(), by_id("eve")),
            "eve",
            IdentifiedBy::Claim,
        ),
    ] {
        let answer = service.route(request.clone()).await;
        assert_eq!(answer.verdict(), RouteVerdict::Resolved, "{request:?}");
        assert_eq!(answer.identified_by(), by, "{request:?}");
        assert_eq!(answer.customer.unwrap().customer_id, customer);
    }
    let unknown = service
        .route(claimed(number("030 5555555"), by_id("nobody")))
        .await;
    assert_eq!(unknown.verdict(), RouteVerdict::Unknown);
    let withheld = service.route(claimed(nobody, by_id("nobody"))).await;
    assert_eq!(withheld.verdict(), RouteVerdict::Withheld);
    // Contacts that are no calls.
    let mail = pb::RouteContactRequest {
        caller: Some(Caller::Subject(by_email("eve@example.org"))),
        ..Default::default()
    };
    let answer = service.route(mail).await;
    assert_eq!(answer.customer.unwrap().customer_id, "eve");
    assert_eq!(answer.number, None);
}

#[tokio::test]
async fn a_number_that_can_be_read_in_several_ways_is_that_of_whom_is_known() {
    let service = service().await;
    let both = |id: &str, number: &str| pb::CustomerPatch {
        add_identifiers: vec![phone(number)],
        ..patch(id)
    };
    let mixed = pb::RouteContactRequest {
        trunk: "mixed".to_owned(),
        ..number("4915112345678")
    };
    let nobody = service.route(mixed.clone()).await;
    assert_eq!(nobody.verdict(), RouteVerdict::Unknown);
    assert_eq!(
        nobody.number.unwrap().readings,
        ["+494915112345678", "+4915112345678"]
    );
    service
        .write_customers(&[both("mobile", "+4915112345678")])
        .await;
    let one = service.route(mixed.clone()).await;
    assert_eq!(one.verdict(), RouteVerdict::Resolved);
    assert_eq!(one.customer.unwrap().customer_id, "mobile");
    service
        .write_customers(&[both("village", "+494915112345678")])
        .await;
    let two = service.route(mixed).await;
    assert_eq!(two.verdict(), RouteVerdict::Ambiguous);
    assert_eq!(two.candidate_count, 2);
}

#[tokio::test]
async fn what_the_network_asserts_counts_and_privacy_is_kept() {
    let service = service().await;
    let sip = |trunk: &str, asserted: &str, from: &str, privacy: &str| pb::RouteContactRequest {
        caller: Some(Caller::Sip(pb::SipHeaders {
            asserted_identity: asserted.to_owned(),
            from: from.to_owned(),
            privacy: privacy.to_owned(),
            ..Default::default()
        })),
        trunk: trunk.to_owned(),
        ..Default::default()
    };
    let from = "\"Ada\" <sip:+4930999@gw>;tag=1";
    let anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1";
    let asserted = "<sip:+493023125001@net.example>, <tel:+493023125001>";
    let shown = service.route(sip("", asserted, from, "")).await;
    assert_eq!(shown.customer.unwrap().customer_id, "ada");
    assert_eq!(
        shown.number.unwrap().source(),
        CallerSource::AssertedIdentity
    );
    for (from, privacy) in [(from, "id"), (anonymous, ""), (anonymous, "id")] {
        let hidden = service.route(sip("", asserted, from, privacy)).await;
        assert_eq!(hidden.verdict(), RouteVerdict::Withheld, "{from} {privacy}");
        assert_eq!(hidden.customer, None);
        let number = hidden.number.unwrap();
        assert_eq!((&*number.e164, number.readings.len()), ("", 0));
        let used = service.route(sip("private", asserted, from, privacy)).await;
        assert_eq!(used.verdict(), RouteVerdict::Resolved);
    }
    let withheld = service.route(sip("", "", anonymous, "")).await;
    assert_eq!(withheld.verdict(), RouteVerdict::Withheld);
}

#[tokio::test]
async fn a_mask_keeps_a_shared_line_small() {
    let service = service().await;
    let masked = |text: &str, paths: &[&str]| pb::RouteContactRequest {
        read_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
        }),
        ..number(text)
    };
    for text in [ADA, FIRM, "anonymous"] {
        let whole = service.route(number(text)).await;
        let part = service
            .route(masked(text, &["treatment", "candidate_count"]))
            .await;
        let expected = pb::RouteContactResponse {
            verdict: whole.verdict,
            quality: whole.quality,
            treatment: whole.treatment.clone(),
            candidate_count: whole.candidate_count,
            ..Default::default()
        };
        assert_eq!(part, expected, "{text}");
        assert_eq!(service.route(masked(text, &["*"])).await, whole, "{text}");
    }
}

#[tokio::test]
async fn what_a_caller_typed_in_never_fails_the_call() {
    let service = service().await;
    let long = by_id(&"x".repeat(129));
    for (claim, error) in [
        (
            long,
            "customer_id is 129 bytes long; at most 128 are allowed",
        ),
        (
            by_id("ada "),
            "customer_id begins or ends with white space: trim it",
        ),
        (
            by_email("ada"),
            "email is not an e-mail address: write one @ between a name and a domain, at most 254 bytes",
        ),
        (
            by_phone("12"),
            "has fewer digits than any phone number of the country",
        ),
    ] {
        let request = pb::RouteContactRequest {
            claim: Some(claim),
            ..number(ADA)
        };
        let answer = service.route(request).await;
        assert_eq!(answer.verdict(), RouteVerdict::Resolved, "{error}");
        assert_eq!(answer.identified_by(), IdentifiedBy::Caller);
        assert_eq!(answer.claim_error, error);
    }
    // A number that is claimed is read as the trunk writes numbers.
    let request = pb::RouteContactRequest {
        claim: Some(by_phone("030 23125001")),
        ..number("anonymous")
    };
    let answer = service.route(request).await;
    assert_eq!(answer.customer.unwrap().customer_id, "ada");
    // A contact that is no call.
    for (subject, verdict) in [
        (by_email("ada"), RouteVerdict::Invalid),
        (by_phone("anonymous"), RouteVerdict::Withheld),
        (by_phone("030 23125001"), RouteVerdict::Resolved),
    ] {
        let request = pb::RouteContactRequest {
            caller: Some(Caller::Subject(subject.clone())),
            ..Default::default()
        };
        let answer = service.route(request).await;
        assert_eq!(answer.verdict(), verdict, "{subject:?}");
        assert!(answer.treatment.is_some());
    }
}

#[tokio::test]
async fn mistakes_of_an_integration_are_all_named() {
    let service = service().await;
    let request = pb::RouteContactRequest {
        caller: Some(Caller::Subject(pb::Subject::default())),
        trunk: "x".repeat(65),
        number_plan: "german".to_owned(),
        claim: Some(pb::Subject::default()),
        read_mask: Some(prost_types::FieldMask {
            paths: vec!["queue".to_owned()],
        }),
        channel: "x".repeat(65),
        intent: "x".repeat(65),
        dialled_number: "1".repeat(257),
    };
    let refused = service.routing().route_contact(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(reason(&refused), "INVALID_REQUEST");
    assert_eq!(
        violated(&refused),
        [
            "subject",
            "trunk",
            "channel",
            "intent",
            "dialled_number",
            "number_plan",
            "claim",
            "read_mask"
        ]
    );
}
