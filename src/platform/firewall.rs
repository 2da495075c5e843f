//! Firewalls, by the names that they have on every distribution.

/// firewalld's unit.
pub const FIREWALLD_UNIT: &str = "firewalld.service";
/// The policy by which firewalld lets the cluster in. A policy and not a zone: it holds in whichever
/// zone a connection arrives, and takes nothing away from any, SSH least of all.
pub const FIREWALLD_POLICY: &str = "/etc/firewalld/policies/mahout.xml";
/// What stands in the place of a port for the protocol by which nodes tell each other who holds the
/// virtual address: it has none.
pub const VRRP: &str = "vrrp";
