//! Collecting everything that is wrong with a request, each with the path of its field.

use std::fmt::{Display, Write as _};

use crate::pb;

/// Everything that is wrong with a request or an item.
#[derive(Debug, Clone, Default)]
pub struct Violations {
    listed: Vec<pb::Violation>,
    /// Greatest number of those listed; the rest is counted.
    most: Option<usize>,
    rest: usize,
}

impl Violations {
    /// For an item of a batch that may have any number of things wrong: `most` are listed, the rest is counted, so that what is said of
    /// a thousand items still fits an answer.
    #[must_use]
    pub fn at_most(most: usize) -> Self {
        Self {
            most: Some(most),
            ..Self::default()
        }
    }

    /// Begins checking the field `path`.
    pub fn at(&mut self, path: impl Into<String>) -> Checker<'_> {
        Checker {
            path: path.into(),
            violations: self,
        }
    }

    /// The violations, in the order in which they were found, and how many more there are.
    #[must_use]
    pub fn into_vec(self) -> Vec<pb::Violation> {
        let Self {
            mut listed, rest, ..
        } = self;
        if rest > 0 {
            listed.push(pb::Violation {
                field: String::new(),
                description: format!("and {rest} more"),
                reason: "MORE".to_owned(),
            });
        }
        listed
    }

    /// `read`, if nothing is wrong with it.
    pub(crate) fn into_result<T>(self, read: T) -> Result<T, Self> {
        if self.is_empty() { Ok(read) } else { Err(self) }
    }

    /// Adds what is wrong with another part of the request.
    pub(crate) fn extend(&mut self, others: Self) {
        self.listed.extend(others.listed);
        self.rest += others.rest;
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

/// Checks one field and those inside it.
#[derive(Debug)]
pub struct Checker<'a> {
    path: String,
    violations: &'a mut Violations,
}

impl Checker<'_> {
    /// The field `name` inside this one.
    pub fn field(&mut self, name: &str) -> Checker<'_> {
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        Checker {
            path,
            violations: self.violations,
        }
    }

    /// The element at `index` of the repeated field `name` inside this one.
    pub fn element(&mut self, name: &str, index: usize) -> Checker<'_> {
        let mut inner = self.field(name);
        let _ = write!(inner.path, "[{index}]");
        inner
    }

    /// Notes that something is wrong with this field.
    pub fn refuse(&mut self, reason: &str, description: impl Into<String>) {
        if self.violations.most == Some(self.violations.listed.len()) {
            self.violations.rest += 1;
            return;
        }
        self.violations.listed.push(pb::Violation {
            field: self.path.clone(),
            description: description.into(),
            reason: reason.to_owned(),
        });
    }

    /// The value of a result, or a note of its error.
    pub fn ok<T, E: Display>(&mut self, reason: &str, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| self.refuse(reason, error.to_string()))
            .ok()
    }
}
