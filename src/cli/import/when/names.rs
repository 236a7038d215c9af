//! Days with the name of their month, which leaves no question of order: `3 Feb 2026`, `Feb 3, 2026`, `03-Feb-2026`, `3. Februar 2026`.

use jiff::civil::Date;

use super::calendar_day;

/// The months in English and in German, by their first three letters.
const MONTHS: [&[&str]; 12] = [
    &["jan"],
    &["feb"],
    &["mar", "m\u{e4}r"],
    &["apr"],
    &["may", "mai"],
    &["jun"],
    &["jul"],
    &["aug"],
    &["sep"],
    &["oct", "okt"],
    &["nov"],
    &["dec", "dez"],
];

/// A day with the name of its month at the beginning of a text, and what stands behind it. `None`: there is no name.
pub(super) fn take_day(text: &str) -> Option<Result<(Date, &str), String>> {
    let mut rest = text;
    let (mut month, mut numbers) = (None, Vec::with_capacity(2));
    let mut first = true;
    while month.is_none() || numbers.len() < 2 {
        rest = rest.trim_start_matches([' ', ',', '.', '-', '/']);
        let end = rest
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        if word.is_empty() {
            return None;
        }
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            numbers.push(word);
        } else if month.is_none() && month_number(word).is_some() {
            month = month_number(word);
        } else if !(first && is_weekday(word)) {
            return None;
        }
        first = false;
        // Three numbers, or a number that is neither day nor year: another form.
        if numbers.len() > 2
            || numbers
                .iter()
                .any(|number| ![1, 2, 4].contains(&number.len()))
        {
            return None;
        }
        rest = behind;
    }
    let (year, of_month) = match numbers[..] {
        [year, of_month] | [of_month, year] if year.len() == 4 && of_month.len() < 4 => {
            (year, of_month)
        }
        _ => return None,
    };
    let (year, of_month) = (year.parse().ok()?, of_month.parse().ok()?);
    let day = calendar_day(year, month?, of_month, text);
    Some(day.map(|day| (day, rest.trim_start_matches([',', '.']))))
}

/// 1 to 12.
fn month_number(word: &str) -> Option<i16> {
    let lower = word.to_lowercase();
    let short: String = lower.chars().take(3).collect();
    let at = MONTHS
        .iter()
        .position(|names| names.contains(&short.as_str()))?;
    let is_word = lower.chars().all(char::is_alphabetic);
    is_word.then(|| i16::try_from(at + 1).ok()).flatten()
}

fn is_weekday(word: &str) -> bool {
    let short: String = word.to_lowercase().chars().take(2).collect();
    [
        "mo", "tu", "we", "th", "fr", "sa", "su", "di", "mi", "do", "so",
    ]
    .contains(&short.as_str())
}
