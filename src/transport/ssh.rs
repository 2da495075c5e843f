//! The command line of `ssh`: the user's own configuration, what the inventory says on top of
//! it, and what we never leave to either.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::fault::Fault;
use crate::cluster::SshSpec;

/// How long a tool that asks nobody may take: an agent that hangs must not hang us.
pub(super) const ASK: Duration = Duration::from_secs(5);

/// What holds for every connection, whatever `~/.ssh/config` says. `known_hosts` is the user's:
/// only `mahout trust` writes to it. DEBUG1 is for us, to say which keys were offered; a person
/// never sees it.
///
/// A peer that is gone is noticed after twelve seconds of silence: ssh asks after three, and gives
/// up where it would ask for the fourth time. That is before Patroni's `ttl` (30 s) is over and the
/// cluster moves on without it. It is not less, for a node that is only slow must not be lost: under
/// load its sshd answers late, the machine below it may be moved, and TCP, after six seconds
/// without a network, tries again only at the ninth.
const ALWAYS: [&str; 13] = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ServerAliveInterval=3",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "RequestTTY=no",
    "RemoteCommand=none",
    "VisualHostKey=no",
    "EscapeChar=none",
    "LogLevel=DEBUG1",
];

/// The arguments of `ssh` for the connection that `spec` describes; `own` are the caller's, which
/// win over all others; one that leads to the node takes the place of its jump hosts.
pub(super) fn arguments(spec: &SshSpec, own: &[OsString]) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut add = |flag: &str, value: OsString| all.extend([OsString::from(flag), value]);
    if let Some(file) = &spec.config_file {
        add("-F", file.into());
    }
    for option in own {
        add("-o", option.clone());
    }
    for option in ALWAYS {
        add("-o", option.into());
    }
    let timeout = seconds(spec.connect_timeout);
    add("-o", format!("ConnectTimeout={timeout}").into());
    if let Some(user) = &spec.user {
        add("-l", user.into());
    }
    if let Some(port) = spec.port {
        add("-p", port.to_string().into());
    }
    if let Some(file) = &spec.identity_file {
        add("-i", literal(file));
        // Else an agent with many keys uses up the server's attempts before this one's turn.
        add("-o", "IdentitiesOnly=yes".into());
    }
    if let Some(file) = &spec.known_hosts_file {
        add("-o", setting("UserKnownHostsFile", file));
    }
    let led = own
        .iter()
        .any(|option| option.as_bytes().starts_with(b"ProxyCommand="));
    if let Some(jump) = spec.proxy_jump.as_ref().filter(|_| !led) {
        add("-J", jump.into());
    }
    add("--", OsString::from(&spec.destination));
    all
}

/// A tool of OpenSSH's, which asks nothing: there are many of them at once, and the `ssh` of a
/// jump host does not know of our BatchMode. It has a process group of its own, so that Ctrl-C
/// reaches us and not it.
pub(super) fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .env("LC_ALL", "C")
        .env("SSH_ASKPASS_REQUIRE", "force");
    if std::env::var_os("SSH_ASKPASS").is_none() {
        command.env("SSH_ASKPASS", "false");
    }
    command
}

/// What a tool of OpenSSH's said.
pub(super) struct Said {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs `program` and waits for its end, at most for `limit`.
pub(super) async fn ask(
    program: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    limit: Duration,
) -> Result<Said, Fault> {
    let output = quiet(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .output();
    match tokio::time::timeout(limit, output).await {
        Ok(Ok(output)) => Ok(Said {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }),
        Ok(Err(error)) => Err(not_started(program, &error)),
        Err(_) => Err(Fault::new(format!("`{program}` does not come to an end"))),
    }
}

/// The settings that `ssh` would use (`ssh -G`), by lower-case keyword; the first where one
/// occurs more than once.
pub(super) async fn effective(spec: &SshSpec) -> Result<BTreeMap<String, String>, Fault> {
    let mut all = vec![OsString::from("-G")];
    all.extend(arguments(spec, &[]));
    let said = ask("ssh", all, ASK).await?;
    if !said.success {
        return Err(Fault::new(format!("ssh: {}", said.stderr.trim())));
    }
    let mut settings = BTreeMap::new();
    for (key, value) in said.stdout.lines().filter_map(|line| line.split_once(' ')) {
        settings
            .entry(key.to_owned())
            .or_insert_with(|| value.to_owned());
    }
    Ok(settings)
}

/// Why `program` could not be started.
pub(super) fn not_started(program: &str, error: &std::io::Error) -> Fault {
    Fault::new(format!("cannot run `{program}` here: {error}"))
        .hint("install the OpenSSH client (Debian: openssh-client, EL: openssh-clients)")
}

/// `key=path` for `-o`: a path may hold spaces, and `%` begins a token there.
pub(super) fn setting(key: &str, path: &Path) -> OsString {
    let mut text = OsString::from(format!("{key}=\""));
    text.push(literal(path));
    text.push("\"");
    text
}

/// A path of which ssh expands nothing.
pub(super) fn literal(path: &Path) -> OsString {
    let mut bytes = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        if *byte == b'%' {
            bytes.push(*byte);
        }
        bytes.push(*byte);
    }
    OsString::from_vec(bytes)
}

/// Whole seconds, at least one: ssh knows no parts of them, and zero means "for ever".
pub(super) fn seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_expands_nothing_in_our_paths() {
        let path = Path::new("/home/a b/100%/known_hosts");
        assert_eq!(
            setting("UserKnownHostsFile", path),
            "UserKnownHostsFile=\"/home/a b/100%%/known_hosts\""
        );
    }
}
