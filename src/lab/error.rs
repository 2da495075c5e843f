//! Why the lab could not do what it was asked.

use std::io;
use std::path::{Path, PathBuf};

/// Why the lab could not do what it was asked. [`LabError::hint`] says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Mounts, bridges and cgroups need root.
    #[error("the lab needs root: it mounts file systems, makes a bridge and boots nodes")]
    NotRoot,
    /// Programs that the lab runs are not there.
    #[error("missing Debian packages: {}", .0.join(", "))]
    MissingPackages(Vec<&'static str>),
    /// A name, a count or a subnet that the lab cannot use.
    #[error("{0}")]
    Refused(String),
    /// apt of this machine names no archive that carries Debian.
    #[error("apt of this machine has no source of Debian's `{0}`, so no node can be made from it")]
    NoSources(String),
    /// No lab of that name.
    #[error("there is no lab `{name}`{}", there_is(.known))]
    UnknownLab {
        /// The name asked for.
        name: String,
        /// The labs that there are.
        known: Vec<String>,
    },
    /// The lab has no node of that name.
    #[error("lab `{lab}` has no node `{node}`{}", there_is(.known))]
    UnknownNode {
        /// The lab.
        lab: String,
        /// The name asked for.
        node: String,
        /// The nodes that it has.
        known: Vec<String>,
    },
    /// A lab of that name exists and is another than the one asked for.
    #[error("lab `{name}` exists with {has}, not {asked}")]
    Different {
        /// The lab.
        name: String,
        /// What it is made of.
        has: String,
        /// What was asked for.
        asked: String,
    },
    /// `lab up` of this lab did not run to its end.
    #[error("lab `{0}` is not whole: an earlier `lab up` did not run to its end")]
    HalfMade(String),
    /// The node is powered off.
    #[error("{node}: is powered off")]
    PoweredOff {
        /// The lab.
        lab: String,
        /// The node.
        node: String,
    },
    /// The node did not come up.
    #[error("{node}: {cause}{}", tail(.console))]
    Boot {
        /// The node.
        node: String,
        /// In words.
        cause: String,
        /// The last lines of its console.
        console: String,
    },
    /// The kernel has no room for that many more nodes.
    #[error(
        "{nodes} more nodes need {needed} inotify instances, and this machine has {free} left of \
         the {limit} that one user may have (fs.inotify.max_user_instances)"
    )]
    Inotify {
        /// How many nodes were to be booted.
        nodes: usize,
        /// How many instances they need.
        needed: usize,
        /// How many there are.
        free: usize,
        /// `fs.inotify.max_user_instances`.
        limit: String,
    },
    /// A program failed.
    #[error("{what}: {cause}")]
    Program {
        /// What it was run for.
        what: String,
        /// The end of what it said, or its exit status.
        cause: String,
    },
    /// A file could not be read, written or removed.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's word.
        source: io::Error,
    },
    /// A record of the lab is not what the lab writes.
    #[error("{}: {cause}", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

impl LabError {
    /// The exit code of the process: 2 for what was asked in a way that no lab answers.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotRoot
            | Self::Refused(_)
            | Self::UnknownLab { .. }
            | Self::UnknownNode { .. }
            | Self::Different { .. } => 2,
            _ => 1,
        }
    }

    /// What to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotRoot => "run it as root, for example with `sudo`".to_owned(),
            Self::MissingPackages(packages) => format!(
                "`--yes` installs them; by hand: `apt-get install {}`",
                packages.join(" ")
            ),
            Self::NoSources(_) => {
                "the lab's nodes are Debian's; run it on a Debian machine whose apt knows Debian's archive"
                    .to_owned()
            }
            Self::UnknownLab { name, known } if known.is_empty() => {
                format!("`mahout lab up --name {name}` makes it")
            }
            Self::Different { name, .. } => {
                format!("`mahout lab down --name {name}` removes it; or give the new one another name")
            }
            Self::HalfMade(name) => format!("`mahout lab up --name {name}` makes it anew"),
            Self::PoweredOff { lab, node } => format!("`mahout lab start {node} --name {lab}`"),
            Self::Record { .. } => {
                "another version of mahout made this lab; take it down with that one".to_owned()
            }
            Self::Inotify { .. } => {
                "`sysctl -w fs.inotify.max_user_instances=1024`; or take another lab down".to_owned()
            }
            _ => return None,
        })
    }

    /// For `map_err`: names the file that an I/O error is about.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

fn there_is(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!("; there is {}", names.join(", ")),
    }
}

fn tail(console: &str) -> String {
    match console {
        "" => String::new(),
        console => format!("\n  console: {}", console.replace('\n', "\n           ")),
    }
}
