//! What is sent to a node's shell, around a script.
//!
//! The command line is a constant that every login shell understands (sh, bash, dash, zsh, csh,
//! fish); all else goes on stdin:
//!
//! ```text
//! line 1     as the login user: become root, directly or by sudo
//! password   only with a sudo password; held back from nobody but the log
//! line 2     as root: environment, deadline
//! the rest   one compound command, `{ … }`, read to its end before anything of it runs
//! ```
//!
//! The rest is read by `eval "$(cat)"` and not by `sh -s`: bash reads a script on a pipe byte by
//! byte (1.4 s for 5 MB against 0.1 s), and nothing is left on stdin that a command could eat.
//! A connection that is cut leaves an unclosed brace, which is a syntax error: half a script
//! never runs.
//!
//! Where the script has an input, it is one line, as base64, and its input follows on stdin: the
//! shell's `read` takes no byte beyond its line, and runs nothing of a line without an end.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::command::{Command, Effect};
use crate::secret::Secret;

/// The command line. Its last word is `$0` of the shell: the name in `ps` and in its complaints.
pub(super) const LOGIN: &str = "sh -c 'IFS= read -r l; eval \"$l\"' mahout";

/// How long a read-only script that ignores SIGTERM lives on, in seconds.
const GRACE: u64 = 5;

/// One execution, ready to be written to the shell's stdin.
pub(super) struct Wire {
    /// What is written at once.
    pub(super) head: String,
    /// What is written after `head`; with a sudo password only when the node has said that it is
    /// ready, else sudo would take lines of the script for further attempts at the password.
    pub(super) body: String,
    /// Whether the node says that it is ready.
    pub(super) waits: bool,
}

impl Wire {
    /// Wraps `command`. `nonce` is a word that its output cannot hold by accident.
    pub(super) fn new(command: &Command, nonce: &str, sudo_password: Option<&Secret>) -> Self {
        let has_input = command.input.is_some();
        let root = as_root(command.effect, command.timeout, has_input);
        let stdin = if has_input { "" } else { "</dev/null" };
        let mut script = match command.effect {
            Effect::ReadOnly | Effect::Probe => ended(nonce, command.script.expose(), stdin),
            Effect::Changes => unstoppable(nonce, command.script.expose(), stdin),
        };
        if has_input {
            script = STANDARD.encode(script) + "\n";
        }
        match sudo_password {
            None => Self {
                head: become_root(nonce),
                body: format!("{root}\n{script}"),
                waits: false,
            },
            Some(password) => Self {
                head: format!(
                    "{}{}\n",
                    become_root_with_password(nonce),
                    password.expose()
                ),
                body: format!("{nonce} {root}\n{script}"),
                waits: true,
            },
        }
    }
}

/// Line 1: root reads on, another user asks sudo without a password. LC_ALL keeps sudo's
/// complaints in the language that we explain.
fn become_root(nonce: &str) -> String {
    let read = r#"IFS= read -r l; eval "$l""#;
    format!(
        "export LC_ALL=C; \
         if [ \"$(id -u)\" = 0 ]; then {read}; \
         elif command -v sudo >/dev/null 2>&1; then exec sudo -n -- sh -c '{read}' mahout; \
         else printf '\\n%s nosudo\\n' {nonce}; fi\n"
    )
}

/// Line 1 with a sudo password. sudo does not read it where none is needed (a root login,
/// NOPASSWD, a ticket that is still valid): the shell behind it passes over every line up to the
/// nonce, so that the password is never run as a command nor printed.
fn become_root_with_password(nonce: &str) -> String {
    let read = format!(
        "printf \"\\n%s ready\\n\" {nonce}; \
         while IFS= read -r l; do case $l in {nonce}*) eval \"${{l#{nonce} }}\"; exit;; esac; done"
    );
    format!(
        "export LC_ALL=C; \
         if [ \"$(id -u)\" = 0 ]; then {read}; \
         elif command -v sudo >/dev/null 2>&1; then exec sudo -S -p '' -- sh -c '{read}' mahout; \
         else printf '\\n%s nosudo\\n' {nonce}; fi\n"
    )
}

/// Line 2. A script that changes nothing is ended by the node itself, also when nobody is left
/// who could ask for that. GNU timeout (a file of its own; a link means a multi-call binary such
/// as busybox, whose timeout ends the shell only) ends the whole process group; else the shell
/// watches, and ends the group that setsid makes.
///
/// Whoever watches stops watching when the script's shell has ended. So that shell outlives
/// SIGTERM until what it waits for has ended, and takes the rest of the group with it.
fn as_root(effect: Effect, timeout: Duration, has_input: bool) -> String {
    let environment = "umask 022; export LC_ALL=C \
                       PATH=\"$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin\"";
    let rest = match has_input {
        false => r#"eval "$(cat)""#,
        true => r#"IFS= read -r l && eval "$(printf %s "$l" | base64 -d)""#,
    };
    if effect == Effect::Changes {
        return format!("{environment}; {rest}");
    }
    let rest = format!(r#"trap "kill -KILL 0" TERM; {rest}"#);
    let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
    let seconds = seconds.max(1);
    format!(
        "{environment}; \
         t=/usr/bin/timeout; \
         if [ -f $t ] && [ ! -L $t ]; then exec $t -k {GRACE} {seconds} sh -c '{rest}' mahout; fi; \
         exec 3<&0; \
         setsid sh -c '{rest}' mahout <&3 3<&- & p=$!; \
         exec 3<&-; \
         ( trap 'kill $s' TERM; sleep {seconds} & s=$!; \
         wait $s && {{ kill -TERM -$p; sleep {GRACE}; kill -KILL -$p; }} ) </dev/null >/dev/null 2>&1 & \
         w=$!; wait $p; kill $w"
    )
}

/// A script that its deadline may end at any point.
fn ended(nonce: &str, script: &str, stdin: &str) -> String {
    let mut text = String::with_capacity(script.len() + 256);
    let _ = write!(
        text,
        "{{\n\
         printf '\\n%s begin\\n' {nonce}\n\
         (\n{script}\n) {stdin}\n\
         printf '\\n%s end %d\\n' {nonce} $?\n\
         printf '\\n%s end\\n' {nonce} >&2\n\
         }}\n"
    );
    text
}

/// A script that runs to its end when we are gone: it does not hear SIGHUP, and its output goes
/// through a `cat` each, behind which a second one swallows what nobody reads any more. So no
/// `echo` of it fails, and pipes within it work as ever (an ignored SIGPIPE would break both).
fn unstoppable(nonce: &str, script: &str, stdin: &str) -> String {
    let mut text = String::with_capacity(script.len() + 512);
    let _ = write!(
        text,
        "{{\n\
         mahout_drain() {{ trap '' PIPE; cat 2>/dev/null; cat >/dev/null 2>&1; }}\n\
         trap '' HUP\n\
         printf '\\n%s begin\\n' {nonce}\n\
         {{ {{\n\
         (\n{script}\n) {stdin} 3>&-\n\
         printf '\\n%s end %d\\n' {nonce} $?\n\
         printf '\\n%s end\\n' {nonce} >&2\n\
         }} 2>&1 >&3 | mahout_drain >&2 3>&-; }} 3>&1 | mahout_drain\n\
         }}\n"
    );
    text
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
