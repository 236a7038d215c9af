//! Marks for the eye: colour on a terminal, none elsewhere. Nothing may be said by colour alone.

use std::io::IsTerminal as _;

/// How a text is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Not at all: a file, another program, or a person who asked for it.
    Plain,
    /// With the colours of ECMA-48, which every terminal in use knows.
    Colour,
}

impl Paint {
    /// For standard output: colour on a terminal, unless `NO_COLOR` is set (no-color.org) or the terminal says that it is dumb.
    #[must_use]
    pub fn of_standard_output() -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if std::io::stdout().is_terminal() && !is_set("NO_COLOR") && !dumb {
            Self::Colour
        } else {
            Self::Plain
        }
    }

    /// What holds.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// What does not hold.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    /// What is not known.
    #[must_use]
    pub fn open(self, text: &str) -> String {
        self.with("33", text)
    }

    /// What matters most.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What may be read over.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Colour | Self::Plain => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_as_it_is_and_colour_ends_after_the_text() {
        assert_eq!(Paint::Plain.bad("no"), "no");
        assert_eq!(Paint::Colour.good("yes"), "\x1b[32myes\x1b[0m");
        assert_eq!(Paint::Colour.strong(""), "");
    }
}
