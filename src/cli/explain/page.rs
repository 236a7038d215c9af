//! An explanation for a person: the verdict first, then the reasons, then the clauses, then what is not known.

use super::clause::{lines, mark};
use super::figures;
use super::wording::{Language, absence};
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
            pb::Match::One | pb::Match::Unknown | pb::Match::Unavailable | pb::Match::Unspecified,
            _,
        ) => match language {
            Language::En => format!("Nobody is known as {asked}."),
            Language::De => format!("Niemand ist als {asked} bekannt."),
        },
    };
    match language {
        Language::En => text::with_stale_note(page, response.provenance.as_ref()),
        Language::De => match text::stale_since(response.provenance.as_ref()) {
            Some(time) => format!(
                "{page}\n\nVeraltet: Die Datenbank ist nicht erreichbar; dies ist der Stand von {time}."
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
            format!("{count} customers share {asked}: {ids}\nAsk again by one of these ids.")
        }
        Language::De => {
            format!(
                "{count} Kunden teilen sich {asked}: {ids}\nBitte mit einer dieser Kennungen fragen."
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
    if let Some(tier) = &explanation.tier {
        parts.push(tier_part(tier, style));
    }
    if style.overview {
        parts.extend(overview(&explanation.segments, style));
    } else {
        let segments = explanation.segments.iter();
        parts.extend(segments.map(|segment| segment_part(segment, as_of, style)));
    }
    parts.extend(provenance.map(|provenance| style.paint.faint(&based_on(provenance, style))));
    parts.join("\n\n")
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
            format!("Based on what was known at {time} (profile version {version}, basis {basis})")
        }
        (Some(time), Language::De) => {
            format!("Grundlage: Kenntnisstand {time} (Profilversion {version}, Basis {basis})")
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
        format!(" {} {day}", style.language.say("on", "am"))
    };
    format!("{}{day}", style.paint.strong(&name))
}

/// A segment in full.
fn segment_part(segment: &pb::SegmentExplanation, as_of: &str, style: Style) -> String {
    let mut out = vec![headline(segment, style)];
    out.extend(reason_lines(&segment.reasons, style));
    if let Some(clause) = &segment.clause {
        let clauses = lines(clause, as_of, style);
        out.extend(clauses.into_iter().map(|line| format!("  {line}")));
    }
    out.extend(open_lines(&segment.open_inputs, style));
    out.join("\n")
}

/// `✗ At risk (attention/at_risk): not in`.
fn headline(segment: &pb::SegmentExplanation, style: Style) -> String {
    let language = style.language;
    let title = language.of(segment.title.as_ref());
    let name = if title.is_empty() {
        style.paint.strong(&segment.segment)
    } else {
        format!("{} ({})", style.paint.strong(title), segment.segment)
    };
    let taken_by = &segment.taken_by;
    let (standing, words) = match (segment.is_member, segment.verdict()) {
        (true, Verdict::Unknown) => (
            Verdict::True,
            language
                .say(
                    "in, because what is not known counts as fulfilled here",
                    "gehört dazu, weil Unbekanntes hier als erfüllt gilt",
                )
                .to_owned(),
        ),
        (true, _) => (Verdict::True, language.say("in", "gehört dazu").to_owned()),
        (false, _) if !taken_by.is_empty() => (
            Verdict::False,
            match language {
                Language::En => format!("not in: the condition holds, but {taken_by} comes first"),
                Language::De => {
                    format!("gehört nicht dazu: die Bedingung trifft zu, aber {taken_by} geht vor")
                }
            },
        ),
        (false, Verdict::Unknown) => (
            Verdict::Unknown,
            language
                .say(
                    "cannot be decided, so not in for now",
                    "nicht entscheidbar, gehört also vorerst nicht dazu",
                )
                .to_owned(),
        ),
        (false, Verdict::False | Verdict::True | Verdict::Unspecified) => (
            Verdict::False,
            language.say("not in", "gehört nicht dazu").to_owned(),
        ),
    };
    let words = match standing {
        Verdict::True => style.paint.good(&words),
        Verdict::False => style.paint.bad(&words),
        Verdict::Unknown | Verdict::Unspecified => style.paint.open(&words),
    };
    format!("{} {name}: {words}", mark(standing, style))
}

/// The reasons, each on a line with its stable name.
fn reason_lines(reasons: &[pb::ReasonCode], style: Style) -> Vec<String> {
    reasons
        .iter()
        .map(|reason| {
            let why = style.language.say("because", "weil:");
            match style.language.of(reason.text.as_ref()) {
                "" => format!("  {why} {}", reason.code),
                words => {
                    let code = style.paint.faint(&format!("[{}]", reason.code));
                    format!("  {why} {words}  {code}")
                }
            }
        })
        .collect()
}

/// What is not known and could change the verdict.
fn open_lines(inputs: &[pb::OpenInput], style: Style) -> Vec<String> {
    if inputs.is_empty() {
        return Vec::new();
    }
    let title = style.language.say(
        "Could still change this, if it were known:",
        "Könnte das noch ändern, wenn es bekannt wäre:",
    );
    let mut out = vec![format!("  {title}")];
    out.extend(inputs.iter().map(|input| {
        let why = absence(input.absence(), style.language);
        let what = match style.language.of(input.text.as_ref()) {
            "" => &input.input,
            text => text,
        };
        format!("    {} {what}: {why}", style.paint.open("?"))
    }));
    out
}

/// All segments in brief: those the customer is in with reasons, those not decided with what is open, the others by name.
fn overview(segments: &[pb::SegmentExplanation], style: Style) -> Vec<String> {
    let language = style.language;
    let (close, far): (Vec<_>, Vec<_>) = segments.iter().partition(|segment| {
        segment.is_member || (segment.verdict() == Verdict::Unknown && segment.taken_by.is_empty())
    });
    let mut parts: Vec<String> = close
        .iter()
        .map(|segment| {
            let mut out = vec![headline(segment, style)];
            out.extend(reason_lines(&segment.reasons, style));
            out.extend(open_lines(&segment.open_inputs, style));
            out.join("\n")
        })
        .collect();
    if !far.is_empty() {
        let names: Vec<&str> = far.iter().map(|segment| segment.segment.as_str()).collect();
        let words = language.say("not in:", "gehört nicht zu:");
        let mark = mark(Verdict::False, style);
        parts.push(format!("{mark} {words} {}", names.join(", ")));
    }
    if !segments.is_empty() {
        parts.push(
            language
                .say(
                    "Name a segment, a scheme or a tier to see it clause by clause.",
                    "Ein Segment, ein Schema oder eine Stufe angeben, um jede Bedingung zu sehen.",
                )
                .to_owned(),
        );
    }
    parts
}

/// A tier: held or not, the value, the threshold, and what another tier takes.
fn tier_part(tier: &pb::TierExplanation, style: Style) -> String {
    let language = style.language;
    let held = tier.held.as_ref().filter(|held| !held.name.is_empty());
    let mut out = vec![tier_headline(tier, held, style)];
    out.extend(reason_lines(&tier.reasons, style));
    let mut rows = Vec::new();
    if let Some(value) = &tier.lifetime_value {
        rows.push((
            language.say("Lifetime value", "Kundenwert"),
            figures::money(value, language),
        ));
    }
    if let Some(least) = &tier.least_value {
        let label = language.say("Needed for this tier", "Nötig für diese Stufe");
        rows.push((label, figures::money(least, language)));
    }
    if let Some(gap) = &tier.gap {
        rows.push(gap_row(gap, style));
    }
    if let Some(next) = &tier.next_better {
        let label = language.say("To the next better tier", "Bis zur nächsthöheren Stufe");
        rows.push((label, distance(next, "more for", "mehr für", style)));
    }
    if let Some(next) = &tier.next_lower {
        let label = language.say("To the next lower tier", "Bis zur nächstniedrigeren Stufe");
        rows.push((
            label,
            distance(next, "less means", "weniger bedeuten", style),
        ));
    }
    if !rows.is_empty() {
        out.push(text::indented(&text::labelled(&rows)));
    }
    out.join("\n")
}

fn tier_headline(tier: &pb::TierExplanation, held: Option<&pb::Tier>, style: Style) -> String {
    let language = style.language;
    let rated = held.map(|held| held.name.as_str());
    let word = language.say("Tier", "Stufe");
    match (tier.holds, rated) {
        (true, _) => {
            let words = language.say("held", "erreicht");
            let mark = mark(Verdict::True, style);
            let name = style.paint.strong(&tier.tier);
            format!("{mark} {word} {name}: {}", style.paint.good(words))
        }
        (false, Some(rated)) => {
            let words = match language {
                Language::En => format!("not held; the customer holds {rated}"),
                Language::De => format!("nicht erreicht; der Kunde hat {rated}"),
            };
            let mark = mark(Verdict::False, style);
            let name = style.paint.strong(&tier.tier);
            format!("{mark} {word} {name}: {}", style.paint.bad(&words))
        }
        (false, None) => {
            let reason = tier.held.as_ref().map_or(0, |held| held.unrated_reason);
            let reason = unrated(reason, language);
            let name = [word, &tier.tier].join(" ");
            let words = language.say("none, the customer is not rated", "keine, nicht bewertet");
            let mark = mark(Verdict::Unknown, style);
            let words = style.paint.open(&format!("{words}: {reason}"));
            format!("{mark} {}: {words}", name.trim_end())
        }
    }
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
            language.say("Missing", "Es fehlen"),
            style.paint.bad(&amount),
        )
    } else {
        (
            language.say("Above it by", "Darüber um"),
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
    format!("{amount} {} {}", language.say(english, german), to.tier)
}

/// Why a customer is unrated, in a sentence.
fn unrated(reason: i32, language: Language) -> &'static str {
    let german = match pb::UnratedReason::try_from(reason) {
        Ok(pb::UnratedReason::NotApplicable) => "Kollegen werden nicht nach Wert eingestuft",
        Ok(pb::UnratedReason::NoPurchase) => "noch nichts gekauft, oder alles zurückgegeben",
        Ok(pb::UnratedReason::NoModel) => "kein aktives Modell kann sie bewerten",
        Ok(pb::UnratedReason::NoMean) => "das Ausgabenmodell hat keinen Mittelwert",
        Ok(pb::UnratedReason::NoRate) => "ein Betrag lässt sich nicht umrechnen",
        Ok(pb::UnratedReason::TooLarge) => "der Wert liegt jenseits darstellbarer Beträge",
        Ok(pb::UnratedReason::Unspecified) | Err(_) => "aus unbekanntem Grund",
    };
    match language {
        Language::En => text::unrated_sentence(reason),
        Language::De => german,
    }
}
