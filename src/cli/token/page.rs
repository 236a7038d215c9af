//! Tokens as text.

use jiff::Timestamp;

use crate::cli::text::{self, Align};
use crate::pb;

/// The name of a role, as on the command line.
fn role_name(role: pb::Role) -> String {
    let name = role.as_str_name().trim_start_matches("ROLE_");
    name.to_ascii_lowercase().replace('_', "-")
}

fn roles(token: &pb::Token) -> String {
    let names: Vec<String> = token.roles().map(role_name).collect();
    names.join(", ")
}

/// A day of a time, or a word where there is none.
fn day(time: Option<&prost_types::Timestamp>, none: &str) -> String {
    let text = text::time_text(time);
    let day = text.as_deref().and_then(|text| text.split('T').next());
    day.unwrap_or(none).to_owned()
}

/// A token in a line.
pub(super) fn summary(token: &pb::Token) -> String {
    let identified = match &*token.certificate_name {
        "" => "token".to_owned(),
        name => format!("certificate name {name}"),
    };
    format!(
        "{identified} {}: {}, expires {}",
        token.token_id,
        roles(token),
        day(token.expire_time.as_ref(), "never")
    )
}

fn state(token: &pb::Token, now: Timestamp) -> &'static str {
    let is_over = |time: &prost_types::Timestamp| time.seconds <= now.as_second();
    if token.revoke_time.is_some() {
        "revoked"
    } else if token.expire_time.as_ref().is_some_and(is_over) {
        "expired"
    } else {
        "valid"
    }
}

/// A table of tokens.
pub(super) fn list_page(tokens: &[pb::Token], now: Timestamp) -> String {
    if tokens.is_empty() {
        return "No tokens exist: run `patron token create --role ROLE --description TEXT`."
            .to_owned();
    }
    let header = [
        ("token", Align::Left),
        ("state", Align::Left),
        ("roles", Align::Left),
        ("expires", Align::Left),
        ("calls/s", Align::Right),
        ("purposes", Align::Left),
        ("certificate name", Align::Left),
        ("description", Align::Left),
    ];
    let row = |token: &pb::Token| {
        let quota = token.quota.as_ref();
        vec![
            token.token_id.clone(),
            state(token, now).to_owned(),
            roles(token),
            day(token.expire_time.as_ref(), "never"),
            quota.map_or_else(|| "-".to_owned(), |it| it.calls_per_second.to_string()),
            token.purposes.join(", "),
            token.certificate_name.clone(),
            token.description.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
    text::table(&header, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_which_tokens_are_valid() {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let token = |id: &str| pb::Token {
            token_id: id.to_owned(),
            description: "desk".to_owned(),
            roles: vec![2, 7],
            ..Default::default()
        };
        let revoked = pb::Token {
            revoke_time: time(5),
            ..token("b")
        };
        let expired = pb::Token {
            expire_time: time(86_400),
            ..token("c")
        };
        let now = Timestamp::from_second(86_400).unwrap();
        let page = list_page(&[token("a"), revoked, expired], now);
        let states: Vec<&str> = page
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().nth(1))
            .collect();
        assert_eq!(states, ["valid", "revoked", "expired"], "{page}");
        assert!(page.contains("agent, privacy-officer"), "{page}");
        assert!(page.contains("1970-01-02"), "{page}");
        assert!(list_page(&[], now).contains("patron token create"));
    }
}
