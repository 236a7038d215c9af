//! Imports point inward, and each layer keeps to its own tools.

use super::{SourceFile, assert_finds, assert_none, read_files, source};

/// Each layer with those it may use; `main -> cli -> app -> grpc, http -> api -> service -> cache -> store -> domain`.
const LAYERS: [(&str, &[&str]); 15] = [
    // main.rs names the library by its crate name.
    ("main", &["cli", "app"]),
    // The command line is a client of a running server, or runs one by way of `app`.
    (
        "cli",
        &["app", "clock", "domain", "generate", "pb", "postgres"],
    ),
    // Puts everything together, so it sees everything below it.
    (
        "app",
        &[
            "api", "cache", "clock", "domain", "grpc", "http", "metrics", "pb", "postgres",
            "service", "store",
        ],
    ),
    // The faces stand on the API and never on each other.
    (
        "grpc",
        &["api", "clock", "domain", "metrics", "pb", "service"],
    ),
    (
        "http",
        &["api", "clock", "domain", "metrics", "pb", "service"],
    ),
    // Messages and domain values, violations, pages, error reasons: what every face answers alike.
    ("api", &["domain", "pb", "service"]),
    // Invented populations are messages that a client could have sent.
    ("generate", &["domain", "pb"]),
    ("service", &["cache", "clock", "domain", "metrics", "store"]),
    // What it holds it has from the store.
    ("cache", &["clock", "domain", "metrics", "store"]),
    ("store", &["domain", "metrics"]),
    ("domain", &[]),
    ("postgres", &[]),
    ("metrics", &[]),
    ("clock", &[]),
    ("pb", &[]),
];

/// What the domain is kept free of: tasks, input and output, SQL, logs, wire formats, clocks, threads.
const NOT_IN_DOMAIN: [&str; 22] = [
    "tokio",
    "sqlx",
    "tracing",
    "tonic",
    "prost",
    "axum",
    "tower",
    "moka",
    "anyhow",
    "async",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "std::sync::Mutex",
    "std::time::Instant",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
];

/// The one place that has pools of connections and begins transactions on them: sqlx leaves a connection inside a transaction whose beginning
/// is given up. The migrations are sqlx's own and take its pool.
const POOL_FILES: [&str; 3] = [
    "src/store/pool.rs",
    "src/store/pool/way.rs",
    "src/store/schema.rs",
];

/// The layers that do not depend on gRPC. The API has messages and errors, which another face translates too.
const WITHOUT_GRPC: [&str; 4] = ["api", "service", "cache", "store"];

/// The one place that builds a status, and the receiving end, which only reads them.
const STATUS_FILE: &str = "src/grpc/status.rs";

pub(super) fn layer(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.split(['/', '.']).next()
}

fn find_imports(path: &str, text: &str) -> Vec<String> {
    let Some(own) = layer(path).filter(|layer| *layer != "lib") else {
        return Vec::new();
    };
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == own) else {
        return vec![format!(
            "{path}: `{own}` is no layer; add it to the list, and to ARCHITECTURE.md"
        )];
    };
    let code = source::read(text).code;
    let named = ["crate::", "patron::"]
        .iter()
        .flat_map(|root| list_named(&code, root));
    named
        .filter(|name| name != own && !allowed.contains(&name.as_str()))
        .map(|name| format!("{path}: {own} may not use {name}"))
        .collect()
}

/// The first names behind every `crate::`, also behind `crate::{`.
fn list_named(code: &str, root: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (position, _) in code.match_indices(root) {
        if code[..position].ends_with(is_word) {
            continue; // the end of a longer name
        }
        let after = &code[position + root.len()..];
        match after.strip_prefix('{') {
            Some(group) => names.extend(list_group(group)),
            None => names.extend(first_word(after)),
        }
    }
    names.sort();
    names.dedup();
    names.retain(|name| name.starts_with(char::is_lowercase));
    names
}

/// The first name of each member of a `{...}` whose brace is open.
fn list_group(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut at_start) = (1, Vec::new(), true);
    for (position, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => at_start = true,
            _ if at_start && is_word(letter) => {
                names.extend(first_word(&group[position..]));
                at_start = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn first_word(text: &str) -> Option<String> {
    let word = text.split(|letter| !is_word(letter)).next()?;
    (!word.is_empty()).then(|| word.to_owned())
}

pub(super) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether the code names `name` as a path or keyword, not as part of a longer word.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(position, _)| {
        let after = &code[position + name.len()..];
        let is_whole = !code[..position].ends_with(is_word) && !after.starts_with(is_word);
        is_whole && (name.contains("::") || name == "async" || after.starts_with("::"))
    })
}

fn find_foreign_tools(path: &str, text: &str) -> Vec<String> {
    let code = source::read(text).code;
    let banned: &[&str] = match layer(path) {
        Some("domain") => &NOT_IN_DOMAIN,
        Some(own) if WITHOUT_GRPC.contains(&own) => &["tonic"],
        Some(_) | None => &[],
    };
    // `use std::{fs, io}` names them too.
    let flat = code.replace("std::{", "std::");
    let used = banned
        .iter()
        .filter(|name| names(&code, name) || names(&flat, name));
    used.map(|name| format!("{path}: {name} has no place in this layer"))
        .collect()
}

fn find_built_status(path: &str, text: &str) -> Vec<String> {
    // The file and its parts.
    if path == STATUS_FILE || path.starts_with(STATUS_FILE.trim_end_matches(".rs")) {
        return Vec::new();
    }
    let code = source::read(text).code;
    let built = code.match_indices("Status::").filter(|(position, _)| {
        let is_grpc = !code[..*position].ends_with(is_word);
        let called = first_word(&code[position + "Status::".len()..]).unwrap_or_default();
        is_grpc && called.starts_with(char::is_lowercase)
    });
    built
        .map(|_| format!("{path}: only {STATUS_FILE} builds a Status"))
        .collect()
}

fn find_other_begin(path: &str, text: &str) -> Vec<String> {
    if POOL_FILES.contains(&path) {
        return Vec::new();
    }
    let code = source::read(text).code;
    let banned = [
        "PgPool",
        "PoolConnection",
        "begin_with(",
        "Transaction::begin",
    ];
    let used = banned.into_iter().filter(|name| code.contains(name));
    let used = used.map(|name| format!("{path}: {name}: transactions begin in {}", POOL_FILES[0]));
    // A method named begin belongs to `Pool`, unless the receiver is a connection.
    let on_connection = ["connection.begin(", "tx.begin(", "lease.begin("];
    let nested = on_connection.into_iter().filter(|name| code.contains(name));
    used.chain(nested.map(|name| format!("{path}: {name}): begin on the pool")))
        .collect()
}

/// The files of `src`, without those that exist only in tests.
fn list_sources() -> Vec<SourceFile> {
    let files = read_files(&["src"], ".rs");
    let only_tests: Vec<_> = files
        .iter()
        .flat_map(|file| {
            let stem = file.path.trim_end_matches(".rs");
            let modules = source::list_test_modules(&file.text);
            modules
                .into_iter()
                .map(move |module| format!("{stem}/{module}"))
        })
        .collect();
    let is_test = |path: &str| {
        only_tests.iter().any(|module| {
            path.starts_with(&format!("{module}.rs")) || path.starts_with(&format!("{module}/"))
        })
    };
    files
        .into_iter()
        .filter(|file| !is_test(&file.path))
        .collect()
}

pub(super) fn find_in_sources(rule: fn(&str, &str) -> Vec<String>) -> Vec<String> {
    list_sources()
        .iter()
        .flat_map(|file| rule(&file.path, &file.text))
        .collect()
}

#[test]
fn imports_point_inward() {
    assert_none(&find_in_sources(find_imports));
}

#[test]
fn the_domain_is_arithmetic_and_the_service_knows_no_grpc() {
    assert_none(&find_in_sources(find_foreign_tools));
}

#[test]
fn a_status_is_built_in_one_place() {
    assert_none(&find_in_sources(find_built_status));
}

#[test]
fn transactions_begin_in_one_place() {
    assert_none(&find_in_sources(find_other_begin));
}

#[test]
fn a_transaction_begun_elsewhere_is_found() {
    let path = "src/service/profiles.rs";
    for text in [
        "use sqlx::PgPool;",
        "async fn f() { self.pool.begin_with(SNAPSHOT).await }",
        "async fn f() { let tx = connection.begin().await; }",
        "async fn f() { Transaction::begin(held, None).await }",
    ] {
        assert_eq!(find_other_begin(path, text).len(), 1, "{text}");
        assert_none(&find_other_begin("src/store/pool.rs", text));
    }
    assert_none(&find_other_begin(
        path,
        "async fn f() { self.pool.begin().await }",
    ));
}

#[test]
fn an_import_outward_is_found_in_every_form() {
    for text in [
        "use crate::service::answer::classify;",
        "use crate::{domain::money, service::{classify, score}};",
        "use crate::{\n    domain::{a, b},\n    service,\n};",
        "fn f() { crate::service::run() }",
    ] {
        assert_finds(&find_imports("src/store/profiles.rs", text), "service");
    }
    assert_finds(
        &find_imports("src/main.rs", "fn main() { patron::store::run() }"),
        "store",
    );
    assert_finds(&find_imports("src/misplaced.rs", ""), "misplaced");
}

#[test]
fn imports_inward_and_in_tests_and_comments_are_none() {
    let text = "use crate::domain::{a, b};\n// crate::service\n#[cfg(test)]\nmod tests { use crate::service::x; }";
    assert_none(&find_imports("src/store/profiles.rs", text));
}

#[test]
fn a_tool_that_has_no_place_is_found() {
    let domain = |text| find_foreign_tools("src/domain/money.rs", text);
    assert_finds(&domain("use tokio::time;"), "tokio");
    assert_finds(&domain("use std::{fs, mem};"), "std::fs");
    assert_finds(&domain("async fn f() {}"), "async");
    assert_finds(&domain("fn f() { tracing::info!(\"x\") }"), "tracing");
    assert_none(&domain("fn f(instant: u8) { let tonic = \"tokio::\"; }"));
    assert_finds(
        &find_foreign_tools("src/service/score.rs", "use tonic::Status;"),
        "tonic",
    );
}

#[test]
fn a_status_built_elsewhere_is_found() {
    let text = "fn f() -> Status { Status::not_found(\"x\") }";
    assert_finds(&find_built_status("src/grpc/scoring.rs", text), "Status");
    assert_none(&find_built_status(STATUS_FILE, text));
    assert_none(&find_built_status(
        "src/app.rs",
        "ServingStatus::serving(); Status::Done",
    ));
}
