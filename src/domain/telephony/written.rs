//! From what a trunk, a header or a person writes to the number in it: URIs, display names, digits of other scripts, service codes.
//!
//! Nothing here knows numbering plans; what comes out is the text that a [`super::plan::NumberPlan`] reads.

use std::borrow::Cow;

use super::plan::NumberError;

/// Most bytes of a text that is read: a SIP address with a display name.
pub(super) const MAX_BYTES: usize = 256;
/// Most bytes of the number in it: 15 digits with separators and an extension, and room.
const MAX_NUMBER_BYTES: usize = 64;

/// What stands for a caller who is not shown, in lower case, besides an empty text and zeros only.
const WITHHELD: [&str; 12] = [
    "anonymous",
    "asserted",
    "blocked",
    "hidden",
    "no caller id",
    "private",
    "restricted",
    "unavailable",
    "unknown",
    "withheld",
    // "anonymous" on the keys of a telephone, as some networks send it.
    "+266696687",
    "266696687",
];

/// Words before an extension.
const EXTENSIONS: [&str; 4] = ["ext", "extn", "extension", "x"];

/// Codes that are dialled before a number to show or hide it: North America, and GSM (3GPP TS 22.030).
const SERVICE_CODES: [&str; 6] = ["*67", "*82", "*31#", "#31#", "*30#", "#30#"];

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written<'a> {
    /// The caller is not shown.
    Withheld,
    /// A number, in ASCII digits as far as they are known here.
    Number(Cow<'a, str>),
}

/// Takes a text apart.
pub(super) fn take_apart(text: &str) -> Result<Written<'_>, NumberError> {
    if text.len() > MAX_BYTES {
        return Err(NumberError::TextTooLong {
            actual: text.len(),
            limit: MAX_BYTES,
        });
    }
    let number = match address(text)? {
        Address::Withheld => return Ok(Written::Withheld),
        Address::User(user) => subscriber(user),
        Address::Plain(plain) => Cow::Borrowed(plain),
    };
    let number = form_plus(ascii_digits(number));
    let trimmed = number.trim();
    if is_withheld(trimmed) {
        return Ok(Written::Withheld);
    }
    let dialled = form_plus(Cow::Borrowed(without_service_code(trimmed)));
    if dialled.len() > MAX_NUMBER_BYTES {
        return Err(NumberError::TooLong);
    }
    let dialled = without_brackets(dialled);
    if !is_number(&dialled) {
        return Err(NumberError::NotANumber);
    }
    Ok(Written::Number(Cow::Owned(dialled.into_owned())))
}

/// `(+49) 30 ...` is `+49 30 ...`.
fn without_brackets(text: Cow<'_, str>) -> Cow<'_, str> {
    match text
        .strip_prefix("(+")
        .and_then(|rest| rest.split_once(')'))
    {
        Some((code, rest)) => Cow::Owned(format!("+{code} {rest}")),
        None => text,
    }
}

/// Whether a text begins with a number and has no words but that for an extension: the numbering plans read letters as the digits on whose keys
/// they stand, and a name behind a number as more of it.
fn is_number(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c == '+' || c == '(' || c.is_numeric());
    let word_at = text.find(char::is_alphabetic);
    let ends = word_at.is_none_or(|at| {
        let tail = &text[at..];
        let end = tail
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(tail.len());
        let (word, rest) = tail.split_at(end);
        let is_known = EXTENSIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word));
        let digits = rest.trim_start_matches(['.', ':', '=', ' ']);
        is_known && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    });
    begins && ends
}

/// Where the number stands in a text.
enum Address<'a> {
    /// In the user part of a URI, decoded.
    User(Cow<'a, str>),
    /// The text itself.
    Plain(&'a str),
    /// The URI of RFC 3323 for callers who are not shown.
    Withheld,
}

/// Finds the number in a name with an address in `<>`, in a URI (RFC 3261, 19.1; RFC 3966), or `user@host` without a scheme.
fn address(text: &str) -> Result<Address<'_>, NumberError> {
    let inner = match text.rsplit_once('<') {
        Some((_, rest)) => rest.split_once('>').ok_or(NumberError::NotANumber)?.0,
        None => text,
    };
    let trimmed = inner.trim();
    let (scheme, rest) = match trimmed.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme, "tel") => {
            return Ok(Address::User(decoded(rest)?));
        }
        Some((scheme, rest)) if is_scheme(scheme, "sip") || is_scheme(scheme, "sips") => {
            (true, rest)
        }
        _ => (false, trimmed),
    };
    let Some((user, host)) = rest.rsplit_once('@') else {
        // A URI without a user names a gateway.
        return if scheme {
            Err(NumberError::NoUser)
        } else {
            Ok(Address::Plain(inner))
        };
    };
    let host = host.split([';', ':', '?']).next().unwrap_or_default();
    if host.eq_ignore_ascii_case("anonymous.invalid") {
        return Ok(Address::Withheld);
    }
    let user = user.split_once(':').map_or(user, |(user, _password)| user);
    Ok(Address::User(decoded(user)?))
}

fn is_scheme(scheme: &str, name: &str) -> bool {
    scheme.trim().eq_ignore_ascii_case(name)
}

fn decoded(text: &str) -> Result<Cow<'_, str>, NumberError> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| NumberError::NotANumber)
}

/// A number with its parameters (RFC 3966): a context that is the beginning of a number goes before it, an extension stays behind it.
fn subscriber(user: Cow<'_, str>) -> Cow<'_, str> {
    if !user.contains(';') {
        return user;
    }
    let mut parts = user.split(';');
    let number = parts.next().unwrap_or_default().trim();
    let (mut context, mut extension) = ("", String::new());
    for part in parts {
        let Some((name, value)) = part.split_once('=') else {
            continue;
        };
        if name.eq_ignore_ascii_case("phone-context") && value.starts_with('+') {
            context = value;
        } else if name.eq_ignore_ascii_case("ext") {
            extension = format!(";ext={value}");
        }
    }
    match number.strip_prefix('0') {
        _ if number.starts_with('+') || context.is_empty() => {
            Cow::Owned(format!("{number}{extension}"))
        }
        // As it is dialled in the country of the context.
        Some(rest) => Cow::Owned(format!("{context}(0){rest}{extension}")),
        None => Cow::Owned(format!("{context}{number}{extension}")),
    }
}

/// Decoding a form turns `+49` into ` 49`: one blank right before a digit that a country code begins with is a plus.
fn form_plus(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.strip_prefix(' ') {
        Some(rest) if rest.starts_with(|c: char| matches!(c, '1'..='9')) => {
            Cow::Owned(format!("+{rest}"))
        }
        _ => text,
    }
}

/// Full-width, Arabic and Devanagari digits as ASCII; other scripts are left to the numbering plan.
fn ascii_digits(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() {
        return text;
    }
    let ascii = |c: char| match c {
        '\u{FF0B}' => '+',
        '\u{FF10}'..='\u{FF19}' => digit(c, '\u{FF10}'),
        '\u{0660}'..='\u{0669}' => digit(c, '\u{0660}'),
        '\u{06F0}'..='\u{06F9}' => digit(c, '\u{06F0}'),
        '\u{0966}'..='\u{096F}' => digit(c, '\u{0966}'),
        // Marks of direction, which copying from a page brings along.
        '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => ' ',
        other => other,
    };
    Cow::Owned(text.chars().map(ascii).collect())
}

fn digit(c: char, zero: char) -> char {
    char::from_digit(u32::from(c) - u32::from(zero), 10).unwrap_or(c)
}

fn is_withheld(text: &str) -> bool {
    /// Shorter ones are extensions.
    const MIN_ZEROS: usize = 4;
    let is_zeros = text.len() >= MIN_ZEROS && text.bytes().all(|byte| byte == b'0');
    text.is_empty()
        || is_zeros
        || WITHHELD
            .iter()
            .any(|withheld| withheld.eq_ignore_ascii_case(text))
}

/// The number behind a service code that was dialled before it.
fn without_service_code(text: &str) -> &str {
    let behind = SERVICE_CODES
        .iter()
        .find_map(|code| text.strip_prefix(code));
    behind
        .filter(|number| !number.trim().is_empty())
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn number(text: &str) -> String {
        match take_apart(text) {
            Ok(Written::Number(number)) => number.into_owned(),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn a_number_is_found_in_uris_and_names() {
        for (text, found) in [
            ("+4930123456", "+4930123456"),
            ("sip:+4930123456@gw.example;user=phone", "+4930123456"),
            ("SIPS:+4930123456:secret@gw.example:5061", "+4930123456"),
            ("sip:%2B4930123456@gw", "+4930123456"),
            ("\"Ada, B.\" <sip:+4930123456@gw>;tag=1", "+4930123456"),
            ("+4930123456@gw.example", "+4930123456"),
            ("tel:+49-30-123456", "+49-30-123456"),
            ("tel:+49-30-123456;ext=9", "+49-30-123456;ext=9"),
            ("tel:123456;phone-context=+4930", "+4930123456"),
            ("tel:030123456;phone-context=example.com", "030123456"),
            ("sip:030123456;phone-context=+49@gw", "+49(0)30123456"),
            ("sip: 4930123456@gw", "+4930123456"),
            ("<tel: 4930123456>", "+4930123456"),
            (" ４９30123456", "+4930123456"),
            ("*31# 4930123456", "+4930123456"),
            ("(+49) 30 123456", "+49  30 123456"),
            ("+49 30 123456 ext. 9", "+49 30 123456 ext. 9"),
            ("+4930123456x9", "+4930123456x9"),
            (" 4930123456", "+4930123456"),
            ("  030 123456 ", "030 123456"),
            ("＋４９３０１２３４５６", "+4930123456"),
            ("٠٣٠١٢٣٤٥٦", "030123456"),
            ("\u{202a}+4930123456\u{202c}", "+4930123456"),
            ("*6712025550123", "12025550123"),
            ("#31#030123456", "030123456"),
            ("*31#+4930123456", "+4930123456"),
        ] {
            assert_eq!(number(text), found, "{text}");
        }
    }

    #[test]
    fn what_hides_a_caller_is_no_number() {
        for text in [
            "",
            "   ",
            "anonymous",
            "Anonymous",
            "RESTRICTED",
            "unavailable",
            "Unknown",
            "asserted",
            "+266696687",
            "0000000000",
            "sip:anonymous@anonymous.invalid",
            "\"Anonymous\" <sip:+4930123456@ANONYMOUS.invalid>;tag=1",
            "<sip:anonymous@gw.example>",
        ] {
            assert_eq!(take_apart(text), Ok(Written::Withheld), "{text:?}");
        }
    }

    #[test]
    fn what_holds_no_number_says_so() {
        assert_eq!(
            take_apart(&"1".repeat(257)),
            Err(NumberError::TextTooLong {
                actual: 257,
                limit: 256
            })
        );
        assert_eq!(take_apart(&"1".repeat(65)), Err(NumberError::TooLong));
        assert_eq!(take_apart("sip:gw.example"), Err(NumberError::NoUser));
        assert_eq!(take_apart("<sip:1@gw"), Err(NumberError::NotANumber));
        assert_eq!(take_apart("sip:%ff@gw"), Err(NumberError::NotANumber));
        // Words, which the numbering plans would read as digits; and what is not behind a code that is known.
        for text in [
            "030 1234567 Tom",
            "+49 30 123456 privat",
            "+49 30 123456 ext",
            "line2-030123456",
            "sip:user4711@pbx",
            "1-800-FLOWERS",
            "*03023125001",
            "#1234",
            "*67",
            "#31#",
        ] {
            assert_eq!(take_apart(text), Err(NumberError::NotANumber), "{text}");
        }
    }
}
