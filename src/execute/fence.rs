//! How firewalls and SELinux are told what they need to know.

use super::action::Call;
use super::quote::sh;
use super::script::{FIREWALL, SELINUX};
use crate::facts::firewall::FirewallRule;
use crate::plan::firewall::FirewallChange;
use crate::plan::selinux::SelinuxChange;

/// A policy store takes its time to be built.
const SELINUX_SECONDS: u64 = 300;

/// The call for a change of the firewall.
pub(super) fn firewall(change: &FirewallChange) -> Call {
    let script = match change {
        FirewallChange::StartFirewalld { ssh_ports, .. } => {
            let ports: Vec<String> = ssh_ports.iter().map(u16::to_string).collect();
            format!("start_firewalld {}", ports.join(" "))
        }
        FirewallChange::ReloadFirewalld { .. } => "reload_firewalld".to_owned(),
        FirewallChange::Ufw { add, remove } => {
            let words = |verb: &str, rule: &FirewallRule| {
                format!(" {verb} {} {}", sh(&rule.source), sh(&rule.ports))
            };
            let add = add.iter().map(|rule| words("allow", rule));
            let remove = remove.iter().map(|rule| words("delete", rule));
            format!("ufw_rules{}", add.chain(remove).collect::<String>())
        }
    };
    Call::new(&FIREWALL, script, 600)
}

/// The call for a change of what SELinux is told.
pub(super) fn selinux(change: &SelinuxChange) -> Call {
    let script = match change {
        SelinuxChange::Boolean { name } => format!("selinux_boolean {}", sh(name)),
        SelinuxChange::Label { path, kind } => {
            let path = path.trim_end_matches('/');
            let pattern = pattern(path);
            format!("selinux_label {} {} {}", sh(path), sh(&pattern), sh(kind))
        }
        SelinuxChange::Permissive => "selinux_permissive".to_owned(),
    };
    Call::new(&SELINUX, script, SELINUX_SECONDS)
}

/// A path as a regular expression that matches nothing else.
fn pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for c in path.chars() {
        if r"\.^$*+?()[]{}|".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_path_matches_itself_alone() {
        assert_eq!(pattern("/srv/pg-15.data"), r"/srv/pg-15\.data");
        assert_eq!(pattern("/data/pg(1)+"), r"/data/pg\(1\)\+");
    }
}
