//! Explanations in words, and which target is asked for, against a server of our own.

mod samples;

use std::sync::{Arc, Mutex};

use clap::Parser as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tonic_types::ErrorDetails;

use self::samples::{answer, at_risk};
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
  because Orders in the last 90 days: 1, below 3  [ORDERS_BELOW]
  ✗ all of these must hold:
    ✓ Tier: gold, required: at least gold (just so)
    ✗ Orders in the last 90 days: 1, required: at least 3 (2 orders short)
    ✗ Spend in the last 365 days: 1,250.00 EUR, required: at least 2,500.00 EUR (1,250.00 EUR missing)
    ✗ Employees: 240, required: at least 1,250 (1,010 people short)
    ✗ this must not hold:
      ✓ Needs papers: yes, required: yes  [crm, 1 day old]
    ? one of these is enough:
      ? Complaints: not known any more: the last value is too old, required: at least 2  [crm, 365 days old]
  Could still change this, if it were known:
    ? Complaints: not known any more: the last value is too old

Based on what was known at 2026-01-30 08:15 UTC (profile version 7, basis r1-m1-EUR)"
    );
}

#[test]
fn the_same_in_german() {
    let german = shown(&answer(vec![at_risk()]), Language::De, false);
    for part in [
        "Ada Maier (c-1) am 31.01.2026\n",
        "✗ Gefährdet (attention/at_risk): gehört nicht dazu\n",
        "  weil: Bestellungen: 1, unter 3  [ORDERS_BELOW]\n",
        "    ✗ Bestellungen in den letzten 90 Tagen: 1, verlangt: mindestens 3 (2 Bestellungen zu wenig)\n",
        "      ✓ Braucht Unterlagen: ja, verlangt: ja  [crm, 1 Tag alt]\n",
        "    ✗ Ausgaben in den letzten 365 Tagen: 1.250,00 EUR, verlangt: mindestens 2.500,00 EUR (1.250,00 EUR fehlen)\n",
        "    ✗ Mitarbeiterzahl: 240, verlangt: mindestens 1.250 (1.010 Personen zu wenig)\n",
        "  Könnte das noch ändern, wenn es bekannt wäre:\n    ? Beschwerden: nicht mehr bekannt: der letzte Wert ist zu alt\n",
        "\nGrundlage: Kenntnisstand 30.01.2026, 08:15 UTC (Profilversion 7, Basis r1-m1-EUR)",
    ] {
        assert!(german.contains(part), "{part:?} in\n{german}");
    }
    let tier = shown(&answer(vec![]), Language::De, false);
    for part in [
        "✗ Stufe platinum: nicht erreicht; der Kunde hat gold\n",
        "  Kundenwert                       1.234,00 EUR\n",
        "  Bis zur nächsthöheren Stufe      1.266,00 EUR mehr für platinum\n",
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

✗ Tier platinum: not held; the customer holds gold
  Lifetime value           1,234.00 EUR
  Needed for this tier     2,500.00 EUR
  Missing                  1,266.00 EUR
  To the next better tier  1,266.00 EUR more for platinum
  To the next lower tier   634.00 EUR less means silver

Based on what was known at 2026-01-30 08:15 UTC (profile version 7, basis r1-m1-EUR)"
    );
}

#[test]
fn the_headline_tells_what_is_decided_from_what_is_not() {
    let cases = [
        (Verdict::True, true, "", "✓ At risk (attention/at_risk): in"),
        (
            Verdict::Unknown,
            true,
            "",
            "✓ At risk (attention/at_risk): in, because what is not known",
        ),
        (
            Verdict::True,
            false,
            "a/b",
            "✗ At risk (attention/at_risk): not in: the condition holds, but a/b",
        ),
        (
            Verdict::Unknown,
            false,
            "",
            "? At risk (attention/at_risk): cannot be decided",
        ),
        (Verdict::False, false, "", "✗ not in: attention/at_risk"),
    ];
    for (verdict, is_member, preempted_by, expected) in cases {
        let segment = pb::SegmentExplanation {
            verdict: verdict.into(),
            is_member,
            preempted_by: preempted_by.into(),
            ..at_risk()
        };
        let overview = preempted_by.is_empty();
        let page = shown(&answer(vec![segment]), Language::En, overview);
        assert!(page.contains(expected), "{expected:?} in\n{page}");
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
async fn the_json_has_the_whole_tree_and_nulls_for_what_is_not_known() {
    let (said, _) = run_line(&["a/b", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&said.unwrap()).unwrap();
    assert_eq!(
        (&json["match"], &json["as_of"]),
        (&"ONE".into(), &"2026-01-31".into())
    );
    let segment = &json["segments"][0];
    assert_eq!(segment["verdict"], "FALSE");
    let open = &segment["open_inputs"][0];
    assert_eq!(
        (&open["absence"], &open["name"], &open["text"]["de"]),
        (
            &"STALE".into(),
            &"complaints_12m".into(),
            &"Beschwerden".into()
        )
    );
    let parts = &segment["clause"]["parts"];
    assert_eq!(
        (&parts[1]["gap"], &parts[1]["unit"]),
        (&(-2.0).into(), &"orders".into())
    );
    assert_eq!(parts[5]["parts"][0]["observed"], serde_json::Value::Null);
}
