//! Services that share a database.

use patron::app::settings::Settings;

use super::{Service, ServiceWithDatabase};

impl ServiceWithDatabase {
    /// With a database that others may share.
    pub(crate) async fn start_shared() -> Self {
        Self::start_with(|settings| settings.processes.shared = true).await
    }

    /// Another service that shares the database.
    pub(crate) async fn join(&self) -> Service {
        self.join_with(|_| {}).await
    }

    /// With other settings than the usual ones.
    pub(crate) async fn join_with(&self, change: impl FnOnce(&mut Settings)) -> Service {
        let key = self.service.directory.path().join("identifier.key");
        let directory = tempfile::tempdir().unwrap();
        let change = |settings: &mut Settings| {
            settings.processes.shared = true;
            settings.identifier_key_file = Some(key);
            change(settings);
        };
        Service::start_in(&self.database.url, directory, change).await
    }
}
