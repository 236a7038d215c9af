//! What a contact changes: rules about it, queues that are closed, and when an answer is due. The last stage of an assessment, and the only one
//! that needs more than the customer, the day and the basis.

mod hours;

use jiff::{Timestamp, tz::TimeZone};

pub use self::hours::{OpeningHours, RoutingOutcome, ServiceTimes};
use super::{AssignedTreatment, segments::Decided, treat_stranger};
use crate::domain::{
    basis::Basis,
    calendar::{Day, DayError},
    definitions::{
        Definitions, MAX_PRIORITY, Stranger, Treatment, TreatmentChoice, TreatmentField,
        calendars::CalendarId, routing::RuleId,
    },
    rules::{
        condition::{ContactTerm, Term},
        language::WEEKDAYS,
        program::{Absence, Memo, Silent, Slot, Slots, Verdict},
    },
    text::Label,
};

/// What rules may ask about a contact.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactTerms {
    /// Its channel, as it was sent.
    pub channel: Option<Label>,
    /// What it is about, as it was sent.
    pub intent: Option<Label>,
    /// The number that was dialled: in E.164, or as it arrived if it is none.
    pub dialled_number: Option<Label>,
    /// When it arrived, in whole seconds.
    pub at: Timestamp,
    /// The day of that in the zone of the deployment.
    pub day: Day,
    /// Days since Monday.
    pub weekday: usize,
    /// What a clock in the zone of the deployment shows.
    pub minute_of_day: i64,
}

impl ContactTerms {
    /// A contact that arrives at an instant; what is sent of it can be set.
    ///
    /// # Errors
    /// When the instant lies outside the days that are kept.
    pub fn new(at: Timestamp, zone: &TimeZone) -> Result<Self, DayError> {
        let shown = zone.to_datetime(at);
        let weekday = shown.date().weekday().to_monday_zero_offset();
        Ok(Self {
            channel: None,
            intent: None,
            dialled_number: None,
            // Due times are for people and telephone systems.
            at: Timestamp::from_second(at.as_second()).unwrap_or(at),
            day: Day::try_from(shown.date())?,
            weekday: usize::try_from(weekday).unwrap_or_default(),
            minute_of_day: i64::from(shown.hour()) * 60 + i64::from(shown.minute()),
        })
    }

    /// The fields whose values the definitions do not know, so that rules about them are UNKNOWN.
    #[must_use]
    pub fn undefined(&self, definitions: &Definitions) -> Vec<&'static str> {
        let is_channel = |name: &Label| definitions.channels().iter().any(|it| it.name == *name);
        let is_intent = |name: &Label| definitions.policies().intents().contains(name);
        let mut names = vec![];
        if self.channel.as_ref().is_some_and(|name| !is_channel(name)) {
            names.push("channel");
        }
        if self.intent.as_ref().is_some_and(|name| !is_intent(name)) {
            names.push("intent");
        }
        names
    }

    /// Fills the slots of the terms of contacts.
    fn fill<'a>(&'a self, definitions: &Definitions, slots: &mut Slots<'a>) {
        let program = definitions.program();
        let text = |text: Option<&'a Label>, is_defined: bool| match text {
            Some(text) if is_defined => Ok(program.text(text)),
            Some(_) => Err(Absence::WrongType),
            None => Err(Absence::Missing),
        };
        let undefined = self.undefined(definitions);
        for (slot, term) in program.terms().iter().enumerate() {
            let Term::Contact(term) = term else { continue };
            let value = match term {
                ContactTerm::Channel => {
                    text(self.channel.as_ref(), !undefined.contains(&"channel"))
                }
                ContactTerm::Intent => text(self.intent.as_ref(), !undefined.contains(&"intent")),
                ContactTerm::DialledNumber => text(self.dialled_number.as_ref(), true),
                ContactTerm::Weekday => Ok(program.text(WEEKDAYS[self.weekday])),
                ContactTerm::TimeOfDay => Ok(Slot::Int(self.minute_of_day)),
                ContactTerm::Open(id) => {
                    let calendar = definitions.policies().calendar(CalendarId(id.0));
                    Ok(Slot::Bool(calendar.is_open(self.at)))
                }
            };
            match value {
                Ok(value) => slots.set(slot, value),
                Err(absence) => slots.set_missing(slot, absence),
            }
        }
    }
}

/// A part of a priority: what it begins with, or by how much it is raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriorityPart {
    /// Where it comes from.
    pub source: TreatmentChoice,
    /// How much.
    pub amount: u32,
}

/// A treatment after the rules about the contact.
#[derive(Debug, Clone, PartialEq)]
pub struct RuledTreatment {
    /// What follows.
    pub assigned: AssignedTreatment,
    /// The rules that apply, in the order of the file.
    pub rules: Vec<RuleId>,
    /// The base of the priority, if there is one, and each raise. They add up to the priority, or beyond its bound.
    pub priority: Vec<PriorityPart>,
}

/// What is known of a customer before a contact comes: all that rules ask of customers is answered, so that a contact costs little more than
/// its own terms.
#[derive(Debug, Clone)]
pub struct RouteInputs {
    assigned: AssignedTreatment,
    /// What the leaves of the rules come to, but for those about contacts.
    memo: Memo,
}

impl RouteInputs {
    /// Of a customer who was `decided` about and is treated as `assigned` without a contact; `None` where no treatment depends on one.
    #[must_use]
    pub fn new(decided: &mut Decided<'_>, assigned: &AssignedTreatment) -> Option<Self> {
        let definitions = decided.definitions;
        if definitions.policies().is_empty() {
            return None;
        }
        let program = definitions.program();
        for (id, _) in (0..).zip(definitions.policies().rules()) {
            let root = definitions.rule_root(RuleId(id));
            program.decide_leaves(root, &decided.slots, &mut decided.memo);
        }
        let mut memo = decided.memo.clone();
        program.forget(&mut memo, |term| matches!(term, Term::Contact(_)));
        Some(Self {
            assigned: assigned.clone(),
            memo,
        })
    }

    /// Bytes that these take beyond their own size.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.memo.heap_bytes()
    }

    /// The treatment of a contact; `definitions` are those that decided.
    #[must_use]
    pub fn rule(&self, definitions: &Definitions, contact: &ContactTerms) -> RuledTreatment {
        let mut slots = definitions.program().slots();
        contact.fill(definitions, &mut slots);
        let mut memo = self.memo.clone();
        let rules = applying(definitions, &slots, &mut memo, contact);
        ruled(definitions, &self.assigned, rules)
    }
}

/// The treatment of a contact of an unknown caller. No term of customers is known; `None` before definitions are published.
#[must_use]
pub fn rule_stranger(
    stranger: Stranger,
    basis: &Basis,
    contact: &ContactTerms,
) -> Option<RuledTreatment> {
    let definitions = basis.revision.definitions.as_deref()?;
    let program = definitions.program();
    let mut slots = program.slots();
    contact.fill(definitions, &mut slots);
    let mut memo = program.memo_without(|term| !matches!(term, Term::Contact(_)));
    let rules = applying(definitions, &slots, &mut memo, contact);
    Some(ruled(definitions, &treat_stranger(stranger, basis)?, rules))
}

/// The rules that hold.
fn applying(
    definitions: &Definitions,
    slots: &Slots<'_>,
    memo: &mut Memo,
    contact: &ContactTerms,
) -> Vec<RuleId> {
    let rules = (0..).zip(definitions.policies().rules());
    let holding = rules.filter(|(id, rule)| {
        let root = definitions.rule_root(RuleId(*id));
        rule.period.has_instant(contact.at, contact.day)
            && definitions
                .program()
                .evaluate(root, slots, memo, &mut Silent)
                == Verdict::True
    });
    holding.map(|(id, _)| RuleId(id)).collect()
}

/// Each field from the first of the rules that states it, otherwise from `assigned`; raises of the priority add up.
fn ruled(
    definitions: &Definitions,
    assigned: &AssignedTreatment,
    rules: Vec<RuleId>,
) -> RuledTreatment {
    let mut own = AssignedTreatment {
        treatment: Treatment::default(),
        choices: [TreatmentChoice::Tier; TreatmentField::ALL.len()],
    };
    let rule = |id: RuleId| definitions.policies().rule(id);
    for &id in &rules {
        own = own.completed_by(&AssignedTreatment {
            treatment: rule(id).treatment.clone(),
            choices: [TreatmentChoice::Rule(id); TreatmentField::ALL.len()],
        });
    }
    let mut assigned = own.completed_by(assigned);
    let raises = rules.iter().map(|&id| (id, rule(id).raise_priority));
    let raises: Vec<_> = raises.filter(|&(_, amount)| amount > 0).collect();
    let place = TreatmentField::Priority.place();
    let base = assigned.treatment.priority.map(|amount| PriorityPart {
        source: assigned.choices[place],
        amount,
    });
    let parts = raises.iter().map(|&(id, amount)| PriorityPart {
        source: TreatmentChoice::Rule(id),
        amount,
    });
    let priority: Vec<PriorityPart> = base.into_iter().chain(parts).collect();
    if let (Some((first, _)), None) = (raises.first(), base) {
        assigned.choices[place] = TreatmentChoice::Rule(*first);
    }
    if !priority.is_empty() {
        let total: u32 = priority.iter().map(|part| part.amount).sum();
        assigned.treatment.priority = Some(total.min(MAX_PRIORITY));
    }
    RuledTreatment {
        assigned,
        rules,
        priority,
    }
}

impl RuledTreatment {
    /// A treatment to which no rule applies.
    #[must_use]
    pub fn without_rules(assigned: AssignedTreatment) -> Self {
        Self {
            assigned,
            rules: vec![],
            priority: vec![],
        }
    }

    /// What all of `treatments` state alike, field by field, and the rules that apply to all; `None` without any.
    #[must_use]
    pub fn shared(treatments: &[Self]) -> Option<Self> {
        let (first, others) = treatments.split_first()?;
        let assigned = treatments.iter().map(|one| &one.assigned);
        let assigned = AssignedTreatment::shared(assigned)?;
        let of_all = |id: &RuleId| others.iter().all(|other| other.rules.contains(id));
        let has_one_reason = others.iter().all(|other| other.priority == first.priority);
        let priority = match assigned.treatment.priority {
            Some(_) if has_one_reason => first.priority.clone(),
            Some(amount) => vec![PriorityPart {
                source: TreatmentChoice::Various,
                amount,
            }],
            None => vec![],
        };
        Some(Self {
            rules: first.rules.iter().copied().filter(of_all).collect(),
            assigned,
            priority,
        })
    }

    /// This one, completed by `other`. Less is known of the other, so a rule that holds for it holds for this one, too.
    #[must_use]
    pub fn completed_by(&self, other: &Self) -> Self {
        let has_priority = self.assigned.treatment.priority.is_some();
        let priority = if has_priority { self } else { other };
        Self {
            assigned: self.assigned.completed_by(&other.assigned),
            rules: self.rules.clone(),
            priority: priority.priority.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
