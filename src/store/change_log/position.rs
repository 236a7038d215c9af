//! How far a process has read the logs.

use std::{fmt, str::FromStr};

use crate::store::error::StoreError;

/// Which transactions a reader has seen end: a snapshot of Postgres. Numbers of transactions alone are no order of commits: one may
/// end long after others with greater numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// All below this one have ended.
    oldest: u64,
    /// None from this one on has ended.
    next: u64,
    /// Those in between that have not ended, ascending.
    running: Vec<u64>,
}

impl Position {
    /// Whether every transaction that `other` saw end is one that this one saw end.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let was_running = |xid: &u64| *xid >= other.next || other.running.contains(xid);
        self.next >= other.next && self.running.iter().all(was_running)
    }

    /// Whether every transaction up to this one had ended.
    #[must_use]
    pub fn is_past(&self, xid: u64) -> bool {
        xid < self.oldest
    }

    /// Whether this transaction had begun.
    #[must_use]
    pub fn has_begun(&self, xid: u64) -> bool {
        xid < self.next
    }

    /// The same, and where more than `most` transactions run, with these taken for over: a reader that covers it has seen them end too.
    #[must_use]
    pub fn with_few_running(&self, most: usize) -> Self {
        let mut few = self.clone();
        if few.running.len() > most {
            few.running.clear();
        }
        few
    }

    /// The same, taking for running whatever is not certainly over: on a standby the database does not name what runs.
    #[must_use]
    pub fn cautious(self) -> Self {
        Self {
            next: self.oldest,
            running: vec![],
            ..self
        }
    }
}

impl fmt::Display for Position {
    /// As Postgres writes and reads a snapshot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.oldest, self.next)?;
        for (at, xid) in self.running.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{xid}")?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let corrupt = || StoreError::corrupt("snapshot", "not as Postgres writes it");
        let number = |text: &str| text.parse::<u64>().map_err(|_| corrupt());
        let mut parts = text.splitn(3, ':');
        let (Some(oldest), Some(next), Some(running)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(corrupt());
        };
        let running = running.split(',').filter(|xid| !xid.is_empty());
        let running = running.map(number).collect::<Result<Vec<_>, _>>()?;
        let (oldest, next) = (number(oldest)?, number(next)?);
        let is_between = |xid: &u64| (oldest..next).contains(xid);
        if oldest > next || !running.iter().all(is_between) {
            return Err(corrupt());
        }
        Ok(Self {
            oldest,
            next,
            running,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str) -> Position {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(one: &str, other: &str, covers: bool) {
        assert_eq!(
            position(one).covers(&position(other)),
            covers,
            "{one} {other}"
        );
    }

    #[test]
    fn a_position_is_written_as_it_is_read() {
        for text in ["10:10:", "10:14:10,12", "10:20:10"] {
            assert_eq!(position(text).to_string(), text);
        }
        for text in ["", "10", "10:9:", "10:14:14", "10:14:x", "-1:2:", "1:2"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_position_covers_those_that_saw_no_transaction_end_that_it_did_not() {
        check("10:14:10,12", "10:14:10,12", true);
        check("10:14:12", "10:14:10,12", true);
        check("10:14:10,12", "12:14:12", false);
        // What ran when the other was taken, and what had not begun, may run.
        check("10:20:10,15", "10:14:10", true);
        check("10:20:10,13", "10:14:10", false);
        // Not all that the other saw had begun here.
        check("10:12:10", "10:14:10", false);
        check("14:14:", "10:14:10,12", true);
    }

    #[test]
    fn a_cautious_position_covers_only_what_is_certainly_over() {
        let cautious = position("10:14:").cautious();
        assert_eq!(cautious.to_string(), "10:10:");
        assert!(cautious.is_past(9) && !cautious.is_past(10));
        assert!(!cautious.covers(&position("10:11:")));
    }
}
