use super::*;

fn plan(text: &str) -> NumberPlan {
    text.parse()
        .unwrap_or_else(|error| panic!("{text} {error}"))
}

#[track_caller]
fn check(plan_text: &str, text: &str, expected: Result<(&str, &str), NumberError>) {
    let read = plan(plan_text).read(text).map(|reading| match reading {
        Reading::Number(reading) => {
            let form = match reading.form {
                NumberForm::Plus => "+".to_owned(),
                NumberForm::InternationalPrefix => "prefix".to_owned(),
                NumberForm::WithoutPlus => "bare".to_owned(),
                NumberForm::National(region) => region.to_string(),
            };
            (reading.number.as_str().to_owned(), form)
        }
        Reading::Ambiguous(readings) => {
            let numbers: Vec<&str> = readings.iter().map(|it| it.number.as_str()).collect();
            (numbers.join(" "), "ambiguous".to_owned())
        }
        Reading::Withheld => (String::new(), "withheld".to_owned()),
    });
    let expected = expected.map(|(number, form)| (number.to_owned(), form.to_owned()));
    assert_eq!(read, expected, "{plan_text} {text:?}");
}

#[test]
fn plans_have_a_text_form() {
    for text in [
        "e164",
        "e164_no_plus",
        "national:DE",
        "international_prefix:00",
        "auto",
        "auto:US",
    ] {
        assert_eq!(plan(text).to_string(), text);
    }
    assert_eq!(plan("national: de").to_string(), "national:DE");
    for (text, error) in [
        ("", NumberPlanError::Unknown),
        ("E.164", NumberPlanError::Unknown),
        ("national", NumberPlanError::Region),
        ("national:Germany", NumberPlanError::Region),
        ("national:ZZ", NumberPlanError::Region),
        ("auto:1", NumberPlanError::Region),
        ("international_prefix", NumberPlanError::Prefix),
        ("international_prefix:+", NumberPlanError::Prefix),
        ("international_prefix:123456789", NumberPlanError::Prefix),
    ] {
        assert_eq!(text.parse::<NumberPlan>(), Err(error), "{text}");
    }
}

#[test]
fn a_number_with_a_country_code_is_read_in_all_its_forms() {
    for text in [
        "+4930123456",
        "+49 30 123456",
        "+49 (30) 123-456",
        "+49/30/123456",
        "(+49) 30 123456",
        "(+49) (0)30 123456",
        "tel:030123456;phone-context=+49",
        "<sip: 4930123456@gw>",
        "+49 (0)30 123456",
        "+49(0)30123456",
        "tel:+49-30-123456",
        "sip:+4930123456@10.0.0.1:5060;user=phone",
        "\"Ada\" <sip:+4930123456@gw.example>;tag=x",
        "＋４９３０１２３４５６",
        " 4930123456",
        "*31#+4930123456",
    ] {
        for plan in ["e164", "e164_no_plus", "national:DE", "auto", "auto:DE"] {
            check(plan, text, Ok(("+4930123456", "+")));
        }
    }
    check("e164", "0049 30 123456", Ok(("+4930123456", "prefix")));
    check("e164", "00 49 (0)30 123456", Ok(("+4930123456", "prefix")));
    let extension = plan("e164").read("tel:+49-30-123456;ext=9").unwrap();
    let Reading::Number(extension) = extension else {
        panic!("{extension:?}");
    };
    assert_eq!(extension.number.as_str(), "+4930123456");
    assert_eq!(extension.extension.as_deref(), Some("9"));
    assert!(extension.is_valid);
}

#[test]
fn the_plan_of_the_source_decides_what_digits_mean() {
    check("e164_no_plus", "4930123456", Ok(("+4930123456", "bare")));
    check("e164_no_plus", "12025550123", Ok(("+12025550123", "bare")));
    check("e164", "4930123456", Err(NumberError::NoCountryCode));
    check("national:DE", "030 123456", Ok(("+4930123456", "DE")));
    check(
        "national:DE",
        "0044 20 7031 3000",
        Ok(("+442070313000", "prefix")),
    );
    check("national:US", "(202) 555-0123", Ok(("+12025550123", "US")));
    check(
        "national:US",
        "011 49 30 123456",
        Ok(("+4930123456", "prefix")),
    );
    check("national:IT", "06 69812345", Ok(("+390669812345", "IT")));
    check("national:GB", "020 7031 3000", Ok(("+442070313000", "GB")));
    let behind = "international_prefix:00";
    check(behind, "00 4930 123456", Ok(("+4930123456", "prefix")));
    check(behind, "+4930123456", Ok(("+4930123456", "+")));
    check(
        behind,
        "030123456",
        Err(NumberError::MissingPrefix("00".into())),
    );
    check(
        "international_prefix:9011",
        "9-011-4930123456",
        Ok(("+4930123456", "prefix")),
    );
}

#[test]
fn without_a_plan_several_readings_are_possible() {
    // Berlin as it is dialled in Germany; and nowhere else a number.
    check("auto:DE", "030 12345678", Ok(("+493012345678", "DE")));
    // A German mobile number without its +, or a number within Germany that begins with 4915.
    check(
        "auto:DE",
        "4915112345678",
        Ok(("+494915112345678 +4915112345678", "ambiguous")),
    );
    check("auto:DE", "4930123456", Ok(("+4930123456", "bare")));
    check("auto", "12025550123", Ok(("+12025550123", "bare")));
    check("auto:US", "011 49 30 123456", Ok(("+4930123456", "prefix")));
    check("auto", "030 12345678", Err(NumberError::NoReading));
}

#[test]
fn a_number_that_cannot_exist_is_refused_with_what_is_wrong() {
    let trunk_prefix = |prefix, country_code| {
        Err(NumberError::TrunkPrefix {
            prefix,
            country_code,
        })
    };
    for plan in ["e164", "e164_no_plus", "national:DE", "auto"] {
        check(plan, "+49 030 123456", trunk_prefix("0", 49));
    }
    check("e164", "0049030123456", trunk_prefix("0", 49));
    check("national:DE", "0049030123456", trunk_prefix("0", 49));
    check("e164", "+7 8 495 123-45-67", trunk_prefix("8", 7));
    check("e164", "+44 (020) 7031 3000", trunk_prefix("0", 44));
    check("e164", "+370 0 612 34567", trunk_prefix("0", 370));
    // Where the zero belongs to the number.
    check("e164", "+39 (0)6 69812345", Ok(("+390669812345", "+")));
    check("e164", "+225 (0)7 07123456", Ok(("+2250707123456", "+")));
    check("e164", "+39 06 69812345", Ok(("+390669812345", "+")));

    check("e164", "+49301", Err(NumberError::TooShort));
    check("e164", "+1202555012", Err(NumberError::TooShort));
    check("e164", "+120255501234", Err(NumberError::TooLong));
    check("e164", "+4930123456789012345", Err(NumberError::TooLong));
    check("e164", "+49123456789012345", Err(NumberError::TooLong));
    check("e164", "+9991234567", Err(NumberError::CountryCode));
    check("e164", "+0301234567", Err(NumberError::CountryCode));
    check(
        "e164_no_plus",
        "030123456",
        Err(NumberError::NationalNumber),
    );
    check("e164", "201", Err(NumberError::NoCountryCode));
    check("national:DE", "20", Err(NumberError::TooShort));
    for text in ["alice", "sip:alice@example.com", "-", "+"] {
        check("e164", text, Err(NumberError::NotANumber));
    }
    check("e164", "sip:gw.example", Err(NumberError::NoUser));
}

#[test]
fn where_a_number_is_needed_nothing_else_will_do() {
    let e164 = plan("e164");
    assert_eq!(e164.number("anonymous"), Err(NumberError::Withheld));
    assert_eq!(
        plan("auto:DE").number("4915112345678"),
        Err(NumberError::Ambiguous(2))
    );
    assert_eq!(
        e164.number("+49 30 123456").unwrap().as_str(),
        "+4930123456"
    );
}

#[test]
fn a_number_outside_the_known_ranges_is_read_and_marked() {
    // Germany has no area code 0100; the length is possible.
    let Ok(Reading::Number(reading)) = plan("e164").read("+49100123456") else {
        panic!("not read");
    };
    assert!(!reading.is_valid);
}

#[test]
fn the_version_of_the_numbering_plans_is_that_of_the_library() {
    // The library states it in its documentation only; a person who updates it looks there.
    let lock = include_str!("../../../../Cargo.lock");
    let (_, after) = lock.split_once("name = \"rlibphonenumber\"\n").unwrap();
    assert!(
        after.starts_with("version = \"2.2.15\""),
        "rlibphonenumber was updated: set METADATA_VERSION to what its Readme states"
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}", at in 0_usize..6) {
        let plans = ["e164", "e164_no_plus", "national:DE", "international_prefix:00", "auto", "auto:US"];
        let plan = plan(plans[at]);
        if let Ok(Reading::Number(reading)) = plan.read(&text) {
            // A canonical number is read as itself.
            let number = NumberPlan::E164.number(reading.number.as_str());
            proptest::prop_assert_eq!(number, Ok(reading.number));
        }
    }

    /// What one plan found to be a canonical number is read the same way by all, from the numbering plans and from memory.
    #[test]
    fn a_number_is_read_the_same_again_under_every_plan(text in "\\+(49|39|44|1|33|420|353)[0-9]{4,12}") {
        let plans = ["e164", "e164_no_plus", "national:DE", "international_prefix:00", "auto", "auto:US"];
        let anew: Vec<_> = plans.iter().map(|name| plan(name).read_anew(&text)).collect();
        for (name, anew) in plans.iter().zip(&anew) {
            proptest::prop_assert_eq!(&plan(name).read(&text), anew, "{}", name);
        }
        for (name, anew) in plans.iter().zip(&anew) {
            proptest::prop_assert_eq!(&plan(name).read(&text), anew, "{} again", name);
        }
    }
}

/// Against Google's Python port; `tests/reference/phone_numbers.py` says how the rows were made.
#[test]
fn reference_numbers_are_read_alike() {
    let own = include_str!("../../../../tests/reference/phone_numbers.csv").to_owned();
    let rows = match std::env::var_os("PATRON_NUMBER_FORMS") {
        Some(path) => std::fs::read_to_string(path).unwrap(),
        None => own,
    };
    let mut rows = csv::Reader::from_reader(rows.as_bytes());
    let (mut count, mut wrong) = (0, vec![]);
    for row in rows.records() {
        let row = row.unwrap();
        let (plan_text, text) = (&row[0], &row[1]);
        let expected = (!row[2].is_empty()).then(|| (row[2].to_owned(), &row[3] == "true"));
        let read = match plan(plan_text).read(text) {
            Ok(Reading::Number(it)) => Some((it.number.as_str().to_owned(), it.is_valid)),
            Ok(Reading::Ambiguous(_) | Reading::Withheld) | Err(_) => None,
        };
        count += 1;
        if read != expected {
            wrong.push(format!("{plan_text} {text:?}: {read:?}, not {expected:?}"));
        }
    }
    assert!(count >= 300, "{count} rows");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
