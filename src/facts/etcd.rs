//! etcd as one node sees it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask::EtcdAsk;
use super::section::{Answer, Sections, answers};

/// What this node's member, or the external etcd asked from this node, answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EtcdFacts {
    /// The client URL that answered; empty if none did.
    #[serde(default)]
    pub url: String,
    /// Whether the member answered `/health` with true (a committed proposal).
    pub healthy: bool,
    /// `/version`: `etcdserver`; empty if it does not answer.
    pub server_version: String,
    /// `/version`: `etcdcluster`; `3.0.0` until every initial member has joined.
    pub cluster_version: String,
    /// The cluster's id, hexadecimal; empty if it does not answer.
    pub cluster_id: String,
    /// The id of the member that answered, hexadecimal.
    pub member_id: String,
    /// The id of the leader, hexadecimal; empty if there is none.
    pub leader_id: String,
    /// The raft term.
    pub raft_term: u64,
    /// The raft index.
    pub raft_index: u64,
    /// The raft index that is applied.
    pub raft_applied_index: u64,
    /// The size of the database in bytes.
    pub db_size_bytes: u64,
    /// What of it is in use.
    pub db_in_use_bytes: u64,
    /// The members as this one knows them.
    pub members: Vec<EtcdMember>,
    /// Active alarms: `NOSPACE`, `CORRUPT`, with the member's id.
    pub alarms: Vec<String>,
    /// The names of the keys beneath the cluster's DCS path, without that path:
    /// `initialize`, `config`, `leader`, `members/pg-1`, …
    pub keys: Vec<String>,
    /// The value of the `initialize` key: the system identifier that Patroni knows.
    pub initialize: Option<String>,
    /// The data directory holds a member (`member/` is in it).
    pub data_dir_has_member: bool,
    /// The id of the cluster that the member on disk is of, hexadecimal; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data_cluster_id: String,
    /// Why it did not answer, in curl's words; also if curl is not installed.
    pub error: Option<String>,
    /// The keys could not be read, most likely for want of a login: without a quorum nobody is
    /// logged in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
    /// Who is let in; `None` where that was not asked or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<EtcdAccess>,
}

/// Who is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdAccess {
    /// How our own login went.
    pub login: EtcdLogin,
    /// The roles of every user.
    pub users: BTreeMap<String, Vec<String>>,
    /// What the cluster's role may do; `None` if there is no such role.
    pub permissions: Option<Vec<EtcdPermission>>,
}

/// How a login went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EtcdLogin {
    /// Nobody has to log in.
    #[default]
    NotNeeded,
    /// The password opened.
    Current,
    /// The password from before an unfinished change opened.
    Previous,
    /// None of ours opened.
    Refused,
}

/// What a role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdPermission {
    /// `READ`, `WRITE`, `READWRITE`.
    pub kind: String,
    /// The first key.
    pub key: String,
    /// The first key after the range; empty for one key alone.
    pub range_end: String,
}

/// A member as the member list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdMember {
    /// Its id, hexadecimal.
    pub id: String,
    /// Its name; empty until it has started.
    pub name: String,
    /// Its peer URLs.
    pub peer_urls: Vec<String>,
    /// Its client URLs; empty until it has started.
    pub client_urls: Vec<String>,
    /// Whether it is a learner.
    pub is_learner: bool,
}

impl EtcdFacts {
    /// Reads the answers of etcd's JSON gateway. What is missing stays empty.
    pub(super) fn parse(ask: &EtcdAsk, sections: &Sections<'_>) -> Self {
        let answers = answers(sections.quoted("etcd-answers"));
        let json = |suffix: &str| {
            let of_suffix = |answer: &&Answer<'_>| answer.url.ends_with(suffix);
            let answer = answers.iter().find(of_suffix);
            answer
                .and_then(|answer| serde_json::from_str(&answer.body).ok())
                .unwrap_or(Value::Null)
        };
        let health = json("/health");
        let version = json("/version");
        let status = json("/maintenance/status");
        let members = json("/cluster/member/list");
        let txn = json("/kv/txn");
        let (keys, initialize) = keys(&ask.path, &txn);
        let url = sections.value("etcd", "url").unwrap_or_default();
        Self {
            url: url.to_owned(),
            // 3.4 and older say "true", newer ones could as well say true.
            healthy: health["health"] == "true" || health["health"] == true,
            server_version: text(&version["etcdserver"]),
            cluster_version: text(&version["etcdcluster"]),
            cluster_id: id(&status["header"]["cluster_id"]),
            member_id: id(&status["header"]["member_id"]),
            leader_id: id(&status["leader"]),
            raft_term: number(&status["raftTerm"]),
            raft_index: number(&status["raftIndex"]),
            raft_applied_index: number(&status["raftAppliedIndex"]),
            db_size_bytes: number(&status["dbSize"]),
            db_in_use_bytes: number(&status["dbSizeInUse"]),
            members: list(&members["members"]).map(member).collect(),
            alarms: list(&status["errors"]).filter_map(alarm).collect(),
            keys,
            initialize,
            data_dir_has_member: sections.value("etcd", "member").is_some(),
            data_cluster_id: data_cluster_id(sections),
            error: if url.is_empty() {
                sections.values("etcd", "error").next().map(str::to_owned)
            } else {
                None
            },
            unreadable: !url.is_empty() && txn.get("responses").is_none(),
            access: access(sections, &answers),
        }
    }
}

/// How the login went, and the users, each with the answer about it in the order of their list.
fn access(sections: &Sections<'_>, answers: &[Answer<'_>]) -> Option<EtcdAccess> {
    let login = match sections.value("etcd", "login")? {
        "off" => EtcdLogin::NotNeeded,
        "1" => EtcdLogin::Current,
        "2" => EtcdLogin::Previous,
        _ => EtcdLogin::Refused,
    };
    let of = |suffix: &'static str| {
        let answers = answers.iter();
        answers
            .filter(move |answer| answer.url.ends_with(suffix))
            .map(|answer| serde_json::from_str(&answer.body).unwrap_or(Value::Null))
    };
    let names = of("/auth/user/list").next().unwrap_or_default();
    let roles = of("/auth/user/get").map(|user| list(&user["roles"]).map(text).collect());
    let role = of("/auth/role/get").next().unwrap_or_default();
    let permission = |value: &Value| EtcdPermission {
        // The gateway leaves out what is the first of its kind.
        kind: value["permType"].as_str().unwrap_or("READ").to_owned(),
        key: decoded(&value["key"]).unwrap_or_default(),
        range_end: decoded(&value["range_end"]).unwrap_or_default(),
    };
    Some(EtcdAccess {
        login,
        users: list(&names["users"]).map(text).zip(roles).collect(),
        permissions: role
            .get("header")
            .map(|_| list(&role["perm"]).map(permission).collect()),
    })
}

fn data_cluster_id(sections: &Sections<'_>) -> String {
    let log = sections.value("etcd", "log");
    let log = log.and_then(|text| STANDARD.decode(text).ok());
    let found = log.and_then(|bytes| super::wal::cluster_id(&bytes));
    found.map(|id| format!("{id:x}")).unwrap_or_default()
}

fn member(value: &Value) -> EtcdMember {
    let urls = |value: &Value| list(value).map(text).collect();
    EtcdMember {
        id: id(&value["ID"]),
        name: text(&value["name"]),
        peer_urls: urls(&value["peerURLs"]),
        client_urls: urls(&value["clientURLs"]),
        is_learner: value["isLearner"] == true,
    }
}

/// A member's own status carries the active alarms among its errors, as
/// `memberID:10276657743932975437 alarm:NOSPACE `. Asking for them by the alarm API would cost a
/// proposal to the cluster.
fn alarm(error: &Value) -> Option<String> {
    let (_, rest) = error.as_str()?.split_once("memberID:")?;
    let (member, alarm) = rest.split_once(" alarm:")?;
    let member = id(&Value::from(member.trim()));
    Some(format!("{} on {member}", alarm.trim()))
}

/// The names of the keys without `path`, and the value of `initialize`.
fn keys(path: &str, answer: &Value) -> (Vec<String>, Option<String>) {
    let range = |index: usize| list(&answer["responses"][index]["response_range"]["kvs"]);
    let keys = range(0)
        .filter_map(|pair| Some(decoded(&pair["key"])?.strip_prefix(path)?.to_owned()))
        .collect();
    // The gateway leaves out an empty value: a database is being made.
    let initialize = range(1)
        .next()
        .map(|pair| decoded(&pair["value"]).unwrap_or_default());
    (keys, initialize)
}

fn decoded(value: &Value) -> Option<String> {
    let bytes = STANDARD.decode(value.as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// 64-bit numbers are strings in the gateway's JSON.
fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or(0)
}

/// An id as etcd shows it to people; empty for 0, which is none.
fn id(value: &Value) -> String {
    match number(value) {
        0 => String::new(),
        id => format!("{id:x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::section::Sections;

    /// What a member that asks for a login printed.
    fn read(printed: &str, scope: &str) -> EtcdFacts {
        let ask = EtcdAsk {
            urls: Vec::new(),
            data_dir: None,
            files: Default::default(),
            logins: Vec::new(),
            role: None,
            users: Vec::new(),
            path: format!("/service/{scope}/"),
        };
        EtcdFacts::parse(&ask, &Sections::of(printed))
    }

    #[test]
    fn who_is_let_in_is_read() {
        for (printed, scope, version, user) in [
            (
                include_str!("../../tests/fixtures/facts/etcd-login-bookworm.txt"),
                "etcd",
                "3.4.23",
                "mahout-etcd-a7b61eba",
            ),
            (
                include_str!("../../tests/fixtures/facts/etcd-login-trixie.txt"),
                "etcdx",
                "3.5.16",
                "mahout-etcdx-afd156b5",
            ),
        ] {
            let etcd = read(printed, scope);
            assert_eq!(
                (etcd.server_version.as_str(), etcd.healthy),
                (version, true)
            );
            assert!(!etcd.unreadable && etcd.initialize.is_some(), "{version}");
            assert!(etcd.keys.iter().any(|key| key == "leader"), "{version}");
            let role = format!("mahout-{scope}");
            let users = [
                (user.to_owned(), vec![role]),
                ("root".to_owned(), vec!["root".to_owned()]),
            ];
            let permission = EtcdPermission {
                kind: "READWRITE".to_owned(),
                key: format!("/service/{scope}/"),
                range_end: format!("/service/{scope}0"),
            };
            let expected = EtcdAccess {
                login: EtcdLogin::Current,
                users: users.into(),
                permissions: Some(vec![permission]),
            };
            assert_eq!(etcd.access, Some(expected), "{version}");
        }
    }

    #[test]
    fn a_key_without_a_value_is_there_all_the_same() {
        let initialize = |kvs: &str| {
            let answer =
                format!(r#"{{"responses": [{{}}, {{"response_range": {{"kvs": [{kvs}]}}}}]}}"#);
            keys("/service/a/", &serde_json::from_str(&answer).expect("JSON")).1
        };
        let key = r#""key": "L3NlcnZpY2UvYS9pbml0aWFsaXpl""#;
        assert_eq!(initialize(""), None);
        assert_eq!(initialize(&format!("{{{key}}}")).as_deref(), Some(""));
        let set = format!(r#"{{{key}, "value": "NzQxMg=="}}"#);
        assert_eq!(initialize(&set).as_deref(), Some("7412"));
    }

    #[test]
    fn a_member_that_refuses_tells_nothing_of_its_keys() {
        let printed = include_str!("../../tests/fixtures/facts/etcd-login-refused.txt");
        let etcd = read(printed, "etcdx");
        assert!(etcd.healthy && etcd.unreadable && etcd.initialize.is_none());
        let access = etcd.access.expect("it was tried");
        assert_eq!(access.login, EtcdLogin::Refused);
        assert!(access.users.is_empty() && access.permissions.is_none());
    }

    #[test]
    fn nobody_has_to_log_in_and_the_second_password_opens() {
        for (word, login) in [("off", EtcdLogin::NotNeeded), ("2", EtcdLogin::Previous)] {
            let etcd = read(&format!("@etcd\nurl https://a:2379\nlogin {word}\n"), "a");
            assert_eq!(etcd.access.expect("said").login, login);
        }
        assert_eq!(read("@etcd\nurl http://a:2379\n", "a").access, None);
    }
}
