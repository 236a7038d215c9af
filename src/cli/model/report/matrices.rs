//! What a model makes of histories that differ only in how many orders there were and how long ago the last one was.

use crate::domain::clv::history::PurchaseHistory;
use crate::domain::clv::model::{ModelKind, OrderModel};
use crate::domain::clv::stages::Stages;
use crate::pb;

/// Weeks since the first order, of all these customers.
pub(super) const AGE_WEEKS: u32 = 104;
/// Weeks ahead.
pub(super) const HORIZON_WEEKS: u32 = 52;

const SILENT_WEEKS: [u32; 9] = [0, 2, 4, 8, 13, 26, 39, 52, 78];
const REPEAT_ORDERS: [u32; 8] = [1, 2, 3, 5, 8, 12, 20, 30];

/// A row for each number of repeat orders, a column for each time since the last one.
pub(super) struct Matrices {
    pub(super) repeat_orders: Vec<u32>,
    pub(super) silent_weeks: Vec<u32>,
    pub(super) probability_active: Vec<Vec<f64>>,
    /// Within [`HORIZON_WEEKS`].
    pub(super) expected_orders: Vec<Vec<f64>>,
}

/// The matrices of a version; `None` without parameters of orders that this program knows.
pub(super) fn matrices(model: &pb::Model) -> Option<Matrices> {
    let kind = match model.kind() {
        pb::OrderModelKind::BgNbd => ModelKind::BgNbd,
        pb::OrderModelKind::MbgNbd => ModelKind::MbgNbd,
        pb::OrderModelKind::ParetoNbd => ModelKind::ParetoNbd,
        pb::OrderModelKind::MbgCnbdK => {
            let stages = u32::try_from(model.orders.as_ref()?.stages).ok()?;
            ModelKind::MbgCnbd(Stages::new(stages)?)
        }
        pb::OrderModelKind::Unspecified => return None,
    };
    let parameters = model.orders.as_ref()?.parameters.iter();
    let parameters: Vec<f64> = parameters.map(|one| one.value).collect();
    let orders = OrderModel::new(kind, parameters.try_into().ok()?).ok()?;
    let row = |value: &dyn Fn(&PurchaseHistory) -> f64, repeats: u32| -> Option<Vec<f64>> {
        let silent = SILENT_WEEKS.into_iter();
        let histories = silent.map(|weeks| {
            let recency_days = 7 * (AGE_WEEKS - weeks);
            PurchaseHistory::from_days(repeats, recency_days, 7 * AGE_WEEKS).ok()
        });
        histories.map(|history| Some(value(&history?))).collect()
    };
    let rows = |value: &dyn Fn(&PurchaseHistory) -> f64| -> Option<Vec<Vec<f64>>> {
        let repeats = REPEAT_ORDERS.into_iter();
        repeats.map(|repeats| row(value, repeats)).collect()
    };
    Some(Matrices {
        repeat_orders: REPEAT_ORDERS.to_vec(),
        silent_weeks: SILENT_WEEKS.to_vec(),
        probability_active: rows(&|history| orders.outlook(history).probability_alive())?,
        expected_orders: rows(&|history| {
            let outlook = orders.outlook(history);
            outlook.expected_orders(f64::from(HORIZON_WEEKS))
        })?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_what_the_model_says_of_its_history() {
        let parameters = [("r", 0.525), ("alpha", 6.183), ("a", 0.891), ("b", 1.614)];
        let model = pb::Model {
            kind: pb::OrderModelKind::MbgNbd.into(),
            orders: Some(pb::FitReport {
                parameters: parameters
                    .map(|(name, value)| pb::Parameter {
                        name: name.into(),
                        value,
                        ..Default::default()
                    })
                    .into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let found = matrices(&model).unwrap();
        let orders = OrderModel::new(ModelKind::MbgNbd, [0.525, 6.183, 0.891, 1.614]).unwrap();
        let history = PurchaseHistory::from_days(3, 7 * (104 - 26), 7 * 104).unwrap();
        let outlook = orders.outlook(&history);
        let (row, column) = (2, 5);
        assert_eq!(
            (found.repeat_orders[row], found.silent_weeks[column]),
            (3, 26)
        );
        let (active, orders) = (outlook.probability_alive(), outlook.expected_orders(52.0));
        assert!((found.probability_active[row][column] - active).abs() < 1e-15);
        assert!((found.expected_orders[row][column] - orders).abs() < 1e-12);
        // The longer the silence, the less of both.
        for row in found
            .probability_active
            .iter()
            .chain(&found.expected_orders)
        {
            assert!(row.windows(2).all(|pair| pair[0] > pair[1]), "{row:?}");
        }
        assert!(matrices(&pb::Model::default()).is_none());
    }
}
