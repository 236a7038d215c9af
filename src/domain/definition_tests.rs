//! Whether definitions decide about the customers of their own tests as their authors expect.
//!
//! A test runs on what is published and nothing else: facts are folded and conditions decided as of any customer. Only what models would say
//! of the customer's worth is stated by the test, so that it holds whatever model is in force.

mod treatment;

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;

use crate::domain::{
    assess::{
        self, Assessment,
        segments::{SegmentOutcome, members},
        tiers::{TierIndex, TierList, Unrated},
        valuation::OrderOutlook,
        valued::Valued,
    },
    basis::{Basis, Revision},
    customer::profile::{DatedProfile, History, Profile, ProfileAt, fold},
    definitions::{
        Definitions,
        cases::{Case, ExpectedSegment, ExpectedSegments, ExpectedTier, Standing},
    },
    explain::{
        Explainer,
        wording::{self, Language, outcome_text, unrated_text},
    },
    fitted::parameters::{Estimation, Selection},
    rates::RateTable,
    rules::{
        condition::SegmentId,
        diagnostic::{Code, Diagnostic, MAX_DIAGNOSTICS, Span},
        program::Verdict,
    },
    stop,
    text::CustomerId,
};

/// A document with the tests that it brings along.
#[derive(Debug, Clone)]
pub struct DocumentWithTests {
    /// What it defines.
    pub definitions: Arc<Definitions>,
    /// Its tests, in the order of the file.
    pub cases: Vec<Case>,
}

/// A test that ran.
#[derive(Debug)]
pub struct Tested<'a> {
    /// The test.
    pub case: &'a Case,
    /// What was decided otherwise, in the order of the file, at most [`MAX_DIAGNOSTICS`]; nothing where it passed.
    pub failures: Vec<Diagnostic>,
}

/// Reads a document and runs its tests.
///
/// # Errors
/// All problems, in the order of their places in `text`; only where there are none besides, those of tests that failed.
pub fn read(text: &str) -> Result<DocumentWithTests, Vec<Diagnostic>> {
    let document = DocumentWithTests::read(text)?;
    let failures = document.run().flat_map(|tested| tested.failures);
    let failures: Vec<Diagnostic> = failures.take(MAX_DIAGNOSTICS).collect();
    if failures.is_empty() {
        Ok(document)
    } else {
        Err(failures)
    }
}

impl DocumentWithTests {
    /// Reads a document, and does not run its tests.
    ///
    /// # Errors
    /// All problems, in the order of their places in `text`.
    pub fn read(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let (definitions, cases) = Definitions::read_with_cases(text)?;
        Ok(Self {
            definitions: Arc::new(definitions),
            cases,
        })
    }

    /// Runs the tests one after the other, in the order of the file.
    pub fn run(&self) -> impl Iterator<Item = Tested<'_>> {
        let definitions = &self.definitions;
        let revision = Revision {
            number: 0,
            horizon: definitions.value().horizon,
            tiers: TierList::published(definitions.tiers()),
            definitions: Some(Arc::clone(definitions)),
            // Those are for answers.
            reasons: None,
        };
        let currency = definitions.value().currency;
        let basis = Basis::new(revision, None, Some(currency), Arc::<RateTable>::default());
        self.cases.iter().map(move |case| {
            stop::check();
            Tested {
                case,
                failures: failures(case, definitions, &basis),
            }
        })
    }
}

fn failures(case: &Case, definitions: &Definitions, basis: &Basis) -> Vec<Diagnostic> {
    let Some(dated) = dated(case) else {
        let message = format!("{:?}: a fact is after the day of the test", case.name);
        return vec![failure(case.place, message, None)];
    };
    let view = dated.view();
    let (assessment, decided) = assess::decide_valued(view, valued(case, view, basis), basis);
    let mut failures = tier_failure(case, definitions, &assessment);
    if let (Some(expected), Some(decided)) = (&case.expected.segments, decided) {
        let mut segments = Segments {
            case,
            definitions,
            explainer: Explainer::new(decided, &assessment.standings),
        };
        failures.extend(segments.failures(expected));
    }
    if let (Some(expected), Some(assigned)) = (&case.expected.treatment, &assessment.treatment) {
        failures.extend(treatment::failures(case, expected, assigned, definitions));
    }
    failures.sort_by_key(|failure| failure.span);
    failures.truncate(MAX_DIAGNOSTICS);
    failures
}

/// The customer of a test on its day.
fn dated(case: &Case) -> Option<DatedProfile> {
    // An empty history holds nothing that the facts could touch.
    let history = fold(History::default(), &case.customer.facts).unwrap_or_default();
    let profile = Profile {
        customer_id: CustomerId::new("test").ok()?,
        version: 1,
        kind: case.customer.kind,
        display_name: None,
        recorded_at: Timestamp::UNIX_EPOCH,
        members: Box::default(),
        history,
    };
    DatedProfile::new(Arc::new(profile), case.as_of)
}

/// What the customer is worth: what the test states, and otherwise what is known without a model.
fn valued(case: &Case, view: ProfileAt<'_>, basis: &Basis) -> Valued {
    let mut valued = Valued::new(view, basis);
    if let Some(probability_alive) = case.customer.probability_alive {
        valued.valuation.orders = Some(OrderOutlook {
            probability_alive,
            probability_alive_identified: true,
            expected_orders: 0.0,
            season_factor: None,
            parameters: Selection::Pooled,
            estimation: Estimation::MaximumLikelihood,
        });
    }
    if let Some(value) = case.customer.value {
        valued.valuation.lifetime_value = Ok(value);
        valued.tier = Ok(basis.revision.tiers.of_value(value.major()));
    }
    valued
}

fn failure(place: Span, message: String, help: Option<String>) -> Diagnostic {
    Diagnostic {
        span: place,
        code: Code::TestFailed,
        message,
        help,
    }
}

fn tier_failure(
    case: &Case,
    definitions: &Definitions,
    assessment: &Assessment,
) -> Vec<Diagnostic> {
    let Some((expected, place)) = case.expected.tier else {
        return vec![];
    };
    let valued = &assessment.valued;
    let rank = valued.tier.ok().map(TierIndex::rank);
    let found = rank.map_or(ExpectedTier::Unrated, ExpectedTier::Rank);
    if found == expected {
        return vec![];
    }
    let name = |tier| match tier {
        ExpectedTier::Rank(rank) => &*definitions.tiers()[rank - 1].name,
        ExpectedTier::Unrated => "UNRATED",
    };
    let message = format!(
        "{:?}: the tier is {}, expected {}",
        case.name,
        name(found),
        name(expected)
    );
    let reason = match valued.valuation.lifetime_value {
        Ok(value) => format!("the value is {value}"),
        Err(reason @ Unrated::NoModel) => format!(
            "{}: state what one would answer with `value`",
            unrated_text(reason, Language::En)
        ),
        Err(reason) => unrated_text(reason, Language::En).to_owned(),
    };
    vec![failure(place, message, Some(reason))]
}

/// The segments of the customer of a test.
struct Segments<'a> {
    case: &'a Case,
    definitions: &'a Definitions,
    explainer: Explainer<'a>,
}

impl Segments<'_> {
    /// At most [`MAX_DIAGNOSTICS`].
    fn failures(&mut self, expected: &ExpectedSegments) -> Vec<Diagnostic> {
        let expected: Vec<ExpectedSegment> = match expected {
            ExpectedSegments::Each(each) => each.clone(),
            ExpectedSegments::Exactly {
                members: wanted,
                place,
            } => {
                let is_wanted: HashSet<SegmentId> = wanted.iter().map(|(id, _)| *id).collect();
                let wanted = wanted.iter().map(|(segment, place)| ExpectedSegment {
                    segment: *segment,
                    standing: Standing::In,
                    place: *place,
                });
                let others = members(self.explainer.standings());
                let others = others.filter(|segment| !is_wanted.contains(segment));
                let others = others.map(|segment| ExpectedSegment {
                    segment,
                    standing: Standing::NotIn,
                    place: *place,
                });
                wanted.chain(others.take(MAX_DIAGNOSTICS)).collect()
            }
        };
        let failures = expected.into_iter().filter_map(|it| self.failure(it));
        failures.take(MAX_DIAGNOSTICS).collect()
    }

    /// What is wrong with one of them.
    fn failure(&mut self, expected: ExpectedSegment) -> Option<Diagnostic> {
        let standing = self.explainer.standings()[expected.segment.0 as usize];
        let SegmentOutcome { verdict, is_member } = standing;
        let (is_met, words) = match expected.standing {
            Standing::In => (is_member, "in"),
            Standing::NotIn => (!is_member, "not in"),
            Standing::Unknown => (verdict == Verdict::Unknown, "undecided"),
        };
        if is_met {
            return None;
        }
        let explained = self.explainer.explain(expected.segment);
        let language = Language::En;
        let message = format!(
            "{:?}: {}: {}; expected: {words}",
            self.case.name,
            self.definitions.segment(expected.segment).name,
            outcome_text(
                explained.standing,
                explained.preempted_by,
                self.definitions,
                language
            ),
        );
        let reasons = explained.reasons.iter();
        let reasons = reasons.map(|it| wording::reason(it, self.definitions, language));
        let reasons: Vec<String> = reasons.collect();
        let help = (!reasons.is_empty()).then(|| reasons.join("; "));
        Some(failure(expected.place, message, help))
    }
}

#[cfg(test)]
mod tests;
