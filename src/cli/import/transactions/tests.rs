use clap::Parser;
use csv::StringRecord;

use super::super::input::open_csv;
use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: TransactionsArgs,
}

fn mapping(names: &str, options: &str) -> Result<(TransactionMapping, Header), CliError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.csv");
    std::fs::write(&path, format!("{names}\n")).unwrap();
    let (_, header) = open_csv(&path, None)?;
    let line = format!("import f.csv {options}");
    let line = Line::try_parse_from(line.split_whitespace()).unwrap();
    Ok((TransactionMapping::new(&line.args, &header)?, header))
}

/// The facts of the rows; a refused row is its reason.
fn read(names: &str, options: &str, rows: &[&str]) -> Vec<Result<pb::Transaction, String>> {
    let (mut mapping, header) = mapping(names, options).unwrap();
    rows.iter()
        .map(|row| {
            let record = [StringRecord::from(row.split(',').collect::<Vec<_>>())];
            let mut row = Row::new(&header, &record);
            let facts = mapping.read(&mut row).ok_or_else(|| row.into_reason());
            facts.map(|mut facts| facts.remove(0))
        })
        .collect()
}

#[track_caller]
fn one(names: &str, options: &str, row: &str) -> pb::Transaction {
    read(names, options, &[row]).remove(0).unwrap()
}

#[track_caller]
fn refusal(names: &str, options: &str, row: &str) -> String {
    read(names, options, &[row]).remove(0).unwrap_err()
}

#[test]
fn a_row_of_the_cdnow_log_is_a_purchase_on_its_day() {
    let fact = one(
        "master_id,sample_id,date,cds,dollars",
        "--source cdnow --customer-column sample_id --time-column date --amount-column dollars --currency USD",
        "00004,0001,1997-01-01,2,29.33",
    );
    assert_eq!(fact.customer_id, "0001");
    assert_eq!(fact.source, "cdnow");
    assert_eq!(fact.kind(), Kind::Purchase);
    assert_eq!(
        fact.when,
        Some(pb::transaction::When::OccurredOn("1997-01-01".into()))
    );
    let amount = fact.amount.unwrap();
    assert_eq!(
        (amount.amount_minor, amount.currency.as_str()),
        (2_933, "USD")
    );
    assert_eq!(fact.cost_minor, None);
}

#[test]
fn the_sign_and_the_kind_column_say_what_a_transaction_is() {
    let names = "customer_id,date,amount,kind,original_transaction_id,cost";
    let read = |row: &str| one(names, "--currency EUR", row);
    let refund = read("c,2024-01-01,-5.00,,,-2");
    assert_eq!(refund.kind(), Kind::Refund);
    assert_eq!(refund.amount.unwrap().amount_minor, 500);
    assert_eq!(refund.cost_minor, Some(200));
    assert_eq!(read("c,2024-01-01,5,refund,t-1,").kind(), Kind::Refund);
    assert_eq!(read("c,2024-01-01,-5,Reversal,t-1,").kind(), Kind::Reversal);
    assert_eq!(read("c,2024-01-01,0,,,").kind(), Kind::Purchase);
    let refused = |row: &str| refusal(names, "--currency EUR", row);
    assert!(refused("c,2024-01-01,-5,purchase,,").contains("negative"));
    assert!(refused("c,2024-01-01,5,gift,,").contains("not a kind of transaction"));
    assert!(refused("c,2024-01-01,5,,t-1,").contains("has no original transaction"));
    assert!(refused("c,2024-01-01,5,,,-1").contains("cannot be negative"));
}

#[test]
fn the_currency_of_a_row_stands_before_that_of_the_option() {
    let names = "customer_id,date,amount,currency";
    let code = |options: &str, row: &str| one(names, options, row).amount.unwrap();
    assert_eq!(code("", "c,2024-01-01,5,jpy").amount_minor, 5);
    let both = "--currency EUR --currency-column currency";
    assert_eq!(code(both, "c,2024-01-01,5,JPY").currency, "JPY");
    assert_eq!(code(both, "c,2024-01-01,5,").currency, "EUR");
    // The option alone holds for all rows, whatever a column of that name says.
    assert_eq!(code("--currency EUR", "c,2024-01-01,5,JPY").currency, "EUR");
    assert!(refusal(names, "", "c,2024-01-01,5,").contains("currency is empty"));
    assert!(refusal(names, "", "c,2024-01-01,5,EURO").contains("not a currency"));
    assert!(refusal(names, "", "c,2024-01-01,5.5,JPY").contains("more decimals"));
    assert!(mapping("customer_id,date,amount", "").is_err());
}

#[test]
fn derived_ids_follow_what_a_row_says_and_not_how_it_is_written() {
    let ids = |names: &str, rows: &[&str]| -> Vec<String> {
        read(names, "--currency EUR", rows)
            .into_iter()
            .map(|fact| fact.unwrap().transaction_id)
            .collect()
    };
    let plain = ids(
        "customer_id,date,amount",
        &["c,2024-01-01,5", "c,2024-01-01,5", "d,2024-01-01,5"],
    );
    assert_ne!(plain[0], plain[1]);
    let otherwise = ids(
        "note,amount,customer_id,date,category",
        &[
            "x,5.00,d,20240101,",
            "y,5.0,c,01.01.2024,",
            "z,+5,c,2024/01/01,",
        ],
    );
    assert_eq!(
        [&otherwise[1], &otherwise[2], &otherwise[0]],
        [&plain[0], &plain[1], &plain[2]]
    );
    // A refused row takes no place among its equals.
    let after_refusal = read(
        "customer_id,date,amount",
        "--currency EUR",
        &["c,never,5", "c,2024-01-01,5"],
    );
    assert_eq!(after_refusal[1].as_ref().unwrap().transaction_id, plain[0]);
}

#[test]
fn an_id_column_is_taken_as_it_is() {
    let names = "customer_id,date,amount,transaction_id";
    let fact = one(names, "--currency EUR", "c,2024-01-01,5,t-9");
    assert_eq!(fact.transaction_id, "t-9");
    assert!(refusal(names, "--currency EUR", "c,2024-01-01,5,").contains("is empty"));
}

#[test]
fn what_was_paid_back_of_an_order_is_a_total_with_an_id_of_its_own() {
    let names = "customer_id,date,amount,transaction_id,back,status";
    let all = |options: &str, row: &str| {
        let (mut mapping, header) = mapping(names, options).unwrap();
        let record = [StringRecord::from(row.split(',').collect::<Vec<_>>())];
        let mut row = Row::new(&header, &record);
        mapping.read(&mut row).ok_or_else(|| row.into_reason())
    };
    let options = "--currency EUR --refunded-column back --refunded-if status=Refunded|returned";
    let facts = all(options, "c,2024-01-01,50,o-1,12.5,paid").unwrap();
    assert_eq!(facts.len(), 2);
    let refund = &facts[1];
    assert_eq!(refund.kind(), Kind::RefundTotal);
    assert_eq!(refund.transaction_id, "o-1#refunded-12.50");
    assert_eq!(refund.original_transaction_id, "o-1");
    assert_eq!(refund.amount.as_ref().unwrap().amount_minor, 1_250);
    // All of it, where only the status states it; what a column states is stronger.
    let whole = all(options, "c,2024-01-01,50,o-1,,refunded").unwrap();
    assert_eq!(whole[1].transaction_id, "o-1#refunded-50.00");
    let part = all(options, "c,2024-01-01,50,o-1,20,refunded").unwrap();
    assert_eq!(part[1].transaction_id, "o-1#refunded-20.00");
    for row in [
        "c,2024-01-01,50,o-1,0.00,paid",
        "c,2024-01-01,50,o-1,,paid",
        "c,2024-01-01,0,o-1,,refunded",
    ] {
        assert_eq!(all(options, row).unwrap().len(), 1, "{row}");
    }
    let refused = all(options, "c,2024-01-01,-50,o-1,5,paid").unwrap_err();
    assert!(refused.contains("cannot itself be refunded"), "{refused}");
    let long = format!("c,2024-01-01,50,{},5,paid", "x".repeat(120));
    assert!(all(options, &long).unwrap_err().contains("128 bytes"));
    let without = Header::new(
        ["customer_id", "date", "amount", "back"]
            .map(str::to_owned)
            .to_vec(),
        b',',
        "f.csv",
    );
    let line = Line::try_parse_from([
        "import",
        "f.csv",
        "--currency",
        "EUR",
        "--refunded-column",
        "back",
    ])
    .unwrap();
    let error = TransactionMapping::new(&line.args, &without.unwrap()).unwrap_err();
    assert!(error.to_string().contains("order's id"), "{error}");
}

#[test]
fn quantity_times_price_is_the_amount_and_its_sign() {
    let names = "customer_id,date,pieces,each,price";
    let options = "--currency EUR --quantity-column pieces --price-column each";
    let amount = |row: &str| {
        let fact = one(names, options, row);
        (fact.kind(), fact.amount.unwrap().amount_minor)
    };
    assert_eq!(amount("c,2024-01-01,6,2.55,9"), (Kind::Purchase, 1_530));
    assert_eq!(amount("c,2024-01-01,-1,2.55,9"), (Kind::Refund, 255));
    assert_eq!(amount("c,2024-01-01,1,0,9"), (Kind::Purchase, 0));
    // A price may have more decimals than the currency; what is paid is rounded once.
    assert_eq!(amount("c,2024-01-01,3,0.0125,9"), (Kind::Purchase, 4));
    assert!(refusal(names, options, "c,2024-01-01,,2.55,9").contains("pieces: is empty"));
    assert!(refusal(names, options, "c,2024-01-01,two,2.55,9").contains("not a number"));
    assert!(
        mapping(names, "--currency EUR").is_err(),
        "a price is not an amount"
    );
}

#[test]
fn lines_of_an_order_agree_on_what_it_has_one_of() {
    let names = "customer_id,date,amount,order,currency,category";
    let (mut mapping, header) = mapping(names, "--order-column order").unwrap();
    let mut read = |lines: &[&str]| {
        let records: Vec<StringRecord> = lines
            .iter()
            .map(|line| StringRecord::from(line.split(',').collect::<Vec<_>>()))
            .collect();
        let mut row = Row::new(&header, &records);
        match mapping.read(&mut row) {
            Some(facts) => Ok(facts[0].clone()),
            None => match row.left_out() {
                Some(reason) => Err(reason.to_owned()),
                None => Err(row.into_reason()),
            },
        }
    };
    let order = read(&["c,2024-01-01,5,o,EUR,tea", ",,2.50,o,,"]).unwrap();
    assert_eq!((&*order.transaction_id, &*order.category), ("o", "tea"));
    assert_eq!(order.amount.unwrap().amount_minor, 750);
    let several = read(&["c,2024-01-01,5,o,EUR,tea", "c,2024-01-01,5,o,EUR,mugs"]).unwrap();
    assert_eq!(several.category, "");
    let refused = read(&["c,2024-01-01,5,o,EUR,", "d,2024-01-01,5,o,USD,"]).unwrap_err();
    for part in [
        "customer_id: the lines of one order have \"c\" and \"d\"",
        "currency: the lines",
    ] {
        assert!(refused.contains(part), "{part} in {refused}");
    }
    // Lines that cancel out are no free order.
    let nothing = read(&["c,2024-01-01,5,o,EUR,", "c,2024-01-01,-5,o,EUR,"]);
    assert_eq!(nothing, Err("a refund of 0".to_owned()));
}
