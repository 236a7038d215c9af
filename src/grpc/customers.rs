//! `CustomerService`: what is stored of customers.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    api::{self, answers::mask::AnswerMask, customers, profile_checks, violations::Violations},
    grpc::status,
    pb,
    service::{customers::Customers, profile_checks::ProfileChecks},
};

/// The service.
pub struct CustomerApi {
    customers: Arc<Customers>,
    checks: ProfileChecks,
}

impl CustomerApi {
    /// The service over its use cases.
    #[must_use]
    pub fn new(customers: Arc<Customers>, checks: ProfileChecks) -> Self {
        Self { customers, checks }
    }
}

#[tonic::async_trait]
impl pb::customer_service_server::CustomerService for CustomerApi {
    async fn get_customer(
        &self,
        request: Request<pb::GetCustomerRequest>,
    ) -> Result<Response<pb::GetCustomerResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let mut check = violations.at("");
        let subject = api::subject(request.subject.as_ref(), &mut check.field("subject"));
        let days = customers::days(&request, &mut check);
        let mask = request.read_mask.as_ref();
        let mask = AnswerMask::of_customer(mask, &mut check.field("read_mask"));
        let (Some(subject), true) = (subject, violations.is_empty()) else {
            return Err(status::invalid_request(violations));
        };
        let known = self.customers.get(&subject).await?;
        let customer = Some(customers::customer(&known, days));
        let response = pb::GetCustomerResponse { customer };
        Ok(Response::new(mask.cut_message(response)))
    }

    async fn check_profiles(
        &self,
        request: Request<pb::CheckProfilesRequest>,
    ) -> Result<Response<pb::CheckProfilesResponse>, Status> {
        let slice = profile_checks::slice(request.get_ref()).map_err(status::invalid_request)?;
        let page = self.checks.check(slice.after.as_ref(), slice.size).await?;
        Ok(Response::new(profile_checks::page_message(page)))
    }
}
