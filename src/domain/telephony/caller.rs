//! Who calls, by what a SIP request or a trunk says.
//!
//! A caller's number is a claim, not a proof: anyone who can place a call can write one. What the network asserts comes first.

use super::{
    plan::{NumberError, NumberPlan, Reading},
    written::{MAX_BYTES, Written, take_apart},
};

/// Greatest number of addresses of `P-Asserted-Identity` (RFC 3325, 9.1: one of each kind).
const MAX_ASSERTED: usize = 2;

/// What of a SIP request says who calls. Header values as they stand in the message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SipHeaders<'a> {
    /// `P-Asserted-Identity`: what the network vouches for (RFC 3325). One value, or a `sip:` and a `tel:` one, separated by a comma.
    pub asserted_identity: &'a str,
    /// `Remote-Party-ID`, its predecessor.
    pub remote_party_id: &'a str,
    /// `From`: what the caller's device says.
    pub from: &'a str,
    /// `Privacy` (RFC 3323, RFC 3325): whether the caller asks not to be shown.
    pub privacy: &'a str,
}

/// Where a number was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The trunk or the caller of the API gave it as the number.
    Given,
    /// `P-Asserted-Identity`.
    AssertedIdentity,
    /// `Remote-Party-ID`.
    RemotePartyId,
    /// `From`.
    From,
}

impl SipHeaders<'_> {
    /// The value that says who calls, and where it stands: the first header that has one, in the order asserted by the network, said by
    /// the predecessor of that header, said by the caller.
    #[must_use]
    pub fn identity(&self) -> (&str, Origin) {
        // Who is called may have one as well.
        let remote = if self.remote_party("party", |party| party.eq_ignore_ascii_case("called")) {
            ""
        } else {
            self.remote_party_id
        };
        [
            (self.asserted_identity, Origin::AssertedIdentity),
            (remote, Origin::RemotePartyId),
            (self.from, Origin::From),
        ]
        .into_iter()
        .find(|(value, _)| !value.trim().is_empty())
        .unwrap_or((self.from, Origin::From))
    }

    /// Whether the caller asks the network not to show who they are: by `Privacy`, in `Remote-Party-ID`, or by an anonymous `From`.
    #[must_use]
    pub fn asks_for_privacy(&self) -> bool {
        let hides = |value: &str| {
            ["id", "user", "header", "full"]
                .iter()
                .any(|kind| kind.eq_ignore_ascii_case(value.trim()))
        };
        let in_party_id =
            self.remote_party("privacy", |privacy| !privacy.eq_ignore_ascii_case("off"));
        // An anonymous caller beside an asserted number: the network knows who it is, and is asked not to show it (RFC 3325, 9.1).
        let (_, origin) = self.identity();
        let is_anonymous = origin != Origin::From
            && !self.from.trim().is_empty()
            && matches!(take_apart(self.from), Ok(Written::Withheld));
        in_party_id || is_anonymous || self.privacy.split([';', ',']).any(hides)
    }

    /// Whether `Remote-Party-ID` has a parameter with such a value.
    fn remote_party(&self, name: &str, is_meant: impl Fn(&str) -> bool) -> bool {
        self.remote_party_id.split(';').skip(1).any(|parameter| {
            parameter.split_once('=').is_some_and(|(known, value)| {
                let value = value.trim().trim_matches('"');
                known.trim().eq_ignore_ascii_case(name) && is_meant(value)
            })
        })
    }

    /// Reads who calls, and where that stands. A caller who asks for privacy is withheld, even though the network may have passed the
    /// number on, unless private numbers are used. The reading is an error when what identifies the caller is neither a number nor
    /// hides one.
    pub fn read(
        &self,
        plan: &NumberPlan,
        uses_private_numbers: bool,
    ) -> (Result<Reading, NumberError>, Origin) {
        let (value, origin) = self.identity();
        if self.asks_for_privacy() && !uses_private_numbers {
            return (Ok(Reading::Withheld), origin);
        }
        let limit = MAX_BYTES * MAX_ASSERTED;
        if value.len() > limit {
            let actual = value.len();
            return (Err(NumberError::TextTooLong { actual, limit }), origin);
        }
        let mut first_error = None;
        for address in addresses(value).take(MAX_ASSERTED) {
            match plan.read(address) {
                Ok(reading) => return (Ok(reading), origin),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        (first_error.map_or(Ok(Reading::Withheld), Err), origin)
    }
}

/// The addresses of a header, which commas separate outside of quotes and `<>`.
fn addresses(value: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_inside) = (false, false);
    value
        .split(move |c| {
            match c {
                '"' => is_quoted = !is_quoted,
                '<' if !is_quoted => is_inside = true,
                '>' if !is_quoted => is_inside = false,
                _ => {}
            }
            c == ',' && !is_quoted && !is_inside
        })
        .filter(|address| !address.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &SipHeaders<'_>, expected: Result<(&str, Origin), NumberError>) {
        let (reading, origin) = headers.read(&NumberPlan::E164, false);
        let read = reading.map(|reading| match reading {
            Reading::Number(reading) => (reading.number.as_str().to_owned(), origin),
            Reading::Ambiguous(_) => ("ambiguous".to_owned(), origin),
            Reading::Withheld => ("withheld".to_owned(), origin),
        });
        let expected = expected.map(|(number, origin)| (number.to_owned(), origin));
        assert_eq!(read, expected, "{headers:?}");
    }

    #[test]
    fn what_the_network_asserts_comes_before_what_the_caller_says() {
        let from = SipHeaders {
            from: "<sip:+4930123456@gw>;tag=1",
            ..SipHeaders::default()
        };
        check(&from, Ok(("+4930123456", Origin::From)));
        let remote = SipHeaders {
            remote_party_id: "<sip:+4930123457@gw>;party=calling;privacy=off",
            ..from.clone()
        };
        check(&remote, Ok(("+4930123457", Origin::RemotePartyId)));
        let called = SipHeaders {
            remote_party_id: "<sip:+4930123457@gw>;party=called",
            ..from.clone()
        };
        check(&called, Ok(("+4930123456", Origin::From)));
        let asserted = SipHeaders {
            asserted_identity: "\"Ada, Berlin\" <sip:ada@gw>, <tel:+4930123458>",
            ..remote.clone()
        };
        check(&asserted, Ok(("+4930123458", Origin::AssertedIdentity)));
        check(
            &SipHeaders {
                asserted_identity: "<sip:ada@gw>",
                ..remote
            },
            Err(NumberError::NotANumber),
        );
    }

    #[test]
    fn who_asks_for_privacy_is_withheld() {
        let asserted = SipHeaders {
            asserted_identity: "<tel:+4930123456>",
            from: "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1",
            ..SipHeaders::default()
        };
        check(&asserted, Ok(("withheld", Origin::AssertedIdentity)));
        let asserted = SipHeaders {
            from: "<sip:+4930123456@gw>;tag=1",
            ..asserted
        };
        check(&asserted, Ok(("+4930123456", Origin::AssertedIdentity)));
        for privacy in ["id", "ID", "user;id", "full", "critical; id"] {
            check(
                &SipHeaders {
                    privacy,
                    ..asserted.clone()
                },
                Ok(("withheld", Origin::AssertedIdentity)),
            );
        }
        check(
            &SipHeaders {
                privacy: "none",
                ..asserted.clone()
            },
            Ok(("+4930123456", Origin::AssertedIdentity)),
        );
        check(
            &SipHeaders {
                remote_party_id: "<sip:+4930123456@gw>;privacy=full",
                ..SipHeaders::default()
            },
            Ok(("withheld", Origin::RemotePartyId)),
        );
        check(
            &SipHeaders {
                from: "<sip:anonymous@anonymous.invalid>;tag=1",
                ..SipHeaders::default()
            },
            Ok(("withheld", Origin::From)),
        );
        check(&SipHeaders::default(), Ok(("withheld", Origin::From)));
        // A company that may use them is told the number.
        let private = SipHeaders {
            privacy: "id",
            ..asserted
        };
        let (reading, _) = private.read(&NumberPlan::E164, true);
        assert!(matches!(reading, Ok(Reading::Number(_))));
    }

    #[test]
    fn a_header_that_is_too_long_is_refused() {
        let headers = SipHeaders {
            from: &"1".repeat(513),
            ..SipHeaders::default()
        };
        let (actual, limit) = (513, 512);
        check(&headers, Err(NumberError::TextTooLong { actual, limit }));
    }
}
