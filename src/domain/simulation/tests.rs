//! Queues by hand, and against the formula of Erlang.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{QueueLoad, RoutedContact, changes, simulate};
use crate::domain::{clv::random::Random, definitions::Definitions, text::Label};

const DOCUMENT: &str = "
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
tiers: [{name: gold, at_least: 100 EUR}, {name: silver}]
calendars:
  office: {zone: UTC, hours: {mon-fri: 08:00-18:00}}
queues:
  service: {calendar: office}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: service, fallback_queues: [other]}
    silver: {sla: {response: 1 h}, queue: service}
    UNRATED: {sla: {response: 1 h}, queue: service}
";

fn contact(queue: &str, at: &str, minutes: i64, priority: u32, due_minutes: i64) -> RoutedContact {
    let at: Timestamp = at.parse().unwrap();
    RoutedContact {
        at,
        hour: 9,
        lasts: SignedDuration::from_mins(minutes),
        queue: Some(queue.into()),
        priority,
        due: Some(at + SignedDuration::from_mins(due_minutes)),
    }
}

fn load(contacts: &[RoutedContact], agents: Option<u32>) -> QueueLoad {
    let definitions = Definitions::read(DOCUMENT).unwrap();
    let queue: Label = contacts[0].queue.clone().unwrap();
    let agents = agents.map(|agents| (queue.clone(), agents));
    let agents: BTreeMap<Label, u32> = agents.into_iter().collect();
    simulate(contacts, definitions.policies(), &agents)
        .remove(&queue)
        .unwrap()
}

#[test]
fn the_most_important_contact_is_next_and_nobody_is_interrupted() {
    let contacts = [
        contact("other", "2026-11-23T09:00:00Z", 30, 0, 10),
        contact("other", "2026-11-23T09:05:00Z", 10, 10, 40),
        contact("other", "2026-11-23T09:10:00Z", 10, 90, 25),
        contact("other", "2026-11-23T09:35:00Z", 10, 50, 20),
    ];
    // Answered at 09:00, 09:50, 09:30, 09:40.
    let one = load(&contacts, Some(1));
    assert_eq!((one.contacts, one.breached, one.unserved), (4, 1, 0));
    assert_eq!(one.waited, SignedDuration::from_mins(45 + 20 + 5));
    assert_eq!(one.mean_wait_seconds(), Some(70.0 * 60.0 / 4.0));
    let two = load(&contacts, Some(2));
    assert_eq!(
        (two.breached, two.waited),
        (0, SignedDuration::from_mins(5))
    );
    let many = load(&contacts, None);
    assert_eq!((many.breached, many.waited), (0, SignedDuration::ZERO));
    let none = load(&contacts, Some(0));
    assert_eq!((none.breached, none.unserved), (4, 4));
}

#[test]
fn a_closed_queue_keeps_contacts_until_it_opens() {
    let contacts = [
        contact("service", "2026-11-20T17:50:00Z", 30, 0, 15),
        // Of the weekend, and on Monday: by their priority.
        contact("service", "2026-11-21T10:00:00Z", 30, 0, 60 * 60),
        contact("service", "2026-11-22T10:00:00Z", 30, 5, 22 * 60),
        contact("service", "2026-11-23T08:10:00Z", 30, 9, 10),
    ];
    let load = load(&contacts, Some(1));
    assert_eq!(load.closed_at_arrival, 2);
    // 08:00 the one of Sunday, 08:30 the one of Monday, 09:00 the one of Saturday.
    assert_eq!(load.breached, 1);
    let waits = 22 * 60 + 20 + (47 * 60);
    assert_eq!(load.waited, SignedDuration::from_mins(waits));
}

/// Mean wait of M/M/2 by the formula of Erlang C (Gross, Shortle, Thompson, Harris, Fundamentals of Queueing Theory, 4th edition, 2.3): with
/// 2 agents at 80 % it is 0.64 / (1 - 0.64) of the mean time that a contact takes.
#[test]
fn waits_are_those_of_queueing_theory() {
    let mut random = Random::new(7);
    let mut exponential = |mean: f64| mean * random.exponential();
    let seconds = |seconds: f64| SignedDuration::try_from_secs_f64(seconds).unwrap();
    let mut at = 0.0;
    let contacts: Vec<RoutedContact> = (0..200_000)
        .map(|_| {
            at += exponential(100.0);
            RoutedContact {
                at: Timestamp::UNIX_EPOCH + seconds(at),
                hour: 0,
                lasts: seconds(exponential(160.0)),
                queue: Some("other".into()),
                priority: 0,
                due: None,
            }
        })
        .collect();
    let expected = 160.0 * 0.64 / (1.0 - 0.64);
    let waited = load(&contacts, Some(2)).mean_wait_seconds().unwrap();
    assert!(
        (waited / expected - 1.0).abs() < 0.05,
        "{waited} {expected}"
    );
}

#[test]
fn changes_are_counted_by_both_queues() {
    let contact = |queue: &str| contact(queue, "2026-11-23T09:00:00Z", 1, 0, 1);
    let before = [contact("a"), contact("a"), contact("b")];
    let after = [contact("b"), contact("a"), contact("b")];
    let expected = BTreeMap::from([(("a".into(), "b".into()), 1)]);
    assert_eq!(changes(&before, &after), expected);
}
