//! Files of tweaks that have been switched off: what an earlier deploy wrote, and the inventory no
//! longer asks for.

use super::draft::systemd;
use super::system::THP_UNIT;
use super::{Action, Step, UnitOperation};
use crate::facts::{FileFacts, NodeFacts};
use crate::render::{MANAGED_BY, Rendered};
use crate::secret::Secret;

const THP: &str = "/etc/systemd/system/mahout-thp.service";

/// The files that one switch of `system` each brings, and what of it outlasts the file. Files of a
/// service are not among them: they go with the service, or stay as long as it runs.
const TWEAKS: [(&str, &str); 5] = [
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
/// content is not known, as in a record of facts.
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
        if path == THP {
            units_changed = true;
            // systemd finds out what to unlink by the file.
            let unit = facts.units.get(THP_UNIT);
            if unit.is_some_and(|unit| unit.enabled == "enabled" || unit.active == "active") {
                steps.push(systemd(THP_UNIT, UnitOperation::Disable).into());
            }
        }
        let path = path.to_owned();
        notes.push(format!(
            "{path} is no longer asked for and goes; {outlasts}"
        ));
        steps.push(Action::RemoveFile { path }.into());
    }
    if units_changed {
        steps.push(Action::ReloadSystemd.into());
    }
    (steps, notes)
}
