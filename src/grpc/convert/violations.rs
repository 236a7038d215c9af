//! Collecting everything that is wrong with a request, each with the path of its field.

use std::fmt::{Display, Write as _};

use crate::pb;

/// Everything that is wrong with a request or an item.
#[derive(Debug, Clone, Default)]
pub struct Violations(Vec<pb::Violation>);

impl Violations {
    /// Begins checking the field `path`.
    pub fn at(&mut self, path: impl Into<String>) -> Checker<'_> {
        Checker {
            path: path.into(),
            violations: self,
        }
    }

    /// The violations, in the order in which they were found.
    #[must_use]
    pub fn into_vec(self) -> Vec<pb::Violation> {
        self.0
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        self.violations.0.push(pb::Violation {
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
