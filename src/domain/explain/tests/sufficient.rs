//! With only the terms of the reasons known, and all others unknown, the verdict is the same: the reasons suffice.

use crate::domain::{
    explain::{
        Clause, Leaf,
        reasons::{About, reasons_of},
    },
    rules::{
        check::check,
        condition::{self, ClauseKind, Condition},
        program::{Absence, Builder, Silent, Slots, Verdict},
        tests::{
            Random,
            agreement::{fields_of_slots, fill, tags_of, terms},
            generate::{Dialect, fields, row, tree, write},
            vocabulary,
        },
        trace::{Joint, Trace, TracedClause},
    },
};

fn clause<'a>(
    condition: &'a Condition,
    clause: &'a condition::Clause,
    traced: &TracedClause,
    slots: &Slots<'a>,
) -> Clause<'a> {
    let parts: &[condition::Clause] = match &clause.kind {
        ClauseKind::All(parts) | ClauseKind::Any(parts) => parts,
        ClauseKind::Not(inner) => std::slice::from_ref(inner),
        ClauseKind::Everyone | ClauseKind::Test(_) => &[],
    };
    let leaf = match (&clause.kind, traced.joint) {
        (ClauseKind::Test(test), Joint::Test { slot }) => Some(Leaf {
            test,
            observed: slots.observed(slot),
            gap: None,
            recorded: None,
            is_protected: false,
        }),
        _ => None,
    };
    Clause {
        text: clause.span.text_in(condition.source()),
        span: clause.span,
        joint: traced.joint,
        verdict: traced.verdict,
        leaf,
        parts: parts
            .iter()
            .zip(&traced.parts)
            .map(|(part, traced)| self::clause(condition, part, traced, slots))
            .collect(),
    }
}

#[test]
fn the_reasons_suffice_for_the_verdict() {
    let (fields, names) = (fields(), vocabulary());
    let all_terms = terms(&fields);
    let mut random = Random::for_test("reasons");
    let (mut done, mut shorter) = (0, 0);
    while done < 3_000 {
        let generated = tree(&mut random, &fields, 3);
        let text = write(&generated, &fields, Dialect::Patron);
        // `has` looks at the absence itself: hiding its term would change it.
        let Some(condition) = check(&text, &names).ok().filter(|_| !text.contains("has(")) else {
            continue;
        };
        let mut builder = Builder::default();
        let root = builder.add(&condition);
        let program = builder.build();
        let row = row(&mut random, &fields, false);
        let tags = tags_of(&row);
        let (mut slots, mut trace) = (program.slots(), Trace::default());
        fill(
            &mut slots,
            &program,
            &fields_of_slots(&program, &all_terms),
            &row,
            &tags,
        );
        let verdict = program.evaluate(root, &slots, &mut program.memo(), &mut trace);
        if verdict == Verdict::Unknown {
            continue;
        }
        done += 1;
        let traced = program.clause_tree(root, &trace).unwrap();
        let explained = clause(&condition, condition.root(), &traced, &slots);
        let reasons = reasons_of(&explained);
        for (slot, term) in program.terms().iter().enumerate() {
            let is_named = reasons
                .iter()
                .any(|reason| matches!(reason.about, About::Leaf { leaf, .. } if leaf.test.term == *term));
            if !is_named {
                slots.set_missing(slot, Absence::Missing);
                shorter += 1;
            }
        }
        let again = program.evaluate(root, &slots, &mut program.memo(), &mut Silent);
        assert_eq!(again, verdict, "{text}\n{reasons:?}");
    }
    println!("reasons: {done} conditions, {shorter} terms left out");
    assert!(shorter > done, "{shorter}");
}
