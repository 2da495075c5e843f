//! `mahout demo`: three local nodes, a cluster on them, verified, and what to try next.

use std::io::Write;

use super::Context;
use super::deploy::deploy;
use super::observe;
use crate::cli;
use crate::error::Error;
use crate::lab::{Lab, LabSpec, Suite};
use crate::plan::Goal;
use crate::report::Event;
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
    let first = nodes.first().map_or("pg-1", |node| node.name.as_str());
    // A name beside the address: libpq before 15 finds no addresses in certificates.
    let address = nodes
        .first()
        .map_or(String::new(), |node| node.address.to_string());
    let authorities = Vault::published(&inventory);
    writeln!(
        out,
        "
The inventory is {inventory}; the passwords are in the vault beside it: `mahout secrets list`.
Connect with psql, here or on a node, through any node's HAProxy; it leads to the leader:
  export MAHOUT_INVENTORY={inventory}
  export PGPASSWORD=$(mahout secrets show user.{USER})
  export PGSSLMODE=verify-full PGSSLROOTCERT={authorities}
  psql 'host={first} hostaddr={address} port=5000 user={USER} dbname=postgres'
  (5001 leads to the replicas; the superuser is at home on the nodes: `mahout lab ssh --name {NAME}
  {first} runuser -u postgres psql`)

Try next:
  mahout status --watch
  mahout lab kill --name {NAME} {first}     (take a node's power away and see who leads)
  mahout lab start --name {NAME} {first}
  mahout verify
  mahout diff                              (after editing the inventory, or a file on a node)
  mahout lab down --name {NAME}             (removes all of it)",
        inventory = inventory.display(),
        authorities = authorities.display(),
    )
    .map_err(Error::Output)
}
