//! The cluster out of the typed inventory: layers joined, defaults filled in.
//!
//! Nothing is judged here; a value that is missing because it was wrong gives way to its
//! default, so that [`super::validate`] can look at everything else.

mod dynamic;
mod etcd;
mod haproxy;
mod hba;
mod nodes;
mod patroni;
mod postgresql;
mod secrets;
mod system;
mod timings;
mod tls;
mod vault;
mod vip;

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Cluster, NodeName, Role};
use crate::inventory::nodes::{GroupEntry, NodeEntry};
use crate::inventory::{Decode, Problems, Sections, Source, Span, Spanned, Value};

pub(super) use dynamic::AUTO;
pub(super) use hba::default_lines;
pub(super) use patroni::{NAMED as DYNAMIC_NAMED, OPTIONAL as DYNAMIC_OPTIONAL};
pub(super) use system::EXCLUSIVE;

/// The value of a key, or its default.
fn value<T: Clone>(key: &Option<Spanned<T>>, default: T) -> T {
    key.as_ref().map_or(default, |key| key.value.clone())
}

/// The inventory with every node's layers joined.
pub(super) struct Draft {
    /// The top level.
    pub(super) top: Sections,
    /// The nodes that can be made, each with all that holds for it.
    pub(super) nodes: Vec<DraftNode>,
    /// Every node's name, also of those that cannot be made.
    pub(super) names: Vec<Spanned<String>>,
    /// Where the key `nodes` stands.
    pub(super) nodes_span: Option<Span>,
    /// Whether something is wrong among the nodes, so that they cannot be counted.
    pub(super) nodes_in_doubt: bool,
    /// Whether the clients are given and could not be read.
    pub(super) clients_in_doubt: bool,
    source: Source,
}

/// A node with its layers joined: its own entry over its group's over the top level.
pub(super) struct DraftNode {
    pub(super) name: NodeName,
    /// Where its name stands.
    pub(super) span: Span,
    pub(super) address: Spanned<IpAddr>,
    pub(super) roles: BTreeSet<Role>,
    /// Where its roles are set.
    pub(super) roles_span: Option<Span>,
    /// Its settings; `address` and `roles` are above.
    pub(super) entry: NodeEntry,
}

impl Draft {
    pub(super) fn new(
        source: &Source,
        tree: &Value,
        top: Sections,
        problems: &mut Problems,
    ) -> Self {
        let entries = top
            .nodes
            .as_ref()
            .map(|nodes| nodes.value.0.0.clone())
            .unwrap_or_default();
        let groups = top
            .groups
            .as_ref()
            .map(|groups| groups.value.0.0.clone())
            .unwrap_or_default();
        let mut nodes = Vec::with_capacity(entries.len());
        let names: Vec<Spanned<String>> = tree
            .get("nodes")
            .map(|nodes| {
                nodes
                    .value
                    .entries()
                    .iter()
                    .map(|entry| entry.key.clone())
                    .collect()
            })
            .unwrap_or_default();
        let nodes_span = tree.get("nodes").map(|entry| entry.key.span);
        let nodes_in_doubt = nodes_span.is_some_and(|from| {
            let next = tree.entries().iter().map(|entry| entry.key.span.start);
            let end = next
                .filter(|start| *start > from.start)
                .min()
                .unwrap_or(usize::MAX);
            problems.any_error_within(from.start, end)
        });
        let clients_in_doubt = top.clients.is_none() && tree.get("clients").is_some();
        report_strangers(&groups, &names, problems);
        let external = top
            .etcd
            .as_ref()
            .is_some_and(|etcd| etcd.value.external.is_some());
        for (name, entry) in entries {
            let entry = layered(&name, entry.value, &groups, &top, problems);
            // Its absence has been reported.
            let Some(address) = entry.address.clone() else {
                continue;
            };
            let (roles, roles_span) = roles(&entry, external);
            nodes.push(DraftNode {
                name: NodeName(name.value),
                span: name.span,
                address,
                roles,
                roles_span,
                entry,
            });
        }
        Self {
            top,
            nodes,
            names,
            nodes_span,
            nodes_in_doubt,
            clients_in_doubt,
            source: source.clone(),
        }
    }
}

type Groups = [(Spanned<String>, Spanned<GroupEntry>)];

/// Nodes of groups that are no nodes.
fn report_strangers(groups: &Groups, names: &[Spanned<String>], problems: &mut Problems) {
    for (group, entry) in groups {
        let members = entry
            .value
            .nodes
            .as_ref()
            .map(|nodes| nodes.value.0.as_slice());
        for member in members.unwrap_or_default() {
            if names.iter().any(|name| name.value == member.value) {
                continue;
            }
            let known = names.iter().map(|name| name.value.as_str());
            let near = crate::inventory::nearest(&member.value, known);
            let message = format!(
                "group `{}`: there is no node `{}`",
                group.value, member.value
            );
            let problem = problems.error(member.span, message);
            match near {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("its nodes are names from `nodes`"),
            };
        }
    }
}

fn layered(
    name: &Spanned<String>,
    own: NodeEntry,
    groups: &Groups,
    top: &Sections,
    problems: &mut Problems,
) -> NodeEntry {
    let mut layer = NodeEntry {
        address: None,
        roles: None,
        ssh: top.ssh.clone(),
        etcd: top.etcd.clone(),
        patroni: top.patroni.clone(),
        postgresql: top.postgresql.clone(),
        haproxy: top.haproxy.clone(),
        system: top.system.clone(),
        packages: top.packages.clone(),
        repositories: top.repositories.clone(),
    };
    let mut of: Option<&Spanned<String>> = None;
    for (group, entry) in groups {
        let members = entry
            .value
            .nodes
            .as_ref()
            .map(|nodes| nodes.value.0.as_slice());
        let Some(member) = members
            .unwrap_or_default()
            .iter()
            .find(|member| member.value == name.value)
        else {
            continue;
        };
        if let Some(other) = of {
            let message = format!(
                "`{}` is in the groups `{}` and `{}`",
                name.value, other.value, group.value
            );
            problems
                .error(member.span, message)
                .hint("a node is in one group at most, else it is not clear which of them wins");
            continue;
        }
        of = Some(group);
        let GroupEntry {
            nodes: _,
            roles,
            ssh,
            etcd,
            patroni,
            postgresql,
            haproxy,
            system,
            packages,
            repositories,
        } = entry.value.clone();
        let upper = NodeEntry {
            address: None,
            roles,
            ssh,
            etcd,
            patroni,
            postgresql,
            haproxy,
            system,
            packages,
            repositories,
        };
        layer = Decode::over(upper, layer);
    }
    Decode::over(own, layer)
}

fn roles(entry: &NodeEntry, external: bool) -> (BTreeSet<Role>, Option<Span>) {
    use crate::inventory::nodes::Role as Word;
    match &entry.roles {
        Some(roles) => {
            let set = roles.value.0.iter().map(|role| match role.value {
                Word::Etcd => Role::Etcd,
                Word::Postgresql => Role::Postgresql,
                Word::Haproxy => Role::Haproxy,
            });
            (set.collect(), Some(roles.span))
        }
        // Beside an etcd that is not ours there are no members of ours.
        None if external => (BTreeSet::from([Role::Postgresql, Role::Haproxy]), None),
        None => (BTreeSet::from(Role::ALL), None),
    }
}

/// The cluster, with every default filled in.
pub(super) fn cluster(draft: &Draft, problems: &mut Problems) -> Cluster {
    let top = &draft.top;
    let scope = value(&top.scope, String::new());
    let timings = timings::timings(top.timings.as_ref().map(|timings| &timings.value.0));
    let vip = vip::vip(draft);
    let mut nodes: Vec<_> = draft
        .nodes
        .iter()
        .map(|node| nodes::node(draft, node, &scope, problems))
        .collect();
    if let Some(vip) = &vip {
        vip::listen(vip, &mut nodes);
    }
    let secrets = secrets::secrets(draft, problems);
    Cluster {
        namespace: namespace(&value(&top.namespace, "service".to_owned())),
        nodes,
        timings,
        tls: tls::tls(draft),
        vault: vault::vault(draft, problems),
        clients: tls::clients(draft),
        etcd: etcd::etcd(draft, &scope),
        patroni: patroni::patroni(draft, timings),
        postgresql: postgresql::postgresql(draft),
        haproxy: haproxy::haproxy(draft),
        vip,
        secrets,
        warnings: Vec::new(),
        scope,
    }
}

/// `service`, `/service` and `/service/` are the same.
fn namespace(text: &str) -> String {
    match text.trim_matches('/') {
        "" => "/".to_owned(),
        inner => format!("/{inner}/"),
    }
}

impl Draft {
    /// The top level's section of a kind, empty if there is none.
    fn etcd(&self) -> crate::inventory::etcd::Etcd {
        self.top
            .etcd
            .clone()
            .map(|section| section.value)
            .unwrap_or_default()
    }

    fn patroni(&self) -> crate::inventory::patroni::Patroni {
        self.top
            .patroni
            .clone()
            .map(|section| section.value)
            .unwrap_or_default()
    }

    pub(super) fn postgresql(&self) -> crate::inventory::postgresql::Postgresql {
        self.top
            .postgresql
            .clone()
            .map(|section| section.value)
            .unwrap_or_default()
    }

    fn haproxy(&self) -> crate::inventory::haproxy::Haproxy {
        self.top
            .haproxy
            .clone()
            .map(|section| section.value)
            .unwrap_or_default()
    }
}
