//! A network that falls silent in the middle of what no call waits for.

use patron::app::settings::DatabaseUrl;

use super::history::{connect, order, token_of, version};
use crate::support::proxy::Proxy;
use crate::support::service::ServiceWithDatabase;
use crate::support::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_of_the_basis_that_hears_nothing_any_more_is_made_again() {
    let here = ServiceWithDatabase::start_shared().await;
    let proxy = Proxy::start(&here.database.url).await;
    let url: DatabaseUrl = proxy.url.parse().unwrap();
    let there = here
        .join_with(|settings| settings.database_url = Some(url))
        .await;
    let mut tx = here.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE definition_revisions IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *tx)
        .await
        .unwrap();
    // The first amount in a currency changes what answers are computed with: both servers read all that these are. What is locked is read by
    // renewals alone, not by the looks at the logs.
    let mut ingest = here.ingest();
    let written = ingest.ingest_transactions(order("ada", 1));
    let fallen_silent = async {
        until("both renewals wait", async || {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_locks
                 WHERE NOT granted AND relation = 'definition_revisions'::regclass
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            )
            .fetch_one(&here.pool)
            .await
            .unwrap();
            waiting == 2
        })
        .await;
        proxy.silence();
        tx.rollback().await.unwrap();
    };
    let (written, ()) = tokio::join!(written, fallen_silent);
    let token = token_of(&written.unwrap());
    assert!(token.is_some());
    let channel = connect(&there).await;
    until("the other server has come as far", async || {
        version(&channel, "ada", token.clone())
            .await
            .is_ok_and(|it| it == 1)
    })
    .await;
}
