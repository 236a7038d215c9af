//! What definitions state of an attribute.

use super::LocalizedText;
use crate::domain::{rules::vocabulary::Attribute, text::Label};

/// What kind of thing an attribute tells. The families of the articles behind Patron (M18 to M31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Age, occupation, family, education, income.
    SocioDemographic,
    /// Residence, region, abroad.
    Geographic,
    /// Requirements of a sector.
    Industry,
    /// How they buy and communicate.
    Behaviour,
    /// Membership, agreed discounts, profitability delivered from elsewhere.
    Value,
    /// Lifestyle, interests, opinions.
    Psychographic,
    /// Lead, onboarding, regular.
    Lifecycle,
    /// Devices, platforms, affinity.
    Technographic,
    /// Employees, corporate links, size.
    Firmographic,
    /// Customer class, potential class, criticality.
    Needs,
    /// Agreed services and response times.
    OfferedServices,
    /// Kind of partner and preferred products.
    BusinessPartner,
    /// Department and role of colleagues.
    Internal,
}

/// An attribute of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeDefinition {
    /// What conditions need: name, type, unit, maximum age, sensitivity.
    pub attribute: Attribute,
    /// What kind of thing it tells.
    pub family: Family,
    /// What it means.
    pub description: LocalizedText,
    /// Unit of a number, as people say it.
    pub unit: Option<LocalizedText>,
    /// The system whose records its values name.
    pub reference: Option<Label>,
}
