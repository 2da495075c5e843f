//! Firewalls.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::NodeFacts;
use crate::platform::firewall::FIREWALLD_UNIT;

/// What firewalls there are. Whether firewalld runs is told by its unit; ufw has one that is not
/// active where it was enabled by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallFacts {
    /// Whether firewalld is installed.
    pub firewalld: bool,
    /// Whether it knows policies (0.9 and newer).
    pub policies: bool,
    /// What our policy lets in at run time, one port a rule; `None` where it was not asked: firewalld
    /// does not run, or has no policy of ours.
    #[serde(default)]
    pub live: Option<BTreeSet<FirewallRule>>,
    /// ufw, where it is installed.
    pub ufw: Option<UfwFacts>,
    /// The chains of nftables that drop what none of their rules accepts.
    #[serde(default)]
    pub nftables: Vec<NftablesChain>,
}

/// ufw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UfwFacts {
    /// `ENABLED=yes` of ufw.conf.
    pub enabled: bool,
    /// `DEFAULT_INPUT_POLICY`: `DROP`, `REJECT`, `ACCEPT`.
    pub input: String,
    /// Whether it knows VRRP (0.36.2 and newer).
    #[serde(default)]
    pub vrrp: bool,
    /// The rules that carry our comment.
    pub rules: BTreeSet<FirewallRule>,
}

/// A rule: what comes from `source` to one of `ports` over TCP is accepted; or by a protocol of its
/// own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FirewallRule {
    /// An address or a network.
    pub source: String,
    /// `2379`, or as ufw writes them: `2379,2380`; or `vrrp`.
    pub ports: String,
}

/// A chain of nftables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NftablesChain {
    /// Family, table and chain: `inet filter input`.
    pub name: String,
    /// The numbers in its rules about ports.
    pub ports: BTreeSet<u16>,
    /// Whether it has a rule about VRRP.
    #[serde(default)]
    pub vrrp: bool,
}

/// The firewall that runs on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// firewalld.
    Firewalld,
    /// ufw.
    Ufw,
    /// Neither.
    None,
}

impl NodeFacts {
    /// Which firewall runs.
    pub fn fence(&self) -> Fence {
        let ufw = self.firewall.as_ref().and_then(|all| all.ufw.as_ref());
        if self.is_active(FIREWALLD_UNIT) {
            Fence::Firewalld
        } else if ufw.is_some_and(|ufw| ufw.enabled) {
            Fence::Ufw
        } else {
            Fence::None
        }
    }
}
