//! Values printed in papers and manuals, each within its rounding.

use serde::Deserialize;

use super::kind_of;
use crate::domain::clv::gamma_gamma::{GammaGamma, SpendHistory};
use crate::domain::clv::history::PurchaseHistory;
use crate::domain::clv::model::OrderModel;
use crate::domain::clv::reference::{relative_difference, rows};

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
        "pmf" => Some(model.newcomer().probability_of_orders(x, arguments[1])),
        other => panic!("unknown quantity {other}"),
    }
}

#[test]
fn published_values_are_reproduced_within_their_rounding() {
    let mut seen = 0;
    for row in rows::<Published>(include_str!(
        "../../../../tests/reference/published_values.csv"
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
    assert_eq!(seen, 37, "rows of the models that exist");
}
