//! Totals of refunds: what was paid back is the greatest of them and the sum of single refunds.

use super::*;

#[test]
fn the_greatest_total_counts_with_single_refunds_as_parts_of_it() {
    let bought = "a 5 buys 100 cost 50";
    check(
        &[bought, "r 6 total 20 of a", "s 6 total 50 of a"],
        "5:1x50(50-25)EUR 0",
    );
    // A later day or an earlier one: the day of a total says nothing of the order in which they were stated.
    check(
        &[bought, "r 9 total 20 of a", "s 6 total 50 of a"],
        "5:1x50(50-25)EUR 0",
    );
    check(
        &[bought, "p 6 refund 30 of a", "s 6 total 50 of a"],
        "5:1x50(50-25)EUR 0",
    );
    check(
        &[bought, "s 6 total 50 of a", "p 7 refund 60 of a"],
        "5:1x40(40-20)EUR 0",
    );
    // Another transaction's refunds are no part of it, and neither are those in another currency.
    check(
        &[
            bought,
            "b 5 buys 70",
            "p 6 refund 30 of b",
            "s 6 total 50 of a",
        ],
        "5:2x90(50-25)EUR 0",
    );
    check(
        &[bought, "p 6 refund 30 of a in USD", "s 6 total 50 of a"],
        "5:1x50(50-25)EUR[6:30USD] 0",
    );
}

#[test]
fn what_was_reversed_is_no_part_of_a_total() {
    let bought = "a 5 buys 100";
    check(
        &[
            bought,
            "p 6 refund 30 of a",
            "v 6 reversal 0 of p",
            "s 6 total 50 of a",
        ],
        "5:1x50(0-0)EUR 0",
    );
    // A reversed total leaves the smaller one.
    check(
        &[
            bought,
            "r 6 total 20 of a",
            "s 6 total 50 of a",
            "v 9 reversal 0 of s",
        ],
        "5:1x80(0-0)EUR 0",
    );
}

#[test]
fn totals_in_another_currency_are_kept_as_what_each_adds() {
    check(
        &[
            "a 5 buys 100",
            "r 6 total 20 of a in USD",
            "s 9 total 50 of a in USD",
            "t 7 total 40 of a in USD",
        ],
        "5:1x100(0-0)EUR[6:20USD 7:20USD 9:10USD] 0",
    );
}

#[test]
fn a_total_beyond_its_purchase_or_without_one_is_unmatched() {
    check(&["a 5 buys 100", "s 6 total 110 of a"], "1");
    check(&["r 6 total 20 of a", "s 6 total 50 of a"], "2");
    let history = folded(&["r 6 total 20 of a", "s 6 total 50 of a"]);
    assert_eq!(history.unmatched_refunds[0].amount_minor, 50);
    // A total that adds nothing is no refund that found nothing.
    check(&["p 6 refund 50 of a", "s 6 total 50 of a"], "1");
}
