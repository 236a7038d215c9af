//! The bytes of an answer to Classify, written without the message between.
//!
//! What is the same for many customers is encoded once per basis and copied: name and title of a segment, and each field of a treatment with
//! where it comes from. The parts of a message may come in any order, so that a treatment is the concatenation of its chosen fields. What
//! the bytes contain is what `classify_response` contains; a test compares the two, and answers about a shared name are made by it.

use std::sync::{Arc, OnceLock, Weak};

use arc_swap::ArcSwapOption;
use prost::Message as _;

use super::{
    classify_response, extrapolated_covariates, provenance, references, tier,
    wire::{bytes, message, number, text},
};
use crate::{
    api::{customer_kind_message, treatments},
    domain::{
        assess::{AssignedTreatment, tiers::TierIndex},
        basis::Basis,
        calendar::Day,
        definitions::{Definitions, LocalizedText, PerField, TreatmentChoice, TreatmentField},
        explain::memberships::Membership,
    },
    pb,
    service::answer::classify::{Answer, Classified, Match},
};

/// Writes answers, with what it has encoded of the last basis.
#[derive(Debug, Default)]
pub struct ClassifyWriter {
    encoded: ArcSwapOption<Encoded>,
}

/// What is encoded of a basis.
#[derive(Debug)]
struct Encoded {
    /// The very basis: its address is not given to another one while this points to it.
    basis: Weak<Basis>,
    /// Name and title of each segment.
    segments: Vec<Vec<u8>>,
    /// The fields of treatments, by where they come from: UNRATED, the tiers from the best on, the entries about segments.
    treatments: Vec<PerField<OnceLock<Vec<u8>>>>,
}

impl ClassifyWriter {
    /// Appends the bytes of the message of `answer`.
    pub fn write(&self, answer: &Answer<Classified>, out: &mut Vec<u8>) {
        match (&answer.found, answer.stale_since) {
            (Match::One(one), None) => self.write_one(one, answer, out),
            (Match::One(_) | Match::Unknown | Match::Ambiguous(_), _) => {
                let response = classify_response(answer);
                out.reserve(response.encoded_len());
                response.encode_raw(out);
            }
        }
    }

    fn write_one(&self, one: &Classified, answer: &Answer<Classified>, out: &mut Vec<u8>) {
        /// What most answers take.
        const USUAL_BYTES: usize = 1_536;
        out.reserve(USUAL_BYTES);
        let encoded = self.encoded(&answer.basis);
        let provenance = provenance_bytes(one, answer.as_of, &answer.basis);
        number(1, i32::from(pb::Match::One).into(), out);
        message(2, out, |out| {
            classification(one, &answer.basis, &encoded, &provenance, out);
        });
        bytes(6, &provenance, out);
    }

    fn encoded(&self, basis: &Arc<Basis>) -> Arc<Encoded> {
        let held = self.encoded.load();
        if let Some(held) = &*held
            && std::ptr::eq(held.basis.as_ptr(), Arc::as_ptr(basis))
        {
            return Arc::clone(held);
        }
        let encoded = Arc::new(Encoded::new(basis));
        self.encoded.store(Some(Arc::clone(&encoded)));
        encoded
    }
}

impl Encoded {
    fn new(basis: &Arc<Basis>) -> Self {
        let definitions = basis.revision.definitions.as_deref();
        let segments = definitions.map_or(&[][..], Definitions::segments);
        let name = |name: &str, title: &LocalizedText| {
            let mut out = vec![];
            text(1, name, &mut out);
            message(2, &mut out, |out| localized(title, out));
            out
        };
        let entries = definitions.map_or(0, |it| it.treatments().entry_count());
        let sources = 1 + basis.revision.tiers.all().count() + entries;
        Self {
            basis: Arc::downgrade(basis),
            segments: segments
                .iter()
                .map(|segment| name(&segment.name, &segment.title))
                .collect(),
            treatments: (0..sources).map(|_| Default::default()).collect(),
        }
    }

    fn treatment(
        &self,
        assigned: &AssignedTreatment,
        tier: Option<TierIndex>,
        definitions: &Definitions,
        out: &mut Vec<u8>,
    ) {
        let tiers = definitions.tiers().len();
        let fields = TreatmentField::ALL.iter().zip(&assigned.choices);
        for (at, (field, choice)) in fields.enumerate() {
            let source = match choice {
                // One customer is no stranger, and not several; a rule needs a contact.
                TreatmentChoice::Tier
                | TreatmentChoice::Stranger(_)
                | TreatmentChoice::Rule(_)
                | TreatmentChoice::Various => tier.map_or(0, TierIndex::rank),
                TreatmentChoice::Segment { entry, .. } => 1 + tiers + *entry as usize,
            };
            let written = self.treatments[source][at].get_or_init(|| {
                let whole = treatments::treatment(assigned, definitions);
                treatments::field_alone(whole, *field).encode_to_vec()
            });
            out.extend_from_slice(written);
        }
    }
}

fn classification(
    one: &Classified,
    basis: &Basis,
    encoded: &Encoded,
    provenance: &[u8],
    out: &mut Vec<u8>,
) {
    let (profile, assessment) = (one.profile.profile(), &one.assessment);
    let valued = &assessment.valued;
    text(1, profile.customer_id.as_str(), out);
    number(2, customer_kind_message(profile.kind).into(), out);
    text(3, profile.display_name.as_deref().unwrap_or_default(), out);
    message(4, out, |out| tier_fields(valued.tier.ok(), one, basis, out));
    if let Ok(money) = valued.valuation.lifetime_value {
        message(5, out, |out| {
            number(1, money.amount_minor, out);
            text(2, money.currency.code(), out);
        });
    }
    bytes(6, provenance, out);
    for membership in &one.memberships {
        message(7, out, |out| segment(membership, encoded, out));
    }
    let definitions = basis.revision.definitions.as_deref();
    if let Some((assigned, definitions)) = assessment.treatment.as_ref().zip(definitions) {
        message(8, out, |out| {
            if one.routing.is_some() {
                // A contact can change every field.
                treatments::treatment(assigned, definitions).encode_raw(out);
            } else {
                encoded.treatment(assigned, valued.tier.ok(), definitions, out);
            }
        });
    }
    for missing in crate::api::rates::missing_rates(&one.missing_rates) {
        bytes(9, &missing.encode_to_vec(), out);
    }
    for one in extrapolated_covariates(&valued.valuation.extrapolated_covariates) {
        bytes(10, &one.encode_to_vec(), out);
    }
    if let Some(day) = assessment.next_check_in {
        text(11, &day.to_string(), out);
    }
    for reference in references(&one.references, definitions) {
        bytes(12, &reference.encode_to_vec(), out);
    }
    if let Some(used) = one.oldest_rate {
        bytes(40, &crate::api::rates::used_rate(used).encode_to_vec(), out);
    }
}

fn tier_fields(held: Option<TierIndex>, one: &Classified, basis: &Basis, out: &mut Vec<u8>) {
    match held {
        Some(index) => {
            text(1, &basis.revision.tiers.get(index).name, out);
            number(2, i64::try_from(index.rank()).unwrap_or(i64::MAX), out);
        }
        None => tier(one.assessment.valued.tier, basis).encode_raw(out),
    }
}

fn segment(membership: &Membership, encoded: &Encoded, out: &mut Vec<u8>) {
    out.extend_from_slice(&encoded.segments[membership.segment.0 as usize]);
    number(3, treatments::verdict(membership.verdict).into(), out);
    for reason in &membership.reasons {
        message(4, out, |out| {
            text(1, reason.code.as_str(), out);
            message(2, out, |out| localized(&reason.text, out));
        });
    }
}

fn localized(words: &LocalizedText, out: &mut Vec<u8>) {
    text(1, &words.en, out);
    text(2, words.de.as_deref().unwrap_or_default(), out);
}

fn provenance_bytes(one: &Classified, as_of: Day, basis: &Basis) -> Vec<u8> {
    provenance(Some(one.profile.profile()), as_of, basis).encode_to_vec()
}

#[cfg(test)]
mod tests;
