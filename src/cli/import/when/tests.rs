use jiff::civil::date;

use super::*;

fn in_format(text: &str, formats: &[&str]) -> Result<When, String> {
    let dates = Dates {
        formats: formats.iter().map(|format| (*format).to_owned()).collect(),
        ..Dates::default()
    };
    dates.when(text)
}

#[test]
fn days_are_read_in_the_usual_forms() {
    for text in [
        "2024-02-01",
        "20240201",
        "2024/02/01",
        "2024/2/1",
        "01.02.2024",
        "1.2.2024",
        " 2024-02-01 ",
        "1 Feb 2024",
        "Feb 1, 2024",
        "01-Feb-2024",
        "February 1, 2024",
        "1. Februar 2024",
        "Thu, 01 Feb 2024",
        "2024 Feb 01",
    ] {
        assert_eq!(parse_when(text), Ok(When::Day(date(2024, 2, 1))), "{text}");
    }
    assert_eq!(
        parse_when("3. M\u{e4}rz 2024"),
        Ok(When::Day(date(2024, 3, 3)))
    );
    assert_eq!(parse_when("15-Okt-2024"), Ok(When::Day(date(2024, 10, 15))));
}

#[test]
fn a_time_with_a_zone_is_an_instant_and_without_one_a_local_time() {
    let instant = When::Instant("2024-02-01T13:45:00Z".parse().unwrap());
    for text in [
        "2024-02-01T13:45:00Z",
        "2024-02-01T14:45:00+01:00",
        "2024-02-01 14:45:00+0100",
        "2024-02-01 14:45:00 +01:00",
        "2024-02-01 08:45:00 -0500",
        "2024-02-01 14:45:00+01",
        "2024-02-01 13:45:00 UTC",
        "2024-02-01t13:45:00z",
        "2024-02-01T13:45:00.000+0000",
        "Thu, 01 Feb 2024 13:45:00 GMT",
    ] {
        assert_eq!(parse_when(text), Ok(instant), "{text}");
        let normalised = parse_when(text).unwrap().normalised();
        assert_eq!(normalised, "2024-02-01T13:45:00Z");
    }
    let local = When::Local(date(2024, 2, 1).at(13, 45, 0, 0));
    for text in [
        "2024-02-01 13:45",
        "2024-02-01 13:45:00",
        "2024-02-01T13:45:00.000",
        "01.02.2024 13:45",
        "20240201 13:45",
        "2024-02-01 1:45 PM",
        "Feb 1, 2024, 1:45:00 pm",
    ] {
        assert_eq!(parse_when(text), Ok(local), "{text}");
    }
    assert_eq!(local.instant(), None);
    let midnight = parse_when("2024-02-01 12:05 AM").unwrap();
    assert_eq!(midnight, When::Local(date(2024, 2, 1).at(0, 5, 0, 0)));
}

#[test]
fn an_ambiguous_day_is_refused_until_the_format_is_given() {
    let reason = parse_when("01/02/2024").unwrap_err();
    assert!(reason.contains("--date-format"), "{reason}");
    assert!(parse_when("25/02/2024").is_err());
    assert_eq!(
        in_format("01/02/2024", &["%d/%m/%Y"]),
        Ok(When::Day(date(2024, 2, 1)))
    );
    assert_eq!(
        in_format("1/2/2024 8:26", &["%m/%d/%Y %H:%M"]),
        Ok(When::Local(date(2024, 1, 2).at(8, 26, 0, 0)))
    );
}

#[test]
fn a_file_may_have_several_formats_and_seconds_since_1970() {
    let instant = When::Instant("2024-02-01T13:45:00Z".parse().unwrap());
    let formats = ["%d/%m/%Y", "epoch", "usual"];
    assert_eq!(in_format("1706795100", &formats), Ok(instant));
    assert_eq!(
        in_format("01/02/2024", &formats),
        Ok(When::Day(date(2024, 2, 1)))
    );
    assert_eq!(
        in_format("2024-02-01", &formats),
        Ok(When::Day(date(2024, 2, 1)))
    );
    assert_eq!(in_format("1706795100000", &["epoch-ms"]), Ok(instant));
    assert_eq!(in_format("1706795100.0", &["epoch"]), Ok(instant));
    assert!(in_format("soon", &formats).unwrap_err().contains("none of"));
    assert!(
        in_format("soon", &["epoch"])
            .unwrap_err()
            .contains("seconds since 1970")
    );
}

#[test]
fn a_day_of_an_instant_is_that_of_the_deployments_zone() {
    let dates = |zone: Option<&str>| Dates {
        deployment: zone.map(|zone| TimeZone::get(zone).unwrap()),
        ..Dates::default()
    };
    let berlin = dates(Some("Europe/Berlin"));
    let first_of_march = Ok(date(2026, 3, 1));
    assert_eq!(berlin.day("2026-03-01T00:00:00+01:00"), first_of_march);
    assert_eq!(berlin.day("2026-02-28T23:00:00Z"), first_of_march);
    assert_eq!(berlin.day("2026-03-01 23:59"), first_of_march);
    assert_eq!(berlin.day("1969-12-31"), Ok(date(1969, 12, 31)));
    let reason = dates(None).day("2026-02-28T23:00:00Z").unwrap_err();
    assert!(reason.contains("deployment's time zone"), "{reason}");
    assert_eq!(dates(None).day("2026-03-01"), first_of_march);
}

#[test]
fn times_without_a_zone_are_those_of_the_file_where_it_is_stated() {
    let dates = Dates {
        file_zone: Some(TimeZone::UTC),
        ..Dates::default()
    };
    let instant = When::Instant("2026-02-01T23:30:00Z".parse().unwrap());
    assert_eq!(dates.when("2026-02-01 23:30"), Ok(instant));
    assert_eq!(dates.when("2026-02-01"), Ok(When::Day(date(2026, 2, 1))));
}

#[test]
fn what_is_no_day_is_refused() {
    for text in [
        "",
        "yesterday",
        "2024-02-30",
        "2024-13-01",
        "45292",
        "1969-12-31",
        "2024-02",
        "24-02-01",
        "2024-02-01 25:00",
        "2024-02-01Tnoon",
        "2024-02-01 13:45 PM",
        "20240230",
        "9999999999",
        "\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}\u{ff18}",
        "2024-300-01",
        "30 Feb 2024",
        "Feb 2024",
        "1 Feb 24",
    ] {
        assert!(parse_when(text).is_err(), "{text}");
    }
}

#[test]
fn a_format_must_state_the_whole_day() {
    for sound in [
        "%d/%m/%Y",
        "%Y-%m-%dT%H:%M:%S%z",
        "epoch",
        "epoch-ms",
        "usual",
    ] {
        assert!(check_format(sound).is_ok(), "{sound}");
    }
    assert!(check_format("%d/%m").is_err());
    assert!(check_format("nonsense").is_err());
    assert!(check_format("%!").is_err());
}
