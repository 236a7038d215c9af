//! The whole service with TLS, on a database of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use patron::app::run::App;
use patron::app::settings::Settings;
use patron::clock::SystemClock;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::ServerFiles;
use crate::support::database::TestDatabase;
use crate::support::service::settings;

/// A running service.
pub(super) struct Encrypted {
    pub(super) app: App,
    _directory: TempDir,
    pub(super) database: TestDatabase,
}

impl Encrypted {
    /// One with these certificates, at which it looks every second.
    pub(super) async fn start(files: &ServerFiles) -> Self {
        Self::start_with(files, |_| {}).await
    }

    /// The same with other settings.
    pub(super) async fn start_with(
        files: &ServerFiles,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let database = TestDatabase::create().await;
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(&database.url, directory.path());
        settings.tls.tls_certificate = Some(files.files().certificate);
        settings.tls.tls_key = Some(files.files().key);
        settings.tls.tls_reload_seconds = 1;
        change(&mut settings);
        settings.validate().unwrap();
        let stop = CancellationToken::new();
        let app = App::start(&settings, Arc::new(SystemClock), stop).await;
        Self {
            app: app.unwrap(),
            _directory: directory,
            database,
        }
    }

    /// Its address by the name in its certificate.
    pub(super) fn endpoint(&self) -> String {
        by_name(self.app.address)
    }
}

pub(super) fn by_name(address: SocketAddr) -> String {
    format!("https://localhost:{}", address.port())
}
