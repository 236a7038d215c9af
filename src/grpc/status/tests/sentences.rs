//! Every error that a caller can get, with its longest values: whole, short enough to read, and each part once.

mod customers;

use std::{collections::BTreeSet, iter, sync::Arc};

use jiff::Timestamp;

use super::*;
use crate::cli::error::CliError;
use crate::domain::{
    calendar::{Day, DayError},
    clv::{
        fit::{FitError, covariates::CovariateError},
        model::ModelFamily,
        parameters::ParameterError,
    },
    customer::IdentifierError,
    money::UnknownCurrency,
    rates::RateError,
    telephony::plan::NumberError,
    text::{CustomerId, TextError},
};
use crate::service::lane::LaneError;
use crate::service::models::RunningFit;
use crate::store::error::StoreError;

/// Most bytes of a sentence: [`details`] cuts what is longer.
const SENTENCE_BYTES: usize = 256;

/// The last number that [`number`] gives.
const LAST: usize = 44;

/// A number for each kind of error. A new kind does not compile here until it has one, and a sample below.
fn number(error: &ServiceError) -> usize {
    match error {
        ServiceError::Unavailable(_) => 0,
        ServiceError::Queued(_) => 1,
        ServiceError::TooSlow(_) => 2,
        ServiceError::Contended => 3,
        ServiceError::Lane(LaneError::Overloaded { .. }) => 4,
        ServiceError::Lane(LaneError::Stopping) => 5,
        ServiceError::CustomerNotFound(_) => 6,
        ServiceError::AmbiguousSubject(_) => 7,
        ServiceError::ModelNotFound(_) => 8,
        ServiceError::RevisionNotFound(_) => 9,
        ServiceError::NoDefinitions => 10,
        ServiceError::SegmentNotFound(_) => 11,
        ServiceError::SchemeNotFound(_) => 12,
        ServiceError::TierNotFound(_) => 13,
        ServiceError::FitRunning(_) => 14,
        ServiceError::RequestIdReused(_) => 15,
        ServiceError::NoCovariatesKnown { .. } => 16,
        ServiceError::NoEarlierModel => 17,
        ServiceError::ActiveVersionDiffers { .. } => 18,
        ServiceError::NotConverged(_) => 19,
        ServiceError::NotCovariates(_) => 20,
        ServiceError::NothingToFit(_) => 21,
        ServiceError::EvaluationRunning(_) => 22,
        ServiceError::NothingToEvaluate(_) => 23,
        ServiceError::EmptyHoldout { .. } => 24,
        ServiceError::DayAhead { .. } => 25,
        ServiceError::VersionFittedLater { .. } => 26,
        ServiceError::NoActiveModel => 27,
        ServiceError::OutcomeDiffers(_) => 28,
        ServiceError::NoReportingCurrency => 29,
        ServiceError::NoTargetChannel => 30,
        ServiceError::TooManyCustomers { .. } => 31,
        ServiceError::NotConvertible { .. } => 32,
        ServiceError::ImportNotFound(_) => 33,
        ServiceError::ImportUndone(_) => 34,
        ServiceError::Correction(error) => customers::number(error),
        ServiceError::ActiveRevisionDiffers { .. } => LAST - 2,
        ServiceError::TokenNotFound(_) => LAST - 1,
        ServiceError::Internal(_) => LAST,
    }
}

/// The errors of a fit, with their longest values.
fn fit_errors() -> Vec<FitError> {
    let name = "n".repeat(64);
    let all = vec![
        FitError::NoCustomers,
        FitError::NoRepeatOrders {
            customers: u64::MAX,
        },
        FitError::NoSpend,
        FitError::NoRenewalsDue {
            contracts: u64::MAX,
        },
        FitError::NoFiniteLikelihood,
        FitError::Covariates(CovariateError::NotFinite {
            name,
            value: f64::NEG_INFINITY,
        }),
        FitError::Parameter(ParameterError {
            name: "alpha",
            value: -f64::MAX,
        }),
    ];
    for error in &all {
        // A new kind of error needs a sample above.
        match error {
            FitError::NoCustomers
            | FitError::NoRepeatOrders { .. }
            | FitError::NoSpend
            | FitError::NoRenewalsDue { .. }
            | FitError::NoFiniteLikelihood
            | FitError::Covariates(_)
            | FitError::Parameter(_) => {}
        }
    }
    all
}

/// Every kind of error with its longest values.
fn samples() -> Vec<ServiceError> {
    let day = Day::from_number(20_000).unwrap();
    let name = || "n".repeat(64);
    let away = || Arc::new(StoreError::Unavailable(sqlx::Error::PoolClosed));
    let id = CustomerId::new(&"i".repeat(128)).unwrap();
    let mut all = vec![
        ServiceError::Unavailable(away()),
        ServiceError::Queued(away()),
        ServiceError::TooSlow(Some(away())),
        ServiceError::Contended,
        ServiceError::Lane(LaneError::Overloaded {
            retry_after: Duration::MAX,
        }),
        ServiceError::Lane(LaneError::Stopping),
        ServiceError::CustomerNotFound("phone number"),
        ServiceError::AmbiguousSubject(vec![id.clone(); 3]),
        ServiceError::ModelNotFound(i64::MIN),
        ServiceError::RevisionNotFound(i64::MIN),
        ServiceError::ActiveRevisionDiffers {
            expected: i64::MIN,
            active: i64::MAX,
        },
        ServiceError::ImportNotFound("i".repeat(64).into()),
        ServiceError::TokenNotFound("f".repeat(16)),
        ServiceError::ImportUndone("i".repeat(64).into()),
        ServiceError::NoDefinitions,
        ServiceError::SegmentNotFound(format!("{}/{}", name(), name())),
        ServiceError::SchemeNotFound(name()),
        ServiceError::TierNotFound(name()),
        ServiceError::FitRunning(Box::new(RunningFit {
            kind: ModelFamily::ParetoNbd,
            until: day,
            since: Timestamp::MAX,
            request_id: Some(name().into()),
        })),
        ServiceError::RequestIdReused(name().into()),
        ServiceError::NoCovariatesKnown {
            customers: u64::MAX,
        },
        ServiceError::NoEarlierModel,
        ServiceError::ActiveVersionDiffers {
            from: i64::MIN,
            active: Some(i64::MIN),
        },
        ServiceError::NotConverged(i64::MIN),
        ServiceError::NotCovariates(vec![(Some(7), name()), (None, name())]),
        ServiceError::EvaluationRunning(format!("an evaluation of {}, split on {day}", name())),
        ServiceError::NothingToEvaluate(format!("no person or company had bought by {day}")),
        ServiceError::EmptyHoldout {
            split: day,
            until: day,
        },
        ServiceError::DayAhead {
            field: "until",
            day,
            today: day,
        },
        ServiceError::VersionFittedLater {
            version: i64::MIN,
            until: day,
            split: day,
        },
        ServiceError::NoActiveModel,
        ServiceError::Internal("cause".into()),
    ];
    all.extend(fit_errors().into_iter().map(ServiceError::NothingToFit));
    all.extend(customers::errors(&id).map(ServiceError::from));
    all.extend(desk_errors());
    all
}

/// The errors of the service desk.
fn desk_errors() -> [ServiceError; 5] {
    [
        ServiceError::OutcomeDiffers(vec![
            "occurred_time",
            "channel",
            "topic",
            "queue",
            "agent",
            "transferred",
            "resolved_at_first_contact",
            "satisfaction",
            "effort",
            "duration_seconds",
        ]),
        ServiceError::NoReportingCurrency,
        ServiceError::NoTargetChannel,
        ServiceError::TooManyCustomers {
            field: "tickets",
            fitting: usize::MAX,
        },
        ServiceError::NotConvertible {
            field: "hypothetical.other_cost_per_month",
            from: "USD".parse().unwrap(),
            to: "EUR".parse().unwrap(),
        },
    ]
}

/// That a text arrives whole and is short enough.
#[track_caller]
fn check_whole(text: &str) {
    assert!(!text.contains('…'), "cut: {text}");
    assert!(text.len() <= SENTENCE_BYTES, "{} bytes: {text}", text.len());
}

/// That no line and no clause of what a person reads is there twice.
#[track_caller]
fn check_once(lines: &[String]) {
    let mut seen = BTreeSet::new();
    for line in lines {
        let line = line.trim().trim_start_matches("error: ");
        let (sentence, _) = line.rsplit_once(" (").unwrap_or((line, ""));
        assert!(
            !seen.iter().any(|one: &String| one.contains(sentence)),
            "twice: {sentence}\n{lines:#?}"
        );
        seen.insert(sentence.to_owned());
    }
    for line in lines {
        let clauses: Vec<_> = line
            .split(": ")
            .filter(|clause| clause.len() > 12)
            .collect();
        let unique: BTreeSet<_> = clauses.iter().collect();
        assert_eq!(unique.len(), clauses.len(), "{line}");
    }
}

#[test]
fn every_error_of_a_use_case_arrives_whole_and_once() {
    let samples = samples();
    let seen: BTreeSet<_> = samples.iter().map(number).collect();
    assert_eq!(seen, (0..=LAST).collect(), "a kind without a sample");
    for error in samples {
        let status = Status::from(error);
        check_whole(status.message());
        let violations = status.get_details_bad_request();
        for violation in violations.iter().flat_map(|it| &it.field_violations) {
            check_whole(&violation.description);
        }
        check_once(&CliError::from(status).lines());
    }
}

#[test]
fn every_description_of_a_refused_field_arrives_whole() {
    let long = "n".repeat(40);
    let days = [
        DayError::NotADay(long.clone()),
        DayError::OutOfRange(long.clone()),
    ];
    let days = days.iter().map(|error| match error {
        DayError::NotADay(_) | DayError::OutOfRange(_) => error.to_string(),
    });
    let texts = [
        TextError::Empty,
        TextError::TooLong {
            actual: usize::MAX,
            limit: usize::MAX,
        },
        TextError::Character(0x10_FFFF),
        TextError::Untrimmed,
    ];
    let texts = texts.iter().map(|error| match error {
        TextError::Empty
        | TextError::TooLong { .. }
        | TextError::Character(_)
        | TextError::Untrimmed => error.to_string(),
    });
    let identifiers = [
        IdentifierError::Email,
        IdentifierError::Text(TextError::Untrimmed),
    ];
    let identifiers = identifiers.iter().map(|error| match error {
        IdentifierError::PhoneNumber(_) | IdentifierError::Email | IdentifierError::Text(_) => {
            error.to_string()
        }
    });
    let rates = [
        RateError::NotADecimal(long.clone()),
        RateError::NotPositive(long.clone()),
        RateError::TooLong(long.clone()),
    ];
    let rates = rates.iter().map(|error| match error {
        RateError::NotADecimal(_) | RateError::NotPositive(_) | RateError::TooLong(_) => {
            error.to_string()
        }
    });
    let currency: Result<crate::domain::money::Currency, UnknownCurrency> = long.parse();
    let all = days
        .chain(texts)
        .chain(identifiers)
        .chain(number_sentences())
        .chain(rates);
    for description in all.chain(iter::once(currency.unwrap_err().to_string())) {
        let violations = vec![Violation::new("subject.phone_number", description)];
        let status = invalid_argument("INVALID_REQUEST", violations);
        check_whole(status.message());
        check_once(&CliError::from(status).lines());
    }
}

#[test]
fn an_error_of_the_command_line_names_each_cause_once() {
    let cause = StoreError::Unavailable(sqlx::Error::Io(std::io::Error::other("no route")));
    let samples = [
        CliError::usage("--split: not a day"),
        CliError::failed("no facts").with_hint("import some".to_owned()),
        CliError::from_cause(cause),
        CliError::Unreachable {
            endpoint: format!("http://{}:50051", "h".repeat(120)),
            cause: "connection refused".to_owned(),
            hint: String::new(),
        },
        CliError::from(unavailable("OVERLOADED", "later", Duration::MAX)),
        CliError::BrokenPipe,
        CliError::Reported,
        CliError::NotOne,
        CliError::Stopped,
    ];
    for error in samples {
        match error {
            CliError::Usage { .. }
            | CliError::Failed { .. }
            | CliError::Unreachable { .. }
            | CliError::Rpc { .. }
            | CliError::BrokenPipe
            | CliError::Reported
            | CliError::NotOne
            | CliError::Stopped => {}
        }
        let lines = error.lines();
        for line in &lines {
            check_whole(line);
        }
        check_once(&lines);
    }
}

/// What is wrong with phone numbers.
fn number_sentences() -> Vec<String> {
    let numbers = [
        NumberError::TextTooLong {
            actual: usize::MAX,
            limit: usize::MAX,
        },
        NumberError::NotANumber,
        NumberError::NoUser,
        NumberError::NoCountryCode,
        NumberError::CountryCode,
        NumberError::NationalNumber,
        NumberError::TrunkPrefix {
            prefix: "06",
            country_code: 999,
        },
        NumberError::MissingPrefix("9".repeat(8).into()),
        NumberError::TooShort,
        NumberError::TooLong,
        NumberError::Length,
        NumberError::NoReading,
        NumberError::Ambiguous(usize::MAX),
        NumberError::Withheld,
    ];
    let sentences = numbers.iter().map(|error| match error {
        NumberError::TextTooLong { .. }
        | NumberError::NotANumber
        | NumberError::NoUser
        | NumberError::NoCountryCode
        | NumberError::CountryCode
        | NumberError::NationalNumber
        | NumberError::TrunkPrefix { .. }
        | NumberError::MissingPrefix(_)
        | NumberError::TooShort
        | NumberError::TooLong
        | NumberError::Length
        | NumberError::NoReading
        | NumberError::Ambiguous(_)
        | NumberError::Withheld => error.to_string(),
    });
    sentences.collect()
}
