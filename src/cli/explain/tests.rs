//! Explanations in words, and which target is asked for, against a server of our own.

mod samples;

use std::sync::{Arc, Mutex};

use clap::Parser as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tonic_types::ErrorDetails;

use self::samples::{answer, at_risk, euros, platinum, words};
use super::*;
use crate::cli::output::Captured;
use crate::cli::paint::Paint;
use crate::pb::Verdict;
use crate::pb::scoring_service_server::{ScoringService, ScoringServiceServer};

fn shown(response: &pb::ExplainSegmentResponse, language: Language, overview: bool) -> String {
    let style = page::Style {
        language,
        paint: Paint::Plain,
        overview,
    };
    page::page(&parse_subject("c-1").unwrap(), response, style)
}

#[test]
fn a_segment_is_explained_clause_by_clause() {
    assert_eq!(
        shown(&answer(vec![at_risk()]), Language::En, false),
        "Ada Maier (c-1) on 2026-01-31

✗ At risk (attention/at_risk): not in
  ✗ all of these must hold:
    ✗ orders in the last 90 days: 1, required: at least 3 (2 short)
    ✗ spend in the last 365 days: 1,250.00 EUR, required: at least 2,500.00 EUR (1,250.00 EUR short)  [converted from USD]
    ✗ needs papers: yes, required: no  [crm, 1 day old]
    ? this must not hold:
      ? one of these is enough:
        ? complaints: out of date, required: at least 2  [crm, 365 days old]
  ? Could change the result once known: complaints

Based on data as of 2026-01-30 08:15 UTC (profile version 7, basis r1-m1-EUR)"
    );
}

#[test]
fn the_same_in_german() {
    let german = shown(&answer(vec![at_risk()]), Language::De, false);
    for part in [
        "Ada Maier (c-1) am 31.01.2026\n",
        "✗ Gefährdet (attention/at_risk): gehört nicht dazu\n",
        "    ✗ Bestellungen in den letzten 90 Tagen: 1, erforderlich: mindestens 3 (2 zu wenig)\n",
        "    ✗ braucht Unterlagen: ja, erforderlich: nein  [crm, 1 Tag alt]\n    ? dies darf nicht zutreffen:\n",
        "(1.250,00 EUR zu wenig)  [umgerechnet aus USD]\n",
        "  ? Könnte das Ergebnis ändern, sobald bekannt: Beschwerden\n",
        "\nGrundlage: Datenstand 30.01.2026, 08:15 UTC (Profilversion 7, Basis r1-m1-EUR)",
    ] {
        assert!(german.contains(part), "{part:?} in\n{german}");
    }
    let tier = shown(&answer(vec![]), Language::De, false);
    for part in [
        "✗ Stufe platinum: nicht erreicht, der Kunde hat gold\n",
        "  Kundenwert                       1.234,00 EUR\n",
        "  Es fehlen                        1.266,00 EUR\n",
    ] {
        assert!(tier.contains(part), "{part:?} in\n{tier}");
    }
    for english in ["days", "orders", "data of", "asked", "2026-0", " on "] {
        assert!(!german.contains(english), "{english:?} in\n{german}");
        assert!(!tier.contains(english), "{english:?} in\n{tier}");
    }
}

#[test]
fn colour_adds_marks_and_changes_no_word() {
    let style = page::Style {
        language: Language::En,
        paint: Paint::Colour,
        overview: false,
    };
    let response = answer(vec![at_risk()]);
    let coloured = page::page(&parse_subject("c-1").unwrap(), &response, style);
    assert!(coloured.contains("\x1b[31m✗\x1b[0m"), "{coloured}");
    let mut plain = coloured;
    for code in ["0", "1", "2", "31", "32", "33"] {
        plain = plain.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(plain, shown(&response, Language::En, false));
}

#[test]
fn a_tier_says_what_it_takes() {
    assert_eq!(
        shown(&answer(vec![]), Language::En, false),
        "Ada Maier (c-1) on 2026-01-31

✗ Tier platinum: not held, the customer holds gold
  Lifetime value          1,234.00 EUR
  Minimum for this tier   2,500.00 EUR
  Missing                 1,266.00 EUR
  To the next lower tier  634.00 EUR less would mean silver

Based on data as of 2026-01-30 08:15 UTC (profile version 7, basis r1-m1-EUR)"
    );
}

/// The distance to a neighbouring tier is not stated a second time as what is missing or what is above.
#[test]
fn a_tier_that_is_held_shows_the_way_up_and_down() {
    let gold = pb::TierExplanation {
        tier: "gold".into(),
        outcome_text: words("held", "erreicht"),
        holds: true,
        minimum_value: euros(60_000),
        gap: euros(63_400),
        ..platinum()
    };
    let mut response = answer(vec![]);
    response.explanation.as_mut().unwrap().tier = Some(gold);
    let page = shown(&response, Language::En, false);
    let rows = "
✓ Tier gold: held
  Lifetime value           1,234.00 EUR
  Minimum for this tier    600.00 EUR
  To the next better tier  1,266.00 EUR more for platinum
  To the next lower tier   634.00 EUR less would mean silver
";
    assert!(page.contains(rows), "{page}");
}

/// In brief, the reasons stand for the clauses.
#[test]
fn the_overview_gives_reasons_and_names_the_other_segments() {
    let undecided = pb::SegmentExplanation {
        verdict: Verdict::Unknown.into(),
        outcome_text: words("undecided, therefore not in", "nicht entscheidbar"),
        ..at_risk()
    };
    let page = shown(&answer(vec![undecided, at_risk()]), Language::En, true);
    for part in [
        "\n? At risk (attention/at_risk): undecided, therefore not in\n",
        "\n  because orders in the last 90 days: 1, required: at least 3  [ORDERS]\n",
        "\n✗ not in: attention/at_risk\n",
    ] {
        assert!(page.contains(part), "{part:?} in\n{page}");
    }
    assert!(!page.contains("must hold"), "{page}");
}

/// The mark is that of the outcome, not of the condition.
#[test]
fn the_headline_marks_the_outcome() {
    let cases = [
        (Verdict::True, true, "", "✓"),
        (Verdict::Unknown, true, "", "✓"),
        (Verdict::True, false, "a/b", "✗"),
        (Verdict::Unknown, false, "a/b", "✗"),
        (Verdict::Unknown, false, "", "?"),
        (Verdict::False, false, "", "✗"),
    ];
    for (verdict, is_member, preempted_by, mark) in cases {
        let segment = pb::SegmentExplanation {
            verdict: verdict.into(),
            is_member,
            preempted_by: preempted_by.into(),
            outcome_text: words("as it is", "wie es ist"),
            ..at_risk()
        };
        let page = shown(&answer(vec![segment]), Language::En, false);
        let headline = format!("\n{mark} At risk (attention/at_risk): as it is\n");
        assert!(page.contains(&headline), "{headline:?} in\n{page}");
    }
}

/// Whatever the server words is printed as it is, and no fact twice: not in other words, and not in the same.
#[test]
fn a_page_states_each_fact_once_in_the_words_of_the_server() {
    let segment = at_risk();
    for language in [Language::En, Language::De] {
        let page = shown(&answer(vec![segment.clone()]), language, false);
        let mut clauses: Vec<&pb::Clause> = segment.clause.iter().collect();
        while let Some(clause) = clauses.pop() {
            let is_not = clause.kind() == pb::ClauseKind::Not;
            let is_stated = |part: &pb::Clause| is_not && part.kind() == pb::ClauseKind::Test;
            clauses.extend(clause.parts.iter().filter(|part| !is_stated(part)));
            let text = language.pick(clause.text.as_ref());
            assert_eq!(page.matches(text).count(), 1, "{text:?} in\n{page}");
        }
        let hidden = ["needs papers: yes, required: yes", "ja, erforderlich: ja"];
        assert!(hidden.iter().all(|text| !page.contains(text)), "{page}");
    }
}

/// Knows the segment `a/b`, the scheme `a` and the tier `gold`, and remembers what it was asked.
#[derive(Default, Clone)]
struct Fake(Arc<Mutex<Vec<Option<Target>>>>);

#[tonic::async_trait]
impl ScoringService for Fake {
    async fn explain_segment(
        &self,
        request: Request<pb::ExplainSegmentRequest>,
    ) -> Result<Response<pb::ExplainSegmentResponse>, Status> {
        let target = request.into_inner().target;
        self.0.lock().unwrap().push(target.clone());
        let refuse = |reason: &str| {
            let mut details = ErrorDetails::new();
            details.set_error_info(reason, "patron", []);
            Status::with_error_details(Code::NotFound, "there is none", details)
        };
        match target {
            Some(Target::Segment(name)) if name != "a/b" => Err(refuse("SEGMENT_NOT_FOUND")),
            Some(Target::Scheme(name)) if name != "a" => Err(refuse("SCHEME_NOT_FOUND")),
            Some(Target::Tier(name)) if name != "gold" => Err(refuse("TIER_NOT_FOUND")),
            _ => Ok(Response::new(answer(vec![at_risk()]))),
        }
    }

    async fn classify(
        &self,
        _: Request<pb::ClassifyRequest>,
    ) -> Result<Response<pb::ClassifyResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn batch_classify(
        &self,
        _: Request<pb::BatchClassifyRequest>,
    ) -> Result<Response<pb::BatchClassifyResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn score_lifetime_value(
        &self,
        _: Request<pb::ScoreLifetimeValueRequest>,
    ) -> Result<Response<pb::ScoreLifetimeValueResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn batch_score_lifetime_value(
        &self,
        _: Request<pb::BatchScoreLifetimeValueRequest>,
    ) -> Result<Response<pb::BatchScoreLifetimeValueResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

/// Runs a command line against a fresh server: what it printed or how it failed, and what the server was asked.
async fn run_line(words: &[&str]) -> (Result<String, CliError>, Vec<Option<Target>>) {
    let fake = Fake::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server =
        tonic::transport::Server::builder().add_service(ScoringServiceServer::new(fake.clone()));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let line = [
        &["patron", "explain", "c-1", "--endpoint", &endpoint],
        words,
    ]
    .concat();
    let crate::cli::Command::Explain(args) = crate::cli::Cli::try_parse_from(line).unwrap().command
    else {
        panic!("another command");
    };
    let (mut output, data, _) = Captured::output();
    let result = run(&args, &mut output).await;
    let asked = fake.0.lock().unwrap().clone();
    (result.map(|()| data.text()), asked)
}

#[tokio::test]
async fn a_name_is_tried_as_scheme_and_then_as_tier() {
    let (said, asked) = run_line(&["gold"]).await;
    assert!(said.unwrap().contains("At risk"));
    let (scheme, tier) = (Target::Scheme("gold".into()), Target::Tier("gold".into()));
    assert_eq!(asked, [Some(scheme), Some(tier)]);
    let (_, asked) = run_line(&["a/b"]).await;
    assert_eq!(asked, [Some(Target::Segment("a/b".into()))]);
    let (_, asked) = run_line(&["--tier", "gold"]).await;
    assert_eq!(asked, [Some(Target::Tier("gold".into()))]);
    let (_, asked) = run_line(&[]).await;
    assert_eq!(asked, [None]);
}

#[tokio::test]
async fn a_name_that_nothing_has_is_an_error_that_helps() {
    let (said, asked) = run_line(&["god"]).await;
    let error = said.unwrap_err();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        error.lines()[0],
        "error: there is no scheme and no tier \"god\""
    );
    let (said, _) = run_line(&["a/c"]).await;
    let lines = said.unwrap_err().lines();
    assert!(
        lines.last().unwrap().contains("patron definitions show"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn the_json_is_the_response_with_the_whole_tree() {
    let (said, _) = run_line(&["a/b", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&said.unwrap()).unwrap();
    assert_eq!(json["match"], "MATCH_ONE");
    let segment = &json["explanation"]["segments"][0];
    assert_eq!(segment["verdict"], "VERDICT_FALSE");
    let open = &segment["openInputs"][0];
    assert_eq!(
        (&open["term"], &open["text"]["de"]),
        (&"complaints_12m".into(), &"Beschwerden: veraltet".into())
    );
    let parts = &segment["clause"]["parts"];
    assert_eq!(parts[0]["gap"]["intValue"], "-2");
    assert_eq!(parts[0]["isDecisive"], true);
    let money = &parts[1]["requiredValues"][0]["moneyValue"];
    assert_eq!(money["amountMinor"], "250000");
    let complaints = &parts[3]["parts"][0]["parts"][0];
    assert_eq!(complaints["requiredValues"][0]["unit"]["de"], "Briefe");
}
