//! Cost to serve next to income, by channel, topic and month, of one customer or of many.

use std::collections::BTreeMap;

use super::{
    contacts::DeskContact,
    cost::{CostSum, price},
    income::{Income, MonthIncome, income},
    tally::Tally,
    window::MonthWindow,
};
use crate::domain::{basis::Basis, customer::profile::ProfileAt, money::Currency, text::Label};

/// The channel of contacts and their topic, if one is known.
pub type ChannelTopic = (Label, Option<Label>);

/// A month.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LedgerMonth {
    /// Contacts and cost.
    pub contacts: CostSum,
    /// Income, in major units.
    pub income: MonthIncome,
}

/// What contacts cost and customers brought.
#[derive(Debug)]
pub struct Ledger {
    window: MonthWindow,
    customers: u64,
    contacting: u64,
    total: CostSum,
    channels: Tally<Label, CostSum>,
    topics: Tally<ChannelTopic, CostSum>,
    months: Vec<LedgerMonth>,
    /// Customers whose income lacks amounts in a currency.
    missing_income: BTreeMap<Currency, u64>,
}

/// The same, finished.
#[derive(Debug, Clone)]
pub struct CostToServe {
    /// The months.
    pub window: MonthWindow,
    /// How many customers it is about.
    pub customers: u64,
    /// Those with a contact.
    pub contacting: u64,
    /// All contacts.
    pub total: CostSum,
    /// By channel, the most costly first.
    pub channels: Vec<(Label, CostSum)>,
    /// By channel and topic, the most costly first.
    pub topics: Vec<(ChannelTopic, CostSum)>,
    /// By month.
    pub months: Vec<LedgerMonth>,
    /// Customers whose income lacks amounts in a currency.
    pub missing_income: BTreeMap<Currency, u64>,
}

impl Ledger {
    /// An empty one of these months.
    #[must_use]
    pub fn new(window: MonthWindow) -> Self {
        Self {
            months: vec![LedgerMonth::default(); window.months().len()],
            window,
            customers: 0,
            contacting: 0,
            total: CostSum::default(),
            channels: Tally::default(),
            topics: Tally::default(),
            missing_income: BTreeMap::new(),
        }
    }

    /// Adds a customer with the contacts of the window.
    pub fn add(&mut self, view: ProfileAt<'_>, contacts: &[DeskContact], basis: &Basis) {
        self.customers += 1;
        self.contacting += u64::from(!contacts.is_empty());
        for contact in contacts {
            let (price, channel) = (price(contact, basis), &contact.channel);
            self.total.add(channel, price);
            self.channels.of(channel).add(channel, price);
            let topic = (channel.clone(), contact.topic.clone());
            self.topics.of(&topic).add(channel, price);
            if let Some(at) = self.window.place(contact.day) {
                self.months[at].contacts.add(channel, price);
            }
        }
        let Income { months, missing } = income(view, basis, &self.window);
        for (sum, month) in self.months.iter_mut().zip(months) {
            sum.income.purchases += month.purchases;
            sum.income.contracts += month.contracts;
        }
        for currency in missing {
            *self.missing_income.entry(currency).or_default() += 1;
        }
    }

    /// The result.
    #[must_use]
    pub fn finish(self) -> CostToServe {
        let costly = |sum: &CostSum| (sum.cost_minor, sum.contacts);
        CostToServe {
            window: self.window,
            customers: self.customers,
            contacting: self.contacting,
            total: self.total,
            channels: self.channels.into_sorted(costly),
            topics: self.topics.into_sorted(costly),
            months: self.months,
            missing_income: self.missing_income,
        }
    }
}

impl CostToServe {
    /// The income of all months.
    #[must_use]
    pub fn income(&self) -> MonthIncome {
        let months = self.months.iter().map(|month| month.income);
        months.fold(MonthIncome::default(), |sum, month| MonthIncome {
            purchases: sum.purchases + month.purchases,
            contracts: sum.contracts + month.contracts,
        })
    }

    /// Income less the known cost of contacts, in major units.
    #[must_use]
    pub fn contribution(&self, currency: Currency) -> f64 {
        self.income().total() - self.total.major(currency)
    }

    /// Whether no cost and no income is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.total.is_complete() && self.missing_income.is_empty()
    }
}
