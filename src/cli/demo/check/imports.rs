//! The RPCs that take imports back.

use super::Check;
use super::facts::imported;
use crate::cli::error::CliError;
use crate::pb;
use crate::pb::import::State;

impl Check<'_> {
    /// An import of one purchase, which is listed, looked at and undone.
    pub(super) async fn imports(&mut self) -> Result<(), CliError> {
        let rpc = "ListImports";
        let import_id = crate::cli::import::batches::new_id("demo-check");
        let request = self.connection.request(pb::IngestTransactionsRequest {
            transactions: vec![imported()],
            import_id: import_id.clone(),
            ..Default::default()
        });
        if let Err(status) = self.connection.ingest().ingest_transactions(request).await {
            return self.failed(rpc, &status);
        }
        let request = self.connection.request(pb::ListImportsRequest::default());
        match self.connection.corrections().list_imports(request).await {
            Ok(answer) => {
                let imports = answer.into_inner().imports;
                let listed = imports.iter().find(|import| import.import_id == import_id);
                let right = listed.is_some_and(|import| import.state() == State::Active);
                self.expect(rpc, right, &format!("{} imports", imports.len()))?;
            }
            Err(status) => self.failed(rpc, &status)?,
        }
        for (validate_only, state) in [(true, State::Active), (false, State::Undone)] {
            self.undo(&import_id, validate_only, state).await?;
        }
        Ok(())
    }

    async fn undo(
        &mut self,
        import_id: &str,
        validate_only: bool,
        state: State,
    ) -> Result<(), CliError> {
        let rpc = "UndoImport";
        let request = self.connection.request(pb::UndoImportRequest {
            import_id: import_id.to_owned(),
            validate_only,
        });
        let import = match self.connection.corrections().undo_import(request).await {
            Ok(answer) => answer.into_inner().import.unwrap_or_default(),
            Err(status) => return self.failed(rpc, &status),
        };
        let withdrawn: i64 = import.counts.iter().map(|one| one.withdrawn_count).sum();
        let right = withdrawn == 1 && import.state() == state;
        let found = format!("{withdrawn} transaction, {}", import.state().as_str_name());
        self.expect(rpc, right, &found)
    }
}
