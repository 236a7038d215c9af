use clap::Parser;
use csv::StringRecord;

use super::super::input::open_csv;
use super::*;
use crate::pb::attribute_value::Value;
use crate::pb::identifier::Identifier as Known;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: CustomersArgs,
}

fn mapping(names: &str, options: &str) -> Result<(CustomerMapping, Header), CliError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.csv");
    std::fs::write(&path, format!("{names}\n")).unwrap();
    let (_, header) = open_csv(&path, None)?;
    let line = format!("import f.csv {options}");
    let line = Line::try_parse_from(line.split_whitespace()).unwrap();
    Ok((CustomerMapping::new(&line.args, &header)?, header))
}

fn read(names: &str, options: &str, row: &[&str]) -> Result<pb::CustomerPatch, String> {
    let (mut mapping, header) = mapping(names, options).unwrap();
    let record = [StringRecord::from(row.to_vec())];
    let mut row = Row::new(&header, &record);
    let facts = mapping.read(&mut row).ok_or_else(|| row.into_reason());
    facts.map(|mut facts| facts.remove(0))
}

#[test]
fn a_customer_is_read_with_names_and_typed_attributes() {
    let options = "--external-column crm=crm_no --attribute vip=vip:bool --attribute points=points:int \
        --attribute rate=rate:number --attribute born=born:day --attribute limit=limit:money \
        --attribute labels=labels:tags --attribute city=city --observed-column seen --currency EUR --source crm";
    let patch = read(
        "customer_id,name,phone,email,crm_no,kind,vip,points,rate,born,limit,labels,city,seen",
        options,
        &[
            "c-1",
            "Ada",
            "0049 30 23125001",
            "ada@example.org",
            "17",
            "Company",
            "yes",
            "42",
            "0.5",
            "1.2.1990",
            "10.50 USD",
            "a;b",
            "Ulm",
            "2024-01-01",
        ],
    )
    .unwrap();
    assert_eq!(patch.kind(), pb::CustomerKind::Company);
    assert_eq!(patch.display_name.as_deref(), Some("Ada"));
    let known: Vec<Known> = patch
        .add_identifiers
        .into_iter()
        .filter_map(|one| one.identifier)
        .collect();
    assert_eq!(
        known,
        [
            Known::PhoneNumber("+493023125001".into()),
            Known::Email("ada@example.org".into()),
            Known::ExternalId(pb::ExternalId {
                system: "crm".into(),
                id: "17".into()
            }),
        ]
    );
    let values: Vec<Value> = patch
        .attributes
        .iter()
        .filter_map(|one| one.value.clone())
        .collect();
    assert_eq!(
        values,
        [
            Value::BoolValue(true),
            Value::IntValue(42),
            Value::DoubleValue(0.5),
            Value::DayValue("1990-02-01".into()),
            Value::MoneyValue(pb::Money {
                amount_minor: 1_050,
                currency: "USD".into()
            }),
            Value::TagsValue(pb::TagSet {
                tags: vec!["a".into(), "b".into()]
            }),
            Value::TextValue("Ulm".into()),
        ]
    );
    assert_eq!(patch.attributes[0].observed_on, "2024-01-01");
    assert_eq!(patch.attributes[0].source, "crm");
}

#[test]
fn empty_cells_change_nothing() {
    let patch = read(
        "customer_id,name,phone,email,points",
        "--attribute points=points:int",
        &["c-1", "", "", "", ""],
    )
    .unwrap();
    assert_eq!(patch.display_name, None);
    assert_eq!(patch.kind(), pb::CustomerKind::Unspecified);
    assert!(patch.add_identifiers.is_empty());
    assert!(patch.attributes.is_empty());
}

#[test]
fn every_wrong_cell_of_a_row_is_named() {
    let reason = read(
        "customer_id,phone,email,kind,vip,limit,rate",
        "--attribute vip=vip:bool --attribute limit=limit:money --attribute rate=rate:number",
        &[
            "c-1",
            "030 1234567",
            "nobody",
            "robot",
            "maybe",
            "12.50",
            "inf",
        ],
    )
    .unwrap_err();
    for part in [
        "phone: ",
        "email: \"nobody\" is not an e-mail address",
        "kind: \"robot\" is not a kind of customer",
        "vip: \"maybe\" is neither true nor false",
        "the currency is empty",
        "rate: \"inf\" is not a number",
    ] {
        assert!(reason.contains(part), "{part} in {reason}");
    }
}

#[test]
fn attributes_need_a_proper_name_a_column_and_a_known_type() {
    let names = "customer_id,a:b,points";
    assert!(mapping(names, "--attribute Points=points").is_err());
    assert!(mapping(names, "--attribute points=nowhere").is_err());
    assert!(mapping(names, "--attribute points=points:float").is_err());
    assert!(mapping(names, "--attribute points=a:b").is_ok());
    assert!(mapping(names, "--external-column crm=nowhere").is_err());
}

const DOCUMENT: &str = r"
value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
attributes:
  city: {family: offered_services, type: one_of, values: [Berlin, Ulm], description: {en: City, de: Stadt}}
  points: {family: offered_services, type: whole, description: {en: Points, de: Punkte}}
  since: {family: behaviour, type: day, description: {en: Since, de: Seit}}
tiers: [{name: all}]
schemes: {}
treatments: {tiers: {all: {sla: {response: 1 h}, queue: a}, UNRATED: {sla: {response: 1 h}, queue: a}}}
";

#[test]
fn a_value_that_contradicts_the_definitions_costs_its_cell() {
    let options = "--attribute city=city --attribute points=points:number --attribute age=age:int";
    let (mut mapping, header) = mapping("customer_id,phone,city,points,age", options).unwrap();
    mapping.hold_against(Box::new(Definitions::read(DOCUMENT).unwrap()));
    let mut read = |cells: [&str; 5]| {
        let record = [StringRecord::from(cells.to_vec())];
        let mut row = Row::new(&header, &record);
        let patch = mapping.read(&mut row).unwrap().remove(0);
        let names = patch.attributes.into_iter().map(|it| it.name);
        (names.collect::<Vec<_>>(), row.wrong_cells().to_vec())
    };
    let (names, wrong) = read(["c-1", "+493023125001", "berlin", "5.5", "7"]);
    assert_eq!(names, ["age"]);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(
        wrong[0].starts_with("city: \"berlin\" is not a value of city, did you mean \"Berlin\""),
        "{wrong:?}"
    );
    assert!(wrong[1].starts_with("points: is a number"), "{wrong:?}");
    let (names, wrong) = read(["c-1", "", "Ulm", "5", "7"]);
    assert_eq!(
        (names, wrong),
        (
            vec!["city".to_owned(), "points".to_owned(), "age".to_owned()],
            vec![]
        )
    );
}

#[test]
fn a_cell_without_a_stated_type_has_that_of_the_definitions() {
    let options = "--attribute since=since --attribute points=points:text --attribute city=city";
    let (mut mapping, header) = mapping("customer_id,since,points,city", options).unwrap();
    mapping.hold_against(Box::new(Definitions::read(DOCUMENT).unwrap()));
    let record = [StringRecord::from(vec!["c-1", "2026-03-01", "5", "Ulm"])];
    let mut row = Row::new(&header, &record);
    let patch = mapping.read(&mut row).unwrap().remove(0);
    let values: Vec<_> = patch
        .attributes
        .into_iter()
        .map(|it| it.value.unwrap())
        .collect();
    let (day, city) = ("2026-03-01".to_owned(), "Ulm".to_owned());
    assert_eq!(values, [Value::DayValue(day), Value::TextValue(city)]);
    // The option's own word counts.
    assert_eq!(row.wrong_cells().len(), 1, "{:?}", row.wrong_cells());
}
