//! Who is let in to etcd. What an outsider is answered is asked from outside (`doors`).

use std::collections::BTreeSet;

use super::view::{Judge, View};
use super::words::list;
use crate::cluster::Cluster;
use crate::cluster::etcd::ROOT;
use crate::facts::etcd::{EtcdAccess, EtcdLogin};

/// A login is asked for, root is ours alone, and Patroni's user has the right to its own path.
pub(super) fn access(view: &View, judge: &mut Judge) {
    if !view.cluster.etcd_asks_for_login() {
        return;
    }
    // The members share their users: what several of them say is said once.
    let mut errors = BTreeSet::new();
    let mut warnings = BTreeSet::new();
    let mut asked = 0;
    // One that is not healthy cannot say it, and is a finding of another check.
    for (node, etcd) in view.etcd().into_iter().filter(|(_, etcd)| etcd.healthy) {
        let Some(access) = &etcd.access else {
            judge.warning(node, "its member does not say who is let in");
            continue;
        };
        asked += 1;
        errors.extend(wrong(view.cluster, access));
        warnings.extend(unfinished(view.cluster, access));
    }
    for (message, hint) in errors {
        judge.error(None, message).hint(hint);
    }
    for message in warnings {
        judge
            .warning(None, message)
            .hint("a deploy finishes what was interrupted");
    }
    if asked > 0 {
        judge.holds("whoever connects logs in; Patroni's user reaches its own path");
    }
}

/// What keeps somebody in, or out, with what to do about it.
fn wrong(cluster: &Cluster, access: &EtcdAccess) -> Vec<(String, String)> {
    let deploy = || "deploy".to_owned();
    match access.login {
        EtcdLogin::NotNeeded => {
            let message = "nobody has to log in: whoever has a certificate may do everything";
            return vec![(message.to_owned(), deploy())];
        }
        EtcdLogin::Refused => {
            let message = "etcd refuses the vault's password of `root`";
            let hint = "bring back the vault that the cluster was made with";
            return vec![(message.to_owned(), hint.to_owned())];
        }
        EtcdLogin::Current | EtcdLogin::Previous => {}
    }
    let mut wrong = Vec::new();
    let all_powerful = access.users.iter().filter(|(name, roles)| {
        name.as_str() != ROOT && roles.iter().any(|role| role.as_str() == ROOT)
    });
    let names: Vec<&str> = all_powerful.map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        wrong.push((
            format!("beside `root`, {} may do everything", list(names)),
            "`etcdctl user revoke-role USER root` takes that away".to_owned(),
        ));
    }
    let role = cluster.etcd_role();
    let of_role = access.users.values().any(|roles| roles.contains(&role));
    let path = cluster.dcs_path();
    match &access.permissions {
        Some(permissions) if of_role => {
            let beyond: Vec<&str> = permissions
                .iter()
                .filter(|permission| permission.key != path)
                .map(|permission| permission.key.as_str())
                .collect();
            if !beyond.is_empty() {
                let message = format!("the role `{role}` reaches beyond {path}: {}", list(beyond));
                wrong.push((message, deploy()));
            }
        }
        _ => wrong.push(("Patroni has no user in etcd".to_owned(), deploy())),
    }
    wrong
}

/// What a change of passwords has left behind.
fn unfinished(cluster: &Cluster, access: &EtcdAccess) -> Vec<String> {
    let mut unfinished = Vec::new();
    if access.login == EtcdLogin::Previous {
        unfinished.push("etcd's `root` still has the password of before".to_owned());
    }
    let ours = access
        .users
        .keys()
        .filter(|user| cluster.is_etcd_user(user));
    let ours: Vec<&str> = ours.map(String::as_str).collect();
    if ours.len() > 1 {
        unfinished.push(format!(
            "Patroni has more than one user in etcd: {}",
            list(ours)
        ));
    }
    unfinished
}
