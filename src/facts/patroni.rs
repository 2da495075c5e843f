//! Patroni as one node's REST API shows it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::section::{Answer, Sections, answers, answers_at_once};

/// The answers of `/patroni`, `/cluster`, `/config` and the health checks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PatroniFacts {
    /// The URL of the REST API that answered.
    #[serde(default)]
    pub url: String,
    /// `patroni.version`.
    pub version: String,
    /// `patroni.scope`.
    pub scope: String,
    /// `role` as it says it: `primary` (`master` before 4.0), `replica`, `standby_leader`.
    pub role: String,
    /// `state`: `running`, `starting`, `stopped`, …
    pub state: String,
    /// `timeline`.
    pub timeline: Option<u64>,
    /// `database_system_identifier`.
    pub system_identifier: Option<String>,
    /// `pending_restart`.
    pub pending_restart: bool,
    /// `pause`.
    pub paused: bool,
    /// `replication_state`: `streaming`, `in archive recovery`; `None` on the leader.
    pub replication_state: Option<String>,
    /// `dcs_last_seen`, in seconds before the gathering; `None` where it is not told.
    pub dcs_last_seen_ago: Option<i64>,
    /// The status code of `GET /primary`.
    pub primary_status: u16,
    /// The status code of `GET /replica`.
    pub replica_status: u16,
    /// The members that `/cluster` shows.
    pub members: Vec<PatroniMember>,
    /// The dynamic configuration, `/config`.
    pub config: Map<String, Value>,
}

/// A member as `/cluster` shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PatroniMember {
    /// Its name.
    pub name: String,
    /// `leader`, `replica`, `sync_standby`, `quorum_standby`, `standby_leader`.
    pub role: String,
    /// `running`, `streaming`, `stopped`, …
    pub state: String,
    /// PostgreSQL's address.
    pub host: String,
    /// PostgreSQL's port.
    pub port: u16,
    /// Its timeline.
    pub timeline: Option<u64>,
    /// Its lag in bytes; `None` if unknown, and on the leader.
    pub lag_bytes: Option<u64>,
    /// Whether it waits for a restart.
    pub pending_restart: bool,
    /// Its tags.
    pub tags: Map<String, Value>,
}

impl PatroniMember {
    /// Whether it confirms what the leader commits.
    pub fn is_synchronous(&self) -> bool {
        ["sync_standby", "quorum_standby"].contains(&self.role.as_str())
    }
}

impl PatroniFacts {
    /// Whether the cluster replicates synchronously: `synchronous_mode`, a truth in one of Patroni's
    /// spellings, or `quorum`.
    pub fn is_synchronous(&self) -> bool {
        match self.config.get("synchronous_mode") {
            Some(Value::Bool(on)) => *on,
            Some(Value::String(word)) => {
                ["on", "true", "yes", "1", "quorum"].contains(&word.to_ascii_lowercase().as_str())
            }
            _ => false,
        }
    }

    /// Reads the answers of the REST API; `None` if nothing answered. While it starts, Patroni
    /// may only answer its health checks. `now` is the node's clock in seconds since the epoch.
    pub(super) fn parse(now: f64, sections: &Sections<'_>) -> Option<Self> {
        let mut answers = answers(sections.quoted("patroni"));
        answers.extend(answers_at_once(
            sections.quoted("patroni-at-once"),
            &["/config", "/cluster", "/replica"],
        ));
        let answer = |path: &str| {
            let of_path = |answer: &&Answer<'_>| answer.url.ends_with(path);
            answers.iter().find(of_path)
        };
        let code = |path| answer(path).map_or(0, |answer| answer.code);
        let json = |path| -> Option<Value> { serde_json::from_str(&answer(path)?.body).ok() };
        if answers.iter().all(|answer| answer.code == 0) {
            return None;
        }
        // Each health check says the same with another code.
        let status = json("/patroni").or_else(|| json("/replica"));
        let status = status.unwrap_or(Value::Null);
        let cluster = json("/cluster").unwrap_or(Value::Null);
        let members = cluster["members"].as_array().into_iter().flatten();
        let answered = answers.iter().find(|answer| answer.code != 0);
        let url = answered.and_then(|answer| answer.url.rsplit_once('/'));
        Some(Self {
            url: url.map(|(url, _)| url.to_owned()).unwrap_or_default(),
            version: text(&status["patroni"]["version"]),
            scope: text(&status["patroni"]["scope"]),
            role: text(&status["role"]),
            state: text(&status["state"]),
            timeline: status["timeline"].as_u64(),
            system_identifier: status["database_system_identifier"]
                .as_str()
                .map(str::to_owned),
            pending_restart: status["pending_restart"] == true,
            // A node may not have noticed yet; the cluster's word is the DCS's.
            paused: status["pause"] == true || cluster["pause"] == true,
            replication_state: status["replication_state"].as_str().map(str::to_owned),
            dcs_last_seen_ago: status["dcs_last_seen"]
                .as_i64()
                .map(|seen| (now as i64).saturating_sub(seen)),
            primary_status: code("/primary"),
            replica_status: code("/replica"),
            members: members.map(member).collect(),
            // An error of `/config` is no configuration.
            config: match json("/config").filter(|_| code("/config") == 200) {
                Some(Value::Object(config)) => config,
                _ => Map::new(),
            },
        })
    }
}

fn member(value: &Value) -> PatroniMember {
    PatroniMember {
        name: text(&value["name"]),
        role: text(&value["role"]),
        state: text(&value["state"]),
        host: text(&value["host"]),
        port: value["port"]
            .as_u64()
            .and_then(|port| port.try_into().ok())
            .unwrap_or(0),
        timeline: value["timeline"].as_u64(),
        // "unknown" where it is not known.
        lag_bytes: value["lag"].as_u64(),
        pending_restart: value["pending_restart"] == true,
        tags: value["tags"].as_object().cloned().unwrap_or_default(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
