//! The key file that the inventory names, looked at before anybody connects: ssh itself says
//! `Permission denied (publickey)` to a missing, an unreadable and an encrypted one alike.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::fault::Fault;
use super::ssh::{self, ASK};
use crate::cluster::SshSpec;

/// The key files that were looked at, each once.
#[derive(Debug, Default)]
pub(super) struct Identities(Mutex<BTreeMap<PathBuf, Arc<Verdict>>>);

type Verdict = OnceCell<Result<(), Fault>>;

impl Identities {
    /// Looks at the key file of `spec`, if it names one.
    pub(super) async fn check(&self, spec: &SshSpec) -> Result<(), Fault> {
        let Some(path) = &spec.identity_file else {
            return Ok(());
        };
        let verdict = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(path.clone()).or_default())
        };
        verdict.get_or_init(|| check(path, spec)).await.clone()
    }
}

async fn check(path: &Path, spec: &SshSpec) -> Result<(), Fault> {
    let shown = path.display();
    let text = match read_beginning(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Fault::new(format!("the key file {shown} does not exist"))
                .hint("correct `ssh.identity_file`, or leave it out to use ~/.ssh/config and the agent"));
        }
        Err(error) => {
            return Err(Fault::new(format!(
                "the key file {shown} cannot be read: {error}"
            )));
        }
    };
    if is_public_key(&text) {
        // ssh then asks the agent for the private half.
        return held_by_agent(path, spec, "is a public key").await;
    }
    if let Some(mode) = too_open(path) {
        return Err(Fault::new(format!(
            "the key file {shown} has mode {mode:04o}: ssh ignores a key that others can read"
        ))
        .hint(format!("`chmod 600 {shown}`")));
    }
    let file = path.as_os_str();
    let said = ssh::ask(
        "ssh-keygen",
        [
            "-y".as_ref(),
            "-P".as_ref(),
            "".as_ref(),
            "-f".as_ref(),
            file,
        ],
        ASK,
    )
    .await?;
    if said.success {
        Ok(())
    } else if said.stderr.contains("passphrase") {
        held_by_agent(path, spec, "is encrypted").await
    } else {
        let why = said
            .stderr
            .trim()
            .rsplit(": ")
            .next()
            .unwrap_or_default()
            .to_owned();
        Err(Fault::new(format!(
            "{shown} is not a private key that ssh understands: {why}"
        )))
    }
}

fn read_beginning(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut text)?;
    Ok(text)
}

fn is_public_key(text: &[u8]) -> bool {
    ["ssh-", "ecdsa-", "sk-"]
        .iter()
        .any(|kind| text.starts_with(kind.as_bytes()))
}

/// The mode, where ssh would refuse it: only of a file that is ours, as ssh does.
fn too_open(path: &Path) -> Option<u32> {
    let found = std::fs::metadata(path).ok()?;
    let ours = found.uid() == rustix::process::getuid().as_raw();
    (ours && found.mode() & 0o077 != 0).then_some(found.mode() & 0o7777)
}

async fn held_by_agent(path: &Path, spec: &SshSpec, what: &str) -> Result<(), Fault> {
    let shown = path.display();
    let said = ssh::ask(
        "ssh-keygen",
        ["-l".as_ref(), "-f".as_ref(), path.as_os_str()],
        ASK,
    )
    .await?;
    let fingerprint = said
        .stdout
        .split(' ')
        .find(|word| word.starts_with("SHA256:"));
    let Some(fingerprint) = fingerprint else {
        return Err(Fault::new(format!(
            "the key file {shown} {what}, and its public half is not beside it, so that the agent cannot be asked for it"
        ))
        .hint(format!("`ssh-keygen -y -f {shown} > {shown}.pub`")));
    };
    let mut problem = match list(None, fingerprint).await? {
        Agent::Holds => return Ok(()),
        Agent::Lacks => "the agent does not hold it",
        Agent::Missing => "no agent runs",
    };
    let configured = ssh::effective(spec).await?.remove("identityagent");
    if let Some(socket) = configured.filter(|name| name != "SSH_AUTH_SOCK" && name != "none") {
        problem = match list(Some(&socket), fingerprint).await? {
            Agent::Holds => return Ok(()),
            Agent::Lacks => "the agent does not hold it",
            Agent::Missing => "the agent of ~/.ssh/config does not run",
        };
    }
    Err(
        Fault::new(format!("the key file {shown} {what}, and {problem}")).hint(format!(
            "`eval $(ssh-agent)` where none runs, then `ssh-add {shown}`"
        )),
    )
}

enum Agent {
    Holds,
    Lacks,
    Missing,
}

/// Asks the agent at `socket`, else the user's own.
async fn list(socket: Option<&str>, fingerprint: &str) -> Result<Agent, Fault> {
    let mut command = ssh::quiet("ssh-add");
    command.arg("-l").stdout(std::process::Stdio::piped());
    if let Some(socket) = socket {
        let home = std::env::var("HOME").unwrap_or_default();
        let socket = match socket.strip_prefix("~/") {
            Some(rest) => format!("{home}/{rest}"),
            None => socket.to_owned(),
        };
        command.env("SSH_AUTH_SOCK", socket);
    }
    let Ok(output) = tokio::time::timeout(ASK, command.output()).await else {
        return Err(Fault::new("the SSH agent does not answer"));
    };
    let output = output.map_err(|error| ssh::not_started("ssh-add", &error))?;
    let keys = String::from_utf8_lossy(&output.stdout);
    Ok(if keys.split_whitespace().any(|word| word == fingerprint) {
        Agent::Holds
    } else if output.status.code() == Some(2) {
        Agent::Missing
    } else {
        Agent::Lacks
    })
}
