//! Names that a test uses and the document does not have.

use crate::domain::rules::{
    diagnostic::{Code, Diagnostics, Span},
    nearest::nearest,
};

/// Most names that are listed where one is unknown.
const MAX_SHOWN: usize = 20;

/// Reports a name that nothing has.
pub(super) fn unknown<'a, T>(
    place: Span,
    message: String,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    problems: &mut Diagnostics,
) -> Option<T> {
    let help = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => valid_names(known),
    };
    problems.add_with_help(place, Code::UnknownName, message, help);
    None
}

fn valid_names<'a>(known: impl Iterator<Item = &'a str> + Clone) -> String {
    let shown: Vec<&str> = known.clone().take(MAX_SHOWN).collect();
    let names = shown.join(", ");
    match known.skip(MAX_SHOWN).count() {
        _ if shown.is_empty() => "the document has none".to_owned(),
        0 => format!("valid names: {names}"),
        more => format!("valid names: {names} and {more} more"),
    }
}
