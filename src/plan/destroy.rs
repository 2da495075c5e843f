//! The end of a cluster: nothing of it runs any more, its keys are gone from etcd, its data lies
//! aside. No data is deleted, and what another cluster has on the nodes is not touched.

use super::draft::{Draft, systemd};
use super::patroni::leader;
use super::preflight::{self, PlanError};
use super::replace::roots;
use super::{Action, Data, Desired, Rollout, Step, UnitOperation, etcd, leftovers, patroni};
use crate::cluster::{Node, NodeName, Role};
use crate::facts::NodeFacts;
use crate::platform::vip::KEEPALIVED_UNIT;
use crate::render::{File, HOSTS_PATH, merge_hosts};
use crate::secret::Secret;

/// Adds the phases: clients first, replicas before the leader, etcd after Patroni.
///
/// # Errors
/// If something of another cluster is on the nodes.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) -> Result<(), PlanError> {
    let cluster = desired.cluster;
    preflight::check_ours(desired)?;
    let leads = leader(cluster, desired.facts);
    let of = |role: Role| cluster.with_role(role).collect::<Vec<&Node>>();
    let (leaders, replicas): (Vec<&Node>, Vec<&Node>) = of(Role::Postgresql)
        .into_iter()
        .partition(|node| leads.as_ref() == Some(&node.name));
    let holders: Vec<&Node> = of(Role::Haproxy)
        .into_iter()
        .filter(|node| cluster.can_hold_vip(node))
        .collect();
    stop(draft, "virtual address", &holders, |_| KEEPALIVED_UNIT);
    stop(draft, "clients", &of(Role::Haproxy), |node| {
        &desired.rendered[&node.name].platform.haproxy_unit
    });
    stop(draft, "replicas", &replicas, |_| patroni::UNIT);
    stop(draft, "leader", &leaders, |_| patroni::UNIT);
    remove_keys(draft, desired);
    stop(draft, "etcd", &of(Role::Etcd), |_| etcd::UNIT);

    let data = cluster.nodes.iter().map(|node| {
        let steps = move_aside(desired, node, draft.facts(&node.name));
        (node.name.clone(), steps)
    });
    let data = data.collect();
    draft.phase("data", Rollout::Parallel, data, |_| None);
    let files = cluster.nodes.iter().map(|node| {
        let steps = remove_files(desired, node, draft.facts(&node.name));
        (node.name.clone(), steps)
    });
    let files: Vec<(NodeName, Vec<Step>)> = files.collect();
    draft.phase("files", Rollout::Parallel, files, |_| None);
    draft.note(
        None,
        "packages, users, openings of a firewall and live kernel settings stay; so do the vault and the \
         log of runs",
    );
    Ok(())
}

fn stop<'a>(
    draft: &mut Draft,
    title: &'static str,
    nodes: &[&'a Node],
    unit: impl Fn(&'a Node) -> &'a str,
) {
    let work = nodes.iter().map(|node| {
        let unit = unit(node);
        let facts = draft.facts(&node.name).units.get(unit);
        let runs = facts.is_some_and(|facts| {
            facts.load != "not-found"
                && (!matches!(facts.active.as_str(), "inactive" | "failed")
                    || facts.enabled == "enabled")
        });
        let step = runs.then(|| systemd(unit, UnitOperation::Disable).into());
        (node.name.clone(), step.into_iter().collect())
    });
    let work: Vec<(NodeName, Vec<Step>)> = work.collect();
    draft.phase(title, Rollout::Parallel, work, |_| None);
}

/// With our own etcd they would be gone with it; but whoever brings its data back must not find a
/// cluster in it whose database is another one by then.
fn remove_keys(draft: &mut Draft, desired: &Desired) {
    let cluster = desired.cluster;
    let path = cluster.dcs_path();
    if cluster.etcd.external.is_some() {
        draft.note(
            None,
            format!(
                "the keys under {path} of the external etcd stay: `patronictl remove` or \
                 `etcdctl del --prefix {path}`"
            ),
        );
        return;
    }
    let asked = cluster.with_role(Role::Etcd).find_map(|node| {
        let etcd = draft.facts(&node.name).etcd.as_ref()?;
        (etcd.healthy && !etcd.keys.is_empty()).then(|| (node.name.clone(), etcd.url.clone()))
    });
    let Some((node, url)) = asked else {
        return;
    };
    let action = Action::RemoveKeys {
        url,
        root: roots(desired),
        path,
    };
    let work = vec![(node, vec![action.into()])];
    draft.phase("dcs keys", Rollout::Parallel, work, |_| None);
}

fn move_aside(desired: &Desired, node: &Node, facts: &NodeFacts) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |in_use: bool, path: &str, data| {
        if in_use {
            let (path, label) = (path.to_owned(), "destroyed");
            steps.push(Action::MoveAside { path, label, data }.into());
        }
    };
    if node.has(Role::Postgresql) {
        let postgresql = facts.postgresql.as_ref();
        let in_use = postgresql.is_some_and(|postgresql| postgresql.data_dir_in_use);
        let path = &desired.rendered[&node.name].data_dir;
        add(in_use, path, Data::Postgresql);
    }
    if node.has(Role::Etcd) {
        let etcd = facts.etcd.as_ref();
        let in_use = etcd.is_some_and(|etcd| etcd.data_dir_has_member);
        add(in_use, &node.etcd_data_dir, Data::Etcd);
    }
    steps
}

/// Every file that mahout wrote; of /etc/hosts our block.
fn remove_files(desired: &Desired, node: &Node, facts: &NodeFacts) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut units = false;
    for file in &desired.rendered[&node.name].files {
        let Some(before) = facts.files.get(&file.path) else {
            continue;
        };
        if file.path == HOSTS_PATH {
            let content = before.content.as_ref().map_or("", Secret::expose);
            let without = merge_hosts(content, &[]);
            if without != content {
                let file = File {
                    content: Secret::new(without),
                    ..file.clone()
                };
                let before = Some(before.clone());
                steps.push(Action::WriteFile { before, file }.into());
            }
            continue;
        }
        if file.is_unit() {
            units = true;
            let name = file.path.rsplit('/').next().unwrap_or_default();
            let enabled = facts
                .units
                .get(name)
                .is_some_and(|unit| unit.enabled == "enabled");
            if enabled {
                steps.push(systemd(name, UnitOperation::Disable).into());
            }
        }
        let path = file.path.clone();
        steps.push(Action::RemoveFile { path }.into());
    }
    // Of tweaks that were switched off and never deployed since.
    steps.extend(leftovers::removal(&desired.rendered[&node.name], facts).0);
    let reloads = |step: &Step| step.action == Action::ReloadSystemd;
    if units && !steps.last().is_some_and(reloads) {
        steps.push(Action::ReloadSystemd.into());
    }
    steps
}
