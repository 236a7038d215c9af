//! What customers contacted about before, as a hint to what a ticket is about.

use std::{cmp::Reverse, collections::HashMap};

use super::{Sender, TicketCustomer, TopicCounts};
use crate::domain::text::Label;

/// Topics of a segment that are compared with a ticket.
const SEGMENT_TOPICS: usize = 50;

/// The most frequent topics first, then by name.
pub(super) fn most_frequent(counts: &TopicCounts) -> Vec<Label> {
    let mut topics: Vec<(&Label, u32)> = counts
        .iter()
        .map(|(topic, count)| (topic, *count))
        .collect();
    topics.sort_by_key(|(_, count)| Reverse(*count));
    topics.into_iter().map(|(topic, _)| topic.clone()).collect()
}

/// Adds to each customer what customers in the same segments contacted about.
pub(super) fn add_segment_topics(senders: &mut [Sender]) {
    let mut by_segment: HashMap<Label, TopicCounts> = HashMap::new();
    for sender in senders.iter() {
        let TicketCustomer::One { segments, .. } = &sender.customer else {
            continue;
        };
        for segment in segments {
            let counts = by_segment.entry(segment.clone()).or_default();
            for (topic, count) in &sender.topics {
                *counts.entry(topic.clone()).or_default() += count;
            }
        }
    }
    // Only the frequent ones, so that each ticket is compared with few.
    for counts in by_segment.values_mut() {
        let frequent = most_frequent(counts).into_iter().take(SEGMENT_TOPICS);
        *counts = frequent
            .filter_map(|topic| counts.remove_entry(&topic))
            .collect();
    }
    for sender in senders {
        let TicketCustomer::One { segments, .. } = &sender.customer else {
            continue;
        };
        let mut counts = TopicCounts::new();
        for (topic, count) in segments
            .iter()
            .filter_map(|it| by_segment.get(it))
            .flatten()
        {
            *counts.entry(topic.clone()).or_default() += count;
        }
        sender.segment_topics = most_frequent(&counts);
    }
}
