//! The use cases over the database, the services over them, and what goes on beside the calls.

mod following;
mod upkeep;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    api::routes::ContactRoutes,
    app::{
        database::{Database, READ_TIMEOUT},
        lanes::LaneThreads,
        server::{Limits, Served, Shared},
        settings::Settings,
    },
    cache::{
        identifiers::IdentifierCache,
        model_versions::ModelVersions,
        profiles::{ProfileCache, profile_cache},
        read_through::Bounds,
    },
    domain::telephony,
    grpc::{
        self,
        layers::{lane::Lanes, memory::FromMemory},
    },
    metrics::Metrics,
    pb,
    service::{
        answer::{
            classify::{Classifier, LongAnswers},
            profiles::Profiles,
            route::Router,
            subjects::Subjects,
        },
        current_basis::CurrentBasis,
        customers::Customers,
        definitions::DefinitionRevisions,
        desk::{CustomerDesk, GroupDesk},
        error::ServiceError,
        ingest::Ingest,
        models::{Models, evaluate::Evaluations},
        profile_checks::ProfileChecks,
        simulation::Simulations,
        tokens::Tokens,
    },
    store::pool::Pool,
};

use self::upkeep::{tend, tend_background, warm_start};

/// Share of the cache memory that identifiers get: three of them weigh a thirteenth of their customer, and strangers are held too.
const IDENTIFIER_SHARE: u64 = 12;

/// Builds the use cases over the database and the services over them.
pub(super) async fn build(
    settings: &Settings,
    limits: &Limits,
    shared: &Shared,
    threads: &LaneThreads,
    database: &Database,
    (control, stop): (&Handle, &CancellationToken),
) -> Result<(Served, ContactRoutes), ServiceError> {
    let (metrics, clock, lanes) = (&shared.metrics, &shared.clock, &threads.lanes);
    let (cache, identifiers) = caches(settings, database, metrics);
    let seen = following::begin(database, control).await?;
    let without_rate = metrics.currencies_without_rate.clone();
    // Where the pool's connections are used later: a connection belongs to the runtime that opened it.
    let loaded = CurrentBasis::load(database.batch.clone(), without_rate);
    let loaded = threads.background().spawn(loaded).await;
    let bases = loaded.map_err(|error| ServiceError::Internal(Box::new(error)))??;
    let bases = Arc::new(bases.announced_by(following::announcements(database)));
    let caches = (&cache, &identifiers);
    let handles = (control, threads.background());
    let follower = following::start(seen, caches, &bases, (database, shared), handles);
    let subjects = Arc::new(Subjects::new(
        Arc::clone(&identifiers),
        database.key.clone(),
    ));
    let ingest = ingest(caches, &bases, shared, database);
    let (lookups, long_answers) = classifiers(&subjects, &cache, &bases, shared, lanes, database);
    let desk = desk(
        (&subjects, &cache, &bases),
        (&long_answers, &ingest),
        shared,
        database,
    );
    let customers = customers(subjects, &cache, &bases, database);
    let definitions = DefinitionRevisions {
        pool: database.batch.clone(),
        bases: Arc::clone(&bases),
        clock: Arc::clone(clock),
        zone: database.zone.clone(),
        lane: lanes.admin.clone(),
    };
    let models = models(&bases, lanes, shared, database);
    let caches = (cache, identifiers);
    let background = (threads.background(), stop);
    warm_start(settings, database, caches.clone(), background);
    tend(stop, database, metrics, caches);
    tend_background(settings, &bases, database, shared, background);
    let zone = database.zone.clone();
    let contacts = contacts(settings, &lookups, metrics);
    let served = served(
        limits.max_message_bytes,
        (lookups, long_answers),
        grpc::routing::Routing::new(contacts.clone(), simulations(&bases, lanes, database)),
        (
            grpc::ingest::IngestApi::new(
                Arc::clone(&ingest),
                Arc::clone(clock),
                zone,
                lanes.ingest.clone(),
            ),
            grpc::corrections::CorrectionApi::new(ingest),
            desk,
        ),
        customers,
        models,
        (
            grpc::definitions::DefinitionApi::new(Arc::new(definitions)),
            tokens(shared, database),
        ),
    );
    Ok((Served { follower, ..served }, contacts))
}

/// Who writes facts.
fn ingest(
    (profiles, identifiers): (&Arc<ProfileCache>, &Arc<IdentifierCache>),
    bases: &Arc<CurrentBasis>,
    shared: &Shared,
    database: &Database,
) -> Arc<Ingest> {
    Arc::new(Ingest {
        pool: database.write.clone(),
        read_pool: database.write.clone(),
        profiles: Arc::clone(profiles),
        identifiers: Arc::clone(identifiers),
        key: database.key.clone(),
        bases: Arc::clone(bases),
        zone: database.zone.clone(),
        clock: Arc::clone(&shared.clock),
        metrics: shared.metrics.ingest.clone(),
    })
}

/// What is stored of customers, one by one and page by page.
fn customers(
    subjects: Arc<Subjects>,
    cache: &Arc<ProfileCache>,
    bases: &Arc<CurrentBasis>,
    database: &Database,
) -> grpc::customers::CustomerApi {
    let customers = Customers {
        subjects,
        cache: Arc::clone(cache),
        pool: database.read.clone(),
    };
    let checks = ProfileChecks {
        pool: database.batch.clone(),
        bases: Arc::clone(bases),
    };
    grpc::customers::CustomerApi::new(Arc::new(customers), checks)
}

/// The identities of callers.
fn tokens(shared: &Shared, database: &Database) -> grpc::tokens::TokenApi {
    grpc::tokens::TokenApi::new(Arc::new(Tokens {
        pool: database.batch.clone(),
        clock: Arc::clone(&shared.clock),
    }))
}

/// Fits and evaluations.
fn models(
    bases: &Arc<CurrentBasis>,
    lanes: &Lanes,
    shared: &Shared,
    database: &Database,
) -> grpc::models::ModelApi {
    let (clock, metrics) = (&shared.clock, &shared.metrics);
    let models = Models::new(
        database.batch.clone(),
        Arc::clone(bases),
        lanes.fit.clone(),
        Arc::clone(clock),
        database.zone.clone(),
        metrics.fits.clone(),
    );
    let evaluations = Evaluations::new(
        database.batch.clone(),
        Arc::clone(bases),
        lanes.fit.clone(),
        Arc::clone(clock),
        database.zone.clone(),
        metrics.evaluations.clone(),
    );
    grpc::models::ModelApi::new(Arc::new(models), Arc::new(evaluations))
}

/// Who routes recorded contacts again.
fn simulations(bases: &Arc<CurrentBasis>, lanes: &Lanes, database: &Database) -> Arc<Simulations> {
    Arc::new(Simulations {
        batch: database.batch.clone(),
        bases: Arc::clone(bases),
        lane: lanes.fit.clone(),
        zone: database.zone.clone(),
    })
}

/// Who routes contacts, with the numbering plans at hand.
fn contacts(settings: &Settings, lookups: &Arc<Classifier>, metrics: &Metrics) -> ContactRoutes {
    telephony::warm();
    let router = Router::new(
        Arc::clone(lookups),
        settings.route_budget(),
        metrics.routes.clone(),
    );
    ContactRoutes::new(Arc::new(router))
}

/// The service desk: about single customers on the threads of long answers, about groups on those of fits.
fn desk(
    parts: (&Arc<Subjects>, &Arc<ProfileCache>, &Arc<CurrentBasis>),
    (long_answers, ingest): (&Arc<Classifier>, &Arc<Ingest>),
    shared: &Shared,
    database: &Database,
) -> grpc::desk::ServiceDesk {
    let customers = CustomerDesk {
        classifier: Arc::clone(long_answers),
        pool: database.answers.clone(),
    };
    let groups = CustomerDesk {
        classifier: classifier(parts, shared, database, &database.batch, None),
        pool: database.batch.clone(),
    };
    let (ingest, clock) = (Arc::clone(ingest), Arc::clone(&shared.clock));
    grpc::desk::ServiceDesk::new(customers, GroupDesk::new(groups), ingest, clock)
}

/// A classifier that reads through `pool`.
fn classifier(
    (subjects, cache, bases): (&Arc<Subjects>, &Arc<ProfileCache>, &Arc<CurrentBasis>),
    shared: &Shared,
    database: &Database,
    pool: &Pool,
    long: Option<LongAnswers>,
) -> Arc<Classifier> {
    Arc::new(Classifier {
        subjects: Arc::clone(subjects),
        profiles: Arc::new(Profiles::new(Arc::clone(cache), pool.clone())),
        bases: Arc::clone(bases),
        clock: Arc::clone(&shared.clock),
        zone: database.zone.clone(),
        versions: ModelVersions::new(pool.clone()),
        breaker: Arc::clone(&database.breaker),
        long,
    })
}

/// Who answers lookups, and who answers what takes longer: the same, but for the connections.
fn classifiers(
    subjects: &Arc<Subjects>,
    cache: &Arc<ProfileCache>,
    bases: &Arc<CurrentBasis>,
    shared: &Shared,
    lanes: &Lanes,
    database: &Database,
) -> (Arc<Classifier>, Arc<Classifier>) {
    let parts = (subjects, cache, bases);
    let classifier = |pool: &Pool, long| classifier(parts, shared, database, pool, long);
    let long_answers = classifier(&database.answers, None);
    let lookups = LongAnswers {
        lane: lanes.batch.clone(),
        classifier: Arc::clone(&long_answers),
    };
    (classifier(&database.read, Some(lookups)), long_answers)
}

/// The caches, within the memory that the settings give them.
fn caches(
    settings: &Settings,
    database: &Database,
    metrics: &Metrics,
) -> (Arc<ProfileCache>, Arc<IdentifierCache>) {
    let memory = settings.memory.cache_memory.bytes();
    let bounds = |max_bytes| Bounds {
        max_bytes,
        load_timeout: READ_TIMEOUT,
    };
    let identifier_bytes = memory / IDENTIFIER_SHARE;
    let cache = profile_cache(
        database.read.clone(),
        Arc::clone(&database.breaker),
        bounds(memory - identifier_bytes),
        metrics.profile_cache.clone(),
    );
    let identifiers = Arc::new(IdentifierCache::new(
        database.read.clone(),
        Arc::clone(&database.breaker),
        bounds(identifier_bytes),
        metrics.identifier_cache.clone(),
    ));
    (cache, identifiers)
}

/// The services over the use cases, with messages of at most so many bytes.
fn served(
    bytes: usize,
    (lookups, long_answers): (Arc<Classifier>, Arc<Classifier>),
    routing: grpc::routing::Routing,
    (ingest, corrections, desk): (
        grpc::ingest::IngestApi,
        grpc::corrections::CorrectionApi,
        grpc::desk::ServiceDesk,
    ),
    customers: grpc::customers::CustomerApi,
    models: grpc::models::ModelApi,
    (definitions, tokens): (grpc::definitions::DefinitionApi, grpc::tokens::TokenApi),
) -> Served {
    use pb::{
        correction_service_server::CorrectionServiceServer,
        customer_service_server::CustomerServiceServer,
        definition_service_server::DefinitionServiceServer,
        ingest_service_server::IngestServiceServer, model_service_server::ModelServiceServer,
        routing_service_server::RoutingServiceServer,
        service_desk_service_server::ServiceDeskServiceServer,
        token_service_server::TokenServiceServer,
    };
    let scoring = grpc::scoring::Scoring::new(lookups, long_answers, bytes);
    let scoring = grpc::encoded::ScoringServer::new(scoring);
    let from_memory = FromMemory {
        find: {
            let (scoring, routing) = (scoring.find_in_memory(), routing.find_in_memory());
            Arc::new(move |path, message| scoring(path, message).or_else(|| routing(path, message)))
        },
        never_fails: grpc::routing::never_fails,
        fall_back: routing.fall_back(),
    };
    let routes = Routes::default()
        .add_service(scoring)
        .add_service(
            RoutingServiceServer::new(routing)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
        .add_service(
            IngestServiceServer::new(ingest)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
        .add_service(
            CorrectionServiceServer::new(corrections)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
        .add_service(
            ServiceDeskServiceServer::new(desk)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
        .add_service(
            CustomerServiceServer::new(customers)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
        .add_service(
            ModelServiceServer::new(models)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
        .add_service(
            DefinitionServiceServer::new(definitions)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
        .add_service(
            TokenServiceServer::new(tokens)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        );
    Served {
        from_memory: Some(from_memory),
        ..Served::from(routes)
    }
}
