//! `CorrectionService`: taking back what was recorded by mistake, and merging customers.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    api::{
        corrections::{erase_response, erased_id, move_request, move_response},
        imports::{list_response, required_import_id, undo_response},
        merges, page,
    },
    grpc::{ingest::deadline_of, status},
    pb,
    service::ingest::{Ingest, MergeMode, Return, UndoMode},
};

/// The service.
pub struct CorrectionApi {
    ingest: Arc<Ingest>,
}

impl CorrectionApi {
    /// The service over its use case.
    #[must_use]
    pub fn new(ingest: Arc<Ingest>) -> Self {
        Self { ingest }
    }
}

#[tonic::async_trait]
impl pb::correction_service_server::CorrectionService for CorrectionApi {
    async fn list_imports(
        &self,
        request: Request<pb::ListImportsRequest>,
    ) -> Result<Response<pb::ListImportsResponse>, Status> {
        let request = request.into_inner();
        let asked =
            page::read(request.page_size, &request.page_token).map_err(status::invalid_request)?;
        let imports = self
            .ingest
            .list_imports(asked.before, asked.limit())
            .await?;
        Ok(Response::new(list_response(asked, imports)))
    }

    async fn undo_import(
        &self,
        request: Request<pb::UndoImportRequest>,
    ) -> Result<Response<pb::UndoImportResponse>, Status> {
        let deadline = deadline_of(&request);
        let request = request.into_inner();
        let import_id = required_import_id(&request.import_id).map_err(status::invalid_request)?;
        let mode = if request.validate_only {
            UndoMode::Preview
        } else {
            UndoMode::Undo
        };
        let undone = self.ingest.undo_import(&import_id, mode, deadline).await?;
        Ok(Response::new(undo_response(&undone)))
    }

    async fn move_facts(
        &self,
        request: Request<pb::MoveFactsRequest>,
    ) -> Result<Response<pb::MoveFactsResponse>, Status> {
        let deadline = deadline_of(&request);
        let request = request.into_inner();
        let asked = move_request(&request).map_err(status::invalid_request)?;
        let only = request.validate_only;
        let moved = self.ingest.move_facts(&asked, only, deadline).await?;
        Ok(Response::new(move_response(&moved, &asked)))
    }

    async fn erase_customer(
        &self,
        request: Request<pb::EraseCustomerRequest>,
    ) -> Result<Response<pb::EraseCustomerResponse>, Status> {
        let deadline = deadline_of(&request);
        let request = request.into_inner();
        let id = erased_id(&request).map_err(status::invalid_request)?;
        let then = if request.allow_return {
            Return::Allowed
        } else {
            Return::Refused
        };
        let only = request.validate_only;
        let erased = self
            .ingest
            .erase_customer(&id, then, only, deadline)
            .await?;
        Ok(Response::new(erase_response(&erased)))
    }

    async fn merge_customers(
        &self,
        request: Request<pb::MergeCustomersRequest>,
    ) -> Result<Response<pb::MergeCustomersResponse>, Status> {
        let deadline = deadline_of(&request);
        let request = request.into_inner();
        let mode = merge_mode(request.validate_only);
        let asked = merges::merge_request(&request).map_err(status::invalid_request)?;
        let merged = self.ingest.merge(&asked, mode, deadline).await?;
        Ok(Response::new(merges::merge_response(&asked, &merged)))
    }

    async fn unmerge_customer(
        &self,
        request: Request<pb::UnmergeCustomerRequest>,
    ) -> Result<Response<pb::UnmergeCustomerResponse>, Status> {
        let deadline = deadline_of(&request);
        let request = request.into_inner();
        let mode = merge_mode(request.validate_only);
        let merged_id = merges::unmerge_request(&request).map_err(status::invalid_request)?;
        let unmerged = self.ingest.unmerge(&merged_id, mode, deadline).await?;
        Ok(Response::new(merges::unmerge_response(&unmerged)))
    }

    async fn list_merges(
        &self,
        request: Request<pb::ListMergesRequest>,
    ) -> Result<Response<pb::ListMergesResponse>, Status> {
        let request = request.into_inner();
        let (customer, asked) = merges::list_request(&request).map_err(status::invalid_request)?;
        let (before, limit) = (asked.before, asked.limit());
        let listed = self
            .ingest
            .list_merges(customer.as_ref(), before, limit)
            .await?;
        Ok(Response::new(merges::list_response(asked, listed)))
    }
}

fn merge_mode(validate_only: bool) -> MergeMode {
    if validate_only {
        MergeMode::Preview
    } else {
        MergeMode::Apply
    }
}
