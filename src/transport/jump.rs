//! The way through a jump host (`ssh.proxy_jump`): one connection to it for all nodes behind it. A
//! login there for each node at once is more than an sshd accepts (MaxStartups); what goes through
//! one connection does not count in its MaxSessions either.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::fault::Fault;
use super::master::{Master, Masters};
use super::name::connection_name;
use super::ssh;
use crate::cluster::SshSpec;

/// How long the connection to a jump host outlives the last one through it: no node's is to be
/// found without it, and none is to stay for it.
const LINGER: Duration = Duration::from_secs(2);

/// The connections to jump hosts, by name. Whoever holds one makes it where it is missing.
#[derive(Debug, Default)]
pub(super) struct Jumps(Mutex<BTreeMap<String, Arc<Jump>>>);

type Jump = tokio::sync::Mutex<Option<Master>>;

impl Masters {
    /// What `ssh` is to be told so that it reaches the node of `spec` through its jump host.
    pub(super) async fn way(&self, spec: &SshSpec) -> Result<Option<OsString>, Fault> {
        let Some(jump) = jump_host(spec) else {
            return Ok(None);
        };
        let slot = {
            let mut all = self.jumps.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(connection_name(&jump)).or_default())
        };
        let mut held = slot.lock().await;
        if let Some(master) = held.as_ref()
            && master.is_alive().await
        {
            return Ok(Some(through(master)));
        }
        *held = None;
        // A jump host may be behind another one.
        let master = Box::pin(self.connect(&jump, false)).await;
        let master = master.map_err(|fault| Fault {
            cause: format!("at the jump host: {}", fault.cause),
            ..fault
        })?;
        Ok(Some(through(held.insert(master))))
    }
}

/// How the last of the jump hosts of `spec` is connected to: by what `~/.ssh/config` says of it,
/// through those before it.
fn jump_host(spec: &SshSpec) -> Option<SshSpec> {
    let hosts = spec.proxy_jump.as_deref().filter(|jump| *jump != "none")?;
    let (before, last) = match hosts.rsplit_once(',') {
        Some((before, last)) => (Some(before.to_owned()), last),
        None => (None, hosts),
    };
    Some(SshSpec {
        // With a port it is a destination only as an address of that kind.
        destination: match last.contains(':') && !last.starts_with("ssh://") {
            true => format!("ssh://{last}"),
            false => last.to_owned(),
        },
        user: None,
        port: None,
        identity_file: None,
        config_file: spec.config_file.clone(),
        known_hosts_file: None,
        proxy_jump: before,
        connect_timeout: spec.connect_timeout,
        persist: spec.persist.min(LINGER),
    })
}

/// `ssh` asks the connection's process alone: where that is gone, it does not connect by itself.
fn through(master: &Master) -> OsString {
    let mut option = OsString::from("ProxyCommand=ssh -F /dev/null -o ProxyCommand=false -S '");
    let socket = ssh::literal(master.socket());
    option.push(socket.to_string_lossy().replace('\'', r"'\''"));
    option.push("' -W '[%h]:%p' jump-host");
    option
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_jump_host_is_reached_through_those_before_it() {
        let mut spec = SshSpec {
            destination: "pg-1".to_owned(),
            user: Some("centos".to_owned()),
            port: Some(2222),
            identity_file: Some("/key".into()),
            config_file: Some("/config".into()),
            known_hosts_file: Some("/known".into()),
            proxy_jump: None,
            connect_timeout: Duration::from_secs(10),
            persist: Duration::from_secs(60),
        };
        assert_eq!(jump_host(&spec), None);
        spec.proxy_jump = Some("none".to_owned());
        assert_eq!(jump_host(&spec), None);
        spec.proxy_jump = Some("door,me@[fe80::1]:22".to_owned());
        let last = jump_host(&spec).expect("a jump host");
        assert_eq!(last.destination, "ssh://me@[fe80::1]:22");
        assert_eq!((last.user.as_ref(), last.port), (None, None));
        assert_eq!(last.identity_file, None);
        assert_eq!(last.config_file, spec.config_file);
        let first = jump_host(&last).expect("another");
        assert_eq!(first.destination, "door");
        assert_eq!(first.persist, LINGER);
        assert_eq!(jump_host(&first), None);
    }
}
