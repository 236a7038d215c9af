//! Service figures and cost to serve.

use super::{MAX_DAYS, contact_cost, count, group, major, months, number, short_label};
use crate::{
    api::{
        answers::provenance,
        as_of, money_message, subject,
        violations::{Checker, Violations},
    },
    domain::{
        basis::Basis,
        calendar::Day,
        customer::profile::DatedProfile,
        definitions::ValueBasis,
        desk::{
            figures::{Mean, ServiceFigures, Share},
            ledger::{CostToServe, LedgerMonth},
            window::Window,
        },
        money::Currency,
    },
    pb,
    service::desk::{CostAnswer, Dimension, FiguresAnswer, FiguresRequest, Group, Whose},
};

/// Window of figures without another one, in days.
const DEFAULT_DAYS: u32 = 30;
/// Window of costs without another one, in months.
const DEFAULT_MONTHS: u32 = 12;
/// Most groups of figures in an answer.
const MOST_GROUPS: usize = 200;
/// Most channels and topics in an answer.
const MOST_COSTS: usize = 50;

/// Which figures are wanted.
pub(crate) fn figures_request(
    request: &pb::GetServiceFiguresRequest,
) -> Result<FiguresRequest, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let read = FiguresRequest {
        group: group(request.group.as_ref(), &mut check.field("group")),
        days: number(
            request.days,
            MAX_DAYS,
            DEFAULT_DAYS,
            &mut check.field("days"),
        ),
        as_of: as_of(&request.as_of, &mut check.field("as_of")),
        dimension: dimension(request.dimension, &mut check.field("dimension")),
        queue: short_label(&request.queue, &mut check.field("queue")),
        channel: short_label(&request.channel, &mut check.field("channel")),
    };
    violations.into_result(read)
}

fn dimension(number: i32, check: &mut Checker<'_>) -> Dimension {
    use pb::get_service_figures_request::Dimension as Message;
    match Message::try_from(number) {
        Ok(Message::Unspecified) => Dimension::None,
        Ok(Message::Tier) => Dimension::Tier,
        Ok(Message::Segment) => Dimension::Segment,
        Ok(Message::Queue) => Dimension::Queue,
        Ok(Message::Channel) => Dimension::Channel,
        Err(_) => {
            check.refuse(
                "UNKNOWN_ENUM_VALUE",
                format!("{number} is not a dimension of figures"),
            );
            Dimension::None
        }
    }
}

/// The message of figures.
pub(crate) fn figures_response(answer: &FiguresAnswer) -> pb::GetServiceFiguresResponse {
    let currency = answer.basis.reporting_currency;
    let groups = answer.groups.iter().take(MOST_GROUPS);
    let unlisted = answer.groups.len().saturating_sub(MOST_GROUPS);
    pb::GetServiceFiguresResponse {
        first_day: answer.window.first.to_string(),
        last_day: answer.window.last.to_string(),
        total: Some(figures("", &answer.total, currency)),
        groups: groups
            .map(|group| figures(&group.name, &group.figures, currency))
            .collect(),
        unlisted_group_count: i32::try_from(unlisted).unwrap_or(i32::MAX),
        provenance: Some(provenance(None, answer.window.last, &answer.basis)),
    }
}

fn figures(name: &str, figures: &ServiceFigures, currency: Option<Currency>) -> pb::ServiceFigures {
    pb::ServiceFigures {
        name: name.to_owned(),
        contact_count: count(figures.contacts),
        customer_count: count(figures.customers),
        resolved_at_first_contact: Some(share(figures.resolved_first)),
        transferred: Some(share(figures.transferred)),
        satisfaction: Some(mean(figures.satisfaction)),
        effort: Some(mean(figures.effort)),
        duration_seconds: Some(mean(figures.duration_seconds)),
        cost: Some(contact_cost(&figures.cost, currency)),
    }
}

fn share(share: Share) -> pb::ShareFigure {
    let estimate = share.estimate();
    pb::ShareFigure {
        count: count(share.count),
        known_count: count(share.known),
        share: estimate.map(|it| it.share),
        lower: estimate.map(|it| it.lower),
        upper: estimate.map(|it| it.upper),
    }
}

fn mean(mean: Mean) -> pb::MeanFigure {
    pb::MeanFigure {
        known_count: count(mean.known),
        mean: mean.mean(),
    }
}

/// Whose contacts cost how much in how many months up to which day.
pub(crate) fn cost_request(
    request: &pb::GetCostToServeRequest,
) -> Result<(Whose, u32, Option<Day>), Violations> {
    use pb::get_cost_to_serve_request::Whose as Way;
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let whose = match &request.whose {
        None => {
            check.field("whose").refuse(
                "REQUIRED",
                "is required: set subject or group; an empty group is every customer",
            );
            None
        }
        Some(Way::Subject(named)) => {
            subject(Some(named), &mut check.field("subject")).map(Whose::Customer)
        }
        Some(Way::Group(message)) => Some(Whose::Group(group(
            Some(message),
            &mut check.field("group"),
        ))),
    };
    let months = months(request.months, DEFAULT_MONTHS, &mut check.field("months"));
    let as_of = as_of(&request.as_of, &mut check.field("as_of"));
    let whose = whose.unwrap_or(Whose::Group(Group::Everyone));
    violations.into_result((whose, months, as_of))
}

/// The message of cost to serve.
pub(crate) fn cost_response(answer: &CostAnswer) -> pb::GetCostToServeResponse {
    let (cost, basis) = (&answer.cost, &*answer.basis);
    let currency = basis.reporting_currency;
    let months = f64::from(cost.window.count());
    let Window { first, last } = cost.window.whole();
    let customer = answer.customer.as_ref().map(DatedProfile::profile);
    let channels = cost.channels.iter().take(MOST_COSTS);
    let topics = cost.topics.iter().take(MOST_COSTS);
    let month = |(window, month): (&Window, &LedgerMonth)| pb::MonthFigures {
        first_day: window.first.to_string(),
        last_day: window.last.to_string(),
        contact_count: count(month.contacts.contacts),
        cost: currency.map(|currency| money_message(month.contacts.cost(currency))),
        income: major(month.income.total(), currency),
    };
    pb::GetCostToServeResponse {
        first_day: first.to_string(),
        last_day: last.to_string(),
        months: i32::try_from(cost.window.count()).unwrap_or(i32::MAX),
        customer_count: count(cost.customers),
        contacting_customer_count: count(cost.contacting),
        total: Some(contact_cost(&cost.total, currency)),
        channels: channels
            .map(|(channel, sum)| pb::ChannelCost {
                channel: channel.to_string(),
                cost: Some(contact_cost(sum, currency)),
                contacts_per_month: real(sum.contacts) / months,
            })
            .collect(),
        topics: topics
            .map(|((channel, topic), sum)| pb::TopicCost {
                channel: channel.to_string(),
                topic: topic.as_deref().unwrap_or_default().to_owned(),
                cost: Some(contact_cost(sum, currency)),
            })
            .collect(),
        month_figures: cost
            .window
            .months()
            .iter()
            .zip(&cost.months)
            .map(month)
            .collect(),
        income: Some(income(cost, basis)),
        contribution: currency.and_then(|it| major(cost.contribution(it), currency)),
        per_month: Some(pb::MonthlyFigures {
            contact_count: real(cost.total.contacts) / months,
            cost: currency.and_then(|it| major(cost.total.major(it) / months, currency)),
            income: major(cost.income().total() / months, currency),
            contribution: currency.and_then(|it| major(cost.contribution(it) / months, currency)),
        }),
        is_complete: cost.is_complete(),
        provenance: Some(provenance(customer, answer.as_of, basis)),
    }
}

fn income(cost: &CostToServe, basis: &Basis) -> pb::Income {
    let currency = basis.reporting_currency;
    let income = cost.income();
    let value = basis.value_settings().map(|settings| settings.basis);
    let counted = match value {
        None | Some(ValueBasis::Revenue) => pb::IncomeBasis::Revenue,
        Some(ValueBasis::Margin | ValueBasis::Contribution) => pb::IncomeBasis::Margin,
    };
    let missing = cost.missing_income.iter();
    pb::Income {
        basis: counted.into(),
        purchases: major(income.purchases, currency),
        contracts: major(income.contracts, currency),
        total: major(income.total(), currency),
        missing: missing
            .map(|(currency, customers)| pb::MissingIncome {
                currency: currency.to_string(),
                customer_count: count(*customers),
            })
            .collect(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of contacts")]
fn real(count: u64) -> f64 {
    count as f64
}
