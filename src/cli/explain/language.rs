//! The language of an explanation: what the server words in both is picked here, the labels of the page are written in both.

use clap::ValueEnum;

use crate::pb;

/// A language of explanations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English
    En,
    /// German
    De,
}

impl Language {
    /// One of two labels that mean the same.
    #[must_use]
    pub fn label(self, english: &'static str, german: &'static str) -> &'static str {
        match self {
            Self::En => english,
            Self::De => german,
        }
    }

    /// A text of the server; in English where the definitions have no German.
    #[must_use]
    pub fn pick(self, text: Option<&pb::LocalizedText>) -> &str {
        match text {
            None => "",
            Some(text) if self == Self::De && !text.de.is_empty() => &text.de,
            Some(text) => &text.en,
        }
    }
}
