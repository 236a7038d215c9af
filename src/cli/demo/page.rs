//! The page that the demo prints: tiers, segments, what took how long, and commands to paste.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};

use super::DemoReport;
use crate::cli::connection::DEFAULT_ENDPOINT;
use crate::cli::text;
use crate::generate::history::CURRENCY;

/// How the commands to paste begin and end.
#[derive(Debug, Clone)]
pub struct Commands {
    program: String,
    endpoint: String,
    http: Option<SocketAddr>,
}

impl Commands {
    /// For the program that runs, from the folder it runs in, to the given server, and to where it serves HTTP.
    #[must_use]
    pub fn here(endpoint: &str, http: Option<SocketAddr>) -> Self {
        let program = std::env::current_exe().ok();
        // Both without symbolic links, so that one is found below the other.
        let folder = std::env::current_dir().and_then(std::fs::canonicalize).ok();
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            program: program.map_or_else(
                || PROGRAM.to_owned(),
                |program| shown_program(&program, folder.as_deref(), &path),
            ),
            endpoint: endpoint.to_owned(),
            http,
        }
    }

    fn line(&self, rest: &str) -> String {
        let endpoint = if self.endpoint == DEFAULT_ENDPOINT {
            String::new()
        } else {
            format!(" --endpoint {}", self.endpoint)
        };
        format!("{} {rest}{endpoint}", self.program)
    }

    /// A command that needs no server.
    fn alone(&self, rest: &str) -> String {
        format!("{} {rest}", self.program)
    }
}

/// What the program is called where the shell finds it by itself.
const PROGRAM: &str = "patron";

/// The program as a shell finds it from the folder, as short as it can be, in quotes where it needs them.
fn shown_program(program: &Path, folder: Option<&Path>, path: &OsStr) -> String {
    let on_path = std::env::split_paths(path)
        .map(|folder| folder.join(PROGRAM))
        .find(|found| found.is_file());
    if on_path
        .and_then(|found| found.canonicalize().ok())
        .as_deref()
        == Some(program)
    {
        return PROGRAM.to_owned();
    }
    let whole = program.display().to_string();
    let near = folder.and_then(|folder| relative(program, folder));
    let near = near.map(|near| near.display().to_string());
    let shown = near
        .filter(|near| near.len() < whole.len())
        .unwrap_or(whole);
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if shown.chars().all(plain) {
        shown
    } else {
        format!("'{}'", shown.replace('\'', r"'\''"))
    }
}

/// The way from a folder to a file; `None` where they have nothing in common.
fn relative(file: &Path, folder: &Path) -> Option<PathBuf> {
    let common = file
        .components()
        .zip(folder.components())
        .take_while(|(one, other)| one == other)
        .count();
    // The root alone is nothing in common.
    (common > 1).then_some(())?;
    let up = folder
        .components()
        .skip(common)
        .map(|_| Component::ParentDir);
    let down = file.components().skip(common);
    let way: PathBuf = up.chain(down).collect();
    // A bare name would be looked for on the PATH.
    let bare = way.components().count() == 1;
    Some(if bare { Path::new(".").join(way) } else { way })
}

/// The whole page.
pub(super) fn page(report: &DemoReport, commands: &Commands) -> String {
    let currency = if report.model.currency.is_empty() {
        CURRENCY
    } else {
        &report.model.currency
    };
    let everybody = &report.everybody;
    [
        format!(
            "{} generated customers with three years of history until {}, by tier:",
            report.options.customers, report.options.as_of
        ),
        text::indented(&everybody.tiers.page(currency)),
        "By segment (at most one per exclusive scheme):".to_owned(),
        text::indented(&everybody.segments.page()),
        "Time:".to_owned(),
        text::indented(&times(report)),
        "Try it (paste a line into another terminal):".to_owned(),
        text::indented(&examples(report, commands)),
    ]
    .join("\n\n")
}

fn times(report: &DemoReport) -> String {
    let load = match report.loaded {
        None => "nothing: already in this data directory".to_owned(),
        Some(loaded) => format!(
            "{} facts, {} duplicates, in {:.2} s",
            loaded.written + loaded.duplicates,
            loaded.duplicates,
            report.load_seconds
        ),
    };
    let revision = report.revision.revision;
    let publish = if report.published {
        let seconds = report.publish_seconds;
        format!("examples/definitions.yaml as revision {revision} in {seconds:.2} s")
    } else {
        format!("nothing: revision {revision} is already active")
    };
    let version = report.model.version;
    let fit = if report.fitted {
        format!("model version {version} in {:.2} s", report.fit_seconds)
    } else {
        format!("nothing: model version {version} is already active")
    };
    let customers = report.options.customers;
    text::labelled(&[
        (
            "Generated",
            format!("{customers} customers in {:.2} s", report.invent_seconds),
        ),
        ("Sent", load),
        ("Published", publish),
        ("Fitted", fit),
        (
            "Classified",
            format!("{customers} customers in {:.3} s", report.classify_seconds),
        ),
    ])
}

/// The mistakes of the last command: a name, a type. The example says both once.
const MISTAKES: &str =
    r#"sed 's/days_since_last_order/days_since_order/; s/< money("400 EUR")/< 400/'"#;

fn examples(report: &DemoReport, commands: &Commands) -> String {
    let examples = &report.examples;
    let mut lines = Vec::new();
    let mut add = |comment: &str, command: String| lines.push(format!("# {comment}\n{command}"));
    let phone = &examples.regular_phone;
    add(
        "Who is calling, what are they worth, and how should we treat them?",
        commands.line(&format!("classify {phone}")),
    );
    let shared = &examples.shared_phone;
    add(
        "Where does a call go from a number that a whole company shares?",
        commands.line(&format!("route {shared}")),
    );
    if let Some(http) = commands.http {
        let number = phone.trim_start_matches('+');
        add(
            "What does a telephone system get that asks over HTTP? (format=kv for Asterisk)",
            format!("curl 'http://{http}/v1/route?number=00{number}&format=flat'"),
        );
        let request = format!(r#"{{"subject": {{"phoneNumber": "{phone}"}}}}"#);
        add(
            "How does a program call it without gRPC? (http://.../v1/openapi.json describes all calls)",
            format!("curl --json '{request}' http://{http}/patron.v1.ScoringService/Classify"),
        );
    }
    if let Some((customer, segment)) = &report.everybody.cases.explained {
        add(
            "Why is this customer in that segment? (--lang de for German)",
            commands.line(&format!("explain {customer} {segment}")),
        );
    }
    if let Some((customer, tier)) = &report.everybody.cases.nearly {
        add(
            "How far is the next higher tier?",
            commands.line(&format!("explain {customer} --tier {tier}")),
        );
    }
    add(
        "What do contacts cost, next to what their customers bring?",
        commands.line("cost-to-serve --all"),
    );
    let (show, check) = (
        commands.line("definitions show"),
        commands.alone("definitions check -"),
    );
    add(
        "How are mistakes in definitions reported?",
        format!("{show} | {MISTAKES} | {check}"),
    );
    let test = commands.alone("definitions test -");
    add(
        "Do the definitions decide as their authors expect?",
        format!("{show} | {test}"),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::Everybody;
    use super::super::load::Loaded;
    use super::*;
    use crate::generate::population::{DemoOptions, Examples};
    use crate::pb;

    fn answer(
        tier: &str,
        rank: i32,
        value: i64,
        reason: pb::UnratedReason,
    ) -> pb::ClassifyResponse {
        pb::ClassifyResponse {
            classification: Some(pb::Classification {
                tier: Some(pb::Tier {
                    name: tier.into(),
                    rank,
                    unrated_reason: reason.into(),
                }),
                lifetime_value: (rank > 0).then(|| pb::Money {
                    amount_minor: value,
                    currency: "EUR".into(),
                }),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn the_page_has_tiers_by_rank_reasons_times_and_commands() {
        let mut everybody = Everybody::default();
        let tiers = &mut everybody.tiers;
        tiers.add(&answer("silver", 2, 1_000, pb::UnratedReason::Unspecified));
        tiers.add(&answer("gold", 1, 30_000, pb::UnratedReason::Unspecified));
        tiers.add(&answer("gold", 1, 10_000, pb::UnratedReason::Unspecified));
        tiers.add(&answer("", 0, 0, pb::UnratedReason::NoPurchase));
        assert_eq!((tiers.rated(), tiers.unrated(), tiers.unknown()), (3, 1, 0));
        let report = DemoReport {
            options: DemoOptions {
                seed: 1,
                customers: 4,
                as_of: date(2024, 6, 30),
            },
            invent_seconds: 0.25,
            loaded: Some(Loaded {
                written: 10,
                duplicates: 0,
            }),
            load_seconds: 1.0,
            revision: pb::Revision {
                revision: 1,
                ..Default::default()
            },
            published: true,
            publish_seconds: 0.1,
            model: pb::Model {
                version: 1,
                currency: "EUR".into(),
                ..Default::default()
            },
            fitted: true,
            fit_seconds: 0.5,
            classify_seconds: 0.1,
            everybody,
            examples: Examples {
                regular_phone: "+493023125001".into(),
                ..Default::default()
            },
        };
        let commands = Commands {
            program: "target/release/patron".into(),
            endpoint: "http://127.0.0.1:7".into(),
            http: Some(([127, 0, 0, 1], 8).into()),
        };
        let page = page(&report, &commands);
        for part in [
            "  gold                         2  50.0 %           200.00 EUR\n",
            "  silver                       1  25.0 %            10.00 EUR\n",
            "UNRATED NO_PURCHASE",
            "10 facts, 0 duplicates, in 1.00 s",
            "  target/release/patron classify +493023125001 --endpoint http://127.0.0.1:7\n",
            "  curl 'http://127.0.0.1:8/v1/route?number=00493023125001&format=flat'\n",
            "examples/definitions.yaml as revision 1 in 0.10 s",
            "  target/release/patron definitions show --endpoint http://127.0.0.1:7 | sed '",
            "/' | target/release/patron definitions check -",
            "  target/release/patron definitions show --endpoint http://127.0.0.1:7 | target/release/patron definitions test -",
        ] {
            assert!(page.contains(part), "{part:?} in\n{page}");
        }
        assert!(page.find("gold") < page.find("silver"));
    }

    #[test]
    fn the_mistakes_to_paste_are_made_in_the_example() {
        for words in ["days_since_last_order", "< money(\"400 EUR\")"] {
            assert!(MISTAKES.contains(words), "{words}");
            assert_eq!(
                crate::generate::DEFINITIONS.matches(words).count(),
                1,
                "{words}"
            );
        }
    }

    #[test]
    fn the_program_is_shown_so_that_a_shell_finds_it() {
        let program = Path::new("/home/a b/target/release/patron");
        let nowhere = OsStr::new("");
        let shown = |folder: &str| shown_program(program, Some(Path::new(folder)), nowhere);
        assert_eq!(shown("/home/a b"), "target/release/patron");
        assert_eq!(shown("/home/a b/target/release"), "./patron");
        assert_eq!(shown("/home/a b/target/debug"), "../release/patron");
        assert_eq!(shown("/home/a b/src"), "../target/release/patron");
        assert_eq!(shown("/tmp"), "'/home/a b/target/release/patron'");
    }

    #[test]
    fn a_program_on_the_path_is_shown_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let program = folder.join(PROGRAM);
        std::fs::write(&program, "").unwrap();
        let path = std::env::join_paths(["/nowhere".as_ref(), folder.as_path()]).unwrap();
        assert_eq!(shown_program(&program, Some(&folder), &path), "patron");
        // Another program of the name comes first.
        let other = folder.join("other");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join(PROGRAM), "").unwrap();
        let path = std::env::join_paths([&other, &folder]).unwrap();
        assert_eq!(shown_program(&program, Some(&folder), &path), "./patron");
    }
}
