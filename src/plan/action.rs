//! What can be done to a node, as data.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::step::UnitOperation;
use super::{EtcdChange, PackageChange, Relay};
use crate::cluster::NodeName;
use crate::facts::FileFacts;
use crate::platform::{Family, Repository, Sources};
use crate::render::File;
use crate::secret::Secret;

use super::firewall::FirewallChange;
use super::selinux::SelinuxChange;

/// One change on one node. How it is done in shell stands in `execute::action` alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `apt-get update` and its kin.
    RefreshPackageLists {
        /// Which package manager.
        family: Family,
    },
    /// Make a repository known, its key first. What is not signed with it is not installed.
    AddRepository {
        /// Which.
        repository: Repository,
    },
    /// Disable a module of dnf's, which hides packages of other repositories.
    DisableModule {
        /// Its name.
        module: String,
        /// What dnf asks for it.
        sources: Sources,
    },
    /// One transaction. Services that the packages bring are not started by it.
    InstallPackages {
        /// Which package manager.
        family: Family,
        /// What to install or to upgrade.
        packages: Vec<PackageChange>,
        /// What it draws from.
        sources: Sources,
    },
    /// Something about archives that one node downloads for others.
    Relay(Relay),
    /// Make a directory, or give an existing one its owner and mode.
    CreateDirectory {
        /// Its path; parents are made, root's and 755.
        path: String,
        /// The owner's name.
        owner: String,
        /// The group's name.
        group: String,
        /// The permission bits.
        mode: u32,
    },
    /// Write a file beside its place, check it, fsync it, rename it.
    WriteFile {
        /// What is there now.
        before: Option<FileFacts>,
        /// What is to be there.
        file: File,
    },
    /// Remove a file that mahout wrote.
    RemoveFile {
        /// Its path.
        path: String,
    },
    /// Set live kernel values.
    SetSysctl {
        /// By key.
        values: BTreeMap<String, String>,
    },
    /// Load softdog and hand its device to postgres, now.
    EnableWatchdog,
    /// `systemctl daemon-reload`.
    ReloadSystemd,
    /// Something with the firewall.
    Firewall(FirewallChange),
    /// Something with SELinux.
    Selinux(SelinuxChange),
    /// Something with a unit.
    Systemd {
        /// Its name with suffix.
        unit: String,
        /// What.
        operation: UnitOperation,
    },
    /// One PATCH of Patroni's dynamic configuration.
    PatchDynamicConfiguration {
        /// The REST API of the member that is asked: `http://10.0.0.11:8008`.
        url: String,
        /// Its user.
        username: String,
        /// Its password.
        password: Secret,
        /// The whole configuration before, to show the difference.
        before: Map<String, Value>,
        /// What is sent.
        patch: Map<String, Value>,
    },
    /// Await that the leader knows of `members`, then have it run its round at once by a PATCH that
    /// changes nothing: only then do their replication slots exist. Else a new replica begins to
    /// stream up to `loop_wait` and five seconds later (Patroni, `do_PATCH_config` wakes the
    /// round; PostgreSQL, `wal_retrieve_retry_interval`).
    WakeLeader {
        /// The leader's REST API.
        url: String,
        /// Its user.
        username: String,
        /// Its password.
        password: Secret,
        /// The new members.
        members: Vec<NodeName>,
        /// A dynamic setting as it is.
        setting: Map<String, Value>,
    },
    /// Have the leader hand over, and await Patroni's answer.
    Switchover {
        /// The leader's REST API.
        url: String,
        /// Its user.
        username: String,
        /// Its password.
        password: Secret,
        /// Who leads now.
        leader: NodeName,
        /// Who is to lead; `None` leaves it to Patroni.
        candidate: Option<NodeName>,
        /// For how long Patroni itself looks for the new leader before it answers that it does
        /// not know.
        patience: Duration,
    },
    /// Tell etcd's members by which URL they reach one of them, which begins to listen there
    /// when it restarts next.
    EtcdPeerUrl {
        /// The client URL of the member that is asked.
        url: String,
        /// The member's id, hexadecimal.
        member: String,
        /// Its new peer URL.
        peer_url: String,
    },
    /// Restart Patroni alone: PostgreSQL runs on under it, since the cluster is paused for as
    /// long as that takes.
    RestartPatroni {
        /// Its REST API.
        url: String,
        /// Its user.
        username: String,
        /// Its password.
        password: Secret,
    },
    /// Have another process of Patroni's take the place of this one, as after a crash: PostgreSQL runs
    /// on, and what Patroni remembers of the DCS is forgotten.
    RespawnPatroni,
    /// Have Patroni read its files again, at once: by itself it does at the end of its round, up to
    /// `loop_wait` later. A PATCH that changes nothing wakes it (Patroni, `do_PATCH_config`).
    ReloadPatroni {
        /// Its REST API.
        url: String,
        /// Its user.
        username: String,
        /// Its password; where Patroni has still to learn it, it reads at the end of its round.
        password: Secret,
        /// A dynamic setting as it is.
        setting: Map<String, Value>,
    },
    /// A change of who is let in to etcd. Each can be made twice.
    EtcdAccess {
        /// The client URL of the member that is asked.
        url: String,
        /// The passwords of [`crate::cluster::etcd::ROOT`]: of now and, during a change, before.
        root: Vec<Secret>,
        /// What is changed.
        change: EtcdChange,
    },
    /// Have Patroni replace the data directory of a replica by a copy of the leader's, and await
    /// that it has begun.
    Reinitialize {
        /// The replica's REST API.
        url: String,
        /// Its user.
        username: String,
        /// Its password.
        password: Secret,
        /// The directory.
        data_dir: String,
    },
    /// Rename a data directory to `PATH.LABEL-TIME`, if there is something in it. Whatever runs in
    /// it is stopped before.
    MoveAside {
        /// The directory.
        path: String,
        /// Why: `before-reinit`.
        label: &'static str,
        /// Whose it is.
        data: Data,
    },
    /// Remove a member from etcd, and add it again as one that has still to start.
    ReplaceEtcdMember {
        /// The client URL of another member, which is asked.
        url: String,
        /// The passwords of [`crate::cluster::etcd::ROOT`].
        root: Vec<Secret>,
        /// The id of the member, hexadecimal; `None` if it was removed before.
        member: Option<String>,
        /// Its peer URL.
        peer_url: String,
    },
    /// Start a new member of an etcd cluster that exists, and await that it has its own data.
    JoinEtcd {
        /// Its data directory.
        data_dir: String,
        /// The members that it finds there, itself among them, where its settings name others,
        /// too: `pg-1=https://10.0.0.11:2380,…`.
        initial_cluster: Option<String>,
    },
    /// Have a member go on alone with the data that it has, of which a copy is kept: without the
    /// others, a majority is lost.
    SurviveAlone {
        /// Its data directory.
        data_dir: String,
    },
    /// Remove the keys that begin with a path from etcd: all of the cluster's, or one.
    RemoveKeys {
        /// The client URL of the member that is asked.
        url: String,
        /// The passwords of [`crate::cluster::etcd::ROOT`].
        root: Vec<Secret>,
        /// The path.
        path: String,
    },
    /// Write down how far a server had come that was just stopped: for as long as it has not been
    /// started since, that is how far it has come.
    KeepWalEnd {
        /// The timeline.
        timeline: u32,
        /// Where its WAL ended.
        bytes: u64,
    },
    /// Create a role on the leader.
    CreateRole {
        /// How the server is reached on the node.
        connection: LocalConnection,
        /// The role.
        name: String,
        /// `LOGIN`, `CREATEDB`, …
        options: Vec<String>,
        /// Its password; the server gets a SCRAM verifier of it.
        password: Option<Secret>,
        /// The functions that it may execute, as PostgreSQL's catalogue has them.
        functions: &'static [&'static str],
    },
    /// Give a role of the leader another password.
    SetPassword {
        /// How the server is reached on the node.
        connection: LocalConnection,
        /// The role.
        name: String,
        /// The password; the server gets a SCRAM verifier of it.
        password: Secret,
    },
}

/// Whose data a directory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// PostgreSQL's.
    Postgresql,
    /// That of etcd's member.
    Etcd,
}

/// How psql reaches the server over its socket, as the postgres user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalConnection {
    /// The directory of psql.
    pub bin_dir: String,
    /// The port.
    pub port: u16,
    /// The superuser.
    pub superuser: String,
}

impl Action {
    /// The step in words, without secrets: `install etcd-server 3.4.23`, `create
    /// /etc/patroni/patroni.yml`, `start etcd.service`.
    pub fn title(&self) -> String {
        match self {
            Action::RefreshPackageLists { .. } => "refresh the package lists".to_owned(),
            Action::AddRepository { repository } => format!("add {}", repository.title()),
            Action::DisableModule { module, .. } => format!("disable the dnf module {module}"),
            Action::InstallPackages { packages, .. } => {
                let names: Vec<String> = packages.iter().map(PackageChange::title).collect();
                format!("install {}", names.join(", "))
            }
            Action::Relay(relay) => relay.title(),
            Action::CreateDirectory {
                path,
                owner,
                group,
                mode,
            } => format!("directory {path} ({owner}:{group} {mode:o})"),
            Action::WriteFile { before: None, file } => format!("create {}", file.path),
            Action::WriteFile { file, .. } => format!("update {}", file.path),
            Action::RemoveFile { path } => format!("remove {path}"),
            Action::SetSysctl { values } => {
                let values: Vec<String> = values
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                format!("set {}", values.join(", "))
            }
            Action::EnableWatchdog => "load softdog".to_owned(),
            Action::ReloadSystemd => "reload systemd's units".to_owned(),
            Action::Firewall(change) => change.title(),
            Action::Selinux(change) => change.title(),
            Action::Systemd { unit, operation } => format!("{} {unit}", operation.as_str()),
            Action::PatchDynamicConfiguration { patch, .. } => {
                let keys: Vec<&str> = patch.keys().map(String::as_str).collect();
                format!("patch the dynamic configuration ({})", keys.join(", "))
            }
            Action::WakeLeader { members, .. } => {
                let members: Vec<&str> = members.iter().map(NodeName::as_str).collect();
                format!("have the leader make slots for {}", members.join(", "))
            }
            Action::Switchover {
                leader, candidate, ..
            } => match candidate {
                Some(candidate) => format!("switch over from {leader} to {candidate}"),
                None => format!("switch over from {leader} to the member that Patroni chooses"),
            },
            Action::EtcdPeerUrl { peer_url, .. } => {
                format!("tell etcd that the member here is at {peer_url}")
            }
            Action::ReloadPatroni { .. } => "reload patroni.service".to_owned(),
            Action::RespawnPatroni => "restart Patroni alone, as after a crash".to_owned(),
            Action::RestartPatroni { .. } => {
                "restart Patroni alone, paused for that time".to_owned()
            }
            Action::EtcdAccess { change, .. } => match change {
                EtcdChange::Role { name, grant, .. } => {
                    format!("etcd role {name}, for {}", grant.key)
                }
                EtcdChange::User { name, .. } => format!("etcd user {name}"),
                EtcdChange::Password { name, .. } => format!("etcd user {name}: new password"),
                EtcdChange::RequireLogin => "have etcd ask for a login".to_owned(),
                EtcdChange::RemoveUser { name, .. } => format!("remove etcd user {name}"),
            },
            Action::Reinitialize { data_dir, .. } => {
                format!("have Patroni replace {data_dir} by a copy of the leader's")
            }
            Action::MoveAside { path, label, .. } => {
                format!("move {path} aside, to {path}.{label}-TIME")
            }
            Action::ReplaceEtcdMember {
                member, peer_url, ..
            } => match member {
                Some(member) => {
                    format!("remove etcd's member {member}, add a new one at {peer_url}")
                }
                None => format!("add a new member of etcd at {peer_url}"),
            },
            Action::JoinEtcd { .. } => "start etcd.service as a new member".to_owned(),
            Action::SurviveAlone { data_dir } => format!(
                "copy {data_dir} to {data_dir}.before-restore-TIME, start etcd.service as the only \
                 member"
            ),
            Action::RemoveKeys { path, .. } if path.ends_with('/') => {
                format!("remove every key under {path} from etcd")
            }
            Action::RemoveKeys { path, .. } => format!("remove {path} from etcd"),
            Action::KeepWalEnd { .. } => "write down where its WAL ends".to_owned(),
            Action::CreateRole { name, .. } => format!("create role {name}"),
            Action::SetPassword { name, .. } => format!("set the password of role {name}"),
        }
    }
}
