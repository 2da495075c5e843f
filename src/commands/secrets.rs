//! `mahout secrets`: what the vault holds, who can read it, values of one's own.

use std::io::{IsTerminal, Read, Write};

use serde_json::json;
use time::OffsetDateTime;

use super::Context;
use super::edit;
use super::rotate::named;
use super::terminal::ask_password;
use crate::cli::SecretsCommand;
use crate::cluster::{self, Cluster, SecretSource};
use crate::error::Error;
use crate::report::{Outcome, write_object};
use crate::secret::Secret;
use crate::vault::{Readers, Vault};

/// Longer than any password.
const LONGEST: u64 = 64 * 1024;

/// Carries out a command of `mahout secrets`. No node is asked.
pub(super) async fn secrets(
    context: &Context,
    command: &SecretsCommand,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let inventory = &context.global.inventory;
    let cluster = cluster::load(inventory)?;
    let mut vault = Vault::open(&Vault::beside(inventory), &cluster.vault)?;
    let outcome = match command {
        SecretsCommand::List => return list(context, &vault, &cluster, out),
        SecretsCommand::Show { name } => {
            let value = vault.show(&named(name, &cluster)?, &cluster)?;
            let value = value.expose();
            return if context.is_json() {
                write_object(out, "secret_value", json!({"name": name, "value": value}))
            } else {
                writeln!(out, "{value}")
            }
            .map_err(Error::Output);
        }
        SecretsCommand::Set { name } => {
            let name = named(name, &cluster)?;
            let value = new_value(&name.to_string())?;
            vault.set(
                &[(name.clone(), value)],
                &cluster,
                OffsetDateTime::now_utc(),
            )?;
            let said = format!("{name} is set; `mahout deploy` brings it to the nodes");
            Outcome::new("secrets_changed", said).with("names", vec![name.to_string()])
        }
        SecretsCommand::Edit => {
            let values = edit::edit(&vault.values(&cluster)).await?;
            let names: Vec<String> = values.iter().map(|(name, _)| name.to_string()).collect();
            if names.is_empty() {
                Outcome::unchanged()
            } else {
                vault.set(&values, &cluster, OffsetDateTime::now_utc())?;
                let said = format!(
                    "{} changed; `mahout deploy` brings that to the nodes",
                    names.join(", ")
                );
                Outcome::new("secrets_changed", said).with("names", names)
            }
        }
        SecretsCommand::Rekey {
            add,
            remove,
            passphrase,
        } => {
            let passphrase = passphrase.as_deref().map(reference).transpose()?;
            match vault.rekey(add, remove, passphrase.as_ref())? {
                Readers::Recipients(all) => {
                    let said = format!(
                        "the vault can be read by\n  {}{}",
                        all.join("\n  "),
                        if remove.is_empty() {
                            ""
                        } else {
                            "\nwho was removed may have kept a copy: `mahout rotate passwords` and \
                             `mahout rotate ca` make it worthless"
                        }
                    );
                    Outcome::new("rekeyed", said).with("recipients", all)
                }
                _ => Outcome::new(
                    "rekeyed",
                    "the vault is encrypted with the passphrase alone; the inventory has to name \
                     it as `vault.passphrase`",
                )
                .with("recipients", Vec::<String>::new()),
            }
        }
    };
    for message in vault.notices() {
        let event = crate::report::Event::Warning {
            node: None,
            message,
        };
        context.events.send(event);
    }
    context.tell(outcome, out)
}

fn list(
    context: &Context,
    vault: &Vault,
    cluster: &Cluster,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let entries = vault.list(cluster);
    let written = if context.is_json() {
        crate::report::write_secrets_json(out, &entries)
    } else {
        let path = Vault::beside(&context.global.inventory);
        let view = crate::report::VaultView {
            path: path.display().to_string(),
            identification: vault.identification(),
            readers: match vault.readers() {
                Readers::Nobody => Vec::new(),
                Readers::Recipients(all) => all,
                Readers::Passphrase => vec!["whoever knows the passphrase".to_owned()],
            },
            secrets: &entries,
        };
        crate::report::write_secrets(out, &view)
    };
    written.map_err(Error::Output)
}

/// The value that is typed or piped in: never an argument, which everybody on the machine sees.
fn new_value(name: &str) -> Result<Secret, Error> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let first = ask_password(&format!("new value of {name}: "))?;
        if ask_password("once more: ")? != first {
            return Err(Error::Usage {
                message: "the two are not the same".to_owned(),
                hint: None,
            });
        }
        return Ok(first);
    }
    let mut text = String::new();
    stdin
        .lock()
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|cause| Error::Usage {
            message: format!("cannot read the value from stdin: {cause}"),
            hint: None,
        })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text)))
}

/// A reference on the command line.
fn reference(text: &str) -> Result<SecretSource, Error> {
    match text.split_once(':') {
        Some(("env", name)) => Ok(SecretSource::Environment(name.to_owned())),
        Some(("file", path)) => {
            std::path::absolute(path)
                .map(SecretSource::File)
                .map_err(|cause| Error::File {
                    path: path.into(),
                    cause,
                })
        }
        Some(("command", line)) => Ok(SecretSource::Command(line.to_owned())),
        // It is not repeated: it may be the passphrase itself.
        _ => Err(Error::Usage {
            message: "`--passphrase` takes a reference, not the passphrase itself".to_owned(),
            hint: Some("write `env:NAME`, `file:PATH` or `command:LINE`".to_owned()),
        }),
    }
}
