//! Settings of several servers on one database.

use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::store::fence::Mode;

/// Several servers on one database.
#[derive(Debug, Clone, Args)]
pub struct ProcessSettings {
    /// Share the database with other servers that have this setting too: all of them read and write.
    ///
    /// Each follows the writes of the others within a second. Off by default: a server alone has nothing to follow. Needs
    /// --database-url. The variable takes 1 or 0, true or false.
    #[arg(long, env = "PATRON_SHARED", value_parser = BoolishValueParser::new())]
    pub shared: bool,

    /// Time in hours for which the log of changes is kept in the database.
    ///
    /// A server that could not follow the others for longer forgets what it has in memory and reads it anew.
    #[arg(
        long,
        env = "PATRON_CHANGE_LOG_HOURS",
        value_name = "HOURS",
        default_value_t = 24
    )]
    pub change_log_hours: u64,
}

impl ProcessSettings {
    /// With whom the database is used.
    #[must_use]
    pub fn fence_mode(&self) -> Mode {
        if self.shared {
            Mode::Shared
        } else {
            Mode::Alone
        }
    }

    /// How long the log of changes is kept.
    #[must_use]
    pub fn change_log_kept(&self) -> Duration {
        Duration::from_hours(self.change_log_hours)
    }
}
