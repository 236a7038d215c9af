//! Values as cells, and files that are damaged.

use parquet::data_type::ByteArray;

use super::*;

#[test]
fn decimals_of_any_length_keep_all_their_digits() {
    let bytes = |bytes: &[u8], scale| {
        let value = Decimal::from_bytes(ByteArray::from(bytes.to_vec()), 38, scale);
        unscaled(&value).map(|digits| decimal(digits, scale.unsigned_abs()))
    };
    assert_eq!(bytes(&[0x04, 0xe2], 2).as_deref(), Some("12.50"));
    assert_eq!(bytes(&[0xff], 2).as_deref(), Some("-0.01"));
    assert_eq!(bytes(&[], 0).as_deref(), Some("0"));
    let mut long = vec![0xff; 20];
    long.extend([0xfb, 0x1e]);
    assert_eq!(bytes(&long, 2).as_deref(), Some("-12.50"));
    assert_eq!(bytes(&[0x7f; 17], 0), None);
    let mut unsigned = vec![0];
    unsigned.extend([0xff; 16]);
    assert_eq!(bytes(&unsigned, 0), None);
    assert_eq!(decimal(i128::from(i64::MIN), 4), "-922337203685477.5808");
}

#[test]
fn times_are_those_of_utc_or_of_no_stated_zone() {
    let cell = |kind: Kind, count| kind.cell(&Field::Long(count));
    let utc = Kind::Timestamp(1_000_000, Zone::Utc);
    assert_eq!(
        cell(utc, 1_767_223_800_123).as_deref(),
        Some("2025-12-31T23:30:00.123Z")
    );
    let local = Kind::Timestamp(1, Zone::Unstated);
    assert_eq!(
        cell(local, 1_767_223_800_000_000_000).as_deref(),
        Some("2025-12-31T23:30:00")
    );
    assert_eq!(cell(Kind::Timestamp(1_000_000, Zone::Utc), i64::MAX), None);
    assert_eq!(cell(Kind::Date, -1).as_deref(), Some("1969-12-31"));
    assert_eq!(cell(Kind::Date, i64::MAX), None);
    assert_eq!(
        cell(Kind::Time(1), 3_600_000_000_000).as_deref(),
        Some("01:00:00")
    );
    assert_eq!(cell(Kind::Time(1), -1), None);
    assert_eq!(
        cell(Kind::Unsigned, -1).as_deref(),
        Some("18446744073709551615")
    );
    assert_eq!(
        Kind::Plain.cell(&Field::Double(17_850.0)).as_deref(),
        Some("17850")
    );
    assert_eq!(
        Kind::Plain
            .cell(&Field::Double(118.229_999_999_999_99))
            .as_deref(),
        Some("118.22999999999999")
    );
    assert_eq!(Kind::Plain.cell(&Field::Null).as_deref(), Some(""));
    let binary = Field::Bytes(ByteArray::from(vec![0xff, 0xfe]));
    assert_eq!(Kind::Plain.cell(&binary), None);
}

/// Reads all rows; whether they could be read.
fn read_all(file: File) -> Result<u64, String> {
    let rows = ParquetRows::open(file, Arc::default());
    let mut rows = rows.map_err(|unreadable| unreadable.cause)?;
    let mut record = ByteRecord::new();
    while rows.next(&mut record)?.is_some() {}
    Ok(rows.read)
}

#[test]
fn a_damaged_file_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.parquet");
    for sound in [
        &include_bytes!("../../../../../tests/reference/parquet/orders.parquet")[..],
        include_bytes!("../../../../../tests/reference/parquet/orders_zstd.parquet"),
    ] {
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read_all(File::open(&path).unwrap())
        };
        assert_eq!(read(sound), Ok(4));
        let cut = Err("its end is missing".to_owned());
        assert_eq!(read(&sound[..sound.len() - 1]), cut);
        assert_eq!(read(&sound[..4]), cut);
        let encrypted = [&sound[..sound.len() - 4], b"PARE"].concat();
        assert_eq!(read(&encrypted), Err("it is encrypted".to_owned()));
        for at in (0..sound.len()).step_by(7) {
            let mut damaged = sound.to_vec();
            damaged[at] ^= 0x5a;
            let _ = read(&damaged);
            let _ = read(&sound[..at]);
        }
    }
}
