mod properties;
mod refunds;
mod retractions;
mod totals;

use super::*;
use crate::domain::{
    calendar::EventTime,
    customer::{
        facts::{AttributeValue, ContractTerms, Interaction},
        profile::PurchaseDay,
    },
    money::{MAX_AMOUNT_MINOR, Money},
    text::CustomerId,
};

fn day(number: i32) -> Day {
    Day::from_number(number).unwrap()
}

fn key(id: &str) -> FactKey {
    FactKey {
        customer_id: CustomerId::new("c").unwrap(),
        source: "shop".into(),
        id: id.into(),
    }
}

/// A transaction written as `ID DAY KIND AMOUNT [of ORIGINAL] [cost COST] [in CURRENCY] [as CATEGORY]`.
fn transaction(text: &str) -> Transaction {
    let words: Vec<&str> = text.split(' ').collect();
    let option = |name: &str| {
        words
            .iter()
            .position(|word| *word == name)
            .map(|at| words[at + 1])
    };
    Transaction {
        key: key(words[0]),
        kind: match words[2] {
            "buys" => TransactionKind::Purchase,
            "refund" => TransactionKind::Refund,
            "total" => TransactionKind::RefundTotal,
            "reversal" => TransactionKind::Reversal,
            other => panic!("{other} is no kind"),
        },
        when: EventTime {
            day: day(words[1].parse().unwrap()),
            instant: None,
        },
        amount: Money {
            amount_minor: words[3].parse().unwrap(),
            currency: option("in").unwrap_or("EUR").parse().unwrap(),
        },
        cost_minor: option("cost").map(|cost| cost.parse().unwrap()),
        category: option("as").map(Label::from),
        channel: None,
        original_id: option("of").map(Label::from),
        original_source: None,
        stated_customer: None,
    }
}

fn folded(lines: &[&str]) -> History {
    let transactions = lines.iter().map(|line| transaction(line)).collect();
    fold(
        History::default(),
        &Facts {
            transactions,
            ..Facts::default()
        },
    )
    .unwrap()
}

/// The purchase days as `DAY:COUNTxAMOUNT(COSTED-COST)CURRENCY/CATEGORY[DAY:REFUND]`, then the number of unmatched refunds.
#[track_caller]
fn check(lines: &[&str], expected: &str) {
    let history = folded(lines);
    let days = history.purchases.iter().map(|entry| {
        let category = entry.category.as_deref().map(|name| format!("/{name}"));
        let foreign = entry.foreign_refunds.as_deref().map(|foreign| {
            let refunds = foreign.refunds.iter().map(|refund| {
                let day = refund.day.number();
                format!("{day}:{}{}", refund.amount_minor, refund.currency)
            });
            format!("[{}]", refunds.collect::<Vec<_>>().join(" "))
        });
        format!(
            "{}:{}x{}({}-{}){}{}{} ",
            entry.day.number(),
            entry.count,
            entry.amount_minor,
            entry.costed_amount_minor,
            entry.cost_minor,
            entry.currency,
            category.unwrap_or_default(),
            foreign.unwrap_or_default()
        )
    });
    assert_eq!(
        days.collect::<String>() + &history.unmatched_refund_count.to_string(),
        expected
    );
}

#[test]
fn purchases_of_one_day_are_one_occasion() {
    check(
        &["a 5 buys 100", "b 5 buys 200", "c 7 buys 0"],
        "5:2x300(0-0)EUR 7:1x0(0-0)EUR 0",
    );
}

#[test]
fn the_cost_is_kept_beside_the_part_of_the_amount_it_belongs_to() {
    check(
        &["a 5 buys 100 cost 60", "b 5 buys 200"],
        "5:2x300(100-60)EUR 0",
    );
}

#[test]
fn currencies_and_categories_of_a_day_are_kept_apart() {
    check(
        &["a 5 buys 100 in USD", "b 5 buys 200", "c 5 buys 50 as toys"],
        "5:1x200(0-0)EUR 5:1x50(0-0)EUR/toys 5:1x100(0-0)USD 0",
    );
}

#[test]
fn a_refund_lowers_the_day_of_the_purchase_it_names() {
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 9 refund 30 of a"],
        "5:1x70(0-0)EUR 7:1x200(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100 cost 60", "r 9 refund 30 of a cost 20"],
        "5:1x70(70-40)EUR 0",
    );
}

#[test]
fn a_refund_that_names_nothing_lowers_the_latest_day_on_or_before_it() {
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 6 refund 30"],
        "5:1x70(0-0)EUR 7:1x200(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 7 refund 30"],
        "5:1x100(0-0)EUR 7:1x170(0-0)EUR 0",
    );
    check(&["a 5 buys 100", "r 6 reversal 30"], "5:1x70(0-0)EUR 0");
}

#[test]
fn a_day_taken_back_in_full_is_none() {
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 9 refund 200 of b"],
        "5:1x100(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 9 refund 200"],
        "5:1x100(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100", "b 7 buys 200", "r 9 reversal 0 of b"],
        "5:1x100(0-0)EUR 0",
    );
}

#[test]
fn a_free_purchase_outlives_the_refund_of_a_paid_one_of_its_day() {
    check(
        &["a 5 buys 100", "f 5 buys 0", "r 9 refund 100"],
        "5:1x0(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100", "f 5 buys 0", "r 9 refund 100 of a"],
        "5:1x0(0-0)EUR 0",
    );
    check(&["f 5 buys 0", "r 9 reversal 0 of f"], "0");
}

#[test]
fn what_finds_no_purchase_is_counted_and_changes_nothing() {
    check(&["r 9 refund 10"], "1");
    check(&["a 10 buys 100", "r 9 refund 10"], "10:1x100(0-0)EUR 1");
    check(
        &["a 5 buys 100", "r 9 refund 10 of nobody"],
        "5:1x100(0-0)EUR 1",
    );
    check(
        &["a 5 buys 100", "r 9 reversal 0 of nobody"],
        "5:1x100(0-0)EUR 1",
    );
    check(
        &["a 5 buys 100", "r 9 refund 10 in USD"],
        "5:1x100(0-0)EUR 1",
    );
}

#[test]
fn a_named_refund_in_another_currency_stays_next_to_its_purchase() {
    // It takes nothing off before somebody asks, and the purchase is an entry of its own.
    check(
        &["a 5 buys 100", "b 5 buys 70", "r 9 refund 10 in USD of a"],
        "5:1x70(0-0)EUR 5:1x100(0-0)EUR[9:10USD] 0",
    );
    // Refunds in the purchase's own currency come first, whatever their day.
    check(
        &[
            "a 5 buys 100 cost 60",
            "r 9 refund 10 in USD of a",
            "s 11 refund 30 of a",
        ],
        "5:1x70(70-42)EUR[9:10USD] 0",
    );
    // Equal purchases with equal refunds are one entry, others are not.
    let equal = [
        "a 5 buys 100",
        "b 5 buys 100",
        "r 9 refund 10 in USD of a",
        "s 9 refund 10 in USD of b",
    ];
    check(&equal, "5:2x200(0-0)EUR[9:10USD] 0");
    let other = [&equal[..], &["t 10 refund 5 in CHF of b"]].concat();
    check(
        &other,
        "5:1x100(0-0)EUR[9:10USD] 5:1x100(0-0)EUR[9:10USD 10:5CHF] 0",
    );
    // A purchase without money left has nothing for it.
    check(
        &[
            "a 5 buys 100",
            "r 9 refund 10 in USD of a",
            "s 11 refund 100 of a",
        ],
        "1",
    );
    check(
        &["a 5 buys 0", "r 9 refund 10 in USD of a"],
        "5:1x0(0-0)EUR 1",
    );
    check(
        &[
            "a 5 buys 100",
            "r 9 refund 10 in USD of a",
            "v 9 reversal 0 of r",
        ],
        "5:1x100(0-0)EUR 0",
    );
}

#[test]
fn what_refunds_found_nothing_for_is_summed_by_currency() {
    let amounts = |lines: &[&str]| -> Vec<String> {
        let history = folded(lines);
        let amounts = history.unmatched_refunds.iter();
        amounts.map(ToString::to_string).collect()
    };
    let lines = [
        "a 5 buys 100",
        "r 9 refund 120 of a",
        "s 9 refund 7 of nobody",
        "t 9 refund 5 in USD",
        "u 9 refund 3 in CHF of a",
        "v 9 reversal 9 of nobody",
    ];
    assert_eq!(amounts(&lines), ["0.03 CHF", "0.27 EUR", "0.05 USD"]);
    assert_eq!(folded(&lines).unmatched_refund_count, 5);
    assert_eq!(amounts(&["a 5 buys 100", "r 9 refund 100 of a"]), [""; 0]);
}

#[test]
fn more_than_was_paid_is_never_taken_back() {
    check(
        &["a 5 buys 100", "b 5 buys 50", "r 9 refund 120 of a"],
        "5:1x50(0-0)EUR 1",
    );
    check(
        &["a 5 buys 100", "r 9 refund 60 of a", "s 9 refund 60 of a"],
        "1",
    );
    check(&["a 5 buys 100", "r 9 refund 120"], "1");
}

#[test]
fn a_reversed_refund_never_happened() {
    check(
        &["a 5 buys 100", "r 9 refund 30 of a", "s 9 reversal 0 of r"],
        "5:1x100(0-0)EUR 0",
    );
}

#[test]
fn a_summary_counts_repeat_days_and_leaves_the_first_day_out() {
    let history = folded(&[
        "a 5 buys 100",
        "b 5 buys 1 as toys",
        "c 9 buys 2",
        "d 9 buys 3 in USD",
        "e 12 buys 4",
    ]);
    let summary = history.purchase_summary().unwrap();
    assert_eq!(
        (summary.first_day, summary.last_day, summary.frequency),
        (day(5), day(12), 2)
    );
    assert_eq!(
        summary
            .repeats
            .iter()
            .map(|entry| entry.amount_minor)
            .sum::<i64>(),
        9
    );
    assert_eq!(History::default().purchase_summary(), None);
}

#[test]
fn amounts_beyond_the_range_of_a_sum_stay_at_its_end() {
    let (most, count) = (MAX_AMOUNT_MINOR, i64::MAX / MAX_AMOUNT_MINOR + 2);
    let purchases = (0..count).map(|at| format!("{at} 5 buys {most} cost {most}"));
    let refunds = (0..count).map(|at| format!("{at}r 6 refund {most} of {at}"));
    let mut facts = Facts {
        transactions: purchases.map(|line| transaction(&line)).collect(),
        ..Facts::default()
    };
    let history = fold(History::default(), &facts).unwrap();
    let entry = &history.purchases[0];
    assert_eq!(
        (
            entry.amount_minor,
            entry.costed_amount_minor,
            entry.cost_minor
        ),
        (i64::MAX, i64::MAX, i64::MAX)
    );
    let days = (0..count).map(|at| PurchaseDay {
        day: day(i32::try_from(at).unwrap()),
        ..entry.clone()
    });
    let long = History {
        purchases: days.collect(),
        ..History::default()
    };
    let summary = long.purchase_summary().unwrap();
    assert_eq!(summary.repeat_amount_minor(), i64::MAX);

    facts
        .transactions
        .extend(refunds.map(|line| transaction(&line)));
    let history = fold(History::default(), &facts).unwrap();
    assert_eq!(history.purchases, []);
}
