//! Scripts: shell functions from `shell/`, and the calls of them.
//!
//! The functions stand in files of their own, so that a shell checker can read them; which a
//! script needs is said here. What a script tells mahout stands in lines that begin with a mark
//! that only this execution knows (`mark` in `shell/common.sh`), among the output of the steps.

use std::time::Duration;

use crate::secret::Secret;
use crate::transport::{Command, Effect};

/// A file of shell functions.
#[derive(Debug)]
pub(super) struct Library {
    text: &'static str,
    needs: &'static [&'static Library],
}

macro_rules! library {
    ($name:ident, $file:literal, [$($needs:ident),*]) => {
        pub(super) static $name: Library = Library {
            text: include_str!(concat!("shell/", $file, ".sh")),
            needs: &[$(&$needs),*],
        };
    };
}

library!(COMMON, "common", []);
library!(LOCK, "lock", [COMMON]);
library!(ACQUIRE, "acquire", [LOCK]);
library!(RUN, "run", [LOCK]);
library!(CHECK, "check", [COMMON]);
library!(FILE, "file", [CHECK]);
library!(DEBIAN, "debian", [COMMON]);
library!(ENTERPRISE_LINUX, "enterprise_linux", [COMMON]);
library!(RELAY, "relay", [DEBIAN, ENTERPRISE_LINUX]);
library!(UNIT, "unit", [COMMON]);
library!(KERNEL, "kernel", [COMMON]);
library!(FIREWALL, "firewall", [COMMON]);
library!(SELINUX, "selinux", [FILE]);
library!(HTTP, "http", [COMMON]);
library!(PATRONI, "patroni", [HTTP]);
library!(RESTART, "restart", [PATRONI, UNIT]);
library!(ETCD, "etcd", [HTTP]);
library!(CARE, "care", [PATRONI, UNIT]);
library!(GATE, "gate", [PATRONI]);
library!(GUARD, "guard", [HTTP]);
library!(EVIDENCE, "evidence", [HTTP]);

/// A script in the making.
#[derive(Debug)]
pub(super) struct Script {
    nonce: String,
    libraries: Vec<&'static Library>,
    body: String,
}

impl Script {
    pub(super) fn new() -> Self {
        Self {
            nonce: random_word(),
            libraries: Vec::new(),
            body: String::new(),
        }
    }

    /// Makes the functions of `library` known, and those that it builds on.
    pub(super) fn with(&mut self, library: &'static Library) -> &mut Self {
        for needed in library.needs {
            self.with(needed);
        }
        if !self
            .libraries
            .iter()
            .any(|known| std::ptr::eq(*known, library))
        {
            self.libraries.push(library);
        }
        self
    }

    /// Adds a line, or several.
    pub(super) fn line(&mut self, text: &str) -> &mut Self {
        self.body.push_str(text);
        self.body.push('\n');
        self
    }

    /// How to tell the script's own lines in its output.
    pub(super) fn marks(&self) -> Marks {
        Marks(format!("@mahout-{} ", self.nonce))
    }

    /// The command that runs it.
    pub(super) fn command(&self, title: String, effect: Effect, timeout: Duration) -> Command {
        let mut text = format!("exec 2>&1\nmahout=@mahout-{}\n", self.nonce);
        for library in &self.libraries {
            text.push_str(library.text);
        }
        text.push_str(&self.body);
        Command {
            title,
            script: Secret::new(text),
            input: None,
            keeps_stdout: true,
            effect,
            timeout,
        }
    }
}

/// Tells the lines of a script's own from the output of its steps.
#[derive(Clone, Debug)]
pub(super) struct Marks(String);

/// A line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Output of a step.
    Output(&'a str),
    /// What `mark WORD TEXT` printed, and what stood before it where a step's last line had no
    /// end.
    Mark {
        before: &'a str,
        word: &'a str,
        text: &'a str,
    },
}

impl Marks {
    pub(super) fn read<'a>(&self, line: &'a str) -> Line<'a> {
        let Some((before, rest)) = line.split_once(self.0.as_str()) else {
            return Line::Output(line);
        };
        let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
        Line::Mark { before, word, text }
    }
}

/// 128 random bits as a word: nobody's output holds it by accident or on purpose.
pub(super) fn random_word() -> String {
    let bytes = random_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 128 random bits.
pub(super) fn random_bytes() -> [u8; 16] {
    let mut bytes = [0_u8; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // No source of chance on this machine: unlikely enough will do. A word keeps nobody out,
        // it only tells lines and runs apart; a salt is to be another one each time.
        let now = std::time::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default()
            .as_nanos();
        let seed = now ^ (u128::from(std::process::id()) << 96);
        bytes = seed.to_le_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_come_once_and_after_what_they_build_on() {
        let mut script = Script::new();
        script.with(&GATE).with(&GUARD);
        let names: Vec<*const Library> = script.libraries.iter().map(|l| *l as *const _).collect();
        let expected: [*const Library; 5] = [&COMMON, &HTTP, &PATRONI, &GATE, &GUARD];
        assert_eq!(names, expected);
    }

    #[test]
    fn marks_are_told_from_output_that_looks_like_them() {
        let marks = Marks("@mahout-17 ".to_owned());
        assert_eq!(
            marks.read("@mahout-16 ok 1"),
            Line::Output("@mahout-16 ok 1")
        );
        assert_eq!(
            marks.read("no newline@mahout-17 fail 3 1"),
            Line::Mark {
                before: "no newline",
                word: "fail",
                text: "3 1"
            }
        );
        assert_eq!(
            marks.read("@mahout-17 lost"),
            Line::Mark {
                before: "",
                word: "lost",
                text: ""
            }
        );
    }

    #[test]
    fn every_function_file_is_understood_by_every_shell() {
        let all = [
            &RUN,
            &ACQUIRE,
            &FILE,
            &DEBIAN,
            &ENTERPRISE_LINUX,
            &RELAY,
            &UNIT,
            &KERNEL,
            &FIREWALL,
            &SELINUX,
            &RESTART,
            &ETCD,
            &CARE,
            &GATE,
            &GUARD,
            &EVIDENCE,
        ];
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let mut script = Script::new();
            for library in all {
                script.with(library);
            }
            let command = script.command(String::new(), Effect::ReadOnly, Duration::ZERO);
            let checked = std::process::Command::new(shell[0])
                .args(&shell[1..])
                .args(["-n", "-c", command.script.expose()])
                .output();
            match checked {
                Ok(output) => assert!(
                    output.status.success(),
                    "{shell:?}: {}",
                    String::from_utf8_lossy(&output.stderr)
                ),
                // dash and bash are everywhere where these tests run; busybox need not be.
                Err(_) => assert_eq!(shell[0], "busybox"),
            }
        }
    }
}
