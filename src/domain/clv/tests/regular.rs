//! MBG/CNBD-k: against MBG/NBD, numbers of its own, and simulated customers.

use super::{check_model, frozen};
use crate::domain::clv::discount::DiscountRate;
use crate::domain::clv::history::PurchaseHistory;
use crate::domain::clv::model::{ModelKind, OrderModel};
use crate::domain::clv::outlook::Outlook;
use crate::domain::clv::random::Random;
use crate::domain::clv::reference::assert_close;
use crate::domain::clv::simulation::DrawnCustomer;
use crate::domain::clv::stages::Stages;

fn regular(stages: u32, parameters: [f64; 4]) -> OrderModel {
    let stages = Stages::new(stages).unwrap();
    OrderModel::new(ModelKind::MbgCnbd(stages), parameters).unwrap()
}

#[test]
fn with_one_stage_the_golden_customers_of_mbg_nbd_come_out() {
    let model = regular(1, frozen("mbgnbd").try_into().unwrap());
    check_model(
        "MBG/CNBD-1",
        &model,
        include_str!("../../../../tests/reference/cdnow_mbgnbd_pred.csv"),
    );
}

#[test]
fn with_one_stage_everything_is_as_under_mbg_nbd() {
    for parameters in [
        [0.525, 6.183, 0.891, 1.614],
        [0.05, 5.0, 1.0, 0.2],
        [9.0, 3.0, 0.01, 40.0],
        [1.5, 60.0, 8.0, 30.0],
    ] {
        let (one, mbg) = (
            regular(1, parameters),
            OrderModel::new(ModelKind::MbgNbd, parameters).unwrap(),
        );
        for (x, recency, age) in [
            (0, 0, 0),
            (0, 0, 300),
            (1, 3, 280),
            (9, 200, 210),
            (120, 900, 1_000),
        ] {
            let history = PurchaseHistory::from_days(x, recency, age).unwrap();
            let likelihoods = [&one, &mbg].map(|model| model.log_likelihood(&history));
            assert_close("log-likelihood", likelihoods[0], likelihoods[1], 1e-12);
            let rates = [&one, &mbg].map(|model| model.rates(&history));
            let per_week = rates.map(|rates| rates.orders_per_week);
            assert_close("orders per week", per_week[0], per_week[1], 1e-12);
            assert_eq!(rates[0].dropout, rates[1].dropout);
            let [one, mbg] = [&one, &mbg].map(|model| model.outlook(&history));
            let both = |what: &str, f: &dyn Fn(&Outlook) -> f64, tolerance: f64| {
                assert_close(what, f(&one), f(&mbg), tolerance);
            };
            both("alive", &Outlook::probability_alive, 1e-12);
            for weeks in [0.1, 4.0, 52.0, 300.0] {
                both("orders", &|it| it.expected_orders(weeks), 1e-10);
                let after = |it: &Outlook| it.expected_orders_between(weeks, weeks + 1.0);
                both("orders between", &after, 1e-9);
                both(
                    "alive after",
                    &|it| it.probability_alive_after(weeks),
                    1e-10,
                );
                for orders in [0, 1, 7] {
                    both("mass", &|it| it.probability_of_orders(orders, weeks), 1e-10);
                }
            }
            for rate in [0.0027, 0.1] {
                let rate = DiscountRate::continuous_per_week(rate).unwrap();
                both(
                    "discounted",
                    &|it| it.discounted_residual_orders(rate),
                    1e-9,
                );
            }
        }
    }
}

/// `(k, [r, alpha, a, b], (x, t_x, T))`; log-likelihood without the gaps, probability alive; for 26 weeks: expected orders, probability of
/// being alive at their end, of no order and of three; orders for ever discounted by 0.01 a week.
type Truth = (u32, [f64; 4], (u32, f64, f64), [f64; 7]);

/// mpmath 1.3.0 at 25 digits, by quadrature over the order rate of sums over the Poisson number of stages at that rate: not by the mixture
/// over stages that the program has.
const TRUTHS: [Truth; 4] = [
    (
        2,
        [0.9, 4.0, 0.5, 2.0],
        (0, 0.0, 12.0),
        [
            -0.536_461_518_361_802_2,
            0.658_010_893_262_758_2,
            0.619_006_572_663_422_2,
            0.580_882_403_873_505_4,
            0.641_014_159_681_507_5,
            0.037_463_497_826_696_855,
            1.743_107_275_121_334_8,
        ],
    ),
    (
        2,
        [1.3, 3.0, 0.6, 2.2],
        (5, 40.0, 46.0),
        [
            -26.444_196_636_797_912,
            0.867_328_466_758_616_5,
            2.522_957_235_628_939,
            0.716_062_433_844_479_3,
            0.149_929_226_040_084_02,
            0.206_819_095_444_769_67,
            6.932_070_026_989_615,
        ],
    ),
    (
        3,
        [1.3, 2.0, 0.6, 2.2],
        (7, 30.0, 38.0),
        [
            -32.681_139_425_598_936,
            0.626_495_367_369_958_3,
            2.983_395_478_351_055,
            0.486_987_042_410_401_1,
            0.373_550_104_770_501_6,
            0.079_403_539_123_698_8,
            7.727_092_716_982_034_5,
        ],
    ),
    (
        5,
        [2.5, 1.5, 1.0, 4.0],
        (3, 10.0, 11.0),
        [
            -10.512_559_397_015_046,
            0.872_223_962_653_001_8,
            4.870_984_421_797_548,
            0.452_480_973_802_060_2,
            0.127_777_069_514_058,
            0.072_329_288_441_190_09,
            9.241_426_640_189_94,
        ],
    ),
];

#[test]
fn outlooks_of_regular_buyers_match_quadrature_over_their_rates() {
    for (stages, parameters, (x, recency, age), truth) in TRUTHS {
        let model = regular(stages, parameters);
        let history = PurchaseHistory::from_weeks(x, recency, age).unwrap();
        let outlook = model.outlook(&history);
        let rate = DiscountRate::continuous_per_week(0.01).unwrap();
        let found = [
            model.log_likelihood(&history),
            model.probability_alive(&history),
            outlook.expected_orders(26.0),
            outlook.probability_alive_after(26.0),
            outlook.probability_of_orders(0, 26.0),
            outlook.probability_of_orders(3, 26.0),
            outlook.discounted_residual_orders(rate),
        ];
        for (at, (found, truth)) in found.into_iter().zip(truth).enumerate() {
            assert_close(&format!("k = {stages}, quantity {at}"), found, truth, 1e-10);
        }
    }
}

/// The futures of simulated customers whose past is near enough a given one: nothing of the posterior is assumed.
#[test]
fn forecasts_are_those_of_simulated_customers_with_the_same_history() {
    for (stages, parameters) in [(2, [1.5, 2.5, 0.6, 4.0]), (4, [3.0, 2.5, 0.6, 4.0])] {
        let model = regular(stages, parameters);
        let mut random = Random::new(5);
        // Everybody with three orders in 10 weeks, the last in the sixth week; of the others, those silent for the last four weeks.
        let [mut count, mut bought, mut again] = [0.0; 3];
        for _ in 0..400_000 {
            let customer = DrawnCustomer::draw(&model.newcomer(), &mut random);
            let times: Vec<f64> = customer.orders(20.0, usize::MAX, &mut random).collect();
            let known = times.partition_point(|&time| time <= 10.0);
            if known == 3 && (5.8..6.2).contains(&times[2]) {
                let later = f64::from(u32::try_from(times.len() - known).unwrap());
                count += 1.0;
                bought += later;
                again += later.min(1.0);
            }
        }
        assert!(count > 1_500.0, "{count}");
        let history = PurchaseHistory::from_weeks(3, 6.0, 10.0).unwrap();
        let outlook = model.outlook(&history);
        let expected = outlook.expected_orders(10.0);
        println!(
            "k = {stages}: {} of {count}, expected {expected}",
            bought / count
        );
        assert!((bought / count / expected - 1.0).abs() < 0.06);
        let buys_again = 1.0 - outlook.probability_of_orders(0, 10.0);
        assert!((again / count - buys_again).abs() < 4.0 * (0.25 / f64::sqrt(count)));
    }
}

#[test]
fn regular_buyers_are_given_up_sooner_and_not_before_they_are_due() {
    // One order in ten weeks, ten of them.
    let parameters = |k: f64| [5.0, 50.0 / k, 0.5, 5.0];
    let alive = |stages: u32, silent_weeks: f64| {
        let model = regular(stages, parameters(f64::from(stages)));
        let history = PurchaseHistory::from_weeks(10, 100.0, 100.0 + silent_weeks).unwrap();
        model.probability_alive(&history)
    };
    // Five weeks after an order nothing has happened that should not.
    assert!(alive(8, 5.0) > alive(1, 5.0));
    // Thirty weeks after it, three orders are missing.
    assert!(alive(8, 30.0) < 0.3 * alive(1, 30.0));
}
