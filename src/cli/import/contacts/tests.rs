use csv::StringRecord;

use super::*;

fn mapping(names: &str, options: &str) -> Result<(ContactMapping, Header), CliError> {
    use clap::Parser as _;
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ContactsArgs,
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.csv");
    std::fs::write(&path, format!("{names}\n")).unwrap();
    let (_, header) = crate::cli::import::input::open_csv(&path, None)?;
    let line = format!("import f.csv {options}");
    let line = Line::try_parse_from(line.split_whitespace()).unwrap();
    Ok((ContactMapping::new(&line.args, &header)?, header))
}

#[test]
fn a_contact_is_read_with_channel_duration_and_cost() {
    let (mut mapping, header) = mapping(
        "customer_id,date,channel,duration,cost,outcome,topic",
        "--currency EUR --channel phone --source acd",
    )
    .unwrap();
    let record = [StringRecord::from(vec![
        "c-1",
        "2024-02-01 10:00",
        "",
        "02:05",
        "4.5",
        "resolved",
        "late\nbill",
    ])];
    let mut row = Row::new(&header, &record);
    let fact = mapping.read(&mut row).unwrap().remove(0);
    // A line break in what a person wrote stays out of the topic.
    assert_eq!(fact.topic, "late bill");
    assert_eq!(fact.channel, "phone");
    assert_eq!(fact.duration_seconds, Some(125));
    assert_eq!(fact.cost.unwrap().amount_minor, 450);
    assert_eq!(
        fact.when,
        Some(pb::contact::When::OccurredOn("2024-02-01".into()))
    );
    assert_eq!(fact.contact_id.len(), 32);
}

#[test]
fn costs_need_a_currency_and_contacts_a_channel() {
    assert!(mapping("customer_id,date,channel,cost", "").is_err());
    assert!(mapping("customer_id,date", "").is_err());
    assert!(mapping("customer_id,date,channel", "").is_ok());
}

#[test]
fn a_row_may_take_a_contact_back_and_then_needs_no_channel() {
    let names = "customer_id,date,contact_id,retracts_contact_id";
    let (mut mapping, header) = mapping(names, "--source acd").unwrap();
    let mut read = |cells: [&str; 4]| {
        let record = [StringRecord::from(cells.to_vec())];
        let mut row = Row::new(&header, &record);
        let facts = mapping.read(&mut row).ok_or_else(|| row.into_reason())?;
        Ok::<_, String>(facts[0].clone())
    };
    let fact = read(["c-1", "2024-02-01", "k-2", "k-1"]).unwrap();
    assert_eq!((&*fact.retracts_contact_id, &*fact.channel), ("k-1", ""));
    let refused = read(["c-1", "2024-02-01", "k-3", ""]).unwrap_err();
    assert_eq!(refused, "the channel is empty");
}

#[test]
fn durations_are_seconds_or_clock_times() {
    for (text, seconds) in [
        ("90", 90),
        ("01:30", 90),
        ("1:00:00", 3_600),
        ("604800", 604_800),
    ] {
        assert_eq!(parse_duration(text), Ok(seconds), "{text}");
    }
    for text in [
        "",
        "-1",
        "1.5",
        "1:60",
        "1:2:3:4",
        "604801",
        "99999999999",
        "99999999:00:00",
    ] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}
