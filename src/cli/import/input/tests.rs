use std::io::Write as _;

use super::*;
use csv::ByteRecord;

/// The header and the rows of an input, each with its line; a row that is none, with the reason.
fn read(
    name: &str,
    bytes: &[u8],
    options: SourceArgs,
) -> Result<(Vec<String>, Vec<String>), CliError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let args = SourceArgs {
        file: Some(path),
        ..options
    };
    let mut input = Input::open(args, false)?;
    let header = input.header().names().to_vec();
    let first = rows(&mut input);
    // The second reading gives the same as the first.
    assert_eq!(rows(&mut input), first);
    Ok((header, first))
}

fn rows(input: &mut Input) -> Vec<String> {
    let (mut rows, mut record) = (input.rows().unwrap(), ByteRecord::new());
    let mut found = Vec::new();
    while let Some((line, row)) = rows.next_text(&mut record).unwrap() {
        found.push(match row {
            Ok(row) => format!("{line}: {}", row.iter().collect::<Vec<_>>().join("|")),
            Err(reason) => format!("{line}: {reason}"),
        });
    }
    found
}

#[track_caller]
fn plain(bytes: &[u8]) -> Vec<String> {
    read("f.csv", bytes, SourceArgs::default()).unwrap().1
}

#[test]
fn the_line_of_a_row_is_the_one_on_which_it_begins() {
    let expected = ["2: 1|x", "4: 2|\"a\nb\" c", "6: 3|z"];
    for end in ["\n", "\r\n", "\r"] {
        let text = "a,b\n1,x\n\n2,\"\"\"a\nb\"\" c\"\n3,z\n".replace('\n', end);
        assert_eq!(plain(text.as_bytes()), expected, "{end:?}");
        let without_end = text.trim_end();
        assert_eq!(plain(without_end.as_bytes()), expected, "{end:?}");
    }
}

#[test]
fn long_files_keep_their_lines_whatever_ends_them() {
    // Line ends fall on every place of the chunks that are read.
    let rows: Vec<String> = (0..30_000)
        .map(|row| format!("{row},{}", "x".repeat(row % 7)))
        .collect();
    let text = format!("a,b\r\n{}\r\n", rows.join("\r\n"));
    let found = plain(text.as_bytes());
    assert_eq!(found.len(), rows.len());
    assert_eq!(
        found[29_999],
        format!("30001: 29999|{}", "x".repeat(29_999 % 7))
    );
}

#[test]
fn byte_order_marks_and_encodings_are_decoded() {
    let text = "k\tn\r\n1\tM\u{fc}ller\r\n";
    let utf_16 = |bytes: fn(u16) -> [u8; 2], mark: [u8; 2]| {
        let units = text.encode_utf16().flat_map(bytes);
        mark.into_iter().chain(units).collect::<Vec<u8>>()
    };
    let tab = || SourceArgs {
        delimiter: Some("tab".to_owned()),
        ..SourceArgs::default()
    };
    let expected = vec!["2: 1|M\u{fc}ller".to_owned()];
    for bytes in [
        utf_16(u16::to_le_bytes, [0xff, 0xfe]),
        utf_16(u16::to_be_bytes, [0xfe, 0xff]),
        format!("\u{feff}{text}").into_bytes(),
    ] {
        assert_eq!(read("f.txt", &bytes, tab()).unwrap().1, expected);
        // A mark is stronger than the option.
        let other = SourceArgs {
            encoding: Some("windows-1252".to_owned()),
            ..tab()
        };
        assert_eq!(read("f.txt", &bytes, other).unwrap().1, expected);
    }
    let latin: Vec<u8> = b"k\tn\r\n1\tM\xfcller\r\n".to_vec();
    for encoding in ["windows-1252", "latin1", "ISO-8859-15"] {
        let other = SourceArgs {
            encoding: Some(encoding.to_owned()),
            ..tab()
        };
        assert_eq!(
            read("f.txt", &latin, other).unwrap().1,
            expected,
            "{encoding}"
        );
    }
    let refused = read("f.txt", &latin, tab()).unwrap().1;
    assert!(refused[0].contains("--encoding"), "{refused:?}");
    let unknown = SourceArgs {
        encoding: Some("klingon".to_owned()),
        ..tab()
    };
    assert_eq!(read("f.txt", &latin, unknown).unwrap_err().exit_code(), 64);
}

#[test]
fn what_cannot_be_decoded_costs_its_row() {
    // A lone surrogate in the second of three rows.
    let mut bytes = vec![0xff, 0xfe];
    for unit in "a\n1\n"
        .encode_utf16()
        .chain([0xd800])
        .chain("\n3\n".encode_utf16())
    {
        bytes.extend(unit.to_le_bytes());
    }
    let found = plain(&bytes);
    assert_eq!((&*found[0], &*found[2]), ("2: 1", "4: 3"));
    assert!(found[1].starts_with("3: is not UTF-8"), "{found:?}");
}

#[test]
fn the_separator_is_stated_guessed_or_a_comma() {
    let with = |delimiter: Option<&str>| SourceArgs {
        delimiter: delimiter.map(str::to_owned),
        ..SourceArgs::default()
    };
    let names = |bytes: &[u8], delimiter| read("f.csv", bytes, with(delimiter)).unwrap().0;
    assert_eq!(names(b"sep=;\r\na;b,c\r\n1;2\r\n", None), ["a", "b,c"]);
    assert_eq!(names(b"a;b,c;d\n", Some("auto")), ["a", "b,c", "d"]);
    assert_eq!(names(b"a\tb\n", Some("auto")), ["a", "b"]);
    assert_eq!(names(b"SEP=|\na|b;c\n", Some(";")), ["a|b", "c"]);
    // The line that states the separator is a line of the file.
    let (_, found) = read("f.csv", b"sep=;\r\na;b\r\n1;2\r\n", with(None)).unwrap();
    assert_eq!(found, ["3: 1|2"]);
    assert!(Delimiter::parse(Some("ab")).is_err());
}

#[test]
fn compressed_files_are_read_by_what_is_in_them() {
    let text = b"a,b\n1,x\n2,y\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(&text[..], 1).unwrap();
    // Several compressed files behind one another are one.
    let mut other = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    other.write_all(b"3,z\n").unwrap();
    let twice = [gzip.clone(), other.finish().unwrap()].concat();
    for (name, bytes) in [("f.csv.gz", &gzip), ("f.csv.zst", &zstd), ("f.csv", &gzip)] {
        let (_, found) = read(name, bytes, SourceArgs::default()).unwrap();
        assert_eq!(found, ["2: 1|x", "3: 2|y"], "{name}");
    }
    assert_eq!(plain(&twice)[2], "4: 3|z");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.gz");
    std::fs::write(&path, &gzip[..gzip.len() - 6]).unwrap();
    let cut = open_csv(&path, None).and_then(|(mut rows, _)| {
        let mut record = ByteRecord::new();
        while rows.next(&mut record)?.is_some() {}
        Ok(())
    });
    let error = cut.expect_err("a file that is cut off is not read as a whole one");
    let said = "its gzip compression is damaged or its end is missing";
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn a_file_of_another_form_is_named_with_what_to_do() {
    let workbook = b"PK\x03\x04\x14\x00\x06\x00";
    for (name, bytes, part) in [
        ("f.csv", &workbook[..], "it is an Excel workbook"),
        (
            "f.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "export it as CSV",
        ),
        ("f.csv.bz2", b"BZh91AY&SY", "it is compressed with bzip2"),
        ("f.csv.xz", b"\xfd7zXZ\0", "it is compressed with xz"),
        ("f.bin", b"PARE1234", "it is encrypted Parquet"),
        ("f.json", b"{\"a\": 1}\n", "begins as JSON does"),
        (
            "f.jsonl",
            b"[\n{\"a\": 1},\n{\"a\": 2}\n]",
            "it is a JSON array",
        ),
        ("f.jsonl", b"1\n2\n", "no line that is a JSON object"),
    ] {
        let error = read(name, bytes, SourceArgs::default()).unwrap_err();
        assert_eq!(error.exit_code(), 64, "{error}");
        assert!(error.to_string().contains(part), "{name}: {error}");
    }
    // An array in one line, which is no row of the table that its header would make.
    let array = read("f.json", b"[{\"a\": 1}]\n", SourceArgs::default()).unwrap_err();
    assert!(array.lines()[1].contains("--form jsonl"), "{array}");
}

#[test]
fn json_lines_have_their_fields_as_columns() {
    let text = br#"{"id": 1, "customer": {"id": "c-1", "name": null}, "amount": 118.22999999999999}

{"id": "2", "amount": 12.50, "tags": ["a", "b"], "vip": true}
not json
[1]
"#;
    let (names, found) = read("f.jsonl", text, SourceArgs::default()).unwrap();
    assert_eq!(
        names,
        [
            "amount",
            "customer.id",
            "customer.name",
            "id",
            "tags",
            "vip"
        ]
    );
    assert_eq!(
        found,
        [
            "1: 118.22999999999999|c-1||1||",
            "3: 12.50|||2|a;b|true",
            "4: is not JSON: expected ident at byte 2",
            "5: is not a JSON object",
        ]
    );
}

#[test]
fn a_file_without_a_header_or_with_an_unreadable_one_is_wrong_usage() {
    for bytes in [&b""[..], b"\n\n", b"M\xfcller;x\n"] {
        let error = read("f.csv", bytes, SourceArgs::default()).unwrap_err();
        assert_eq!(error.exit_code(), 64, "{error}");
    }
}

#[test]
fn what_can_be_read_only_once_is_kept_for_the_second_time() {
    let mut kept = keep(Box::new(&b"a\n1\n"[..])).unwrap();
    let mut text = String::new();
    kept.rewind().unwrap();
    kept.read_to_string(&mut text).unwrap();
    assert_eq!(text, "a\n1\n");
}
