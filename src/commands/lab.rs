//! `mahout lab`: nodes to try things out on.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use ipnet::Ipv4Net;

use super::Context;
use crate::error::Error;
use crate::lab::{ImageKind, Lab, LabError, LabSpec, LabSummary, Progress, Suite};
use crate::report::{Event, Outcome, write_object};
use crate::vault::Vault;

/// What `mahout lab` can do.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum LabCommand {
    /// Make a lab of real systemd nodes on this machine, or start the one that is there
    Up {
        /// Which lab
        #[command(flatten)]
        lab: LabName,
        /// How many nodes
        #[arg(long, value_name = "N", default_value_t = LabSpec::default().nodes)]
        nodes: usize,
        /// What they run
        #[arg(long, value_enum, default_value_t)]
        suite: Suite,
        /// How much is on them
        #[arg(long, value_enum, default_value_t)]
        image: ImageKind,
        /// Their subnet; without it, one that collides with nothing
        #[arg(long, value_name = "CIDR")]
        subnet: Option<Ipv4Net>,
        /// Also write their inventory to this file
        #[arg(long, value_name = "FILE")]
        write_inventory: Option<PathBuf>,
        /// Install missing Debian packages on this machine
        #[arg(long)]
        yes: bool,
    },
    /// List the labs and their nodes
    List,
    /// Log in to a node, or run a command there, over SSH
    Ssh {
        /// Which lab
        #[command(flatten)]
        lab: LabName,
        /// The node
        node: String,
        /// What its shell runs
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Run a program in a node without its network: also while it is cut off
    Exec {
        /// Which lab
        #[command(flatten)]
        lab: LabName,
        /// The node
        node: String,
        /// The program and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Take a node's power away
    Kill {
        /// Which lab
        #[command(flatten)]
        lab: LabName,
        /// The node
        node: String,
    },
    /// Power a node on
    Start {
        /// Which lab
        #[command(flatten)]
        lab: LabName,
        /// The node
        node: String,
    },
    /// Cut a node off from all others, or from one
    Cut {
        /// Which lab
        #[command(flatten)]
        lab: LabName,
        /// The node
        node: String,
        /// Only from this node
        #[arg(long, value_name = "NODE")]
        from: Option<String>,
    },
    /// Connect a node again
    Heal {
        /// Which lab
        #[command(flatten)]
        lab: LabName,
        /// The node
        node: String,
        /// Only with this node
        #[arg(long, value_name = "NODE")]
        from: Option<String>,
    },
    /// Remove a lab and all that belongs to it
    Down {
        /// Which lab
        #[command(flatten)]
        lab: LabName,
        /// Also remove the images that no other lab stands on
        #[arg(long)]
        images: bool,
    },
}

/// Which lab.
#[derive(Clone, Debug, clap::Args)]
pub struct LabName {
    /// The lab's name
    #[arg(long, default_value_t = LabSpec::default().name)]
    pub name: String,
}

/// Carries out a lab command; what it does is told as events.
pub(super) async fn lab(
    context: &Context,
    command: LabCommand,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let events = context.events.clone();
    let outcome = tokio::task::spawn_blocking(move || {
        run(command, &mut |line| {
            events.send(Event::Started {
                what: line.to_owned(),
            });
        })
    })
    .await
    .map_err(|cause| Error::Output(cause.into()))??;
    context.events.quiet().await;
    match outcome {
        LabOutcome::Answer(outcome) => context.tell(outcome, out),
        LabOutcome::Labs(labs) if context.is_json() => labs
            .iter()
            .try_for_each(|lab| write_object(out, "lab", serde_json::to_value(lab)?))
            .map_err(Error::Output),
        LabOutcome::Labs(labs) => write!(out, "{}", list(&labs)).map_err(Error::Output),
        LabOutcome::Program(status) if status.success() => Ok(()),
        LabOutcome::Program(status) => {
            let code = status.code().and_then(|code| code.try_into().ok());
            Err(Error::Reported(code.unwrap_or(255)))
        }
    }
}

/// How a lab command ended.
enum LabOutcome {
    /// With this answer.
    Answer(Outcome),
    /// With these labs.
    Labs(Vec<LabSummary>),
    /// As the program in the node did, which had the terminal.
    Program(ExitStatus),
}

/// Blocks.
fn run(command: LabCommand, progress: Progress) -> Result<LabOutcome, LabError> {
    let answer = match command {
        LabCommand::Up {
            lab,
            nodes,
            suite,
            image,
            subnet,
            write_inventory,
            yes,
        } => {
            if let Some(path) = &write_inventory {
                Lab::check_inventory_file(path)?;
            }
            let spec = LabSpec {
                name: lab.name,
                nodes,
                suite,
                image,
                subnet,
                ..LabSpec::default()
            };
            let lab = Lab::up(&spec, yes, progress)?;
            let inventory = match write_inventory {
                Some(path) => {
                    lab.write_inventory(&path)?;
                    set_aside(&lab, &path)?;
                    path
                }
                None => lab.inventory_file(),
            };
            let said = format!(
                "lab `{}` is up; its inventory is {}",
                lab.name(),
                inventory.display()
            );
            Outcome::new("lab_up", said)
                .with("lab", lab.name())
                .with("inventory", inventory.to_string_lossy())
        }
        LabCommand::List => return Lab::list().map(LabOutcome::Labs),
        LabCommand::Ssh { lab, node, command } => {
            let mut ssh = Lab::open(&lab.name)?.ssh_command(&node)?;
            return program(ssh.args(command));
        }
        LabCommand::Exec { lab, node, command } => {
            let mut exec = Lab::open(&lab.name)?.exec_command(&node)?;
            return program(exec.args(command));
        }
        LabCommand::Kill { lab, node } => {
            Lab::open(&lab.name)?.kill(&node)?;
            of_node("node_killed", "is powered off", &lab, node)
        }
        LabCommand::Start { lab, node } => {
            Lab::open(&lab.name)?.start(&node)?;
            of_node("node_started", "is up", &lab, node)
        }
        LabCommand::Cut { lab, node, from } => {
            let opened = Lab::open(&lab.name)?;
            match from {
                Some(other) => {
                    opened.cut_pair(&node, &other)?;
                    let said = format!("is cut off from {other}");
                    of_node("node_cut", &said, &lab, node).with("from", other)
                }
                None => {
                    opened.cut(&node)?;
                    of_node("node_cut", "is cut off", &lab, node)
                }
            }
        }
        LabCommand::Heal { lab, node, from } => {
            let opened = Lab::open(&lab.name)?;
            match from {
                Some(other) => {
                    opened.heal_pair(&node, &other)?;
                    let said = format!("is connected with {other}");
                    of_node("node_healed", &said, &lab, node).with("from", other)
                }
                None => {
                    opened.heal(&node)?;
                    of_node("node_healed", "is connected", &lab, node)
                }
            }
        }
        LabCommand::Down { lab, images } => {
            Lab::down(&lab.name, progress)?;
            if images {
                Lab::remove_unused_images(progress)?;
            }
            Outcome::new("lab_down", format!("lab `{}` is gone", lab.name)).with("lab", lab.name)
        }
    };
    Ok(LabOutcome::Answer(answer))
}

/// The vault of an earlier lab with this inventory went with what opened it, and with its nodes.
fn set_aside(lab: &Lab, inventory: &Path) -> Result<(), LabError> {
    let vault = Vault::beside(inventory);
    if lab.identity_file().exists() || !vault.exists() {
        return Ok(());
    }
    let aside = vault.with_extension("vault.old");
    std::fs::rename(&vault, &aside).map_err(|source| LabError::File {
        path: vault,
        source,
    })
}

/// What was done with a node.
fn of_node(name: &'static str, said: &str, lab: &LabName, node: String) -> Outcome {
    Outcome::new(name, format!("{node}: {said}"))
        .with("lab", lab.name.as_str())
        .with("node", node)
}

fn list(labs: &[LabSummary]) -> String {
    if labs.is_empty() {
        return "there is no lab\n".to_owned();
    }
    let mut text = String::new();
    for lab in labs {
        let subnet = lab
            .subnet
            .map_or(String::new(), |subnet| subnet.to_string());
        let half = if lab.whole { "" } else { ", half made" };
        text.push_str(&format!("{}: {} {subnet}{half}\n", lab.name, lab.image));
        for node in &lab.nodes {
            let state = if node.running { "up" } else { "off" };
            text.push_str(&format!(
                "  {:<8} {:<15} {state}\n",
                node.name, node.address
            ));
        }
    }
    text
}

fn program(command: &mut std::process::Command) -> Result<LabOutcome, LabError> {
    match command.status() {
        Ok(status) => Ok(LabOutcome::Program(status)),
        Err(source) => Err(LabError::File {
            path: command.get_program().into(),
            source,
        }),
    }
}
