use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::domain::money::Money;

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn rate(from: &str, to: &str, on: &str, rate: &str) -> ExchangeRate {
    let rate = rate.parse().unwrap();
    ExchangeRate::new(currency(from), currency(to), day(on), rate).unwrap()
}

fn table(rates: &[ExchangeRate]) -> RateTable {
    RateTable::default().with(1, rates.iter().copied())
}

/// What 100.00 of `from` on a day are in `to`, in minor units.
#[track_caller]
fn check(table: &RateTable, from: &str, to: &str, on: &str, expected: Option<i64>) {
    let hundred = Money {
        amount_minor: 10_000,
        currency: currency(from),
    };
    let converted = table.convert(hundred, currency(to), day(on));
    assert_eq!(
        converted.map(|money| money.amount_minor),
        expected,
        "{from} {to} {on}"
    );
}

#[test]
fn the_latest_rate_on_or_before_the_day_holds() {
    let table = table(&[
        rate("USD", "EUR", "2026-03-10", "0.80"),
        rate("USD", "EUR", "2026-01-10", "0.90"),
    ]);
    check(&table, "USD", "EUR", "2026-01-09", None);
    check(&table, "USD", "EUR", "2026-01-10", Some(9_000));
    check(&table, "USD", "EUR", "2026-03-09", Some(9_000));
    check(&table, "USD", "EUR", "2026-03-10", Some(8_000));
    check(&table, "USD", "EUR", "2150-01-01", Some(8_000));
    check(&table, "EUR", "EUR", "1970-01-01", Some(10_000));
    check(&table, "CHF", "EUR", "2026-03-10", None);
    assert_eq!(
        table.first_day(currency("USD"), currency("EUR")),
        Some(day("2026-01-10"))
    );
    assert_eq!(table.first_day(currency("CHF"), currency("EUR")), None);
}

#[test]
fn without_a_rate_of_the_pair_that_of_the_other_direction_divides() {
    let table = table(&[
        rate("EUR", "USD", "2026-01-01", "1.25"),
        rate("USD", "EUR", "2026-02-01", "0.70"),
    ]);
    // 100 / 1.25 = 80.00; from February on the pair has a rate of its own, which comes first though it may be older.
    check(&table, "USD", "EUR", "2026-01-31", Some(8_000));
    check(&table, "USD", "EUR", "2026-02-01", Some(7_000));
    check(&table, "EUR", "USD", "2026-02-01", Some(12_500));
}

#[test]
fn without_either_the_freshest_way_over_a_third_currency_is_taken() {
    let mut rates = vec![
        rate("EUR", "USD", "2026-01-01", "1.25"),
        rate("EUR", "CHF", "2026-01-03", "0.95"),
        rate("USD", "GBP", "2026-01-02", "0.80"),
        rate("GBP", "CHF", "2026-01-02", "1.10"),
    ];
    let over = |rates: &[ExchangeRate]| {
        let quote = table(rates).quote(currency("USD"), currency("CHF"), day("2026-06-01"));
        let quote = quote.unwrap();
        (quote.via.unwrap().code(), quote.dated.to_string())
    };
    // Over EUR the older step is of January 1, over GBP of January 2: 100 * 0.80 * 1.10 = 88.00.
    assert_eq!(over(&rates), ("GBP", "2026-01-02".to_owned()));
    check(&table(&rates), "USD", "CHF", "2026-06-01", Some(8_800));
    // A rate as fresh: then the first by its code. 100 / 1.25 * 0.95 = 76.00.
    rates.push(rate("EUR", "USD", "2026-01-02", "1.25"));
    assert_eq!(over(&rates), ("EUR", "2026-01-02".to_owned()));
    check(&table(&rates), "USD", "CHF", "2026-06-01", Some(7_600));
    // Two third currencies between are one too many.
    rates.push(rate("GBP", "JPY", "2026-01-01", "190"));
    check(&table(&rates), "EUR", "JPY", "2026-06-01", None);
    check(&table(&rates), "USD", "CHF", "2026-01-01", None);
    let first = table(&rates).first_day(currency("USD"), currency("CHF"));
    assert_eq!(first, Some(day("2026-01-02")));
}

#[test]
fn of_several_rates_of_a_day_the_one_recorded_last_holds_and_no_other_day_is_touched() {
    let before = table(&[
        rate("USD", "EUR", "2026-01-01", "0.90"),
        rate("USD", "EUR", "2026-01-02", "0.91"),
        rate("USD", "EUR", "2026-01-03", "0.92"),
    ]);
    let after = before.with(5, [rate("USD", "EUR", "2026-01-02", "0.81")]);
    for (on, expected) in [
        ("2026-01-01", 9_000),
        ("2026-01-02", 8_100),
        ("2026-01-03", 9_200),
    ] {
        check(&after, "USD", "EUR", on, Some(expected));
    }
    check(&before, "USD", "EUR", "2026-01-02", Some(9_100));
    assert_eq!((before.generation(), after.generation()), (1, 5));
}

#[test]
fn minor_units_of_other_sizes_and_halves_are_right() {
    let table = table(&[
        rate("JPY", "EUR", "2026-01-01", "0.0065"),
        rate("USD", "KWD", "2026-01-01", "0.5"),
    ]);
    let convert = |amount_minor, from, to| {
        let money = Money {
            amount_minor,
            currency: currency(from),
        };
        let converted = table.convert(money, currency(to), day("2026-01-01"));
        converted.unwrap().amount_minor
    };
    // 1,000 yen have no decimals: 1,000 * 0.0065 = 6.50 EUR.
    assert_eq!(convert(1_000, "JPY", "EUR"), 650);
    // 0.25 USD * 0.5 = 0.125 KWD, of which there are a thousand to the dinar.
    assert_eq!(convert(25, "USD", "KWD"), 125);
    // 0.001 KWD / 0.5 = 0.002 USD is nothing, 0.005 USD is a cent: half away from zero, for refunds too.
    assert_eq!(convert(1, "KWD", "USD"), 0);
    let half = RateTable::default().with(1, [rate("KWD", "USD", "2026-01-01", "5")]);
    let half = |amount_minor| {
        let money = Money {
            amount_minor,
            currency: currency("KWD"),
        };
        half.convert(money, currency("USD"), day("2026-01-01"))
    };
    assert_eq!(half(1).unwrap().amount_minor, 1);
    assert_eq!(half(-1).unwrap().amount_minor, -1);
}

#[test]
fn rates_are_read_exactly_and_written_without_needless_zeros() {
    for (text, written) in [
        ("1.0845", "1.0845"),
        ("0001.10", "1.1"),
        ("100", "100"),
        (".5", "0.5"),
        ("7.", "7"),
        ("0.000000000000001", "0.000000000000001"),
        ("123456789012345", "123456789012345"),
        ("0.123456789012345", "0.123456789012345"),
        ("1.0000000000000000000", "1"),
    ] {
        let rate: Rate = text.parse().unwrap();
        assert_eq!(rate.to_string(), written);
        let nearest: f64 = text.trim_end_matches('.').parse().unwrap();
        assert_eq!(rate.value().to_bits(), nearest.to_bits(), "{text}");
    }
}

#[test]
fn what_is_no_rate_is_refused_by_what_is_wrong_with_it() {
    for text in [
        "", ".", "1,5", "1e3", "NaN", "inf", "+1", "1.2.3", " 1", "٣",
    ] {
        let error = text.parse::<Rate>().unwrap_err();
        assert!(matches!(error, RateError::NotADecimal(_)), "{text:?}");
    }
    for text in ["0", "0.000", "-1", "-0"] {
        let error = text.parse::<Rate>().unwrap_err();
        assert!(matches!(error, RateError::NotPositive(_)), "{text:?}");
    }
    for text in [
        "1234567890123456",
        "1.123456789012345",
        "0.0000000000000001",
    ] {
        let error = text.parse::<Rate>().unwrap_err();
        assert!(matches!(error, RateError::TooLong(_)), "{text:?}");
    }
    let eur = currency("EUR");
    let one: Rate = "1".parse().unwrap();
    assert_eq!(
        ExchangeRate::new(eur, eur, day("2026-01-01"), one),
        Err(SameCurrency)
    );
}

proptest! {
    #[test]
    fn converting_keeps_the_order_of_amounts_and_their_own_currency_keeps_them(
        mantissa in 1..1_000_000_000_000_000_u64,
        decimals in 0..=15_u8,
        amounts in proptest::array::uniform2(-1_000_000_000_000_i64..1_000_000_000_000),
        is_inverse in proptest::bool::ANY,
    ) {
        let (usd, eur) = (currency("USD"), currency("EUR"));
        let (from, to) = if is_inverse { (eur, usd) } else { (usd, eur) };
        let on = day("2026-01-01");
        let rate = ExchangeRate::new(from, to, on, Rate { mantissa, decimals }).unwrap();
        let table = RateTable::default().with(1, [rate]);
        let [less, more] = if amounts[0] <= amounts[1] { amounts } else { [amounts[1], amounts[0]] };
        let major = |amount| table.convert_major(amount, usd, eur, on).unwrap();
        prop_assert!(major(less) <= major(more));
        prop_assert_eq!(major(0).to_bits(), 0.0_f64.to_bits());
        let money = |amount_minor| Money { amount_minor, currency: usd };
        let minor = |amount| table.convert(money(amount), eur, on).map(|money| money.amount_minor);
        if let (Some(less), Some(more)) = (minor(less), minor(more)) {
            prop_assert!(less <= more);
        }
        prop_assert_eq!(table.convert(money(more), usd, on), Some(money(more)));
    }

    #[test]
    fn a_written_rate_is_read_as_the_same(mantissa in 1..1_000_000_000_000_000_u64, decimals in 0..=15_usize) {
        let digits = format!("{mantissa:0>16}");
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let rate: Rate = format!("{whole}.{fraction}").parse().unwrap();
        prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
    }
}

#[test]
fn a_rate_that_is_too_old_is_as_good_as_none() {
    let table = table(&[
        rate("RUB", "EUR", "2022-03-01", "0.0085"),
        rate("USD", "EUR", "2026-01-10", "0.90"),
        rate("USD", "CHF", "2026-01-01", "0.80"),
        rate("CHF", "EUR", "2026-01-20", "1.10"),
    ]);
    check(&table, "RUB", "EUR", "2026-05-01", Some(85));
    let table = table.with_max_age(30);
    check(&table, "RUB", "EUR", "2022-03-31", Some(85));
    check(&table, "RUB", "EUR", "2022-04-01", None);
    check(&table, "RUB", "EUR", "2026-05-01", None);
    check(&table, "USD", "EUR", "2026-02-09", Some(9_000));
    check(&table, "USD", "EUR", "2026-02-10", None);
    let since = |until| table.convertible_since(currency("USD"), currency("EUR"), day(until));
    assert_eq!(since("2026-02-09"), Some(day("2026-01-10")));
    assert_eq!(since("2026-02-10"), None);
    // What is too old makes room for the next way: over CHF.
    let longer = rate("USD", "CHF", "2026-02-08", "0.80");
    let table = table.with(2, [longer]);
    check(&table, "USD", "EUR", "2026-02-10", Some(8_800));
    let since = table.convertible_since(currency("USD"), currency("EUR"), day("2026-02-10"));
    assert_eq!(since, Some(day("2026-01-10")));
}
