//! The operating system: hosts entries, kernel settings, huge pages, limits, time, watchdog, and
//! the distribution's own PostgreSQL units.

use super::draft::{Draft, systemd, write_file};
use super::{Action, Desired, Rollout, Step, UnitOperation, leftovers};
use crate::cluster::{Node, Role};
use crate::facts::NodeFacts;
use crate::render::{File, Purpose};

/// The oneshot unit that switches transparent huge pages off.
pub const THP_UNIT: &str = "mahout-thp.service";

/// Adds the phase.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let mut work = Vec::new();
    for node in &desired.cluster.nodes {
        let (steps, notes) = steps(desired, node, draft.facts(&node.name));
        for note in notes {
            draft.note(Some(&node.name), note);
        }
        work.push((node.name.clone(), steps));
    }
    draft.phase("system", Rollout::Parallel, work, |_| None);
}

fn steps(desired: &Desired, node: &Node, facts: &NodeFacts) -> (Vec<Step>, Vec<String>) {
    let rendered = &desired.rendered[&node.name];
    let mut steps: Vec<Step> = Vec::new();
    let mut notes = Vec::new();

    let files: Vec<Action> = rendered
        .files
        .iter()
        .filter(|file| file.purpose == Purpose::System)
        .filter_map(|file| write_file(facts, file))
        .collect();
    let writes = |wanted: fn(&File) -> bool| {
        files
            .iter()
            .any(|action| matches!(action, Action::WriteFile { file, .. } if wanted(file)))
    };
    let (removal, outlasting) = leftovers::removal(rendered, facts);
    notes.extend(outlasting);
    let units_changed = writes(File::is_unit);
    let watchdog_is_new = writes(|file| file.path.starts_with("/etc/modules-load.d/"));
    steps.extend(files.into_iter().map(Step::from));
    let thp = facts.units.get(THP_UNIT);
    let reloads = removal
        .iter()
        .any(|step| step.action == Action::ReloadSystemd);
    steps.extend(removal);
    if !reloads && (units_changed || thp.is_some_and(|unit| unit.needs_daemon_reload)) {
        steps.push(Action::ReloadSystemd.into());
    }

    let (mut values, mut forbidden) = (std::collections::BTreeMap::new(), Vec::new());
    for (key, wanted) in &rendered.kernel_settings {
        match facts.sysctl.get(key) {
            Some(live) if live.value.split_whitespace().eq(wanted.split_whitespace()) => {}
            Some(live) if live.writable => {
                values.insert(key.clone(), wanted.clone());
            }
            Some(live) => forbidden.push(format!("{key} (is {}, wanted {wanted})", live.value)),
            None => {}
        }
    }
    if !values.is_empty() {
        steps.push(Action::SetSysctl { values }.into());
    }
    if !forbidden.is_empty() {
        notes.push(format!(
            "the kernel belongs to the machine that hosts this {}: set {} there",
            container_word(facts),
            forbidden.join(", ")
        ));
    }

    if node.system.disable_transparent_huge_pages {
        if thp.is_none_or(|unit| unit.enabled != "enabled") {
            steps.push(systemd(THP_UNIT, UnitOperation::Enable).into());
        }
        let live = facts.system.transparent_huge_pages.as_deref();
        if live.is_some_and(|word| word != "never") {
            if facts.system.transparent_huge_pages_writable {
                steps.push(systemd(THP_UNIT, UnitOperation::Restart).into());
            } else {
                notes.push(format!(
                    "transparent huge pages are `{}` and cannot be switched off in this {}",
                    live.unwrap_or_default(),
                    container_word(facts)
                ));
            }
        }
    }

    if node.system.time_sync {
        let platform = &rendered.platform;
        if needs_time_service(node, facts) {
            let unit = facts.units.get(&platform.time_unit);
            if unit.is_none_or(|unit| unit.enabled != "enabled") {
                steps.push(systemd(&platform.time_unit, UnitOperation::Enable).into());
            }
            steps.push(systemd(&platform.time_unit, UnitOperation::Start).into());
        }
    }

    if node.system.watchdog && node.has(Role::Postgresql) && !facts.system.watchdog_device {
        if facts.system.is_container() {
            notes.push(format!(
                "there is no watchdog device in this {}",
                container_word(facts)
            ));
        } else if watchdog_is_new {
            steps.push(Action::EnableWatchdog.into());
        } else {
            // A kernel without softdog would be asked in every run.
            notes.push(
                "there is no /dev/watchdog: `modprobe softdog` on the node says why".to_owned(),
            );
        }
    }

    if node.system.disable_distribution_postgresql && node.has(Role::Postgresql) {
        // Known units of the release, and any instance of Debian's template that is there.
        let mut units = rendered
            .platform
            .distribution_postgresql_units(rendered.postgresql);
        units.extend(
            facts
                .units
                .keys()
                .filter(|name| name.starts_with("postgresql@") && *name != "postgresql@.service")
                .cloned(),
        );
        units.sort();
        units.dedup();
        let server = &rendered.platform.postgresql_packages(rendered.postgresql)[0];
        let before = &desired.facts.nodes[&node.name];
        for unit in units {
            // The packages enable their units; what is not known yet will be there after them.
            let missing = before
                .units
                .get(&unit)
                .is_some_and(|unit| unit.load == "not-found");
            if missing && before.has_package(server) {
                continue;
            }
            let off = facts.units.get(&unit).is_some_and(|unit| {
                matches!(
                    unit.enabled.as_str(),
                    "disabled"
                        | "masked"
                        | ""
                        | "static"
                        | "generated"
                        | "indirect"
                        | "enabled-runtime"
                ) && unit.active != "active"
                    && unit.load != "not-found"
            });
            if !off {
                steps.push(systemd(&unit, UnitOperation::Disable).into());
            }
        }
    }
    (steps, notes)
}

/// Whether the node has no time service of its own and must get one. A container's clock is its
/// host's.
pub(super) fn needs_time_service(node: &Node, facts: &NodeFacts) -> bool {
    node.system.time_sync && facts.system.time_service.is_none() && !facts.system.is_container()
}

fn container_word(facts: &NodeFacts) -> &str {
    if facts.system.is_container() {
        "container"
    } else {
        "machine"
    }
}
