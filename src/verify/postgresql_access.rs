//! Who is let in to PostgreSQL, and whether anybody can read along. What an outsider is answered
//! is asked from outside (`doors`).

use super::view::{Judge, View};
use crate::cluster::hba::{Rule, parse};
use crate::cluster::secrets::tried_first;
use crate::platform::PATRONI_CONFIG;
use crate::secret::{Secret, scram};

/// Every server speaks TLS, and what replicas stream is encrypted.
pub(super) fn encryption(view: &View, judge: &mut Judge) {
    if !view.cluster.tls.enabled {
        return;
    }
    let mut asked = false;
    for (node, said) in view.postgresql() {
        asked |= said.answers;
        if said.settings.get("ssl").is_some_and(|ssl| ssl == "off") {
            judge
                .error(&node.name, "the server speaks no TLS")
                .hint("PostgreSQL's log says why it could not read its certificate");
        }
        for row in &said.replication {
            if row.encrypted == Some(false) {
                let message = format!("{} streams in clear text", row.application_name);
                judge.error(&node.name, message);
            }
        }
    }
    if asked {
        judge.holds("every server speaks TLS, every replica streams by it");
    }
}

/// pg_hba.conf is the inventory's: one that was changed by hand lets in whom it names, and
/// Patroni writes it anew only at a start, or when its own lines change.
pub(super) fn hba_rules(view: &View, judge: &mut Judge) {
    let wanted: Option<Vec<String>> = view
        .cluster
        .postgresql
        .pg_hba
        .iter()
        .map(|line| Some(parse(line).ok()??.to_string()))
        .collect();
    // With comments or includes among them, which PostgreSQL does not tell.
    let Some(wanted) = wanted else { return };
    let mut compared = false;
    for (node, said) in view.postgresql() {
        // What cannot be read back (names with blanks) is not compared.
        let rule = |line: &String| -> Option<Rule> { parse(line).ok()? };
        let present: Option<Vec<String>> = said
            .hba_rules
            .iter()
            .map(|line| rule(line).map(|rule| rule.to_string()))
            .collect();
        let Some(present) = present.filter(|present| !present.is_empty()) else {
            continue;
        };
        compared = true;
        let foreign = present.iter().find(|line| !wanted.contains(line));
        let missing = wanted.iter().find(|line| !present.contains(line));
        let message = match (foreign, missing) {
            (Some(line), _) => format!("pg_hba.conf has `{line}`, which is not of the inventory"),
            (None, Some(line)) => format!("pg_hba.conf lacks `{line}`"),
            (None, None) if present != wanted => {
                "pg_hba.conf has the lines of the inventory in another order".to_owned()
            }
            (None, None) => continue,
        };
        judge.error(&node.name, message).hint(format!(
            "a restart writes it anew: patronictl -c {PATRONI_CONFIG} restart {} {}",
            view.cluster.scope, node.name
        ));
    }
    if compared {
        judge.holds("as in the inventory");
    }
}

/// No password of ours is kept as anything but a SCRAM verifier, and none is one that is tried
/// first: the verifier tells.
pub(super) fn passwords(view: &View, judge: &mut Judge) {
    let Some(leader) = view.leader() else { return };
    let facts = view.facts.nodes.get(&leader.name);
    let Some(said) = facts.and_then(|facts| facts.postgresql.as_ref()) else {
        return;
    };
    for (role, verifier) in &said.verifiers {
        let fault = match verifier {
            None => "has no password",
            Some(verifier) if !verifier.expose().starts_with("SCRAM-SHA-256$") => {
                "has a password that is kept as md5"
            }
            Some(verifier) if is_guessed(role, verifier) => "has a password that is tried first",
            Some(_) => continue,
        };
        judge.error(None, format!("the role {role} {fault}")).hint(
            "`mahout deploy` sets the vault's; `mahout rotate passwords` makes another one, if that \
             is one that was adopted",
        );
    }
    if !said.verifiers.is_empty() {
        judge.holds("kept as SCRAM verifiers, of none that is tried first");
    }
}

fn is_guessed(role: &str, verifier: &Secret) -> bool {
    tried_first(role).any(|guess| scram::is_of(verifier, &Secret::new(guess)))
}
