//! Profiles that are not what the facts make are found, and no others.

use patron::pb;
use patron::pb::profile_difference::Part;
use patron::store::schema::MIGRATOR;
use tonic::Code;

use crate::support::messages::{
    by_phone, call, contract, email, patch, phone, purchase, refund, violated,
};
use crate::support::program::patron;
use crate::support::service::ServiceWithDatabase;

async fn check(
    service: &ServiceWithDatabase,
    page_size: i32,
    page_token: &str,
) -> Result<pb::CheckProfilesResponse, tonic::Status> {
    let request = pb::CheckProfilesRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let answer = service.customers().check_profiles(request).await;
    answer.map(tonic::Response::into_inner)
}

/// Three customers with facts of every kind.
async fn fill(service: &ServiceWithDatabase) {
    let patches = ["ada", "bea", "cem"].map(|id| pb::CustomerPatch {
        add_identifiers: vec![phone("+493023125001")],
        ..patch(id)
    });
    service.write_customers(&patches).await;
    let purchases = ["ada", "bea", "cem"].map(|id| purchase(id, "1", "2026-01-02", 1_000));
    service.write(&purchases).await;
    service
        .write(&[refund("bea", "2", "1", "2026-01-05", 400)])
        .await;
    service
        .write_contacts(&[call("cem", "c1", "2026-02-01")])
        .await;
    service
        .write_contracts(&[contract("ada", "k1", "2026-01-01", 12, 1_200)])
        .await;
}

#[tokio::test]
async fn what_was_changed_behind_the_back_of_the_program_is_found_page_by_page() {
    let service = ServiceWithDatabase::start().await;
    let empty = check(&service, 0, "").await.unwrap();
    assert_eq!(empty, pb::CheckProfilesResponse::default());
    fill(&service).await;
    let all = check(&service, 0, "").await.unwrap();
    assert_eq!((all.checked_count, all.differences), (3, vec![]));
    assert_eq!(all.next_page_token, "");
    for (change, customer, parts) in [
        (
            "UPDATE transactions SET amount_minor = 999 WHERE customer_id = 'ada'",
            "ada",
            vec![Part::Purchases],
        ),
        (
            "UPDATE profiles SET purchase_day_count = 7 WHERE customer_id = 'bea'",
            "bea",
            vec![Part::Columns],
        ),
        (
            "DELETE FROM contacts WHERE customer_id = 'cem'",
            "cem",
            vec![Part::Contacts, Part::LastDay],
        ),
        (
            "DELETE FROM identifier_owners WHERE customer_id = 'cem'",
            "cem",
            vec![Part::Contacts, Part::LastDay, Part::Identifiers],
        ),
        (
            "UPDATE customers SET display_name = 'Bea' WHERE customer_id = 'bea'",
            "bea",
            vec![Part::Columns, Part::Naming],
        ),
        (
            "DELETE FROM identifiers WHERE customer_id = 'ada'",
            "ada",
            vec![Part::Purchases, Part::Identifiers],
        ),
        (
            "UPDATE profiles SET packed = '\\x00' WHERE customer_id = 'cem'",
            "cem",
            vec![Part::Unreadable, Part::Identifiers],
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(change))
            .execute(&service.pool)
            .await
            .unwrap();
        let found = check(&service, 0, "").await.unwrap().differences;
        let one = found.iter().find(|it| it.customer_id == customer);
        let one = one.unwrap_or_else(|| panic!("{change}: {found:?}"));
        assert_eq!(one.parts().collect::<Vec<_>>(), parts, "{change}");
        assert!(one.profile_version > 0);
    }
    let (mut differing, mut pages, mut token) = (vec![], 0, String::new());
    loop {
        let page = check(&service, 2, &token).await.unwrap();
        differing.extend(page.differences.into_iter().map(|it| it.customer_id));
        pages += 1;
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(
        (pages, differing),
        (2, ["ada", "bea", "cem"].map(String::from).to_vec())
    );
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused_with_all_that_is_wrong() {
    let service = ServiceWithDatabase::start().await;
    let refused = check(&service, 1_001, "\n").await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(violated(&refused), ["page_size", "page_token"]);
    assert_eq!(
        check(&service, -1, "").await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_prints_what_differs_and_fails() {
    let service = ServiceWithDatabase::start().await;
    fill(&service).await;
    let endpoint = service.app.endpoint();
    let doctor = async || {
        let endpoint = endpoint.clone();
        let run = move || {
            let arguments = ["doctor", "--profiles", "--endpoint", &endpoint];
            patron().args(arguments).output().unwrap()
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    };
    let well = doctor().await;
    let noted = String::from_utf8_lossy(&well.stderr).into_owned();
    assert_eq!(well.status.code(), Some(0), "{noted}");
    let said = String::from_utf8_lossy(&well.stdout).into_owned();
    assert_eq!(said, "3 profiles checked: all are what their facts make.\n");
    sqlx::query("DELETE FROM contracts WHERE customer_id = 'ada'")
        .execute(&service.pool)
        .await
        .unwrap();
    let ill = doctor().await;
    assert_eq!(ill.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ill.stdout).into_owned();
    assert!(said.contains("ada") && said.contains("contracts"), "{said}");
    let noted = String::from_utf8_lossy(&ill.stderr).into_owned();
    assert!(
        noted.contains("1 profile is not what its facts make"),
        "{noted}"
    );
}

/// What `customer` has, as the shop states it.
fn stated_by_shop(customer: &str, identifiers: &[pb::Identifier]) -> pb::CustomerPatch {
    pb::CustomerPatch {
        add_identifiers: identifiers.to_vec(),
        identifiers_source: "shop".to_owned(),
        replace_identifiers: vec![pb::IdentifierKind::PhoneNumber.into()],
        ..patch(customer)
    }
}

#[tokio::test]
async fn numbers_of_an_earlier_version_are_counted_until_their_source_states_them_again() {
    let (kept, gone) = ("+493023125001", "+493023125002");
    let service = ServiceWithDatabase::start().await;
    let ada = stated_by_shop("ada", &[phone(kept), phone(gone), email("ada@example.org")]);
    let bea = pb::CustomerPatch {
        add_identifiers: vec![phone("+493023125003")],
        ..patch("bea")
    };
    service.write_customers(&[ada, bea]).await;
    let paused = service.pause().await;
    // Back to the schema of the version before call arrival, as far as this is concerned, and forward again.
    MIGRATOR.undo(&paused.pool, 51).await.unwrap();
    sqlx::query(
        "UPDATE _sqlx_migrations SET installed_on = now() + interval '1 day' WHERE version = 28",
    )
    .execute(&paused.pool)
    .await
    .unwrap();
    MIGRATOR.run(&paused.pool).await.unwrap();
    let service = paused.resume().await;
    let count = async |source: &str| {
        let page = check(&service, 0, "").await.unwrap();
        assert_eq!(page.differences, vec![]);
        let of_source = page.older_numbers.iter().find(|it| it.source == source);
        of_source.map_or(0, |it| it.count)
    };
    assert_eq!((count("shop").await, count("").await), (2, 1));
    let endpoint = service.app.endpoint();
    let doctor = move || {
        let arguments = ["doctor", "--profiles", "--endpoint", &endpoint];
        patron().args(arguments).output().unwrap()
    };
    let well = tokio::task::spawn_blocking(doctor).await.unwrap();
    assert!(well.status.success());
    let said = String::from_utf8_lossy(&well.stdout).into_owned();
    let expected = "stored 3 phone numbers as they were sent (1 of unknown source, 2 of shop)";
    assert!(said.contains(expected), "{said}");
    // The shop's next export has one of the two, in the form that calls are looked up in.
    let next = stated_by_shop("ada", &[phone(kept)]);
    service.write_customers(std::slice::from_ref(&next)).await;
    assert_eq!((count("shop").await, count("").await), (0, 1));
    assert_eq!(
        service.classify(by_phone(kept), "").await.r#match(),
        pb::Match::One
    );
    assert_eq!(
        service.classify(by_phone(gone), "").await.r#match(),
        pb::Match::Unknown
    );
    // What is confirmed is not written again.
    let again = service.send_customers(&[next]).await;
    assert_eq!(again[0].outcome(), pb::item_result::Outcome::Duplicate);
}
