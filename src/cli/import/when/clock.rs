//! Times of day: `13:45`, `8:26:01.5`, `10:15 PM`, each perhaps with a zone.

use jiff::civil::Time;
use jiff::tz::Offset;

/// Reads a time of day and the offset of its zone. `None` when it is neither.
pub(super) fn parse(text: &str) -> Option<(Time, Option<Offset>)> {
    let (time, offset) = take_offset(text)?;
    Some((parse_time(time.trim())?, offset))
}

/// The offset at the end of a time: `Z`, `UTC`, `GMT`, `+01`, `+0100` or `+01:00`.
fn take_offset(text: &str) -> Option<(&str, Option<Offset>)> {
    let upper = text.to_ascii_uppercase();
    for zone in ["UTC", "GMT", "Z"] {
        if upper.ends_with(zone) {
            return Some((&text[..text.len() - zone.len()], Some(Offset::UTC)));
        }
    }
    let Some(at) = text.find(['+', '-']) else {
        return Some((text, None));
    };
    let (time, written) = text.split_at(at);
    let digits: String = written[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = match digits.len() {
        1 | 2 => (digits.parse().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    if minutes > 59 {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    let signed = if written.starts_with('-') {
        -seconds
    } else {
        seconds
    };
    Some((time, Some(Offset::from_seconds(signed).ok()?)))
}

/// `H:MM`, `H:MM:SS` or `H:MM:SS.fff`, with AM or PM on a clock of twelve hours.
fn parse_time(text: &str) -> Option<Time> {
    let lower = text
        .to_ascii_lowercase()
        .replace("a.m.", "am")
        .replace("p.m.", "pm");
    let (time, afternoon) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(time), _) => (time.trim_end(), Some(false)),
        (_, Some(time)) => (time.trim_end(), Some(true)),
        (None, None) => (lower.as_str(), None),
    };
    let (time, fraction) = time.split_once(['.', ',']).unwrap_or((time, ""));
    let is_fraction = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = time.split(':').collect();
    if !is_fraction || !(2..=3).contains(&parts.len()) || (parts.len() == 2 && !fraction.is_empty())
    {
        return None;
    }
    let mut numbers = [0_i8; 3];
    for (number, part) in numbers.iter_mut().zip(&parts) {
        let is_number = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        *number = part.parse().ok().filter(|_| is_number)?;
    }
    let [hour, minute, second] = numbers;
    let hour = match afternoon {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(true) => hour % 12 + 12,
        Some(false) => hour % 12,
        None => hour,
    };
    let nanosecond: i32 = format!("{fraction:0<9}").parse().ok()?;
    // A leap second counts as the second before it.
    let second = if second == 60 { 59 } else { second };
    Time::new(hour, minute, second, nanosecond).ok()
}
