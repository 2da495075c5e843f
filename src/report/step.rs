//! One step for people: its sign, its words, its guard, what it changes.

use serde_json::{Map, Value};

use super::clean;
use super::diff::{self, Line, Sign};
use super::pem::readable;
use super::plan::Detail;
use crate::cluster::NodeName;
use crate::facts::FileFacts;
use crate::plan::{Action, EtcdChange, Guard, Step, UnitOperation};
use crate::render::File;
use crate::secret::Mask;

/// The column of a guard, counted from the sign of its step.
const GUARD: usize = 34;
/// Longer lists of packages and settings are broken.
const WIDTH: usize = 96;

/// What a step does to the things on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Something new.
    Create,
    /// Something there becomes other.
    Update,
    /// Something goes.
    Remove,
}

impl Change {
    fn sign(self) -> char {
        match self {
            Change::Create => '+',
            Change::Update => '~',
            Change::Remove => '-',
        }
    }

    /// The word for it in JSON.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Change::Create => "create",
            Change::Update => "update",
            Change::Remove => "remove",
        }
    }
}

/// Which of the three an action is.
pub(super) fn change(action: &Action) -> Change {
    match action {
        Action::InstallPackages { packages, .. } => {
            if packages.iter().all(|package| package.installed.is_some()) {
                Change::Update
            } else {
                Change::Create
            }
        }
        Action::WriteFile { before: None, .. }
        | Action::AddRepository { .. }
        | Action::Relay(_)
        | Action::CreateDirectory { .. }
        | Action::EnableWatchdog
        | Action::JoinEtcd { .. }
        | Action::CreateRole { .. } => Change::Create,
        Action::EtcdAccess { change, .. } => match change {
            EtcdChange::Role { .. } | EtcdChange::User { .. } | EtcdChange::RequireLogin => {
                Change::Create
            }
            EtcdChange::Password { .. } => Change::Update,
            EtcdChange::RemoveUser { .. } => Change::Remove,
        },
        Action::WriteFile { .. }
        | Action::RefreshPackageLists { .. }
        | Action::SetSysctl { .. }
        | Action::ReloadSystemd
        | Action::Firewall(_)
        | Action::Selinux(_)
        | Action::WakeLeader { .. }
        | Action::EtcdPeerUrl { .. }
        | Action::ReloadPatroni { .. }
        | Action::RestartPatroni { .. }
        | Action::RespawnPatroni
        | Action::Switchover { .. }
        | Action::Reinitialize { .. }
        | Action::ReplaceEtcdMember { .. }
        | Action::SurviveAlone { .. }
        | Action::KeepWalEnd { .. }
        | Action::SetPassword { .. }
        | Action::PatchDynamicConfiguration { .. } => Change::Update,
        Action::RemoveFile { .. }
        | Action::DisableModule { .. }
        | Action::MoveAside { .. }
        | Action::RemoveKeys { .. } => Change::Remove,
        Action::Systemd { operation, .. } => match operation {
            UnitOperation::Enable | UnitOperation::Start => Change::Create,
            UnitOperation::Restart | UnitOperation::Reload => Change::Update,
            UnitOperation::Disable | UnitOperation::Stop => Change::Remove,
        },
    }
}

/// A guard in words: `if leader is pg-1`.
pub(super) fn guard(guard: &Guard) -> String {
    match guard {
        Guard::LeaderIs { node, .. } => format!("if leader is {node}"),
        Guard::HandsOver {
            node, candidate, ..
        } => {
            let follower = candidate.as_ref().map_or("another", NodeName::as_str);
            format!("if leader is {node}, {follower} follows and nothing is paused")
        }
        Guard::EtcdQuorumWithout { node, .. } => format!("if etcd has quorum without {node}"),
        Guard::DataDirectoryEmpty { path } => format!("if {path} is empty"),
    }
}

/// The lines of a step, from its sign on.
pub(super) fn lines(step: &Step, detail: Detail, mask: &Mask) -> Vec<String> {
    let sign = change(&step.action).sign();
    let mut lines = wrapped(&clean(&mask.text(&step.action.title())));
    if let Some(first) = lines.first_mut() {
        *first = format!("{sign} {first}");
        if let Some(condition) = &step.guard {
            *first = format!("{:GUARD$}{}", format!("{first}  "), guard(condition));
        }
    }
    let inner = details(&step.action, detail, mask);
    lines.extend(
        inner
            .iter()
            .map(|line| format!("    {}", clean(&line.show("")))),
    );
    lines
}

/// Breaks a long line behind its commas.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in text.split_inclusive(", ") {
        let full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.len() + part.trim_end().len() > WIDTH);
        if full {
            lines.push("    ".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(part);
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// What an action changes, line by line.
pub(super) fn details(action: &Action, detail: Detail, mask: &Mask) -> Vec<Line> {
    match action {
        Action::WriteFile {
            before: Some(before),
            file,
        } => file_changes(before, file, mask),
        Action::WriteFile { before: None, file } if detail == Detail::Full => {
            let mut lines = vec![Line::new(Sign::Plus, attributes(file))];
            lines.extend(diff::created(&readable(file.content.expose()), mask));
            lines
        }
        Action::PatchDynamicConfiguration { before, patch, .. } => {
            let mut lines = Vec::new();
            key_changes("", before, patch, mask, &mut lines);
            lines
        }
        Action::CreateRole { options, .. } if detail == Detail::Full && !options.is_empty() => {
            vec![Line::new(Sign::Plus, options.join(" "))]
        }
        _ => Vec::new(),
    }
}

fn attributes(file: &File) -> String {
    format!(
        "(mode {:o}, owner {}:{})",
        file.mode, file.owner, file.group
    )
}

fn file_changes(before: &FileFacts, file: &File, mask: &Mask) -> Vec<Line> {
    let mut lines = Vec::new();
    let old = match &before.link {
        Some(target) => format!("(a symbolic link to {target})"),
        None => format!(
            "(mode {}, owner {}:{})",
            before.mode, before.owner, before.group
        ),
    };
    if old != attributes(file) {
        lines.push(Line::new(Sign::Minus, old));
        lines.push(Line::new(Sign::Plus, attributes(file)));
    }
    match &before.content {
        Some(content) => {
            let (before, after) = (readable(content.expose()), readable(file.content.expose()));
            lines.extend(diff::unified(&before, &after, mask));
        }
        None if before.sha256 == file.sha256() => {}
        None => lines.push(Line::new(
            Sign::Changed,
            "(the content on the node is not known here, only that it differs)",
        )),
    }
    lines
}

/// The difference of two configurations, one line a key with its whole path.
fn key_changes(
    path: &str,
    before: &Map<String, Value>,
    patch: &Map<String, Value>,
    mask: &Mask,
    lines: &mut Vec<Line>,
) {
    let empty = Map::new();
    for (key, wanted) in patch {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let old = before.get(key);
        if let Value::Object(inner) = wanted
            && old.is_none_or(Value::is_object)
        {
            let old = old.and_then(Value::as_object).unwrap_or(&empty);
            key_changes(&path, old, inner, mask, lines);
            continue;
        }
        let masked = |value: &Value| {
            let value = match value {
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            mask.text(&format!("{path}: {value}"))
        };
        let old = old
            .filter(|value| !value.is_null())
            .map(|value| (value, masked(value)));
        let new = (!wanted.is_null()).then(|| masked(wanted));
        if let (Some((value, old)), Some(new)) = (&old, &new)
            && old == new
            && *value != wanted
        {
            let text = old.replacen(crate::secret::mask::MASKED, "(secret, changed)", 1);
            lines.push(Line::new(Sign::Changed, text));
            continue;
        }
        lines.extend(old.map(|(_, text)| Line::new(Sign::Minus, text)));
        lines.extend(new.map(|text| Line::new(Sign::Plus, text)));
    }
}
