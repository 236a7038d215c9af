//! What lies ahead of a customer beside the value, and what a newcomer is worth: through gRPC, against 30-digit arithmetic (mpmath) on the
//! papers' equations, as in `tests/reference/outlook.csv`.

use patron::domain::clv::model::ModelKind;
use patron::domain::clv::stages::Stages;
use patron::pb;
use patron::pb::order_forecast::Dropout;
use tonic::{Code, Status};

use super::activate;
use crate::support::messages::{by_id, patch, purchase, reason, violated};
use crate::support::models::{BG, MBG, SPEND, store_model};
use crate::support::service::{Service, ServiceWithDatabase};

const PARETO: (ModelKind, [f64; 4]) = (ModelKind::ParetoNbd, [0.553, 10.58, 0.606, 11.66]);
const REGULAR: (ModelKind, [f64; 4]) = (
    ModelKind::MbgCnbd(Stages::new(3).unwrap()),
    [2.0, 5.0, 0.8, 4.0],
);

/// x = 2, `t_x` = 213 days, T = 272 days.
const DAYS: [&str; 3] = ["2025-01-01", "2025-04-01", "2025-08-02"];
const AS_OF: &str = "2025-09-30";

/// What is true of that customer over 12 months of 30.4375 days.
struct Truth {
    model: (ModelKind, [f64; 4]),
    alive_at_end: f64,
    /// Of the days 31 to 60.
    orders_between: f64,
    counts: [f64; 4],
    orders_per_week: f64,
    dropout: f64,
    /// At 15 % a year, within the horizon and for ever.
    discounted: f64,
    residual: f64,
    /// For ever at 1 % a month.
    residual_by_definitions: f64,
}

const TRUTHS: [Truth; 4] = [
    Truth {
        model: BG,
        alive_at_end: 0.531_197_174_612_338_1,
        orders_between: 0.150_604_461_801_673_8,
        counts: [
            0.396_620_767_743_587_1,
            0.219_800_846_022_445_4,
            0.147_997_038_508_310_8,
            0.094_072_252_407_671_3,
        ],
        orders_per_week: 0.055_264_316_022_133_69,
        dropout: 0.204_332_300_855_433_1,
        discounted: 1.466_146_629_098_96,
        residual: 5.179_755_250_618_947,
        residual_by_definitions: 5.649_949_516_224_477,
    },
    Truth {
        model: MBG,
        alive_at_end: 0.492_270_030_146_548_7,
        orders_between: 0.157_073_893_533_823_8,
        counts: [
            0.394_991_334_587_938_6,
            0.212_878_449_931_327_9,
            0.147_559_425_972_690_4,
            0.095_990_430_545_827_27,
        ],
        orders_per_week: 0.059_852_738_120_924_36,
        dropout: 0.215_219_790_106_776_4,
        discounted: 1.503_131_132_255_904,
        residual: 4.933_705_690_263_174,
        residual_by_definitions: 5.347_009_090_111_39,
    },
    Truth {
        model: PARETO,
        alive_at_end: 0.565_437_723_178_764_6,
        orders_between: 0.178_935_521_532_909_7,
        counts: [
            0.368_095_400_048_428_1,
            0.191_727_606_891_816_7,
            0.146_050_189_659_400_1,
            0.104_189_696_560_848_4,
        ],
        orders_per_week: 0.052_381_277_802_525_6,
        dropout: 0.015_030_306_058_320_63,
        discounted: 1.740_738_693_051_704,
        residual: 6.514_754_356_132_092,
        residual_by_definitions: 7.161_070_072_970_563,
    },
    Truth {
        model: REGULAR,
        alive_at_end: 0.610_625_867_920_903_5,
        orders_between: 0.245_969_376_727_485_4,
        counts: [
            0.168_134_651_036_178_2,
            0.144_153_110_761_090_4,
            0.190_092_509_527_752_5,
            0.191_110_559_440_635_2,
        ],
        orders_per_week: 0.070_044_968_165_682_38,
        dropout: 0.123_045_509_920_931_4,
        discounted: 2.447_402_452_483_388,
        residual: 9.012_508_657_750_052,
        residual_by_definitions: 9.850_247_332_595_528,
    },
];

fn asked(
    customer: &str,
    outlook: Option<pb::OrderForecastOptions>,
) -> pb::ScoreLifetimeValueRequest {
    pb::ScoreLifetimeValueRequest {
        subject: Some(by_id(customer)),
        as_of: AS_OF.to_owned(),
        order_forecast: outlook,
        ..Default::default()
    }
}

async fn scored(
    service: &Service,
    request: pb::ScoreLifetimeValueRequest,
) -> Result<pb::LifetimeValueScore, Status> {
    let answer = service.scoring().score_lifetime_value(request).await?;
    Ok(answer.into_inner().score.unwrap())
}

#[track_caller]
fn close(what: &str, found: f64, truth: f64) {
    assert!(
        (found / truth - 1.0).abs() < 1e-9,
        "{what}: {found}, not {truth}"
    );
}

async fn write_customer(service: &Service) {
    let purchases: Vec<pb::Transaction> = DAYS
        .iter()
        .map(|day| purchase("ada", day, day, 10_000))
        .collect();
    service.write(&purchases).await;
}

#[tokio::test]
async fn the_outlook_of_each_model_is_the_true_one() {
    let service = ServiceWithDatabase::start().await;
    write_customer(&service).await;
    let full = pb::OrderForecastOptions {
        from_days: 30,
        to_days: 60,
        max_order_count: Some(3),
        yearly_discount_rate: Some(0.15),
    };
    for truth in &TRUTHS {
        let version = store_model(&service.pool, truth.model, Some(SPEND)).await;
        activate(&service, version).await.unwrap();
        let score = scored(&service, asked("ada", Some(full))).await.unwrap();
        let outlook = score.order_forecast.clone().unwrap();
        let alive = outlook.probability_alive_at_end;
        close("alive", alive, truth.alive_at_end);
        let between = outlook.expected_orders_between.unwrap();
        close("between", between, truth.orders_between);
        assert_eq!(outlook.order_count_probabilities.len(), 4);
        for (found, truth) in outlook.order_count_probabilities.iter().zip(truth.counts) {
            close("count", *found, truth);
        }
        close("rate", outlook.orders_per_week, truth.orders_per_week);
        let dropout = match (outlook.dropout.unwrap(), truth.model.0) {
            (Dropout::DropoutRatePerWeek(it), ModelKind::ParetoNbd) => it,
            (Dropout::DropoutProbabilityPerOrder(it), kind) if kind != PARETO.0 => it,
            other => panic!("{other:?}"),
        };
        close("drop-out", dropout, truth.dropout);
        close("discount", outlook.yearly_discount_rate, 0.15);
        close("discounted", outlook.discounted_orders, truth.discounted);
        let residual = outlook.discounted_residual_orders.unwrap();
        close("residual", residual, truth.residual);
        let margin = score.expected_margin_per_order.unwrap();
        let (value, over_lifetime) = (outlook.discounted_value, outlook.residual_lifetime_value);
        close("value", value.unwrap(), margin * truth.discounted);
        close(
            "over the lifetime",
            over_lifetime.unwrap(),
            margin * truth.residual,
        );

        // Asked for nothing in particular: what needs no option, discounted as the definitions do.
        let plain = asked("ada", Some(pb::OrderForecastOptions::default()));
        let plain = scored(&service, plain).await.unwrap();
        let plain = plain.order_forecast.unwrap();
        assert_eq!(plain.expected_orders_between, None);
        assert!(plain.order_count_probabilities.is_empty());
        close(
            "discount",
            plain.yearly_discount_rate,
            1.01_f64.powi(12) - 1.0,
        );
        let residual = plain.discounted_residual_orders.unwrap();
        close("residual", residual, truth.residual_by_definitions);

        // Nobody asked: nothing else changes.
        let without = scored(&service, asked("ada", None)).await.unwrap();
        assert_eq!(without.order_forecast, None);
        let batch = pb::BatchScoreLifetimeValueRequest {
            subjects: vec![by_id("ada")],
            as_of: AS_OF.to_owned(),
            order_forecast: Some(full),
            ..Default::default()
        };
        let batch = service.scoring().batch_score_lifetime_value(batch).await;
        let batch = batch.unwrap().into_inner().responses.remove(0);
        assert_eq!(batch.score.unwrap(), score);
        let same = pb::LifetimeValueScore {
            order_forecast: None,
            ..score
        };
        assert_eq!(same, without);
    }
}

#[tokio::test]
async fn who_never_bought_has_no_outlook_and_without_spend_it_has_no_value() {
    let service = ServiceWithDatabase::start().await;
    write_customer(&service).await;
    service.write_customers(&[patch("lead")]).await;
    let options = Some(pb::OrderForecastOptions::default());
    let score = scored(&service, asked("ada", options)).await.unwrap();
    assert_eq!(score.order_forecast, None, "no model");
    let version = store_model(&service.pool, MBG, None).await;
    activate(&service, version).await.unwrap();
    let score = scored(&service, asked("lead", options)).await.unwrap();
    assert_eq!(score.order_forecast, None);
    let score = scored(&service, asked("ada", options)).await.unwrap();
    let outlook = score.order_forecast.unwrap();
    assert!(outlook.discounted_residual_orders.unwrap() > 0.0);
    assert_eq!(
        (outlook.discounted_value, outlook.residual_lifetime_value),
        (None, None)
    );
}

#[tokio::test]
async fn impossible_options_are_refused_together_with_their_paths() {
    let service = ServiceWithDatabase::start().await;
    let refused = async |from_days, to_days, max_order_count, yearly_discount_rate| {
        let options = pb::OrderForecastOptions {
            from_days,
            to_days,
            max_order_count,
            yearly_discount_rate,
        };
        let refused = scored(&service, asked("ada", Some(options))).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        violated(&refused)
    };
    let all = [
        "order_forecast.from_days",
        "order_forecast.to_days",
        "order_forecast.max_order_count",
        "order_forecast.yearly_discount_rate",
    ];
    assert_eq!(refused(-1, 36_526, Some(-1), Some(0.0)).await, all);
    assert_eq!(refused(40_000, -5, Some(101), Some(f64::NAN)).await, all);
    assert_eq!(refused(30, 30, None, Some(1.01)).await, [all[1], all[3]]);
    assert_eq!(refused(30, 0, Some(101), None).await, [all[1], all[2]]);
}

async fn newcomers(
    service: &Service,
    version: i64,
    horizon_months: i32,
) -> Result<pb::ScoreNewcomersResponse, Status> {
    let request = pb::ScoreNewcomersRequest {
        version,
        horizon_months,
    };
    Ok(service
        .models()
        .score_newcomers(request)
        .await?
        .into_inner())
}

const DEFINITIONS: &str = "
value: { currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: margin, margin: 25 % }
tiers:
  - { name: all }
treatments:
  tiers:
    all: { sla: { response: 1 d }, queue: service }
    UNRATED: { sla: { response: 1 d }, queue: service }
";

#[tokio::test]
async fn a_newcomer_is_worth_the_first_order_and_those_to_come() {
    let service = ServiceWithDatabase::start().await;
    let status = newcomers(&service, 0, 0).await.unwrap_err();
    assert_eq!(reason(&status), "NO_ACTIVE_MODEL");
    let status = newcomers(&service, 7, 0).await.unwrap_err();
    assert_eq!(reason(&status), "MODEL_NOT_FOUND");
    let status = newcomers(&service, -1, 121).await.unwrap_err();
    assert_eq!(violated(&status), ["version", "horizon_months"]);

    write_customer(&service).await;
    // Alive after the first order, further orders within 12 months, and the value of all in cents: p v / (q - 1) = 35.218978 an order.
    for (model, alive, orders, cents) in [
        (BG, 1.0, 1.449_238_365_747_195, 8_359),
        (MBG, 0.644_311_377_245_509, 1.422_725_617_631_183, 8_274),
        (PARETO, 1.0, 1.475_665_999_941_619, 8_444),
    ] {
        let version = store_model(&service.pool, model, Some(SPEND)).await;
        let answer = newcomers(&service, version, 0).await.unwrap();
        assert_eq!(answer.basis_id, format!("r0-m{version}-EUR"));
        assert_eq!((answer.horizon_months, answer.newcomers.len()), (12, 1));
        let one = answer.newcomers[0].clone();
        assert_eq!(one.kind(), pb::CustomerKind::Unspecified);
        close("alive", one.probability_alive, alive);
        close("orders", one.expected_orders, orders);
        close(
            "spend",
            one.expected_spend_per_order.unwrap(),
            35.218_978_102_189_78,
        );
        assert_eq!(one.lifetime_value.unwrap().amount_minor, cents);
        activate(&service, version).await.unwrap();
        assert_eq!(newcomers(&service, 0, 0).await.unwrap(), answer);
        let longer = newcomers(&service, 0, 24).await.unwrap();
        assert_eq!(longer.horizon_months, 24);
        assert!(longer.newcomers[0].expected_orders > orders);
    }
    // A quarter of it is margin: 84.436184 / 4.
    service.publish(DEFINITIONS).await;
    let one = newcomers(&service, 0, 0).await.unwrap().newcomers.remove(0);
    close(
        "margin",
        one.expected_margin_per_order.unwrap(),
        35.218_978_102_189_78 / 4.0,
    );
    assert_eq!(one.lifetime_value.unwrap().amount_minor, 2_111);
    // Without a spend model there are orders and no value.
    let version = store_model(&service.pool, MBG, None).await;
    let one = newcomers(&service, version, 0)
        .await
        .unwrap()
        .newcomers
        .remove(0);
    assert!(one.lifetime_value.is_none() && one.expected_orders > 1.0);
    assert_eq!(one.unrated_reason(), pb::UnratedReason::NoModel);
}
