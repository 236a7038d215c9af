use clap::Parser;
use csv::StringRecord;

use super::super::input::open_csv;
use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: ContractsArgs,
}

fn mapping(names: &str, options: &str) -> Result<(ContractMapping, Header), CliError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.csv");
    std::fs::write(&path, format!("{names}\n")).unwrap();
    let (_, header) = open_csv(&path, None)?;
    let line = format!("import f.csv {options}");
    let line = Line::try_parse_from(line.split_whitespace()).unwrap();
    Ok((ContractMapping::new(&line.args, &header)?, header))
}

/// The contract of a row, or the reason why it is refused.
fn read(names: &str, options: &str, row: &str) -> Result<pb::Contract, String> {
    let (mut mapping, header) = mapping(names, options).unwrap();
    let record = [StringRecord::from(row.split(',').collect::<Vec<_>>())];
    let mut row = Row::new(&header, &record);
    let facts = mapping.read(&mut row).ok_or_else(|| row.into_reason());
    facts.map(|mut facts| facts.remove(0))
}

const NAMES: &str = "customer_id,contract_id,started_on,period,price,cost,ended_on,effective_on";

#[test]
fn a_row_is_a_contract_with_its_days_period_and_prices() {
    let row = "c,k-1,01.02.2024,yearly,120,30.5,2026-02-01,2025-12-24";
    let contract = read(NAMES, "--currency EUR --source erp", row).unwrap();
    let expected = pb::Contract {
        customer_id: "c".into(),
        source: "erp".into(),
        contract_id: "k-1".into(),
        started_on: "2024-02-01".into(),
        period_months: 12,
        price: Some(pb::Money {
            amount_minor: 12_000,
            currency: "EUR".into(),
        }),
        cost_minor: Some(3_050),
        ended_on: "2026-02-01".into(),
        effective_on: "2025-12-24".into(),
        ..Default::default()
    };
    assert_eq!(contract, expected);
}

#[test]
fn the_period_of_a_row_stands_before_that_of_the_option() {
    let period = |options: &str, period: &str| {
        let row = format!("c,k,2024-02-01,{period},120,,,");
        read(NAMES, options, &row).map(|contract| contract.period_months)
    };
    assert_eq!(period("--currency EUR --period 3", "monthly"), Ok(1));
    assert_eq!(period("--currency EUR --period quarterly", ""), Ok(3));
    assert_eq!(period("--currency EUR", "24"), Ok(24));
    assert!(
        period("--currency EUR", "")
            .unwrap_err()
            .contains("period is empty")
    );
    for wrong in ["0", "121", "-1", "1.5", "often"] {
        let reason = period("--currency EUR", wrong).unwrap_err();
        assert!(reason.contains("not a period"), "{wrong}: {reason}");
    }
    let without = "customer_id,contract_id,started_on,price";
    let error = mapping(without, "--currency EUR").unwrap_err();
    assert!(
        error.lines()[0].contains("renewal period"),
        "{:?}",
        error.lines()
    );
    assert!(mapping(without, "--period 1").is_err(), "no currency");
    assert!(mapping(without, "--period 1 --currency EUR").is_ok());
}

#[test]
fn everything_wrong_with_a_row_is_said() {
    let reason = read(NAMES, "--currency EUR", ",,,1,,-1,,").unwrap_err();
    for part in [
        "customer_id: is empty",
        "contract_id: is empty",
        "first day is empty",
        "price is empty",
        "cannot be negative",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    let row = "c,k,2024-02-01,1,5,,2024-01-31,2024-01-30";
    let reason = read(NAMES, "--currency EUR", row).unwrap_err();
    assert!(
        reason.contains("the end, 2024-01-31, is before"),
        "{reason}"
    );
    assert!(
        reason.contains("applies from, 2024-01-30, is before"),
        "{reason}"
    );
}
