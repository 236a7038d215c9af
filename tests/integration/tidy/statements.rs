//! What the SQL in `src` may say, so that it is checked by Postgres, can be read, and also runs distributed by customer.

use super::{assert_finds, assert_none, read_files, source};

/// How a statement begins.
const VERBS: [&str; 11] = [
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE ",
    "WITH ",
    "CREATE ",
    "ALTER ",
    "DROP ",
    "COPY ",
    "TRUNCATE ",
    "SET ",
];

fn find_problems(path: &str, text: &str) -> Vec<String> {
    let source = source::read(text);
    let mut problems = Vec::new();
    for text in &source.texts {
        let sql = one_line(&text.value);
        if !VERBS.iter().any(|verb| sql.starts_with(verb)) {
            continue;
        }
        let mut say = |what| {
            problems.push(format!(
                "{path}: {what}: {}",
                sql.chars().take(60).collect::<String>()
            ));
        };
        if is_formatted(&source.code[..text.position]) {
            say("SQL made by format!");
        }
        if selects_everything(&sql) {
            say("columns are listed, not *");
        }
        if updates_to_now(&sql) {
            say("now() in DO UPDATE; take excluded");
        }
        if locks_many(&sql) {
            say("FOR UPDATE of more than one customer; take advisory locks");
        }
    }
    for name in ["AssertSqlSafe", "QueryBuilder", "raw_sql"] {
        if source.code.contains(name) {
            problems.push(format!("{path}: {name}: statements are literal"));
        }
    }
    problems
}

fn one_line(sql: &str) -> String {
    sql.replace("\\n", " ")
        .split_whitespace()
        .filter(|word| *word != "\\")
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether the text is the first argument of `format!` and the like.
fn is_formatted(before: &str) -> bool {
    let before = before.trim_end();
    ["format!(", "write!(", "concat!("]
        .iter()
        .any(|call| before.ends_with(call))
}

fn selects_everything(sql: &str) -> bool {
    let sql = sql.to_uppercase();
    ["SELECT *", "RETURNING *", ".*", "SELECT DISTINCT *"]
        .iter()
        .any(|star| sql.contains(star))
}

fn updates_to_now(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    let update = sql.split_once("do update").map_or("", |(_, after)| after);
    [
        "now()",
        "current_timestamp",
        "clock_timestamp",
        "statement_timestamp",
    ]
    .iter()
    .any(|time| update.contains(time))
}

/// A lock of rows is allowed where one customer is named.
fn locks_many(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    let locks = ["for update", "for no key update", "for share"]
        .iter()
        .any(|lock| sql.contains(lock));
    // A table of one row has nothing to do with customers.
    let one_row = sql.contains("customer_id = $") || sql.contains("where singleton for");
    locks && (sql.contains("any(") || sql.contains("any (") || !one_row)
}

#[test]
fn statements_are_literal_and_fit_for_distribution() {
    let files = read_files(&["src"], ".rs");
    let problems: Vec<_> = files
        .iter()
        .flat_map(|file| find_problems(&file.path, &file.text))
        .collect();
    assert_none(&problems);
}

#[test]
fn each_kind_of_bad_statement_is_found() {
    let found = |text| find_problems("src/store/x.rs", text);
    assert_finds(&found(r#"format!("SELECT a FROM {table}")"#), "format!");
    assert_finds(&found("format!(\n    \"\n  SELECT a\"\n)"), "format!");
    assert_finds(&found(r#"q("SELECT * FROM t")"#), "columns");
    assert_finds(
        &found("q(\"INSERT INTO t (a) VALUES ($1)\n RETURNING *\")"),
        "columns",
    );
    assert_finds(&found(r#"q("SELECT t.* FROM t")"#), "columns");
    assert_finds(
        &found(r#"q("INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = now()")"#),
        "now()",
    );
    assert_finds(
        &found(r#"q("SELECT a FROM t WHERE customer_id = ANY($1) FOR UPDATE")"#),
        "FOR UPDATE",
    );
    assert_finds(
        &found(r#"q("SELECT a FROM t FOR UPDATE SKIP LOCKED")"#),
        "FOR UPDATE",
    );
    assert_finds(&found("AssertSqlSafe(text)"), "literal");
}

#[test]
fn good_statements_and_other_texts_are_let_be() {
    let found = |text| find_problems("src/store/x.rs", text);
    assert_none(&found(
        r#"q("SELECT a FROM t WHERE customer_id = $1 FOR UPDATE")"#,
    ));
    assert_none(&found(r#"q("SELECT a FROM t WHERE singleton FOR SHARE")"#));
    assert_none(&found(r#"q("SELECT count(*) FROM t")"#));
    assert_none(&found(
        r#"q("INSERT INTO t (a) VALUES (now()) ON CONFLICT (a) DO UPDATE SET b = excluded.b")"#,
    ));
    assert_none(&found(r#"format!("{}ms: SELECT is a word here", 1)"#));
}
