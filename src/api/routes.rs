//! Routing for every face: from a contact to the bytes of its answer, counted.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::answers::{
    classified::ClassifyWriter,
    routed::{RouteMask, RoutedBytes, routed},
};
use crate::service::{
    answer::{
        classify::{Answer, Classified},
        route::{Contact, Fallback, ReadContact, Routed, Router},
    },
    error::ServiceError,
};

/// Gives what counts a contact among the calls in progress until it is dropped; `None` where the server is at its limit.
pub type Admission = Arc<dyn Fn() -> Option<Box<dyn Send>> + Send + Sync>;

/// Routes contacts and writes the answers.
#[derive(Clone)]
pub struct ContactRoutes {
    router: Arc<Router>,
    writer: Arc<ClassifyWriter>,
    admission: Option<Admission>,
}

impl ContactRoutes {
    /// Over the use case.
    #[must_use]
    pub fn new(router: Arc<Router>) -> Self {
        Self {
            router,
            writer: Arc::default(),
            admission: None,
        }
    }

    /// The same, for faces whose requests do not pass the limit on calls: they ask `admission` for a place.
    #[must_use]
    pub fn with_admission(self, admission: Admission) -> Self {
        let admission = Some(admission);
        Self { admission, ..self }
    }

    /// As [`Self::answer`], within the limit on calls in progress. A contact of a customer in memory is answered under any load; another one
    /// over the limit has the fallback.
    ///
    /// # Errors
    /// When the clock shows no day.
    pub async fn answer_within_limit(
        &self,
        contact: &Contact,
        mask: RouteMask,
    ) -> Result<Bytes, ServiceError> {
        let arrived = Instant::now();
        let read = self.router.read(contact);
        if let Some(answer) = self.router.route_in_memory(&read, self.write()) {
            return Ok(self.counted(&answer, &read, mask));
        }
        let place = self.admission.as_ref().map(|admit| admit());
        let answer = if let Some(None) = place {
            self.router.fall_back(&read, Fallback::Overloaded)?
        } else {
            // Of 30 kB, and rare: what is in memory needs none.
            let routed = self.router.route(&read, arrived, None, self.write());
            Box::pin(routed).await?
        };
        drop(place);
        Ok(self.counted(&answer, &read, mask))
    }

    /// The bytes of a `RouteContactResponse` that needs nothing but memory; `None` where more is needed: ask [`Self::answer`].
    #[must_use]
    pub fn find_in_memory(&self, contact: &Contact, mask: RouteMask) -> Option<Bytes> {
        let read = self.router.read(contact);
        let answer = self.router.route_in_memory(&read, self.write())?;
        Some(self.counted(&answer, &read, mask))
    }

    /// The bytes of the answer to a contact that arrived at an instant, in time.
    ///
    /// # Errors
    /// When the clock shows no day.
    pub async fn answer(
        &self,
        contact: &Contact,
        mask: RouteMask,
        arrived: Instant,
        deadline: Option<Instant>,
    ) -> Result<Bytes, ServiceError> {
        let read = self.router.read(contact);
        let answer = if let Some(answer) = self.router.route_in_memory(&read, self.write()) {
            answer
        } else {
            let write = self.write();
            // Of 30 kB, and rare: what is in memory needs none.
            let routed = self.router.route(&read, arrived, deadline, write);
            Box::pin(routed).await?
        };
        Ok(self.counted(&answer, &read, mask))
    }

    /// The bytes of the answer where nothing can be looked up.
    #[must_use]
    pub fn fall_back(
        &self,
        contact: &Contact,
        mask: RouteMask,
        fallback: Fallback,
    ) -> Option<Bytes> {
        let read = self.router.read(contact);
        let answer = self.router.fall_back(&read, fallback).ok()?;
        Some(self.counted(&answer, &read, mask))
    }

    fn write(&self) -> impl FnOnce(Answer<Classified>) -> Bytes + Send + use<> {
        let writer = Arc::clone(&self.writer);
        move |answer| {
            let mut written = vec![];
            writer.write(&answer, &mut written);
            Bytes::from(written)
        }
    }

    fn counted(&self, answer: &Routed, read: &ReadContact, mask: RouteMask) -> Bytes {
        let RoutedBytes {
            bytes,
            verdict,
            quality,
        } = routed(answer, read, mask);
        self.router.count(verdict, quality);
        bytes.into()
    }
}
