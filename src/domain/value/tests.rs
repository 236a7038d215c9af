//! The formulae against the committed reference tables, each with its worst error printed.

mod properties;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::gamma_gamma::{GammaGamma, NoMean, SpendHistory};
use super::history::PurchaseHistory;
use super::lifetime::{Horizon, discounted_value};
use super::model::{ModelKind, OrderModel};
use super::reference::{relative_difference, rows};

/// The month of the reference tables (not the service's), weeks.
const REFERENCE_WEEKS_PER_MONTH: f64 = 4.345;

const LOG_LIKELIHOOD: f64 = 1e-10;
const PROBABILITY_ALIVE: f64 = 1e-10;
const SPEND: f64 = 1e-10;
const EXPECTED_ORDERS: f64 = 1e-9;
const LIFETIME_VALUE: f64 = 1e-9;
/// At the extremes of `stress.csv` the conditioning of the problem itself allows no more.
const STRESS: f64 = 1e-7;

/// Worst relative error of each quantity; the test fails at the end with all of them.
struct Worst {
    title: &'static str,
    errors: BTreeMap<&'static str, (f64, f64, String)>,
}

impl Worst {
    fn new(title: &'static str) -> Self {
        Self {
            title,
            errors: BTreeMap::new(),
        }
    }

    fn see(&mut self, quantity: &'static str, tolerance: f64, at: &str, actual: f64, truth: f64) {
        let error = relative_difference(actual, truth);
        let worst = self
            .errors
            .entry(quantity)
            .or_insert((0.0, tolerance, String::new()));
        // A NaN is worse than everything.
        if error > worst.0 || error.is_nan() {
            worst.0 = if error.is_nan() { f64::INFINITY } else { error };
            worst.2 = format!("{at}: {actual:e} instead of {truth:e}");
        }
    }

    #[track_caller]
    fn finish(self) {
        assert!(
            !self.errors.is_empty(),
            "{}: nothing was compared",
            self.title
        );
        for (quantity, (error, tolerance, at)) in &self.errors {
            println!(
                "{}: {quantity}: worst {error:.1e} (allowed {tolerance:.0e})",
                self.title
            );
            assert!(
                error <= tolerance,
                "{}: {quantity}: {error:.1e} > {tolerance:.0e} at {at}",
                self.title
            );
        }
    }
}

#[derive(Deserialize)]
struct FrozenParameter {
    model: String,
    value: f64,
}

fn frozen(model: &str) -> Vec<f64> {
    rows::<FrozenParameter>(include_str!(
        "../../../tests/reference/frozen_params_cdnow.csv"
    ))
    .into_iter()
    .filter(|row| row.model == model)
    .map(|row| row.value)
    .collect()
}

fn kind_of(name: &str) -> Option<ModelKind> {
    match name {
        "bgnbd" => Some(ModelKind::BgNbd),
        "mbgnbd" => Some(ModelKind::MbgNbd),
        "pnbd" => Some(ModelKind::ParetoNbd),
        _ => None,
    }
}

fn frozen_model(name: &str) -> OrderModel {
    OrderModel::new(kind_of(name).unwrap(), frozen(name).try_into().unwrap()).unwrap()
}

fn frozen_spend() -> GammaGamma {
    let [p, q, v]: [f64; 3] = frozen("gg").try_into().unwrap();
    GammaGamma::new(p, q, v).unwrap()
}

#[derive(Deserialize)]
struct Customer {
    id: String,
    x: u32,
    t_x: f64,
    #[serde(rename = "T")]
    age: f64,
    m_x: f64,
    loglik: f64,
    p_alive: f64,
    cet_39: f64,
    exp_spend: f64,
    clv_12m: f64,
}

#[track_caller]
fn check_customers(title: &'static str, name: &str, table: &str) {
    let model = frozen_model(name);
    let spend_model = frozen_spend();
    let year = Horizon::new(12, 0.01, REFERENCE_WEEKS_PER_MONTH).unwrap();
    let mut worst = Worst::new(title);
    for row in rows::<Customer>(table) {
        let history = PurchaseHistory::from_weeks(row.x, row.t_x, row.age).unwrap();
        let spend_history = SpendHistory::new(row.x, row.m_x).ok();
        let spend = spend_model.expected_spend(spend_history.as_ref()).unwrap();
        let value = discounted_value(&model, &history, spend, &year);
        let orders = model.outlook(&history).expected_orders(39.0);
        let log_likelihood = model.log_likelihood(&history);
        let alive = model.probability_alive(&history);
        worst.see(
            "log-likelihood",
            LOG_LIKELIHOOD,
            &row.id,
            log_likelihood,
            row.loglik,
        );
        worst.see(
            "probability alive",
            PROBABILITY_ALIVE,
            &row.id,
            alive,
            row.p_alive,
        );
        worst.see(
            "expected orders",
            EXPECTED_ORDERS,
            &row.id,
            orders,
            row.cet_39,
        );
        worst.see("expected spend", SPEND, &row.id, spend, row.exp_spend);
        worst.see(
            "lifetime value",
            LIFETIME_VALUE,
            &row.id,
            value,
            row.clv_12m,
        );
    }
    worst.finish();
}

#[test]
fn bg_nbd_matches_the_golden_customers() {
    check_customers(
        "BG/NBD",
        "bgnbd",
        include_str!("../../../tests/reference/cdnow_bgnbd_pred.csv"),
    );
}

#[test]
fn mbg_nbd_matches_the_golden_customers() {
    check_customers(
        "MBG/NBD",
        "mbgnbd",
        include_str!("../../../tests/reference/cdnow_mbgnbd_pred.csv"),
    );
}

#[test]
fn pareto_nbd_matches_the_golden_customers() {
    check_customers(
        "Pareto/NBD",
        "pnbd",
        include_str!("../../../tests/reference/cdnow_pnbd_pred.csv"),
    );
}

#[derive(Deserialize)]
struct Extreme {
    model: String,
    tag: String,
    p1: f64,
    p2: f64,
    p3: f64,
    p4: f64,
    x: u32,
    t_x: f64,
    #[serde(rename = "T")]
    age: f64,
    t: f64,
    loglik: f64,
    // Some true values are below the range of f64 and parse as zero.
    p_alive: f64,
    cet: f64,
}

#[test]
fn extreme_inputs_give_the_true_values() {
    let mut worst = Worst::new("stress");
    for row in rows::<Extreme>(include_str!("../../../tests/reference/stress.csv")) {
        let Some(kind) = kind_of(&row.model) else {
            continue;
        };
        let model = OrderModel::new(kind, [row.p1, row.p2, row.p3, row.p4]).unwrap();
        let history = PurchaseHistory::from_weeks(row.x, row.t_x, row.age).unwrap();
        let at = format!("{} {} x={} t={}", row.model, row.tag, row.x, row.t);
        let alive = model.probability_alive(&history);
        let orders = model.outlook(&history).expected_orders(row.t);
        worst.see(
            "log-likelihood",
            LOG_LIKELIHOOD,
            &at,
            model.log_likelihood(&history),
            row.loglik,
        );
        worst.see("probability alive", STRESS, &at, alive, row.p_alive);
        worst.see("expected orders", STRESS, &at, orders, row.cet);
    }
    worst.finish();
}

#[derive(Deserialize)]
struct FunctionValue {
    model: String,
    quantity: String,
    t: f64,
    value: f64,
}

#[test]
fn unconditional_expectations_match_the_golden_values() {
    let mut worst = Worst::new("newcomer");
    for row in rows::<FunctionValue>(include_str!("../../../tests/reference/cdnow_functions.csv")) {
        if row.quantity == "expectation" && kind_of(&row.model).is_some() {
            let orders = frozen_model(&row.model).newcomer().expected_orders(row.t);
            let at = format!("{} t={}", row.model, row.t);
            worst.see("expected orders", EXPECTED_ORDERS, &at, orders, row.value);
        }
    }
    worst.finish();
}

#[derive(Deserialize)]
struct Published {
    model: String,
    quantity: String,
    args: String,
    params: String,
    #[serde(rename = "published")]
    printed: f64,
    source: String,
    relative_tolerance: f64,
}

/// `name=value` pairs or plain numbers, separated by blanks.
fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace()
        .map(|word| word.rsplit('=').next().unwrap().parse().unwrap())
        .collect()
}

fn published_quantity(row: &Published) -> Option<f64> {
    let (arguments, parameters) = (numbers(&row.args), numbers(&row.params));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small whole number"
    )]
    let x = arguments[0] as u32;
    if row.model == "gg" {
        let model = GammaGamma::new(parameters[0], parameters[1], parameters[2]).unwrap();
        return model
            .expected_spend(SpendHistory::new(x, arguments[1]).ok().as_ref())
            .ok();
    }
    let kind = kind_of(&row.model)?;
    let model = OrderModel::new(kind, parameters.try_into().unwrap()).unwrap();
    let history = || PurchaseHistory::from_weeks(x, arguments[1], arguments[2]).unwrap();
    match row.quantity.as_str() {
        "expectation" => Some(model.newcomer().expected_orders(arguments[0])),
        "cet" => Some(model.outlook(&history()).expected_orders(arguments[3])),
        "p_alive" => Some(model.probability_alive(&history())),
        "pmf" => None,
        other => panic!("unknown quantity {other}"),
    }
}

#[test]
fn published_values_are_reproduced_within_their_rounding() {
    let mut seen = 0;
    for row in rows::<Published>(include_str!(
        "../../../tests/reference/published_values.csv"
    )) {
        if let Some(value) = published_quantity(&row) {
            let difference = relative_difference(value, row.printed);
            let Published {
                model,
                quantity,
                args,
                source,
                printed,
                ..
            } = &row;
            assert!(
                difference <= row.relative_tolerance,
                "{model} {quantity} {args}: {value} instead of {printed} ({source})"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 25, "rows of the models that exist");
}

#[test]
fn impossible_parameters_and_spends_are_refused_by_name() {
    for kind in ModelKind::ALL {
        for (i, name) in kind.parameter_names().into_iter().enumerate() {
            for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-310] {
                let mut parameters = [1.0; 4];
                parameters[i] = bad;
                assert_eq!(OrderModel::new(kind, parameters).unwrap_err().name, name);
            }
        }
        assert_eq!(ModelKind::from_name(kind.name()), Some(kind));
    }
    assert_eq!(GammaGamma::new(1.0, -1.0, 1.0).unwrap_err().name, "q");
    for bad in [0.0, -3.0, f64::NAN, f64::INFINITY] {
        assert!(SpendHistory::new(1, bad).is_err());
    }
    assert!(SpendHistory::new(0, 5.0).is_err());
}

#[test]
fn a_spend_model_without_a_mean_says_so_instead_of_a_negative_number() {
    let history = SpendHistory::new(3, 20.0).unwrap();
    for q in [0.4, 1.0] {
        let model = GammaGamma::new(6.0, q, 15.0).unwrap();
        assert_eq!(model.expected_spend(Some(&history)), Err(NoMean { q }));
        assert_eq!(model.expected_spend(None), Err(NoMean { q }));
    }
}

#[test]
fn impossible_horizons_are_refused() {
    assert!(Horizon::new(0, 0.01, 4.3).is_err());
    assert!(Horizon::new(1_201, 0.01, 4.3).is_err());
    assert!(Horizon::new(12, -0.01, 4.3).is_err());
    assert!(Horizon::new(12, f64::NAN, 4.3).is_err());
    assert!(Horizon::new(12, 0.01, 0.0).is_err());
}

#[test]
fn without_discount_the_value_is_margin_times_orders() {
    let model = frozen_model("mbgnbd");
    let history = PurchaseHistory::from_days(2, 213, 272).unwrap();
    let horizon = Horizon::new(24, 0.0, 4.345).unwrap();
    let orders = model.outlook(&history).expected_orders(horizon.weeks());
    let value = discounted_value(&model, &history, -7.5, &horizon);
    assert!(relative_difference(value, -7.5 * orders) < 1e-13);
}
