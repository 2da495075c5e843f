//! What the facts will say once something of a plan is done.

use super::{Action, Condition, Data, Phase, UnitOperation};
use crate::facts::ask::TIME_UNITS;
use crate::facts::{DirectoryFacts, Facts, FileFacts, NodeFacts, UnitFacts};

/// When a file is written by a plan: after everything that is on the nodes now.
const WRITTEN: i64 = i64::MAX - 1;
/// When a unit that a plan starts or reloads has read its files: after they were written.
const READ: i64 = i64::MAX;
/// The system identifier of a database that is not made yet.
const NEW_DATABASE: &str = "(new)";

/// Whether a plan has had this unit read its files, and its gate has seen that.
pub(super) fn reads_in_this_plan(unit: &UnitFacts) -> bool {
    [unit.active_since, unit.reloaded_at].contains(&Some(READ))
}

impl Facts {
    /// Makes the facts say what they will say after `phase` and its gate.
    pub fn project(&mut self, phase: &Phase) {
        for work in &phase.work {
            let facts = self.nodes.entry(work.node.clone()).or_default();
            for step in &work.steps {
                facts.project(&step.action);
            }
        }
        for (node, condition) in phase.gate.iter().flat_map(|gate| &gate.conditions) {
            let Some(facts) = self.nodes.get_mut(node) else {
                continue;
            };
            facts.project_condition(condition);
            if let Condition::PatroniLeader { .. } = condition {
                let postgresql = facts.postgresql.as_ref();
                let identifier =
                    postgresql.and_then(|postgresql| postgresql.system_identifier.clone());
                self.project_initialized(identifier.as_deref());
            }
        }
    }

    /// Patroni tells the DCS whose database it is.
    fn project_initialized(&mut self, identifier: Option<&str>) {
        for facts in self.nodes.values_mut() {
            let said = facts.etcd.as_mut().filter(|etcd| !etcd.url.is_empty());
            if let Some(etcd) = said {
                etcd.initialize = identifier.map(str::to_owned);
            }
        }
    }
}

impl NodeFacts {
    /// Makes the facts say what they will say after `action`.
    pub fn project(&mut self, action: &Action) {
        match action {
            Action::RefreshPackageLists { .. } => self.system.package_lists = true,
            // Its sections are only known afterwards.
            Action::AddRepository { .. } => {}
            // An archive is nothing that anybody asks for.
            Action::Relay(_) => {}
            Action::DisableModule { module, .. } => {
                self.system.disabled_modules.push(module.clone());
            }
            Action::InstallPackages { packages, .. } => {
                for change in packages {
                    let package = self.packages.entry(change.name.clone()).or_default();
                    let version = change.version.clone();
                    package.installed = version.or_else(|| Some("(newest)".to_owned()));
                }
                // They bring units; which ones is only known afterwards.
                self.units.retain(|_, unit| unit.load != "not-found");
            }
            Action::CreateDirectory {
                path,
                owner,
                group,
                mode,
            } => {
                let empty = self.directories.get(path).is_none_or(|there| there.empty);
                self.directories.insert(
                    path.clone(),
                    DirectoryFacts {
                        owner: owner.clone(),
                        group: group.clone(),
                        mode: format!("{mode:o}"),
                        empty,
                    },
                );
            }
            Action::WriteFile { file, .. } => {
                let name = file.path.strip_prefix("/etc/systemd/system/");
                if let Some(name) = name.filter(|name| !name.contains('/')) {
                    let unit = self.units.entry(name.to_owned()).or_default();
                    "loaded".clone_into(&mut unit.load);
                    unit.fragment.clone_from(&file.path);
                }
                for process in self.processes.values_mut() {
                    if process.config_file.as_ref() == Some(&file.path) {
                        process.config = Some(file.content.clone());
                        process.config_modified = WRITTEN;
                    }
                }
                self.files.insert(
                    file.path.clone(),
                    FileFacts {
                        owner: file.owner.to_owned(),
                        group: file.group.to_owned(),
                        mode: format!("{:o}", file.mode),
                        sha256: file.sha256(),
                        content: Some(file.content.clone()),
                        modified: WRITTEN,
                        link: None,
                    },
                );
            }
            Action::RemoveFile { path } => {
                self.files.remove(path);
            }
            Action::SetSysctl { values } => {
                for (key, value) in values {
                    if let Some(setting) = self.sysctl.get_mut(key) {
                        setting.value.clone_from(value);
                    }
                }
            }
            Action::EnableWatchdog => self.system.watchdog_device = true,
            Action::ReloadSystemd => {
                for unit in self.units.values_mut() {
                    unit.needs_daemon_reload = false;
                }
            }
            Action::Firewall(change) => self.project_firewall(change),
            Action::Selinux(change) => self.project_selinux(change),
            Action::Systemd { unit, operation } => self.project_unit(unit, *operation),
            Action::PatchDynamicConfiguration { patch, .. } => {
                if let Some(patroni) = &mut self.patroni {
                    super::dynamic::apply_patch(&mut patroni.config, patch);
                }
            }
            Action::EtcdPeerUrl {
                member, peer_url, ..
            } => {
                let known = self.etcd.iter_mut().flat_map(|etcd| &mut etcd.members);
                for known in known.filter(|known| known.id == *member) {
                    known.peer_urls = vec![peer_url.clone()];
                }
            }
            Action::ReloadPatroni { .. } => {
                self.project_unit(super::patroni::UNIT, UnitOperation::Reload);
            }
            Action::RestartPatroni { .. } | Action::RespawnPatroni => {
                self.project_unit(super::patroni::UNIT, UnitOperation::Restart);
            }
            Action::EtcdAccess { change, .. } => {
                let etcd = self.etcd.get_or_insert_default();
                super::etcd_access::project(etcd.access.get_or_insert_default(), change);
            }
            Action::MoveAside { path, data, .. } => {
                self.directories.remove(path);
                match data {
                    Data::Postgresql => {
                        if let Some(postgresql) = &mut self.postgresql {
                            (postgresql.data_version, postgresql.system_identifier) = (None, None);
                            postgresql.data_dir_in_use = false;
                        }
                    }
                    Data::Etcd => {
                        if let Some(etcd) = &mut self.etcd {
                            etcd.data_dir_has_member = false;
                        }
                    }
                }
            }
            Action::JoinEtcd { .. } | Action::SurviveAlone { .. } => {
                self.project_unit(super::etcd::UNIT, UnitOperation::Start);
            }
            Action::RemoveKeys { path, .. } => {
                if let Some(etcd) = &mut self.etcd {
                    // Nothing behind the last `/` is all of them.
                    let key = path.rsplit('/').next().unwrap_or_default();
                    etcd.keys.retain(|name| !name.starts_with(key));
                    if "initialize".starts_with(key) {
                        etcd.initialize = None;
                    }
                }
            }
            // It is of use to another run.
            Action::KeepWalEnd { .. } => {}
            // What etcd's members know of each other is looked at before all this.
            Action::ReplaceEtcdMember { .. } | Action::Reinitialize { .. } => {}
            // What a replica's start or a switchover brings is projected with its gate.
            Action::WakeLeader { .. } | Action::Switchover { .. } => {}
            Action::CreateRole { name, .. } => {
                if let Some(postgresql) = &mut self.postgresql {
                    postgresql.roles.push(name.clone());
                }
            }
            Action::SetPassword { name, .. } => {
                if let Some(postgresql) = &mut self.postgresql {
                    // Which verifier it will be is known to the server alone.
                    postgresql.verifiers.remove(name);
                }
            }
        }
    }

    pub(super) fn project_unit(&mut self, name: &str, operation: UnitOperation) {
        let unit = self.units.entry(name.to_owned()).or_default();
        "loaded".clone_into(&mut unit.load);
        match operation {
            UnitOperation::Enable => "enabled".clone_into(&mut unit.enabled),
            UnitOperation::Disable => {
                "disabled".clone_into(&mut unit.enabled);
                "inactive".clone_into(&mut unit.active);
                unit.active_since = None;
            }
            UnitOperation::Start | UnitOperation::Restart => {
                "active".clone_into(&mut unit.active);
                unit.active_since = Some(READ);
                // It is started anew, with whatever its unit says.
                self.processes.remove(name);
                self.project_started(name);
            }
            UnitOperation::Stop => {
                "inactive".clone_into(&mut unit.active);
                unit.active_since = None;
            }
            UnitOperation::Reload => unit.reloaded_at = Some(READ),
        }
    }

    /// What a unit that runs means for everything else.
    fn project_started(&mut self, name: &str) {
        if name == super::system::THP_UNIT {
            if let Some(word) = &mut self.system.transparent_huge_pages {
                "never".clone_into(word);
            }
        } else if name == super::etcd::UNIT {
            let etcd = self.etcd.get_or_insert_default();
            etcd.data_dir_has_member = true;
            etcd.error = None;
            if etcd.url.is_empty() {
                "(started)".clone_into(&mut etcd.url);
            }
        } else if TIME_UNITS.contains(&name) {
            self.system.time_service = Some(name.trim_end_matches(".service").to_owned());
        }
    }

    /// Makes the facts say what they say when `condition` holds.
    fn project_condition(&mut self, condition: &Condition) {
        match condition {
            Condition::EtcdMember { url, .. } => {
                let etcd = self.etcd.get_or_insert_default();
                etcd.url.clone_from(url);
                etcd.healthy = true;
            }
            Condition::PatroniLeader { url } => {
                let patroni = self.patroni.get_or_insert_default();
                patroni.url.clone_from(url);
                (patroni.primary_status, patroni.replica_status) = (200, 503);
                let postgresql = self.postgresql.get_or_insert_default();
                postgresql.data_dir_in_use = true;
                postgresql.answers = true;
                let new = || Some(NEW_DATABASE.to_owned());
                postgresql.system_identifier = postgresql.system_identifier.take().or_else(new);
            }
            Condition::PatroniReplica { url, .. } => {
                let patroni = self.patroni.get_or_insert_default();
                patroni.url.clone_from(url);
                (patroni.primary_status, patroni.replica_status) = (503, 200);
                self.postgresql.get_or_insert_default().data_dir_in_use = true;
            }
            Condition::PatroniMember { url } | Condition::PatroniReloaded { url, .. } => {
                if let Some(patroni) = &mut self.patroni {
                    patroni.url.clone_from(url);
                }
            }
            Condition::HaproxyServers { .. }
            | Condition::HaproxyLeader { .. }
            | Condition::VipHeld { .. } => {}
        }
    }
}
