//! What cannot be merged or unmerged, with everything that is wrong at once.

use patron::pb;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{assert_sound, merge, purchase, unmerge};
use crate::support::messages::{reason, violated};
use crate::support::service::ServiceWithDatabase;

#[tokio::test]
async fn a_wrong_request_is_refused_with_all_that_is_wrong() {
    let service = ServiceWithDatabase::start().await;
    let request = pb::MergeCustomersRequest {
        customer_id: " ".to_owned(),
        merged_customer_id: "x".repeat(129),
        reason: "x".repeat(257),
        validate_only: false,
    };
    let refused = service.corrections().merge_customers(request).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        violated(&refused),
        ["customer_id", "merged_customer_id", "reason"]
    );
    let refused = merge(&service, ("ada", "ada"), false).await.unwrap_err();
    assert_eq!(violated(&refused), ["merged_customer_id"]);
    let refused = unmerge(&service, "", true).await.unwrap_err();
    assert_eq!(violated(&refused), ["merged_customer_id"]);
    let request = pb::ListMergesRequest {
        customer_id: "\n".to_owned(),
        page_size: -1,
        page_token: "x".to_owned(),
    };
    let refused = service.corrections().list_merges(request).await;
    let refused = refused.unwrap_err();
    assert_eq!(
        violated(&refused),
        ["customer_id", "page_size", "page_token"]
    );
}

#[tokio::test]
async fn unknown_and_merged_customers_are_named() {
    let service = ServiceWithDatabase::start().await;
    let facts = ["a", "b", "c"].map(|id| purchase(id, id, "2026-01-05", 100));
    service.write(&facts).await;
    let details = |status: &tonic::Status, key: &str| {
        let info = status.get_details_error_info().unwrap();
        info.metadata.get(key).cloned().unwrap_or_default()
    };
    let refused = merge(&service, ("x", "y"), true).await.unwrap_err();
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::NotFound, "CUSTOMER_NOT_FOUND")
    );
    assert_eq!(details(&refused, "customer_ids"), "x,y");
    let refused = unmerge(&service, "x", false).await.unwrap_err();
    assert_eq!(reason(&refused), "CUSTOMER_NOT_FOUND");
    let refused = unmerge(&service, "a", false).await.unwrap_err();
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::FailedPrecondition, "NOT_MERGED")
    );
    merge(&service, ("a", "b"), false).await.unwrap();
    // Into one who is merged, of one who is merged, and the other way around.
    for (kept, merged, wrong) in [("b", "c", "b"), ("c", "b", "b"), ("b", "a", "b")] {
        let refused = merge(&service, (kept, merged), false).await.unwrap_err();
        assert_eq!(
            (refused.code(), &*reason(&refused)),
            (Code::FailedPrecondition, "CUSTOMER_MERGED"),
            "{kept} {merged}"
        );
        assert_eq!(details(&refused, "customer_ids"), wrong);
        assert_eq!(details(&refused, "merged_into"), "a");
    }
    let again = merge(&service, ("a", "b"), false).await.unwrap();
    assert!(again.already_merged && again.effect.is_none());
    assert_sound(&service).await;
    // What cannot be by the rules of the program is found.
    for (change, customer) in [
        (
            "UPDATE profiles SET members = '{b,c}' WHERE customer_id = 'a'",
            "a",
        ),
        (
            "INSERT INTO customer_merges (customer_id, into_customer_id, merged_version, merged_at) VALUES ('c', 'a', 9, now())",
            "c",
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(change))
            .execute(&service.pool)
            .await
            .unwrap();
        let request = pb::CheckProfilesRequest::default();
        let checked = service.customers().check_profiles(request).await;
        let differing = checked.unwrap().into_inner().differences;
        let one = differing.iter().find(|it| it.customer_id == customer);
        let parts: Vec<_> = one.unwrap().parts().collect();
        assert!(
            parts.contains(&pb::profile_difference::Part::Members),
            "{parts:?}"
        );
    }
}

#[tokio::test]
async fn a_group_has_a_greatest_size() {
    let service = ServiceWithDatabase::start().await;
    let ids: Vec<String> = (0..102).map(|at| format!("c{at:03}")).collect();
    let facts = ids.iter().map(|id| purchase(id, id, "2026-01-05", 100));
    service.write(&facts.collect::<Vec<_>>()).await;
    // In a row: the way from the first to the last is the longest that there is.
    for pair in ids[..101].windows(2) {
        let (kept, merged) = (pair[1].as_str(), pair[0].as_str());
        merge(&service, (kept, merged), false).await.unwrap();
    }
    let customer = service.customer("c000").await;
    assert_eq!(customer.customer_id, "c100");
    assert_eq!(customer.merged_customer_ids.len(), 100);
    let refused = merge(&service, ("c101", "c100"), false).await.unwrap_err();
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::FailedPrecondition, "GROUP_TOO_LARGE")
    );
    service
        .write(&[purchase("c000", "n", "2026-01-06", 1)])
        .await;
    assert_sound(&service).await;
}
