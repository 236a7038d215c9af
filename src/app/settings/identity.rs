//! The setting of identities, and what a listener that other machines reach needs.

use std::net::SocketAddr;

use clap::ValueEnum;

use super::validation::{Problem, names};
use super::{ProblemKind, Settings};

/// Whether callers must be identified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum IdentityMode {
    /// Everybody who reaches a listener may do everything.
    #[default]
    Off,
    /// Every call needs a token, or a client certificate with roles.
    Required,
}

/// What a listener can do for its callers.
#[derive(Clone, Copy)]
struct Abilities {
    /// It encrypts.
    is_encrypted: bool,
    /// It identifies callers.
    is_identified: bool,
}

impl Settings {
    /// Whether callers must be identified.
    #[must_use]
    pub fn requires_identity(&self) -> bool {
        self.identity == IdentityMode::Required
    }

    /// Each listener: what it is called, where it is, and what it can do.
    fn listeners(&self) -> [(&'static str, Option<SocketAddr>, Abilities); 4] {
        let calls = Abilities {
            is_encrypted: self.tls.files().is_some(),
            is_identified: self.requires_identity(),
        };
        let others = Abilities {
            is_encrypted: false,
            is_identified: false,
        };
        [
            (names::LISTEN, Some(self.listen), calls),
            (names::HTTP_LISTEN, self.http_listen, calls),
            (names::AGI_LISTEN, self.agi_listen, others),
            (names::ADMIN_LISTEN, Some(self.admin_listen), others),
        ]
    }

    /// Refuses listeners that other machines reach, unless they encrypt and identify, and addresses that are given twice.
    pub(super) fn check_addresses(&self, problems: &mut Vec<Problem>) {
        let mut taken: Vec<SocketAddr> = vec![];
        for (setting, address, abilities) in self.listeners() {
            let Some(address) = address else { continue };
            let mut add = |kind| problems.push(Problem { setting, kind });
            if !self.insecure && !address.ip().is_loopback() {
                match (abilities.is_encrypted, abilities.is_identified) {
                    (true, true) => {}
                    (true, false) => add(ProblemKind::NoLogin { address }),
                    (false, true) => add(ProblemKind::PlainTokens { address }),
                    (false, false) => add(ProblemKind::NotLoopback { address }),
                }
            } else if setting == names::AGI_LISTEN && self.requires_identity() && !self.insecure {
                add(ProblemKind::NoTokens);
            }
            // Port 0 asks for any free port, so two of them differ.
            if address.port() != 0 && taken.contains(&address) {
                add(ProblemKind::SameAddress { address });
            }
            taken.push(address);
        }
    }
}
