//! `mahout demo`: three local nodes, a cluster on them, verified, and what to try next.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

use super::Context;
use super::deploy::deploy;
use super::observe;
use crate::cli;
use crate::cluster::tls::CA_FILE;
use crate::error::Error;
use crate::lab::{Lab, LabSpec, Suite};
use crate::plan::Goal;
use crate::report::{Event, Outcome};
use crate::vault::Vault;

/// The demo's lab.
const NAME: &str = "demo";

/// A role for whoever tries the cluster out: the superuser is let in only with a certificate.
const USER: &str = "app";

/// Boots, deploys, verifies, explains. Consent to install what the lab needs is implied.
pub(super) async fn demo(
    context: &Context,
    suite: Suite,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let spec = LabSpec {
        name: NAME.to_owned(),
        suite,
        ..LabSpec::default()
    };
    let events = context.events.clone();
    let lab = tokio::task::spawn_blocking(move || {
        Lab::up(&spec, true, &mut |line| {
            events.send(Event::Started {
                what: line.to_owned(),
            });
        })
    })
    .await
    .map_err(|cause| Error::Output(cause.into()))??;
    let inventory = lab.inventory_file();
    let text = format!(
        "{}tls: on\npostgresql: {{ users: [{{ name: {USER}, options: [CREATEDB] }}] }}\n",
        lab.inventory()
    );
    std::fs::write(&inventory, text).map_err(|cause| Error::File {
        path: inventory.clone(),
        cause,
    })?;
    let context = Context::new(
        cli::Global {
            inventory: inventory.clone(),
            ..context.global.clone()
        },
        context.events.clone(),
    );
    let options = cli::Deploy {
        yes: true,
        dry_run: false,
        exit_code: false,
        facts: None,
    };
    deploy(&context, &Goal::Converge, &options, out).await?;
    observe::verify(&context, out).await?;
    observe::status(&context, None, out).await?;
    let nodes = lab.nodes()?;
    let first = nodes.first();
    let authorities = Vault::published(&inventory);
    let guide = Guide {
        program: called(),
        inventory: &inventory.to_string_lossy(),
        authorities: &authorities.to_string_lossy(),
        node: first.map_or("pg-1", |node| node.name.as_str()),
        address: &first.map_or(String::new(), |node| node.address.to_string()),
    };
    let outcome = Outcome::new("demo", guide.text())
        .with("lab", NAME)
        .with("program", guide.program.as_str())
        .with("inventory", guide.inventory)
        .with("authorities", guide.authorities)
        .with("node", guide.node)
        .with("address", guide.address)
        .with("user", USER);
    context.tell(outcome, out)
}

/// What whoever has seen the demo wants to know.
struct Guide<'a> {
    /// How `mahout` is called.
    program: String,
    inventory: &'a str,
    authorities: &'a str,
    /// The node through which the examples go.
    node: &'a str,
    address: &'a str,
}

impl Guide<'_> {
    fn text(&self) -> String {
        let Self {
            program,
            inventory,
            authorities,
            node,
            address,
        } = self;
        // A name beside the address: libpq before 15 finds no addresses in certificates.
        format!(
            "
The inventory is {inventory}; the passwords are in the vault beside it.
  export MAHOUT_INVENTORY={inventory}
  {program} secrets list
Connect through any node's HAProxy; 5000 leads to the leader, 5001 to the replicas.
On a node, where psql is, and asks for the password (`{program} secrets show user.{USER}`):
  {program} lab exec --name {NAME} {node} psql \\
    'host={node} port=5000 user={USER} dbname=postgres sslmode=verify-full sslrootcert={CA_FILE}'
From here, if this machine has psql (Debian: postgresql-client):
  export PGPASSWORD=$({program} secrets show user.{USER})
  export PGSSLMODE=verify-full PGSSLROOTCERT={authorities}
  psql 'host={node} hostaddr={address} port=5000 user={USER} dbname=postgres'
The superuser is at home on the nodes:
  {program} lab exec --name {NAME} {node} runuser -u postgres psql

Try next:
  {program} status --watch
  {program} lab kill --name {NAME} {node}     (take a node's power away and see who leads)
  {program} lab start --name {NAME} {node}
  {program} verify
  {program} diff                        (after editing the inventory, or a file on a node)
  {program} lab down --name {NAME}      (removes all of it)"
        )
    }
}

/// How this program is called: by its name where a shell finds it under that, else by its path,
/// as after `cargo run`.
fn called() -> String {
    const NAME: &str = "mahout";
    let Ok(this) = std::env::current_exe() else {
        return NAME.to_owned();
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    if is_found(NAME, &this, &path) {
        return NAME.to_owned();
    }
    let this = this.to_string_lossy();
    if this.contains(|c: char| !(c.is_ascii_alphanumeric() || "/._-+".contains(c))) {
        return format!("'{}'", this.replace('\'', "'\\''"));
    }
    this.into_owned()
}

/// Whether the first program of that name in the folders of `path` is `this`.
fn is_found(name: &str, this: &Path, path: &OsStr) -> bool {
    let found = std::env::split_paths(path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file());
    let found = found.and_then(|program| program.canonicalize().ok());
    found.is_some_and(|found| this.canonicalize().is_ok_and(|this| this == found))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use clap::Parser;

    use super::{Guide, is_found};
    use crate::cli;

    #[test]
    fn the_name_is_enough_where_a_shell_finds_this_program_under_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["target", "bin", "other", "empty"] {
            fs::create_dir(at(name)).expect("a folder");
        }
        let this = at("target/mahout");
        fs::write(&this, "this").expect("written");
        fs::write(at("other/mahout"), "another").expect("written");
        std::os::unix::fs::symlink(&this, at("bin/mahout")).expect("a link");
        let found = |folders: &[&str]| {
            let path = std::env::join_paths(folders.iter().map(|name| at(name)));
            is_found("mahout", &this, &path.expect("a PATH"))
        };
        assert!(found(&["empty", "bin", "other"]));
        assert!(!found(&["empty", "other", "bin"]), "another comes first");
        assert!(!found(&["empty"]));
        assert!(!is_found(
            "mahout",
            Path::new("/no/such/mahout"),
            "".as_ref()
        ));
    }

    #[test]
    fn every_command_of_the_guide_can_be_pasted_and_one_needs_no_psql_here() {
        let guide = Guide {
            program: "/src/target/release/mahout".to_owned(),
            inventory: "/lab/inventory.yml",
            authorities: "/lab/inventory.ca.crt",
            node: "pg-1",
            address: "10.89.7.11",
        };
        let text = guide.text();
        for words in [" mahout ", "`mahout ", "(mahout "] {
            assert!(!text.contains(words), "{text}");
        }
        let on_a_node = "/src/target/release/mahout lab exec --name demo pg-1 psql";
        assert!(text.contains(on_a_node), "{text}");
        let commands = text.lines().map(str::trim);
        let commands: Vec<&str> = commands.filter(|line| line.starts_with("/src")).collect();
        assert!(commands.len() > 8, "{text}");
        for line in commands {
            let line = line.split("  (").next().unwrap_or_default();
            let words = line.trim_end_matches('\\').split_whitespace();
            if let Err(error) = cli::Cli::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
    }
}
