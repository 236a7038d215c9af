//! Check-ins: when to call a customer by oneself, often at first and then less.

use crate::domain::{
    calendar::Day,
    definitions::{
        fields::{self, Fields},
        yaml::Node,
    },
    rules::{
        condition::AttributeId,
        diagnostic::{Code, Diagnostics, Span},
        vocabulary::{ValueType, Vocabulary},
    },
};

/// Most steps of a plan.
const MAX_STEPS: usize = 20;
/// Longest step, in days or months.
const MAX_LENGTH: u32 = 3_650;

/// From which day check-ins are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckInsFrom {
    /// The first purchase.
    FirstPurchase,
    /// An attribute of type day.
    Attribute(AttributeId),
}

/// A plan of check-ins: one step after the other, and then no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckIns {
    /// The day that it is counted from.
    pub from: CheckInsFrom,
    steps: Vec<Step>,
}

/// A check-in after every so long, for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    every: Length,
    lasts: Length,
}

/// Days or months of the calendar, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Days(u32),
    Months(u32),
}

impl Length {
    /// The days that it has at least. A month has 28.
    const fn least_days(self) -> u32 {
        match self {
            Self::Days(days) => days,
            Self::Months(months) => months * 28,
        }
    }

    /// The days that it has at most.
    const fn most_days(self) -> u32 {
        match self {
            Self::Days(days) => days,
            Self::Months(months) => months * 31,
        }
    }

    /// Whether it is longer than another one, in some months at least.
    const fn can_exceed(self, other: Self) -> bool {
        match (self, other) {
            (Self::Months(months), Self::Months(others)) => months > others,
            _ => self.most_days() > other.least_days(),
        }
    }

    /// The day so many of these lengths after `day`; `None` beyond the days that are kept.
    fn after(self, day: Day, times: u32) -> Option<Day> {
        match self {
            Self::Days(days) => {
                let days = i32::try_from(days.checked_mul(times)?).ok()?;
                let later = day.plus_days(days);
                (later - day == days).then_some(later)
            }
            Self::Months(months) => day.plus_months(months.checked_mul(times)?),
        }
    }
}

impl CheckIns {
    /// The next check-in on `today` or later of a plan that is counted from `start`; `None` when it has ended.
    #[must_use]
    pub fn next(&self, start: Day, today: Day) -> Option<Day> {
        let mut begins = start;
        for step in &self.steps {
            let ends = step.lasts.after(begins, 1).unwrap_or(Day::LAST);
            if today <= ends {
                // Those that are over for sure are not counted one by one.
                let over = u32::try_from(today - begins).unwrap_or(0) / step.every.most_days();
                let days = (over.max(1)..).map_while(|times| step.every.after(begins, times));
                let mut days = days.take_while(|&day| day <= ends);
                if let Some(next) = days.find(|&day| day >= today) {
                    return Some(next);
                }
            }
            begins = ends;
        }
        None
    }
}

/// `check_ins:` of a treatment.
pub(super) fn read(
    node: &Node,
    place: Span,
    vocabulary: &Vocabulary,
    problems: &mut Diagnostics,
) -> Option<CheckIns> {
    let mut fields = Fields::from_node(node, place, "`check_ins`", problems)?;
    let from = fields.require("from", "first_purchase", problems);
    let from = from.and_then(|node| read_from(node, vocabulary, problems));
    let steps_place = fields.key_span("steps");
    let steps = fields.require("steps", "[{ every: 7 d, for: 28 d }]", problems);
    let steps = steps.and_then(|node| read_steps(node, steps_place, problems));
    fields.finish(problems);
    Some(CheckIns {
        from: from?,
        steps: steps?,
    })
}

fn read_from(
    node: &Node,
    vocabulary: &Vocabulary,
    problems: &mut Diagnostics,
) -> Option<CheckInsFrom> {
    let name = fields::scalar(node, problems)?;
    if name == "first_purchase" {
        return Some(CheckInsFrom::FirstPurchase);
    }
    let found = vocabulary.attribute_id(name);
    if let Some(id) = found.filter(|&id| vocabulary.attribute(id).value_type == ValueType::Day) {
        return Some(CheckInsFrom::Attribute(id));
    }
    if !vocabulary.is_unreadable(name) {
        let message = format!("`{name}` is not an attribute of type day");
        let help = "write `first_purchase`, or an attribute of type day";
        problems.add_with_help(node.span, Code::UnknownName, message, help);
    }
    None
}

fn read_steps(node: &Node, place: Span, problems: &mut Diagnostics) -> Option<Vec<Step>> {
    let items = fields::list(node, place, "`steps`", problems)?;
    if items.is_empty() || items.len() > MAX_STEPS {
        let message = format!("{} steps; write 1 to {MAX_STEPS}", items.len());
        problems.add(place, Code::Limit, message);
        return None;
    }
    let steps: Vec<Option<Step>> = items.iter().map(|item| step(item, problems)).collect();
    steps.into_iter().collect()
}

fn step(node: &Node, problems: &mut Diagnostics) -> Option<Step> {
    let mut fields = Fields::from_node(node, node.span, "a step", problems)?;
    let every = fields.require("every", "7 d", problems);
    let place = every.map_or(node.span, |every| every.span);
    let every = every.and_then(|node| length(node, problems));
    let lasts = fields.require("for", "28 d", problems);
    let lasts = lasts.and_then(|node| length(node, problems));
    fields.finish(problems);
    let step = Step {
        every: every?,
        lasts: lasts?,
    };
    if step.every.can_exceed(step.lasts) {
        let message = "this step can end before its first check-in";
        let help = "make `for` at least as long as `every` in every month: 1 mo has 28 to 31 days";
        problems.add_with_help(place, Code::BadValue, message, help);
    }
    Some(step)
}

/// Days or months, written `7 d` or `1 mo`.
fn length(node: &Node, problems: &mut Diagnostics) -> Option<Length> {
    let written = fields::scalar(node, problems)?;
    let digits = written.trim_start_matches(|c: char| c.is_ascii_digit());
    let (number, unit) = written.split_at(written.len() - digits.len());
    let number = number
        .parse()
        .ok()
        .filter(|number| (1..=MAX_LENGTH).contains(number));
    match (number, unit.trim_start()) {
        (Some(days), "d") => Some(Length::Days(days)),
        (Some(months), "mo") => Some(Length::Months(months)),
        _ => {
            let message = format!("{written:?} is not a number of days or months");
            let help = "for example `7 d` or `1 mo`";
            problems.add_with_help(node.span, Code::BadValue, message, help);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_lasts_to_its_first_check_in_in_every_month() {
        for (every, lasts, can_exceed) in [
            (Length::Days(30), Length::Months(1), true),
            (Length::Days(28), Length::Months(1), false),
            (Length::Months(1), Length::Days(30), true),
            (Length::Months(1), Length::Days(31), false),
            (Length::Months(1), Length::Months(1), false),
            (Length::Months(2), Length::Months(1), true),
            (Length::Days(8), Length::Days(7), true),
        ] {
            assert_eq!(every.can_exceed(lasts), can_exceed, "{every:?} {lasts:?}");
        }
    }

    #[test]
    fn check_ins_become_rarer_and_end() {
        let step = |every, lasts| Step { every, lasts };
        let plan = CheckIns {
            from: CheckInsFrom::FirstPurchase,
            steps: vec![
                step(Length::Days(7), Length::Days(28)),
                step(Length::Days(14), Length::Days(56)),
                step(Length::Months(1), Length::Months(6)),
            ],
        };
        let day = |text: &str| text.parse::<Day>().unwrap();
        let start = day("2026-01-01");
        let mut days = vec![];
        let mut today = start;
        while let Some(next) = plan.next(start, today) {
            days.push(next.to_string());
            today = next.plus_days(1);
        }
        let expected = [
            "2026-01-08",
            "2026-01-15",
            "2026-01-22",
            "2026-01-29", // weekly
            "2026-02-12",
            "2026-02-26",
            "2026-03-12",
            "2026-03-26", // every two weeks
            "2026-04-26",
            "2026-05-26",
            "2026-06-26",
            "2026-07-26",
            "2026-08-26",
            "2026-09-26", // monthly
        ];
        assert_eq!(days, expected);
        // The end of a short month is no reason to stay there.
        let monthly = CheckIns {
            from: CheckInsFrom::FirstPurchase,
            steps: vec![step(Length::Months(1), Length::Months(3))],
        };
        let last = day("2026-01-31");
        assert_eq!(monthly.next(last, last), Some(day("2026-02-28")));
        assert_eq!(
            monthly.next(last, day("2026-03-01")),
            Some(day("2026-03-31"))
        );
        // A plan may last longer than days are kept.
        let long = CheckIns {
            from: CheckInsFrom::FirstPurchase,
            steps: vec![step(Length::Days(7), Length::Months(3_650))],
        };
        assert_eq!(long.next(start, day("2190-01-01")), Some(day("2190-01-07")));
        // A check-in of today is not over.
        assert_eq!(plan.next(start, day("2026-01-08")), Some(day("2026-01-08")));
        assert_eq!(plan.next(day("2199-12-31"), day("2199-12-31")), None);
    }
}
