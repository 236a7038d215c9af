//! What a score is made of: the value, and what was asked about it. Segments are not decided for it.

use super::{AnswerContext, CustomerAnswer};
use crate::domain::{
    assess::{
        tiers::{TierIndex, Unrated},
        valuation::{
            MissingRate, Valuation,
            order_forecast::{OrderForecast, order_forecast},
            uncertainty::{
                HorizonValue, UncertaintyUnavailable, ValueUncertainty, value_uncertainty,
            },
            unpriced_channels, value,
        },
        valued::Valued,
    },
    basis::Basis,
    calendar::Day,
    clv::lifetime::Horizon,
    customer::profile::DatedProfile,
    money::Currency,
    rates::UsedRate,
    text::Label,
};

/// What a customer is worth.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The profile that was valued.
    pub profile: DatedProfile,
    /// The value over the horizon of the answer.
    pub valuation: Valuation,
    /// The tier, which is decided over the horizon of the definitions.
    pub tier: Result<TierIndex, Unrated>,
    /// The horizon of the answer, in months.
    pub horizon_months: u32,
    /// The channels on which contacts are expected that the cost to serve leaves out.
    pub unpriced_channels: Vec<Label>,
    /// The rates without which an amount cannot be converted.
    pub missing_rates: Vec<MissingRate>,
    /// The currencies out of which amounts were converted.
    pub converted_from: Vec<Currency>,
    /// The oldest rate that converted one.
    pub oldest_rate: Option<UsedRate>,
    /// How uncertain the value is; `None` unless it was asked.
    pub uncertainty: Option<Result<ValueUncertainty, UncertaintyUnavailable>>,
    /// The value by another model; `None` unless it was asked.
    pub challenger: Option<Challenger>,
    /// The day of the last purchase of any customer, where the silence since then means that facts are missing.
    pub no_purchase_since: Option<Day>,
    /// The forecast of orders; `None` unless it was asked and the model has one.
    pub order_forecast: Option<OrderForecast>,
}

/// The value of a customer by another model.
#[derive(Debug, Clone)]
pub struct Challenger {
    /// The model version.
    pub version: i64,
    /// The value over the horizon of the answer.
    pub valuation: Valuation,
    /// The tier.
    pub tier: Result<TierIndex, Unrated>,
}

impl CustomerAnswer for Scored {
    type Shared = ();

    fn finish(profile: DatedProfile, context: &AnswerContext) -> Self {
        let (view, basis) = (profile.view(), &*context.basis);
        let valued = Valued::new(view, basis);
        let other = context.horizon.as_ref();
        let other_valuation = other.map(|horizon| value(view, basis, horizon));
        let of_tier = HorizonValue {
            valuation: &valued.valuation,
            horizon: &basis.revision.horizon,
        };
        let asked = HorizonValue {
            valuation: other_valuation.as_ref().unwrap_or(&valued.valuation),
            horizon: other.unwrap_or(of_tier.horizon),
        };
        let months = context.horizon_months();
        let valuation = asked.valuation;
        let costs = valuation.expected_cost_to_serve;
        let challenger = context.challenger.as_ref();
        Self {
            tier: valued.tier,
            horizon_months: months,
            unpriced_channels: costs
                .map(|_| unpriced_channels(view, basis))
                .unwrap_or_default(),
            missing_rates: valuation.missing_rates(view, basis, months),
            converted_from: valuation.converted_from(view, basis, months),
            oldest_rate: valuation.oldest_rate(view, basis, months),
            uncertainty: context
                .interval_level
                .map(|level| value_uncertainty(view, basis, asked, of_tier, level)),
            challenger: challenger.and_then(|basis| Challenger::new(&profile, basis, other)),
            order_forecast: context
                .order_forecast
                .and_then(|options| order_forecast(view, basis, asked, &options)),
            no_purchase_since: context.no_purchase_since,
            valuation: other_valuation.unwrap_or(valued.valuation),
            profile,
        }
    }

    fn shared(_: &[Self], _: &[DatedProfile], _: &AnswerContext) {}

    fn tier(&self) -> Result<TierIndex, Unrated> {
        self.tier
    }
}

impl Challenger {
    fn new(profile: &DatedProfile, basis: &Basis, horizon: Option<&Horizon>) -> Option<Self> {
        let version = basis.model.as_ref()?.version;
        let valued = Valued::new(profile.view(), basis);
        let other_valuation = horizon.map(|horizon| value(profile.view(), basis, horizon));
        Some(Self {
            version,
            tier: valued.tier,
            valuation: other_valuation.unwrap_or(valued.valuation),
        })
    }
}
