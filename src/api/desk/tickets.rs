//! Tickets to sort, and sorted tickets.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::reason;
use crate::{
    api::{
        Calendar,
        answers::{caller_question, provenance, tier},
        facts::{instant, required_label},
        subject, texts, timestamp_message,
        violations::{Checker, Violations},
    },
    domain::{
        basis::Basis,
        customer::facts::{MAX_LABEL_BYTES, MAX_SOURCE_ID_BYTES, MAX_TOPIC_BYTES},
        desk::{
            contacts::DeskContact,
            tickets::{Category, Evidence, PriorityReason, ProductionImpact},
        },
        text::Label,
    },
    pb,
    service::desk::{PresortRequest, Presorted, PresortedTicket, Ticket, TicketCustomer},
};

/// Most tickets.
const MAX_TICKETS: usize = 1_000;
/// Most categories.
const MAX_CATEGORIES: usize = 200;
/// Most keywords of a category.
const MAX_KEYWORDS: usize = 100;
/// Most keywords of all categories: each is looked for in each ticket.
const MAX_ALL_KEYWORDS: usize = 2_000;
/// Most bytes of a title.
const MAX_TITLE_BYTES: usize = 512;
/// Most bytes of a text.
const MAX_TEXT_BYTES: usize = 16_384;
/// Violations that are listed; a thousand tickets may have more.
const MAX_VIOLATIONS: usize = 20;

/// What is wrong with the subjects of tickets, by the id of the ticket.
pub(crate) type UnreadableSubjects = HashMap<Label, Vec<pb::Violation>>;

/// Tickets to sort, or what is wrong with them. A ticket whose subject alone is wrong is sorted without it.
pub(crate) fn presort_request(
    request: &pb::PresortTicketsRequest,
    calendar: &Calendar,
) -> Result<(PresortRequest, UnreadableSubjects), Violations> {
    let mut violations = Violations::at_most(MAX_VIOLATIONS);
    let mut check = violations.at("");
    let size = request.tickets.len();
    if !(1..=MAX_TICKETS).contains(&size) {
        check.field("tickets").refuse(
            "BATCH_SIZE",
            format!("has {size} items: send 1 to {MAX_TICKETS} per call"),
        );
    }
    let categories = categories(&request.categories, &mut check);
    let mut ids = HashSet::new();
    let (mut tickets, mut unreadable) = (vec![], UnreadableSubjects::new());
    for (at, message) in request.tickets.iter().enumerate().take(MAX_TICKETS) {
        let mut check = check.element("tickets", at);
        if !ids.insert(texts::composed(&message.ticket_id)) {
            check
                .field("ticket_id")
                .refuse("REPEATED", "appears twice: send each ticket once");
        }
        let Some(ticket) = ticket(message, calendar, &mut check) else {
            continue;
        };
        let mut problems = Violations::default();
        let ticket = with_subject(ticket, message, at, &mut problems);
        if ticket.is_subject_unreadable {
            unreadable.insert(ticket.id.clone(), problems.into_vec());
        }
        tickets.push(ticket);
    }
    let request = PresortRequest {
        tickets,
        categories,
    };
    violations.into_result((request, unreadable))
}

/// The ticket at a place of the request with its subject, if that can be read.
fn with_subject(
    ticket: Ticket,
    message: &pb::Ticket,
    at: usize,
    problems: &mut Violations,
) -> Ticket {
    let Some(named) = &message.subject else {
        return ticket;
    };
    let mut check = problems.at("");
    let mut check = check.element("tickets", at);
    let subject = subject(Some(named), &mut check.field("subject"));
    Ticket {
        is_subject_unreadable: subject.is_none(),
        subject,
        ..ticket
    }
}

fn ticket(message: &pb::Ticket, calendar: &Calendar, check: &mut Checker<'_>) -> Option<Ticket> {
    let id = required_label(
        &message.ticket_id,
        MAX_SOURCE_ID_BYTES,
        &mut check.field("ticket_id"),
    );
    for (name, text, most) in [
        ("title", &message.title, MAX_TITLE_BYTES),
        ("text", &message.text, MAX_TEXT_BYTES),
        ("topic", &message.topic, MAX_TOPIC_BYTES),
        ("channel", &message.channel, MAX_LABEL_BYTES),
    ] {
        if text.len() > most {
            let size = text.len();
            check.field(name).refuse(
                "TOO_LONG",
                format!("is {size} bytes long; at most {most} are allowed"),
            );
        }
    }
    let impact = impact(
        message.production_impact,
        &mut check.field("production_impact"),
    );
    let created = message.created_time.as_ref();
    let created: Option<Timestamp> = created.and_then(|time| {
        let time = instant(time, calendar, &mut check.field("created_time"))?;
        time.instant
    });
    Some(Ticket {
        id: id?,
        subject: None,
        is_subject_unreadable: false,
        title: texts::composed(&message.title).into_owned(),
        text: texts::composed(&message.text).into_owned(),
        topic: texts::composed(&message.topic).into_owned(),
        channel: Some(Label::from(texts::composed(&message.channel)))
            .filter(|channel| !channel.is_empty()),
        impact,
        created,
    })
}

fn impact(number: i32, check: &mut Checker<'_>) -> ProductionImpact {
    match pb::ProductionImpact::try_from(number) {
        Ok(pb::ProductionImpact::Unspecified | pb::ProductionImpact::None) => {
            ProductionImpact::None
        }
        Ok(pb::ProductionImpact::Degraded) => ProductionImpact::Degraded,
        Ok(pb::ProductionImpact::Stopped) => ProductionImpact::Stopped,
        Err(_) => {
            check.refuse(
                "UNKNOWN_ENUM_VALUE",
                format!("{number} is not a production impact"),
            );
            ProductionImpact::None
        }
    }
}

fn categories(messages: &[pb::TicketCategory], check: &mut Checker<'_>) -> Vec<Category> {
    let keywords: usize = messages.iter().map(|it| it.keywords.len()).sum();
    if messages.len() > MAX_CATEGORIES || keywords > MAX_ALL_KEYWORDS {
        check.field("categories").refuse(
            "TOO_MANY",
            format!(
                "has {} categories with {keywords} keywords: at most {MAX_CATEGORIES} with {MAX_ALL_KEYWORDS} are allowed",
                messages.len()
            ),
        );
        return vec![];
    }
    let mut read = vec![];
    for (at, message) in messages.iter().enumerate() {
        let mut check = check.element("categories", at);
        let name = required_label(&message.name, MAX_TOPIC_BYTES, &mut check.field("name"));
        if message.keywords.len() > MAX_KEYWORDS {
            let most = format!("has more than {MAX_KEYWORDS} keywords");
            check.field("keywords").refuse("TOO_MANY", most);
        }
        let mut keywords = vec![];
        for (at, keyword) in message.keywords.iter().enumerate() {
            let mut check = check.element("keywords", at);
            let keyword = required_label(keyword, MAX_LABEL_BYTES, &mut check);
            keywords.extend(keyword.map(|keyword| keyword.to_string()));
        }
        read.extend(name.map(|name| Category::new(name, &keywords)));
    }
    read
}

/// The message of sorted tickets.
pub(crate) fn presort_response(
    answer: &Presorted,
    unreadable: &UnreadableSubjects,
) -> pb::PresortTicketsResponse {
    let message = |ticket: &PresortedTicket| pb::PresortedTicket {
        violations: unreadable.get(&ticket.id).cloned().unwrap_or_default(),
        ..presorted(ticket, &answer.basis)
    };
    pb::PresortTicketsResponse {
        tickets: answer.tickets.iter().map(message).collect(),
        provenance: Some(provenance(None, answer.as_of, &answer.basis)),
    }
}

fn presorted(ticket: &PresortedTicket, basis: &Basis) -> pb::PresortedTicket {
    let mut message = pb::PresortedTicket {
        ticket_id: ticket.id.to_string(),
        priority: i32::try_from(ticket.urgency.priority).unwrap_or(i32::MAX),
        priority_reasons: ticket.urgency.reasons.iter().map(points).collect(),
        due_time: ticket.urgency.due.map(timestamp_message),
        is_channel_offered: ticket.is_channel_offered,
        last_contacts: ticket.last_contacts.iter().map(last_contact).collect(),
        ..Default::default()
    };
    if let Some(category) = &ticket.category {
        let evidence = match category.evidence {
            Evidence::Topic => pb::CategoryEvidence::Topic,
            Evidence::Keywords => pb::CategoryEvidence::Keywords,
            Evidence::PastTopic => pb::CategoryEvidence::PastTopic,
            Evidence::SegmentTopic => pb::CategoryEvidence::SegmentTopic,
        };
        message.category = category.name.to_string();
        message.category_evidence = evidence.into();
        message.category_words.clone_from(&category.words);
    }
    add_customer(&ticket.customer, basis, &mut message);
    add_treatment(ticket, &mut message);
    message
}

fn add_customer(customer: &TicketCustomer, basis: &Basis, message: &mut pb::PresortedTicket) {
    let found = match customer {
        TicketCustomer::Unknown => pb::Match::Unknown,
        TicketCustomer::Unavailable => pb::Match::Unavailable,
        TicketCustomer::Unreadable => pb::Match::Invalid,
        TicketCustomer::One {
            id,
            name,
            tier: held,
            segments,
        } => {
            message.customer_id = id.to_string();
            name.as_deref()
                .unwrap_or_default()
                .clone_into(&mut message.display_name);
            message.tier = Some(tier(*held, basis));
            message.segments = segments.iter().map(ToString::to_string).collect();
            pb::Match::One
        }
        TicketCustomer::Several {
            tier: shared,
            question,
        } => {
            message.tier = shared.map(|shared| tier(shared, basis));
            message.question = question.as_ref().map(caller_question);
            pb::Match::Ambiguous
        }
    };
    message.r#match = found.into();
}

fn add_treatment(ticket: &PresortedTicket, message: &mut pb::PresortedTicket) {
    let Some(assigned) = &ticket.treatment else {
        return;
    };
    let treatment = &assigned.treatment;
    let texts = |labels: &Option<Arc<[Label]>>| {
        let labels = labels.as_deref().unwrap_or_default().iter();
        labels.map(ToString::to_string).collect()
    };
    let minutes = |minutes: u32| i32::try_from(minutes).unwrap_or(i32::MAX);
    let sla = treatment.sla.as_ref();
    let queue = treatment.queue.as_deref().unwrap_or_default();
    queue.clone_into(&mut message.queue);
    message.roles = texts(&treatment.roles);
    message.skills = texts(&treatment.skills);
    message.response_minutes = sla.map(|sla| minutes(sla.response_minutes));
    message.resolution_minutes = sla.and_then(|sla| sla.resolution_minutes).map(minutes);
}

fn points(part: &PriorityReason) -> pb::TicketPriorityReason {
    pb::TicketPriorityReason {
        points: i32::try_from(part.points).unwrap_or(i32::MAX),
        reason: Some(reason(&part.reason)),
    }
}

fn last_contact(contact: &DeskContact) -> pb::LastContact {
    pb::LastContact {
        day: contact.day.to_string(),
        channel: contact.channel.to_string(),
        topic: contact.topic.as_deref().unwrap_or_default().to_owned(),
        outcome: contact.outcome.as_deref().unwrap_or_default().to_owned(),
        resolved_at_first_contact: contact.resolved_first,
    }
}
