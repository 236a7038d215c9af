//! Texts made to exhaust the stack or the processor, on a stack of 1 MiB. The whole way is walked: reading, checking, analysing, compiling,
//! evaluating, explaining, writing, dropping.

use super::vocabulary;
use crate::domain::rules::{
    check,
    diagnostic::{self, Code, MAX_DIAGNOSTICS},
    parser,
    program::{Builder, Silent},
    trace::Trace,
};

const STACK_BYTES: usize = 1 << 20;

/// Runs on a thread with a small stack; an overflow would abort the whole test run.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

fn walk(text: &str) -> Result<(), Vec<diagnostic::Diagnostic>> {
    if let Ok(node) = parser::parse(text) {
        let _ = node.to_string();
    }
    let condition = check::check(text, &vocabulary())?;
    let mut builder = Builder::default();
    let root = builder.add(&condition);
    let program = builder.build();
    let (slots, mut memo, mut trace) = (program.slots(), program.memo(), Trace::default());
    let plain = program.evaluate(root, &slots, &mut memo, &mut Silent);
    let recorded = program.evaluate(root, &slots, &mut program.memo(), &mut trace);
    assert_eq!(plain, recorded);
    assert_eq!(
        program.clause_tree(root, &trace).map(|tree| tree.verdict),
        Some(plain)
    );
    Ok(())
}

#[test]
fn every_bomb_is_answered_with_an_error() {
    let n = 3_000;
    let bombs: Vec<(&str, String)> = vec![
        (
            "parentheses",
            format!("{}a{}", "(".repeat(n), ")".repeat(n)),
        ),
        ("open parentheses", "(".repeat(n)),
        ("open brackets", "[".repeat(n)),
        ("closing", ")".repeat(n)),
        ("calls", format!("{}a{}", "f(".repeat(n), ")".repeat(n))),
        ("lists", format!("a in {}1{}", "[".repeat(n), "]".repeat(n))),
        ("bangs", format!("{}a", "!".repeat(n))),
        (
            "bangs and parentheses",
            format!("{}a{}", "!(".repeat(n), ")".repeat(n)),
        ),
        ("minus", format!("{}1", "-".repeat(n))),
        ("sum", vec!["a"; n].join(" + ")),
        ("links", vec!["a"; n].join(".")),
        ("method links", format!("a{}", ".b()".repeat(n))),
        ("chained comparisons", vec!["a"; n].join(" < ")),
        ("chained in", vec!["a"; n].join(" in ")),
        ("conditionals", vec!["a"; n].join(" ? ")),
        ("colons", vec!["a"; n].join(" : ")),
        ("indices", format!("a{}", "[0]".repeat(n))),
        ("call of a call", format!("a{}", "()".repeat(n))),
        ("maps", "{".repeat(n)),
        ("quotes", "'\n".repeat(n)),
        ("curly quotes", "“".repeat(n)),
        ("escapes", format!("\"{}\"", "\\q".repeat(n))),
        ("commas", ",".repeat(n)),
        ("many clauses", vec!["premium"; n].join(" && ")),
        (
            "many entries",
            format!("employees in [{}]", vec!["1"; n].join(",")),
        ),
        (
            "alternating",
            format!(
                "{}premium{}",
                "premium && (premium || ".repeat(600),
                ")".repeat(600)
            ),
        ),
        ("no-break spaces", "\u{a0}".repeat(n)),
        ("too long", "a && ".repeat(10_000)),
    ];
    on_a_small_stack(move || {
        for (name, text) in bombs {
            let problems = walk(&text).expect_err(name);
            assert!(
                !problems.is_empty() && problems.len() <= MAX_DIAGNOSTICS,
                "{name}"
            );
            for problem in &problems {
                let shown = diagnostic::render(&text, "when", problem);
                assert!(shown.len() < 2_000, "{name}: {shown}");
            }
        }
    });
}

/// The largest conditions that are accepted, on the same small stack.
#[test]
fn the_greatest_accepted_conditions_fit_the_small_stack() {
    let levels = parser::MAX_BRACKETS;
    let deep = format!(
        "{}premium{}",
        (0..levels)
            .map(|i| format!("employees > {i} && (score < {i} || !"))
            .map(|part| part.replace('!', "!("))
            .take(levels / 2)
            .collect::<String>(),
        "))".repeat(levels / 2)
    );
    let wide: Vec<String> = (0..600).map(|i| format!("employees != {i}")).collect();
    let entries: Vec<String> = (0..1_900).map(|i| i.to_string()).collect();
    let texts = [
        deep,
        wide.join(" && "),
        format!("employees in [{}]", entries.join(",")),
        // Every operand in a different term, so that no box can be joined with another.
        (1..=390)
            .map(|i| format!("orders(days({i})) > {i}"))
            .collect::<Vec<_>>()
            .join(" || "),
    ];
    on_a_small_stack(move || {
        for text in texts {
            walk(&text).unwrap_or_else(|problems| panic!("{text:.80}: {problems:?}"));
        }
    });
}

#[test]
fn a_tree_is_never_deeper_than_promised() {
    fn depth(node: &crate::domain::rules::syntax::Node) -> usize {
        use crate::domain::rules::syntax::Kind;
        1 + match &node.kind {
            Kind::List(parts) | Kind::And(parts) | Kind::Or(parts) => {
                parts.iter().map(depth).max().unwrap_or(0)
            }
            Kind::Select(inner, _) | Kind::Not(inner) => depth(inner),
            Kind::Call {
                receiver,
                arguments,
                ..
            } => arguments
                .iter()
                .chain(receiver.as_deref())
                .map(depth)
                .max()
                .unwrap_or(0),
            Kind::Compare(_, a, b) | Kind::In(a, b) => depth(a).max(depth(b)),
            Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Double(_)
            | Kind::Text(_)
            | Kind::Name(_)
            | Kind::Error => 0,
        }
    }
    let levels = parser::MAX_BRACKETS;
    let text = |levels: usize| {
        format!(
            "{}a.b.c.d{}",
            "a || a && !(".repeat(levels),
            ")".repeat(levels)
        )
    };
    let deepest = parser::parse(&text(levels)).unwrap();
    let found = depth(&deepest);
    assert!(found <= parser::MAX_DEPTH + parser::MAX_LINKS, "{found}");
    assert!(found > parser::MAX_DEPTH - 5, "{found}");
    let problems = parser::parse(&text(levels + 1)).unwrap_err();
    assert_eq!(problems[0].code, Code::Limit);
}
