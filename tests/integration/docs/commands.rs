//! The commands of the pages, run in their order by a shell against a service of the page's own: they print what the page shows.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::program::{find_shared, patron};
use crate::support::service::ServiceWithDatabase;

/// A command of a page, and the lines that the page shows under it.
#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    shown: Vec<String>,
}

/// The commands in the console blocks of a page, except blocks that start a server.
fn steps(page: &str) -> Vec<Step> {
    let blocks = page.split("```console\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split_once("```\n").map(|(block, _)| block));
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks.filter(|block| !block.starts_with("$ patron serve")) {
        let mut continued = false;
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step {
                    command: command.to_owned(),
                    shown: Vec::new(),
                });
            } else if continued {
                let step = steps.last_mut().unwrap();
                step.command = format!("{}\n{line}", step.command);
            } else {
                steps.last_mut().unwrap().shown.push(line.to_owned());
            }
            continued = (line.starts_with("$ ") || continued) && line.ends_with('\\');
        }
    }
    steps
}

/// The words of a line, with `T` for what differs from run to run: instants, times of day and the day before one.
fn words(line: &str) -> Vec<String> {
    let is_time = |word: &str| word.len() == 5 && word.as_bytes()[2] == b':';
    let words: Vec<&str> = line.split_whitespace().collect();
    let masked = words.iter().enumerate().map(|(at, word)| {
        let plain = word.trim_end_matches([',', ':']);
        let instant = plain.contains('T') && plain.ends_with('Z') && plain.contains(':');
        let before = words.get(at + 1).is_some_and(|next| is_time(next));
        if instant || is_time(plain) || before {
            "T".to_owned()
        } else {
            (*word).to_owned()
        }
    });
    masked.collect()
}

/// The first line shown that was not printed where it should have been; `...` stands for any lines.
fn first_difference(shown: &[String], printed: &str) -> Option<String> {
    let mut printed = printed.lines().map(words);
    let mut skipping = false;
    for line in shown {
        if line == "..." {
            skipping = true;
            continue;
        }
        let expected = words(line);
        let found = if skipping {
            printed.any(|it| it == expected)
        } else {
            printed.next().is_some_and(|it| it == expected)
        };
        if !found {
            return Some(line.clone());
        }
        skipping = false;
    }
    let rest = printed.next().filter(|_| !skipping);
    rest.map(|_| "the end".to_owned())
}

/// Runs the commands of a page in `folder`. `cat` of a file that does not exist creates it as shown.
async fn run_page(page: &str, folder: TempDir) {
    let service = ServiceWithDatabase::start().await;
    let endpoint = service.app.endpoint();
    let http = format!("http://{}", service.app.http_address.unwrap());
    let steps = steps(page);
    assert!(steps.len() > 1, "{steps:?}");
    let run = move || {
        for step in steps {
            let file = step.command.strip_prefix("cat ");
            if let Some(path) = file.map(|file| folder.path().join(file))
                && !path.exists()
            {
                std::fs::write(path, step.shown.join("\n") + "\n").unwrap();
                continue;
            }
            let command = step.command.replace(HTTP_LISTENER, &http);
            let printed = shell(&command, folder.path(), &endpoint);
            let difference = first_difference(&step.shown, &printed);
            assert_eq!(difference, None, "$ {}\n{printed}", step.command);
        }
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// Where the pages have the HTTP listener.
const HTTP_LISTENER: &str = "http://127.0.0.1:50080";

/// What a shell prints that finds the program and the server.
fn shell(command: &str, folder: &Path, endpoint: &str) -> String {
    let program = patron();
    let near = Path::new(program.get_program()).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut shell = Command::new("sh");
    // As the program's tests run it: without what the environment would set.
    for (name, value) in program.get_envs() {
        assert!(value.is_none());
        shell.env_remove(name);
    }
    let output = shell
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", near.display()))
        .env("PATRON_ENDPOINT", endpoint)
        // For curl: the server is on this machine, whatever proxy there is.
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_quick_tour_prints_what_it_shows() {
    let folder = TempDir::new().unwrap();
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quick-tour");
    for file in ["orders.csv", "rules.yaml"] {
        std::fs::copy(files.join(file), folder.path().join(file)).unwrap();
    }
    run_page(include_str!("../../../docs/quick-tour.md"), folder).await;
}

#[tokio::test]
async fn the_page_on_call_arrival_prints_what_it_shows() {
    let folder = TempDir::new().unwrap();
    run_page(include_str!("../../../docs/call-arrival.md"), folder).await;
}

#[tokio::test]
async fn the_page_on_http_prints_what_it_shows() {
    for program in ["curl", "python3"] {
        if Command::new(program).arg("--version").output().is_err() {
            eprintln!("not run: {program} is not here");
            return;
        }
    }
    let folder = TempDir::new().unwrap();
    run_page(include_str!("../../../docs/http.md"), folder).await;
}

#[tokio::test]
async fn the_page_on_the_service_desk_prints_what_it_shows() {
    let folder = TempDir::new().unwrap();
    run_page(include_str!("../../../docs/service-desk.md"), folder).await;
}

#[tokio::test]
async fn the_page_on_import_prints_what_it_shows() {
    let folder = TempDir::new().unwrap();
    run_page(include_str!("../../../docs/import.md"), folder).await;
}

#[tokio::test]
async fn the_page_on_corrections_prints_what_it_shows() {
    let folder = TempDir::new().unwrap();
    run_page(include_str!("../../../docs/corrections.md"), folder).await;
}

#[tokio::test]
async fn the_page_on_definitions_prints_what_it_shows() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("service.yaml");
    std::fs::write(file, super::shown_definitions()).unwrap();
    run_page(super::DEFINITIONS, folder).await;
}

#[tokio::test]
async fn the_page_on_models_prints_what_it_shows() {
    let Some(shared) = find_shared() else {
        eprintln!("not run: the CDNOW sample is not here");
        return;
    };
    let folder = TempDir::new().unwrap();
    let sample = "CDNOW_sample.txt";
    std::fs::copy(shared.join("data").join(sample), folder.path().join(sample)).unwrap();
    run_page(include_str!("../../../docs/models.md"), folder).await;
}

#[test]
fn commands_are_read_with_what_is_shown_under_them() {
    let page = "```console\n$ patron serve\nup\n```\ntext\n```console\n$ one \\\n    two\nshown\n$ three\n```\n";
    let step = |command: &str, shown: &[&str]| Step {
        command: command.to_owned(),
        shown: shown.iter().map(|&line| line.to_owned()).collect(),
    };
    assert_eq!(
        steps(page),
        [step("one \\\n    two", &["shown"]), step("three", &[])]
    );
}

#[test]
fn a_difference_is_found() {
    #[track_caller]
    fn check(shown: &str, printed: &str, difference: Option<&str>) {
        let shown: Vec<String> = shown.lines().map(str::to_owned).collect();
        let found = first_difference(&shown, printed);
        assert_eq!(found.as_deref(), difference);
    }
    check("a\nb  c", "a\nb c\n", None);
    check("a\nb", "a\nc\n", Some("b"));
    check("a\nb", "a\n", Some("b"));
    check("a", "a\nb\n", Some("the end"));
    check("a\n...", "a\nb\n", None);
    check("a\n...\nd", "a\nb\nc\nd\n", None);
    check("a\n...\nd", "a\nb\n", Some("d"));
    check(
        "data of 2026-11-22T04:32:21.1Z, version 1",
        "data of 2026-11-23T05:00:00Z, version 1",
        None,
    );
    check(
        "known at 2026-11-22 04:32 UTC",
        "known at 2026-11-23 05:00 UTC",
        None,
    );
    check(
        "As of 2026-11-22",
        "As of 2026-11-23",
        Some("As of 2026-11-22"),
    );
}
