//! The documents' links, anchors and paths lead somewhere, and the front pages stay short. Each rule is a function with a case that it
//! must refuse.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::{pages, prose};

/// Longest README, in lines and words: one screen after another, read in five minutes.
const README_LINES: usize = 220;
const README_WORDS: usize = 1_500;
/// Longest ARCHITECTURE, in words: read in ten minutes before the first change.
const ARCHITECTURE_WORDS: usize = 2_500;

/// The targets of the links of a page.
fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let targets = prose.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(page: &str) -> Vec<String> {
    let prose = prose(page);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let mut anchors: Vec<String> = Vec::new();
    for heading in headings {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter.is_alphanumeric().then_some(letter),
        });
        let anchor: String = kept.collect();
        let same = anchors.iter().filter(|it| **it == anchor).count();
        assert_eq!(same, 0, "the heading {anchor:?} appears twice");
        anchors.push(anchor);
    }
    anchors
}

/// A path from the root of the checkout, without `.` and `..`.
fn resolve(from: &str, target: &str) -> String {
    let mut path = PathBuf::from(from);
    path.pop();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{target} leaves the project"),
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => path.push(part),
        }
    }
    path.to_str().unwrap().to_owned()
}

/// The links that lead nowhere, as `page: target`.
fn broken_links(pages: &BTreeMap<String, String>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for (from, text) in pages {
        for target in links(text) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let to = if file.is_empty() {
                from.clone()
            } else {
                resolve(from, file)
            };
            let leads = match pages.get(&to) {
                Some(page) => anchor.is_empty() || anchors(page).iter().any(|it| it == anchor),
                None => anchor.is_empty() && root.join(&to).exists(),
            };
            if !leads {
                broken.push(format!("{from}: {target}"));
            }
        }
    }
    broken
}

/// The code in a page that looks like a path of the project and is none.
fn missing_paths(page: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let prose = prose(page);
    // Every other piece between backticks is code.
    let codes = prose.split('`').skip(1).step_by(2);
    let folders = [
        "src/",
        "tests/",
        "proto/",
        "migrations/",
        ".ci/",
        "benches/",
        "docs/",
        "examples/",
    ];
    let paths = codes.filter(|code| {
        folders.iter().any(|folder| code.starts_with(folder)) && !code.contains([' ', '*'])
    });
    paths
        .filter(|path| !root.join(path).exists())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_link_and_anchor_leads_somewhere() {
    let broken = broken_links(&pages());
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_broken_link_or_anchor_is_found() {
    let page = |text: &str| text.to_owned();
    let pages = BTreeMap::from([
        (
            page("docs/one.md"),
            page(
                "# One\n[a](two.md#a-part) [b](two.md#b) [c](three.md) [d](#one) [e](../README.md) [f](../src)\n\
                 ```sh\n[g](nowhere.md)\n```\n[h](two.md#hidden)",
            ),
        ),
        (
            page("docs/two.md"),
            page("## A `part`\n```yaml\n# hidden\n```\n"),
        ),
    ]);
    let broken = broken_links(&pages);
    assert_eq!(
        broken,
        [
            "docs/one.md: two.md#b",
            "docs/one.md: three.md",
            "docs/one.md: two.md#hidden"
        ]
    );
}

#[test]
fn every_path_in_the_documents_leads_somewhere() {
    let mut missing = Vec::new();
    for (page, text) in pages() {
        // History: the changelog may name what is gone.
        if page != "CHANGELOG.md" {
            let paths = missing_paths(&text);
            missing.extend(paths.into_iter().map(|path| format!("{page}: {path}")));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_missing_path_is_found() {
    let missing = missing_paths("`src/domain` and `src/nowhere.rs`, `tests/*.rs` and `a src/x`");
    assert_eq!(missing, ["src/nowhere.rs"]);
}

/// What is too long about a page.
fn excess(page: &str, lines: usize, words: usize) -> Option<String> {
    let (has_lines, has_words) = (page.lines().count(), page.split_whitespace().count());
    let longer = has_lines > lines || has_words > words;
    longer.then(|| format!("{has_lines} lines, {has_words} words"))
}

#[test]
fn the_front_pages_are_short() {
    let pages = pages();
    let readme = excess(&pages["README.md"], README_LINES, README_WORDS);
    let architecture = excess(&pages["ARCHITECTURE.md"], usize::MAX, ARCHITECTURE_WORDS);
    assert_eq!((readme, architecture), (None, None));
}

#[test]
fn a_long_page_is_found() {
    assert_eq!(excess("one two\nthree", 2, 3), None);
    assert_eq!(excess("one two\nthree", 1, 3).unwrap(), "2 lines, 3 words");
    assert_eq!(excess("one two\nthree", 2, 2).unwrap(), "2 lines, 3 words");
}
