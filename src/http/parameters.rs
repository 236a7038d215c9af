//! From the parameters of a request to a contact: what telephone systems send, under the names that they have for it.

use std::{borrow::Cow, fmt};

use crate::{
    api::{
        answers::routed::RouteMask,
        contacts::{self, MAX_DIALLED_BYTES},
        violations::Violations,
    },
    pb::{self, route_contact_request::Caller, subject::Subject as Name},
    service::answer::route::Contact,
};

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// JSON with lists and objects.
    #[default]
    Json,
    /// JSON, one object from text to text: contact attributes of Amazon Connect, data actions of Genesys.
    Flat,
    /// `key=value&key=value`: `HASH(CURL(...))` of Asterisk.
    Pairs,
}

/// The language of texts in formats that have one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German, or English where there is none.
    German,
}

/// What a request asks.
#[derive(Debug)]
pub struct Asked {
    /// The contact.
    pub contact: Contact,
    /// Which fields are wanted.
    pub mask: RouteMask,
    /// In which form.
    pub format: Format,
    /// In which language.
    pub language: Language,
}

/// What is wrong with a request, as a sentence for each parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterError(pub Vec<String>);

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Most parameters that are looked at: Twilio sends some forty.
const MAX_PARAMETERS: usize = 200;

/// Names of the caller's number, as systems have them: the first that has a value counts.
const NUMBER: [&str; 6] = ["number", "caller", "From", "callerid", "ani", "ANI"];

/// Names of the number that was dialled: the first that has a value counts.
const DIALLED: [&str; 5] = ["dialled_number", "To", "called", "dnid", "dnis"];

/// The other parameters.
const OTHERS: [&str; 14] = [
    "email",
    "asserted_identity",
    "remote_party_id",
    "from_header",
    "privacy",
    "trunk",
    "number_plan",
    "claim",
    "claim_system",
    "channel",
    "intent",
    "fields",
    "format",
    "lang",
];

/// Whether a parameter is understood.
pub(super) fn is_known(name: &str) -> bool {
    NUMBER.contains(&name) || DIALLED.contains(&name) || OTHERS.contains(&name)
}

/// All of them.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NUMBER.into_iter().chain(DIALLED).chain(OTHERS)
}

/// Reads what is asked from pairs of names and values. Names that nobody knows are left out: systems send what they have.
///
/// # Errors
/// What is wrong, for every parameter.
pub(super) fn read<'a>(
    pairs: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
) -> Result<Asked, ParameterError> {
    let mut request = pb::RouteContactRequest::default();
    let mut form = Form::default();
    let mut numbers: [Option<String>; NUMBER.len()] = Default::default();
    let mut dialled: [String; DIALLED.len()] = Default::default();
    let (mut email, mut sip) = (None, pb::SipHeaders::default());
    let (mut claim, mut claimed_system) = (None, None);
    let mut wrong = vec![];
    for (at, (name, value)) in first_values(pairs).enumerate() {
        if at == MAX_PARAMETERS {
            wrong.push(format!("more than {MAX_PARAMETERS} parameters"));
            break;
        }
        if let Some(alias) = NUMBER.iter().position(|alias| *alias == name) {
            numbers[alias] = Some(value.into_owned());
            continue;
        }
        if let Some(alias) = DIALLED.iter().position(|alias| *alias == name) {
            dialled[alias] = value.into_owned();
            continue;
        }
        match &*name {
            "email" => email = Some(value.into_owned()),
            "asserted_identity" => sip.asserted_identity = value.into_owned(),
            "remote_party_id" => sip.remote_party_id = value.into_owned(),
            "from_header" => sip.from = value.into_owned(),
            "privacy" => sip.privacy = value.into_owned(),
            "trunk" => request.trunk = value.into_owned(),
            "number_plan" => request.number_plan = value.into_owned(),
            "claim" => claim = Some(value.into_owned()),
            "channel" => request.channel = value.into_owned(),
            "intent" => request.intent = value.into_owned(),
            "claim_system" => claimed_system = Some(value.into_owned()),
            "fields" => request.read_mask = Some(mask(&value)),
            "format" | "lang" => {
                if let Err(error) = form.set(&name, &value) {
                    wrong.push(error);
                }
            }
            _ => {}
        }
    }
    let is_given = |number: &&Option<String>| number.as_deref().is_some_and(|it| !it.is_empty());
    let given = numbers
        .iter()
        .find(is_given)
        .or(numbers.iter().find(|it| it.is_some()));
    let number = given.cloned().flatten();
    // What is too long for a number is none of the definitions: a proxy may send an address with parameters, or a list of them.
    let is_number = |number: &String| !number.is_empty() && number.len() <= MAX_DIALLED_BYTES;
    let mut dialled = dialled.into_iter().filter(is_number);
    request.dialled_number = dialled.next().unwrap_or_default();
    request.caller = caller(number, email, sip);
    request.claim = claimed(claim, claimed_system);
    let mut violations = Violations::default();
    let (contact, mask) = contacts::contact(&request, &mut violations.at(""));
    for violation in violations.into_vec() {
        let field = parameter_of(&violation.field);
        wrong.push(format!("{field}: {}", violation.description));
    }
    if wrong.is_empty() {
        Ok(Asked {
            contact,
            mask,
            format: form.format,
            language: form.language,
        })
    } else {
        Err(ParameterError(wrong))
    }
}

/// Without the later values of a name: what a caller appends to a value of theirs replaces nothing.
fn first_values<'a>(
    pairs: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
    let mut seen: Vec<Cow<'a, str>> = vec![];
    pairs.into_iter().filter(move |(name, _)| {
        let is_first = !is_known(name) || !seen.contains(name);
        if is_first && is_known(name) {
            seen.push(name.clone());
        }
        is_first
    })
}

/// The form of the answer.
#[derive(Default)]
struct Form {
    format: Format,
    language: Language,
}

impl Form {
    /// Sets what a parameter states, or returns what is wrong with it.
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match (name, value) {
            ("format", "json") => self.format = Format::Json,
            ("format", "flat") => self.format = Format::Flat,
            ("format", "kv") => self.format = Format::Pairs,
            ("format", other) => return Err(format!("format: {other:?} is not json, flat or kv")),
            (_, "en") => self.language = Language::English,
            (_, "de") => self.language = Language::German,
            (_, other) => return Err(format!("lang: {other:?} is not en or de")),
        }
        Ok(())
    }
}

/// The fields that are named with commas between them.
fn mask(value: &str) -> prost_types::FieldMask {
    let paths = value.split(',').map(|path| path.trim().to_owned());
    prost_types::FieldMask {
        paths: paths.filter(|path| !path.is_empty()).collect(),
    }
}

/// Who calls: by headers, a number or an address, in this order. A number that is given besides headers is what the trunk made of them; besides
/// `privacy` alone it is what the caller's device says.
fn caller(
    number: Option<String>,
    email: Option<String>,
    mut sip: pb::SipHeaders,
) -> Option<Caller> {
    if let Some(number) = &number
        && !sip.privacy.is_empty()
        && sip.from.is_empty()
    {
        sip.from.clone_from(number);
    }
    let headers = [&sip.asserted_identity, &sip.remote_party_id, &sip.from];
    if headers.iter().any(|value| !value.is_empty()) {
        return Some(Caller::Sip(sip));
    }
    let email = || {
        Some(Caller::Subject(pb::Subject {
            subject: Some(Name::Email(email?)),
        }))
    };
    number.map(Caller::Number).or_else(email)
}

/// Who the caller says they are.
fn claimed(id: Option<String>, system: Option<String>) -> Option<pb::Subject> {
    let id = id.filter(|id| !id.is_empty())?;
    let subject = match system.filter(|system| !system.is_empty()) {
        Some(system) => Name::ExternalId(pb::ExternalId { system, id }),
        None => Name::CustomerId(id),
    };
    Some(pb::Subject {
        subject: Some(subject),
    })
}

/// The parameter that a field of the message was read from.
fn parameter_of(field: &str) -> &str {
    match field {
        "read_mask" => "fields",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::answer::route::Caller;

    fn asked(query: &str) -> Result<Asked, ParameterError> {
        read(form_urlencoded::parse(query.as_bytes()))
    }

    #[test]
    fn a_number_is_found_under_the_names_that_systems_have_for_it() {
        for query in [
            "number=%2B4930123456",
            "caller=%2B4930123456",
            "From=%2B4930123456&CallSid=CA1&Direction=inbound",
            "ani=%2B4930123456&trunk=",
        ] {
            let contact = asked(query).unwrap().contact;
            assert_eq!(
                contact.caller,
                Some(Caller::Number("+4930123456".to_owned())),
                "{query}"
            );
        }
        // What decoding a form makes of a plus is the domain's to mend.
        let contact = asked("number=+4930123456").unwrap().contact;
        assert_eq!(
            contact.caller,
            Some(Caller::Number(" 4930123456".to_owned()))
        );
        assert_eq!(asked("").unwrap().contact.caller, None);
        // An alias that is empty hides no other one.
        for query in ["From=%2B49301&caller=", "ani=&number=&From=%2B49301"] {
            let contact = asked(query).unwrap().contact;
            assert_eq!(contact.caller, Some(Caller::Number("+49301".to_owned())));
        }
        let many = "x=1&".repeat(201);
        assert_eq!(asked(&many).unwrap_err().0, ["more than 200 parameters"]);
    }

    #[test]
    fn the_first_value_of_a_name_counts() {
        let injected =
            "asserted_identity=&from_header=sip:x&asserted_identity=%2B49301&format=kv&format=xml";
        let contact = asked(injected).unwrap().contact;
        assert!(matches!(
            contact.caller,
            Some(Caller::Sip { from, asserted_identity, .. })
                if from == "sip:x" && asserted_identity.is_empty()
        ));
        let first = asked("number=%2B49301&number=%2B49302").unwrap().contact;
        assert_eq!(first.caller, Some(Caller::Number("+49301".to_owned())));
    }

    #[test]
    fn a_dialled_number_that_is_none_costs_no_answer() {
        let long = format!("number=%2B49301&To={}&dnid=4711", "a%40b,".repeat(100));
        let contact = asked(&long).unwrap().contact;
        assert_eq!(contact.dialled_number.as_deref(), Some("4711"));
    }

    #[test]
    fn privacy_counts_beside_a_number_too() {
        let contact = asked("number=%2B493023125001&privacy=id").unwrap().contact;
        assert!(matches!(
            contact.caller,
            Some(Caller::Sip { from, privacy, .. })
                if from == "+493023125001" && privacy == "id"
        ));
    }

    #[test]
    fn headers_come_before_a_number() {
        let contact = asked("number=anonymous&asserted_identity=%3Ctel:%2B49301%3E&privacy=id");
        let contact = contact.unwrap().contact;
        assert!(matches!(
            contact.caller,
            Some(Caller::Sip { asserted_identity, privacy, .. })
                if asserted_identity == "<tel:+49301>" && privacy == "id"
        ));
    }

    #[test]
    fn every_mistake_is_named() {
        let error = asked("format=xml&lang=fr&number_plan=german&fields=queue,treatment");
        assert_eq!(
            error.unwrap_err().0,
            [
                "format: \"xml\" is not json, flat or kv",
                "lang: \"fr\" is not en or de",
                "number_plan: is not a number plan: write e164, e164_no_plus, national:REGION, international_prefix:DIGITS, \
                 auto or auto:REGION",
                "fields: has no field queue: name treatment, customer, candidates, candidate_count, shared, question, number, \
                 identified_by, provenance, claim_error, decision, times",
            ]
        );
    }
}
