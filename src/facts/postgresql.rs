//! PostgreSQL's data directory and server on one node.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::OsRelease;
use super::ask::PostgresqlAsk;
use super::section::Sections;
use crate::platform::Platform;
use crate::secret::Secret;

/// What the data directory and the local server say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PostgresqlFacts {
    /// The data directory that was looked at.
    pub data_dir: String,
    /// `PG_VERSION`; `None` if there is no database in it.
    pub data_version: Option<String>,
    /// Whether the directory exists and something is in it.
    pub data_dir_in_use: bool,
    /// What the server says, or `Database system identifier` of `pg_controldata`.
    pub system_identifier: Option<String>,
    /// `Database cluster state` of `pg_controldata`, which only a server that does not answer is
    /// asked for.
    pub control_state: Option<String>,
    /// Whether the server answered a query over its socket.
    pub answers: bool,
    /// `pg_is_in_recovery()`.
    pub in_recovery: Option<bool>,
    /// The timeline: that of the WAL that is written or received; of a server that does not answer
    /// that of its last checkpoint.
    #[serde(default)]
    pub timeline: Option<u32>,
    /// Where its WAL ends, in bytes: written, received or replayed, whichever is the furthest. Of a
    /// server that does not answer what is on record of it since a run of mahout's stopped it.
    #[serde(default)]
    pub wal_bytes: Option<u64>,
    /// `status` of `pg_stat_wal_receiver`: `streaming`, …; `None` if there is no receiver.
    #[serde(default)]
    pub wal_receiver: Option<String>,
    /// `server_version_num`.
    pub server_version: Option<u32>,
    /// The settings that `verify` judges: `fsync`, `full_page_writes`, `synchronous_commit`, …
    pub settings: BTreeMap<String, String>,
    /// Settings that wait for a restart (`pg_settings.pending_restart`).
    pub pending_restart: Vec<String>,
    /// The roles, without PostgreSQL's own (`pg_…`); only on a server that answers.
    pub roles: Vec<String>,
    /// What each of them may, in the words of `CREATE ROLE`; empty in an old record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub role_options: BTreeMap<String, Vec<String>>,
    /// What the server keeps of the passwords of our own roles (`pg_authid.rolpassword`), by role;
    /// `None` for a role without one. In no record.
    #[serde(skip)]
    pub verifiers: BTreeMap<String, Option<Secret>>,
    /// The folders of its tablespaces, besides the data directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tablespaces: Vec<String>,
    /// The roles, ours or not, whose passwords are kept as md5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub md5_roles: Vec<String>,
    /// On the primary: who streams from it.
    pub replication: Vec<ReplicationFacts>,
    /// Rows of `pg_hba_file_rules` that have an error.
    pub hba_errors: Vec<String>,
    /// The rules of pg_hba.conf as the server reads them, a line each; empty if it did not tell.
    #[serde(default)]
    pub hba_rules: Vec<String>,
    /// Every postmaster on this node by its data directory, with the pid: more than ours is a
    /// stray PostgreSQL outside Patroni.
    pub postmasters: BTreeMap<String, u32>,
    /// What those of them are that run in none of the directories that were looked at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub strangers: BTreeMap<String, StrangerFacts>,
}

/// A PostgreSQL that runs beside Patroni's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrangerFacts {
    /// Its system identifier.
    pub system_identifier: Option<String>,
    /// Its databases, without PostgreSQL's own; none also where it did not tell them.
    pub databases: Vec<String>,
}

/// A row of `pg_stat_replication`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationFacts {
    /// `application_name`: Patroni sets the member's name.
    pub application_name: String,
    /// `state`: `streaming`, `catchup`, …
    pub state: String,
    /// `sync_state`.
    pub sync_state: String,
    /// `pg_current_wal_lsn() - replay_lsn` in bytes.
    pub lag_bytes: Option<u64>,
    /// `ssl` of `pg_stat_ssl`.
    #[serde(default)]
    pub encrypted: Option<bool>,
}

impl PostgresqlFacts {
    /// Reads what the data directories and the server said.
    pub(super) fn parse(ask: &PostgresqlAsk, os: &OsRelease, sections: &Sections<'_>) -> Self {
        let of_directory = |key: &'static str| -> BTreeMap<&str, &str> {
            sections
                .values("postgresql", key)
                .filter_map(|line| line.split_once(' '))
                .map(|(value, directory)| (directory, value))
                .collect()
        };
        let versions = of_directory("version");
        let data_dir = data_dir(ask, os, &versions);
        let control_of = |directory: &str, key: &str| {
            sections
                .values("postgresql", "control")
                .filter_map(|line| {
                    let rest = line.strip_prefix(directory)?.strip_prefix(' ')?;
                    rest.trim_start().strip_prefix(key)
                })
                .map(|value| value.trim().to_owned())
                .next()
        };
        let control = |key: &str| control_of(&data_dir, key);
        let mut strangers: BTreeMap<String, StrangerFacts> = BTreeMap::new();
        let postmasters = of_directory("postmaster");
        for directory in postmasters.keys().copied() {
            if *directory == data_dir || ask.data_dirs.iter().any(|asked| asked == directory) {
                continue;
            }
            let databases = sections.values("postgresql", "database");
            let databases = databases
                .filter_map(|line| {
                    Some(line.strip_prefix(directory)?.strip_prefix(' ')?.to_owned())
                })
                .collect();
            let facts = StrangerFacts {
                system_identifier: control_of(directory, "system identifier:"),
                databases,
            };
            strangers.insert(directory.to_owned(), facts);
        }
        let answers: serde_json::Map<String, Value> = sections
            .lines("psql")
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|value| value.as_object().cloned())
            .flatten()
            .collect();
        let list = |key: &str| {
            answers
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let texts = |key| {
            list(key)
                .filter_map(|value| Some(value.as_str()?.to_owned()))
                .collect()
        };
        let number = |key: &str| answers.get(key)?.as_u64()?.try_into().ok();
        // Only the server in that very directory knows what the directory's files say.
        let said = answers
            .get("system_identifier")
            .and_then(Value::as_str)
            .filter(|_| {
                let settings = answers.get("settings");
                settings.is_some_and(|settings| settings["data_directory"] == data_dir.as_str())
            });
        let kept = control("wal end:").and_then(|kept| {
            let (timeline, bytes) = kept.split_once(' ')?;
            Some((timeline.parse().ok()?, bytes.parse().ok()?))
        });
        let settings = answers
            .get("settings")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        Self {
            data_version: versions
                .get(data_dir.as_str())
                .map(|&version| version.to_owned()),
            data_dir_in_use: sections
                .values("postgresql", "in-use")
                .any(|directory| directory == data_dir),
            system_identifier: control("system identifier:").or_else(|| said.map(str::to_owned)),
            control_state: control("cluster state:"),
            answers: answers.contains_key("in_recovery"),
            in_recovery: answers.get("in_recovery").and_then(Value::as_bool),
            timeline: number("timeline")
                .or(kept.map(|(timeline, _)| timeline))
                .or_else(|| control("timeline:")?.parse().ok()),
            wal_bytes: match answers.get("wal_bytes") {
                Some(bytes) => bytes.as_u64(),
                None => kept.map(|(_, bytes)| bytes),
            },
            wal_receiver: answers
                .get("wal_receiver")
                .and_then(|status| Some(status.as_str()?.to_owned())),
            server_version: number("server_version"),
            settings: settings
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect(),
            pending_restart: texts("pending_restart"),
            roles: texts("roles"),
            role_options: answers
                .get("role_options")
                .and_then(|options| serde_json::from_value(options.clone()).ok())
                .unwrap_or_default(),
            verifiers: answers
                .get("verifiers")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.as_str().map(Secret::new)))
                .collect(),
            tablespaces: texts("tablespaces"),
            md5_roles: texts("md5_roles"),
            replication: list("replication").map(replication).collect(),
            hba_errors: texts("hba_errors"),
            hba_rules: texts("hba_rules"),
            strangers,
            postmasters: postmasters
                .into_iter()
                .filter_map(|(directory, pid)| Some((directory.to_owned(), pid.parse().ok()?)))
                .collect(),
            data_dir,
        }
    }
}

/// Which of the directories that were looked at is the one: the only one, or the platform's, or
/// (on a distribution that we do not know) the first that holds a database.
fn data_dir(ask: &PostgresqlAsk, os: &OsRelease, versions: &BTreeMap<&str, &str>) -> String {
    let holds_database = |path: &&String| versions.contains_key(path.as_str());
    let of_platform = Platform::detect(os)
        .ok()
        .map(|platform| platform.data_dir(ask.version.unwrap_or(platform.default_postgresql)));
    of_platform
        .filter(|path| ask.data_dirs.contains(path))
        .or_else(|| ask.data_dirs.iter().find(holds_database).cloned())
        .or_else(|| ask.data_dirs.first().cloned())
        .unwrap_or_default()
}

fn replication(value: &Value) -> ReplicationFacts {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    ReplicationFacts {
        application_name: text("application_name"),
        state: text("state"),
        sync_state: text("sync_state"),
        // A numeric in SQL; below zero while a new timeline begins.
        lag_bytes: value["lag_bytes"].as_f64().map(|lag| lag.max(0.0) as u64),
        encrypted: value["encrypted"].as_bool(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_had_come_counts_while_it_does_not_answer() {
        let ask = PostgresqlAsk {
            data_dirs: vec!["/d".to_owned()],
            bin_dir: None,
            port: 5432,
            superuser: "postgres".to_owned(),
            version: None,
            roles: Vec::new(),
        };
        let place = |printed: &str| {
            let os = OsRelease::default();
            let facts = PostgresqlFacts::parse(&ask, &os, &Sections::of(printed));
            (facts.timeline, facts.wal_bytes)
        };
        let down = "@postgresql\ncontrol /d timeline:           2\n";
        assert_eq!(place(down), (Some(2), None));
        let kept = format!("{down}control /d wal end: 3 83886448\n");
        assert_eq!(place(&kept), (Some(3), Some(83_886_448)));
        let up =
            format!("{kept}@psql\n{{\"in_recovery\": true, \"timeline\": 4, \"wal_bytes\": 9}}\n");
        assert_eq!(place(&up), (Some(4), Some(9)));
        let half = format!("{down}control /d wal end: \n");
        assert_eq!(place(&half), (Some(2), None));
    }
}
