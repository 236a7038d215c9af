//! Answers as JSON, as flat JSON and as pairs, with the same short keys.
//!
//! A key that has no value is left out of JSON and empty in the flat forms, where scripts ask for a key before they know whether it is there.

mod contact;
mod names;
mod treatment;

use serde::Serialize;

use self::contact::{Decision, Times};
use self::names::{fallback_reason, form, identified_by, kind, quality, unrated_reason, verdict};
use self::treatment::Treatment;
use super::parameters::{Format, Language};
use crate::pb;

/// An answer, as JSON.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    verdict: &'static str,
    quality: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    fallback_reason: &'static str,
    #[serde(flatten)]
    treatment: Option<Treatment<'a>>,
    #[serde(flatten)]
    times: Option<Times<'a>>,
    #[serde(flatten)]
    decision: Option<Decision<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<Customer<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Customer<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    candidate_count: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<Shared<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<Question<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<Number<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    claim_error: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    identified_by: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    as_of: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    basis_id: &'a str,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
const fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// A text in the languages that there are.
#[derive(Debug, Clone, Copy, Serialize)]
struct Text<'a> {
    en: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    de: &'a str,
}

impl<'a> Text<'a> {
    const fn in_language(self, language: Language) -> &'a str {
        match language {
            Language::German if !self.de.is_empty() => self.de,
            Language::German | Language::English => self.en,
        }
    }
}

impl<'a> From<&'a pb::LocalizedText> for Text<'a> {
    fn from(text: &'a pb::LocalizedText) -> Self {
        Self {
            en: &text.en,
            de: &text.de,
        }
    }
}

/// A customer.
#[derive(Debug, Serialize)]
struct Customer<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tier: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    tier_rank: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    unrated_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime_value: Option<Money<'a>>,
    segments: Vec<Segment<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    next_check_in: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference<'a>>,
}

/// Records of another system.
#[derive(Debug, Serialize)]
struct Reference<'a> {
    system: &'a str,
    attribute: &'a str,
    ids: &'a [String],
}

/// An amount.
#[derive(Debug, Serialize)]
struct Money<'a> {
    amount_minor: i64,
    currency: &'a str,
}

/// A segment with the reasons for it.
#[derive(Debug, Serialize)]
struct Segment<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Text<'a>>,
    reasons: Vec<Text<'a>>,
}

/// What all candidates share.
#[derive(Debug, Serialize)]
struct Shared<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tier: &'a str,
}

/// A question.
#[derive(Debug, Serialize)]
struct Question<'a> {
    asks_for: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    answers: Vec<PossibleAnswer<'a>>,
}

/// An answer to a question.
#[derive(Debug, Serialize)]
struct PossibleAnswer<'a> {
    value: &'a str,
    candidate_count: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    queue: &'a str,
}

/// How the number was read.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the keys of the answer, as in gRPC"
)]
struct Number<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    e164: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    form: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    extension: &'a str,
    is_valid: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    readings: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    error: &'a str,
    number_plan: &'a str,
    metadata_version: &'a str,
}

impl<'a> From<&'a pb::RouteContactResponse> for Answer<'a> {
    fn from(answer: &'a pb::RouteContactResponse) -> Self {
        let provenance = answer.provenance.as_ref();
        Self {
            verdict: verdict(answer.verdict()),
            quality: quality(answer.quality()),
            fallback_reason: fallback_reason(answer.fallback_reason()),
            treatment: answer.treatment.as_ref().map(Treatment::from),
            times: answer.times.as_ref().map(Times::from),
            decision: answer.decision.as_ref().map(Decision::from),
            customer: answer.customer.as_ref().map(Customer::from),
            candidates: answer.candidates.iter().map(Customer::from).collect(),
            candidate_count: answer.candidate_count,
            shared: answer.shared.as_ref().map(|shared| Shared {
                kind: kind(shared.kind()),
                tier: shared.tier.as_ref().map_or("", |tier| &tier.name),
            }),
            question: answer.question.as_ref().map(Question::from),
            number: answer.number.as_ref().map(Number::from),
            claim_error: &answer.claim_error,
            identified_by: identified_by(answer.identified_by()),
            as_of: provenance.map_or("", |it| &it.as_of),
            basis_id: provenance.map_or("", |it| &it.basis_id),
        }
    }
}

impl<'a> From<&'a pb::Classification> for Customer<'a> {
    fn from(one: &'a pb::Classification) -> Self {
        let tier = one.tier.as_ref();
        Self {
            id: &one.customer_id,
            name: &one.display_name,
            kind: kind(one.kind()),
            tier: tier.map_or("", |tier| &tier.name),
            tier_rank: tier.map_or(0, |tier| tier.rank),
            unrated_reason: tier.map_or("", |tier| unrated_reason(tier.unrated_reason())),
            lifetime_value: one.lifetime_value.as_ref().map(|money| Money {
                amount_minor: money.amount_minor,
                currency: &money.currency,
            }),
            next_check_in: &one.next_check_in,
            references: one
                .references
                .iter()
                .map(|reference| Reference {
                    system: &reference.system,
                    attribute: &reference.attribute,
                    ids: &reference.ids,
                })
                .collect(),
            segments: one
                .segments
                .iter()
                .map(|membership| Segment {
                    name: &membership.segment,
                    title: membership.title.as_ref().map(Text::from),
                    reasons: membership
                        .reasons
                        .iter()
                        .filter_map(|reason| reason.text.as_ref().map(Text::from))
                        .collect(),
                })
                .collect(),
        }
    }
}

impl<'a> From<&'a pb::CallerQuestion> for Question<'a> {
    fn from(question: &'a pb::CallerQuestion) -> Self {
        let answers = question.answers.iter().map(|answer| PossibleAnswer {
            value: &answer.value,
            candidate_count: answer.candidate_count,
            queue: &answer.queue,
        });
        Self {
            asks_for: &question.asks_for,
            text: question.text.as_ref().map(Text::from),
            answers: answers.collect(),
        }
    }
}

impl<'a> From<&'a pb::CallerNumber> for Number<'a> {
    fn from(number: &'a pb::CallerNumber) -> Self {
        Self {
            e164: &number.e164,
            form: form(number.form()),
            extension: &number.extension,
            is_valid: number.is_valid,
            readings: &number.readings,
            error: &number.error,
            number_plan: &number.number_plan,
            metadata_version: &number.metadata_version,
        }
    }
}

/// Writes an answer in a format.
///
/// # Errors
/// Never in fact: nothing in an answer is refused by JSON.
pub(super) fn render(
    answer: &pb::RouteContactResponse,
    format: Format,
    language: Language,
) -> Result<Vec<u8>, serde_json::Error> {
    let answer = Answer::from(answer);
    match format {
        Format::Json => serde_json::to_vec(&answer),
        Format::Flat => {
            let pairs = pairs(&answer, language).into_iter();
            let pairs = pairs.map(|(key, value)| (key.to_owned(), value.into()));
            let object: serde_json::Map<String, serde_json::Value> = pairs.collect();
            serde_json::to_vec(&object)
        }
        Format::Pairs => {
            let mut out = form_urlencoded::Serializer::new(String::new());
            out.extend_pairs(pairs(&answer, language));
            Ok(out.finish().into_bytes())
        }
    }
}

/// An answer as keys and texts.
pub(super) fn pairs_of(
    answer: &pb::RouteContactResponse,
    language: Language,
) -> Vec<(&'static str, String)> {
    pairs(&Answer::from(answer), language)
}

/// An answer as keys and texts, the same keys every time.
fn pairs(answer: &Answer<'_>, language: Language) -> Vec<(&'static str, String)> {
    let none = (Treatment::default(), Times::default(), Decision::default());
    let treatment = answer.treatment.as_ref().unwrap_or(&none.0);
    let times = answer.times.as_ref().unwrap_or(&none.1);
    let decision = answer.decision.as_ref().unwrap_or(&none.2);
    let customer = answer.customer.as_ref();
    let shared = answer.shared.as_ref();
    let number = answer.number.as_ref();
    let whole = |number: Option<i32>| number.map(|it| it.to_string()).unwrap_or_default();
    let text = |text: Option<Text<'_>>| text.map_or("", |it| it.in_language(language)).to_owned();
    let tier = customer.map(|it| it.tier).or(shared.map(|it| it.tier));
    let segments = customer.map_or(vec![], |it| it.segments.iter().map(|it| it.name).collect());
    let references = customer.map_or(&[][..], |it| &it.references).iter();
    let references =
        references.flat_map(|it| it.ids.iter().map(move |id| format!("{}:{id}", it.system)));
    let references: Vec<String> = references.collect();
    let kind = customer.map(|it| it.kind).or(shared.map(|it| it.kind));
    let rank = customer.map(|it| it.tier_rank).filter(|rank| *rank > 0);
    let question = answer.question.as_ref().and_then(|it| it.text);
    let mut pairs = vec![
        ("verdict", answer.verdict.to_owned()),
        ("quality", answer.quality.to_owned()),
        ("fallback_reason", answer.fallback_reason.to_owned()),
    ];
    pairs.extend(treatment.pairs(language));
    pairs.extend(times.pairs(language));
    pairs.extend(decision.pairs());
    pairs.extend([
        ("customer_id", customer.map_or("", |it| it.id).to_owned()),
        (
            "customer_name",
            customer.map_or("", |it| it.name).to_owned(),
        ),
        ("kind", kind.unwrap_or_default().to_owned()),
        ("tier", tier.unwrap_or_default().to_owned()),
        ("tier_rank", whole(rank)),
        ("segments", segments.join(",")),
        (
            "next_check_in",
            customer.map_or("", |it| it.next_check_in).to_owned(),
        ),
        ("references", references.join(",")),
        ("candidate_count", answer.candidate_count.to_string()),
        ("question", text(question)),
        ("number", number.map_or("", |it| it.e164).to_owned()),
        ("number_error", number.map_or("", |it| it.error).to_owned()),
        ("claim_error", answer.claim_error.to_owned()),
        ("identified_by", answer.identified_by.to_owned()),
        ("as_of", answer.as_of.to_owned()),
    ]);
    pairs
}
