//! Exports as well-known programs write them, imported by the program itself: what the file means is what is stored.

mod corrected;
mod counted;
mod forms;
mod inspected;
mod orders;
mod parquet;
mod people;
mod proxied;
mod returns;
mod reversed;
mod warned;

use std::path::Path;
use std::process::Output;

use patron::pb;
use sqlx::PgPool;
use tempfile::TempDir;

use crate::support::messages::by_email;
use crate::support::program::run;
use crate::support::service::ServiceWithDatabase;

/// A service whose days are those of Berlin, and a folder for files.
pub(super) struct Office {
    pub(super) service: ServiceWithDatabase,
    pub(super) folder: TempDir,
}

/// What an import printed.
pub(super) struct Printed {
    pub(super) code: Option<i32>,
    pub(super) data: String,
    pub(super) notes: String,
}

impl Printed {
    /// The summary of an import with `--json`.
    #[track_caller]
    pub(super) fn summary(&self) -> serde_json::Value {
        serde_json::from_str(&self.data)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.data, self.notes))
    }
}

impl From<Output> for Printed {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            data: String::from_utf8(output.stdout).unwrap(),
            notes: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Office {
    pub(super) async fn open() -> Self {
        let change = |settings: &mut patron::app::settings::Settings| {
            settings.time_zone = Some("Europe/Berlin".to_owned());
        };
        Self {
            service: ServiceWithDatabase::start_with(change).await,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Imports a file with a summary as JSON.
    pub(super) async fn import(
        &self,
        kind: &str,
        (name, bytes): (&str, impl AsRef<[u8]>),
        options: &[&str],
    ) -> Printed {
        let path = self.path(name);
        std::fs::write(Path::new(&path), bytes).unwrap();
        let endpoint = &*self.service.app.endpoint();
        let line = ["import", kind, &path, "--json", "--endpoint", endpoint];
        run(&[&line[..], options].concat()).await.into()
    }

    /// Everything that was bought and paid back, by customer and day: `customer day amount currency`, negative where it went back.
    pub(super) async fn booked(&self) -> Vec<String> {
        booked(&self.service.pool).await
    }

    /// The id of the customer with an e-mail address.
    pub(super) async fn with_email(&self, address: &str) -> String {
        self.customer(by_email(address)).await.customer_id
    }

    pub(super) async fn customer(&self, subject: pb::Subject) -> pb::Customer {
        self.service.find_customer(subject).await.unwrap()
    }
}

async fn booked(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT concat_ws(' ', customer_id, (date '1970-01-01' + day)::text,
                          (CASE kind WHEN 1 THEN amount_minor ELSE -amount_minor END)::text, currency)
         FROM transactions
         ORDER BY customer_id COLLATE \"C\", day, kind, amount_minor",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}
