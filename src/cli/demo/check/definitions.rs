//! The RPCs about definitions.

use super::Check;
use crate::cli::error::CliError;
use crate::generate::DEFINITIONS;
use crate::pb;

/// A term of the example, and what is no term: one mistake with a known place.
const TERM: &str = "days_since_last_order";
const MISTAKE: &str = "days_since_order";

impl Check<'_> {
    /// `DefinitionService`. What was in force before is in force afterwards.
    pub(super) async fn definitions(&mut self) -> Result<(), CliError> {
        self.validate(DEFINITIONS, 0).await?;
        self.validate(&DEFINITIONS.replacen(TERM, MISTAKE, 1), 1)
            .await?;
        let Some(before) = self.get_revision(0).await? else {
            return Ok(());
        };
        self.refused().await?;
        let changed = format!("{}# checked\n", before.document);
        let Some(published) = self.publish(&changed).await? else {
            return Ok(());
        };
        // The document in force is acknowledged again under its number.
        self.publish_again(&changed, published).await?;
        self.list_revisions(published).await?;
        self.rollback(before.revision).await
    }

    async fn validate(&mut self, document: &str, expected: usize) -> Result<(), CliError> {
        let rpc = "ValidateDefinitions";
        let request = self.connection.request(pb::ValidateDefinitionsRequest {
            document: document.to_owned(),
        });
        let mut client = self.connection.definitions();
        match client.validate_definitions(request).await {
            Ok(answer) => {
                let problems = answer.into_inner().problems;
                let right = problems.len() == expected
                    && problems.iter().all(|one| is_the_mistake(one, document));
                let places: Vec<String> = problems.iter().map(place).collect();
                let found = format!("{} problems {}", problems.len(), places.join(", "));
                self.expect(rpc, right, found.trim_end())
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    /// A revision with its document; 0 is the one in force.
    async fn get_revision(&mut self, revision: i64) -> Result<Option<pb::Revision>, CliError> {
        let rpc = "GetRevision";
        let request = self.connection.request(pb::GetRevisionRequest { revision });
        match self.connection.definitions().get_revision(request).await {
            Ok(answer) => {
                let found = answer.into_inner().revision.unwrap_or_default();
                let right = found.active && found.revision >= 1 && !found.document.is_empty();
                let bytes = found.document.len();
                let text = format!("revision {} of {bytes} bytes is active", found.revision);
                self.expect(rpc, right, &text)?;
                Ok(Some(found))
            }
            Err(status) => {
                self.failed(rpc, &status)?;
                Ok(None)
            }
        }
    }

    async fn call_publish(
        &mut self,
        document: &str,
    ) -> Result<pb::PublishDefinitionsResponse, tonic::Status> {
        let request = self.connection.request(pb::PublishDefinitionsRequest {
            document: document.to_owned(),
            note: "published by patron demo --check".to_owned(),
            expected_revision: None,
        });
        let mut client = self.connection.definitions();
        let answer = client.publish_definitions(request).await?;
        Ok(answer.into_inner())
    }

    /// A document with a mistake is not published.
    async fn refused(&mut self) -> Result<(), CliError> {
        let rpc = "PublishDefinitions";
        match self
            .call_publish(&DEFINITIONS.replacen(TERM, MISTAKE, 1))
            .await
        {
            Ok(answer) => {
                let right = answer.revision.is_none() && answer.problems.len() == 1;
                let found = format!("refused with {} problem", answer.problems.len());
                self.expect(rpc, right, &found)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    async fn publish(&mut self, document: &str) -> Result<Option<i64>, CliError> {
        let rpc = "PublishDefinitions";
        match self.call_publish(document).await {
            Ok(answer) => {
                let revision = answer.revision.unwrap_or_default();
                let right = revision.active && revision.revision >= 2 && answer.problems.is_empty();
                let found = format!("revision {} is active", revision.revision);
                self.expect(rpc, right, &found)?;
                Ok(Some(revision.revision))
            }
            Err(status) => {
                self.failed(rpc, &status)?;
                Ok(None)
            }
        }
    }

    async fn publish_again(&mut self, document: &str, expected: i64) -> Result<(), CliError> {
        let rpc = "PublishDefinitions";
        match self.call_publish(document).await {
            Ok(answer) => {
                let revision = answer.revision.unwrap_or_default().revision;
                let found = format!("revision {revision} is acknowledged again");
                self.expect(rpc, revision == expected, &found)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    async fn list_revisions(&mut self, newest: i64) -> Result<(), CliError> {
        let rpc = "ListRevisions";
        let request = self.connection.request(pb::ListRevisionsRequest::default());
        match self.connection.definitions().list_revisions(request).await {
            Ok(answer) => {
                let revisions = answer.into_inner().revisions;
                let active: Vec<i64> = revisions
                    .iter()
                    .filter(|one| one.active)
                    .map(|one| one.revision)
                    .collect();
                let right = active == [newest]
                    && revisions.first().map(|one| one.revision) == Some(newest)
                    && revisions.iter().all(|one| one.document.is_empty());
                let found = format!("{} revisions, active {active:?}", revisions.len());
                self.expect(rpc, right, &found)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    async fn rollback(&mut self, revision: i64) -> Result<(), CliError> {
        let rpc = "RollbackDefinitions";
        let request = self.connection.request(pb::RollbackDefinitionsRequest {
            revision,
            expected_revision: None,
        });
        let mut client = self.connection.definitions();
        match client.rollback_definitions(request).await {
            Ok(answer) => {
                let found = answer.into_inner().revision.unwrap_or_default();
                let right = found.active && found.revision == revision;
                let text = format!("revision {} is active again", found.revision);
                self.expect(rpc, right, &text)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }
}

/// Whether a problem is the mistake that was made, at its place and with a mark under it.
fn is_the_mistake(problem: &pb::DefinitionProblem, document: &str) -> bool {
    let mut lines = document.lines().zip(1..);
    let place = lines.find_map(|(line, number)| Some((number, line.find(MISTAKE)? + 1)));
    let found = (problem.line, usize::try_from(problem.column).unwrap_or(0));
    place == Some(found)
        && problem.reason == "UNKNOWN_NAME"
        && problem.help.contains(TERM)
        && problem.rendered.contains("^^^")
}

fn place(problem: &pb::DefinitionProblem) -> String {
    format!("{}:{} {}", problem.line, problem.column, problem.reason)
}
