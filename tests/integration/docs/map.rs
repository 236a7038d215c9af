//! ARCHITECTURE against the checkout: its map has every room of the sources, its data model every table.

use std::collections::BTreeSet;
use std::path::Path;

use super::table;

const ARCHITECTURE: &str = include_str!("../../../ARCHITECTURE.md");

/// Folders whose parts are rooms of their own.
const HOUSES: [&str; 3] = ["src", "src/domain", "src/service"];

/// The names between code marks in the first cells of a table.
fn named(heading: &str) -> BTreeSet<String> {
    let rows = table(ARCHITECTURE, heading);
    let cells = rows.iter().flat_map(|row| row[0].split(['`', ',', ' ']));
    let names = cells.filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The folders without a place in the map: neither they nor their file nor anything in them.
fn missing(folders: &[String], map: &BTreeSet<String>) -> Vec<String> {
    let is_named = |folder: &str| {
        map.iter()
            .any(|name| name.starts_with(&format!("{folder}/")) || *name == format!("{folder}.rs"))
    };
    let absent = folders.iter().filter(|folder| !is_named(folder));
    absent.cloned().collect()
}

/// The tables that the statements of a migration create.
fn created(sql: &str) -> impl Iterator<Item = String> {
    let statements = sql
        .lines()
        .filter_map(|line| line.strip_prefix("CREATE TABLE "));
    let names = statements.filter_map(|rest| rest.split([' ', '(']).next());
    names.map(str::to_owned)
}

#[test]
fn the_map_has_every_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = Vec::new();
    for house in HOUSES {
        for entry in std::fs::read_dir(root.join(house)).unwrap() {
            let entry = entry.unwrap();
            // git leaves no empty folder behind, and an editor or a move may.
            let is_room = entry
                .path()
                .read_dir()
                .is_ok_and(|mut inside| inside.next().is_some());
            if is_room {
                let name = entry.file_name();
                folders.push(format!("{house}/{}", name.to_str().unwrap()));
            }
        }
    }
    assert!(folders.len() > 20, "{folders:?}");
    assert_eq!(missing(&folders, &named("Map")), Vec::<String>::new());
}

#[test]
fn the_data_model_has_every_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut tables = BTreeSet::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().ends_with(".up.sql") {
            tables.extend(created(&std::fs::read_to_string(&path).unwrap()));
        }
    }
    assert_eq!(named("Data model"), tables);
}

#[test]
fn a_missing_room_and_a_created_table_are_found() {
    let map = ["src/api/", "src/domain/money.rs", "src/service/answer/"];
    let map = map.map(str::to_owned).into();
    let folders = ["src/api", "src/domain/money", "src/service", "src/serv"].map(str::to_owned);
    assert_eq!(missing(&folders, &map), ["src/serv"]);
    let sql = "-- CREATE TABLE a\nCREATE TABLE b (\nCREATE TABLE c(d int);\nCREATE INDEX e";
    assert_eq!(created(sql).collect::<Vec<_>>(), ["b", "c"]);
}
