//! Currencies that ISO 4217 has withdrawn since 1990 (its list three): what was booked in them stays what it is.
//!
//! National currencies with the decimals that they had while they were current. Those that the list of current ones still has, as HRK and
//! BGN, are not here.

/// Codes with their decimals, by code.
const WITHDRAWN: [(&str, u8); 67] = [
    ("ADP", 0), // Andorra
    ("AFA", 2), // Afghanistan
    ("ANG", 2), // Netherlands Antilles
    ("ARA", 2), // Argentina
    ("ATS", 2), // Austria
    ("AYM", 2), // Azerbaijan
    ("AZM", 2), // Azerbaijan
    ("BAD", 2), // Bosnia and Herzegovina
    ("BEF", 0), // Belgium
    ("BGL", 2), // Bulgaria
    ("BRE", 2), // Brazil
    ("BRN", 2), // Brazil
    ("BRR", 2), // Brazil
    ("BYB", 0), // Belarus
    ("BYR", 0), // Belarus
    ("CSD", 2), // Serbia and Montenegro
    ("CSK", 2), // Czechoslovakia
    ("CYP", 2), // Cyprus
    ("DDM", 2), // German Democratic Republic
    ("DEM", 2), // Germany
    ("ECS", 2), // Ecuador
    ("EEK", 2), // Estonia
    ("ESP", 0), // Spain
    ("FIM", 2), // Finland
    ("FRF", 2), // France
    ("GHC", 2), // Ghana
    ("GRD", 0), // Greece
    ("GWP", 2), // Guinea-Bissau
    ("HRD", 2), // Croatia
    ("IEP", 2), // Ireland
    ("ITL", 0), // Italy
    ("LTL", 2), // Lithuania
    ("LUF", 0), // Luxembourg
    ("LVL", 2), // Latvia
    ("MGF", 0), // Madagascar
    ("MRO", 2), // Mauritania
    ("MTL", 2), // Malta
    ("MXP", 2), // Mexico
    ("MZM", 2), // Mozambique
    ("NLG", 2), // Netherlands
    ("PEI", 2), // Peru
    ("PLZ", 2), // Poland
    ("PTE", 0), // Portugal
    ("ROL", 0), // Romania
    ("RUR", 2), // Russia
    ("SDD", 2), // Sudan
    ("SIT", 2), // Slovenia
    ("SKK", 2), // Slovakia
    ("SRG", 2), // Suriname
    ("STD", 2), // Sao Tome and Principe
    ("SUR", 2), // Soviet Union
    ("TMM", 2), // Turkmenistan
    ("TPE", 0), // Timor
    ("TRL", 0), // Turkey
    ("UYP", 2), // Uruguay
    ("VEB", 2), // Venezuela
    ("VEF", 2), // Venezuela
    ("YDD", 3), // Democratic Yemen
    ("YUD", 2), // Yugoslavia
    ("YUM", 2), // Yugoslavia
    ("YUN", 2), // Yugoslavia
    ("ZMK", 2), // Zambia
    ("ZRN", 2), // Zaire
    ("ZRZ", 2), // Zaire
    ("ZWD", 2), // Zimbabwe
    ("ZWN", 2), // Zimbabwe
    ("ZWR", 2), // Zimbabwe
];

/// A currency that was withdrawn: its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Withdrawn(u8);

impl Withdrawn {
    /// The currency of a code; `None`: none that was withdrawn.
    pub(super) fn from_code(code: &str) -> Option<Self> {
        let at = WITHDRAWN.binary_search_by_key(&code, |(known, _)| known);
        at.ok().and_then(|at| u8::try_from(at).ok()).map(Self)
    }

    pub(super) fn code(self) -> &'static str {
        WITHDRAWN[usize::from(self.0)].0
    }

    pub(super) fn exponent(self) -> u8 {
        WITHDRAWN[usize::from(self.0)].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_has_no_current_currency() {
        assert!(WITHDRAWN.is_sorted_by_key(|(code, _)| code));
        for (code, _) in WITHDRAWN {
            assert_eq!(iso_currency::Currency::from_code(code), None, "{code}");
            assert_eq!(Withdrawn::from_code(code).unwrap().code(), code);
        }
    }
}
