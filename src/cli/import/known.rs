//! Which customers of a file the server knows, for a check that sends no facts.

use std::collections::VecDeque;

use tonic::Status;

use crate::cli::connection::Connection;
use crate::pb;
use crate::pb::subject::Subject as Name;

/// Subjects of one call, by the contract.
const SUBJECTS: usize = 1_000;

/// How many customers of a file are new, and how many are known.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// No customer has the id or the identifier.
    pub new: u64,
    /// One customer has it.
    pub known: u64,
    /// Several customers share the identifier, or it cannot be read.
    pub unclear: u64,
    /// No customer has the identifier, and the import is not to create one: their rows will be refused.
    pub refused: u64,
}

/// Looks customers up, each once.
#[derive(Debug)]
pub struct KnownCustomers {
    connection: Connection,
    waiting: VecDeque<pb::Subject>,
    unknown: pb::UnknownCustomer,
    counts: Counts,
}

impl KnownCustomers {
    /// Looks up over a connection. `unknown`: what the import does with identifiers that no customer has.
    #[must_use]
    pub fn new(connection: Connection, unknown: pb::UnknownCustomer) -> Self {
        Self {
            connection,
            waiting: VecDeque::new(),
            unknown,
            counts: Counts::default(),
        }
    }

    /// Adds a customer.
    ///
    /// # Errors
    ///
    /// The server's answer.
    pub async fn add(&mut self, subject: pb::Subject) -> Result<(), Status> {
        self.waiting.push_back(subject);
        if self.waiting.len() < SUBJECTS {
            return Ok(());
        }
        self.look_up().await
    }

    /// The counts of all customers.
    ///
    /// # Errors
    ///
    /// The server's answer.
    pub async fn finish(mut self) -> Result<Counts, Status> {
        while !self.waiting.is_empty() {
            self.look_up().await?;
        }
        Ok(self.counts)
    }

    async fn look_up(&mut self) -> Result<(), Status> {
        let subjects: Vec<pb::Subject> = self.waiting.iter().take(SUBJECTS).cloned().collect();
        let request = self.connection.request(pb::BatchClassifyRequest {
            subjects,
            as_of: String::new(),
            read_mask: Some(prost_types::FieldMask {
                paths: vec!["customer_id".to_owned()],
            }),
        });
        let answer = self.connection.scoring().batch_classify(request).await?;
        for response in answer.into_inner().responses {
            let subject = self.waiting.pop_front().and_then(|it| it.subject);
            // An id that is unknown becomes a customer; an identifier is nobody yet.
            let is_id = matches!(subject, Some(Name::CustomerId(_)));
            let counts = &mut self.counts;
            match response.r#match() {
                pb::Match::Unknown if is_id || self.unknown == pb::UnknownCustomer::Create => {
                    counts.new += 1;
                }
                pb::Match::Unknown => counts.refused += 1,
                pb::Match::One => counts.known += 1,
                pb::Match::Ambiguous
                | pb::Match::Invalid
                | pb::Match::Unavailable
                | pb::Match::Unspecified => counts.unclear += 1,
            }
        }
        Ok(())
    }
}
