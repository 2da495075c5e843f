//! What `ssh` says when it cannot connect, in our words: cause, and what helps.
//!
//! The signs are those of OpenSSH 7.6 to 10.2, read from records made with LogLevel=DEBUG1.

use std::time::Duration;

use super::fault::Fault;

/// Names the cause of a connection that failed. `log` is what ssh wrote.
pub(super) fn explain(log: &str) -> Fault {
    let log = Log::new(log);
    let fault = host_key(&log)
        .or_else(|| login(&log))
        .or_else(|| network(&log))
        .unwrap_or_else(|| last_words(&log));
    if log.failed_at_jump_host() {
        Fault {
            cause: format!("at the jump host: {}", fault.cause),
            ..fault
        }
    } else {
        fault
    }
}

/// What to look at where the jump host answers and the node behind it does not.
const BEHIND: &str = "does sshd run on the node, and is the jump host let in? too many logins under \
                      way there (MaxStartups) look the same";

/// As [`explain`], of a connection through one to a jump host that is alive. Where it has a
/// background to go to, ssh drops what is said on that way.
pub(super) fn explain_behind(log: &str) -> Fault {
    match explain(log) {
        fault if fault.passes => Fault {
            cause: "at the jump host: cannot reach the node from there".to_owned(),
            hint: Some(BEHIND.to_owned()),
            passes: true,
        },
        fault => fault,
    }
}

/// Names the cause of a connection that we gave up after `time`.
pub(super) fn timed_out(log: &str, time: Duration) -> Fault {
    let log = Log::new(log);
    let time = format!("within {} s", time.as_secs_f64());
    if log.debug("Authenticating to ").is_some() {
        Fault::new(format!("it answered, but did not let us in {time}"))
            .hint("a name server that does not answer sshd on the node is a common cause")
    } else if log.debug("Connection established").is_some() {
        Fault::new(format!(
            "{} accepts, but does not speak SSH {time}",
            log.address()
        ))
    } else if log.is_through_proxy() {
        Fault::new(format!("no answer through the jump host {time}"))
    } else {
        no_answer(&log, &time)
    }
}

/// What ssh makes of the host key that it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Unknown,
    /// Another is recorded at this `FILE:LINE`.
    Changed(String),
    Revoked,
}

/// Algorithm and fingerprint of the host key that the node has shown.
pub(super) fn host_key_shown(log: &str) -> Option<(&str, &str)> {
    let (algorithm, fingerprint) = Log::new(log).debug("Server host key: ")?.split_once(' ')?;
    Some((algorithm, fingerprint.trim()))
}

/// What ssh made of it.
pub(super) fn host_key_verdict(log: &str) -> Verdict {
    let log = Log::new(log);
    if log.says("REVOKED HOST KEY").is_some() {
        Verdict::Revoked
    } else if let Some(place) = log.offending_key() {
        Verdict::Changed(place.to_owned())
    } else if log.says("host key is known for").is_some() {
        Verdict::Unknown
    } else {
        Verdict::Accepted
    }
}

fn no_answer(log: &Log<'_>, time: &str) -> Fault {
    Fault::new(format!("no answer from {} {time}", log.address()))
        .hint("is the node up, and does no firewall drop SSH on the way?")
}

fn host_key(log: &Log<'_>) -> Option<Fault> {
    let shown = log
        .debug("Server host key: ")
        .unwrap_or("a key that ssh does not name");
    if let Some(place) = log.offending_key() {
        if log.says("REVOKED HOST KEY").is_some() {
            return Some(Fault::new(format!(
                "its host key {shown} is revoked by {place}"
            )));
        }
        let remove = log.says("ssh-keygen -f ").unwrap_or("ssh-keygen -R NODE");
        return Some(
            Fault::new(format!("its host key has changed: {place} holds another than {shown}"))
                .hint(format!(
                    "if the node was installed anew, run `{remove}` and `mahout trust`; if not, somebody may stand between you and it"
                )),
        );
    }
    if log.says("REVOKED HOST KEY").is_some() {
        return Some(Fault::new(format!("its host key {shown} is revoked")));
    }
    if log.says("host key is known for").is_some() {
        return Some(
            Fault::new(format!("its host key is unknown: {shown}"))
                .hint("`mahout trust` shows it and, if you agree, records it"),
        );
    }
    log.says("Host key verification failed").map(|_| {
        Fault::new("its host key is unknown or has changed")
            .hint("log in there once by `ssh` and check its key")
    })
}

fn login(log: &Log<'_>) -> Option<Fault> {
    if log.says("Too many authentication failures").is_some() {
        return Some(
            Fault::new("too many keys were offered before the right one")
                .hint("name it as `ssh.identity_file`"),
        );
    }
    let denied = log.says("Permission denied (")?;
    let user = denied.split('@').next().unwrap_or_default();
    let methods = denied
        .split_once("Permission denied (")
        .map_or("", |(_, methods)| methods.trim_end_matches([')', '.']));
    let mut fault = Fault::new(format!("permission denied for `{user}` ({methods})"));
    if log.failed_at_jump_host() {
        return Some(
            fault.hint("try `ssh` to the jump host; its key comes from the agent or ~/.ssh/config"),
        );
    }
    if let Some(accepted) = log.debug("Server accepts key: ") {
        let key = accepted.split(' ').next().unwrap_or_default();
        fault.cause =
            format!("the key {key} would be let in, but it is encrypted and no agent holds it");
        return Some(fault.hint(format!("`ssh-add {key}`")));
    }
    if !methods.split(',').any(|method| method == "publickey") {
        return Some(fault.hint("sshd there takes no keys; mahout logs in by key only"));
    }
    let offered: Vec<String> = log.all("Offering public key: ").map(key_in_words).collect();
    Some(if offered.is_empty() {
        fault
            .hint("no key was offered: name one as `ssh.identity_file`, or load one into the agent")
    } else {
        fault.hint(format!(
            "offered: {}; is one of them in ~{user}/.ssh/authorized_keys on the node?",
            offered.join(", ")
        ))
    })
}

/// `/home/me/.ssh/id ED25519 SHA256:… explicit agent`, shortened.
fn key_in_words(line: &str) -> String {
    let mut words = line.split(' ');
    let path = words.next().unwrap_or_default();
    match words.next_back() {
        Some("agent") => format!("{path} (from the agent)"),
        _ => path.to_owned(),
    }
}

fn network(log: &Log<'_>) -> Option<Fault> {
    if let Some(line) = log.says("Could not resolve hostname ") {
        let (what, why) = line.split_once(": ").unwrap_or((line, ""));
        let name = what.rsplit(' ').next().unwrap_or_default();
        return Some(match why {
            why if why.contains("Temporary") => {
                Fault::new(format!("the name `{name}` cannot be resolved: {why}"))
                    .hint("does this machine's name server answer?")
            }
            _ => Fault::new(format!("unknown host name `{name}`")),
        });
    }
    if let Some(line) = log.says("open failed: ") {
        let why = line.rsplit(": ").next().unwrap_or_default();
        return Some(Fault::new(format!(
            "cannot reach the node from there: {why}"
        )));
    }
    // So says the connection to the jump host, and no more.
    if log.says("forwarding request failed").is_some() {
        return Some(Fault::new("cannot reach the node from there").hint(BEHIND));
    }
    if log.says("Connection refused").is_some() {
        return Some(
            Fault::new(format!("connection refused by {}", log.address()))
                .hint("does sshd run there, on that port?"),
        );
    }
    for sign in ["No route to host", "Network is unreachable"] {
        if log.says(sign).is_some() {
            return Some(Fault::new(format!(
                "{} to {}",
                sign.to_lowercase(),
                log.address()
            )));
        }
    }
    for sign in ["timed out during banner exchange", "port 65535 timed out"] {
        if log.says(sign).is_some() {
            return Some(Fault::new(format!(
                "{} accepts, but does not speak SSH",
                log.address()
            )));
        }
    }
    if log.says("timed out").is_some() {
        return Some(no_answer(log, "in time"));
    }
    if log.says("Not allowed at this time").is_some() {
        return Some(
            Fault::new("sshd there blocks this machine for a while (PerSourcePenalties)")
                .hint("wait for some minutes; failed logins lengthen the block"),
        );
    }
    let dropped = [
        "kex_exchange_identification",
        "Connection reset by",
        "Connection closed by",
    ];
    dropped
        .iter()
        .find_map(|sign| log.says(sign))
        .map(|line| {
            Fault {
        passes: true,
        ..Fault::new(format!("the connection was dropped before the login: {line}")).hint(
            "sshd there may have too many logins under way (MaxStartups), or block this machine",
        )
    }
        })
}

fn last_words(log: &Log<'_>) -> Fault {
    match log.spoken.last() {
        Some(line) => Fault::new(format!("ssh: {line}")),
        None => Fault::new("ssh ended without a connection and said nothing"),
    }
}

/// What ssh wrote, its debug lines apart.
struct Log<'a> {
    spoken: Vec<&'a str>,
    debug: Vec<&'a str>,
}

impl<'a> Log<'a> {
    fn new(log: &'a str) -> Self {
        let mut parted = Self {
            spoken: Vec::new(),
            debug: Vec::new(),
        };
        for line in log.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.strip_prefix("debug1: ") {
                Some(line) => parted.debug.push(line),
                None => parted
                    .spoken
                    .push(line.strip_prefix("ssh: ").unwrap_or(line)),
            }
        }
        parted
    }

    /// The first line for people that holds `sign`.
    fn says(&self, sign: &str) -> Option<&'a str> {
        self.spoken.iter().find(|line| line.contains(sign)).copied()
    }

    /// What follows `sign` in each debug line that begins with it.
    fn all(&self, sign: &'a str) -> impl Iterator<Item = &'a str> {
        self.debug
            .iter()
            .filter_map(move |line| line.strip_prefix(sign))
    }

    fn debug(&self, sign: &'a str) -> Option<&'a str> {
        self.all(sign).last()
    }

    fn is_through_proxy(&self) -> bool {
        self.debug("Executing proxy command").is_some()
    }

    /// The node itself has not answered: what is said, the jump host's ssh says.
    fn failed_at_jump_host(&self) -> bool {
        self.is_through_proxy() && self.debug("Authenticating to ").is_none()
    }

    /// Whom ssh last tried: `10.0.0.1 port 22`.
    fn address(&self) -> String {
        match self.debug("Connecting to ") {
            Some(line) => {
                let line = line.trim_end_matches('.');
                match line.split_once(" [").and_then(|(name, rest)| {
                    let (address, port) = rest.split_once(']')?;
                    Some((name, address, port))
                }) {
                    Some((name, address, port)) if name == address => format!("{name}{port}"),
                    _ => line.to_owned(),
                }
            }
            None if self.is_through_proxy() => "it".to_owned(),
            None => "the node".to_owned(),
        }
    }

    /// `FILE:LINE` of the recorded key that the shown one contradicts.
    fn offending_key(&self) -> Option<&'a str> {
        let line = self.says("Offending ")?;
        line.split_once(" key in ").map(|(_, place)| place)
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
