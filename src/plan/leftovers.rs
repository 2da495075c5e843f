//! Files of tweaks that have been switched off: what an earlier deploy wrote, and the inventory no
//! longer asks for.

use super::draft::systemd;
use super::system::THP_UNIT;
use super::{Action, Step, UnitOperation};
use crate::facts::{FileFacts, NodeFacts};
use crate::platform::vip::{
    KEEPALIVED_CHECK, KEEPALIVED_CONFIG, KEEPALIVED_DROP_IN, KEEPALIVED_UNIT,
};
use crate::render::{MANAGED_BY, Rendered};
use crate::secret::Secret;

const THP: &str = "/etc/systemd/system/mahout-thp.service";

/// The files that one switch of `system` each brings, and what of it outlasts the file; and those of
/// `vip`. Files of other services are not among them: they go with the service, or stay as long as it
/// runs.
const TWEAKS: [(&str, &str); 8] = [
    (
        KEEPALIVED_CONFIG,
        "keepalived stops, and this node holds no virtual address any more",
    ),
    (KEEPALIVED_DROP_IN, ""),
    (KEEPALIVED_CHECK, ""),
    (
        "/etc/modules-load.d/mahout-watchdog.conf",
        "softdog stays loaded until the node boots",
    ),
    (
        "/etc/security/limits.d/60-mahout.conf",
        "sessions that are open keep their limits",
    ),
    (
        "/etc/sysctl.d/60-mahout.conf",
        "kernel settings keep their live values until the node boots",
    ),
    (
        THP,
        "transparent huge pages stay as they are until the node boots",
    ),
    (
        "/etc/udev/rules.d/60-mahout-watchdog.rules",
        "/dev/watchdog keeps its owner until the node boots",
    ),
];

/// The files of tweaks that are on the node with our header, but not rendered for it, each with
/// what outlasts it. What somebody else put there is not ours to take away; nor is a file whose
/// content is not known, as in a record of facts. What goes with another file has no words of its own.
pub fn leftovers(
    rendered: &Rendered,
    facts: &NodeFacts,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    TWEAKS.into_iter().filter(|(path, _)| {
        facts.files.get(*path).is_some_and(is_ours)
            && !rendered.files.iter().any(|file| file.path == *path)
    })
}

fn is_ours(file: &FileFacts) -> bool {
    let content = file.content.as_ref().map(Secret::expose);
    file.link.is_none() && content.is_some_and(|content| content.contains(MANAGED_BY))
}

/// The steps that take them away, and what the operator should know of each.
pub(super) fn removal(rendered: &Rendered, facts: &NodeFacts) -> (Vec<Step>, Vec<String>) {
    let (mut steps, mut notes): (Vec<Step>, _) = (Vec::new(), Vec::new());
    let mut units_changed = false;
    for (path, outlasts) in leftovers(rendered, facts) {
        units_changed |= [THP, KEEPALIVED_DROP_IN].contains(&path);
        // systemd finds out what to unlink by the file.
        let unit = match path {
            THP => Some(THP_UNIT),
            KEEPALIVED_CONFIG => Some(KEEPALIVED_UNIT),
            _ => None,
        };
        let runs = |unit: &&str| {
            let unit = facts.units.get(*unit);
            unit.is_some_and(|unit| unit.enabled == "enabled" || unit.active == "active")
        };
        if let Some(unit) = unit.filter(runs) {
            steps.push(systemd(unit, UnitOperation::Disable).into());
        }
        let path = path.to_owned();
        if !outlasts.is_empty() {
            notes.push(format!(
                "{path} is no longer asked for and goes; {outlasts}"
            ));
        }
        steps.push(Action::RemoveFile { path }.into());
    }
    if units_changed {
        steps.push(Action::ReloadSystemd.into());
    }
    (steps, notes)
}
