//! Where the cluster lives on disk: the default place, the one-owner lock, who may enter, and where the socket goes.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown,
};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::process::Account;

/// The default for root. Not the working directory: PostgreSQL runs under another account, which may not enter a checkout in root's
/// home. Not `/var/tmp` either: systems empty it of files a month old.
pub(super) const ROOT_DATA_DIR: &str = "/var/lib/patron";

/// The longest directory for the socket: `sockaddr_un` holds 104 bytes on macOS and 108 on Linux, `/.s.PGSQL.5432` and the end
/// of the string take 15 of them.
const SOCKET_DIRECTORY_BYTES: usize = 104 - 15;

/// The data directory used when none is named: `PATRON_DATA_DIR`, else `/var/lib/patron` for root, else
/// `$XDG_DATA_HOME/patron` or `~/.local/share/patron`; never the working directory, so the same data are found from everywhere.
#[must_use]
pub fn default_data_dir() -> PathBuf {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(named) = variable("PATRON_DATA_DIR") {
        return named;
    }
    let home = variable("HOME");
    choose_data_dir(is_root(), variable("XDG_DATA_HOME"), home)
}

fn choose_data_dir(root: bool, data_home: Option<PathBuf>, home: Option<PathBuf>) -> PathBuf {
    if root {
        return ROOT_DATA_DIR.into();
    }
    data_home
        .filter(|path| path.is_absolute())
        .or_else(|| home.map(|home| home.join(".local/share")))
        .map_or_else(|| "data".into(), |data| data.join("patron"))
}

/// Whether we are root, asked without unsafe code and without writing a file.
fn is_root() -> bool {
    // On Linux our own entry belongs to our effective user; elsewhere the home directory must do.
    let own = fs::metadata("/proc/self")
        .or_else(|_| fs::metadata(std::env::var_os("HOME").unwrap_or_default()));
    own.is_ok_and(|own| own.uid() == 0)
}

/// A directory that this process alone owns, for as long as the value lives.
#[derive(Debug)]
pub(super) struct Owned {
    pub(super) path: PathBuf,
    pub(super) account: Option<Account>,
    /// The user that the server runs as.
    server_account: u32,
    _lock: File,
}

impl Owned {
    /// Makes the directory if it is not there, and takes it; waits for nobody.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let made = make_if_absent(path)?;
        let path = path.canonicalize().map_err(Error::io("find", path))?;
        let lock_path = path.join("owner.lock");
        let lock = File::create(&lock_path).map_err(|cause| refused(&path, &lock_path, cause))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &lock_path)(source)),
        }
        // The file just made carries our effective user.
        let effective = lock
            .metadata()
            .map_err(Error::io("read", &lock_path))?
            .uid();
        let account = Account::for_effective_user(effective);
        if let Some(account) = account {
            if made {
                set_mode(&path, 0o711)?; // whatever the umask: the account must pass through
            }
            check_reachable(&path, account)?;
        }
        Ok(Self {
            path,
            account,
            server_account: account.map_or(effective, |account| account.user_id),
            _lock: lock,
        })
    }

    /// The cluster in the directory, with its major version; an unfinished one is none.
    pub(super) fn existing(&self) -> Result<Option<(PathBuf, u32)>, Error> {
        let entries = fs::read_dir(&self.path).map_err(Error::io("read", &self.path))?;
        let major = entries
            .flatten()
            .filter_map(|entry| {
                let major = entry
                    .file_name()
                    .to_str()?
                    .strip_prefix("pg")?
                    .parse()
                    .ok()?;
                entry.path().join("PG_VERSION").exists().then_some(major)
            })
            .max();
        Ok(major.map(|major: u32| (self.data(major), major)))
    }

    /// Refuses a cluster of another account than the server would run under: PostgreSQL would not start.
    pub(super) fn check_owner(&self, data: &Path) -> Result<(), Error> {
        let owner = fs::metadata(data).map_err(Error::io("read", data))?.uid();
        if owner == self.server_account {
            return Ok(());
        }
        let path = data.to_path_buf();
        Err(Error::NotOurs { path, owner })
    }

    /// Where a cluster of this major version lives.
    pub(super) fn data(&self, major: u32) -> PathBuf {
        self.path.join(format!("pg{major}"))
    }

    /// Makes an empty directory that only the server's account may enter, in place of whatever is at `path`.
    pub(super) fn remake_private(&self, path: &Path) -> Result<(), Error> {
        if path.exists() {
            fs::remove_dir_all(path).map_err(Error::io("remove", path))?;
        }
        make_private(path, self.account)
    }

    /// Writes the directory's own entries to disk, so that a rename or removal in it survives a power loss.
    pub(super) fn sync(&self) -> Result<(), Error> {
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(Error::io("write to disk", &self.path))
    }

    /// Where the server's log is.
    pub(super) fn log_path(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// The server's log, emptied. Only for our eyes: messages may quote data.
    pub(super) fn open_log(&self) -> Result<(PathBuf, File), Error> {
        let path = self.log_path();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("create", &path))?;
        Ok((path, file))
    }
}

/// A fresh directory `{base}/{prefix}-{process}-{number}` that others may pass through but not list; never one that is there.
pub(super) fn make_temporary(prefix: &str, base: &Path) -> Result<PathBuf, Error> {
    let process = std::process::id();
    let mut number = 0;
    loop {
        let path = base.join(format!("{prefix}-{process}-{number}"));
        match fs::create_dir(&path) {
            Ok(()) => {
                set_mode(&path, 0o711)?; // whatever the umask: as root, the server's account must pass through
                return Ok(path);
            }
            // Another cluster of this process, or what a killed process of the same number left.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(Error::io("create", &path)(error)),
        }
    }
}

/// A directory for the socket outside the data directory, where that one's path is too long for a socket address.
pub(super) fn short_socket_directory(
    data: &Path,
    account: Option<Account>,
) -> Result<Option<PathBuf>, Error> {
    if data.as_os_str().as_bytes().len() <= SOCKET_DIRECTORY_BYTES {
        return Ok(None);
    }
    let path = make_temporary("patron-socket", Path::new("/tmp"))?;
    give_to(&path, account)?;
    Ok(Some(path))
}

/// Why a file cannot be made in a directory: mostly because it is another's.
fn refused(directory: &Path, file: &Path, cause: io::Error) -> Error {
    let owner = fs::metadata(directory).map(|directory| directory.uid());
    match owner {
        Ok(owner) if cause.kind() == io::ErrorKind::PermissionDenied => {
            let path = directory.to_path_buf();
            Error::NotOurs { path, owner }
        }
        _ => Error::io("create", file)(cause),
    }
}

/// Whether the directory had to be made.
fn make_if_absent(path: &Path) -> Result<bool, Error> {
    if path.is_dir() {
        return Ok(false);
    }
    fs::create_dir_all(path).map_err(Error::io("create", path))?;
    Ok(true)
}

fn make_private(path: &Path, account: Option<Account>) -> Result<(), Error> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(Error::io("create", path))?;
    give_to(path, account)
}

/// Only `account` may enter; without one, only we.
fn give_to(path: &Path, account: Option<Account>) -> Result<(), Error> {
    set_mode(path, 0o700)?;
    if let Some(Account { user_id, group_id }) = account {
        chown(path, Some(user_id), Some(group_id)).map_err(Error::io("hand over", path))?;
    }
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(Error::io("set the mode of", path))
}

/// Every directory on the way must let the account pass.
fn check_reachable(path: &Path, account: Account) -> Result<(), Error> {
    for step in path.ancestors() {
        let entry = fs::metadata(step).map_err(Error::io("read", step))?;
        let bit = if entry.uid() == account.user_id {
            0o100
        } else if entry.gid() == account.group_id {
            0o010
        } else {
            0o001
        };
        if entry.mode() & bit == 0 {
            return Err(Error::NotReachable {
                path: step.to_path_buf(),
                user_id: account.user_id,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_keeps_its_data_where_another_account_can_enter() {
        let home = Some("/root".into());
        assert_eq!(choose_data_dir(true, None, home), Path::new(ROOT_DATA_DIR));
    }

    #[test]
    fn a_user_keeps_data_in_the_home_directory() {
        let home = Some(PathBuf::from("/home/ada"));
        let default = Path::new("/home/ada/.local/share/patron");
        assert_eq!(choose_data_dir(false, None, home.clone()), default);
        assert_eq!(
            choose_data_dir(false, Some("relative".into()), home.clone()),
            default
        );
        assert_eq!(
            choose_data_dir(false, Some("/x".into()), home),
            Path::new("/x/patron")
        );
        assert_eq!(choose_data_dir(false, None, None), Path::new("data"));
    }

    #[test]
    fn a_directory_closed_to_the_servers_account_is_named() {
        let outer = tempfile::tempdir().unwrap();
        set_mode(outer.path(), 0o700).unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let account = Account {
            user_id: 4_000_000,
            group_id: 4_000_000,
        };
        let message = check_reachable(&inner.canonicalize().unwrap(), account)
            .unwrap_err()
            .to_string();
        assert!(message.contains("4000000"), "{message}");
        assert!(message.contains(ROOT_DATA_DIR), "{message}");
    }

    #[test]
    fn the_socket_of_a_long_path_goes_elsewhere() {
        let long = PathBuf::from(format!("/{}", "x".repeat(SOCKET_DIRECTORY_BYTES)));
        let short = short_socket_directory(&long, None).unwrap().unwrap();
        assert!(short.as_os_str().len() < SOCKET_DIRECTORY_BYTES);
        let mode = fs::metadata(&short).unwrap().mode();
        fs::remove_dir(&short).unwrap();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(
            short_socket_directory(Path::new("/short"), None).unwrap(),
            None
        );
    }

    #[test]
    fn a_directory_of_another_user_is_named_with_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = refused(root.path(), &root.path().join("owner.lock"), denied);
        let message = error.to_string();
        assert!(message.contains("belongs to user id"), "{message}");
        assert!(message.contains("--data-dir"), "{message}");
    }

    #[test]
    fn a_cluster_of_another_user_is_not_taken() {
        let root = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let cluster = root.path().join("pg15");
        fs::create_dir(&cluster).unwrap();
        let mut owned = Owned::take(root.path()).unwrap();
        owned.server_account = fs::metadata(&cluster).unwrap().uid() + 1;
        let refused = owned.check_owner(&cluster).unwrap_err();
        assert!(matches!(refused, Error::NotOurs { .. }), "{refused}");
    }

    #[test]
    fn two_temporary_directories_of_one_process_differ() {
        let base = tempfile::tempdir().unwrap();
        let first = make_temporary("x", base.path()).unwrap();
        let second = make_temporary("x", base.path()).unwrap();
        assert_ne!(first, second);
    }

    #[test]
    fn a_directory_has_one_owner_at_a_time() {
        let root = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let first = Owned::take(root.path()).unwrap();
        assert!(matches!(Owned::take(root.path()), Err(Error::InUse { .. })));
        drop(first);
        Owned::take(root.path()).unwrap();
    }
}
