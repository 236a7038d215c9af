//! One table: what a customer is, what they did and which model answers, to the value, the tier and the reason for none.
//!
//! The values were computed from the papers' equations in 30-digit arithmetic (mpmath 1.3.0), by no code of this repository: Fader,
//! Hardie and Lee 2005, eq. 10 (BG/NBD); Batislam, Denizel and Filiztekin 2007 (MBG/NBD); Fader and Hardie 2013, note 025 (Gamma-Gamma);
//! twelve months of 30.4375 days, 1 % a month at month ends.

use patron::pb;
use patron::pb::{CustomerKind, UnratedReason};

use crate::support::messages::{by_id, money, patch, purchase, refund};
use crate::support::models::{BG, MBG, SPEND, store_model};
use crate::support::service::ServiceWithDatabase;

const AS_OF: &str = "2026-06-30";
const KINDS: [CustomerKind; 3] = [
    CustomerKind::Person,
    CustomerKind::Company,
    CustomerKind::Employee,
];
/// Our arithmetic against that of 30 digits: as the reference values of the models.
const TOLERANCE: f64 = 1e-9;

/// What one model says: probability alive, expected orders, value in cents, tier with rank.
type PublishedRow = (f64, f64, i64, (&'static str, i32));

/// A history as of [`AS_OF`]: its purchases, the inputs that follow from them, the expected spend per order and what the models say.
struct History {
    name: &'static str,
    /// Day and cents.
    purchases: &'static [(&'static str, i64)],
    /// x, `t_x` and T in days, `m_x` in euros.
    inputs: (i32, f64, f64, f64),
    spend: f64,
    bg: PublishedRow,
    mbg: PublishedRow,
}

const PLATINUM: (&str, i32) = ("platinum", 1);
const GOLD: (&str, i32) = ("gold", 2);
const SILVER: (&str, i32) = ("silver", 3);
const BRONZE: (&str, i32) = ("bronze", 4);

/// From the first purchase on, thirteen weeks.
const WEEKLY: [(&str, i64); 13] = [
    ("2026-04-01", 6_000),
    ("2026-04-08", 6_000),
    ("2026-04-15", 6_000),
    ("2026-04-22", 6_000),
    ("2026-04-29", 6_000),
    ("2026-05-06", 6_000),
    ("2026-05-13", 6_000),
    ("2026-05-20", 6_000),
    ("2026-05-27", 6_000),
    ("2026-06-03", 6_000),
    ("2026-06-10", 6_000),
    ("2026-06-17", 6_000),
    ("2026-06-24", 6_000),
];

const BUYERS: [History; 7] = [
    History {
        name: "one purchase",
        purchases: &[("2026-01-01", 10_000)],
        inputs: (0, 0.0, 180.0, 0.0),
        spend: 35.218_978_102_189_78,
        bg: (1.0, 0.345_621_355_896_042_3, 1_146, BRONZE),
        mbg: (
            0.433_582_296_967_156_5,
            0.294_425_448_238_824_2,
            977,
            BRONZE,
        ),
    },
    History {
        name: "today",
        purchases: &[(AS_OF, 10_000)],
        inputs: (0, 0.0, 0.0, 0.0),
        spend: 35.218_978_102_189_78,
        bg: (1.0, 1.449_238_365_747_195, 4_837, BRONZE),
        mbg: (0.644_311_377_245_509, 1.422_725_617_631_183, 4_752, BRONZE),
    },
    History {
        name: "repeat",
        // Two purchases of a day are one order; the one after the day of the answer is none yet.
        purchases: &[
            ("2026-01-01", 10_000),
            ("2026-02-05", 8_000),
            ("2026-02-05", 4_000),
            ("2026-05-20", 18_000),
            ("2026-07-01", 99_900),
        ],
        inputs: (2, 139.0, 180.0, 150.0),
        spend: 129.363_517_060_367_5,
        bg: (0.726_798_947_907_941, 2.086_257_337_809_575, 25_451, GOLD),
        mbg: (0.708_466_936_141_800_1, 2.099_560_648_577_6, 25_629, GOLD),
    },
    History {
        name: "small repeat",
        purchases: &[("2026-01-01", 100), ("2026-03-01", 8_000)],
        inputs: (1, 59.0, 180.0, 80.0),
        spend: 66.351_501_668_520_58,
        bg: (
            0.514_563_659_985_384_8,
            0.850_717_168_740_215_8,
            5_319,
            SILVER,
        ),
        mbg: (
            0.471_459_577_143_634_4,
            0.875_094_729_935_936_2,
            5_475,
            SILVER,
        ),
    },
    History {
        name: "free purchases",
        purchases: &[("2026-01-01", 0), ("2026-03-01", 0)],
        inputs: (1, 59.0, 180.0, 0.0),
        spend: 10.734_149_054_505_01,
        bg: (
            0.514_563_659_985_384_8,
            0.850_717_168_740_215_8,
            861,
            BRONZE,
        ),
        mbg: (
            0.471_459_577_143_634_4,
            0.875_094_729_935_936_2,
            886,
            BRONZE,
        ),
    },
    History {
        name: "weekly",
        purchases: &WEEKLY,
        inputs: (12, 84.0, 90.0, 60.0),
        spend: 59.126_575_765_371_75,
        // The models part: platinum begins at 1,000.
        bg: (
            0.900_780_465_063_713,
            18.754_596_476_542_37,
            105_026,
            PLATINUM,
        ),
        mbg: (0.895_629_285_212_993, 16.824_638_065_239_33, 94_281, GOLD),
    },
    History {
        name: "dear",
        purchases: &[("2026-05-01", 100), ("2026-05-31", 200_000)],
        inputs: (1, 30.0, 60.0, 2_000.0),
        spend: 1_401.167_964_404_894,
        bg: (
            0.650_288_492_768_995_4,
            2.017_806_751_673_997,
            267_318,
            PLATINUM,
        ),
        mbg: (
            0.634_827_988_649_451_6,
            2.057_953_960_657_428,
            272_830,
            PLATINUM,
        ),
    },
];

/// Histories without a purchase as of [`AS_OF`].
const OTHERS: [&str; 3] = ["none", "all refunded", "only later"];

/// Which model answers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    None,
    Bg,
    Mbg,
    /// MBG/NBD without a spend model.
    WithoutSpend,
    /// MBG/NBD with a spend model whose q is 1, so that it has no mean.
    WithoutMean,
}

/// What stands behind an amount.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Currencies {
    /// Everything was ever booked in one currency: it is the one to report in.
    One,
    /// In two, and no definitions say which to report in.
    Two,
}

fn id(kind: CustomerKind, history: &str) -> String {
    format!("{} {history}", kind.as_str_name())
}

/// Every kind with every history.
async fn ingest(service: &ServiceWithDatabase) {
    let (mut patches, mut transactions) = (vec![], vec![]);
    for kind in KINDS {
        let histories = BUYERS.iter().map(|it| (it.name, it.purchases));
        let histories = histories.chain(OTHERS.map(|name| (name, &[][..])));
        for (name, purchases) in histories {
            let customer = id(kind, name);
            patches.push(pb::CustomerPatch {
                kind: kind.into(),
                ..patch(&customer)
            });
            let purchases = purchases.iter().enumerate();
            transactions.extend(
                purchases
                    .map(|(at, (day, cents))| purchase(&customer, &at.to_string(), day, *cents)),
            );
        }
        let refunded = id(kind, "all refunded");
        transactions.extend([
            purchase(&refunded, "1", "2026-01-01", 10_000),
            refund(&refunded, "2", "1", "2026-02-01", 10_000),
            purchase(&id(kind, "only later"), "1", "2026-07-15", 10_000),
        ]);
    }
    service.write_customers(&patches).await;
    service.write(&transactions).await;
}

/// Why there is no value, where there is none.
fn unrated(
    kind: CustomerKind,
    bought: bool,
    state: State,
    currencies: Currencies,
) -> UnratedReason {
    match (kind, bought, state, currencies) {
        (CustomerKind::Employee, ..) => UnratedReason::NotApplicable,
        (_, false, ..) => UnratedReason::NoPurchase,
        (_, _, State::None, _) => UnratedReason::NoModel,
        (_, _, _, Currencies::Two) => UnratedReason::NoRate,
        (_, _, State::WithoutSpend, _) => UnratedReason::NoModel,
        (_, _, State::WithoutMean, _) => UnratedReason::NoMean,
        (_, _, State::Bg | State::Mbg, _) => UnratedReason::Unspecified,
    }
}

#[track_caller]
fn assert_close(what: &str, row: &str, actual: Option<f64>, expected: Option<f64>) {
    match (actual, expected) {
        (Some(actual), Some(expected)) => assert!(
            (actual - expected).abs() <= TOLERANCE * expected.abs(),
            "{row}: {what} is {actual}, not {expected}"
        ),
        (actual, expected) => assert_eq!(actual, expected, "{row}: {what}"),
    }
}

/// One row of the table against both forms of the answer.
fn check(
    kind: CustomerKind,
    history: Option<&History>,
    (state, currencies): (State, Currencies),
    classified: &pb::Classification,
    score: &pb::LifetimeValueScore,
) {
    let row = format!("{} {state:?} {currencies:?}", score.customer_id);
    let row = row.as_str();
    let reason = unrated(kind, history.is_some(), state, currencies);
    let history = history.filter(|_| kind != CustomerKind::Employee);
    let said = history.and_then(|history| match state {
        State::None => None,
        State::Bg => Some(history.bg),
        State::Mbg | State::WithoutSpend | State::WithoutMean => Some(history.mbg),
    });
    let rated = said.filter(|_| reason == UnratedReason::Unspecified);
    let value = rated.map(|said| money(said.2, "EUR"));
    let (name, rank) = rated.map_or(("", 0), |said| said.3);
    let tier = Some(pb::Tier {
        name: name.to_owned(),
        rank,
        unrated_reason: reason.into(),
    });
    assert_eq!(classified.kind(), kind, "{row}");
    assert_eq!(classified.tier, tier, "{row}");
    assert_eq!(classified.lifetime_value, value, "{row}");
    assert_eq!(score.tier, tier, "{row}");
    assert_eq!(score.lifetime_value, value, "{row}");
    assert_eq!(score.unrated_reason(), reason, "{row}");
    let close = |what, actual, expected| assert_close(what, row, actual, expected);
    close("alive", score.probability_alive, said.map(|said| said.0));
    close("orders", score.expected_orders, said.map(|said| said.1));
    let spend = history.filter(|_| rated.is_some()).map(|it| it.spend);
    close("spend", score.expected_spend_per_order, spend);
    let identified = state != State::Bg || history.is_none_or(|it| it.inputs.0 > 0);
    assert_eq!(score.probability_alive_not_identified, !identified, "{row}");
    assert_eq!(score.inputs.is_some(), history.is_some(), "{row}");
    if let (Some(inputs), Some(history)) = (&score.inputs, history) {
        let (frequency, recency_days, age_days, mean) = history.inputs;
        assert_eq!(inputs.frequency, frequency, "{row}");
        close(
            "recency",
            Some(inputs.recency_weeks),
            Some(recency_days / 7.0),
        );
        close("age", Some(inputs.age_weeks), Some(age_days / 7.0));
        let one = currencies == Currencies::One;
        close("mean", inputs.monetary_value, one.then_some(mean));
        assert_eq!(inputs.currency, if one { "EUR" } else { "" }, "{row}");
    }
}

/// Walks kind × history in one state of the model and of the currencies.
async fn walk(service: &ServiceWithDatabase, state: (State, Currencies)) {
    let histories: Vec<(&str, Option<&History>)> = BUYERS
        .iter()
        .map(|history| (history.name, Some(history)))
        .chain(OTHERS.map(|name| (name, None)))
        .collect();
    let rows: Vec<_> = KINDS
        .into_iter()
        .flat_map(|kind| histories.iter().map(move |history| (kind, *history)))
        .collect();
    let subjects: Vec<_> = rows
        .iter()
        .map(|(kind, it)| by_id(&id(*kind, it.0)))
        .collect();
    let mut scoring = service.scoring();
    let request = pb::BatchClassifyRequest {
        subjects: subjects.clone(),
        as_of: AS_OF.to_owned(),
        read_mask: None,
    };
    let classified = scoring.batch_classify(request).await.unwrap().into_inner();
    let request = pb::BatchScoreLifetimeValueRequest {
        subjects,
        as_of: AS_OF.to_owned(),
        horizon_months: 0,
        ..Default::default()
    };
    let scored = scoring.batch_score_lifetime_value(request).await.unwrap();
    let answers = classified.responses.iter().zip(&scored.get_ref().responses);
    assert_eq!(answers.len(), rows.len());
    for ((kind, (_, history)), (classified, scored)) in rows.into_iter().zip(answers) {
        let classification = classified.classification.as_ref().unwrap();
        let score = scored.score.as_ref().unwrap();
        check(kind, history, state, classification, score);
    }
}

#[tokio::test]
async fn kind_history_and_model_decide_the_value_the_tier_and_the_reason() {
    let service = ServiceWithDatabase::start().await;
    ingest(&service).await;
    let mut versions = vec![(0, State::None)];
    for (orders, spend, state) in [
        (BG, Some(SPEND), State::Bg),
        (MBG, Some(SPEND), State::Mbg),
        (MBG, None, State::WithoutSpend),
        (MBG, Some([6.25, 1.0, 15.44]), State::WithoutMean),
    ] {
        versions.push((store_model(&service.pool, orders, spend).await, state));
    }
    for &(version, state) in &versions {
        activate(&service, version).await;
        walk(&service, (state, Currencies::One)).await;
    }
    // One free purchase in dollars, of somebody else: no amount can be told in one currency any more.
    let dollars = pb::Transaction {
        amount: Some(money(0, "USD")),
        ..purchase("somebody", "1", "2026-01-01", 0)
    };
    service.write(&[dollars]).await;
    for &(version, state) in &versions[1..] {
        activate(&service, version).await;
        walk(&service, (state, Currencies::Two)).await;
        let score = service.score(by_id("somebody"), AS_OF).await.score.unwrap();
        assert_eq!(score.unrated_reason(), UnratedReason::NoRate);
    }
}

async fn activate(service: &ServiceWithDatabase, version: i64) {
    if version > 0 {
        let request = pb::ActivateModelRequest {
            version,
            ..Default::default()
        };
        service.models().activate_model(request).await.unwrap();
    }
}
