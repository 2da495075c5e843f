//! Who is let in to etcd: root for mahout, one user for Patroni with the right to the cluster's
//! own path, nobody without a login.
//!
//! Patroni's user is named after its password, so that a new password is a new user: it is made,
//! every Patroni is told to use it, and only then the old one goes.

use super::draft::Draft;
use super::project::reads_in_this_plan;
use super::{Action, Desired, EtcdChange, Rollout, Step, patroni};
use crate::cluster::etcd::ROOT;
use crate::cluster::{Cluster, Node, Role, SecretName};
use crate::facts::etcd::{EtcdAccess, EtcdLogin, EtcdPermission};
use crate::facts::{EtcdFacts, NodeFacts};

/// Adds the phase that lets Patroni in, and nobody else.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let cluster = desired.cluster;
    if !cluster.etcd_asks_for_login() {
        return;
    }
    let Some(node) = asked(draft, cluster) else {
        let message = "etcd is not healthy: who may log in to it is looked after by a deploy \
                       that finds it well";
        draft.note(None, message);
        return;
    };
    let access = access(draft.facts(&node.name));
    let steps = changes(desired, access).into_iter();
    let steps = steps.map(|change| step(desired, node, change)).collect();
    let work = vec![(node.name.clone(), steps)];
    draft.phase("etcd access", Rollout::Parallel, work, |_| None);
}

/// Adds the phase that removes the users of earlier passwords, which no Patroni has been told any
/// more.
pub(super) fn remove_old_users(draft: &mut Draft, desired: &Desired) {
    let cluster = desired.cluster;
    if !cluster.etcd_asks_for_login() {
        return;
    }
    let Some(node) = asked(draft, cluster) else {
        return;
    };
    let current = cluster.etcd_user(desired.secrets.get(&SecretName::Etcd));
    let users = access(draft.facts(&node.name)).map(|access| access.users.keys());
    let old = users
        .into_iter()
        .flatten()
        .filter(|user| cluster.is_etcd_user(user) && **user != current);
    // Where a run was interrupted, a reload may have been asked for that nobody has seen done.
    let members = cluster.with_role(Role::Postgresql).filter(|node| {
        let facts = draft.facts(&node.name);
        let unit = facts.units.get(patroni::UNIT);
        facts.is_active(patroni::UNIT) && !unit.is_some_and(reads_in_this_plan)
    });
    let members: Vec<String> = members.map(|node| cluster.rest_url(node)).collect();
    let steps = old
        .map(|name| {
            let change = EtcdChange::RemoveUser {
                name: name.clone(),
                members: members.clone(),
                rounds: cluster.timings.loop_wait + cluster.timings.retry_timeout,
            };
            step(desired, node, change)
        })
        .collect();
    let work = vec![(node.name.clone(), steps)];
    draft.phase("etcd access, old users", Rollout::Parallel, work, |_| None);
}

/// The node whose member is asked: a healthy one, and rather one that said who is let in.
fn asked<'a>(draft: &Draft, cluster: &'a Cluster) -> Option<&'a Node> {
    let healthy = |facts: &NodeFacts| facts.etcd.as_ref().is_some_and(|etcd| etcd.healthy);
    cluster
        .with_role(Role::Etcd)
        .filter(|node| healthy(draft.facts(&node.name)))
        .min_by_key(|node| access(draft.facts(&node.name)).is_none())
}

fn access(facts: &NodeFacts) -> Option<&EtcdAccess> {
    facts
        .etcd
        .as_ref()
        .and_then(|etcd: &EtcdFacts| etcd.access.as_ref())
}

fn step(desired: &Desired, node: &Node, change: EtcdChange) -> Step {
    let secrets = desired.secrets;
    let root = [&secrets.values, &secrets.previous];
    Action::EtcdAccess {
        url: desired.cluster.etcd_client_url(node),
        root: root
            .into_iter()
            .filter_map(|values| values.get(&SecretName::EtcdRoot).cloned())
            .collect(),
        change,
    }
    .into()
}

/// What Patroni may touch: every key beneath the cluster's path.
fn right(cluster: &Cluster) -> EtcdPermission {
    let path = cluster.dcs_path();
    EtcdPermission {
        kind: "READWRITE".to_owned(),
        // The first key that is no longer beneath the path: `0` follows `/`.
        range_end: format!("{}0", path.trim_end_matches('/')),
        key: path,
    }
}

/// What is to be changed. Members that were not running could not be asked: then everything is
/// made sure of.
fn changes(desired: &Desired, access: Option<&EtcdAccess>) -> Vec<EtcdChange> {
    let (cluster, secrets) = (desired.cluster, desired.secrets);
    let nothing = EtcdAccess::default();
    let access = access.unwrap_or(&nothing);
    let open = access.login == EtcdLogin::NotNeeded;
    let root_password = secrets.get(&SecretName::EtcdRoot);
    let mut changes = Vec::new();
    if access.login == EtcdLogin::Previous {
        changes.push(EtcdChange::Password {
            name: ROOT.to_owned(),
            password: root_password.clone(),
        });
    }
    let role = cluster.etcd_role();
    let grant = right(cluster);
    let granted = access.permissions.as_deref();
    if granted != Some(std::slice::from_ref(&grant)) {
        let others = granted.unwrap_or_default().iter();
        changes.push(EtcdChange::Role {
            name: role.clone(),
            revoke: others.filter(|other| **other != grant).cloned().collect(),
            grant,
        });
    }
    let password = secrets.get(&SecretName::Etcd);
    let user = cluster.etcd_user(password);
    if access
        .users
        .get(&user)
        .is_none_or(|roles| *roles != [role.as_str()])
    {
        changes.push(EtcdChange::User {
            name: user,
            password: password.clone(),
            role,
        });
    }
    // As long as nobody logs in, root's password cannot be tried.
    if open {
        changes.push(EtcdChange::User {
            name: ROOT.to_owned(),
            password: root_password.clone(),
            role: ROOT.to_owned(),
        });
        changes.push(EtcdChange::RequireLogin);
    }
    changes
}

/// What the facts will say once `change` is made.
pub(super) fn project(access: &mut EtcdAccess, change: &EtcdChange) {
    match change {
        EtcdChange::Role { grant, .. } => access.permissions = Some(vec![grant.clone()]),
        EtcdChange::User { name, role, .. } => {
            access.users.insert(name.clone(), vec![role.clone()]);
        }
        EtcdChange::Password { .. } | EtcdChange::RequireLogin => {
            access.login = EtcdLogin::Current;
        }
        EtcdChange::RemoveUser { name, .. } => {
            access.users.remove(name);
        }
    }
}
