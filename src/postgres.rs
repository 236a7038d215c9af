//! The private PostgreSQL cluster of the embedded default: finds the installed server programs, makes a cluster in a directory of its
//! own, runs it as a child process on a private Unix socket, and stops it when this process ends, however it ends.
//!
//! It never installs anything (`make` does, by `install.sh`) and knows nothing of Patron's tables. Everything here blocks: from
//! asynchronous code, call it by `spawn_blocking`. Production uses a server of its own, named by `DATABASE_URL`.

pub mod cluster;
pub mod directory;
pub mod discover;
pub mod error;
mod launch;
mod process;
pub mod watch;
mod watchdog;
