//! Packages that one node has downloaded, on their way to others.
//!
//! Those who take them have them on stdin of the execution in which they install; for that they
//! are brought here first, into a file without a name: memory does not grow with them, and each
//! node takes them as fast as it can. Whatever goes wrong here is told, and fails nothing.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Error, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Run;
use super::action::Call;
use super::concurrent::join_all;
use super::packages::{options, words};
use super::quote::sh;
use super::script::{RELAY, Script, random_word};
use crate::cluster::NodeName;
use crate::plan::{Action, NodeWork, PackageChange, Phase, Relay};
use crate::platform::Family;
use crate::report::Event;
use crate::transport::{Effect, Transport};

/// How long a node may take to give what it has, or to take it.
const BOUND: u64 = 1800;

/// The call for `relay`.
pub(super) fn call(relay: &Relay) -> Call {
    let script = match relay {
        Relay::Fetch {
            family: Family::Debian,
            packages,
            ..
        } => format!("fetch_debian{}", words(packages)),
        Relay::Fetch {
            packages, sources, ..
        } => {
            let options = sh(&options(sources));
            format!("fetch_enterprise_linux {options}{}", words(packages))
        }
        Relay::Take {
            family: Family::Debian,
            packages,
            from,
        } => format!("take_debian {}{}", sh(from.as_str()), words(packages)),
        Relay::Take { from, .. } => format!("take_enterprise_linux {}", sh(from.as_str())),
    };
    Call::new(&RELAY, script, BOUND)
}

/// What several nodes take from one.
struct Load<'a> {
    family: Family,
    packages: Vec<&'a PackageChange>,
    takers: Vec<&'a str>,
}

impl Load<'_> {
    /// The call that prints it.
    fn call(&self) -> String {
        match self.family {
            Family::Debian => format!("give_debian{}", words(self.packages.iter().copied())),
            Family::EnterpriseLinux => "give_enterprise_linux".to_owned(),
        }
    }
}

/// Whom `work` takes packages from, and which.
fn taken(work: &NodeWork) -> Option<(&NodeName, Family, &[PackageChange])> {
    work.steps.iter().find_map(|step| match &step.action {
        Action::Relay(Relay::Take {
            family,
            packages,
            from,
        }) => Some((from, *family, packages.as_slice())),
        _ => None,
    })
}

/// By the node that gives it.
fn loads(phase: &Phase) -> BTreeMap<&NodeName, Load<'_>> {
    let mut loads = BTreeMap::new();
    for work in &phase.work {
        let Some((from, family, packages)) = taken(work) else {
            continue;
        };
        let load = loads.entry(from).or_insert_with(|| Load {
            family,
            packages: Vec::new(),
            takers: Vec::new(),
        });
        load.takers.push(work.node.as_str());
        for package in packages {
            if !load.packages.contains(&package) {
                load.packages.push(package);
            }
        }
    }
    loads
}

/// What has been brought here, by the node that gave it.
pub(super) struct Brought<'a>(BTreeMap<&'a NodeName, Arc<File>>);

impl Brought<'_> {
    /// What `work` is to find on stdin.
    pub(super) fn to(&self, work: &NodeWork) -> Option<Arc<File>> {
        let (from, ..) = taken(work)?;
        self.0.get(from).cloned()
    }
}

impl<T: Transport> Run<'_, T> {
    /// Brings here what the nodes of `phase` take from others.
    pub(super) async fn bring<'a>(&self, phase: &'a Phase) -> Brought<'a> {
        let all = loads(phase).into_iter().map(async |(from, load)| {
            let brought = self.bring_from(from, &load).await;
            let brought = brought.map_err(|cause| {
                let takers = load.takers.join(", ");
                self.events.send(Event::Warning {
                    node: Some(from.clone()),
                    message: format!("its packages do not come to {takers}: {cause}"),
                });
            });
            brought.ok().map(|file| (from, Arc::new(file)))
        });
        Brought(join_all(all).await.into_iter().flatten().collect())
    }

    async fn bring_from(&self, from: &NodeName, load: &Load<'_>) -> Result<File, String> {
        let host = self.hosts.get(from).ok_or("it is not connected")?;
        let here = |error: Error| format!("they cannot be kept here: {error}");
        let mut file = BufWriter::new(scratch().map_err(here)?);
        let mut script = Script::new();
        script.with(&RELAY).line(&load.call());
        let title = format!("packages for {}", load.takers.join(", "));
        let bound = Duration::from_secs(BOUND);
        let mut command = script.command(title, Effect::ReadOnly, bound);
        command.keeps_stdout = false;
        let mut written = Ok(());
        let mut on_line = |line: &str| {
            if written.is_ok() {
                let bytes = STANDARD.decode(line).map_err(Error::other);
                written = bytes.and_then(|bytes| file.write_all(&bytes));
            }
        };
        let ended = tokio::select! {
            ended = host.exec(&command, &mut on_line) => ended.map_err(|error| error.cause)?,
            _ = self.interrupt.triggered() => return Err("the run was interrupted".to_owned()),
        };
        if ended.code != 0 {
            return Err(format!("giving them ended with code {}", ended.code));
        }
        written.map_err(here)?;
        file.into_inner().map_err(|error| here(error.into_error()))
    }
}

/// A file that nobody else finds, and that is gone with its last user.
fn scratch() -> Result<File, Error> {
    let path = std::env::temp_dir().join(format!("mahout-{}", random_word()));
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create_new(true).mode(0o600);
    let file = options.open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
