//! How the cluster's programs are run: under which account, with which environment, and how they are waited for and signalled.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::error::Error;

/// How often a condition is looked at again: short against the 60 ms of a warm start, long against the cost of looking.
const POLL: Duration = Duration::from_millis(5);

/// The account that PostgreSQL runs under where we are root, since it refuses to run as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user_id: u32,
    pub(super) group_id: u32,
}

impl Account {
    /// `None` keeps our own account; as root it is `postgres`, else `nobody`.
    pub(super) fn for_effective_user(user_id: u32) -> Option<Self> {
        (user_id == 0).then(|| Self::choose(&fs::read_to_string("/etc/passwd").unwrap_or_default()))
    }

    fn choose(passwd: &str) -> Self {
        let find = |name: &str| {
            passwd.lines().find_map(|line| {
                let mut fields = line.split(':');
                (fields.next()? == name).then_some(())?;
                Some(Self {
                    user_id: fields.nth(1)?.parse().ok()?,
                    group_id: fields.next()?.parse().ok()?,
                })
            })
        };
        find("postgres").or_else(|| find("nobody")).unwrap_or(Self {
            user_id: 65534,
            group_id: 65534,
        })
    }
}

/// A command in `directory` under `account`, with nothing on its input and none of the user's PostgreSQL settings.
pub(super) fn command(program: &Path, account: Option<Account>, directory: &Path) -> Command {
    let mut command = Command::new(program);
    // A process group of its own: the terminal's ^C reaches only us, so the server stops after us and not before.
    command
        .current_dir(directory)
        .stdin(Stdio::null())
        .process_group(0);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").env("TZ", "UTC");
    if let Some(Account { user_id, group_id }) = account {
        command.uid(user_id).gid(group_id); // also clears the supplementary groups
    }
    command
}

/// Asks for a value until there is one; `None` if there is none within `limit`.
pub(super) fn wait_for<T>(
    limit: Duration,
    mut ask: impl FnMut() -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    let start = Instant::now();
    loop {
        if let Some(value) = ask()? {
            return Ok(Some(value));
        }
        if start.elapsed() > limit {
            return Ok(None);
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process's readiness and end have no event to wait for without unsafe code; this module is documented as blocking"
)]
fn pause() {
    std::thread::sleep(POLL);
}

/// Tells a server to stop in an orderly way without waiting for its clients. That the process is gone already is no error.
pub(super) fn interrupt(process_id: u32) -> Result<(), Error> {
    signal("INT", process_id)
}

/// Tells a process of a server that it is to end at once.
pub(super) fn quit(process_id: u32) -> Result<(), Error> {
    signal("QUIT", process_id)
}

/// Ends a server that does not stop.
pub(super) fn kill(process_id: u32) -> Result<(), Error> {
    signal("KILL", process_id)
}

fn signal(name: &str, process_id: u32) -> Result<(), Error> {
    let shell = Path::new("/bin/sh");
    command(shell, None, Path::new("/"))
        .args(["-c", r#"kill -"$0" "$1""#, name, &process_id.to_string()])
        .stderr(Stdio::null())
        .status()
        .map_err(Error::io("run", shell))?;
    Ok(())
}

/// What a process id belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// The server of this very directory.
    ThisCluster,
    /// Some other program: the id was given again after the server was killed.
    OtherProgram,
    /// A process that ended and that nobody waits for, as under a first process of a container that does not.
    Zombie,
    /// No process, or one that cannot be told.
    Unknown,
}

/// Who has `process_id`: it must work in `data`, or name it in its command line, to be the server of that directory.
pub(super) fn holder(process_id: u32, data: &Path) -> Holder {
    if is_zombie(process_id) {
        return Holder::Zombie;
    }
    let line = command_line(process_id);
    if line.trim().is_empty() {
        Holder::Unknown
    } else if !line.contains("postgres") {
        Holder::OtherProgram
    } else if line.contains(data.to_string_lossy().as_ref()) {
        Holder::ThisCluster
    } else {
        match working_directory(process_id) {
            Some(directory) if directory == data => Holder::ThisCluster,
            Some(_) => Holder::OtherProgram,
            None => Holder::Unknown,
        }
    }
}

/// The processes of a server of the directory, whether it runs itself or not. Only Linux tells; none elsewhere.
pub(super) fn list_orphans(data: &Path) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|&id| {
        working_directory(id).is_some_and(|directory| directory == data)
            && !is_zombie(id)
            && command_line(id).contains("postgres")
    })
    .collect()
}

/// Whether the process has ended and is still in the table of processes.
fn is_zombie(process_id: u32) -> bool {
    let line = fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap_or_default();
    // The program's name stands before it in parentheses, and may hold any character.
    let state = line.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| state.starts_with(['Z', 'X']))
}

fn working_directory(process_id: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process_id}/cwd")).ok()
}

fn command_line(process_id: u32) -> String {
    let from_proc = fs::read(format!("/proc/{process_id}/cmdline"));
    let line = from_proc.unwrap_or_else(|_| {
        let ps = Command::new("ps")
            .args(["-ww", "-o", "command=", "-p", &process_id.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        ps.map(|output| output.stdout).unwrap_or_default()
    });
    String::from_utf8_lossy(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_takes_another_account() {
        assert_eq!(Account::for_effective_user(1000), None);
        assert!(Account::for_effective_user(0).is_some_and(|account| account.user_id != 0));
    }

    #[test]
    fn the_account_is_postgres_then_nobody_then_the_usual_number_of_nobody() {
        let nobody = "root:x:0:0::/:/bin/sh\nnobody:x:99:98::/:/bin/false\n";
        let both = format!("{nobody}postgres:x:5:6::/:/bin/sh\n");
        let id = |passwd: &str| {
            let account = Account::choose(passwd);
            (account.user_id, account.group_id)
        };
        assert_eq!(id(&both), (5, 6));
        assert_eq!(id(nobody), (99, 98));
        assert_eq!(id("broken\n"), (65534, 65534));
    }

    #[test]
    fn a_process_that_is_not_the_server_is_told_apart() {
        // This very process; its name or arguments do not hold the word that is looked for.
        let own = holder(std::process::id(), Path::new("/nowhere"));
        let free = holder(u32::MAX - 1, Path::new("/nowhere"));
        assert_eq!(free, Holder::Unknown);
        assert_ne!(own, Holder::ThisCluster);
    }

    #[test]
    fn waiting_ends_at_its_limit() {
        let never = wait_for(Duration::from_millis(1), || Ok(None::<()>)).unwrap();
        assert_eq!(never, None);
    }
}
