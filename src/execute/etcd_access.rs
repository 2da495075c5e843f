//! What is asked of etcd to change who is let in: a line for each request, as `shell/etcd.sh`
//! reads them. A change that was made already is made again without harm.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::quote::curl;
use crate::cluster::etcd::ROOT;
use crate::facts::etcd::EtcdPermission;
use crate::plan::EtcdChange;
use crate::secret::Secret;

/// The lines, logins first.
pub(super) fn requests(root: &[Secret], change: &EtcdChange) -> String {
    let mut lines = String::new();
    let mut line = |word: &str, rest: &str| lines.push_str(&format!("{word} {rest}\n"));
    if let EtcdChange::RemoveUser {
        members, rounds, ..
    } = change
    {
        line("rounds", &rounds.as_secs().to_string());
        for url in members {
            line("member", url);
        }
    }
    lines.push_str(&logins(root));
    let mut line = |word: &str, rest: &str| lines.push_str(&format!("{word} {rest}\n"));
    let mut ask = |path: &str, body: Value| line(path, &curl(&body.to_string()));
    match change {
        EtcdChange::Role {
            name,
            grant,
            revoke,
        } => {
            ask("auth/role/add", json!({"name": name}));
            for other in revoke {
                let (key, range_end) = range(other);
                ask(
                    "auth/role/revoke",
                    json!({"role": name, "key": key, "range_end": range_end}),
                );
            }
            let (key, range_end) = range(grant);
            ask(
                "auth/role/grant",
                json!({"name": name, "perm": {
                    "permType": grant.kind, "key": key, "range_end": range_end,
                }}),
            );
        }
        EtcdChange::User {
            name,
            password,
            role,
        } => {
            line("user", &login(name, password));
            let body = json!({"user": name, "role": role});
            line("auth/user/grant", &curl(&body.to_string()));
        }
        EtcdChange::Password { name, password } => {
            line("auth/user/changepw", &login(name, password));
        }
        EtcdChange::RequireLogin => ask("auth/enable", json!({})),
        EtcdChange::RemoveUser { name, .. } => ask("auth/user/delete", json!({"name": name})),
    }
    lines
}

/// The lines by which root logs in.
fn logins(root: &[Secret]) -> String {
    let words = ["login", "login_before"].into_iter().zip(root);
    let lines = words.map(|(word, password)| format!("{word} {}\n", login(ROOT, password)));
    lines.collect::<String>() + "begin \n"
}

/// The lines that take a member out of etcd and add one that has still to start: in this order, or
/// a third of three members would be missing while the quorum is one of four.
pub(super) fn replace_member(root: &[Secret], member: Option<&str>, peer_url: &str) -> String {
    let mut lines = logins(root);
    let mut ask = |path: &str, body: Value| {
        lines.push_str(&format!("{path} {}\n", curl(&body.to_string())));
    };
    if let Some(member) = member {
        // The gateway takes 64-bit numbers as decimal text.
        let id = u64::from_str_radix(member, 16).unwrap_or_default();
        ask("cluster/member/remove", json!({"ID": id.to_string()}));
    }
    ask("cluster/member/add", json!({"peerURLs": [peer_url]}));
    lines
}

/// The lines that remove every key beneath `path`.
pub(super) fn remove_keys(root: &[Secret], path: &str) -> String {
    // The first key that is no longer beneath the path: `0` follows `/`.
    let end = format!("{}0", path.trim_end_matches('/'));
    let body = json!({"key": STANDARD.encode(path), "range_end": STANDARD.encode(end)});
    let ask = format!("kv/deleterange {}\n", curl(&body.to_string()));
    logins(root) + &ask
}

fn login(name: &str, password: &Secret) -> String {
    curl(&json!({"name": name, "password": password.expose()}).to_string())
}

fn range(permission: &EtcdPermission) -> (String, String) {
    (
        STANDARD.encode(&permission.key),
        STANDARD.encode(&permission.range_end),
    )
}
