use super::*;
use crate::domain::rates::{ExchangeRate, Rate};

fn day(number: i32) -> Day {
    Day::from_number(number).unwrap()
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

/// A dollar is 0.80 EUR from day 1 and 0.90 EUR from day 5.
fn rates() -> RateTable {
    let rate = |on, rate: &str| {
        let rate: Rate = rate.parse().unwrap();
        ExchangeRate::new(currency("USD"), currency("EUR"), day(on), rate).unwrap()
    };
    RateTable::default().with(2, [rate(1, "0.80"), rate(5, "0.90")])
}

/// 100.00 USD of day 2 that cost 60.00 USD, with these refunds in EUR of day 6: amount and cost.
fn purchase(refunds: &[(i64, Option<i64>)]) -> PurchaseDay {
    let refunds = refunds
        .iter()
        .map(|&(amount_minor, cost_minor)| ForeignRefund {
            day: day(6),
            currency: currency("EUR"),
            amount_minor,
            cost_minor,
        });
    PurchaseDay {
        day: day(2),
        currency: currency("USD"),
        category: None,
        count: 1,
        amount_minor: 10_000,
        costed_amount_minor: 10_000,
        cost_minor: 6_000,
        foreign_refunds: Some(Box::new(ForeignRefunds {
            amount_minor: 10_000,
            cost_minor: Some(6_000),
            refunds: refunds.collect(),
        })),
    }
}

fn assert_left(entry: &PurchaseDay, to: &str, amount: f64, cost: f64) {
    let left = entry.converted(&rates(), currency(to)).unwrap();
    assert!((left.amount - amount).abs() < 1e-9, "{left:?}");
    assert!((left.costed_amount - amount).abs() < 1e-9, "{left:?}");
    assert!((left.cost - cost).abs() < 1e-9, "{left:?}");
    let alone = entry.converted_amount(&rates(), currency(to));
    assert_eq!(alone, Some(left.amount));
}

#[test]
fn each_amount_is_converted_by_the_rate_of_its_own_day() {
    // 80 EUR less 20 EUR; a quarter of the money, so a quarter of the cost of 48 EUR.
    assert_left(&purchase(&[(2_000, None)]), "EUR", 60.0, 36.0);
    // 100 USD less 20 EUR, which are 22.22 USD on their day.
    let paid_back = 20.0 / 0.9;
    let cost = 60.0 * (100.0 - paid_back) / 100.0;
    assert_left(&purchase(&[(2_000, None)]), "USD", 100.0 - paid_back, cost);
}

#[test]
fn a_stated_cost_comes_back_as_stated_and_no_more_than_there_was() {
    assert_left(&purchase(&[(2_000, Some(0))]), "EUR", 60.0, 48.0);
    assert_left(&purchase(&[(2_000, Some(1_000))]), "EUR", 60.0, 38.0);
    assert_left(&purchase(&[(2_000, Some(9_000))]), "EUR", 60.0, 0.0);
    // Goods came back and no money.
    assert_left(&purchase(&[(0, Some(1_000))]), "EUR", 80.0, 38.0);
}

#[test]
fn refunds_take_no_more_than_the_purchase() {
    assert_left(&purchase(&[(2_000, None), (7_000, None)]), "EUR", 0.0, 0.0);
    // What is left is 0.004 EUR: nothing. The cost does not count either, though the goods stayed.
    let mut entry = purchase(&[(7_999, Some(0))]);
    assert_left(&entry, "EUR", 0.01, 48.0);
    entry.foreign_refunds.as_mut().unwrap().amount_minor = 9_999;
    assert_left(&entry, "EUR", 0.0, 0.0);
}

#[test]
fn equal_purchases_count_as_often_as_they_are() {
    let mut entry = purchase(&[(2_000, None)]);
    entry.count = 3;
    assert_left(&entry, "EUR", 180.0, 108.0);
}

#[test]
fn without_a_rate_for_one_of_the_amounts_there_is_no_sum() {
    let mut entry = purchase(&[(2_000, None)]);
    assert_eq!(entry.converted_amount(&rates(), currency("CHF")), None);
    entry.currency = currency("EUR");
    let refund = &mut entry.foreign_refunds.as_mut().unwrap().refunds[0];
    refund.currency = currency("USD");
    refund.day = day(0);
    assert_eq!(entry.converted(&rates(), currency("EUR")), None);
    let named: Vec<(Currency, Day)> = entry.currencies().collect();
    assert_eq!(
        named,
        [(currency("EUR"), day(2)), (currency("USD"), day(0))]
    );
}
