//! What the demo counts while everybody is classified: customers by tier and by segment, and whom to show.

use std::collections::{BTreeMap, HashMap};

use crate::cli::text::{self, Align};
use crate::domain::definitions::Definitions;
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

    fn all(&self) -> u64 {
        self.rated() + self.unrated() + self.unknown
    }

    /// The tiers from the best, then those without one by reason.
    #[must_use]
    pub fn page(&self, currency: &str) -> String {
        let percent = |count| percent(count, self.all());
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

/// How many customers are in each segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SegmentTable {
    /// Segments in the order of the definitions: name, title, members.
    segments: Vec<(String, String, u64)>,
    places: HashMap<String, usize>,
    customers: u64,
}

impl SegmentTable {
    /// A table with all segments of a document, so that those without a member are shown too. A document that this version cannot read
    /// leaves the table to be filled by those that are met.
    #[must_use]
    pub fn from_document(document: &str) -> Self {
        let mut table = Self::default();
        if let Ok(definitions) = Definitions::read(document) {
            for segment in definitions.segments() {
                table.place(&segment.name, &segment.title.en);
            }
        }
        table
    }

    fn place(&mut self, name: &str, title: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.segments.len();
        self.segments.push((name.to_owned(), title.to_owned(), 0));
        self.places.insert(name.to_owned(), place);
        place
    }

    /// Counts an answer.
    pub fn add(&mut self, answer: &pb::ClassifyResponse) {
        self.customers += 1;
        for one in answer.classification.iter().flat_map(|one| &one.segments) {
            let title = one.title.as_ref().map_or("", |title| title.en.as_str());
            let place = self.place(&one.segment, title);
            self.segments[place].2 += 1;
        }
    }

    /// Number of members of a segment.
    #[must_use]
    pub fn members(&self, name: &str) -> u64 {
        self.places
            .get(name)
            .map_or(0, |place| self.segments[*place].2)
    }

    /// The segments in the order of the definitions.
    #[must_use]
    pub fn page(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .segments
            .iter()
            .map(|(name, title, members)| {
                vec![
                    name.clone(),
                    members.to_string(),
                    percent(*members, self.customers),
                    title.clone(),
                ]
            })
            .collect();
        let header = [
            ("segment", Align::Left),
            ("members", Align::Right),
            ("share", Align::Right),
            ("", Align::Left),
        ];
        text::table(&header, &rows)
    }
}

/// Customers whom the commands of the page show, found among the answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cases {
    /// A member of an interesting segment, and that segment: at risk where there is one.
    pub explained: Option<(String, String)>,
    /// The customer of the second tier with the highest value, and the name of the first tier.
    pub nearly: Option<(String, String)>,
    best: String,
    highest_minor: i64,
}

/// The segment that is explained when it has a member.
const INTERESTING: &str = "attention/at_risk";

impl Cases {
    /// Looks at an answer.
    pub fn add(&mut self, answer: &pb::ClassifyResponse) {
        let Some(one) = &answer.classification else {
            return;
        };
        let at_risk = one.segments.iter().find(|one| one.segment == INTERESTING);
        let known = self.explained.as_ref();
        let known = known.map(|(_, segment)| segment.as_str());
        match (at_risk, one.segments.first(), known) {
            (Some(segment), _, Some(known)) if known != INTERESTING => self.explain(one, segment),
            (Some(segment), _, None) | (None, Some(segment), None) => self.explain(one, segment),
            _ => {}
        }
        let tier = one.tier.clone().unwrap_or_default();
        let value = one.lifetime_value.as_ref();
        let value = value.map_or(0, |value| value.amount_minor);
        if tier.rank == 1 {
            self.best = tier.name;
        } else if tier.rank == 2 && value > self.highest_minor {
            self.highest_minor = value;
            self.nearly = Some((one.customer_id.clone(), String::new()));
        }
        if let Some((_, best)) = &mut self.nearly {
            best.clone_from(&self.best);
        }
    }

    fn explain(&mut self, one: &pb::Classification, segment: &pb::SegmentMembership) {
        self.explained = Some((one.customer_id.clone(), segment.segment.clone()));
    }
}

/// A share to a tenth of a per cent.
fn percent(count: u64, all: u64) -> String {
    let tenths = count * 1_000 / all.max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: &str, rank: i32, value: i64, segments: &[&str]) -> pb::ClassifyResponse {
        let membership = |name: &&str| pb::SegmentMembership {
            segment: (*name).to_owned(),
            ..Default::default()
        };
        pb::ClassifyResponse {
            classification: Some(pb::Classification {
                customer_id: id.into(),
                tier: Some(pb::Tier {
                    name: ["platinum", "gold"][usize::try_from(rank).unwrap() - 1].into(),
                    rank,
                    unrated_reason: 0,
                }),
                lifetime_value: Some(pb::Money {
                    amount_minor: value,
                    currency: "EUR".into(),
                }),
                segments: segments.iter().map(membership).collect(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn segments_without_members_are_listed_in_the_order_of_the_definitions() {
        let mut table = SegmentTable::from_document(crate::generate::DEFINITIONS);
        table.add(&answer(
            "c-1",
            2,
            5,
            &["lifecycle/lost", "attention/at_risk"],
        ));
        table.add(&answer("c-2", 2, 5, &["lifecycle/lost"]));
        assert_eq!(table.members("lifecycle/lost"), 2);
        let page = table.page();
        let lead = page.find("lifecycle/lead ").unwrap();
        let lost = page.find("lifecycle/lost ").unwrap();
        assert!(lead < lost, "{page}");
        assert!(page.contains("100.0 %  Probably lost"), "{page}");
        assert!(page.contains("  0.0 %  Lead"), "{page}");
    }

    #[test]
    fn the_cases_are_somebody_at_risk_and_the_best_of_the_second_tier() {
        let mut cases = Cases::default();
        cases.add(&answer("c-1", 2, 5, &["lifecycle/lost"]));
        cases.add(&answer(
            "c-2",
            2,
            9,
            &["lifecycle/lost", "attention/at_risk"],
        ));
        cases.add(&answer("c-3", 1, 90, &["attention/at_risk"]));
        let pair = |one: &str, two: &str| Some((one.to_owned(), two.to_owned()));
        assert_eq!(cases.explained, pair("c-2", "attention/at_risk"));
        assert_eq!(cases.nearly, pair("c-2", "platinum"));
    }
}
