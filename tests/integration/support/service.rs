//! The service as `patron serve` builds it, on a database of its own, with a clock that stands still, and clients of it.

mod joined;

use std::path::Path;
use std::sync::Arc;

use clap::Parser as _;
use jiff::Timestamp;
use patron::app::run::App;
use patron::app::server::{DrainOutcome, ServeError};
use patron::app::settings::Settings;
use patron::cli::{Cli, Command};
use patron::clock::FixedClock;
use patron::pb::customer_service_client::CustomerServiceClient;
use patron::pb::definition_service_client::DefinitionServiceClient;
use patron::pb::explain_segment_request::Target;
use patron::pb::ingest_service_client::IngestServiceClient;
use patron::pb::item_result::Outcome;
use patron::pb::model_service_client::ModelServiceClient;
use patron::pb::routing_service_client::RoutingServiceClient;
use patron::pb::scoring_service_client::ScoringServiceClient;
use patron::pb::service_desk_service_client::ServiceDeskServiceClient;
use patron::pb::{self, correction_service_client::CorrectionServiceClient};
use sqlx::{PgPool, Postgres, Transaction};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::health_client::HealthClient;

use super::database::TestDatabase;
use super::messages::by_id;
use super::until;

/// What the clock of every service shows until a test sets it.
pub(crate) const NOW: &str = "2026-11-22T12:00:00Z";
/// The day of [`NOW`] in the zone of every service, UTC.
pub(crate) const TODAY: &str = "2026-11-22";

/// A running service.
pub(crate) struct Service {
    pub(crate) app: App,
    pub(crate) clock: Arc<FixedClock>,
    channel: Channel,
    /// Holds the identifier key.
    directory: TempDir,
}

/// A running service and the database that it alone uses. The service is dropped first.
pub(crate) struct ServiceWithDatabase {
    service: Service,
    /// Past the service, for what it does not show and for standing in its way.
    pub(crate) pool: PgPool,
    pub(crate) database: TestDatabase,
}

/// The database of a service that was stopped.
pub(crate) struct PausedService {
    directory: TempDir,
    pub(crate) pool: PgPool,
    pub(crate) database: TestDatabase,
}

impl PausedService {
    pub(crate) async fn resume(self) -> ServiceWithDatabase {
        self.resume_with(|_| {}).await
    }

    /// With other settings than the usual ones.
    pub(crate) async fn resume_with(
        self,
        change: impl FnOnce(&mut Settings),
    ) -> ServiceWithDatabase {
        let Self {
            directory,
            pool,
            database,
        } = self;
        ServiceWithDatabase {
            service: Service::start_in(&database.url, directory, change).await,
            pool,
            database,
        }
    }
}

impl std::ops::Deref for ServiceWithDatabase {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

/// The settings that `patron serve` has with these arguments, on ports that are free.
pub(crate) fn settings(database_url: &str, directory: &Path) -> Settings {
    let free = "127.0.0.1:0";
    let directory = directory.to_str().unwrap();
    let line = ["patron", "serve", "--listen", free, "--admin-listen", free];
    let place = ["--database-url", database_url, "--data-dir", directory];
    let http = ["--http-listen", free, "--agi-listen", free];
    // A machine that is busy with other tests may take longer than a caller waits. Memory holds what the test asked for.
    let patient = [
        "--route-budget-ms=10000",
        "--default-deadline-ms=10000",
        "--warm-start-customers=0",
    ];
    let line = line.into_iter().chain(place).chain(http).chain(patient);
    let cli = Cli::try_parse_from(line).unwrap();
    let Command::Serve(args) = cli.command else {
        panic!("not a server: {:?}", cli.command);
    };
    args.settings
}

impl ServiceWithDatabase {
    /// Stops the service and waits for its end.
    pub(crate) async fn stop(self) -> Result<DrainOutcome, ServeError> {
        self.service.app.stop().await
    }

    /// Waits until the service ends by itself.
    pub(crate) async fn wait(self) -> Result<DrainOutcome, ServeError> {
        self.service.app.wait().await
    }

    pub(crate) async fn start() -> Self {
        let database = TestDatabase::create().await;
        Self {
            service: Service::start(&database.url).await,
            pool: database.pool.clone(),
            database,
        }
    }

    /// With other settings than the usual ones.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let database = TestDatabase::create().await;
        let directory = tempfile::tempdir().unwrap();
        Self {
            service: Service::start_in(&database.url, directory, change).await,
            pool: database.pool.clone(),
            database,
        }
    }

    /// Stops the service and starts another one on its database, as after a restart: nothing is in memory.
    pub(crate) async fn restart(self) -> Self {
        self.pause().await.resume().await
    }

    /// Stops the service and keeps its database.
    pub(crate) async fn pause(self) -> PausedService {
        let Self {
            service,
            pool,
            database,
        } = self;
        let Service { app, directory, .. } = service;
        app.stop().await.unwrap();
        PausedService {
            directory,
            pool,
            database,
        }
    }

    /// Keeps everybody else off the table of profiles until it is dropped or rolled back.
    pub(crate) async fn lock_profiles(&self) -> Transaction<'static, Postgres> {
        let mut tx = self.pool.begin().await.unwrap();
        sqlx::query("LOCK TABLE profiles IN ACCESS EXCLUSIVE MODE")
            .execute(&mut *tx)
            .await
            .unwrap();
        tx
    }

    /// Waits until so many statements wait for the table of profiles.
    pub(crate) async fn until_blocked(&self, statements: i64) {
        until("statements wait for the profiles", async || {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'profiles'::regclass
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            )
            .fetch_one(&self.pool)
            .await
            .unwrap();
            waiting == statements
        })
        .await;
    }
}

impl Service {
    /// A service on the migrated database at `url`.
    pub(crate) async fn start(url: &str) -> Self {
        Self::start_in(url, tempfile::tempdir().unwrap(), |_| {}).await
    }

    pub(crate) async fn start_in(
        url: &str,
        directory: TempDir,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let clock = Arc::new(FixedClock::new(NOW.parse().unwrap()));
        let mut settings = settings(url, directory.path());
        change(&mut settings);
        let app = App::start(&settings, clock.clone(), CancellationToken::new());
        let app = Box::pin(app).await.unwrap();
        let endpoint = Endpoint::from_shared(app.endpoint()).unwrap();
        Self {
            channel: endpoint.connect().await.unwrap(),
            app,
            clock,
            directory,
        }
    }

    pub(crate) fn set_clock(&self, now: &str) {
        self.clock.set(now.parse::<Timestamp>().unwrap());
    }

    pub(crate) fn ingest(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.channel.clone())
    }

    pub(crate) fn scoring(&self) -> ScoringServiceClient<Channel> {
        ScoringServiceClient::new(self.channel.clone())
    }

    pub(crate) fn routing(&self) -> RoutingServiceClient<Channel> {
        RoutingServiceClient::new(self.channel.clone())
    }

    pub(crate) fn desk(&self) -> ServiceDeskServiceClient<Channel> {
        ServiceDeskServiceClient::new(self.channel.clone())
    }

    /// The answer to a contact.
    pub(crate) async fn route(&self, request: pb::RouteContactRequest) -> pb::RouteContactResponse {
        let answer = self.routing().route_contact(request).await;
        answer.unwrap().into_inner()
    }

    pub(crate) fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel.clone())
    }

    pub(crate) fn customers(&self) -> CustomerServiceClient<Channel> {
        CustomerServiceClient::new(self.channel.clone())
    }

    pub(crate) fn corrections(&self) -> CorrectionServiceClient<Channel> {
        CorrectionServiceClient::new(self.channel.clone())
    }

    pub(crate) fn models(&self) -> ModelServiceClient<Channel> {
        ModelServiceClient::new(self.channel.clone())
    }

    pub(crate) fn definitions(&self) -> DefinitionServiceClient<Channel> {
        DefinitionServiceClient::new(self.channel.clone())
    }

    /// Publishes a document that must be without problems.
    pub(crate) async fn publish(&self, document: &str) -> pb::Revision {
        let request = pb::PublishDefinitionsRequest {
            document: document.to_owned(),
            note: "by a test".to_owned(),
            ..Default::default()
        };
        let answer = self.definitions().publish_definitions(request).await;
        let published = answer.unwrap().into_inner();
        assert_eq!(published.problems, []);
        published.revision.unwrap()
    }

    /// The explanation as of today.
    pub(crate) async fn explain(
        &self,
        subject: pb::Subject,
        target: Option<Target>,
    ) -> Result<pb::ExplainSegmentResponse, Status> {
        let request = pb::ExplainSegmentRequest {
            subject: Some(subject),
            target,
            as_of: String::new(),
            ..Default::default()
        };
        let answer = self.scoring().explain_segment(request).await;
        answer.map(tonic::Response::into_inner)
    }

    pub(crate) async fn send(&self, transactions: &[pb::Transaction]) -> Vec<pb::ItemResult> {
        let request = pb::IngestTransactionsRequest {
            transactions: transactions.to_vec(),
            ..Default::default()
        };
        let response = self.ingest().ingest_transactions(request).await.unwrap();
        response.into_inner().results
    }

    pub(crate) async fn send_contacts(&self, contacts: &[pb::Contact]) -> Vec<pb::ItemResult> {
        let request = pb::IngestContactsRequest {
            contacts: contacts.to_vec(),
            ..Default::default()
        };
        let response = self.ingest().ingest_contacts(request).await.unwrap();
        response.into_inner().results
    }

    pub(crate) async fn send_contracts(&self, contracts: &[pb::Contract]) -> Vec<pb::ItemResult> {
        let request = pb::IngestContractsRequest {
            contracts: contracts.to_vec(),
            ..Default::default()
        };
        let response = self.ingest().ingest_contracts(request).await.unwrap();
        response.into_inner().results
    }

    pub(crate) async fn send_customers(
        &self,
        patches: &[pb::CustomerPatch],
    ) -> Vec<pb::ItemResult> {
        let request = pb::IngestCustomersRequest {
            customers: patches.to_vec(),
            ..Default::default()
        };
        let response = self.ingest().ingest_customers(request).await.unwrap();
        response.into_inner().results
    }

    /// Sends transactions that must all be new.
    pub(crate) async fn write(&self, transactions: &[pb::Transaction]) {
        assert_outcomes(&self.send(transactions).await, Outcome::Written);
    }

    /// Sends contacts that must all be new.
    pub(crate) async fn write_contacts(&self, contacts: &[pb::Contact]) {
        assert_outcomes(&self.send_contacts(contacts).await, Outcome::Written);
    }

    /// Sends contracts that must all be new.
    pub(crate) async fn write_contracts(&self, contracts: &[pb::Contract]) {
        assert_outcomes(&self.send_contracts(contracts).await, Outcome::Written);
    }

    /// Sends patches that must all change something.
    pub(crate) async fn write_customers(&self, patches: &[pb::CustomerPatch]) {
        assert_outcomes(&self.send_customers(patches).await, Outcome::Written);
    }

    pub(crate) async fn find_customer(&self, subject: pb::Subject) -> Result<pb::Customer, Status> {
        let request = pb::GetCustomerRequest {
            subject: Some(subject),
            ..Default::default()
        };
        let answer = self.customers().get_customer(request).await;
        answer.map(|answer| answer.into_inner().customer.unwrap())
    }

    pub(crate) async fn customer(&self, id: &str) -> pb::Customer {
        self.find_customer(by_id(id)).await.unwrap()
    }

    /// The classification as of a day; today when it is empty.
    pub(crate) async fn classify(&self, subject: pb::Subject, as_of: &str) -> pb::ClassifyResponse {
        let request = pb::ClassifyRequest {
            subject: Some(subject),
            as_of: as_of.to_owned(),
            ..Default::default()
        };
        self.scoring().classify(request).await.unwrap().into_inner()
    }

    /// The score as of a day over the horizon of the definitions; today when the day is empty.
    pub(crate) async fn score(
        &self,
        subject: pb::Subject,
        as_of: &str,
    ) -> pb::ScoreLifetimeValueResponse {
        let request = pb::ScoreLifetimeValueRequest {
            subject: Some(subject),
            as_of: as_of.to_owned(),
            horizon_months: 0,
            ..Default::default()
        };
        let answer = self.scoring().score_lifetime_value(request).await;
        answer.unwrap().into_inner()
    }
}

/// Every result is `outcome`.
#[track_caller]
pub(crate) fn assert_outcomes(results: &[pb::ItemResult], outcome: Outcome) {
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result.outcome(), outcome, "item {at}: {result:?}");
    }
}
