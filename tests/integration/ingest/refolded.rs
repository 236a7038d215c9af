//! Profiles that an earlier version of the program made of the same facts.

use patron::app::database::migration::{self, Migrated};
use patron::app::run::App;
use patron::clock::{Clock as _, FixedClock};
use patron::store::target::Target;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::list_logged;
use crate::support::messages::{money, purchase, refund};
use crate::support::service::{NOW, ServiceWithDatabase, settings};

/// The database as a version without [`patron::domain::customer::profile::FOLD_VERSION`] left it, with other profiles of two customers.
async fn make_earlier(pool: &PgPool, packed: &[u8]) {
    sqlx::query("UPDATE profiles SET packed = $1 WHERE customer_id IN ('ada', 'bob')")
        .bind(packed)
        .execute(pool)
        .await
        .unwrap();
    sqlx::query("DELETE FROM profile_fold")
        .execute(pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn gaps_that_an_earlier_version_did_not_sum_are_summed_by_migrate() {
    let service = ServiceWithDatabase::start().await;
    let days = ["2026-01-01", "2026-01-04", "2026-01-24"];
    let bought = days.map(|day| purchase("ada", day, day, 100));
    service.write(&bought).await;
    service
        .write(&[purchase("bob", "1", "2026-01-01", 100)])
        .await;
    let stored = "SELECT log_gap_billionths FROM profiles ORDER BY customer_id";
    let sums = || async {
        let sums = sqlx::query_scalar::<_, Option<i64>>(stored);
        sums.fetch_all(&service.pool).await.unwrap()
    };
    // ln 3 + ln 20, and no gap.
    assert_eq!(sums().await, [Some(4_094_344_563), Some(0)]);
    sqlx::query("UPDATE profiles SET log_gap_billionths = NULL")
        .execute(&service.pool)
        .await
        .unwrap();
    sqlx::query("UPDATE profile_fold SET version = 3")
        .execute(&service.pool)
        .await
        .unwrap();
    let target = Target::parse(&service.database.url).unwrap();
    let service = service.pause().await;
    let clock = FixedClock::new(NOW.parse().unwrap());
    let migrated = migration::migrate(&target, clock.now()).await.unwrap();
    assert_eq!(migrated.refolded, 0, "no profile has changed");
    let service = service.resume().await;
    let sums = sqlx::query_scalar::<_, Option<i64>>(stored);
    let sums = sums.fetch_all(&service.pool).await.unwrap();
    assert_eq!(sums, [Some(4_094_344_563), None], "nothing to sum of bob");
    assert_eq!(list_logged(&service.pool, "ada").await, [1]);
}

#[tokio::test]
async fn they_are_made_anew_by_migrate_and_not_served_before() {
    let service = ServiceWithDatabase::start().await;
    let bought = ["ada", "bob"].map(|id| purchase(id, "1", "2026-01-01", 100));
    service.write(&bought).await;
    let before_the_refund: Vec<u8> =
        sqlx::query_scalar("SELECT packed FROM profiles WHERE customer_id = 'ada'")
            .fetch_one(&service.pool)
            .await
            .unwrap();
    service
        .write(&[refund("ada", "2", "1", "2026-01-02", 30)])
        .await;
    make_earlier(&service.pool, &before_the_refund).await;

    let service = service.pause().await;
    let url = service.database.url.clone();
    let directory = tempfile::tempdir().unwrap();
    let clock = std::sync::Arc::new(FixedClock::new(NOW.parse().unwrap()));
    let settings = settings(&url, directory.path());
    let refused = App::start(&settings, clock.clone(), CancellationToken::new()).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("run `patron migrate`"), "{refused}");

    let target = Target::parse(&url).unwrap();
    let first = migration::migrate(&target, clock.now()).await.unwrap();
    assert!(matches!(first.schema, Migrated::Already { .. }));
    assert_eq!(first.refolded, 1, "bob has no refund");
    let again = migration::migrate(&target, clock.now()).await.unwrap();
    assert_eq!(again.refolded, 0);

    let service = service.resume().await;
    let ada = service.customer("ada").await;
    assert_eq!(ada.purchase_days[0].amount, Some(money(70, "EUR")));
    assert_eq!(ada.profile_version, 3);
    assert_eq!(list_logged(&service.pool, "ada").await, [1, 2, 3]);
    assert_eq!(list_logged(&service.pool, "bob").await, [1]);
}
