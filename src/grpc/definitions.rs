//! `DefinitionService`: checking and publishing definitions.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    api::{
        page,
        revisions::{built_in, problems, publication, revision},
        texts,
        violations::Violations,
    },
    grpc::status,
    pb,
    service::definitions::{DefinitionRevisions, Publication, Published},
};

/// Greatest length of a document, in bytes.
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
/// Greatest length of a note, in bytes.
const MAX_NOTE_BYTES: usize = 1024;

/// The service.
pub struct DefinitionApi {
    revisions: Arc<DefinitionRevisions>,
}

impl DefinitionApi {
    /// The service over its use case.
    #[must_use]
    pub fn new(revisions: Arc<DefinitionRevisions>) -> Self {
        Self { revisions }
    }
}

/// Refuses a document that is none, before anything reads it.
fn check(document: &str, note: &str) -> Result<(), Status> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    if document.is_empty() {
        check
            .field("document")
            .refuse("REQUIRED", "is empty: send the YAML document");
    }
    if document.len() > MAX_DOCUMENT_BYTES {
        check.field("document").refuse(
            "TOO_LONG",
            format!("is longer than {MAX_DOCUMENT_BYTES} bytes"),
        );
    }
    check
        .field("note")
        .ok("INVALID_TEXT", texts::bounded(note, MAX_NOTE_BYTES));
    if violations.is_empty() {
        Ok(())
    } else {
        Err(status::invalid_request(violations))
    }
}

#[tonic::async_trait]
impl pb::definition_service_server::DefinitionService for DefinitionApi {
    async fn validate_definitions(
        &self,
        request: Request<pb::ValidateDefinitionsRequest>,
    ) -> Result<Response<pb::ValidateDefinitionsResponse>, Status> {
        let document = request.into_inner().document;
        check(&document, "")?;
        let document = texts::composed(&document);
        let found = self.revisions.check(&document).await?;
        Ok(Response::new(pb::ValidateDefinitionsResponse {
            problems: problems(&document, &found),
        }))
    }

    async fn publish_definitions(
        &self,
        request: Request<pb::PublishDefinitionsRequest>,
    ) -> Result<Response<pb::PublishDefinitionsResponse>, Status> {
        let request = request.into_inner();
        check(&request.document, &request.note)?;
        let (document, note) = (
            texts::composed(&request.document),
            texts::composed(&request.note),
        );
        let published = self
            .revisions
            .publish(&document, &note, request.expected_revision);
        let answer = match published.await? {
            Publication::Published(published, counted) => publication(published, counted),
            Publication::Refused(found) => pb::PublishDefinitionsResponse {
                revision: None,
                problems: problems(&document, &found),
                ..Default::default()
            },
        };
        Ok(Response::new(answer))
    }

    async fn rollback_definitions(
        &self,
        request: Request<pb::RollbackDefinitionsRequest>,
    ) -> Result<Response<pb::RollbackDefinitionsResponse>, Status> {
        let request = request.into_inner();
        let published = self
            .revisions
            .roll_back(request.revision, request.expected_revision)
            .await?;
        let revision = Some(published.map_or_else(|| built_in(true), revision));
        Ok(Response::new(pb::RollbackDefinitionsResponse { revision }))
    }

    async fn get_revision(
        &self,
        request: Request<pb::GetRevisionRequest>,
    ) -> Result<Response<pb::GetRevisionResponse>, Status> {
        let number = request.into_inner().revision;
        let found = self
            .revisions
            .get(Some(number).filter(|&number| number != 0))
            .await?;
        let revision = Some(found.map_or_else(|| built_in(true), revision));
        Ok(Response::new(pb::GetRevisionResponse { revision }))
    }

    async fn list_revisions(
        &self,
        request: Request<pb::ListRevisionsRequest>,
    ) -> Result<Response<pb::ListRevisionsResponse>, Status> {
        let request = request.into_inner();
        let asked =
            page::read(request.page_size, &request.page_token).map_err(status::invalid_request)?;
        let found = self.revisions.list(asked.before, asked.limit()).await?;
        let (found, next_page_token) = asked.cut(found, |published: &Published| published.revision);
        let without_document = |published: Published| {
            revision(Published {
                document: String::new(),
                ..published
            })
        };
        Ok(Response::new(pb::ListRevisionsResponse {
            revisions: found.into_iter().map(without_document).collect(),
            next_page_token,
        }))
    }
}
