//! Simulations of routing, from messages and as messages.

use std::collections::BTreeMap;

use super::{required_day, revisions::problems, texts, violations::Checker};
use crate::{
    domain::{simulation::QueueLoad, text::Label},
    pb,
    service::simulation::{Simulation, SimulationOutcome, SimulationRequest},
};

/// Most bytes of a document.
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
/// Most days of a period.
const MAX_DAYS: i32 = 366;
/// Most queues with agents.
const MAX_QUEUES: usize = 200;
/// Most agents of a queue.
const MAX_AGENTS: i32 = 10_000;
/// Longest duration of a contact that was recorded without one, in seconds.
const MAX_DURATION_SECONDS: i32 = 86_400;
/// That duration where none is stated.
const DEFAULT_DURATION_SECONDS: u32 = 300;

/// Reads a request; `None` is noted.
pub(crate) fn simulation(
    request: pb::SimulateRoutingRequest,
    check: &mut Checker<'_>,
) -> Option<SimulationRequest> {
    let documents = [
        ("document", &request.document),
        ("other_document", &request.other_document),
    ];
    for (field, document) in documents {
        if document.len() > MAX_DOCUMENT_BYTES {
            let message = format!("is longer than {MAX_DOCUMENT_BYTES} bytes");
            check.field(field).refuse("TOO_LONG", message);
        }
    }
    let from = required_day(&request.from, &mut check.field("from"));
    let until = required_day(&request.until, &mut check.field("until"));
    if let Some((from, until)) = from.zip(until) {
        if until < from {
            let message = format!("is before {from}, the first day");
            check.field("until").refuse("OUT_OF_RANGE", message);
        } else if until - from >= MAX_DAYS {
            let message = format!("is more than {MAX_DAYS} days from {from}: shorten the period");
            check.field("until").refuse("OUT_OF_RANGE", message);
        }
    }
    let seconds = request.default_duration_seconds;
    if !(0..=MAX_DURATION_SECONDS).contains(&seconds) {
        let message = format!("is {seconds}; write 1 to {MAX_DURATION_SECONDS}, or 0 for 300");
        let mut check = check.field("default_duration_seconds");
        check.refuse("OUT_OF_RANGE", message);
    }
    let seconds = u32::try_from(seconds).ok().filter(|&seconds| seconds > 0);
    let agents = agents(&request.agents, check);
    let composed = |document: String| texts::composed(&document).into_owned();
    let first = (!request.document.is_empty()).then(|| composed(request.document));
    let second =
        (!request.other_document.is_empty()).then(|| Some(composed(request.other_document)));
    Some(SimulationRequest {
        documents: std::iter::once(first).chain(second).collect(),
        from: from?,
        until: until?,
        agents,
        default_duration_seconds: seconds.unwrap_or(DEFAULT_DURATION_SECONDS),
    })
}

fn agents(stated: &[pb::QueueAgents], check: &mut Checker<'_>) -> BTreeMap<Label, u32> {
    let mut agents = BTreeMap::new();
    if stated.len() > MAX_QUEUES {
        let message = format!(
            "has {} queues; at most {MAX_QUEUES} are allowed",
            stated.len()
        );
        check.field("agents").refuse("TOO_MANY", message);
        return agents;
    }
    for (at, one) in stated.iter().enumerate() {
        let mut check = check.element("agents", at);
        if !(0..=MAX_AGENTS).contains(&one.agents) {
            let message = format!("is {}; write 0 to {MAX_AGENTS}", one.agents);
            check.field("agents").refuse("OUT_OF_RANGE", message);
        }
        let count = u32::try_from(one.agents).unwrap_or_default();
        if agents
            .insert(texts::composed(&one.queue).into(), count)
            .is_some()
        {
            let message = "is listed twice: remove one";
            check.field("queue").refuse("REPEATED", message);
        }
    }
    agents
}

/// The message of what came of the documents that a request has.
pub(crate) fn simulation_message(
    outcome: SimulationOutcome,
    documents: &[Option<String>],
) -> pb::SimulateRoutingResponse {
    match outcome {
        SimulationOutcome::Simulated(simulation) => simulated(&simulation),
        SimulationOutcome::Refused(at, found) => {
            let document = documents.get(at).cloned().flatten().unwrap_or_default();
            pb::SimulateRoutingResponse {
                problems: problems(&document, &found),
                problem_document: i32::try_from(at + 1).unwrap_or(i32::MAX),
                ..Default::default()
            }
        }
    }
}

fn simulated(simulation: &Simulation) -> pb::SimulateRoutingResponse {
    let changes = simulation.changes.iter();
    let loads = simulation.loads.iter().map(|loads| pb::SimulatedRouting {
        queues: loads
            .iter()
            .map(|(queue, load)| queue_load(queue, load))
            .collect(),
    });
    pb::SimulateRoutingResponse {
        simulations: loads.collect(),
        changes: changes
            .map(|((from, to), contacts)| pb::QueueChange {
                from_queue: from.to_string(),
                to_queue: to.to_string(),
                contacts: number(*contacts),
            })
            .collect(),
        contact_count: number(simulation.routed),
        contacts_without_time: number(simulation.without_time),
        contacts_left_out: number(simulation.left_out),
        ..Default::default()
    }
}

fn queue_load(queue: &Label, load: &QueueLoad) -> pb::QueueLoad {
    pb::QueueLoad {
        queue: queue.to_string(),
        contacts: number(load.contacts),
        closed_at_arrival: number(load.closed_at_arrival),
        with_due_time: number(load.with_due),
        breached: number(load.breached),
        unanswered: number(load.unserved),
        mean_wait_seconds: load.mean_wait_seconds(),
        contacts_by_hour: load.by_hour.iter().copied().map(number).collect(),
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
