//! The lab: real systemd nodes on one machine, to try things out and to test on.
//!
//! A node is an overlay of an image, booted by systemd-nspawn, with a network interface on the
//! lab's bridge and an SSH server. It shares the kernel and the clock with the machine (and may
//! not set the clock); all else is its own. What a lab makes is written into its record before it
//! is made, under names that follow from the lab's id: so [`Lab::down`] finds everything after a
//! crash, and [`Lab::up`] starts from anything.
//!
//! Everything here blocks and needs root.

mod access;
mod bake;
mod cgroup;
mod error;
mod image;
mod lifecycle;
mod mounts;
mod network;
mod node;
mod program;
mod requirements;
mod sources;
mod stand_in;
mod state;
mod store;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ipnet::Ipv4Net;

pub use error::LabError;
pub use image::{ImageKind, Suite};
pub use requirements::missing_packages;
pub use state::LabSpec;

use node::Node;
use state::State;
use store::{Lock, Store};

/// Where a lab tells what it does, a line at a time.
pub type Progress<'a> = &'a mut dyn FnMut(&str);

/// A lab that is whole: every node exists, whether or not it runs.
#[derive(Debug)]
pub struct Lab {
    store: Store,
    state: State,
}

/// A node of a lab.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LabNode {
    /// Its name, in the lab and as a host.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Whether its power is on.
    pub running: bool,
}

/// A line of the list of labs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LabSummary {
    /// Its name.
    pub name: String,
    /// What its nodes were made from: `bookworm prepared`; empty if nothing was made yet.
    pub image: String,
    /// Its subnet; none if nothing was made yet.
    pub subnet: Option<Ipv4Net>,
    /// Its nodes.
    pub nodes: Vec<LabNode>,
    /// Whether `lab up` ran to its end.
    pub whole: bool,
}

impl Lab {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Its nodes, in order.
    ///
    /// # Errors
    /// If the machine's cgroups cannot be read.
    pub fn nodes(&self) -> Result<Vec<LabNode>, LabError> {
        self.each()
            .map(|node| {
                Ok(LabNode {
                    name: node.record.name.clone(),
                    address: node.record.address,
                    running: node.is_running()?,
                })
            })
            .collect()
    }

    /// Takes a node's power away and returns when nothing of it runs any more. The page cache is
    /// the machine's and survives: what the node had written is there after [`Lab::start`], synced
    /// or not.
    ///
    /// # Errors
    /// If there is no such node, or it does not end.
    pub fn kill(&self, node: &str) -> Result<(), LabError> {
        let _lock = self.lock()?;
        let node = self.node(node)?;
        node.power_off()?;
        node.await_off()
    }

    /// Powers a node on and returns when its SSH server answers. A node that runs stays as it is.
    /// Its network is whole again.
    ///
    /// # Errors
    /// If there is no such node, or it does not come up.
    pub fn start(&self, node: &str) -> Result<(), LabError> {
        let node = self.node(node)?;
        let started = Instant::now();
        {
            // Not while it boots: another node may be killed meanwhile.
            let _lock = self.lock()?;
            if !node.is_running()? {
                requirements::inotify(1)?;
            }
            network::up(&self.store, &self.state)?;
            node.boot()?;
        }
        node.await_ssh(started)
    }

    /// Cuts a node off from the other nodes and from the machine, until [`Lab::heal`] or its next
    /// start.
    ///
    /// # Errors
    /// If there is no such node, or it is powered off.
    pub fn cut(&self, node: &str) -> Result<(), LabError> {
        self.set_link(node, false)
    }

    /// Ends what [`Lab::cut`] did.
    ///
    /// # Errors
    /// As [`Lab::cut`].
    pub fn heal(&self, node: &str) -> Result<(), LabError> {
        self.set_link(node, true)
    }

    fn set_link(&self, node: &str, up: bool) -> Result<(), LabError> {
        let node = self.node(node)?;
        node.init()?;
        network::set_link(node.record, up)
    }

    /// Cuts two nodes off from each other; both still reach all others. It outlives their restart.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn cut_pair(&self, one: &str, other: &str) -> Result<(), LabError> {
        self.set_pair(one, other, false)
    }

    /// Ends what [`Lab::cut_pair`] did.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn heal_pair(&self, one: &str, other: &str) -> Result<(), LabError> {
        self.set_pair(one, other, true)
    }

    fn set_pair(&self, one: &str, other: &str, connected: bool) -> Result<(), LabError> {
        let (one, other) = (self.state.node(one)?, self.state.node(other)?);
        network::set_pair(&self.state, one, other, connected)
    }

    /// The inventory of its nodes, in YAML.
    pub fn inventory(&self) -> String {
        access::inventory(&self.state, &self.folder())
    }

    /// Where the lab keeps its inventory.
    pub fn inventory_file(&self) -> PathBuf {
        access::inventory_file(&self.folder())
    }

    /// Where the lab keeps what opens the vault of its inventory; not there before that vault.
    pub fn identity_file(&self) -> PathBuf {
        access::identity_file(&self.folder())
    }

    /// Refuses a file that [`Lab::write_inventory`] would not write, before there is a lab.
    ///
    /// # Errors
    /// If the file exists and no lab wrote it, or it cannot be read.
    pub fn check_inventory_file(path: &Path) -> Result<(), LabError> {
        access::check_inventory_file(path)
    }

    /// Writes the inventory to a file of the user's.
    ///
    /// # Errors
    /// If the file exists and no lab wrote it, or it cannot be written.
    pub fn write_inventory(&self, path: &Path) -> Result<(), LabError> {
        access::write_inventory(path, &self.inventory())
    }

    /// `ssh` to a node as root, with the lab's own key and known hosts; arguments for the remote
    /// side may be added.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn ssh_command(&self, node: &str) -> Result<Command, LabError> {
        let node = self.state.node(node)?;
        Ok(access::ssh(&self.folder(), &node.name))
    }

    /// Runs what is added to its arguments in a node as root, without the network: also while the
    /// node is cut off.
    ///
    /// # Errors
    /// If there is no such node, or it is powered off.
    pub fn exec_command(&self, node: &str) -> Result<Command, LabError> {
        let init = self.node(node)?.init()?;
        let mut command = Command::new("nsenter");
        command.args(["--target", &init.to_string(), "--all", "--wdns=/root", "--"]);
        command.args(["env", "--ignore-environment", "HOME=/root", "LANG=C.UTF-8"]);
        command.arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        if let Some(terminal) = std::env::var_os("TERM") {
            let variable = OsString::from("TERM=");
            command.arg([variable, terminal].into_iter().collect::<OsString>());
        }
        Ok(command)
    }

    fn each(&self) -> impl Iterator<Item = Node<'_>> {
        let lab = self.folder();
        let nodes = self.state.nodes.iter();
        nodes.map(move |record| Node::new(&self.state, record, &lab))
    }

    fn node(&self, name: &str) -> Result<Node<'_>, LabError> {
        let record = self.state.node(name)?;
        Ok(Node::new(&self.state, record, &self.folder()))
    }

    fn folder(&self) -> PathBuf {
        self.store.lab(&self.state.name)
    }

    /// The right to change the lab, which is still this one.
    fn lock(&self) -> Result<Lock, LabError> {
        let (folder, what) = (self.folder(), format!("lab `{}`", self.name()));
        let lock = Lock::take(&folder, &what, &mut |_| {})?;
        if self.store.load(self.name())?.as_ref() == Some(&self.state) {
            return Ok(lock);
        }
        // It went while we waited, and waiting for it made its folder anew; one with another lab
        // in it stays.
        let _not_empty = std::fs::remove_dir(&folder);
        Err(LabError::UnknownLab {
            name: self.name().to_owned(),
            known: self.store.names()?,
        })
    }
}
