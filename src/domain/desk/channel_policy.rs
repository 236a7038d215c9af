//! Whether a customer keeps a channel, gets a limited number of contacts on it, or is offered another one first.
//!
//! The rule, on amounts of a month rounded to minor units:
//!
//! 1. No contacts on the channel, or a contribution (income less the cost of all contacts) of 0 or more: KEEP.
//! 2. Otherwise, so many contacts on the channel are paid for as the income covers after the cost of the other channels, rounded down. At least
//!    one: LIMIT to that number. None, and a cheaper channel is offered: REDIRECT to the one with the greatest contribution. None, and no
//!    cheaper one: LIMIT to none, which is left to people.
//! 3. What is missing never decides. A contribution that is positive only because costs are missing, or negative only because income is,
//!    is UNDECIDED.
//!
//! Nothing here ends a service: every verdict but KEEP names how the same contacts could cost less.

use super::DeskReason;
use crate::domain::{
    definitions::LocalizedText,
    explain::wording::{Language, both, values::money_text},
    money::{Currency, Money, major_to_money},
    text::Label,
};

/// What to do about a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelVerdict {
    /// Change nothing.
    Keep,
    /// Keep the contacts that are paid for, and offer another channel for the others.
    Limit,
    /// Offer another channel first.
    Redirect,
    /// Costs or income are missing that could decide.
    Undecided,
}

/// A month of a customer, in major units.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelMonth {
    /// The channel in question.
    pub channel: Label,
    /// Income before the cost of contacts.
    pub income: f64,
    /// Contacts on the channel.
    pub contacts: f64,
    /// Cost of one of them; `None`: not known.
    pub cost_per_contact: Option<f64>,
    /// Known cost of the contacts on the channel.
    pub channel_cost: f64,
    /// Known cost of the contacts on other channels.
    pub other_cost: f64,
    /// Whether the cost of some contacts is missing.
    pub lacks_costs: bool,
    /// Whether some income is missing.
    pub lacks_income: bool,
}

/// Another channel.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherChannel {
    /// Its name.
    pub channel: Label,
    /// Cost of a contact; `None`: not known.
    pub cost_per_contact: Option<f64>,
    /// Whether the customer may be offered it.
    pub is_offered: bool,
}

/// What another channel would give, in a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// Its name.
    pub channel: Label,
    /// Cost of a contact; `None`: not known, and so is the rest.
    pub cost_per_contact: Option<Money>,
    /// Contribution if all contacts moved there.
    pub contribution: Option<Money>,
    /// Contribution if those moved there that are not paid for.
    pub limited_contribution: Option<Money>,
    /// Whether the customer may be offered it.
    pub is_offered: bool,
}

/// What to do about a channel, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelDecision {
    /// What to do.
    pub verdict: ChannelVerdict,
    /// Income less the cost of all contacts, as far as known.
    pub contribution: Money,
    /// Contacts on the channel that are paid for; `None` where one costs nothing, or its cost is not known.
    pub affordable: Option<u32>,
    /// The other channels, the greatest contribution first; those of unknown cost last.
    pub alternatives: Vec<Alternative>,
    /// The channel to offer.
    pub suggested: Option<Label>,
    /// Why.
    pub reasons: Vec<DeskReason>,
}

/// Decides; `None` where an amount is too large to keep.
#[must_use]
pub fn decide_channel(
    month: &ChannelMonth,
    others: &[OtherChannel],
    currency: Currency,
) -> Option<ChannelDecision> {
    let money = |major: f64| major_to_money(major, currency);
    let contribution = money(month.income - month.channel_cost - month.other_cost)?;
    let cost = match month.cost_per_contact {
        Some(cost) => Some(money(cost)?),
        None => None,
    };
    let affordable = affordable(month.income - month.other_cost, month.cost_per_contact);
    let mut alternatives = vec![];
    for other in others.iter().filter(|it| it.channel != month.channel) {
        alternatives.push(alternative(month, other, affordable, currency)?);
    }
    alternatives.sort_by_key(|it| {
        let contribution = it.contribution.map(|money| money.amount_minor);
        std::cmp::Reverse(contribution)
    });
    let is_cheaper = |it: &&Alternative| {
        let (there, here) = (it.cost_per_contact, cost);
        it.is_offered
            && there
                .zip(here)
                .is_some_and(|(there, here)| there.amount_minor < here.amount_minor)
    };
    let cheaper = alternatives.iter().find(is_cheaper).cloned();
    let verdict = verdict(month, contribution, cost, affordable, cheaper.is_some());
    let is_offer = matches!(verdict, ChannelVerdict::Limit | ChannelVerdict::Redirect);
    let offer = cheaper.filter(|_| is_offer);
    let cost_of_contacts = money(month.channel_cost + month.other_cost)?;
    let worded = Worded {
        month,
        income: money(month.income)?,
        cost_of_contacts,
        contribution,
        affordable,
    };
    Some(ChannelDecision {
        reasons: worded.reasons(verdict, offer.as_ref()),
        verdict,
        contribution,
        affordable,
        suggested: offer.map(|offer| offer.channel),
        alternatives,
    })
}

/// How many contacts at a cost an amount pays for; `None` where they cost nothing. The mean cost of a contact is not rounded: a hundred
/// contacts would multiply what it lost.
fn affordable(amount: f64, cost: Option<f64>) -> Option<u32> {
    /// What decimals lose as binary numbers, as a share of a contact.
    const LOST: f64 = 1e-9;
    let cost = cost.filter(|cost| *cost > 0.0)?;
    let count = (amount.max(0.0) / cost + LOST).floor();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a conversion that saturates"
    )]
    let count = count as u32;
    Some(count)
}

fn alternative(
    month: &ChannelMonth,
    other: &OtherChannel,
    affordable: Option<u32>,
    currency: Currency,
) -> Option<Alternative> {
    let money = |major: f64| major_to_money(major, currency);
    let mut alternative = Alternative {
        channel: other.channel.clone(),
        cost_per_contact: None,
        contribution: None,
        limited_contribution: None,
        is_offered: other.is_offered,
    };
    let Some(there) = other.cost_per_contact else {
        return Some(alternative);
    };
    let rest = month.income - month.other_cost;
    alternative.cost_per_contact = Some(money(there)?);
    alternative.contribution = Some(money(rest - month.contacts * there)?);
    if let Some((here, kept)) = month.cost_per_contact.zip(affordable) {
        let kept = f64::from(kept).min(month.contacts);
        let moved = month.contacts - kept;
        alternative.limited_contribution = Some(money(rest - kept * here - moved * there)?);
    }
    Some(alternative)
}

fn verdict(
    month: &ChannelMonth,
    contribution: Money,
    cost: Option<Money>,
    affordable: Option<u32>,
    has_cheaper: bool,
) -> ChannelVerdict {
    let is_positive = contribution.amount_minor >= 0;
    if month.contacts <= 0.0 {
        return ChannelVerdict::Keep;
    }
    if cost.is_none() {
        return ChannelVerdict::Undecided;
    }
    match (is_positive, affordable) {
        (true, _) if month.lacks_costs => ChannelVerdict::Undecided,
        (false, _) if month.lacks_income => ChannelVerdict::Undecided,
        // Of a channel that costs nothing, the loss comes from elsewhere.
        (true, _) | (false, None) => ChannelVerdict::Keep,
        (false, Some(0)) if has_cheaper => ChannelVerdict::Redirect,
        // With the missing costs, fewer contacts would be paid for, perhaps none.
        (false, Some(1..)) if month.lacks_costs => ChannelVerdict::Undecided,
        (false, Some(_)) => ChannelVerdict::Limit,
    }
}

/// What the reasons are worded from.
struct Worded<'a> {
    month: &'a ChannelMonth,
    income: Money,
    cost_of_contacts: Money,
    contribution: Money,
    affordable: Option<u32>,
}

impl Worded<'_> {
    fn reasons(&self, verdict: ChannelVerdict, offer: Option<&Alternative>) -> Vec<DeskReason> {
        let is_positive = self.contribution.amount_minor >= 0;
        let mut reasons = vec![DeskReason {
            code: if is_positive {
                "CONTRIBUTION_POSITIVE"
            } else {
                "CONTRIBUTION_NEGATIVE"
            },
            text: self.contribution_text(),
        }];
        let channel = &*self.month.channel;
        let mut push = |code, text| reasons.push(DeskReason { code, text });
        if self.month.contacts <= 0.0 {
            push("CHANNEL_NOT_USED", channel_not_used(channel));
        }
        if self.month.lacks_costs {
            push("COST_MISSING", cost_missing());
        }
        if self.month.lacks_income {
            push("INCOME_MISSING", income_missing());
        }
        if matches!(verdict, ChannelVerdict::Limit | ChannelVerdict::Redirect) {
            push("CONTACTS_PAID_FOR", self.paid_for_text());
            let of_offer = |offer: &Alternative| match verdict {
                ChannelVerdict::Limit => offer.limited_contribution,
                ChannelVerdict::Keep | ChannelVerdict::Redirect | ChannelVerdict::Undecided => {
                    offer.contribution
                }
            };
            match offer.and_then(|offer| Some((offer, of_offer(offer)?))) {
                Some((offer, contribution)) => {
                    let is_limit = verdict == ChannelVerdict::Limit;
                    push(
                        "CHEAPER_CHANNEL",
                        cheaper_text(offer, contribution, is_limit),
                    );
                }
                None => push("NO_CHEAPER_CHANNEL", no_cheaper_channel()),
            }
        }
        reasons
    }

    fn contribution_text(&self) -> LocalizedText {
        both(|language| {
            let text = |money| money_text(money, language);
            let (income, cost) = (text(self.income), text(self.cost_of_contacts));
            let contribution = text(self.contribution);
            match language {
                Language::En => format!(
                    "a month brings {income} and contacts cost {cost}: contribution {contribution}"
                ),
                Language::De => format!(
                    "ein Monat bringt {income}, Kontakte kosten {cost}: Deckungsbeitrag {contribution}"
                ),
            }
        })
    }

    fn paid_for_text(&self) -> LocalizedText {
        let (channel, paid) = (&self.month.channel, self.affordable.unwrap_or_default());
        both(|language| {
            let contacts = number(self.month.contacts, language);
            match language {
                Language::En => {
                    format!("{paid} of {contacts} contacts a month on {channel} are paid for")
                }
                Language::De => {
                    format!("{paid} von {contacts} Kontakten im Monat über {channel} sind bezahlt")
                }
            }
        })
    }
}

/// At most two decimals, without zeros at the end.
fn number(value: f64, language: Language) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match language {
        Language::En => text.to_owned(),
        Language::De => text.replace('.', ","),
    }
}

fn cheaper_text(offer: &Alternative, contribution: Money, is_limit: bool) -> LocalizedText {
    let channel = &offer.channel;
    both(|language| {
        let contribution = money_text(contribution, language);
        let moved = match (language, is_limit) {
            (Language::En, false) => "with these contacts",
            (Language::En, true) => "with the other contacts",
            (Language::De, false) => "mit diesen Kontakten",
            (Language::De, true) => "mit den übrigen Kontakten",
        };
        match language {
            Language::En => {
                format!("{moved} on {channel}, the contribution would be {contribution}")
            }
            Language::De => {
                format!("{moved} über {channel} wäre der Deckungsbeitrag {contribution}")
            }
        }
    })
}

fn channel_not_used(channel: &str) -> LocalizedText {
    both(|language| match (language, channel) {
        (Language::En, "") => "no contacts in the window".to_owned(),
        (Language::De, "") => "keine Kontakte im Zeitraum".to_owned(),
        (Language::En, _) => format!("no contacts on {channel}"),
        (Language::De, _) => format!("keine Kontakte über {channel}"),
    })
}

fn cost_missing() -> LocalizedText {
    both(|language| match language {
        Language::En => "the cost of some contacts is not known",
        Language::De => "die Kosten mancher Kontakte sind nicht bekannt",
    })
}

fn income_missing() -> LocalizedText {
    both(|language| match language {
        Language::En => "some income cannot be converted to the reporting currency",
        Language::De => "manche Einnahmen lassen sich nicht in die Berichtswährung umrechnen",
    })
}

fn no_cheaper_channel() -> LocalizedText {
    both(|language| match language {
        Language::En => "the definitions have no cheaper channel to offer",
        Language::De => "die Definitionen bieten keinen günstigeren Kanal",
    })
}

#[cfg(test)]
mod tests;
