//! Routes the recorded contacts of a period again, as definitions would have: by the document in force, or by others that are tried out. Nothing
//! is stored.
//!
//! Each contact is routed with what was known of the customer on the evening before, at the time and on the channel that were recorded, its topic
//! being its intent. The value model is the active one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::{SignedDuration, tz::TimeZone};

use crate::{
    domain::{
        assess::{
            decide,
            routing::{ContactTerms, RouteInputs, RuledTreatment},
        },
        basis::{Basis, Revision},
        calendar::Day,
        customer::{
            group::Groups,
            profile::{DatedProfile, Profile},
        },
        definitions::Definitions,
        rules::diagnostic::Diagnostic,
        simulation::{QueueLoad, RoutedContact, changes, simulate},
        stop,
        text::{CustomerId, Label},
    },
    service::{
        answer::profiles::fold_all, current_basis::CurrentBasis, error::ServiceError, lane::Lane,
    },
    store::{self, pool::Pool, simulation_input::TimedContact},
};

/// Contacts of a simulation at most. Chosen: a month of a large service, in less than a minute.
pub const MAX_CONTACTS: i64 = 50_000;

/// Customers whose facts are read at once.
const PART: usize = 500;

/// Simulates routing.
pub struct Simulations {
    /// For the contacts, whose statement may run for a minute.
    pub batch: Pool,
    /// The basis in force.
    pub bases: Arc<CurrentBasis>,
    /// Where contacts are routed.
    pub lane: Lane,
    /// The zone in which days are counted.
    pub zone: TimeZone,
}

/// What to simulate.
#[derive(Debug, Clone)]
pub struct SimulationRequest {
    /// The documents, one or two; `None` is the one in force.
    pub documents: Vec<Option<String>>,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub until: Day,
    /// Agents of queues; a queue that is not named has as many as it needs.
    pub agents: BTreeMap<Label, u32>,
    /// How long contacts take that were recorded without a duration.
    pub default_duration_seconds: u32,
}

/// What came of a simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// The load of each queue, by each document.
    pub loads: Vec<BTreeMap<Label, QueueLoad>>,
    /// Contacts that the second document sends to another queue, by both queues.
    pub changes: BTreeMap<(Label, Label), u64>,
    /// Contacts that were routed.
    pub routed: u64,
    /// Contacts of which only the day is known, so that they were left out.
    pub without_time: u64,
    /// Contacts beyond the most that are routed: the latest ones of the period.
    pub left_out: u64,
}

/// What became of the documents of a simulation.
#[derive(Debug, Clone, PartialEq)]
pub enum SimulationOutcome {
    /// All are sound.
    Simulated(Simulation),
    /// One has problems: its number, from 0.
    Refused(usize, Vec<Diagnostic>),
}

/// The documents of a simulation, with the contacts as they are routed by each.
struct Routings {
    bases: Vec<Arc<Basis>>,
    routed: Vec<Vec<RoutedContact>>,
    zone: TimeZone,
    default_duration_seconds: u32,
}

impl Simulations {
    /// Routes the contacts of a period again.
    ///
    /// # Errors
    /// When no definitions are published and none are sent, or the database cannot be asked.
    pub async fn simulate(
        &self,
        request: SimulationRequest,
    ) -> Result<SimulationOutcome, ServiceError> {
        let mut documents = vec![];
        for (at, document) in request.documents.iter().enumerate() {
            match self.basis(document.clone()).await? {
                Ok(basis) => documents.push(basis),
                Err(problems) => return Ok(SimulationOutcome::Refused(at, problems)),
            }
        }
        // One snapshot: a fact that comes meanwhile would be known on some days only.
        let mut tx = self.batch.begin_snapshot().await?;
        let (from, until) = (request.from, request.until);
        let (timed, without_time) =
            store::simulation_input::count_contacts(&mut tx, from, until).await?;
        let contacts =
            store::simulation_input::list_contacts(&mut tx, from, until, MAX_CONTACTS).await?;
        let mut routings = Routings {
            routed: vec![vec![]; documents.len()],
            bases: documents,
            zone: self.zone.clone(),
            default_duration_seconds: request.default_duration_seconds,
        };
        for contacts in contacts.chunk_by(|one, other| one.day == other.day) {
            let profiles = read_profiles(&mut tx, contacts).await?;
            let contacts = contacts.to_vec();
            let route = move || {
                routings.route_day(&contacts, &profiles);
                routings
            };
            routings = self.lane.compute(route).await?;
        }
        tx.rollback().await?;
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        let agents = request.agents;
        let simulation = self.lane.compute(move || routings.finish(&agents)).await?;
        let routed = simulation.routed;
        Ok(SimulationOutcome::Simulated(Simulation {
            without_time: count(without_time),
            left_out: count(timed).saturating_sub(routed),
            ..simulation
        }))
    }

    /// The basis in force with another document; or what is wrong with that.
    async fn basis(
        &self,
        document: Option<String>,
    ) -> Result<Result<Arc<Basis>, Vec<Diagnostic>>, ServiceError> {
        let current = self.bases.current();
        let Some(document) = document else {
            return match current.revision.definitions {
                Some(_) => Ok(Ok(current)),
                None => Err(ServiceError::NoDefinitions),
            };
        };
        let read = move || Definitions::read(&document).map(Arc::new);
        let definitions = match self.lane.compute(read).await? {
            Ok(definitions) => definitions,
            Err(problems) => return Ok(Err(problems)),
        };
        let currency = definitions.value().currency;
        let basis = Basis::new(
            Revision::published(0, definitions),
            current.model.clone(),
            Some(currency),
            Arc::clone(&current.rates),
        );
        Ok(Ok(Arc::new(basis)))
    }
}

/// The profiles of the customers of a day's contacts as of the evening before.
async fn read_profiles(
    tx: &mut sqlx::PgConnection,
    contacts: &[TimedContact],
) -> Result<HashMap<CustomerId, DatedProfile>, ServiceError> {
    let Some(first) = contacts.first() else {
        return Ok(HashMap::new());
    };
    let (day, before) = (first.day, first.day.plus_days(-1));
    let customers: BTreeSet<CustomerId> =
        contacts.iter().map(|it| it.customer_id.clone()).collect();
    let customers: Vec<CustomerId> = customers.into_iter().collect();
    let mut profiles = HashMap::with_capacity(customers.len());
    for part in customers.chunks(PART) {
        let stored = store::profiles::list(tx, part).await?;
        let groups = Groups::from_profiles(stored.values());
        let mut facts = store::facts::list_joined(tx, part, Some(before), &groups).await?;
        for (id, profile) in stored {
            let history = fold_all(&facts.remove(&id).unwrap_or_default());
            let profile = Arc::new(Profile { history, ..profile });
            if let Some(dated) = DatedProfile::new(profile, day) {
                profiles.insert(id, dated);
            }
        }
    }
    Ok(profiles)
}

impl Routings {
    fn route_day(
        &mut self,
        contacts: &[TimedContact],
        profiles: &HashMap<CustomerId, DatedProfile>,
    ) {
        for contact in contacts {
            stop::check();
            let profile = profiles.get(&contact.customer_id);
            let Some((profile, terms)) = profile.zip(self.terms(contact)) else {
                continue;
            };
            for (basis, routed) in self.bases.iter().zip(&mut self.routed) {
                let seconds = contact.duration_seconds.map(i64::from);
                let seconds = seconds.unwrap_or(self.default_duration_seconds.into());
                let lasts = SignedDuration::from_secs(seconds);
                routed.extend(route(profile, basis, &terms, &self.zone, lasts));
            }
        }
    }

    fn terms(&self, contact: &TimedContact) -> Option<ContactTerms> {
        Some(ContactTerms {
            channel: Some(contact.channel.clone()),
            intent: contact.topic.clone(),
            ..ContactTerms::new(contact.at, &self.zone).ok()?
        })
    }

    fn finish(self, agents: &BTreeMap<Label, u32>) -> Simulation {
        let loads = self.bases.iter().zip(&self.routed);
        let loads = loads.filter_map(|(basis, routed)| {
            let definitions = basis.revision.definitions.as_deref()?;
            Some(simulate(routed, definitions.policies(), agents))
        });
        let loads = loads.collect();
        let changes = match self.routed.as_slice() {
            [before, after] => changes(before, after),
            _ => BTreeMap::new(),
        };
        Simulation {
            loads,
            changes,
            routed: self.routed.first().map_or(0, |it| it.len() as u64),
            without_time: 0,
            left_out: 0,
        }
    }
}

/// A contact of a customer as a document routes it; `None` without definitions, which was refused before.
fn route(
    profile: &DatedProfile,
    basis: &Basis,
    terms: &ContactTerms,
    zone: &TimeZone,
    lasts: SignedDuration,
) -> Option<RoutedContact> {
    let (assessment, decided) = decide(profile.view(), basis);
    let (mut decided, assigned) = (decided?, assessment.treatment?);
    let definitions = decided.definitions;
    let ruled = match RouteInputs::new(&mut decided, &assigned) {
        Some(inputs) => inputs.rule(definitions, terms),
        None => RuledTreatment::without_rules(assigned),
    };
    let (assigned, outcome) = ruled.at_contact(definitions, terms);
    let hour = zone.to_datetime(terms.at).hour();
    Some(RoutedContact {
        at: terms.at,
        hour: usize::try_from(hour).unwrap_or_default(),
        lasts,
        queue: assigned.treatment.queue,
        priority: assigned.treatment.priority.unwrap_or_default(),
        due: outcome.times.response_due,
    })
}
