use super::*;
use crate::domain::money::Money;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A yearly contract since 2025-01-01, recorded on 2026-06-01.
fn item(price: i64, ended_on: Option<&str>, effective_on: Option<&str>) -> NewContract {
    NewContract {
        key: FactKey {
            customer_id: CustomerId::new("ada").unwrap(),
            source: "erp".into(),
            id: "1".into(),
        },
        terms: ContractTerms {
            started_on: day("2025-01-01"),
            period_months: 12,
            price: Money {
                amount_minor: price,
                currency: "EUR".parse().unwrap(),
            },
            cost_minor: None,
            category: None,
            ended_on: ended_on.map(day),
        },
        effective_on: effective_on.map(day),
        today: day("2026-06-01"),
        customer_kind: None,
        found_by: None,
    }
}

/// Observes items one after the other, each in a call of its own; the day from which each holds.
fn days(items: &[NewContract]) -> Vec<Result<String, Outcome>> {
    let mut known = vec![];
    items
        .iter()
        .map(|item| call(std::slice::from_ref(item), &mut known)[0].clone())
        .collect()
}

/// Observes the items of one call; the day from which each holds.
fn call(items: &[NewContract], known: &mut Vec<ContractFact>) -> Vec<Result<String, Outcome>> {
    let stored = known.iter().map(|fact| fact.profile_version);
    let stored = stored.max().unwrap_or(0);
    let each = items.iter().enumerate().map(|(at, item)| {
        let fact = observe(item, at + 1 == items.len(), known, stored)?;
        known.push(fact.clone());
        Ok(fact.effective_on.to_string())
    });
    each.collect()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what an observation gives is compared with it"
)]
fn ok(text: &str) -> Result<String, Outcome> {
    Ok(text.to_owned())
}

const DUPLICATE: Result<String, Outcome> = Err(Outcome::Duplicate);

#[test]
fn what_does_not_say_since_when_holds_from_now_on() {
    assert_eq!(
        days(&[
            item(100, None, None),
            item(120, None, None),
            item(120, Some("2027-01-01"), None),
            item(120, Some("2026-03-01"), None),
            item(100, None, Some("2026-06-02")),
        ]),
        [
            ok("2025-01-01"),
            ok("2026-06-01"),
            ok("2026-06-01"),
            // Earlier than the day of the price, which would hide it.
            ok("2026-06-01"),
            ok("2026-06-02"),
        ]
    );
    let ended = item(100, Some("2026-01-01"), None);
    assert_eq!(days(&[ended]), [ok("2026-01-01")]);
    let cancelled = item(100, Some("2027-01-01"), None);
    assert_eq!(days(&[cancelled]), [ok("2026-06-01")]);
}

#[test]
fn to_return_to_earlier_terms_is_news_and_to_stay_with_them_is_not() {
    let today = ok("2026-06-01");
    let cheap = item(100, None, None);
    let dear = item(120, None, None);
    let ends = item(100, Some("2026-12-31"), None);
    assert_eq!(
        days(&[
            cheap.clone(),
            dear.clone(),
            dear,
            cheap.clone(),
            cheap.clone()
        ]),
        [
            ok("2025-01-01"),
            today.clone(),
            DUPLICATE,
            today.clone(),
            DUPLICATE
        ]
    );
    assert_eq!(
        days(&[cheap.clone(), ends, cheap]),
        [ok("2025-01-01"), today.clone(), today]
    );
}

#[test]
fn what_says_since_when_is_known_whatever_came_after_it() {
    let opening = item(100, None, Some("2025-01-01"));
    let rise = item(120, None, Some("2026-02-01"));
    assert_eq!(
        days(&[opening.clone(), rise.clone(), opening, rise]),
        [ok("2025-01-01"), ok("2026-02-01"), DUPLICATE, DUPLICATE]
    );
    // A rise from tomorrow on is known; how the contract stands today, and how it will, is no news.
    let tomorrow = item(120, None, Some("2026-06-02"));
    let (now, then) = (item(100, None, None), item(120, None, None));
    assert_eq!(
        days(&[now.clone(), tomorrow, now, then]),
        [ok("2025-01-01"), ok("2026-06-02"), DUPLICATE, DUPLICATE]
    );
}

#[test]
fn a_call_that_tells_how_a_contract_came_to_stand_is_known_when_it_comes_again() {
    let (opening, rise) = (item(100, None, None), item(120, None, None));
    let notice = item(120, Some("2026-12-31"), None);
    let today = ok("2026-06-01");
    for told in [
        vec![opening.clone(), rise.clone(), notice],
        vec![opening.clone(), rise, opening.clone()],
        vec![opening, item(90, None, Some("2025-07-01"))],
    ] {
        let mut known = vec![];
        let first = call(&told, &mut known);
        assert!(first.iter().all(Result::is_ok), "{first:?}");
        let holds = known
            .iter()
            .max_by_key(|fact| (fact.effective_on, fact.profile_version))
            .unwrap();
        assert_eq!(&holds.terms, &told.last().unwrap().terms);
        let again = call(&told, &mut known);
        assert!(again.iter().all(|one| *one == DUPLICATE), "{again:?}");
        // With a further change at its end, only that is new.
        let more = [told, vec![item(130, None, None)]].concat();
        let third = call(&more, &mut known);
        let (last, before) = third.split_last().unwrap();
        assert_eq!(last, &today);
        assert!(before.iter().all(|one| *one == DUPLICATE), "{before:?}");
    }
}

#[test]
fn a_contract_keeps_its_first_day_and_its_period() {
    let first = item(100, None, None);
    let mut later = first.clone();
    later.terms.started_on = day("2025-01-02");
    let mut monthly = first.clone();
    monthly.terms.period_months = 1;
    let changed = Err(Outcome::OtherContract);
    assert_eq!(
        days(&[first, later, monthly])[1..],
        [changed.clone(), changed]
    );
}
