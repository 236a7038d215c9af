//! A contact as it arrives, and whom it may be about.

use std::sync::Arc;

use super::Router;
use crate::{
    domain::{
        assess::routing::ContactTerms,
        customer::Identifier,
        definitions::Stranger,
        telephony::{
            caller::{Origin, SipHeaders},
            number::PhoneNumber,
            plan::{NumberError, NumberPlan, Reading},
        },
        text::Label,
    },
    service::answer::subjects::Subject,
};

/// What says who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A number as the trunk writes it.
    Number(String),
    /// The headers of a SIP request, in the order of [`SipHeaders`].
    Sip {
        /// `P-Asserted-Identity`.
        asserted_identity: String,
        /// `Remote-Party-ID`.
        remote_party_id: String,
        /// `From`.
        from: String,
        /// `Privacy`.
        privacy: String,
    },
    /// Another name, of a contact that is no call.
    Subject(Subject),
    /// Another name that cannot be read, and why.
    Unreadable(String),
}

/// Who the caller says they are. What somebody typed in does not fail a call: what cannot be read identifies nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// This name.
    Subject(Subject),
    /// A number as the trunk writes it.
    Number(String),
    /// What cannot be read, and why.
    Unreadable(String),
}

/// A contact that arrives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// Who calls; `None` is withheld.
    pub caller: Option<Caller>,
    /// The trunk; empty for the one called `default`.
    pub trunk: String,
    /// How the number is written, in place of the trunk's plan.
    pub number_plan: Option<NumberPlan>,
    /// Who the caller says they are.
    pub claim: Option<Claim>,
    /// Its channel.
    pub channel: Option<Label>,
    /// What it is about.
    pub intent: Option<Label>,
    /// The number that was dialled, as the trunk writes it.
    pub dialled_number: Option<Label>,
}

/// How a number was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberRead {
    /// By which plan.
    pub plan: NumberPlan,
    /// Where it comes from.
    pub origin: Origin,
    /// What it says; or why it is no number.
    pub reading: Result<Reading, NumberError>,
}

/// A contact, read: whom it may be about.
#[derive(Debug, Clone)]
pub struct ReadContact {
    /// How the number was read; `None` without one.
    pub number: Option<NumberRead>,
    /// Why another name of the caller was not read.
    pub caller_error: Option<String>,
    /// Why the claim was not read.
    pub claim_error: Option<String>,
    pub(super) named: Named,
    pub(super) claim: Option<Subject>,
    /// What routing rules may ask; `None` where no treatment depends on the contact.
    pub(super) terms: Option<Arc<ContactTerms>>,
}

/// Whom a caller names.
#[derive(Debug, Clone)]
pub(super) enum Named {
    /// Nobody.
    Nobody(Stranger),
    /// Those with this name.
    Subject(Subject),
    /// Those with one of these numbers, for it can be read in several ways.
    Several(Vec<PhoneNumber>),
}

impl ReadContact {
    /// What the caller is where no customer is found.
    pub(super) fn stranger(&self) -> Stranger {
        match self.named {
            Named::Nobody(stranger) => stranger,
            Named::Subject(_) | Named::Several(_) => Stranger::Unknown,
        }
    }
}

impl Router {
    /// Reads whom a contact is about, by the trunks of the definitions in force.
    #[must_use]
    pub fn read(&self, contact: &Contact) -> ReadContact {
        let (plan, uses_private_numbers) = self.plan(contact);
        let mut caller_error = None;
        let (number, named) = match &contact.caller {
            None => (None, Named::Nobody(Stranger::Withheld)),
            Some(Caller::Subject(subject)) => (None, Named::Subject(subject.clone())),
            Some(Caller::Unreadable(error)) => {
                caller_error = Some(error.clone());
                (None, Named::Nobody(Stranger::Invalid))
            }
            Some(Caller::Number(text)) => {
                let reading = plan.read(text);
                Self::number(plan.clone(), Origin::Given, reading)
            }
            Some(Caller::Sip {
                asserted_identity,
                remote_party_id,
                from,
                privacy,
            }) => {
                let headers = SipHeaders {
                    asserted_identity,
                    remote_party_id,
                    from,
                    privacy,
                };
                let (reading, origin) = headers.read(&plan, uses_private_numbers);
                Self::number(plan.clone(), origin, reading)
            }
        };
        let (claim, claim_error) = match &contact.claim {
            None => (None, None),
            Some(Claim::Subject(subject)) => (Some(subject.clone()), None),
            Some(Claim::Unreadable(error)) => (None, Some(error.clone())),
            Some(Claim::Number(text)) => match plan.number(text) {
                Ok(number) => (Some(Subject::Identifier(Identifier::Phone(number))), None),
                Err(error) => (None, Some(error.to_string())),
            },
        };
        ReadContact {
            number,
            caller_error,
            claim_error,
            named,
            claim,
            terms: self.terms(contact, &plan).map(Arc::new),
        }
    }

    /// What routing rules may ask about a contact, which has arrived now; `None` where no treatment depends on it.
    fn terms(&self, contact: &Contact, plan: &NumberPlan) -> Option<ContactTerms> {
        let basis = self.classifier.bases.current();
        let definitions = basis.revision.definitions.as_deref()?;
        if definitions.policies().is_empty() {
            return None;
        }
        let dialled = contact.dialled_number.as_ref();
        let dialled = dialled.map(|text| match plan.read(text) {
            Ok(Reading::Number(read)) if read.is_valid => read.number.as_str().into(),
            // A short code, or an extension, which has the length of a number in some places.
            _ => text.clone(),
        });
        // Where the clock shows no day, the answer fails for the same reason.
        let terms = ContactTerms::new(self.classifier.clock.now(), &self.classifier.zone).ok()?;
        Some(ContactTerms {
            channel: contact.channel.clone(),
            intent: contact.intent.clone(),
            dialled_number: dialled,
            ..terms
        })
    }

    fn number(
        plan: NumberPlan,
        origin: Origin,
        reading: Result<Reading, NumberError>,
    ) -> (Option<NumberRead>, Named) {
        let phone = |number: &PhoneNumber| Subject::Identifier(Identifier::Phone(number.clone()));
        let named = match &reading {
            Ok(Reading::Number(it)) => Named::Subject(phone(&it.number)),
            Ok(Reading::Ambiguous(readings)) => {
                Named::Several(readings.iter().map(|it| it.number.clone()).collect())
            }
            Ok(Reading::Withheld) => Named::Nobody(Stranger::Withheld),
            Err(_) => Named::Nobody(Stranger::Invalid),
        };
        let read = NumberRead {
            plan,
            origin,
            reading,
        };
        (Some(read), named)
    }

    /// How the number of a contact is written, and whether private numbers are used.
    fn plan(&self, contact: &Contact) -> (NumberPlan, bool) {
        let basis = self.classifier.bases.current();
        let definitions = basis.revision.definitions.as_deref();
        let trunk = definitions.and_then(|definitions| definitions.trunk(&contact.trunk));
        let own = contact.number_plan.clone();
        let plan = own.or_else(|| trunk.map(|trunk| trunk.numbers.clone()));
        (
            plan.unwrap_or_default(),
            trunk.is_some_and(|trunk| trunk.uses_private_numbers),
        )
    }
}
