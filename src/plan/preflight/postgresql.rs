//! PostgreSQL's data on the nodes already: this cluster's, or another one's.

use std::collections::BTreeMap;

use super::{Findings, Mends, Refusal};
use crate::cluster::{Node, Role};
use crate::facts::postgresql::StrangerFacts;
use crate::facts::{Facts, NodeFacts};
use crate::plan::dcs::Dcs;
use crate::plan::{Desired, patroni};

/// A PostgreSQL that runs outside Patroni's data directory, or a database in our data directory
/// that is not this cluster's.
pub(super) fn foreign_postgresql(
    findings: &mut Findings,
    desired: &Desired,
    node: &Node,
    facts: &NodeFacts,
    mends: &Mends,
) {
    let Some(postgresql) = facts
        .postgresql
        .as_ref()
        .filter(|_| node.has(Role::Postgresql))
    else {
        return;
    };
    let data_dir = &desired.rendered[&node.name].data_dir;
    for (directory, pid) in &postgresql.postmasters {
        if directory.trim_end_matches('/') != data_dir.trim_end_matches('/') {
            findings.refuse(
                Some(&node.name),
                format!(
                    "a PostgreSQL that Patroni does not manage runs here: {directory} (pid {pid}){}",
                    identity_of(desired, postgresql.strangers.get(directory))
                ),
                Some(
                    "mahout would have to stop it; if it is not needed, stop and disable it \
                     yourself (on Debian: `pg_dropcluster --stop VERSION NAME`)"
                        .to_owned(),
                ),
            );
        }
    }
    let wanted = desired.rendered[&node.name].postgresql;
    if let Some(version) = &postgresql.data_version
        && *version != wanted.to_string()
    {
        findings.refuse(
            Some(&node.name),
            format!("{data_dir} holds a database of PostgreSQL {version}, not {wanted}"),
            Some(format!(
                "a deploy upgrades no database: set `postgresql.version: {version}`"
            )),
        );
        return;
    }
    let dcs = Dcs::of(desired.cluster, desired.facts);
    match (&postgresql.system_identifier, &dcs) {
        (Some(identifier), Dcs::Knows(known)) if known != identifier => findings.refuse(
            Some(&node.name),
            format!(
                "{data_dir} holds another cluster's database: system identifier {identifier}, \
                 this cluster's is {known}"
            ),
            Some(reinit(node)),
        ),
        (Some(_), Dcs::Knows(_) | Dcs::Silent) => {}
        (Some(_), _) if mends.dcs => {}
        // Patroni looks whether the directory is empty, and not once more at whose database it is.
        (None, Dcs::Knows(_)) if postgresql.data_dir_in_use && is_left_as_it_is(facts) => findings
            .refuse(
                Some(&node.name),
                format!(
                    "the database is gone from {data_dir} under Patroni, and some files are left"
                ),
                Some(reinit(node)),
            ),
        // It is about to be made, or to be copied.
        (None, _) | (Some(_), Dcs::InTheMaking) if facts.is_active(patroni::UNIT) => {}
        (Some(identifier), _) => findings.refuse(
            Some(&node.name),
            format!(
                "{data_dir} holds a database (system identifier {identifier}) and the DCS knows \
                 no cluster under {}",
                desired.cluster.dcs_path()
            ),
            Some(
                "if it is this cluster's and etcd has lost its keys, `mahout restore-dcs` has the \
                 newest one lead; else move the directory aside"
                    .to_owned(),
            ),
        ),
        // Without the package nothing can read it; Patroni compares it before it starts.
        (None, Dcs::Knows(_)) if postgresql.data_version.is_some() && !installed(desired, node) => {
        }
        (None, _) if postgresql.data_dir_in_use => {
            let what = if postgresql.data_version.is_some() {
                "a database without a readable system identifier, as an interrupted initdb or \
                 copy leaves it"
            } else {
                "files that are no database"
            };
            findings.refuse(
                Some(&node.name),
                format!("{data_dir} holds {what}"),
                Some(match dcs {
                    Dcs::Knows(_) => reinit(node),
                    _ => "move the directory aside; Patroni needs an empty one".to_owned(),
                }),
            );
        }
        (None, _) => {}
    }
}

/// What a PostgreSQL beside Patroni's is, and what this cluster's is.
fn identity_of(desired: &Desired, stranger: Option<&StrangerFacts>) -> String {
    let Some(StrangerFacts {
        system_identifier: Some(identifier),
        databases,
    }) = stranger
    else {
        return String::new();
    };
    let databases = match databases.as_slice() {
        [] => String::new(),
        names => format!(", databases {}", names.join(", ")),
    };
    let ours = match Dcs::of(desired.cluster, desired.facts) {
        Dcs::Knows(known) => format!("this cluster's is {known}"),
        _ => "this cluster has no database yet".to_owned(),
    };
    format!(", system identifier {identifier}{databases}; {ours}")
}

fn reinit(node: &Node) -> String {
    format!(
        "once the others have a leader, `mahout reinit {}` moves it aside, and Patroni makes a copy \
         of the leader's",
        node.name
    )
}

/// Whether Patroni is about to do nothing with a data directory that is no database.
fn is_left_as_it_is(facts: &NodeFacts) -> bool {
    let patroni = facts.patroni.as_ref();
    let patroni = patroni.filter(|_| facts.is_active(patroni::UNIT));
    patroni.is_some_and(|patroni| {
        matches!(
            patroni.state.as_str(),
            "running" | "crashed" | "start failed" | "stopped"
        )
    })
}

/// Whether the server's package is there, and with it what reads a data directory.
fn installed(desired: &Desired, node: &Node) -> bool {
    let rendered = &desired.rendered[&node.name];
    let packages = rendered.platform.postgresql_packages(rendered.postgresql);
    let facts = &desired.facts.nodes[&node.name];
    packages.iter().any(|package| facts.has_package(package))
}

/// Databases of different clusters, while the DCS does not say which one is ours.
pub(super) fn different_databases(findings: &mut Findings, desired: &Desired) {
    if Dcs::of(desired.cluster, desired.facts) == Dcs::Silent {
        findings.refusals.extend(two_databases(desired.facts));
    }
}

/// What is to be said if the databases of the nodes are not copies of one.
pub(in crate::plan) fn two_databases(facts: &Facts) -> Option<Refusal> {
    let mut databases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, facts) in &facts.nodes {
        let postgresql = facts.postgresql.as_ref();
        if let Some(identifier) =
            postgresql.and_then(|postgresql| postgresql.system_identifier.as_deref())
        {
            databases.entry(identifier).or_default().push(name.as_str());
        }
    }
    let parts: Vec<String> = databases
        .iter()
        .map(|(identifier, nodes)| format!("{identifier} on {}", nodes.join(", ")))
        .collect();
    (parts.len() > 1).then(|| Refusal {
        node: None,
        message: format!(
            "the nodes hold databases of different clusters (system identifier {})",
            parts.join("; ")
        ),
        hint: Some("move aside the data directories of the wrong one".to_owned()),
    })
}
