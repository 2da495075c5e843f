//! PostgreSQL: version, paths, users.

use super::Context;
use crate::inventory::postgresql::{Postgresql, User};
use crate::inventory::{Problems, Spanned, nearest};

/// Major versions with the day of their last release (postgresql.org/support/versioning). What
/// is out of support is judged as of this release: a check must not change with the clock.
const RELEASES: [(u32, &str); 10] = [
    (10, "2022-11-10"),
    (11, "2023-11-09"),
    (12, "2024-11-21"),
    (13, "2025-11-13"),
    (14, "2026-11-12"),
    (15, "2027-11-11"),
    (16, "2028-11-09"),
    (17, "2029-11-08"),
    (18, "2030-11-14"),
    (19, "2031-11-13"),
];
/// The day that [`RELEASES`] is compared with.
const AS_OF: &str = "2026-11-23";

pub(super) fn check(context: &mut Context<'_>) {
    for node in &context.draft.nodes {
        if let Some(section) = node
            .entry
            .postgresql
            .as_ref()
            .map(|postgresql| &postgresql.value)
        {
            paths(section, context.problems);
            listen(section, context.problems);
        }
    }
    let section = context.draft.postgresql();
    version(&section, context.problems);
    logins(&section, context);
}

fn version(section: &Postgresql, problems: &mut Problems) {
    let Some(version) = &section.version else {
        return;
    };
    let number = version.value;
    let (oldest, newest) = (RELEASES[0].0, RELEASES[RELEASES.len() - 1].0);
    match RELEASES.iter().find(|(release, _)| *release == number) {
        None if number < oldest => {
            problems
                .error(
                    version.span,
                    format!(
                        "PostgreSQL {number} is older than {oldest}, the oldest that is deployed"
                    ),
                )
                .hint("the major version alone: 17");
        }
        None => {
            problems
                .warning(
                    version.span,
                    format!("PostgreSQL {number} is newer than {newest}, the newest known here"),
                )
                .hint("the major version alone: 17");
        }
        Some((_, end)) if *end < AS_OF => {
            problems
                .warning(
                    version.span,
                    format!("PostgreSQL {number} has had no security fixes since {end}"),
                )
                .hint("deploy a supported version; an upgrade later costs a maintenance window");
        }
        Some(_) => {}
    }
}

/// Folders in which anybody can put a link in the place of a file.
const WRITABLE_BY_ALL: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

fn paths(section: &Postgresql, problems: &mut Problems) {
    for (name, path) in [
        ("data_dir", &section.data_dir),
        ("bin_dir", &section.bin_dir),
        ("pgpass", &section.pgpass),
    ] {
        let Some(path) = path else { continue };
        let text = path.value.0.as_str();
        let inside = |folder: &&str| text == *folder || text.starts_with(&format!("{folder}/"));
        let Some(folder) = WRITABLE_BY_ALL
            .iter()
            .copied()
            .find(|folder| inside(folder))
        else {
            continue;
        };
        match name {
            "pgpass" => problems
                .warning(path.span, format!("the passwords of `pgpass` in {folder}, which everybody can write to and a cleaner empties"))
                .hint("leave it out, or name a folder of the user postgres: /var/lib/postgresql/.pgpass_patroni"),
            _ => problems
                .error(path.span, format!("`{name}` in {folder}, which everybody can write to and a cleaner empties"))
                .hint("leave it out to have the platform's"),
        };
    }
    if let (Some(version), Some(data_dir)) = (&section.version, &section.data_dir)
        && !data_dir.value.0.contains(&version.value.to_string())
    {
        problems
            .warning(data_dir.span, "`data_dir` does not name the major version, and the next one needs a folder beside it")
            .hint(format!("for example {}/{}", data_dir.value.0, version.value));
    }
}

fn listen(section: &Postgresql, problems: &mut Problems) {
    use crate::inventory::scalar::Listen;
    for listen in section.listen.iter().flat_map(|listen| &listen.value.0) {
        if listen.value == Listen::All {
            problems
                .warning(listen.span, "PostgreSQL answers on every address of the node; only pg_hba.conf stands before it")
                .hint("`[address, 127.0.0.1]` is enough for HAProxy and Patroni");
        }
    }
    if let Some(listen) = section
        .listen
        .as_ref()
        .filter(|listen| listen.value.0.is_empty())
    {
        problems
            .error(listen.span, "PostgreSQL has to listen somewhere")
            .hint("`[address, 127.0.0.1]`");
    }
}

fn logins(section: &Postgresql, context: &mut Context<'_>) {
    let mut names: Vec<(Spanned<String>, &str)> = Vec::new();
    for (what, login) in [
        ("the superuser", &section.superuser),
        ("the replication user", &section.replication),
        ("the rewind user", &section.rewind),
    ] {
        let given = login
            .as_ref()
            .and_then(|login| login.value.username.clone());
        if let Some(name) = given {
            names.push((name, what));
        }
    }
    for user in section.users.iter().flat_map(|users| &users.value.0) {
        options(&user.value, context.problems);
        if let Some(name) = &user.value.name {
            names.push((name.clone(), "a login role"));
        }
    }
    let spec = &context.cluster.postgresql;
    let defaults = [
        (
            spec.superuser.clone(),
            "the superuser",
            section.superuser.is_none(),
        ),
        (
            spec.replication.clone(),
            "the replication user",
            section.replication.is_none(),
        ),
        (
            spec.rewind.clone(),
            "the rewind user",
            section.rewind.is_none(),
        ),
    ];
    for (at, (name, what)) in names.iter().enumerate() {
        role_name(name, context.problems);
        let other = names
            .iter()
            .take(at)
            .find(|(other, _)| other.value == name.value);
        let hint = "each has a password of its own, so each needs a name of its own";
        if let Some((other, whose)) = other {
            context
                .problems
                .error(
                    name.span,
                    format!("`{}` is both {whose} and {what}", name.value),
                )
                .hint(hint)
                .also(other.span, *whose);
        } else if let Some((_, whose, _)) = defaults.iter().find(|(default, whose, is_default)| {
            *is_default && *default == name.value && whose != what
        }) {
            context
                .problems
                .error(
                    name.span,
                    format!("`{}` is {whose} by default, and {what} here", name.value),
                )
                .hint(hint);
        }
    }
}

fn role_name(name: &Spanned<String>, problems: &mut Problems) {
    let text = name.value.as_str();
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    let valid = text.starts_with(first)
        && text.chars().all(|c| first(c) || c.is_ascii_digit())
        && text.len() <= 63;
    if !valid {
        problems
            .error(name.span, format!("`{text}` cannot be the name of a role"))
            .hint(
                "lower-case letters, digits and `_`, at most 63: such a name needs quotes nowhere",
            );
    } else if text.starts_with("pg_")
        || matches!(text, "all" | "public" | "none" | "user" | "current_user")
    {
        problems
            .error(
                name.span,
                format!("`{text}` means something else to PostgreSQL"),
            )
            .hint("choose another name");
    }
}

const OPTIONS: [&str; 14] = [
    "SUPERUSER",
    "NOSUPERUSER",
    "CREATEDB",
    "NOCREATEDB",
    "CREATEROLE",
    "NOCREATEROLE",
    "INHERIT",
    "NOINHERIT",
    "LOGIN",
    "NOLOGIN",
    "REPLICATION",
    "NOREPLICATION",
    "BYPASSRLS",
    "NOBYPASSRLS",
];

/// The options become part of a statement, so only known words pass.
fn options(user: &User, problems: &mut Problems) {
    for option in user.options.iter().flat_map(|options| &options.value.0) {
        let upper = option.value.to_ascii_uppercase();
        let limit = upper.strip_prefix("CONNECTION LIMIT ").map(str::trim);
        if OPTIONS.contains(&upper.as_str())
            || limit.is_some_and(|limit| limit.parse::<i32>().is_ok())
        {
            continue;
        }
        let problem = problems.error(
            option.span,
            format!(
                "`{}` is not an option of a role",
                option.value.split(' ').next().unwrap_or_default()
            ),
        );
        if upper.contains("PASSWORD") {
            problem.hint("the password has a key of its own, which takes a reference");
        } else if let Some(near) = nearest(&upper, OPTIONS) {
            problem.hint(format!("did you mean `{near}`?"));
        } else {
            problem.hint("words of CREATE ROLE such as CREATEDB, CREATEROLE, CONNECTION LIMIT 20");
        }
    }
}
