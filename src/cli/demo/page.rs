//! The page that the demo prints: tiers, what took how long, and commands to paste.

use std::collections::BTreeMap;
use std::path::Path;

use super::DemoReport;
use super::history::CURRENCY;
use crate::cli::connection::DEFAULT_ENDPOINT;
use crate::cli::text::{self, Align};
use crate::pb;

/// How everybody is classified.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TierTable {
    /// Rank and name of a tier, with the number of customers and the sum of their values in minor units.
    tiers: BTreeMap<(i32, String), (u64, i128)>,
    /// Customers without a tier by reason.
    unrated: BTreeMap<i32, u64>,
    /// Subjects that are not exactly one customer.
    unknown: u64,
}

impl TierTable {
    /// Counts an answer.
    pub fn add(&mut self, answer: &pb::ClassifyResponse) {
        let Some(one) = &answer.classification else {
            self.unknown += 1;
            return;
        };
        let tier = one.tier.clone().unwrap_or_default();
        if tier.name.is_empty() {
            *self.unrated.entry(tier.unrated_reason).or_default() += 1;
            return;
        }
        let value = one.lifetime_value.as_ref();
        let (count, sum) = self.tiers.entry((tier.rank, tier.name)).or_default();
        *count += 1;
        *sum += value.map_or(0, |value| i128::from(value.amount_minor));
    }

    /// Number of customers with a tier.
    #[must_use]
    pub fn rated(&self) -> u64 {
        self.tiers.values().map(|(count, _)| count).sum()
    }

    /// Number of customers without a tier.
    #[must_use]
    pub fn unrated(&self) -> u64 {
        self.unrated.values().sum()
    }

    /// Number of subjects that are not exactly one customer.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    fn page(&self, currency: &str) -> String {
        let all = (self.rated() + self.unrated() + self.unknown).max(1);
        let percent = |count: u64| {
            let tenths = count * 1_000 / all;
            format!("{}.{} %", tenths / 10, tenths % 10)
        };
        let mut rows = Vec::new();
        for ((_, name), (count, sum)) in &self.tiers {
            let mean = i64::try_from(sum / i128::from(*count)).unwrap_or(i64::MAX);
            rows.push(vec![
                name.clone(),
                count.to_string(),
                percent(*count),
                format!("{} {currency}", text::major_text(mean, currency)),
            ]);
        }
        for (reason, count) in &self.unrated {
            let name = text::unrated_name(*reason).unwrap_or("no reason given");
            let sentence = text::unrated_sentence(*reason);
            rows.push(vec![
                format!("UNRATED {name}"),
                count.to_string(),
                percent(*count),
                String::new(),
                sentence.to_owned(),
            ]);
        }
        let header = [
            ("tier", Align::Left),
            ("customers", Align::Right),
            ("share", Align::Right),
            ("mean lifetime value", Align::Right),
            ("", Align::Left),
        ];
        text::table(&header, &rows)
    }
}

/// How the commands to paste begin and end.
#[derive(Debug, Clone)]
pub struct Commands {
    program: String,
    endpoint: String,
}

impl Commands {
    /// For the program that runs, from the folder it runs in, to the given server.
    #[must_use]
    pub fn here(endpoint: &str) -> Self {
        let program = std::env::current_exe().ok();
        let folder = std::env::current_dir().ok();
        Self {
            program: program.map_or_else(
                || "patron".to_owned(),
                |program| shown_program(&program, folder.as_deref()),
            ),
            endpoint: endpoint.to_owned(),
        }
    }

    fn of(&self, rest: &str) -> String {
        let endpoint = if self.endpoint == DEFAULT_ENDPOINT {
            String::new()
        } else {
            format!(" --endpoint {}", self.endpoint)
        };
        format!("{} {rest}{endpoint}", self.program)
    }
}

/// The program as a shell finds it from the folder, in quotes where it needs them.
fn shown_program(program: &Path, folder: Option<&Path>) -> String {
    let near = folder.and_then(|folder| program.strip_prefix(folder).ok());
    let shown = match near {
        // A bare name would be looked for on the PATH.
        Some(near) if near.components().count() == 1 => format!("./{}", near.display()),
        Some(near) => near.display().to_string(),
        None => program.display().to_string(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if shown.chars().all(plain) {
        shown
    } else {
        format!("'{}'", shown.replace('\'', r"'\''"))
    }
}

/// The whole page.
pub(super) fn page(report: &DemoReport, commands: &Commands) -> String {
    let currency = if report.model.currency.is_empty() {
        CURRENCY
    } else {
        &report.model.currency
    };
    [
        format!(
            "{} invented customers with three years of history until {}, by tier:",
            report.options.customers, report.options.as_of
        ),
        text::indented(&report.tiers.page(currency)),
        "What took how long:".to_owned(),
        text::indented(&times(report)),
        "Ask it (paste a line into another terminal):".to_owned(),
        text::indented(&examples(report, commands)),
    ]
    .join("\n\n")
}

fn times(report: &DemoReport) -> String {
    let load = match report.loaded {
        None => "nothing: this data directory holds them already".to_owned(),
        Some(loaded) => format!(
            "{} facts, {} of them known, in {:.2} s",
            loaded.written + loaded.duplicates,
            loaded.duplicates,
            report.load_seconds
        ),
    };
    let version = report.model.version;
    let fit = if report.fitted {
        format!("model version {version} in {:.2} s", report.fit_seconds)
    } else {
        format!("nothing: model version {version} answers already")
    };
    text::labelled(&[
        ("Sent", load),
        ("Fitted", fit),
        (
            "Classified",
            format!(
                "{} customers in {:.3} s",
                report.options.customers, report.classify_seconds
            ),
        ),
    ])
}

fn examples(report: &DemoReport, commands: &Commands) -> String {
    let examples = &report.examples;
    let mut lines = Vec::new();
    let mut add = |example: &str, comment: &str, command: String| {
        if !example.is_empty() {
            lines.push(format!("# {comment}\n{}", commands.of(&command)));
        }
    };
    let phone = &examples.regular_phone;
    add(phone, "Who calls?", format!("classify {phone}"));
    let shared = &examples.shared_phone;
    add(
        shared,
        "Who may be calling, when several people share a phone?",
        format!("classify {shared}"),
    );
    let regular = &examples.regular;
    add(
        regular,
        "What is this customer worth, and why?",
        format!("score {regular}"),
    );
    add(
        regular,
        "What is known of them?",
        format!("customer show {regular}"),
    );
    let lead = &examples.lead;
    add(
        lead,
        "Somebody who never bought has no value, and the answer says so",
        format!("classify {lead} --json"),
    );
    add(
        "model",
        "Which model answers, and how well is it determined?",
        "model show".to_owned(),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::load::Loaded;
    use super::super::population::{DemoOptions, Examples};
    use super::*;

    fn answer(
        tier: &str,
        rank: i32,
        value: i64,
        reason: pb::UnratedReason,
    ) -> pb::ClassifyResponse {
        pb::ClassifyResponse {
            classification: Some(pb::Classification {
                tier: Some(pb::Tier {
                    name: tier.into(),
                    rank,
                    unrated_reason: reason.into(),
                }),
                lifetime_value: (rank > 0).then(|| pb::Money {
                    amount_minor: value,
                    currency: "EUR".into(),
                }),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn the_page_has_tiers_by_rank_reasons_times_and_commands() {
        let mut tiers = TierTable::default();
        tiers.add(&answer("silver", 2, 1_000, pb::UnratedReason::Unspecified));
        tiers.add(&answer("gold", 1, 30_000, pb::UnratedReason::Unspecified));
        tiers.add(&answer("gold", 1, 10_000, pb::UnratedReason::Unspecified));
        tiers.add(&answer("", 0, 0, pb::UnratedReason::NoPurchase));
        assert_eq!((tiers.rated(), tiers.unrated(), tiers.unknown()), (3, 1, 0));
        let report = DemoReport {
            options: DemoOptions {
                seed: 1,
                customers: 4,
                as_of: date(2024, 6, 30),
            },
            loaded: Some(Loaded {
                written: 10,
                duplicates: 0,
            }),
            load_seconds: 1.0,
            model: pb::Model {
                version: 1,
                currency: "EUR".into(),
                ..Default::default()
            },
            fitted: true,
            fit_seconds: 0.5,
            classify_seconds: 0.1,
            tiers,
            examples: Examples {
                regular: "c-0002".into(),
                regular_phone: "+493023125001".into(),
                ..Default::default()
            },
        };
        let commands = Commands {
            program: "target/release/patron".into(),
            endpoint: "http://127.0.0.1:7".into(),
        };
        let page = page(&report, &commands);
        for part in [
            "  gold                         2  50.0 %           200.00 EUR\n",
            "  silver                       1  25.0 %            10.00 EUR\n",
            "UNRATED NO_PURCHASE",
            "10 facts, 0 of them known, in 1.00 s",
            "  target/release/patron classify +493023125001 --endpoint http://127.0.0.1:7\n",
            "  target/release/patron score c-0002 --endpoint http://127.0.0.1:7\n",
        ] {
            assert!(page.contains(part), "{part:?} in\n{page}");
        }
        assert!(page.find("gold") < page.find("silver"));
    }

    #[test]
    fn the_program_is_shown_so_that_a_shell_finds_it() {
        let program = Path::new("/home/a b/target/release/patron");
        let shown = |folder: &str| shown_program(program, Some(Path::new(folder)));
        assert_eq!(shown("/home/a b"), "target/release/patron");
        assert_eq!(shown("/home/a b/target/release"), "./patron");
        assert_eq!(shown("/tmp"), "'/home/a b/target/release/patron'");
    }
}
