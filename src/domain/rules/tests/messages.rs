//! What a person reads: the right place, the right advice, and everything at once.

use super::vocabulary;
use crate::domain::rules::{
    check::check,
    diagnostic::{Code, Diagnostic, render},
    language::{BUILT_INS, LITERALS, METHODS, reference},
};

fn problems(text: &str) -> Vec<Diagnostic> {
    match check(text, &vocabulary()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    }
}

/// `text` has exactly one problem, of this kind, at `place`, with this advice.
#[track_caller]
fn refused(text: &str, code: Code, place: &str, help: &str) {
    let found = problems(text);
    let [problem] = found.as_slice() else {
        panic!("{text}: {found:#?}");
    };
    let shown = render(text, "when", problem);
    assert_eq!(problem.code, code, "{shown}");
    assert_eq!(problem.span.text_in(text), place, "{shown}");
    assert_eq!(problem.help.as_deref(), Some(help), "{shown}");
}

#[track_caller]
fn accepted(text: &str) {
    let found = problems(text);
    assert!(found.is_empty(), "{text}: {found:#?}");
}

#[test]
fn every_example_of_the_reference_is_a_condition() {
    for built_in in BUILT_INS {
        accepted(built_in.example);
    }
    let printed = reference(Some(&vocabulary()));
    let names = BUILT_INS.iter().map(|term| term.name);
    let forms = LITERALS.iter().chain(METHODS).map(|form| form.written);
    for word in names
        .chain(forms)
        .chain(["country", "one of DE, AT, CH, FR", "contract"])
    {
        assert!(printed.contains(word), "{word}");
    }
}

#[test]
fn conditions_are_accepted_in_all_their_forms() {
    for text in [
        "true",
        "premium",
        "!premium",
        "premium == true && score >= 1",
        "money(\"5 EUR\") <= clv",
        "tier in [\"gold\", \"platinum\"]",
        "days_since_last_order > 90",
        "days_since_last_order > days(90)",
        "contract < days(30)",
        "founded < day('2020-01-01') // a comment",
        "\"vip\" in labels || city.startsWith(\"Bad \")",
        "!(country in ['DE', 'AT'])",
        "has(clv) && !has(city)",
        "segment(\"lifecycle/new\") == false",
    ] {
        accepted(text);
    }
}

#[test]
fn names_that_do_not_exist_get_the_nearest_one() {
    refused(
        "countri == \"DE\"",
        Code::UnknownName,
        "countri",
        "did you mean `country`?",
    );
    refused(
        "ordres(days(90)) > 1",
        Code::UnknownName,
        "ordres",
        "did you mean `orders`?",
    );
    refused(
        "contacts(days(30), \"fone\") > 1",
        Code::UnknownName,
        "\"fone\"",
        "did you mean \"phone\"?",
    );
    refused(
        "contacts(days(30), \"phon\") > 1",
        Code::UnknownName,
        "\"phon\"",
        "did you mean \"phone\"?",
    );
    refused(
        "segment(\"new\")",
        Code::UnknownName,
        "\"new\"",
        "did you mean \"lifecycle/new\"?",
    );
    refused(
        "tier >= \"glod\"",
        Code::UnknownValue,
        "\"glod\"",
        "did you mean \"gold\"?",
    );
    refused(
        "tier == \"UNRATED\"",
        Code::UnknownValue,
        "\"UNRATED\"",
        "write `!has(tier)` for customers without a tier",
    );
    refused(
        "country == \"de\"",
        Code::UnknownValue,
        "\"de\"",
        "did you mean \"DE\"?",
    );
    refused(
        "country == DE",
        Code::UnknownName,
        "DE",
        "put texts in quotes: \"DE\"",
    );
    refused(
        "customer.country == \"DE\"",
        Code::UnknownName,
        "customer.country",
        "write `country`",
    );
    refused(
        "city.beginsWith(\"U\")",
        Code::UnknownName,
        "beginsWith",
        "use startsWith, endsWith or contains",
    );
}

#[test]
fn types_units_and_currencies_must_fit() {
    refused(
        "clv > 5000",
        Code::TypeMismatch,
        "5000",
        "write money(\"5000 EUR\")",
    );
    refused(
        "clv > money(\"5 USD\")",
        Code::CurrencyMismatch,
        "money(\"5 USD\")",
        "write the amount in EUR",
    );
    refused(
        "clv > money(\"5,5 EUR\")",
        Code::BadLiteral,
        "money(\"5,5 EUR\")",
        "for example money(\"5000 EUR\")",
    );
    refused(
        "orders(90) > 1",
        Code::UnitMismatch,
        "90",
        "write orders(days(90))",
    );
    refused(
        "orders > 1",
        Code::TypeMismatch,
        "orders",
        "write `orders(days(90)) >= 3`",
    );
    refused(
        "orders(days(0)) > 1",
        Code::BadLiteral,
        "days(0)",
        "for example days(90)",
    );
    refused(
        "employees > days(5)",
        Code::UnitMismatch,
        "days(5)",
        "write 5",
    );
    refused(
        "employees > 2.5",
        Code::TypeMismatch,
        "2.5",
        "write a whole number",
    );
    refused(
        "employees > \"250\"",
        Code::TypeMismatch,
        "\"250\"",
        "write the number without quotes: 250",
    );
    refused(
        "country == 5",
        Code::TypeMismatch,
        "5",
        "put texts in quotes: \"5\"",
    );
    refused(
        "country < \"DE\"",
        Code::TypeMismatch,
        "country < \"DE\"",
        "compare with == or !=, or with `in`",
    );
}

#[test]
fn every_type_has_its_own_comparisons() {
    refused(
        "labels == \"vip\"",
        Code::TypeMismatch,
        "\"vip\"",
        "write `\"vip\" in labels`",
    );
    refused(
        "labels.contains(\"vip\")",
        Code::TypeMismatch,
        "contains",
        "write `\"x\" in labels`",
    );
    refused(
        "founded < \"2020-01-01\"",
        Code::TypeMismatch,
        "\"2020-01-01\"",
        "for example day(\"2026-01-31\")",
    );
    refused(
        "country",
        Code::TypeMismatch,
        "country",
        "compare it, or use `has(country)`",
    );
    refused(
        "employees in []",
        Code::EmptySet,
        "[]",
        "add entries, or remove this part",
    );
    refused("employees in [1, 2, 1]", Code::Duplicate, "1", "remove one");
    refused(
        "premium || premium",
        Code::Duplicate,
        "premium",
        "remove one of the two",
    );
    refused(
        "age_group == \"old\"",
        Code::NoPurpose,
        "age_group",
        "add `purpose:` to the definition of the attribute",
    );
    refused(
        "has(orders(days(9)))",
        Code::AlwaysTrue,
        "has(orders(days(9)))",
        "remove this part",
    );
}

#[test]
fn cel_that_is_not_ours_gets_its_own_words() {
    refused(
        "!country in [\"DE\"]",
        Code::Syntax,
        "!country",
        "write `!(country in [\"DE\"])`",
    );
    refused(
        "1 < employees < 5",
        Code::Unsupported,
        "<",
        "write `1 < employees && employees < ...`",
    );
    refused(
        "city == null",
        Code::Unsupported,
        "null",
        "write `has(x)` or `!has(x)` to test whether x is known",
    );
    refused(
        "clv > spend(days(90))",
        Code::Unsupported,
        "clv > spend(days(90))",
        "compare each with a constant; supply a difference or ratio as an attribute",
    );
    refused(
        "city.matches(\"U.*\")",
        Code::Unsupported,
        "matches",
        "use startsWith, endsWith or contains, joined by && and ||",
    );
    refused("premium and score > 1", Code::Syntax, "and", "write `&&`");
    refused(
        "employees >= 1_000",
        Code::BadLiteral,
        "1_000",
        "write 1000",
    );
    refused("contract > 90d", Code::BadLiteral, "90d", "write days(90)");
    refused("score < .5", Code::BadLiteral, ".5", "write 0.5");
    refused(
        "premium && true",
        Code::Unsupported,
        "true",
        "remove it: `true` is allowed only as the entire condition",
    );
}

#[test]
fn what_can_never_be_is_refused_at_the_smallest_place() {
    let never = "change a limit, or write `||` where one is enough";
    let always =
        "change a limit, or write `&&` where both must hold; `has(x)` tests whether x is known";
    for text in [
        "employees > 5 && employees < 3",
        "country == \"DE\" && country == \"AT\"",
        "!has(city) && city == \"Ulm\"",
        "orders(days(9)) < 0",
        "probability_alive >= 80",
        "tier > \"platinum\"",
        "premium && !premium",
        "city.startsWith(\"A\") && !city.startsWith(\"A\")",
        "(employees > 5 || score > 5) && employees <= 5 && score <= 5",
    ] {
        refused(text, Code::NeverTrue, text, never);
        refused(
            &format!("premium || ({text})"),
            Code::NeverTrue,
            &format!("({text})"),
            never,
        );
    }
    for text in [
        "country != \"DE\" || country != \"AT\"",
        "employees > 5 || employees < 6",
        "orders(days(9)) >= 0",
        "country in [\"DE\", \"AT\", \"CH\", \"FR\"]",
        "kind != \"PERSON\" || kind != \"COMPANY\"",
    ] {
        refused(text, Code::AlwaysTrue, text, always);
    }
    accepted("employees > 5 || employees < 5");
    accepted("has(city) && city == \"Ulm\"");
    accepted("score > 0.1 && score < 0.3");
}

#[test]
fn all_problems_of_a_text_are_found_at_once() {
    let text = "countri = 'DE' and orders(90) >= 3\n  && clv > 5000 || (tier >= \"glod\" && employees in [])";
    let shown: Vec<String> = problems(text)
        .iter()
        .map(|problem| render(text, "when", problem))
        .collect();
    assert_eq!(shown.len(), 7, "{}", shown.join(""));
    assert_eq!(
        shown[4],
        "when:2:12: TYPE_MISMATCH: `clv` is money in EUR; it cannot be compared with the number 5000\n  |\n\
         2 |   && clv > 5000 || (tier >= \"glod\" && employees in [])\n  |            ^^^^\n  = help: write money(\"5000 EUR\")\n"
    );
}
