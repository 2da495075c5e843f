//! The vault in words: names and sources, never a value.

use std::io::{self, Write};

use crate::cluster::SecretEntry;

/// What is shown of a vault.
#[derive(Debug)]
pub struct VaultView<'a> {
    /// Its file.
    pub path: String,
    /// Its id and generation; `None` if there is none yet.
    pub identification: Option<(&'a str, u64)>,
    /// Who can read it.
    pub readers: Vec<String>,
    /// What it holds, and what is kept elsewhere.
    pub secrets: &'a [SecretEntry],
}

/// Writes the list.
///
/// # Errors
/// What `out` says.
pub fn write_secrets(out: &mut dyn Write, view: &VaultView) -> io::Result<()> {
    match view.identification {
        Some((id, generation)) => {
            writeln!(out, "vault {} ({id}, generation {generation})", view.path)?;
            for reader in &view.readers {
                writeln!(out, "  for {reader}")?;
            }
        }
        None => writeln!(out, "vault {} (not written yet)", view.path)?,
    }
    let names = view.secrets.iter().map(|entry| entry.name.chars().count());
    let width = names.max().unwrap_or_default();
    writeln!(out)?;
    for entry in view.secrets {
        let state = match entry {
            SecretEntry { used: false, .. } => "  (the inventory does not name it any more)",
            SecretEntry {
                in_rotation: true, ..
            } => "  (changed; the next deploy brings it to the nodes)",
            SecretEntry {
                kept: Some(false), ..
            } => "  (made on the first deploy)",
            _ => "",
        };
        writeln!(out, "{:<width$}  {}{state}", entry.name, entry.source)?;
    }
    Ok(())
}
