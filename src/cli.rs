//! The command line, as types.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::lab::LabCommand;
use crate::lab::Suite;
use crate::report::Output;

/// From one inventory file and bare Linux nodes to a verified, highly available PostgreSQL
/// cluster (etcd, Patroni, PostgreSQL, HAProxy), over plain SSH.
#[derive(Debug, Parser)]
#[command(name = "mahout", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done or nothing to do, 1 a step failed (run again to continue), \
    2 wrong command line or inventory, 3 a node cannot be reached, preflight refused or the lock is \
    held, 4 verification found an error or `explain` a cause, 5 `--dry-run --exit-code`: there are changes, \
    129/130/143 interrupted, 141 stdout was closed"
)]
pub struct Cli {
    /// What all commands share.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The inventory
    #[arg(
        short,
        long,
        global = true,
        env = "MAHOUT_INVENTORY",
        default_value = "inventory.yml",
        value_name = "FILE"
    )]
    pub inventory: PathBuf,
    /// How answers are printed; `json` is one object a line
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    pub output: OutputFormat,
    /// Say more: what the nodes print while steps run; with `explain` all that was looked at
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Templates that take the place of the built-in ones of the same name
    #[arg(long, global = true, value_name = "DIR")]
    pub templates: Option<PathBuf>,
    /// Print where the time went, by part of the run and by node, and write a timeline as HTML
    #[arg(long, global = true, value_name = "FILE")]
    pub timings: Option<PathBuf>,
    /// Ask for the password of sudo on the nodes (it is sent on stdin)
    #[arg(long, global = true)]
    pub ask_sudo_password: bool,
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

impl From<OutputFormat> for Output {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Text => Self::Text,
            OutputFormat::Json => Self::Json,
        }
    }
}

/// Whether a command line that cannot be parsed asks for JSON.
pub fn wants_json(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let apart = arguments.windows(2);
    let apart = apart.map(|pair| pair[0] == "--output" && pair[1] == "json");
    let as_one = arguments.iter().map(|one| one == "--output=json");
    apart.chain(as_one).any(|wanted| wanted)
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented starter inventory
    Init {
        /// Where to; refuses to overwrite
        #[arg(default_value = "inventory.yml")]
        file: PathBuf,
    },
    /// Check the inventory without touching a node
    Check,
    /// Print the inventory's JSON Schema, for editors
    Schema,
    /// Write every file of every node to a folder, without touching a node
    Render {
        /// Where to: one folder a node is made in it
        #[arg(long, default_value = "rendered", value_name = "DIR")]
        to: PathBuf,
        /// The distribution to render for: `debian-12`, `debian-13`, `el-9`, …
        #[arg(long, default_value = "debian-12")]
        platform: String,
    },
    /// Record the host keys of the nodes in known_hosts, after showing their fingerprints
    Trust {
        /// Record new ones without asking
        #[arg(short, long)]
        yes: bool,
        /// Only show them
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
    },
    /// Show what the nodes say, as JSON
    Facts {
        /// Write a record that `deploy --dry-run --facts FILE` can plan from
        #[arg(long, value_name = "FILE")]
        record: Option<PathBuf>,
    },
    /// Make the nodes what the inventory says: show the plan, ask, carry it out, verify
    Deploy(Deploy),
    /// Show what a deploy would change; touches nothing (the same as `deploy --dry-run`)
    Diff {
        /// Exit with 5 if there are changes
        #[arg(long)]
        exit_code: bool,
        /// Plan from a record instead of asking the nodes
        #[arg(long, value_name = "FILE")]
        facts: Option<PathBuf>,
    },
    /// Take over a cluster that was made by other means: its passwords go into the vault, and its
    /// nodes become what the inventory says, except for what needs a restart
    Adopt {
        /// Carry the plan out without asking
        #[arg(short, long)]
        yes: bool,
        /// Show the plan with every difference; touches nothing
        #[arg(long)]
        dry_run: bool,
        /// With --dry-run: exit with 5 if there are changes
        #[arg(long, requires = "dry_run")]
        exit_code: bool,
        /// Print what the inventory has to say for the cluster to stay as it is; touches nothing
        #[arg(long, conflicts_with_all = ["yes", "dry_run"])]
        suggest: bool,
    },
    /// Have another member lead: show the plan, ask, switch over, verify
    Switchover {
        /// The node that is to lead; without it Patroni chooses
        #[arg(long, value_name = "NODE")]
        to: Option<String>,
        /// As with deploy.
        #[command(flatten)]
        options: Deploy,
    },
    /// Replace the data of a replica by a copy of the leader's; what is not this cluster's is moved
    /// aside
    Reinit {
        /// The replica
        node: String,
        /// As with deploy.
        #[command(flatten)]
        options: Deploy,
    },
    /// Bring back a node that lost everything, or its etcd's data, under the same name and address
    Replace {
        /// The node
        node: String,
        /// As with deploy.
        #[command(flatten)]
        options: Deploy,
    },
    /// End the cluster: stop its services, move its data aside, remove its keys and files
    Destroy(ByName),
    /// Bring etcd back when most of its members have lost their data, or all that it knew; then
    /// whoever has the newest database leads
    RestoreDcs {
        /// The member of etcd whose data counts, where several have theirs
        #[arg(long, value_name = "NODE")]
        from: Option<String>,
        /// Who has the newest database, where that cannot be seen
        #[arg(long, value_name = "NODE")]
        leader: Option<String>,
        /// As with destroy.
        #[command(flatten)]
        options: ByName,
    },
    /// Show and change what the vault holds, and who can read it
    Secrets {
        /// What to do.
        #[command(subcommand)]
        command: SecretsCommand,
    },
    /// New certificates, a new authority, new passwords: in the vault, then on the nodes
    Rotate {
        /// What to make new.
        #[command(subcommand)]
        what: Rotate,
    },
    /// Say what is wrong with a sick cluster, and what helps: collects evidence on every node that
    /// can be reached, changes nothing. Exits with 0 if nothing is found, with 4 if a cause is
    Explain {
        /// The nodes to look at; all of them if none is named
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
    },
    /// Check the health of the cluster, with a probing write through every HAProxy
    Verify,
    /// Show who leads, who follows and where clients connect
    Status {
        /// Show it again every few seconds
        #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2")]
        watch: Option<u64>,
    },
    /// Take the lock away from a run that is stuck or whose machine is gone, after showing who
    /// holds it
    Unlock(Unlock),
    /// Show who has changed the cluster, when, from where and how it went
    Audit {
        /// How many runs
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        last: usize,
    },
    /// Real systemd nodes on this machine, to try things out (as root)
    Lab {
        /// What to do with them.
        #[command(subcommand)]
        command: LabCommand,
    },
    /// Boot three local nodes, deploy a cluster on them, verify it, say how to connect (as root)
    Demo {
        /// What the nodes run
        #[arg(long, value_enum, default_value_t)]
        suite: Suite,
    },
}

/// Options of `deploy` and of every other command that carries a plan out.
#[derive(Clone, Debug, Args)]
pub struct Deploy {
    /// Carry the plan out without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Show the plan with every difference; touches nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: exit with 5 if there are changes
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
    /// With --dry-run: plan from a record instead of asking the nodes
    #[arg(long, requires = "dry_run", value_name = "FILE")]
    pub facts: Option<PathBuf>,
}

/// Options of what is agreed to by the cluster's name.
#[derive(Clone, Debug, Args)]
pub struct ByName {
    /// The name of the cluster, its scope, instead of typing it when asked
    #[arg(long, value_name = "SCOPE", conflicts_with = "dry_run")]
    pub confirm: Option<String>,
    /// Show the plan; touches nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `unlock`.
#[derive(Clone, Debug, Args)]
pub struct Unlock {
    /// Take away the lock of a run that is gone without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Only show who holds it
    #[arg(long, conflicts_with_all = ["yes", "holder"])]
    pub dry_run: bool,
    /// Take it away even while this holder is at work
    #[arg(long, value_name = "USER@HOST")]
    pub holder: Option<String>,
}

/// What can be done with the vault.
#[derive(Clone, Debug, Subcommand)]
pub enum SecretsCommand {
    /// List the secrets and where each is kept, without their values
    List,
    /// Print the value of a secret
    Show {
        /// Its name: `superuser`, `user.app`, …
        name: String,
    },
    /// Give a secret a value of your own, which is read from stdin or asked for
    Set {
        /// Its name
        name: String,
    },
    /// Edit the secrets that the vault keeps in $EDITOR
    Edit,
    /// Encrypt the vault to others: without options to those whom the inventory names
    Rekey {
        /// Somebody who is to read it from now on: an age recipient (`age1…`); with the feature
        /// `vault-ssh` an SSH key, too
        #[arg(long, value_name = "RECIPIENT")]
        add: Vec<String>,
        /// Somebody who is no longer to read it
        #[arg(long, value_name = "RECIPIENT")]
        remove: Vec<String>,
        /// A passphrase instead: `env:NAME`, `file:PATH`, `command:LINE`
        #[arg(long, value_name = "REFERENCE", conflicts_with_all = ["add", "remove"])]
        passphrase: Option<String>,
    },
}

/// What can be made new.
#[derive(Clone, Debug, Subcommand)]
pub enum Rotate {
    /// Every node's certificates, by the same authority
    Certificates {
        /// How
        #[command(flatten)]
        options: RotateOptions,
    },
    /// The authority, in three stages: after the first one everybody trusts both, and clients are
    /// to be given the new INVENTORY.ca.crt; run again, it takes the old one's place
    Ca {
        /// All stages at once: clients that trust the old authority alone are cut off
        #[arg(long)]
        all: bool,
        /// How
        #[command(flatten)]
        options: RotateOptions,
    },
    /// Passwords: those of the services, or those that are named
    Passwords {
        /// Names as `mahout secrets list` shows them; `user.NAME` is rotated only if it is named
        names: Vec<String>,
        /// How
        #[command(flatten)]
        options: RotateOptions,
    },
}

/// Options of `rotate`.
#[derive(Clone, Debug, Args)]
pub struct RotateOptions {
    /// Carry it out without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Show the plan of every stage with every difference; changes neither the vault nor a node
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
}
