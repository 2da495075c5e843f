//! The vault, as far as the inventory speaks of it, and the stamp that it leaves on the nodes.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Serialize;

use super::SecretSource;

/// How the vault is opened, and for whom it is encrypted when it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VaultSpec {
    /// The file with the operator's age identities; else the one in the user's configuration.
    pub identity: Option<PathBuf>,
    /// Further recipients, see [`super::recipient`].
    pub recipients: Vec<String>,
    /// A passphrase instead of identities.
    pub passphrase: Option<SecretSource>,
}

/// A secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretEntry {
    /// Its name.
    pub name: String,
    /// `vault`, `env:NAME`, `file:PATH`; `command` without its line, which may hold a token.
    pub source: String,
    /// Whether its value is in the vault; `None` if it is kept elsewhere.
    pub kept: Option<bool>,
    /// Whether its rotation is not finished.
    pub in_rotation: bool,
    /// Whether the inventory has it.
    pub used: bool,
}

/// Which vault, and which generation of it, a node was last deployed with: the content of
/// [`super::tls::STAMP_FILE`]. Displayed, it is the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The vault's id.
    pub vault: String,
    /// How often its secrets had changed.
    pub generation: u64,
    /// Which of the changes that could have made that generation; none from before there were tags.
    pub tag: Option<String>,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Managed by mahout: the vault that this node was last deployed with. An older one is \
             refused."
        )?;
        writeln!(f, "vault: {}", self.vault)?;
        writeln!(f, "generation: {}", self.generation)?;
        match &self.tag {
            Some(tag) => writeln!(f, "tag: {tag}"),
            None => Ok(()),
        }
    }
}

/// A file that is no stamp.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a stamp that mahout wrote")]
pub struct NotAStamp;

impl FromStr for Stamp {
    type Err = NotAStamp;

    fn from_str(text: &str) -> Result<Self, NotAStamp> {
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(": "));
            let found = lines.find(|(name, _)| *name == key);
            found.map(|(_, value)| value.trim()).ok_or(NotAStamp)
        };
        Ok(Self {
            vault: value("vault")?.to_owned(),
            generation: value("generation")?.parse().map_err(|_| NotAStamp)?,
            tag: value("tag").ok().map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAStamp, Stamp};

    #[test]
    fn a_stamp_is_read_as_it_is_written() {
        for tag in [None, Some("5f4e3d2c1b0a".to_owned())] {
            let stamp = Stamp {
                vault: "0a1b2c3d4e5f".to_owned(),
                generation: 7,
                tag,
            };
            assert_eq!(stamp.to_string().parse(), Ok(stamp));
        }
        for text in ["", "vault: x\n", "vault: x\ngeneration: many\n"] {
            assert_eq!(text.parse::<Stamp>(), Err(NotAStamp));
        }
    }
}
