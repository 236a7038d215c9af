//! The file with the identifier key: read, or made once. What it is for is not known here.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::DatabaseError;
use crate::store::identifiers::IdentifierKey;

/// Bytes of an identifier key.
const KEY_BYTES: usize = 32;

fn key_file(path: &Path) -> impl Fn(io::Error) -> DatabaseError {
    move |cause| DatabaseError::KeyFile {
        path: path.to_owned(),
        cause,
    }
}

/// The key in a file; `None` when there is no file.
pub(super) fn read_key(path: &Path) -> Result<Option<IdentifierKey>, DatabaseError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(key_file(path)(error)),
    };
    let bytes = from_hex(text.trim()).ok_or_else(|| DatabaseError::NotAKey(path.to_owned()))?;
    Ok(Some(IdentifierKey::new(bytes)))
}

/// Makes a key that only our account can read. If another process made the file meanwhile, its key counts. The file is there whole or not at
/// all: a crash leaves none that is empty.
pub(super) fn make_key(path: &Path) -> Result<IdentifierKey, DatabaseError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(key_file(path))?;
    }
    // Two random UUIDs: 244 bits from the system's generator, spread over 32 bytes.
    let mut bytes = [0; KEY_BYTES];
    for half in bytes.chunks_mut(16) {
        half.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", uuid::Uuid::new_v4().simple()));
    let draft = Path::new(&draft);
    write_key(draft, bytes).map_err(key_file(draft))?;
    // Unlike a rename, a link never replaces what is there.
    let placed = fs::hard_link(draft, path);
    fs::remove_file(draft).map_err(key_file(draft))?;
    match placed {
        Ok(()) => Ok(IdentifierKey::new(bytes)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read_key(path)?.ok_or_else(|| DatabaseError::NotAKey(path.to_owned()))
        }
        Err(error) => Err(key_file(path)(error)),
    }
}

fn write_key(path: &Path, bytes: [u8; KEY_BYTES]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    for byte in bytes {
        write!(file, "{byte:02x}")?;
    }
    writeln!(file)?;
    file.sync_all()
}

fn from_hex(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; KEY_BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inner/identifier.key");
        assert!(read_key(&path).unwrap().is_none());
        let first = make_key(&path).unwrap();
        let again = make_key(&path).unwrap();
        assert_eq!(first.check_value(), again.check_value());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = fs::read_dir(folder.path().join("inner")).unwrap();
        assert_eq!(files.count(), 1, "no draft stays");
    }

    #[test]
    fn an_empty_file_is_no_key_and_the_error_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identifier.key");
        fs::write(&path, "").unwrap();
        let error = read_key(&path).unwrap_err().to_string();
        assert!(
            error.contains("identifier.key is not an identifier key"),
            "{error}"
        );
        assert!(
            error.contains("restore it from a backup, or remove it"),
            "{error}"
        );
    }
}
