//! What keeps a document from replacing the one in force: its own tests, and a change of another person.

use patron::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::EXAMPLE;
use super::publishing::{basis_id, list, publish, roll_back, variant};
use crate::support::messages::reason;
use crate::support::service::ServiceWithDatabase;

#[track_caller]
fn assert_differs(refused: Result<i64, Status>, active: &str) {
    let status = refused.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    assert_eq!(reason(&status), "ACTIVE_REVISION_DIFFERS");
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.metadata["active_revision"], active);
}

#[tokio::test]
async fn a_change_of_another_person_is_not_replaced_unseen() {
    let service = ServiceWithDatabase::start().await;
    let publish_over = async |document: &str, expected: i64| {
        let request = pb::PublishDefinitionsRequest {
            document: document.to_owned(),
            note: String::new(),
            expected_revision: Some(expected),
        };
        let answer = service.definitions().publish_definitions(request).await;
        answer.map(|answer| answer.into_inner().revision.unwrap().revision)
    };
    let roll_back_over = async |revision: i64, expected: i64| {
        let request = pb::RollbackDefinitionsRequest {
            revision,
            expected_revision: Some(expected),
        };
        let answer = service.definitions().rollback_definitions(request).await;
        answer.map(|answer| answer.into_inner().revision.unwrap().revision)
    };
    assert_differs(publish_over(EXAMPLE, 1).await, "0");
    assert_eq!(publish_over(EXAMPLE, 0).await.unwrap(), 1);
    // Two made their documents from the first revision.
    assert_eq!(publish_over(&variant(2), 1).await.unwrap(), 2);
    assert_differs(publish_over(&variant(3), 1).await, "2");
    assert_eq!(list(&service, 0, "").await.revisions.len(), 2);
    // The answer to the first was lost, so it is sent again.
    assert_eq!(publish_over(&variant(2), 1).await.unwrap(), 2);
    assert_differs(roll_back_over(0, 1).await, "2");
    assert_eq!(basis_id(&service).await, "r2-m0-EUR");
    assert_eq!(roll_back_over(1, 2).await.unwrap(), 1);
    assert_eq!(roll_back_over(1, 2).await.unwrap(), 1, "sent again");
    assert_eq!(publish_over(&variant(3), 1).await.unwrap(), 3);
}

fn line_of<'a>(document: &'a str, problem: &pb::DefinitionProblem) -> &'a str {
    let at = usize::try_from(problem.line).unwrap() - 1;
    document.lines().nth(at).unwrap().trim()
}

#[tokio::test]
async fn a_document_whose_tests_fail_is_not_published() {
    let service = ServiceWithDatabase::start().await;
    let first = service.publish(EXAMPLE).await;
    // Gold begins later, and a test of the document is not changed with it.
    let changed = EXAMPLE.replacen("at_least: 600 EUR", "at_least: 800 EUR", 1);
    let refused = publish(&service, &changed).await.unwrap();
    assert_eq!(refused.revision, None);
    let request = pb::ValidateDefinitionsRequest {
        document: changed.clone(),
    };
    let checked = service.definitions().validate_definitions(request).await;
    assert_eq!(checked.unwrap().into_inner().problems, refused.problems);
    let found: Vec<(&str, &str)> = refused
        .problems
        .iter()
        .map(|it| (&*it.reason, line_of(&changed, it)))
        .collect();
    let at_risk = "segments: { attention/at_risk: in, profitability/profitable: in }";
    let treatment = "treatment: { queue: service_plus, skills: [retention] }";
    assert_eq!(
        found,
        [
            ("TEST_FAILED", "tier: gold"),
            ("TEST_FAILED", at_risk),
            ("TEST_FAILED", treatment),
            ("TEST_FAILED", treatment),
            ("TEST_FAILED", "segments: { attention/at_risk: unknown }"),
        ]
    );
    assert!(
        refused.problems[0].help.contains("the value is 700.00 EUR"),
        "{refused:?}"
    );
    assert_eq!(list(&service, 0, "").await.revisions.len(), 1);
    // With the test it is published.
    let right = changed.replace("value: 700 EUR", "value: 900 EUR");
    assert_eq!(service.publish(&right).await.revision, first.revision + 1);
    // One that is in force needs no test: rolling back asks for none.
    assert_eq!(roll_back(&service, 1).await.unwrap(), first);
}
