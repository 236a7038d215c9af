//! Numbering plans of the world: which country codes there are, how long numbers are, which prefixes a region dials.
//!
//! The one place that knows the library: a port of Google's libphonenumber. Every call into it is bounded by the callers' limit on
//! length, and its tables are unpacked once, at the first number: some 10 ms, so the process reads one before it serves.

use std::{fmt, sync::LazyLock};

use rlibphonenumber::{
    CountryCodeSource, ExtractNumberError, NotANumberError, NumberLengthType, PHONE_NUMBER_UTIL,
    ParseError, PhoneNumberFormat, ValidationError,
};

use super::number::PhoneNumber;

/// Version of the numbering plans, as libphonenumber counts it. It changes what is valid, so answers name it.
pub const METADATA_VERSION: &str = "9.0.42";

/// Most digits of a number, country code included (ITU-T E.164, 6.2). Some plans have longer ones, which no network carries abroad.
const MAX_DIGITS: usize = 15;

/// What is dialled before a number of another area, by country code, where it is not only 0.
const OTHER_TRUNK_PREFIXES: [(i32, &str); 7] = [
    (1, "1"),
    (7, "8"),
    (36, "06"),
    (370, "8"),
    (375, "8"),
    (992, "8"),
    (993, "8"),
];

/// A region with a numbering plan, by its two letters (ISO 3166-1, and a few more that libphonenumber knows).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region(rlibphonenumber::Region);

impl Region {
    /// The region of two letters, in either case; `None` for one without a numbering plan.
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        let region = rlibphonenumber::Region::from_code(code).ok()?;
        let is_known = PHONE_NUMBER_UTIL
            .get_country_code_for_region(region)
            .is_some();
        is_known.then_some(Self(region))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_region_str().as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why digits are not a phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotAssigned {
    /// Not digits with the usual separators.
    NotANumber,
    /// No country has the code.
    CountryCode,
    /// Fewer digits than any number of the country.
    TooShort,
    /// More digits than any number of the country.
    TooLong,
    /// As many digits as no number of the country has.
    Length,
}

/// What a number began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// `+`.
    Plus,
    /// What is dialled in the region before a country code.
    InternationalPrefix,
    /// The country code of the region.
    CountryCode,
    /// None of these.
    National,
}

/// A number as the plan of its country has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assigned {
    /// The canonical form.
    pub(super) number: PhoneNumber,
    /// The country code.
    pub(super) country_code: i32,
    /// The digits after it.
    national: String,
    /// What it was read from began with.
    pub(super) beginning: Beginning,
    /// An extension within the premises.
    pub(super) extension: Option<String>,
    /// Whether it lies in a range that is in use.
    pub(super) is_valid: bool,
}

/// Reads a number with `+`, or of a region as it is dialled there.
pub(super) fn read(text: &str, region: Option<Region>) -> Result<Assigned, NotAssigned> {
    let numbers = &*PHONE_NUMBER_UTIL;
    let number = numbers.parse_and_keep_raw_input(text, region.map(|region| region.0))?;
    match numbers.is_possible_number_with_reason(&number)? {
        NumberLengthType::IsPossible => {}
        NumberLengthType::IsPossibleLocalOnly => return Err(NotAssigned::TooShort),
    }
    let canonical = numbers.format(&number, PhoneNumberFormat::E164);
    if canonical.len() > 1 + MAX_DIGITS {
        return Err(NotAssigned::TooLong);
    }
    Ok(Assigned {
        number: PhoneNumber::from_canonical(&canonical),
        country_code: number.country_code,
        national: rlibphonenumber::get_national_significant_number_owned(&number),
        beginning: match number.country_code_source() {
            CountryCodeSource::FromNumberWithPlusSign => Beginning::Plus,
            CountryCodeSource::FromNumberWithIdd => Beginning::InternationalPrefix,
            CountryCodeSource::FromNumberWithoutPlusSign => Beginning::CountryCode,
            CountryCodeSource::FromDefaultCountry | CountryCodeSource::Unspecified => {
                Beginning::National
            }
        },
        is_valid: numbers.is_valid_number(&number),
        extension: number.extension,
    })
}

impl Assigned {
    /// What is dialled only within the country, if `digits`, those that the number was read from, have it behind the country code.
    ///
    /// Other prefixes that reading drops are no mistake: mobile numbers of Mexico were once called with a 1 behind +52.
    pub(super) fn trunk_prefix_in(&self, digits: &str) -> Option<&'static str> {
        let others = OTHER_TRUNK_PREFIXES.iter();
        let others = others.filter(|(code, _)| *code == self.country_code);
        let prefixes = others.map(|(_, prefix)| *prefix).chain(["0"]);
        prefixes.into_iter().find(|prefix| {
            let wrong = format!("{}{prefix}{}", self.country_code, self.national);
            digits.contains(&wrong)
        })
    }
}

impl From<ParseError> for NotAssigned {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::InvalidCountryCode => Self::CountryCode,
            ParseError::TooShortAfterIdd | ParseError::TooShortNsn => Self::TooShort,
            ParseError::TooLongNsn => Self::TooLong,
            ParseError::NotANumber(
                NotANumberError::NotMatchedValidNumberPattern
                | NotANumberError::InvalidPhoneContext
                | NotANumberError::FailedToParseNumberAsInt(_)
                | NotANumberError::FailedToExtractNumber(
                    ExtractNumberError::NoValidStartCharacter | ExtractNumberError::NotANumber,
                ),
            ) => Self::NotANumber,
        }
    }
}

impl From<ValidationError> for NotAssigned {
    fn from(error: ValidationError) -> Self {
        match error {
            ValidationError::InvalidCountryCode => Self::CountryCode,
            ValidationError::TooShort => Self::TooShort,
            ValidationError::InvalidLength => Self::Length,
            ValidationError::TooLong => Self::TooLong,
        }
    }
}

/// Unpacks the tables, so that no caller waits for it.
pub fn warm() {
    LazyLock::force(&PHONE_NUMBER_UTIL);
}
