//! How a source writes phone numbers, and how they are read by it.

use std::{fmt, str::FromStr};

use super::{
    assigned::{self, Assigned, Beginning, NotAssigned, Region},
    known,
    number::PhoneNumber,
    written::{Written, take_apart},
};

/// How a source (a trunk, an export, a form) writes phone numbers.
///
/// Its text form, as settings and definitions have it, is that of [`fmt::Display`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum NumberPlan {
    /// `e164`: with `+` and country code. `00` in place of `+` is understood, for no country code begins with 0.
    #[default]
    E164,
    /// `e164_no_plus`: the same digits, `+` may be missing. What most SIP trunks send.
    E164NoPlus,
    /// `national:DE`: as dialled in the region, and international numbers as dialled from there.
    National(Region),
    /// `international_prefix:00`: as dialled, international numbers only, behind this prefix.
    InternationalPrefix(Box<str>),
    /// `auto` or `auto:DE`: every reading that gives a valid number; several make the number ambiguous.
    Auto(Option<Region>),
}

/// How a number was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberForm {
    /// With `+` and country code.
    Plus,
    /// With the prefix that is dialled before a country code.
    InternationalPrefix,
    /// With the country code and nothing before it.
    WithoutPlus,
    /// As dialled within the region.
    National(Region),
}

/// A number that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberReading {
    /// The number.
    pub number: PhoneNumber,
    /// How it was written.
    pub form: NumberForm,
    /// The extension behind it, which is no part of the number.
    pub extension: Option<Box<str>>,
    /// Whether it lies in a range that is known to be in use. New ranges come into use before they are known, so a number of a
    /// possible length is read all the same.
    pub is_valid: bool,
}

/// What a text says of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// This number.
    Number(NumberReading),
    /// One of several, the likeliest form first; only under [`NumberPlan::Auto`].
    Ambiguous(Vec<NumberReading>),
    /// That the caller is not shown.
    Withheld,
}

/// Why a text is not a phone number. No variant holds the number, which must not reach a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Longer than any way to write one.
    #[error("is {actual} bytes long; at most {limit} are allowed")]
    TextTooLong {
        /// Length in bytes.
        actual: usize,
        /// Greatest length in bytes.
        limit: usize,
    },
    /// Letters, or nothing that begins a number.
    #[error("is not a phone number: write + and the country code, for example +4930123456")]
    NotANumber,
    /// The URI of a host.
    #[error(
        "is a SIP address without a user: send the address of the caller, for example sip:+4930123456@host"
    )]
    NoUser,
    /// No `+`, and the plan does not say which country.
    #[error("has no country code: write it with +, for example +4930123456")]
    NoCountryCode,
    /// A country code that is not assigned.
    #[error("begins with a country code that does not exist")]
    CountryCode,
    /// A zero where the country code should begin.
    #[error("begins with 0, as no country code does: it is written as dialled within a country")]
    NationalNumber,
    /// A prefix that is only dialled within the country.
    #[error("has the trunk prefix {prefix} after the country code {country_code}: remove it")]
    TrunkPrefix {
        /// The prefix.
        prefix: &'static str,
        /// The country code.
        country_code: i32,
    },
    /// The prefix of the plan is missing.
    #[error("does not begin with {0}, the international prefix of the source, nor with +")]
    MissingPrefix(Box<str>),
    /// Too few digits.
    #[error("has fewer digits than any phone number of the country")]
    TooShort,
    /// Too many digits.
    #[error("has more digits than any phone number of the country")]
    TooLong,
    /// A number of digits between.
    #[error("has a number of digits that no phone number of the country has")]
    Length,
    /// No reading gives a number in use.
    #[error("is not a valid number, however it is read")]
    NoReading,
    /// Several readings, where exactly one number is needed.
    #[error("can be read as {0} different numbers: write it with + and country code")]
    Ambiguous(usize),
    /// A withheld number, where a number is needed.
    #[error("means a withheld number, which identifies no customer")]
    Withheld,
}

/// Why a text is not a [`NumberPlan`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberPlanError {
    /// Not one of the plans.
    #[error(
        "is not a number plan: write e164, e164_no_plus, national:REGION, international_prefix:DIGITS, auto or auto:REGION"
    )]
    Unknown,
    /// A region that has no plan.
    #[error(
        "names no region with a numbering plan: write two letters, for example DE (ISO 3166-1)"
    )]
    Region,
    /// Not a prefix.
    #[error("has a prefix that is not 1 to 8 digits, for example international_prefix:00")]
    Prefix,
}

impl NumberPlan {
    /// Reads a number as the source writes it: alone, with separators and extension, in a `tel:` or `sip:` URI, with a display name.
    ///
    /// # Errors
    /// When it is no number, or one that cannot exist, by the numbering plans of [`super::METADATA_VERSION`].
    pub fn read(&self, text: &str) -> Result<Reading, NumberError> {
        // Under every plan, `+` and a country code are read the same way.
        if known::contains(text) {
            return Ok(Reading::Number(NumberReading::of_canonical(text)));
        }
        let reading = self.read_anew(text)?;
        if let Reading::Number(reading) = &reading
            && *reading == NumberReading::of_canonical(text)
        {
            known::note(text);
        }
        Ok(reading)
    }

    fn read_anew(&self, text: &str) -> Result<Reading, NumberError> {
        let written = match take_apart(text)? {
            Written::Withheld => return Ok(Reading::Withheld),
            Written::Number(written) => written,
        };
        match self {
            Self::E164 => international(&written, Self::exact),
            Self::E164NoPlus => international(&written, Self::without_plus),
            Self::National(region) => national(&written, *region),
            Self::InternationalPrefix(prefix) => {
                international(&written, |text| Self::behind(prefix, text))
            }
            Self::Auto(region) => return auto(&written, *region),
        }
        .map(Reading::Number)
    }

    /// Reads a number that must be one.
    ///
    /// # Errors
    /// As [`Self::read`], and for withheld and ambiguous numbers.
    pub fn number(&self, text: &str) -> Result<PhoneNumber, NumberError> {
        self.read_one(text).map(|reading| reading.number)
    }

    /// The same with what stands besides it.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub fn read_one(&self, text: &str) -> Result<NumberReading, NumberError> {
        match self.read(text)? {
            Reading::Number(reading) => Ok(reading),
            Reading::Ambiguous(readings) => Err(NumberError::Ambiguous(readings.len())),
            Reading::Withheld => Err(NumberError::Withheld),
        }
    }

    fn exact(text: &str) -> Result<(&str, NumberForm), NumberError> {
        match text.strip_prefix("00") {
            Some(rest) => Ok((rest, NumberForm::InternationalPrefix)),
            None if text.starts_with(|c: char| c.is_ascii_digit() || c == '(') => {
                Err(NumberError::NoCountryCode)
            }
            None => Err(NumberError::NotANumber),
        }
    }

    fn without_plus(text: &str) -> Result<(&str, NumberForm), NumberError> {
        match text.strip_prefix("00") {
            Some(rest) => Ok((rest, NumberForm::InternationalPrefix)),
            None if text.starts_with('0') => Err(NumberError::NationalNumber),
            None => Ok((text, NumberForm::WithoutPlus)),
        }
    }

    fn behind<'a>(prefix: &str, text: &'a str) -> Result<(&'a str, NumberForm), NumberError> {
        let mut rest = text;
        for digit in prefix.chars() {
            let next = rest.trim_start_matches([' ', '\u{a0}', '-', '.', '/', '(', ')']);
            let next = next.strip_prefix(digit);
            rest = next.ok_or_else(|| NumberError::MissingPrefix(prefix.into()))?;
        }
        Ok((rest, NumberForm::InternationalPrefix))
    }
}

/// A number with a country code; `strip` takes off what stands in place of `+`.
fn international(
    text: &str,
    strip: impl for<'a> Fn(&'a str) -> Result<(&'a str, NumberForm), NumberError>,
) -> Result<NumberReading, NumberError> {
    let (digits, form) = match text.strip_prefix('+') {
        Some(rest) => (rest, NumberForm::Plus),
        None => strip(text)?,
    };
    let with_plus = format!("+{digits}");
    let assigned = assigned::read(&with_plus, None)?;
    refuse_trunk_prefix(&with_plus, &assigned)?;
    Ok(NumberReading::new(assigned, form))
}

/// A number as it is dialled in a region.
fn national(text: &str, region: Region) -> Result<NumberReading, NumberError> {
    let assigned = assigned::read(text, Some(region))?;
    let form = match assigned.beginning {
        Beginning::Plus => NumberForm::Plus,
        Beginning::InternationalPrefix => NumberForm::InternationalPrefix,
        Beginning::CountryCode => NumberForm::WithoutPlus,
        Beginning::National => NumberForm::National(region),
    };
    if assigned.beginning != Beginning::National {
        refuse_trunk_prefix(text, &assigned)?;
    }
    Ok(NumberReading::new(assigned, form))
}

/// Every reading that gives a valid number.
fn auto(text: &str, region: Option<Region>) -> Result<Reading, NumberError> {
    if text.starts_with('+') {
        return international(text, NumberPlan::exact).map(Reading::Number);
    }
    let behind = |prefix| international(text, |text| NumberPlan::behind(prefix, text));
    let readings = [
        behind("00"),
        behind("011"),
        region.map_or(Err(NumberError::NoReading), |region| national(text, region)),
        international(text, NumberPlan::without_plus),
    ];
    let mut found: Vec<NumberReading> = Vec::new();
    for reading in readings.into_iter().flatten() {
        let is_new = found.iter().all(|known| known.number != reading.number);
        if reading.is_valid && is_new {
            found.push(reading);
        }
    }
    match found.len() {
        0 => Err(NumberError::NoReading),
        1 => Ok(Reading::Number(found.remove(0))),
        _ => Ok(Reading::Ambiguous(found)),
    }
}

/// Such a number does not exist: who dials it abroad hears so. Reading it all the same would hide that the source is wrong.
///
/// `+49 (0)30` is a way to write a number for callers at home and abroad: the zero in brackets is dialled where it is dialled.
fn refuse_trunk_prefix(text: &str, assigned: &Assigned) -> Result<(), NumberError> {
    if text.contains("(0)") {
        return Ok(());
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match assigned.trunk_prefix_in(&digits) {
        Some(prefix) => Err(NumberError::TrunkPrefix {
            prefix,
            country_code: assigned.country_code,
        }),
        None => Ok(()),
    }
}

impl NumberReading {
    /// That of a text which is the canonical form of a valid number.
    fn of_canonical(text: &str) -> Self {
        Self {
            number: PhoneNumber::from_canonical(text),
            form: NumberForm::Plus,
            extension: None,
            is_valid: true,
        }
    }

    fn new(assigned: Assigned, form: NumberForm) -> Self {
        Self {
            number: assigned.number,
            form,
            extension: assigned.extension.map(Into::into),
            is_valid: assigned.is_valid,
        }
    }
}

impl From<NotAssigned> for NumberError {
    fn from(error: NotAssigned) -> Self {
        match error {
            NotAssigned::NotANumber => Self::NotANumber,
            NotAssigned::CountryCode => Self::CountryCode,
            NotAssigned::TooShort => Self::TooShort,
            NotAssigned::TooLong => Self::TooLong,
            NotAssigned::Length => Self::Length,
        }
    }
}

impl fmt::Display for NumberPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::E164 => f.write_str("e164"),
            Self::E164NoPlus => f.write_str("e164_no_plus"),
            Self::National(region) => write!(f, "national:{region}"),
            Self::InternationalPrefix(prefix) => write!(f, "international_prefix:{prefix}"),
            Self::Auto(None) => f.write_str("auto"),
            Self::Auto(Some(region)) => write!(f, "auto:{region}"),
        }
    }
}

impl FromStr for NumberPlan {
    type Err = NumberPlanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name.trim(), Some(argument.trim())),
            None => (text.trim(), None),
        };
        let region = || {
            let code = argument.ok_or(NumberPlanError::Region)?;
            Region::new(code).ok_or(NumberPlanError::Region)
        };
        match (name, argument) {
            ("e164", None) => Ok(Self::E164),
            ("e164_no_plus", None) => Ok(Self::E164NoPlus),
            ("national", _) => Ok(Self::National(region()?)),
            ("international_prefix", _) => {
                let digits = argument.unwrap_or_default();
                let is_prefix =
                    (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
                is_prefix
                    .then(|| Self::InternationalPrefix(digits.into()))
                    .ok_or(NumberPlanError::Prefix)
            }
            ("auto", None) => Ok(Self::Auto(None)),
            ("auto", Some(_)) => Ok(Self::Auto(Some(region()?))),
            _ => Err(NumberPlanError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests;
