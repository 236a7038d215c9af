//! An explanation for a person: the verdict first, then the reasons, then the clauses, then what is not known.

use super::clause::{lines, mark};
use super::figures;
use super::language::Language;
use crate::cli::paint::Paint;
use crate::cli::subject::subject_text;
use crate::cli::text;
use crate::pb;
use crate::pb::Verdict;

/// How an explanation is worded and marked.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// The language.
    pub language: Language,
    /// Colour or none.
    pub paint: Paint,
    /// Whether everything was asked for: then each segment gets a line or two, without its clauses.
    pub overview: bool,
}

/// The answer for a person.
#[must_use]
pub fn page(subject: &pb::Subject, response: &pb::ExplainSegmentResponse, style: Style) -> String {
    let asked = subject_text(subject);
    let language = style.language;
    let page = match (response.r#match(), &response.explanation) {
        (pb::Match::One, Some(explanation)) => {
            one_page(explanation, response.provenance.as_ref(), style)
        }
        (pb::Match::Ambiguous, _) => ambiguous_page(&asked, response, language),
        (
            pb::Match::One
            | pb::Match::Unknown
            | pb::Match::Unavailable
            | pb::Match::Invalid
            | pb::Match::Unspecified,
            _,
        ) => match language {
            Language::En => format!("No customer found for {asked}."),
            Language::De => format!("Kein Kunde zu {asked} gefunden."),
        },
    };
    match language {
        Language::En => text::with_stale_note(page, response.provenance.as_ref()),
        Language::De => match text::stale_since(response.provenance.as_ref()) {
            Some(time) => format!(
                "{page}\n\nVeraltet: Die Datenbank ist nicht erreichbar; Datenstand {time}."
            ),
            None => page,
        },
    }
}

fn ambiguous_page(
    asked: &str,
    response: &pb::ExplainSegmentResponse,
    language: Language,
) -> String {
    let count = response.candidate_count;
    let ids = response.candidate_ids.join(", ");
    match language {
        Language::En => {
            format!(
                "{count} customers share {asked}: {ids}\nRun the command again with one of these ids."
            )
        }
        Language::De => {
            format!(
                "{count} Kunden teilen sich {asked}: {ids}\nBitte den Befehl mit einer dieser Kunden-IDs wiederholen."
            )
        }
    }
}

fn one_page(
    explanation: &pb::Explanation,
    provenance: Option<&pb::Provenance>,
    style: Style,
) -> String {
    let as_of = provenance.map_or("", |provenance| provenance.as_of.as_str());
    let mut parts = vec![whom(explanation, as_of, style)];
    parts.extend(extrapolated(&explanation.extrapolated_covariates, style));
    if let Some(tier) = &explanation.tier {
        parts.push(tier_part(tier, style));
    }
    if style.overview {
        parts.extend(overview(&explanation.segments, style));
    } else {
        let segments = explanation.segments.iter();
        parts.extend(segments.map(|segment| segment_part(segment, style)));
    }
    parts.extend(provenance.map(|provenance| style.paint.faint(&based_on(provenance, style))));
    parts.join("\n\n")
}

/// Which covariates the model extrapolates; `None` where it does not.
fn extrapolated(covariates: &[pb::ExtrapolatedCovariate], style: Style) -> Option<String> {
    let lines = match style.language {
        Language::En => text::extrapolated_text(covariates),
        Language::De => {
            let line = |one: &pb::ExtrapolatedCovariate| {
                format!(
                    "{} ist {}, außerhalb der Werte {} bis {}, an die das Modell angepasst wurde",
                    one.name, one.value, one.fitted_min, one.fitted_max
                )
            };
            covariates.iter().map(line).collect()
        }
    };
    (!lines.is_empty()).then(|| {
        let label = style.language.label("Extrapolated", "Extrapoliert");
        format!("{label}: {}", lines.join("; "))
    })
}

/// What the answer rests on: enough to ask for the same one again.
fn based_on(provenance: &pb::Provenance, style: Style) -> String {
    let language = style.language;
    let (version, basis) = (provenance.profile_version, &provenance.basis_id);
    match (
        figures::instant(provenance.data_time.as_ref(), language),
        language,
    ) {
        (Some(time), Language::En) => {
            format!("Based on data as of {time} (profile version {version}, basis {basis})")
        }
        (Some(time), Language::De) => {
            format!("Grundlage: Datenstand {time} (Profilversion {version}, Basis {basis})")
        }
        (None, Language::En) => format!("Based on basis {basis}"),
        (None, Language::De) => format!("Grundlage: Basis {basis}"),
    }
}

/// "Ada Maier (c-0042) on 2026-01-31".
fn whom(explanation: &pb::Explanation, as_of: &str, style: Style) -> String {
    let id = &explanation.customer_id;
    let name = if explanation.display_name.is_empty() {
        id.clone()
    } else {
        format!("{} ({id})", explanation.display_name)
    };
    let day = if as_of.is_empty() {
        String::new()
    } else {
        let day = figures::day(as_of, style.language);
        format!(" {} {day}", style.language.label("on", "am"))
    };
    format!("{}{day}", style.paint.strong(&name))
}

/// A segment in full. Its clauses hold its reasons, which therefore have no lines of their own.
fn segment_part(segment: &pb::SegmentExplanation, style: Style) -> String {
    let mut out = vec![headline(segment, style)];
    if let Some(clause) = &segment.clause {
        let clauses = lines(clause, style);
        out.extend(clauses.into_iter().map(|line| format!("  {line}")));
    }
    out.extend(open_line(&segment.open_inputs, style));
    out.join("\n")
}

/// `✗ At risk (attention/at_risk): not in`.
fn headline(segment: &pb::SegmentExplanation, style: Style) -> String {
    let title = style.language.pick(segment.title.as_ref());
    let name = if title.is_empty() {
        style.paint.strong(&segment.segment)
    } else {
        format!("{} ({})", style.paint.strong(title), segment.segment)
    };
    let undecided = segment.verdict() == Verdict::Unknown && segment.preempted_by.is_empty();
    let outcome = match (segment.is_member, undecided) {
        (true, _) => Verdict::True,
        (false, true) => Verdict::Unknown,
        (false, false) => Verdict::False,
    };
    let text = style.language.pick(segment.outcome_text.as_ref());
    format!(
        "{} {name}: {}",
        mark(outcome, style),
        painted(text, outcome, style)
    )
}

/// A text in the colour of an outcome.
fn painted(text: &str, outcome: Verdict, style: Style) -> String {
    match outcome {
        Verdict::True => style.paint.good(text),
        Verdict::False => style.paint.bad(text),
        Verdict::Unknown | Verdict::Unspecified => style.paint.open(text),
    }
}

/// The reasons, each on a line with its stable name.
fn reason_lines(reasons: &[pb::ReasonCode], style: Style) -> Vec<String> {
    let because = style.language.label("because", "weil:");
    let line = |reason: &pb::ReasonCode| {
        let text = style.language.pick(reason.text.as_ref());
        let code = style.paint.faint(&format!("[{}]", reason.code));
        format!("  {because} {text}  {code}")
    };
    reasons.iter().map(line).collect()
}

/// The names of inputs without a value that could change the verdict; clauses and reasons state why they have none.
fn open_line(inputs: &[pb::OpenInput], style: Style) -> Option<String> {
    let label = style.language.label(
        "Could change the result once known:",
        "Könnte das Ergebnis ändern, sobald bekannt:",
    );
    let names = inputs.iter();
    let names = names.map(|input| style.language.pick(input.term_text.as_ref()));
    let names: Vec<&str> = names.collect();
    let mark = style.paint.open("?");
    (!inputs.is_empty()).then(|| format!("  {mark} {label} {}", names.join("; ")))
}

/// All segments in brief: those the customer is in with reasons, those not decided with what is open, the others by name.
fn overview(segments: &[pb::SegmentExplanation], style: Style) -> Vec<String> {
    let language = style.language;
    let (close, far): (Vec<_>, Vec<_>) = segments.iter().partition(|segment| {
        segment.is_member
            || (segment.verdict() == Verdict::Unknown && segment.preempted_by.is_empty())
    });
    let mut parts: Vec<String> = close
        .iter()
        .map(|segment| {
            let mut out = vec![headline(segment, style)];
            out.extend(reason_lines(&segment.reasons, style));
            out.extend(open_line(&segment.open_inputs, style));
            out.join("\n")
        })
        .collect();
    if !far.is_empty() {
        let names: Vec<&str> = far.iter().map(|segment| segment.segment.as_str()).collect();
        let words = language.label("not in:", "gehört nicht zu:");
        let mark = mark(Verdict::False, style);
        parts.push(format!("{mark} {words} {}", names.join(", ")));
    }
    if !segments.is_empty() {
        parts.push(
            language
                .label(
                    "Name a segment, a scheme or a tier to see it clause by clause.",
                    "Ein Segment, ein Schema oder eine Stufe angeben, um jede Bedingung zu sehen.",
                )
                .to_owned(),
        );
    }
    parts
}

/// A tier: held or not, the value, the threshold, and what another tier takes. These rows are its reasons.
fn tier_part(tier: &pb::TierExplanation, style: Style) -> String {
    let language = style.language;
    let mut out = vec![tier_headline(tier, style)];
    let mut rows = Vec::new();
    if let Some(value) = &tier.lifetime_value {
        rows.push((
            language.label("Lifetime value", "Kundenwert"),
            figures::money(value, language),
        ));
    }
    if let Some(least) = &tier.minimum_value {
        let label = language.label("Minimum for this tier", "Mindestwert dieser Stufe");
        rows.push((label, figures::money(least, language)));
    }
    // The way down from a tier that is held is what is above it; the way up to the next better one is what is missing to it.
    if let Some(gap) = tier.gap.as_ref().filter(|_| !tier.holds) {
        rows.push(gap_row(gap, style));
    }
    let better = tier.next_better.as_ref();
    if let Some(next) = better.filter(|next| next.tier != tier.tier) {
        let label = language.label("To the next better tier", "Bis zur nächsthöheren Stufe");
        rows.push((label, distance(next, "more for", "mehr für", style)));
    }
    if let Some(next) = &tier.next_lower {
        let label = language.label("To the next lower tier", "Bis zur nächstniedrigeren Stufe");
        rows.push((
            label,
            distance(next, "less would mean", "weniger ergäben", style),
        ));
    }
    if !rows.is_empty() {
        out.push(text::indented(&text::labelled(&rows)));
    }
    out.join("\n")
}

/// `✓ Tier gold: held`; `? Tier: not rated: employees are not valued`.
fn tier_headline(tier: &pb::TierExplanation, style: Style) -> String {
    let is_rated = tier.held.as_ref().is_some_and(|held| !held.name.is_empty());
    let outcome = match (tier.holds, is_rated) {
        (true, _) => Verdict::True,
        (false, true) => Verdict::False,
        (false, false) => Verdict::Unknown,
    };
    let label = style.language.label("Tier", "Stufe");
    let name = match tier.tier.as_str() {
        "" => label.to_owned(),
        name => format!("{label} {}", style.paint.strong(name)),
    };
    let text = style.language.pick(tier.outcome_text.as_ref());
    format!(
        "{} {name}: {}",
        mark(outcome, style),
        painted(text, outcome, style)
    )
}

fn gap_row(gap: &pb::Money, style: Style) -> (&'static str, String) {
    let language = style.language;
    let amount = pb::Money {
        amount_minor: gap.amount_minor.saturating_abs(),
        currency: gap.currency.clone(),
    };
    let amount = figures::money(&amount, language);
    if gap.amount_minor < 0 {
        (
            language.label("Missing", "Es fehlen"),
            style.paint.bad(&amount),
        )
    } else {
        (
            language.label("Above the minimum by", "Über dem Mindestwert"),
            style.paint.good(&amount),
        )
    }
}

fn distance(
    to: &pb::TierDistance,
    english: &'static str,
    german: &'static str,
    style: Style,
) -> String {
    let language = style.language;
    let amount = to.distance.as_ref();
    let amount = amount.map_or_else(String::new, |amount| figures::money(amount, language));
    format!("{amount} {} {}", language.label(english, german), to.tier)
}
