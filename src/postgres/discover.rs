//! Which PostgreSQL server programs this machine has. The search itself is `servers.sh`, which `make` runs before there is a
//! program to ask; so there is one list of places.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::Error;

/// The oldest release that Patron runs on; `servers.sh` leaves out older ones.
pub const MINIMUM_MAJOR: u32 = 14;

/// The variable that names the only directory to look in.
const BINDIR_VARIABLE: &str = "PATRON_PG_BINDIR";

/// A server program that loads on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The directory with `postgres` and `initdb`.
    pub bindir: PathBuf,
    /// Its major version: a cluster can be run only by the major version that made it.
    pub major: u32,
}

/// The newest server program on this machine; with `PATRON_PG_BINDIR` set, the one in that directory.
///
/// # Errors
///
/// [`Error::NoServer`] or [`Error::NoServerInDirectory`], with the one command that cures it; [`Error::Io`] without `/bin/sh`.
pub fn find_server() -> Result<Server, Error> {
    newest(&list_servers(None)?)
}

/// The server program that can run the cluster at `path`, made by the major version `wanted`.
pub(super) fn find_server_for(path: &Path, wanted: u32) -> Result<Server, Error> {
    choose(&list_servers(None)?, path, wanted)
}

/// The command that installs a server on this operating system.
#[must_use]
pub fn install_command() -> &'static str {
    if cfg!(target_os = "macos") {
        return "brew install postgresql@17";
    }
    command_for(&fs::read_to_string("/etc/os-release").unwrap_or_default())
}

fn command_for(os_release: &str) -> &'static str {
    let is = |name: &str| {
        os_release
            .lines()
            .filter(|line| line.starts_with("ID=") || line.starts_with("ID_LIKE="))
            .any(|line| line.contains(name))
    };
    if is("debian") || is("ubuntu") {
        "sudo apt-get install -y --no-install-recommends postgresql"
    } else if is("alpine") {
        "sudo apk add postgresql"
    } else if is("fedora") || is("rhel") {
        "sudo dnf install -y postgresql-server"
    } else if is("arch") {
        "sudo pacman -S postgresql"
    } else if is("suse") {
        "sudo zypper install -y postgresql-server"
    } else {
        "your package manager's command for the PostgreSQL server package"
    }
}

fn newest(servers: &[Server]) -> Result<Server, Error> {
    servers
        .iter()
        .max_by_key(|server| server.major)
        .cloned()
        .ok_or_else(|| match std::env::var_os(BINDIR_VARIABLE) {
            Some(directory) if !directory.is_empty() => Error::NoServerInDirectory {
                directory: directory.to_string_lossy().into_owned(),
            },
            Some(_) | None => Error::NoServer,
        })
}

fn choose(servers: &[Server], path: &Path, wanted: u32) -> Result<Server, Error> {
    let found = newest(servers)?.major;
    servers
        .iter()
        .find(|server| server.major == wanted)
        .cloned()
        .ok_or_else(|| Error::OtherMajor {
            path: path.to_path_buf(),
            wanted,
            found,
        })
}

/// Every usable server program; `only` takes the place of `PATRON_PG_BINDIR`.
fn list_servers(only: Option<&OsStr>) -> Result<Vec<Server>, Error> {
    let mut search = Command::new("/bin/sh");
    search.args(["-c", include_str!("servers.sh")]);
    if let Some(directory) = only {
        search.env(BINDIR_VARIABLE, directory);
    }
    let output = search
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(Error::io("run", Path::new("/bin/sh")))?;
    Ok(output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(parse_line)
        .collect())
}

/// One line of `servers.sh`: the major version, a space, the directory.
fn parse_line(line: &[u8]) -> Option<Server> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (major, directory) = line.split_at(space);
    Some(Server {
        major: std::str::from_utf8(major).ok()?.parse().ok()?,
        bindir: OsString::from(OsStr::from_bytes(directory.get(1..)?)).into(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn server(major: u32) -> Server {
        Server {
            bindir: format!("/opt/{major}").into(),
            major,
        }
    }

    /// A directory with programs that say they are of `version`.
    fn pretend(version: &str) -> tempfile::TempDir {
        let directory = tempfile::Builder::new()
            .prefix("bin dir '")
            .tempdir()
            .unwrap();
        for program in ["postgres", "initdb"] {
            let file = directory.path().join(program);
            fs::write(&file, format!("#!/bin/sh\necho '{version}'\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        directory
    }

    #[test]
    fn a_directory_with_a_space_and_a_quote_is_searched() {
        let directory = pretend("postgres (PostgreSQL) 16.4 (Debian 16.4-1)");
        let found = list_servers(Some(directory.path().as_os_str())).unwrap();
        assert_eq!(
            found,
            [Server {
                bindir: directory.path().into(),
                major: 16
            }]
        );
    }

    #[test]
    fn a_beta_counts_as_its_major_version() {
        let directory = pretend("postgres (PostgreSQL) 19beta1");
        let found = list_servers(Some(directory.path().as_os_str())).unwrap();
        assert_eq!(found.first().map(|server| server.major), Some(19));
    }

    #[test]
    fn a_release_that_is_too_old_is_no_server() {
        let directory = pretend("postgres (PostgreSQL) 13.9");
        assert_eq!(
            list_servers(Some(directory.path().as_os_str())).unwrap(),
            []
        );
    }

    #[test]
    fn the_oldest_release_is_the_same_in_the_script() {
        let line = format!("minimum={MINIMUM_MAJOR} ");
        assert!(include_str!("servers.sh").contains(&line));
    }

    #[test]
    fn without_a_server_the_message_names_a_command() {
        let message = newest(&[]).unwrap_err().to_string();
        assert!(message.contains(install_command()), "{message}");
        assert!(message.contains("DATABASE_URL"), "{message}");
    }

    #[test]
    fn a_cluster_of_a_release_that_is_absent_is_refused_by_name() {
        let refused = choose(&[server(15), server(17)], Path::new("/d"), 16)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("PostgreSQL 16"), "{refused}");
        assert!(refused.contains("has 17"), "{refused}");
    }

    #[test]
    fn a_cluster_is_run_by_the_release_that_made_it() {
        let chosen = choose(&[server(17), server(15)], Path::new("/d"), 15).unwrap();
        assert_eq!(chosen, server(15));
    }

    #[test]
    fn every_known_system_has_its_command() {
        assert!(command_for("ID=ubuntu\nID_LIKE=debian\n").contains("apt-get"));
        assert!(command_for("NAME=x\nID=alpine\n").contains("apk"));
        assert!(command_for("ID=rocky\nID_LIKE=\"rhel centos\"\n").contains("dnf"));
        assert!(command_for("ID=arch\n").contains("pacman"));
        assert!(command_for("ID=opensuse-leap\nID_LIKE=\"suse\"\n").contains("zypper"));
        assert!(command_for("").contains("package manager"));
    }
}
