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
    let options = said.map(|postgresql| postgresql.role_options.clone());
    for user in &cluster.postgresql.users {
        let present = options.as_ref().and_then(|options| options.get(&user.name));
        let differs = differing_options(user, present.map_or(&[], Vec::as_slice));
        if !differs.is_empty() {
            let (present, wanted): (Vec<&str>, Vec<&str>) = differs
                .iter()
                .map(|(is, wanted)| (*is, wanted.as_str()))
                .unzip();
            draft.note(
                None,
                format!(
                    "the role {name} is {}, and the inventory says {wanted}; a deploy changes no \
                     role that is there: ALTER ROLE \"{quoted}\" {wanted}",
                    present.join(" "),
                    name = user.name,
                    quoted = user.name.replace('"', "\"\""),
                    wanted = wanted.join(" "),
                ),
            );
        }
    }
    let probe = UserSpec {
        name: PROBE_ROLE.to_owned(),
        options: Vec::new(),
        password: Some(SecretName::Probe),
    };
    // In a database that Patroni makes for us, it makes this one, too.
    let rewind = draft.spares().then(|| UserSpec {
        name: cluster.postgresql.rewind.clone(),
        options: Vec::new(),
        password: Some(SecretName::Rewind),
    });
    let steps = rewind
        .iter()
        .chain(std::iter::once(&probe))
        .chain(&cluster.postgresql.users)
        .filter(|user| !known.contains(&user.name))
        .map(|user| {
            let rewinds = user.password == Some(SecretName::Rewind);
            let action = Action::CreateRole {
                connection: connection(desired, node),
                name: user.name.clone(),
                options: user.options.clone(),
                password: user
                    .password
                    .as_ref()
                    .map(|name| desired.secrets.get(name).clone()),
                functions: if rewinds { REWINDS } else { &[] },
            };
            guarded(cluster, node, action)
        })
        .collect();
    let work = vec![(node.name.clone(), steps)];
    draft.phase("roles", Rollout::Parallel, work, |_| None);
}

/// What pg_rewind calls as a role that is no superuser; the same that Patroni gives it.
const REWINDS: &[&str] = &[
    "pg_ls_dir(text, boolean, boolean)",
    "pg_stat_file(text, boolean)",
    "pg_read_binary_file(text)",
    "pg_read_binary_file(text, bigint, bigint, boolean)",
];

/// What a role may otherwise than the inventory says, each with what it says; what that does not
/// name is as `CREATE ROLE` has it, but for the login.
fn differing_options<'p>(user: &UserSpec, present: &'p [String]) -> Vec<(&'p str, String)> {
    let words = |option: &str| {
        let option = option.to_ascii_uppercase();
        option.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let subject = |option: &str| match option.strip_prefix("CONNECTION LIMIT") {
        Some(_) => "CONNECTION LIMIT".to_owned(),
        None => option.strip_prefix("NO").unwrap_or(option).to_owned(),
    };
    let wanted: Vec<String> = user.options.iter().map(|option| words(option)).collect();
    let defaults = DEFAULTS.into_iter().map(str::to_owned);
    present
        .iter()
        .filter_map(|is| {
            let of_subject = |option: &String| subject(option) == subject(is);
            let said = wanted.iter().find(|option| of_subject(option)).cloned();
            let wanted = said.or_else(|| defaults.clone().find(of_subject))?;
            (wanted != *is).then_some((is.as_str(), wanted))
        })
        .collect()
}

/// A login role without options.
const DEFAULTS: [&str; 8] = [
    "NOSUPERUSER",
    "NOCREATEDB",
    "NOCREATEROLE",
    "INHERIT",
    "LOGIN",
    "NOREPLICATION",
    "NOBYPASSRLS",
    "CONNECTION LIMIT -1",
];

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
