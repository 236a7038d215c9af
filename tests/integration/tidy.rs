//! The lines that ARCHITECTURE.md draws, held: who imports whom, what SQL may say, how files are cut and named.
//!
//! Every rule is a function from text to problems, with a case of its own that it must refuse.

mod catalogue;
mod door;
mod files;
mod language;
mod layers;
mod migrations;
mod source;
mod stages;
mod statements;

use std::fs;
use std::path::{Path, PathBuf};

/// One file of the project.
pub(crate) struct SourceFile {
    /// From the project's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All files under `folders` that end in `ending`, in order of their paths.
pub(crate) fn read_files(folders: &[&str], ending: &str) -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        // A folder that is not there yet holds no files.
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                files.push(SourceFile { path, text });
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!files.is_empty(), "nothing to look at in {folders:?}");
    files
}

#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// That a rule finds exactly one problem and names it.
#[track_caller]
fn assert_finds(problems: &[String], word: &str) {
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems.concat().contains(word), "{problems:?}");
}
