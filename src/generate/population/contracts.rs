//! The service contracts of the invented customers, with a random stream of their own, so that everything else stays as it is.
//!
//! Two of five companies, also such as never bought, and one of twelve persons who bought have a contract, half of them monthly, half
//! yearly. It began on a day that is uniform over the last five years and ends at each renewal with a probability that is beta
//! distributed over contracts, once for monthly and once for yearly ones: shifted-beta-geometric. Of an end that is at most two months
//! ahead notice was given. What a period costs the company is not told for every fifth contract.

use jiff::civil::Date;
use jiff::{Span, Unit};

use super::Member;
use crate::generate::history::CURRENCY;
use crate::generate::random::Random;
use crate::pb;

/// System that recorded the contracts.
const CONTRACTS: &str = "demo-erp";
/// Share of companies with a contract.
const COMPANIES: f64 = 0.4;
/// Share of persons who bought with a contract.
const PERSONS: f64 = 0.08;
/// How far back contracts began, in days.
const BEGAN_WITHIN: usize = 5 * 365;
/// How far ahead notice is given, in days.
const NOTICE_DAYS: i32 = 60;
/// Share of contracts whose cost is told.
const COSTED: f64 = 0.8;
/// Separates the stream of contracts from that of everything else.
const STREAM: u64 = 0x636f_6e74_7261_6374;

/// A way to renew: months, parameters of the probability to end at a renewal, price of a period for a company in minor units, least and
/// greatest.
struct Plan {
    months: i32,
    ending: (f64, f64),
    price_minor: (i64, i64),
}

/// About one in nineteen ends in a month.
const MONTHLY: Plan = Plan {
    months: 1,
    ending: (0.7, 12.6),
    price_minor: (3_000, 12_000),
};
/// About one in six ends in a year.
const YEARLY: Plan = Plan {
    months: 12,
    ending: (1.2, 6.0),
    price_minor: (30_000, 120_000),
};
/// A person's contract costs a sixth of a company's.
const PERSON_PART: i64 = 6;

/// The contracts of `members` on `as_of`.
pub(super) fn contracts(members: &[Member], seed: u64, as_of: Date) -> Vec<pb::Contract> {
    let mut random = Random::seeded(seed ^ STREAM);
    let mut contracts = Vec::new();
    for member in members {
        let share = match member.patch.kind() {
            pb::CustomerKind::Company => COMPANIES,
            pb::CustomerKind::Person if member.history.first_day.is_some() => PERSONS,
            pb::CustomerKind::Person
            | pb::CustomerKind::Employee
            | pb::CustomerKind::Unspecified => 0.0,
        };
        if random.chance(share) {
            contracts.push(contract(member, as_of, &mut random));
        }
    }
    contracts
}

fn contract(member: &Member, as_of: Date, random: &mut Random) -> pb::Contract {
    let plan = if random.chance(0.5) { MONTHLY } else { YEARLY };
    let ago = i64::try_from(random.below(BEGAN_WITHIN)).unwrap_or(0);
    let start = as_of.saturating_sub(Span::new().days(ago));
    let ending = random.beta(plan.ending.0, plan.ending.1);
    let ended_on = end(start, &plan, ending, as_of, random);
    let (least, greatest) = plan.price_minor;
    let choices = usize::try_from((greatest - least) / 500).unwrap_or(0);
    let mut price = least + 500 * i64::try_from(random.below(choices + 1)).unwrap_or(0);
    if member.patch.kind() == pb::CustomerKind::Person {
        price /= PERSON_PART;
    }
    let cost_percent = 45 + i64::try_from(random.below(21)).unwrap_or(0);
    let id = &member.patch.customer_id;
    let notice = ended_on.filter(|end| *end > as_of);
    pb::Contract {
        customer_id: id.clone(),
        source: CONTRACTS.to_owned(),
        contract_id: format!("{id}-service"),
        started_on: start.to_string(),
        period_months: plan.months,
        price: Some(pb::Money {
            amount_minor: price,
            currency: CURRENCY.to_owned(),
        }),
        cost_minor: random.chance(COSTED).then_some(price * cost_percent / 100),
        category: "maintenance".to_owned(),
        ended_on: ended_on.map(|end| end.to_string()).unwrap_or_default(),
        // Stated, so that a load that goes on the next day says the same.
        effective_on: notice.map(|_| as_of.to_string()).unwrap_or_default(),
        customer_kind: pb::CustomerKind::Unspecified.into(),
        ..Default::default()
    }
}

/// The renewal at which a contract ends, if that is known on `as_of`.
fn end(start: Date, plan: &Plan, ending: f64, as_of: Date, random: &mut Random) -> Option<Date> {
    for number in 1.. {
        let renewal = start.saturating_add(Span::new().months(number * plan.months));
        let ahead = as_of
            .until((Unit::Day, renewal))
            .map_or(0, |span| span.get_days());
        let ends = random.chance(ending);
        if ends && ahead <= NOTICE_DAYS {
            return Some(renewal);
        }
        if ahead > 0 {
            return None;
        }
    }
    None
}
