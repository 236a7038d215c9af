//! Stops the server when this process ends without saying so (SIGKILL, abort, out of memory).
//!
//! It is a shell that reads from a pipe whose other end only we hold: the read ends when we do. `PR_SET_PDEATHSIG` would be Linux
//! only, needs unsafe code, and fires when the thread that started the server ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::error::Error;
use super::process;

/// `$0` is the server's process id, the rest are directories to remove once it is gone. Ten seconds are enough for the checkpoint
/// of a small cluster; directories left behind by a longer one are in the temporary directory.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
read -r _
kill -INT "$0" 2>/dev/null
[ $# -gt 0 ] || exit 0
n=0
while kill -0 "$0" 2>/dev/null && [ "$n" -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
rm -rf "$@"
"#;

/// The waiting shell.
#[derive(Debug)]
pub(super) struct Watchdog(Child);

impl Watchdog {
    /// Watches over `server` for the rest of our life; `remove` is deleted after an end without [`Watchdog::dismiss`].
    pub(super) fn start(server: u32, remove: &[PathBuf]) -> Result<Self, Error> {
        let shell = Path::new("/bin/sh");
        // Not under the server's account: it may have to remove a directory of ours.
        process::command(shell, None, Path::new("/"))
            .args(["-c", SCRIPT, &server.to_string()])
            .args(remove)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
            .map_err(Error::io("run", shell))
    }

    /// Ends the watch. To be called once the server is known to have ended, before its process id can belong to another.
    pub(super) fn dismiss(&mut self) {
        // Failing means that it is gone already, which is what is wanted.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
