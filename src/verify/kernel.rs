//! The kernel's and the services' live settings. What a container cannot write is its host's: a warning.

use super::view::{Judge, View};
use super::words::{count, list};
use crate::cluster::Role;

fn folded(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every setting that the kernel has is live.
pub(super) fn sysctl(view: &View, judge: &mut Judge) {
    let mut live = 0;
    for (node, facts) in view.nodes() {
        // What the inventory says and what was computed for this node's memory.
        let wanted = view
            .rendered
            .get(&node.name)
            .map(|rendered| &rendered.kernel_settings);
        let (mut wrong, mut locked) = (Vec::new(), Vec::new());
        for (key, wanted) in wanted.into_iter().flatten() {
            let Some(setting) = facts.sysctl.get(key) else {
                continue;
            };
            live += 1;
            if folded(&setting.value) == folded(wanted) {
                continue;
            }
            let message = format!("{key} is {}, wanted {wanted}", setting.value);
            if setting.writable {
                wrong.push(message);
            } else {
                locked.push(message);
            }
        }
        if !wrong.is_empty() {
            judge
                .error(&node.name, list(wrong))
                .hint("`mahout deploy` sets it; if it comes back, another file in /etc/sysctl.d does that");
        }
        if !locked.is_empty() {
            judge
                .warning(
                    &node.name,
                    format!("cannot be set in this container: {}", list(locked)),
                )
                .hint("set it on the machine that hosts the container");
        }
    }
    if live > 0 {
        judge.holds(format!("{} live", count(live, "setting")));
    }
}

/// Transparent huge pages are off where they are to be.
pub(super) fn transparent_huge_pages(view: &View, judge: &mut Judge) {
    let mut asked = false;
    for (node, facts) in view.nodes() {
        if !node.system.disable_transparent_huge_pages {
            continue;
        }
        asked = true;
        // A kernel without them has nothing to switch off.
        let Some(state) = facts.system.transparent_huge_pages.as_deref() else {
            continue;
        };
        if state == "never" {
            continue;
        }
        let message = format!("transparent huge pages are `{state}`, wanted `never`");
        if facts.system.transparent_huge_pages_writable {
            judge.error(&node.name, message);
        } else {
            judge
                .warning(
                    &node.name,
                    format!("{message}, and this container cannot switch them off"),
                )
                .hint("switch them off on the machine that hosts the container");
        }
    }
    if asked {
        judge.holds("off");
    }
}

/// The services may open as many files as they are to.
pub(super) fn limits(view: &View, judge: &mut Judge) {
    let mut asked = 0;
    for (node, facts) in view.nodes() {
        let Some(wanted) = node.system.limit_nofile else {
            continue;
        };
        for unit in ["etcd.service", "patroni.service"] {
            let live = facts.units.get(unit).and_then(|unit| unit.limit_nofile);
            let Some(live) = live else {
                continue;
            };
            asked += 1;
            if live < wanted {
                judge
                    .warning(
                        &node.name,
                        format!("{unit} may open {live} files, wanted {wanted}"),
                    )
                    .hint("it takes effect when the unit starts next");
            }
        }
    }
    if asked > 0 {
        judge.holds(format!(
            "{} may open as many files as wanted",
            count(asked, "service")
        ));
    }
}

/// The watchdog device is there where Patroni is to use it.
pub(super) fn watchdog(view: &View, judge: &mut Judge) {
    let mut asked = false;
    for (node, facts) in view.with_role(Role::Postgresql) {
        let required = node.patroni.watchdog == "required";
        if !node.system.watchdog && !required {
            continue;
        }
        asked = true;
        if facts.system.watchdog_device {
            continue;
        }
        if required {
            judge
                .error(
                    &node.name,
                    "there is no /dev/watchdog, and Patroni requires one to lead",
                )
                .hint("load `softdog`, or set `watchdog: automatic`");
        } else {
            judge.warning(
                &node.name,
                "there is no /dev/watchdog: a hung leader is not reset",
            );
        }
    }
    if asked {
        judge.holds("present");
    }
}
