//! Whether each connection has a session of its own in Postgres, also behind a pooler.
//!
//! PgBouncer in transaction mode gives every transaction any of its own sessions: the fence, notices and settings would be lost without an error.
//! In session mode it passes a session on when its client has left, and must clear it before. A lock of a session shows both, since all
//! sessions see who holds it: a pooler with one session and one with many are found out alike.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use tokio::time::sleep;

use crate::store::{pool::APPLICATION_NAME, target::Target};

/// A lock named after the session that takes it, so that no other session ever waits for it. As all statements here without a prepared
/// one, which a pooler might lose.
const HOLD: &str = "SELECT pg_backend_pid(), pg_advisory_lock(11, pg_backend_pid())";
const LET_GO: &str = "SELECT pg_advisory_unlock(11, pg_backend_pid())";
const HELD: &str = "SELECT objid::bigint AS holder, pid = pg_backend_pid() AS is_own
     FROM pg_locks
     WHERE locktype = 'advisory' AND classid = 11 AND objsubid = 2 AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Postgres ends a session, and a pooler clears one, within milliseconds.
const CLEARED_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks at a session that ends.
const LOOK: Duration = Duration::from_millis(5);

/// What a connection has of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sessions {
    /// Its own, which ends with it.
    Own,
    /// Another one for each transaction.
    Shared,
    /// Its own, with what the client before it left there.
    Uncleared,
}

/// Finds out with two connections what they have of sessions.
///
/// # Errors
/// When the database cannot be asked.
pub(super) async fn examine(target: &Target) -> Result<Sessions, sqlx::Error> {
    let mut first = connect(target).await?;
    let pid: i32 = first.fetch_one(HOLD).await?.try_get(0)?;
    if find_holder(&mut first, pid).await? != Some(Holder::This) {
        return Ok(Sessions::Shared);
    }
    let mut second = connect(target).await?;
    if find_holder(&mut second, pid).await? == Some(Holder::This) {
        second.execute(LET_GO).await?;
        return Ok(Sessions::Shared);
    }
    first.close().await?;
    let closed = Instant::now();
    let sessions = loop {
        match find_holder(&mut second, pid).await? {
            None => break Sessions::Own,
            Some(_) if closed.elapsed() > CLEARED_WITHIN => break Sessions::Uncleared,
            Some(_) => sleep(LOOK).await,
        }
    };
    // It answered: how it ends is of no interest.
    let _ = second.close().await;
    Ok(sessions)
}

/// The first setting in the `options` of a URL that sessions do not have, since a pooler ignores it: it has another value until it is set.
/// To be asked where connections have sessions of their own.
///
/// # Errors
/// When the database cannot be asked.
pub(super) async fn find_ignored(target: &Target) -> Result<Option<String>, sqlx::Error> {
    let options = target.options(APPLICATION_NAME);
    let settings = list_settings(options.get_options().unwrap_or_default());
    if settings.is_empty() {
        return Ok(None);
    }
    let mut session = connect(target).await?;
    for (name, value) in settings {
        let before: Option<String> = sqlx::query_scalar("SELECT current_setting($1, true)")
            .bind(&name)
            .persistent(false)
            .fetch_one(&mut session)
            .await?;
        let set = sqlx::query_scalar("SELECT set_config($1, $2, false)")
            .bind(&name)
            .bind(&value)
            .persistent(false)
            .fetch_one(&mut session)
            .await;
        match set {
            Ok(after) if before != after => return Ok(Some(name)),
            // The second: only the start of a session can set it. A server that does not know it would have refused the session.
            Ok(_) | Err(sqlx::Error::Database(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Names and values of the settings in the `options` of a session, as Postgres reads them: `-c name=value`, `-cname=value` or `--name=value`.
fn list_settings(options: &str) -> Vec<(String, String)> {
    // A backslash takes the next character as it is, as in a value with spaces.
    let (mut words, mut word) = (vec![], String::new());
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' => words.push(std::mem::take(&mut word)),
            '\\' => word.extend(characters.next()),
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    let settings = words.iter().filter_map(|word| {
        let word = word.strip_prefix("--").or_else(|| word.strip_prefix("-c"));
        let (name, value) = word.unwrap_or_default().split_once('=')?;
        Some((name.replace('-', "_"), value.to_owned()))
    });
    let separate = words.windows(2).filter(|pair| pair[0] == "-c");
    let separate = separate.filter_map(|pair| {
        let (name, value) = pair[1].split_once('=')?;
        Some((name.replace('-', "_"), value.to_owned()))
    });
    settings.chain(separate).collect()
}

async fn connect(target: &Target) -> Result<PgConnection, sqlx::Error> {
    let named = target.connect(|it| it.application_name(APPLICATION_NAME));
    named.await
}

/// Which session holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    This,
    Another,
}

/// Who holds the lock that the session `pid` took.
async fn find_holder(
    connection: &mut PgConnection,
    pid: i32,
) -> Result<Option<Holder>, sqlx::Error> {
    for row in connection.fetch_all(HELD).await? {
        if row.try_get::<i64, _>(0)? == i64::from(pid) {
            let is_own = row.try_get(1)?;
            return Ok(Some(if is_own {
                Holder::This
            } else {
                Holder::Another
            }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &str, settings: &[(&str, &str)]) {
        let found = list_settings(options);
        let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(found, settings, "{options}");
    }

    #[test]
    fn settings_are_read_from_options_in_every_form() {
        check("", &[]);
        check("-c search_path=shop", &[("search_path", "shop")]);
        check("-csearch_path=shop", &[("search_path", "shop")]);
        check("--search-path=a=b", &[("search_path", "a=b")]);
        check(
            r"-c  search_path=shop -c a=b\ c\\d",
            &[("search_path", "shop"), ("a", r"b c\d")],
        );
        check("-d 5 -c", &[]);
    }
}
