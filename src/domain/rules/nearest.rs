//! The known name that a misspelt one probably means.

use crate::domain::stop;

/// Longest common beginning that counts as a hint by itself, in characters.
const PREFIX_CHARS: usize = 4;

/// The candidate nearest to `name`: at most two typing errors (one in a short name), or a long common beginning. Capitals do not count.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().take(80).collect();
    let allowed = if wanted.len() <= 3 { 1 } else { 2 };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        stop::check();
        let known: Vec<char> = candidate.to_lowercase().chars().take(80).collect();
        let errors = distance(&wanted, &known);
        let shared = wanted
            .iter()
            .zip(&known)
            .take_while(|(a, b)| a == b)
            .count();
        // A shared beginning ranks behind every candidate with few errors.
        let rank = if errors <= allowed && errors < wanted.len() {
            errors
        } else if shared >= PREFIX_CHARS {
            100 - shared
        } else {
            continue;
        };
        if best.is_none_or(|(least, _)| rank < least) {
            best = Some((rank, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Typing errors between two texts: insertions, deletions, replacements and exchanges of neighbours.
/// Source: optimal string alignment, in R. Wagner and M. Fischer (1974), extended by R. Lowrance and R. Wagner (1975).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut errors = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                errors = errors.min(before_last[j - 2] + 1);
            }
            row.push(errors);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[track_caller]
    fn check(name: &str, meant: Option<&str>) {
        let known = ["country", "clv", "employees", "probability_alive", "orders"];
        assert_eq!(nearest(name, known), meant, "{name}");
    }

    #[test]
    fn the_name_that_was_probably_meant_is_found() {
        check("countri", Some("country"));
        check("Country", Some("country"));
        check("cuontry", Some("country"));
        check("clf", Some("clv"));
        check("employee_count", Some("employees"));
        check("probability", Some("probability_alive"));
        check("x", None);
        check("order", Some("orders"));
        check("something_else", None);
    }
}
