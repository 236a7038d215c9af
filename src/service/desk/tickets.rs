//! Tickets: who they are from, how urgent they are, and what an agent needs.

mod topics;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use self::topics::{add_segment_topics, most_frequent};
use super::{CustomerDesk, population::list_contacts};
use crate::{
    domain::{
        assess::{
            AssignedTreatment,
            question::CallerQuestion,
            tiers::{TierIndex, Unrated},
            treat_stranger,
        },
        basis::Basis,
        calendar::Day,
        definitions::{Policies, Stranger, Treatment},
        desk::{
            contacts::DeskContact,
            tickets::{
                Category, KnownTopics, ProductionImpact, SuggestedCategory, TicketText, Urgency,
                categorise, urgency,
            },
            window::Window,
        },
        text::{CustomerId, Label},
    },
    service::{
        answer::{
            classify::{BatchAnswer, Classified, Match, Question},
            subjects::Subject,
        },
        error::ServiceError,
    },
    store,
};

/// How far back contacts are looked at, in days.
const CONTACT_DAYS: u32 = 365;
/// Last contacts that an agent gets to see.
const LAST_CONTACTS: usize = 3;
/// Customers whose contacts are read at once.
const PART: usize = 64;

/// A ticket.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Its id.
    pub id: Label,
    /// The customer; `None`: not known.
    pub subject: Option<Subject>,
    /// Whether there is a subject that cannot be read; then `subject` is `None`.
    pub is_subject_unreadable: bool,
    /// The title.
    pub title: String,
    /// The text.
    pub text: String,
    /// The topic that the ticket system assigned.
    pub topic: String,
    /// The channel that it came by.
    pub channel: Option<Label>,
    /// What stands still at the customer.
    pub impact: ProductionImpact,
    /// When it was created; now when it is `None`.
    pub created: Option<Timestamp>,
}

/// Tickets to sort.
#[derive(Debug, Clone)]
pub struct PresortRequest {
    /// The tickets.
    pub tickets: Vec<Ticket>,
    /// The categories to choose from.
    pub categories: Vec<Category>,
}

/// Whom a ticket is from.
#[derive(Debug, Clone, Default)]
pub enum TicketCustomer {
    /// No known customer.
    Unknown,
    /// It could not be looked up.
    #[default]
    Unavailable,
    /// The subject cannot be read.
    Unreadable,
    /// One customer.
    One {
        /// The id.
        id: CustomerId,
        /// The name.
        name: Option<Label>,
        /// The tier.
        tier: Result<TierIndex, Unrated>,
        /// The names of the segments.
        segments: Vec<Label>,
    },
    /// One of several.
    Several {
        /// The tier that all share.
        tier: Option<Result<TierIndex, Unrated>>,
        /// What to ask.
        question: Option<CallerQuestion>,
    },
}

/// Number of contacts by topic.
type TopicCounts = BTreeMap<Label, u32>;

/// Who a ticket is from, and what is known of them.
#[derive(Debug, Clone, Default)]
struct Sender {
    customer: TicketCustomer,
    treatment: Option<AssignedTreatment>,
    last_contacts: Vec<DeskContact>,
    /// Contacts by topic.
    topics: TopicCounts,
    /// Topics of all customers of the call in the same segments, the most frequent first.
    segment_topics: Vec<Label>,
}

/// A sorted ticket.
#[derive(Debug, Clone)]
pub struct PresortedTicket {
    /// Its id.
    pub id: Label,
    /// Whom it is from.
    pub customer: TicketCustomer,
    /// How to treat it; `None` before definitions are published.
    pub treatment: Option<AssignedTreatment>,
    /// How urgent it is.
    pub urgency: Urgency,
    /// The category that its words point to.
    pub category: Option<SuggestedCategory>,
    /// The last contacts of the customer, the latest first.
    pub last_contacts: Vec<DeskContact>,
    /// Whether the treatment offers the channel that it came by.
    pub is_channel_offered: bool,
    created: Timestamp,
}

/// Sorted tickets.
#[derive(Debug, Clone)]
pub struct Presorted {
    /// The most urgent first.
    pub tickets: Vec<PresortedTicket>,
    /// The day of the answer.
    pub as_of: Day,
    /// The basis of the answer.
    pub basis: Arc<Basis>,
}

impl CustomerDesk {
    /// Sorts tickets.
    ///
    /// # Errors
    /// The subjects name too many customers; or the database cannot be asked.
    pub async fn presort(&self, request: &PresortRequest) -> Result<Presorted, ServiceError> {
        let (basis, as_of) = self.context(None)?;
        let now = self.classifier.clock.now();
        let mut distinct: Vec<&Subject> = vec![];
        let mut places: HashMap<&Subject, usize> = HashMap::new();
        for subject in request.tickets.iter().filter_map(|it| it.subject.as_ref()) {
            places.entry(subject).or_insert_with(|| {
                distinct.push(subject);
                distinct.len() - 1
            });
        }
        let subjects: Vec<Option<Subject>> = distinct.into_iter().cloned().map(Some).collect();
        let (mut senders, basis) = self.senders(&subjects, basis).await?;
        self.add_contacts(&mut senders, as_of).await?;
        add_segment_topics(&mut senders);
        let stranger = Sender {
            customer: TicketCustomer::Unknown,
            treatment: treat_stranger(Stranger::Unknown, &basis),
            ..Sender::default()
        };
        let unreadable = Sender {
            customer: TicketCustomer::Unreadable,
            ..stranger.clone()
        };
        let policies = basis.revision.definitions.as_ref().map(|it| it.policies());
        let mut tickets = Vec::with_capacity(request.tickets.len());
        for sender in &mut senders {
            if matches!(sender.customer, TicketCustomer::Unavailable) {
                sender.treatment.clone_from(&stranger.treatment);
            }
        }
        for ticket in &request.tickets {
            let place = ticket.subject.as_ref().and_then(|it| places.get(it));
            let nobody = if ticket.is_subject_unreadable {
                &unreadable
            } else {
                &stranger
            };
            let sender = place.and_then(|at| senders.get(*at)).unwrap_or(nobody);
            tickets.push(presorted(
                ticket,
                sender,
                &request.categories,
                policies,
                now,
            ));
            tokio::task::yield_now().await; // a caller who went away is noticed here
        }
        tickets.sort_by_key(order);
        Ok(Presorted {
            tickets,
            as_of,
            basis,
        })
    }

    /// Whom each subject names, all on one basis.
    async fn senders(
        &self,
        subjects: &[Option<Subject>],
        basis: Arc<Basis>,
    ) -> Result<(Vec<Sender>, Arc<Basis>), ServiceError> {
        let found = Mutex::new((Vec::with_capacity(subjects.len()), basis));
        // Each distinct subject is written once, in its order.
        let keep = |answer: BatchAnswer<Classified>, _: &mut Vec<u8>| {
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            if let BatchAnswer::Found(answer) = &answer {
                found.1 = Arc::clone(&answer.basis);
            }
            found.0.push(sender(answer));
        };
        let batch = self
            .classifier
            .answer_batch(subjects, &Question::default(), usize::MAX, keep)
            .await?;
        if batch.answered < subjects.len() {
            return Err(ServiceError::TooManyCustomers {
                field: "tickets",
                fitting: batch.answered,
            });
        }
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds the contacts of single customers.
    async fn add_contacts(&self, senders: &mut [Sender], as_of: Day) -> Result<(), ServiceError> {
        let window = Window::of_days(as_of, CONTACT_DAYS);
        let single = senders.iter_mut().filter_map(|sender| {
            let TicketCustomer::One { id, .. } = &sender.customer else {
                return None;
            };
            Some((id.clone(), sender))
        });
        let mut single: Vec<(CustomerId, &mut Sender)> = single.collect();
        for part in single.chunks_mut(PART) {
            let ids: Vec<CustomerId> = part.iter().map(|(id, _)| id.clone()).collect();
            let mut connection = self.pool.acquire().await?;
            let groups = store::profiles::list_groups(&mut connection, &ids).await?;
            let contacts = list_contacts(&mut connection, &ids, &groups, window).await?;
            for (id, sender) in part {
                let contacts = contacts.get(id).map_or(&[][..], |contacts| contacts);
                for topic in contacts.iter().filter_map(|it| it.topic.clone()) {
                    *sender.topics.entry(topic).or_default() += 1;
                }
                sender.last_contacts = contacts.iter().rev().take(LAST_CONTACTS).cloned().collect();
            }
        }
        Ok(())
    }
}

/// Whether a treatment offers a channel: any, where it names none.
fn is_offered(channel: Option<&Label>, treatment: Option<&Treatment>) -> bool {
    let offered = treatment.and_then(|treatment| treatment.channels.as_deref());
    match (channel, offered) {
        (None, _) | (_, None | Some([])) => true,
        (Some(channel), Some(offered)) => offered.contains(channel),
    }
}

/// Whom an answer names.
fn sender(answer: BatchAnswer<Classified>) -> Sender {
    let mut sender = Sender::default();
    let answer = match answer {
        BatchAnswer::Found(answer) => answer,
        BatchAnswer::Unavailable | BatchAnswer::Unreadable(_) => return sender,
    };
    let stranger = answer.stranger_treatment(Stranger::Unknown);
    let definitions = answer.basis.revision.definitions.as_deref();
    match answer.found {
        Match::Unknown => {
            sender.customer = TicketCustomer::Unknown;
            sender.treatment = stranger;
        }
        Match::One(one) => {
            let profile = one.profile.profile();
            let segments = one.memberships.iter().filter_map(|membership| {
                let segment = definitions?.segments().get(membership.segment.0 as usize)?;
                Some(segment.name.clone())
            });
            sender.customer = TicketCustomer::One {
                id: profile.customer_id.clone(),
                name: profile.display_name.clone(),
                tier: one.assessment.valued.tier,
                segments: segments.collect(),
            };
            sender.treatment.clone_from(&one.assessment.treatment);
        }
        Match::Ambiguous(several) => {
            let shared = several.shared.flatten();
            sender.customer = TicketCustomer::Several {
                tier: several.shared_tier,
                question: shared.as_ref().and_then(|shared| shared.question.clone()),
            };
            sender.treatment = shared.map(|shared| shared.treatment).or(stranger);
        }
    }
    sender
}

fn presorted(
    ticket: &Ticket,
    sender: &Sender,
    categories: &[Category],
    policies: Option<&Policies>,
    now: Timestamp,
) -> PresortedTicket {
    let created = ticket.created.unwrap_or(now);
    let treatment = sender
        .treatment
        .as_ref()
        .map(|assigned| &assigned.treatment);
    let text = TicketText {
        topic: &ticket.topic,
        title: &ticket.title,
        text: &ticket.text,
    };
    PresortedTicket {
        id: ticket.id.clone(),
        customer: sender.customer.clone(),
        urgency: urgency(treatment, policies, ticket.impact, created, now),
        treatment: sender.treatment.clone(),
        category: categorise(
            text,
            categories,
            KnownTopics {
                own: &most_frequent(&sender.topics),
                of_segments: &sender.segment_topics,
            },
        ),
        is_channel_offered: is_offered(ticket.channel.as_ref(), treatment),
        last_contacts: sender.last_contacts.clone(),
        created,
    }
}

/// The most urgent first; of equal ones the first due, then the oldest, then by id.
fn order(ticket: &PresortedTicket) -> (Reverse<u32>, Timestamp, Timestamp, Label) {
    (
        Reverse(ticket.urgency.priority),
        ticket.urgency.due.unwrap_or(Timestamp::MAX),
        ticket.created,
        ticket.id.clone(),
    )
}
