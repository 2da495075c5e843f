//! PostgreSQL's roles: those that are missing, and those whose password is another one.

use super::draft::Draft;
use super::patroni::connection;
use super::{Action, Desired, Guard, Rollout, Step};
use crate::cluster::postgresql::PROBE_ROLE;
use crate::cluster::{Cluster, Node, NodeName, SecretName, UserSpec};
use crate::facts::{NodeFacts, PatroniFacts};
use crate::secret::scram;

/// Adds the phase in which the leader's roles get the passwords of the vault.
///
/// It comes before patroni.yml is reloaded. PostgreSQL knows one password at a time, so that in
/// between one of the two sides has the old one, whatever comes first. What runs goes on either
/// way: a connection that stands is not asked again, and with TLS Patroni's own are not asked at
/// all (`use_unix_socket`). What connects anew meanwhile, a replica that lost its stream or
/// pg_rewind, tries again until its member has read the new password, a few seconds later. The
/// other way round those that were reloaded first would wait for the last one and for this; and
/// where this cannot be done, because the leader has changed, nothing has been.
pub(super) fn passwords(draft: &mut Draft, desired: &Desired, leader: Option<&NodeName>) {
    let cluster = desired.cluster;
    let Some(node) = leader.and_then(|name| cluster.node(name)) else {
        return;
    };
    let facts = draft.facts(&node.name);
    let Some(postgresql) = facts.postgresql.as_ref().filter(|_| takes_writes(facts)) else {
        return;
    };
    let steps = cluster
        .passwords()
        .into_iter()
        .filter(|(name, secret)| match postgresql.verifiers.get(name) {
            // Missing roles are made later; what a record of facts leaves out is not known.
            None => false,
            Some(None) => true,
            Some(Some(verifier)) => !scram::is_of(verifier, desired.secrets.get(secret)),
        })
        .map(|(name, secret)| {
            let action = Action::SetPassword {
                connection: connection(desired, node),
                name,
                password: desired.secrets.get(&secret).clone(),
            };
            guarded(cluster, node, action)
        })
        .collect();
    let work = vec![(node.name.clone(), steps)];
    draft.phase("passwords", Rollout::Parallel, work, |_| None);
}

/// Adds the phase for roles of the inventory that the leader does not have. By SQL, since Patroni
/// 4.0 has no `bootstrap.users` any more and before it read them once.
pub(super) fn create(draft: &mut Draft, desired: &Desired, leader: Option<&NodeName>) {
    let cluster = desired.cluster;
    let Some(node) = leader.and_then(|name| cluster.node(name)) else {
        return;
    };
    let facts = draft.facts(&node.name);
    if !takes_writes(facts) {
        return;
    }
    let said = facts.postgresql.as_ref();
    let Some(known) = said
        .filter(|postgresql| postgresql.answers)
        .map(|postgresql| postgresql.roles.clone())
    else {
        draft.note(
            Some(&node.name),
            "PostgreSQL leads but does not answer psql over its socket: which roles it has is not \
             known",
        );
        return;
    };
    let probe = UserSpec {
        name: PROBE_ROLE.to_owned(),
        options: Vec::new(),
        password: Some(SecretName::Probe),
    };
    let steps = std::iter::once(&probe)
        .chain(&cluster.postgresql.users)
        .filter(|user| !known.contains(&user.name))
        .map(|user| {
            let action = Action::CreateRole {
                connection: connection(desired, node),
                name: user.name.clone(),
                options: user.options.clone(),
                password: user
                    .password
                    .as_ref()
                    .map(|name| desired.secrets.get(name).clone()),
            };
            guarded(cluster, node, action)
        })
        .collect();
    let work = vec![(node.name.clone(), steps)];
    draft.phase("roles", Rollout::Parallel, work, |_| None);
}

fn takes_writes(facts: &NodeFacts) -> bool {
    let leads = |patroni: &PatroniFacts| patroni.primary_status == 200;
    facts.patroni.as_ref().is_some_and(leads)
}

fn guarded(cluster: &Cluster, leader: &Node, action: Action) -> Step {
    Step {
        action,
        guard: Some(Guard::LeaderIs {
            node: leader.name.clone(),
            url: cluster.rest_url(leader),
        }),
    }
}
