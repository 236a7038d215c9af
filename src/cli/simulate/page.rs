//! A simulation as tables.

use crate::cli::text::{self, Align};
use crate::pb;

/// Hours that a column of the load by hour covers.
const HOURS_A_COLUMN: usize = 3;

/// The tables of each document, and what changes between them.
pub(super) fn page(response: &pb::SimulateRoutingResponse, names: &[String]) -> String {
    let mut parts = vec![head(response)];
    for (name, simulation) in names.iter().zip(&response.simulations) {
        if simulation.queues.is_empty() {
            continue;
        }
        parts.push(format!("{name}\n{}", text::indented(&loads(simulation))));
        parts.push(format!(
            "{name}: contacts by hour of arrival\n{}",
            text::indented(&hours(simulation))
        ));
    }
    if let [first, second] = names {
        parts.push(changes(response, first, second));
    }
    parts.join("\n\n")
}

fn head(response: &pb::SimulateRoutingResponse) -> String {
    let mut rows = vec![("Contacts", response.contact_count.to_string())];
    let skipped = [
        (
            "Skipped",
            response.contacts_without_time,
            "without a time of day",
        ),
        (
            "Skipped",
            response.contacts_left_out,
            "beyond the first 50,000",
        ),
    ];
    for (label, count, why) in skipped {
        if count > 0 {
            rows.push((label, format!("{count} {why}")));
        }
    }
    text::labelled(&rows)
}

fn loads(simulation: &pb::SimulatedRouting) -> String {
    let header = [
        ("queue", Align::Left),
        ("contacts", Align::Right),
        ("open at arrival", Align::Right),
        ("mean wait", Align::Right),
        ("late", Align::Right),
        ("unanswered", Align::Right),
    ];
    let rows = simulation.queues.iter().map(|load| {
        vec![
            name(&load.queue),
            load.contacts.to_string(),
            share(load.contacts - load.closed_at_arrival, load.contacts),
            load.mean_wait_seconds.map_or_else(String::new, wait),
            format!("{} of {}", load.breached, load.with_due_time),
            load.unanswered.to_string(),
        ]
    });
    text::table(&header, &rows.collect::<Vec<_>>())
}

fn hours(simulation: &pb::SimulatedRouting) -> String {
    let labels: Vec<String> = (0..24)
        .step_by(HOURS_A_COLUMN)
        .map(|hour| format!("{hour:02}-{:02}", hour + HOURS_A_COLUMN))
        .collect();
    let columns = labels.iter().map(|label| (label.as_str(), Align::Right));
    let header: Vec<_> = std::iter::once(("queue", Align::Left))
        .chain(columns)
        .collect();
    let rows = simulation.queues.iter().map(|load| {
        let counts = load.contacts_by_hour.chunks(HOURS_A_COLUMN);
        let counts = counts.map(|hours| hours.iter().sum::<i64>().to_string());
        std::iter::once(name(&load.queue)).chain(counts).collect()
    });
    text::table(&header, &rows.collect::<Vec<_>>())
}

fn changes(response: &pb::SimulateRoutingResponse, first: &str, second: &str) -> String {
    if response.changes.is_empty() {
        return "No contact changes its queue.".to_owned();
    }
    let header = [
        (first, Align::Left),
        (second, Align::Left),
        ("contacts", Align::Right),
    ];
    let rows = response.changes.iter().map(|change| {
        let contacts = change.contacts.to_string();
        vec![name(&change.from_queue), name(&change.to_queue), contacts]
    });
    let table = text::table(&header, &rows.collect::<Vec<_>>());
    format!(
        "Contacts that change their queue\n{}",
        text::indented(&table)
    )
}

/// A line for each queue with agents but without contacts: its name may be mistyped.
pub(super) fn idle_agents(
    response: &pb::SimulateRoutingResponse,
    agents: &[pb::QueueAgents],
) -> String {
    let loads = response.simulations.iter().flat_map(|it| &it.queues);
    let queues: Vec<&str> = loads.map(|load| &*load.queue).collect();
    let idle = agents.iter().map(|one| &*one.queue);
    let idle = idle.filter(|queue| !queues.contains(queue));
    let lines = idle.map(|queue| format!("\n--agents: no contact comes to the queue {queue:?}"));
    lines.collect::<Vec<_>>().concat()
}

fn name(queue: &str) -> String {
    if queue.is_empty() { "no queue" } else { queue }.to_owned()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bounded by the number of contacts"
)]
fn share(part: i64, whole: i64) -> String {
    format!(
        "{} %",
        text::fixed(100.0 * part as f64 / whole.max(1) as f64, 0)
    )
}

/// Seconds in the largest unit that shows something.
fn wait(seconds: f64) -> String {
    match seconds {
        _ if seconds < 60.0 => format!("{} s", text::fixed(seconds, 0)),
        _ if seconds < 3_600.0 => format!("{} min", text::fixed(seconds / 60.0, 1)),
        _ => format!("{} h", text::fixed(seconds / 3_600.0, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_documents_are_compared_in_tables() {
        let load = |queue: &str, contacts, late, wait| {
            let mut by_hour = vec![0; 24];
            by_hour[9] = contacts;
            pb::QueueLoad {
                queue: queue.to_owned(),
                contacts,
                closed_at_arrival: contacts / 4,
                with_due_time: contacts,
                breached: late,
                mean_wait_seconds: Some(wait),
                contacts_by_hour: by_hour,
                ..Default::default()
            }
        };
        let response = pb::SimulateRoutingResponse {
            simulations: vec![
                pb::SimulatedRouting {
                    queues: vec![load("service", 8, 3, 90.0)],
                },
                pb::SimulatedRouting {
                    queues: vec![load("night", 2, 0, 5.4), load("service", 6, 1, 7200.0)],
                },
            ],
            changes: vec![pb::QueueChange {
                from_queue: "service".to_owned(),
                to_queue: "night".to_owned(),
                contacts: 2,
            }],
            contact_count: 8,
            contacts_without_time: 1,
            ..Default::default()
        };
        let agents = ["servcie", "night"].map(|queue| pb::QueueAgents {
            queue: queue.to_owned(),
            agents: 1,
        });
        assert_eq!(
            idle_agents(&response, &agents),
            "\n--agents: no contact comes to the queue \"servcie\""
        );
        let names = ["a.yaml".to_owned(), "b.yaml".to_owned()];
        let page = page(&response, &names);
        for line in [
            "Contacts  8",
            "Skipped   1 without a time of day",
            "  service         8             75 %    1.5 min  3 of 8           0",
            "  service         6             83 %      2.0 h  1 of 6           0",
            "  a.yaml   b.yaml  contacts",
            "  service  night          2",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }
}
