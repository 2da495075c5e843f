//! Host keys: what a node shows, whether ssh knows it, and how it is recorded.
//!
//! ssh itself is asked, not ssh-keyscan: only ssh knows under which name it will look the key up
//! (`HostName`, `HostKeyAlias`, port), goes through a jump host, and honours certificate
//! authorities, `@revoked` and every other file of known hosts. Nobody logs in for it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::TransportError;
use super::explain;
use super::fault::Fault;
use super::folder::{self, Folder};
use super::ssh;
use crate::cluster::{Node, SshSpec};

/// What ssh makes of a host key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is recorded, or vouched for by a certificate authority.
    Known,
    /// Nothing is recorded for the node.
    New,
    /// Another key is recorded, at this `FILE:LINE`.
    Changed(String),
}

/// The host key that a node shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    /// Its algorithm: `ssh-ed25519`.
    pub algorithm: String,
    /// Its fingerprint: `SHA256:…`.
    pub fingerprint: String,
    /// The line for known_hosts (hashed, where the user's `HashKnownHosts` says so); empty unless
    /// the key is new.
    pub line: String,
    /// Whether ssh knows it.
    pub known: Known,
}

/// Asks `node` for its host key, and ssh for what it makes of it.
///
/// # Errors
/// When the node, or its jump host, cannot be reached, or its key is revoked.
pub async fn scan(node: &Node) -> Result<HostKey, TransportError> {
    look(&node.ssh).await.map_err(|fault| fault.at(&node.name))
}

/// Records `key` for `node`, after a person has agreed to it. What is known is left alone.
///
/// # Errors
/// When another key is recorded for the node (it is never replaced), or the file cannot be
/// written.
pub async fn record(node: &Node, key: &HostKey) -> Result<(), TransportError> {
    let recorded = match &key.known {
        Known::Known => Ok(()),
        Known::Changed(place) => Err(Fault::new(format!(
            "its host key has changed: {place} holds another than {} {}",
            key.algorithm, key.fingerprint
        ))
        .hint("remove that line by hand if the node was installed anew")),
        Known::New => add(&node.ssh, &key.line).await,
    };
    recorded.map_err(|fault| fault.at(&node.name))
}

async fn look(spec: &SshSpec) -> Result<HostKey, Fault> {
    let log = knock(spec, &[]).await?;
    let shown = explain::host_key_shown(&log).map(|(algorithm, fingerprint)| HostKey {
        algorithm: algorithm.to_owned(),
        fingerprint: fingerprint.to_owned(),
        line: String::new(),
        known: Known::Known,
    });
    let Some(mut key) = shown else {
        return Err(explain::explain(&log));
    };
    match explain::host_key_verdict(&log) {
        explain::Verdict::Revoked => return Err(explain::explain(&log)),
        explain::Verdict::Accepted => {}
        explain::Verdict::Changed(place) => key.known = Known::Changed(place),
        explain::Verdict::Unknown => {
            key.known = Known::New;
            key.line = line(spec, &key).await?;
        }
    }
    Ok(key)
}

/// Goes as far as the host key, and no further: a method of login that no node grants.
async fn knock(spec: &SshSpec, own: &[OsString]) -> Result<String, Fault> {
    let mut all: Vec<OsString> = own.to_vec();
    all.push("PreferredAuthentications=none".into());
    all.push("ControlPath=none".into());
    let mut arguments = ssh::arguments(spec, &all);
    arguments.push("true".into());
    let limit = spec.connect_timeout + Duration::from_secs(1);
    Ok(ssh::ask("ssh", arguments, limit).await?.stderr)
}

/// The line that ssh itself would record for `key`.
async fn line(spec: &SshSpec, key: &HostKey) -> Result<String, Fault> {
    let file = Folder::open(None)?.file(&folder::word());
    let mut alone = spec.clone();
    alone.known_hosts_file = Some(file.clone());
    let log = knock(&alone, &["StrictHostKeyChecking=accept-new".into()]).await;
    let text = std::fs::read_to_string(&file);
    let _ = std::fs::remove_file(&file);
    let log = log?;
    if explain::host_key_shown(&log) != Some((&key.algorithm, &key.fingerprint)) {
        return Err(
            Fault::new("it shows another host key each time it is asked")
                .hint("does its address belong to more than one machine?"),
        );
    }
    match text {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        _ => Err(Fault::new("ssh has not recorded its host key")),
    }
}

async fn add(spec: &SshSpec, line: &str) -> Result<(), Fault> {
    let file = match &spec.known_hosts_file {
        Some(file) => file.clone(),
        None => own_file(spec).await?,
    };
    append(&file, line)
        .map_err(|error| Fault::new(format!("cannot write {}: {error}", file.display())))
}

/// The first of the user's files of known hosts.
async fn own_file(spec: &SshSpec) -> Result<PathBuf, Fault> {
    let files = ssh::effective(spec).await?.remove("userknownhostsfile");
    let first = files.as_deref().and_then(|files| files.split(' ').next());
    match first {
        Some(file) if Path::new(file).is_absolute() && file != "/dev/null" => Ok(file.into()),
        other => Err(Fault::new(format!(
            "host keys cannot be recorded in `{}`",
            other.unwrap_or("none")
        ))
        .hint("name a file as `ssh.known_hosts_file`")),
    }
}

/// Adds a line to a file that may be missing, or end without a newline.
fn append(file: &Path, line: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut open = OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .mode(0o600)
        .open(file)?;
    let mut last = [b'\n'];
    if open.metadata()?.len() > 0 {
        open.seek(SeekFrom::End(-1))?;
        open.read_exact(&mut last)?;
    }
    let before = if last == [b'\n'] { "" } else { "\n" };
    open.write_all(format!("{before}{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn a_line_is_added_to_a_missing_a_whole_and_an_open_ended_file() {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join(".ssh/known_hosts");
        append(&file, "a").expect("a new file");
        append(&file, "b").expect("a whole file");
        std::fs::write(&file, "a\nb").expect("written");
        append(&file, "c").expect("an open-ended file");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "a\nb\nc\n");
    }
}
