//! Customers, contacts and the days in their cells.

use patron::pb;
use patron::pb::attribute_value::Value;

use super::Office;
use crate::support::messages::{by_email, by_id, by_phone};

const HUBSPOT: &str = "\
Record ID,First Name,Last Name,Email,Phone Number,Birthday,Annual Revenue
101,Ada,A,ada@example.org,'+49 30 23125001,1984-02-03,1.2E6
102,Bea,B,\"bea@example.org;bea2@example.org\",(0)30 23125002,03.04.1955,
103,Cem,C,cem@example.org,+44 (0)20 7946 0001 ext. 12,1969-12-31,250000
104,Dag,D,dag@example.org,tel:+49-30-23125004,,
105,Eve,E,eve@example.org,4.93023E+11,1991-05-06,
106,Fay,F,fay@example.org,+49 030 23125006,,
";

#[tokio::test]
async fn a_wrong_phone_number_costs_its_cell_and_not_the_customer() {
    let office = Office::open().await;
    let printed = office
        .import(
            "customers",
            ("hubspot.csv", HUBSPOT),
            &["--preset", "hubspot", "--phone-numbers", "auto:DE"],
        )
        .await;
    assert_eq!(printed.code, Some(1), "{}", printed.notes);
    let summary = printed.summary();
    assert_eq!(
        (
            &summary["written"],
            &summary["refused"],
            &summary["refused_cells"]
        ),
        (&6.into(), &0.into(), &2.into())
    );
    for part in [
        "line 6: Phone Number: \"4.93023E+11\" is a number that a spreadsheet shortened",
        "line 7: Phone Number: \"+49 030 23125006\"",
    ] {
        assert!(printed.notes.contains(part), "{part} in {}", printed.notes);
    }
    let remarks = summary["remarks"].as_object().unwrap();
    let [(remark, count)] = &remarks.iter().collect::<Vec<_>>()[..] else {
        panic!("{remarks:?}");
    };
    assert_eq!(**count, 1);
    assert!(remark.contains("extensions of phone numbers"), "{remark}");
    assert_identifiers(&office).await;
    assert_birthdays(&office).await;
    let ada = office.customer(by_id("101")).await;
    assert_eq!(ada.display_name, "Ada A");
    let rejected = std::fs::read_to_string(office.path("hubspot.rejected.csv")).unwrap();
    assert_eq!(rejected.lines().count(), 3, "{rejected}");
    // Strictly, the whole row is refused.
    let strict = office
        .import(
            "customers",
            ("hubspot.csv", HUBSPOT),
            &[
                "--preset",
                "hubspot",
                "--phone-numbers",
                "auto:DE",
                "--strict",
            ],
        )
        .await;
    assert_eq!(strict.summary()["refused"], 2, "{}", strict.notes);
}

async fn assert_identifiers(office: &Office) {
    for (number, id) in [
        ("+493023125001", "101"),
        ("+493023125002", "102"),
        ("+442079460001", "103"),
        ("+493023125004", "104"),
    ] {
        assert_eq!(office.customer(by_phone(number)).await.customer_id, id);
    }
    for (address, id) in [
        ("bea@example.org", "102"),
        ("bea2@example.org", "102"),
        ("fay@example.org", "106"),
    ] {
        assert_eq!(office.customer(by_email(address)).await.customer_id, id);
    }
}

async fn assert_birthdays(office: &Office) {
    for (id, birthday) in [
        ("101", Some("1984-02-03")),
        ("102", Some("1955-04-03")),
        ("103", Some("1969-12-31")),
        ("104", None),
        ("105", Some("1991-05-06")),
    ] {
        let customer = office.customer(by_id(id)).await;
        let found = customer.attributes.iter().find(|it| it.name == "birthday");
        let found = found.and_then(|it| it.value.clone());
        assert_eq!(
            found,
            birthday.map(|day| Value::DayValue(day.to_owned())),
            "{id}"
        );
    }
}

const LOCAL_MIDNIGHT: &str = "\
customer_id,since,seen
k1,2026-03-01T00:00:00+01:00,2026-11-21T00:30:00+01:00
k2,2026-02-28T23:00:00Z,2026-11-20T23:30:00Z
";

#[tokio::test]
async fn a_day_of_an_instant_is_that_of_the_deployment_in_every_column() {
    let office = Office::open().await;
    let options = [
        "--attribute",
        "since=since:day",
        "--observed-column",
        "seen",
    ];
    let printed = office
        .import("customers", ("midnight.csv", LOCAL_MIDNIGHT), &options)
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    for id in ["k1", "k2"] {
        let customer = office.customer(by_id(id)).await;
        let since = &customer.attributes[0];
        assert_eq!(
            since.value,
            Some(Value::DayValue("2026-03-01".to_owned())),
            "{id}"
        );
        assert_eq!(since.observed_on, "2026-11-21", "{id}");
    }
    let contracts =
        "customer_id,contract_id,started_on,period,price\nk1,A-1,2026-03-01T00:00:00+01:00,1,5\n";
    let printed = office
        .import(
            "contracts",
            ("contracts.csv", contracts),
            &["--currency", "EUR"],
        )
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert_eq!(printed.summary()["first_day"], "2026-03-01");
    let rates = "date,from,to,rate\n2026-02-28T23:00:00Z,USD,EUR,0.9\n";
    let printed = office.import("rates", ("rates.csv", rates), &[]).await;
    assert_eq!(
        printed.summary()["first_day"],
        "2026-03-01",
        "{}",
        printed.notes
    );
}

const ZENDESK: &str = "\
Id,Requester id,Subject,Via,Created at,Group,Status
31,9001,\"Broken
handle\",Web form,2026-04-01 08:00:00 UTC,Support,Closed
32,9001,Invoice question,Phone call (inbound),2026-04-02 08:00:00 UTC,Billing,Solved
33,9002,Delivery,Mail,2026-04-02 22:30:00 UTC,Support,Open
";

#[tokio::test]
async fn tickets_of_zendesk_are_contacts_on_their_days_and_channels() {
    let office = Office::open().await;
    let crlf = ZENDESK.replace('\n', "\r\n");
    let printed = office
        .import("contacts", ("zendesk.csv", crlf), &["--preset", "zendesk"])
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws(' ', customer_id, contact_id, (date '1970-01-01' + day)::text, channel, topic)
         FROM contacts ORDER BY contact_id",
    )
    .fetch_all(&office.service.pool)
    .await
    .unwrap();
    assert_eq!(
        found,
        [
            "9001 31 2026-04-01 web Broken handle",
            "9001 32 2026-04-02 phone Invoice question",
            "9002 33 2026-04-03 email Delivery",
        ]
    );
}

#[tokio::test]
async fn a_row_replaces_the_identifiers_of_its_source_where_asked() {
    let office = Office::open().await;
    let first = "customer_id,phone,email\n\
                 ada,+493023125001,ada@example.org\n\
                 bea,+493023125002,bea@example.org\n\
                 cem,+493023125003,\n";
    // Ada moved, Bea has no number any more, and what Cem's cell means nobody knows.
    let second = "customer_id,phone,email\n\
                  ada,+493023125009,\n\
                  bea,,\n\
                  cem,4.93023E+11,\n";
    let plain = office
        .import("customers", ("crm.csv", first), &["--source", "crm"])
        .await;
    assert_eq!(plain.code, Some(0), "{}", plain.notes);
    let other = "customer_id,phone\nbea,+493023125005\n";
    let other = office
        .import("customers", ("shop.csv", other), &["--source", "shop"])
        .await;
    assert_eq!(other.code, Some(0), "{}", other.notes);
    let options = ["--source", "crm", "--replace", "phones"];
    let replaced = office
        .import("customers", ("crm2.csv", second), &options)
        .await;
    assert_eq!(replaced.code, Some(1), "{}", replaced.notes);
    for (number, owner) in [
        ("+493023125001", None),
        ("+493023125009", Some("ada")),
        ("+493023125002", None),
        ("+493023125005", Some("bea")),
        ("+493023125003", Some("cem")),
    ] {
        let found = office.service.find_customer(by_phone(number)).await.ok();
        let found = found.map(|customer| customer.customer_id);
        assert_eq!(found.as_deref(), owner, "{number}");
    }
    assert_eq!(office.with_email("ada@example.org").await, "ada");
    let nothing = office
        .import(
            "customers",
            ("ids.csv", "customer_id\nada\n"),
            &["--replace", "emails"],
        )
        .await;
    assert_eq!(nothing.code, Some(64), "{}", nothing.notes);
    assert!(
        nothing.notes.contains("--email-column"),
        "{}",
        nothing.notes
    );
}

#[tokio::test]
async fn channels_that_the_definitions_do_not_list_are_recorded_and_told() {
    let office = Office::open().await;
    let document = include_str!("../../../examples/definitions.yaml").to_owned();
    let publish = pb::PublishDefinitionsRequest {
        document,
        note: String::new(),
        expected_revision: None,
    };
    let mut definitions = office.service.definitions();
    definitions.publish_definitions(publish).await.unwrap();
    let calls = "customer_id,date,channel\nada,2026-03-01,phone\nada,2026-03-02,fone\nbea,2026-03-02,fone\n";
    let printed = office
        .import("contacts", ("calls.csv", calls), &["--source", "acd"])
        .await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    let summary = printed.summary();
    assert_eq!(summary["written"], 3);
    let warnings = summary["warnings"].as_object().unwrap();
    let [(warning, count)] = &warnings.iter().collect::<Vec<_>>()[..] else {
        panic!("{warnings:?}");
    };
    assert!(
        warning.starts_with("\"fone\" is not a channel"),
        "{warning}"
    );
    assert_eq!(**count, 2);
}
