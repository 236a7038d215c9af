//! What a refund takes, from where, and what of the cost of goods goes with it.

use super::*;

#[test]
fn a_purchase_taken_back_in_full_leaves_no_cost_whatever_shares_its_day() {
    // However the second 100 is taken back, the first stands as if alone.
    for back in [
        "r 9 refund 100 of b",
        "r 9 refund 100 of b cost 60",
        "r 9 refund 100 of b cost 20",
        "r 9 reversal 0 of b",
    ] {
        check(
            &["a 5 buys 100 cost 60", "b 5 buys 100 cost 60", back],
            "5:1x100(100-60)EUR 0",
        );
        check(
            &["a 5 buys 100 cost 60", "b 5 buys 100 cost 60 as toys", back],
            "5:1x100(100-60)EUR 0",
        );
    }
}

#[test]
fn a_refund_that_says_nothing_of_the_goods_brings_back_as_much_of_their_cost_as_of_the_money() {
    // 60 - 60 * 30 / 100.
    check(
        &["a 5 buys 100 cost 60", "r 9 refund 30 of a"],
        "5:1x70(70-42)EUR 0",
    );
    // Half a cent is rounded up: 3 - 3 * 50 / 100 is 1.5, of which 2 went back.
    check(
        &["a 5 buys 100 cost 3", "r 9 refund 50 of a"],
        "5:1x50(50-1)EUR 0",
    );
    // In two parts, the second of what the first left: all of it.
    check(
        &[
            "a 5 buys 100 cost 60",
            "b 5 buys 10 cost 1",
            "r 9 refund 30 of a",
            "s 9 refund 70 of a",
        ],
        "5:1x10(10-1)EUR 0",
    );
    // No goods came back.
    check(
        &["a 5 buys 100 cost 60", "r 9 refund 30 of a cost 0"],
        "5:1x70(70-60)EUR 0",
    );
    // Goods came back and no money.
    check(
        &["a 5 buys 100 cost 60", "r 9 refund 0 of a cost 25"],
        "5:1x100(100-35)EUR 0",
    );
}

#[test]
fn cost_comes_back_only_to_the_purchase_that_the_money_comes_from() {
    // Of b no cost is known: 50 of it cannot come back to a.
    check(
        &[
            "a 5 buys 100 cost 60",
            "b 5 buys 100",
            "r 9 refund 100 of b cost 50",
        ],
        "5:1x100(100-60)EUR 0",
    );
    check(
        &[
            "a 5 buys 100 cost 60",
            "b 5 buys 100 cost 30",
            "r 9 refund 40 of b cost 50",
        ],
        "5:2x160(160-60)EUR 0",
    );
    // Without a name: the day has nothing left in the first category, so that the money and the cost come from the other.
    check(
        &[
            "a 5 buys 100 cost 60",
            "b 5 buys 80 cost 50 as toys",
            "r 6 refund 60 of a cost 0",
            "s 7 refund 50 cost 10",
        ],
        // 40 of the 50 are what a had left; 10 of the 80, with 10 * 10 / 50 of the cost, come from b.
        "5:1x70(70-48)EUR/toys 0",
    );
    check(
        &[
            "a 5 buys 0 cost 9",
            "b 5 buys 80 cost 50 as toys",
            "s 7 refund 50 cost 10",
        ],
        "5:1x0(0-9)EUR 5:1x30(30-40)EUR/toys 0",
    );
}

#[test]
fn a_refund_without_a_name_passes_over_days_without_money_and_goes_on_to_earlier_ones() {
    check(
        &["a 5 buys 100", "f 24 buys 0", "r 25 refund 100"],
        "24:1x0(0-0)EUR 0",
    );
    check(
        &["a 5 buys 100", "f 24 buys 5", "r 25 refund 100"],
        "5:1x5(0-0)EUR 0",
    );
    check(
        &[
            "a 5 buys 100",
            "b 8 buys 20 in USD",
            "c 9 buys 10",
            "r 9 refund 110",
        ],
        "8:1x20(0-0)USD 0",
    );
    // A purchase after the refund is none of its business, and what no day had is counted.
    check(
        &["a 5 buys 100", "b 30 buys 50", "r 25 refund 101"],
        "30:1x50(0-0)EUR 1",
    );
    check(&["f 5 buys 0", "r 9 refund 10"], "5:1x0(0-0)EUR 1");
    // What was taken back by name cannot be taken again.
    check(
        &[
            "a 5 buys 100",
            "b 7 buys 50",
            "r 9 refund 50 of b",
            "s 9 refund 60",
        ],
        "5:1x40(0-0)EUR 0",
    );
}

#[test]
fn a_reversed_reversal_never_happened() {
    let chain = [
        "a 5 buys 100 cost 60",
        "r 9 reversal 0 of a",
        "s 9 reversal 0 of r",
        "t 9 reversal 0 of s",
    ];
    check(&chain[..2], "0");
    check(&chain[..3], "5:1x100(100-60)EUR 0");
    check(&chain, "0");
    // Another reversal still stands.
    check(
        &[
            "a 5 buys 100",
            "r 9 reversal 0 of a",
            "q 9 reversal 0 of a",
            "s 9 reversal 0 of r",
        ],
        "0",
    );
    // The refund holds again.
    check(
        &[
            "a 5 buys 100",
            "r 9 refund 30 of a",
            "s 9 reversal 0 of r",
            "t 9 reversal 0 of s",
        ],
        "5:1x70(0-0)EUR 0",
    );
}

#[test]
fn reversals_of_each_other_take_nothing_back() {
    check(
        &["a 5 buys 100", "r 9 reversal 0 of s", "s 9 reversal 0 of r"],
        "5:1x100(0-0)EUR 0",
    );
}

fn facts(lines: &[&str]) -> Facts {
    Facts {
        transactions: lines.iter().map(|line| transaction(line)).collect(),
        ..Facts::default()
    }
}

/// Whether `line` can be folded into what `known` came to without looking back.
#[track_caller]
fn check_looks_back(known: &[&str], line: &str, expected: bool) {
    let folded = fold(folded(known), &facts(&[line]));
    assert_eq!(folded.is_err(), expected, "{known:?}, then {line}");
}

#[test]
fn a_customer_once_refunded_is_folded_on_from_where_they_were() {
    let refunded = ["a 5 buys 100", "r 6 refund 30 of a"];
    check_looks_back(&refunded, "b 7 buys 10", false);
    // A named refund touches its purchase and no other, whatever their days.
    check_looks_back(&refunded, "b 4 buys 10", false);
    check_looks_back(&refunded, "s 7 refund 30 of a", true);
    check_looks_back(&["r 6 refund 30 of a"], "a 5 buys 100", true);
    let unnamed = ["a 5 buys 100", "r 6 refund 30"];
    check_looks_back(&unnamed, "b 7 buys 10", false);
    check_looks_back(&unnamed, "b 6 buys 10", true);
}

#[test]
fn a_named_refund_needs_only_what_is_related_to_it() {
    let known = ["a 5 buys 100 cost 60", "b 5 buys 20", "r 6 refund 30 of a"];
    let new = facts(&["s 7 refund 70 of a"]);
    let related = facts(&["a 5 buys 100 cost 60", "r 6 refund 30 of a"]);
    let all = facts(&[&known[..], &["s 7 refund 70 of a"]].concat());
    assert_eq!(
        fold_related(folded(&known), &new, &related),
        Ok(fold(History::default(), &all).unwrap())
    );
    // In another currency too, and a purchase that its refund waited for.
    for (known, new, related) in [
        (
            &["a 5 buys 100", "b 5 buys 20", "r 6 refund 30 in USD of a"][..],
            "s 7 refund 70 of a",
            &["a 5 buys 100", "r 6 refund 30 in USD of a"][..],
        ),
        (
            &["b 5 buys 20", "r 6 refund 30 in USD of a"],
            "a 5 buys 100",
            &["r 6 refund 30 in USD of a"],
        ),
    ] {
        let all = facts(&[known, &[new]].concat());
        assert_eq!(
            fold_related(folded(known), &facts(&[new]), &facts(related)),
            Ok(fold(History::default(), &all).unwrap())
        );
    }
    // What names nothing may take from all of them.
    let new = facts(&["s 7 refund 70"]);
    assert_eq!(
        fold_related(folded(&known), &new, &Facts::default()),
        Err(NeedsHistory)
    );
    // Nor can a purchase be parted from a refund that may have taken from it.
    let known = ["a 5 buys 100", "u 6 refund 10"];
    let new = facts(&["s 7 refund 70 of a"]);
    assert_eq!(
        fold_related(folded(&known), &new, &facts(&["a 5 buys 100"])),
        Err(NeedsHistory)
    );
}
