//! `postgresql`, as far as it is the same on all nodes.

use super::{Draft, hba, value};
use crate::cluster::{PostgresqlSpec, SecretName, UserSpec};
use crate::inventory::Spanned;
use crate::inventory::postgresql::{Login, Postgresql};
use crate::inventory::reference::SecretRef;

pub(super) fn postgresql(draft: &Draft) -> PostgresqlSpec {
    let section = draft.postgresql();
    let lines = |default: &dyn Fn() -> Vec<String>| match &section.pg_hba {
        None => default(),
        Some(lines) => lines
            .value
            .0
            .iter()
            .flat_map(|line| expanded(&line.value, draft))
            .collect(),
    };
    PostgresqlSpec {
        version: section
            .version
            .as_ref()
            .and_then(|version| u16::try_from(version.value).ok()),
        package_version: section.package_version.clone().map(|version| version.value),
        superuser: superuser(&section),
        replication: replication(&section),
        rewind: rewind(&section),
        pg_hba: lines(&|| hba::default_lines(draft)),
        pg_hba_in_clear: lines(&|| hba::clear(draft)),
        users: section
            .users
            .map(|users| {
                users
                    .value
                    .0
                    .into_iter()
                    .map(|user| self::user(user.value))
                    .collect()
            })
            .unwrap_or_default(),
    }
}

pub(super) fn superuser(section: &Postgresql) -> String {
    name(&section.superuser, "postgres")
}

pub(super) fn replication(section: &Postgresql) -> String {
    name(&section.replication, "replicator")
}

pub(super) fn rewind(section: &Postgresql) -> String {
    name(&section.rewind, "rewind_user")
}

fn name(login: &Option<Spanned<Login>>, default: &str) -> String {
    login
        .as_ref()
        .and_then(|login| login.value.username.clone())
        .map_or_else(|| default.to_owned(), |name| name.value)
}

fn user(user: crate::inventory::postgresql::User) -> UserSpec {
    let name = value(&user.name, String::new());
    UserSpec {
        options: user
            .options
            .map(|options| {
                options
                    .value
                    .0
                    .iter()
                    .map(|option| option.value.to_ascii_uppercase())
                    .collect()
            })
            .unwrap_or_default(),
        password: match value(&user.password, SecretRef::Generated) {
            SecretRef::None => None,
            _ => Some(SecretName::User(name.clone())),
        },
        name,
    }
}

/// A line of `pg_hba`; `default` stands for all the default ones.
fn expanded(line: &str, draft: &Draft) -> Vec<String> {
    match line.trim() {
        "default" => hba::default_lines(draft),
        line => vec![line.to_owned()],
    }
}
