//! What `make` does to a machine without a PostgreSQL server: `install.sh` among programs that only write down how they are called.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Programs that the script needs and that change nothing.
const REAL: [&str; 4] = ["sh", "dirname", "cat", "env"];

/// Programs that would change the machine, or say what it is.
const PRETENDED: [&str; 5] = ["apt-get", "mkdir", "tee", "rm", "rmdir"];

/// A machine: a folder of programs, and the script beside a search that finds a server once one was "installed".
struct Machine {
    directory: TempDir,
}

/// What came of it.
struct Outcome {
    succeeded: bool,
    said: String,
    /// The calls, one a line.
    done: String,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("a machine ")
            .tempdir()
            .unwrap();
        let machine = Self { directory };
        fs::create_dir(machine.path("bin")).unwrap();
        for name in REAL {
            let real = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
            let real = real.iter().find(|path| path.exists()).unwrap();
            symlink(real, machine.path("bin").join(name)).unwrap();
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/postgres/install.sh");
        fs::copy(script, machine.path("install.sh")).unwrap();
        fs::write(machine.path("servers.sh"), "[ -e \"$MACHINE/server\" ]\n").unwrap();
        machine
    }

    /// A Debian or Ubuntu on which the package brings a server.
    fn debian() -> Self {
        let machine = Self::new();
        for name in PRETENDED {
            machine.add(name, "echo \"$WHO${0##*/} $*\" >>\"$MACHINE/done\"");
        }
        machine.add(
            "apt-get",
            "echo \"$WHO${0##*/} $*\" >>\"$MACHINE/done\"; [ \"$1\" != install ] || : >\"$MACHINE/server\"",
        );
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn add(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    fn install(&self, user_id: u32, variables: &[(&str, &str)]) -> Outcome {
        self.add("id", &format!("echo {user_id}"));
        let output = Command::new("/bin/sh")
            .arg(self.path("install.sh"))
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("MACHINE", self.directory.path())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        Outcome {
            succeeded: output.status.success(),
            said: String::from_utf8(said).unwrap(),
            done: fs::read_to_string(self.path("done")).unwrap_or_default(),
        }
    }
}

#[test]
fn with_a_server_on_the_machine_nothing_is_said_or_done() {
    let machine = Machine::debian();
    fs::write(machine.path("server"), "").unwrap();
    let outcome = machine.install(0, &[]);
    assert!(outcome.succeeded);
    assert_eq!((outcome.said.as_str(), outcome.done.as_str()), ("", ""));
}

#[test]
fn with_the_url_of_a_server_nothing_is_said_or_done() {
    let outcome = Machine::debian().install(0, &[("DATABASE_URL", "postgres://elsewhere")]);
    assert!(outcome.succeeded);
    assert_eq!((outcome.said.as_str(), outcome.done.as_str()), ("", ""));
}

#[test]
fn root_gets_the_package_without_a_cluster_of_the_systems() {
    let outcome = Machine::debian().install(0, &[]);
    assert!(outcome.succeeded, "{}", outcome.said);
    assert!(
        outcome.said.contains("is being installed"),
        "{}",
        outcome.said
    );
    let settings = "/etc/postgresql-common/createcluster.d";
    let expected = [
        format!("mkdir -p {settings}"),
        format!("tee {settings}/patron.conf"),
        "apt-get update -q".to_owned(),
        "apt-get install -y -q --no-install-recommends postgresql".to_owned(),
        format!("rm -f {settings}/patron.conf"),
        format!("rmdir {settings}"),
    ];
    assert_eq!(outcome.done.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_user_gets_it_by_sudo() {
    let machine = Machine::debian();
    machine.add("sudo", "WHO='root: ' exec \"$@\"");
    let outcome = machine.install(1000, &[]);
    assert!(outcome.succeeded, "{}", outcome.said);
    assert_eq!(outcome.done.lines().count(), 6, "{}", outcome.done);
    assert!(
        outcome.done.lines().all(|call| call.starts_with("root: ")),
        "{}",
        outcome.done
    );
}

#[test]
fn a_user_without_sudo_is_told_the_command() {
    let outcome = Machine::debian().install(1000, &[]);
    assert!(!outcome.succeeded);
    assert_eq!(outcome.done, "");
    assert!(
        outcome.said.contains("as root: apt-get install"),
        "{}",
        outcome.said
    );
}

#[test]
fn an_installation_that_fails_is_not_taken_for_one_and_leaves_no_setting() {
    let machine = Machine::debian();
    machine.add(
        "apt-get",
        "echo \"apt-get $*\" >>\"$MACHINE/done\"; [ \"$1\" != install ]",
    );
    let outcome = machine.install(0, &[]);
    assert!(!outcome.succeeded);
    assert!(outcome.done.contains("rm -f"), "{}", outcome.done);
}

#[test]
fn other_systems_are_told_their_command() {
    for (manager, command) in [
        ("brew", "brew install postgresql@17"),
        ("dnf", "sudo dnf install -y postgresql-server"),
        ("apk", "sudo apk add postgresql"),
        ("pacman", "sudo pacman -S postgresql"),
        ("zypper", "sudo zypper install -y postgresql-server"),
        (
            "unheard-of",
            "your package manager's PostgreSQL server package",
        ),
    ] {
        let machine = Machine::new();
        machine.add(manager, "exit 1");
        let outcome = machine.install(1000, &[]);
        assert!(!outcome.succeeded);
        assert!(
            outcome.said.contains(command),
            "{manager}: {}",
            outcome.said
        );
    }
}

#[test]
fn a_directory_that_was_named_is_not_installed_over() {
    let outcome = Machine::debian().install(0, &[("PATRON_PG_BINDIR", "/nowhere")]);
    assert!(!outcome.succeeded);
    assert_eq!(outcome.done, "");
    assert!(outcome.said.contains("/nowhere"), "{}", outcome.said);
}
