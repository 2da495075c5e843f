//! Facts in a file: `mahout facts --record FILE`, `deploy --dry-run --facts FILE`.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Facts;
use crate::secret::Mask;

/// The version of the format. A record of another version is refused.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Record<'a> {
    schema: u32,
    #[serde(flatten)]
    facts: &'a Facts,
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not a record of facts. serde_json's message names line and column.
    #[error("{}: not a record of facts: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why and where.
        source: serde_json::Error,
    },
    /// It was made by another version of mahout.
    #[error("{}: a record of schema {found}, this mahout reads schema {SCHEMA}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The schema that it names.
        found: u32,
    },
}

/// `facts` as they may be kept: what others have put into the dynamic configuration (an
/// `archive_command` with a key, a bind password of LDAP) without its secrets, the known ones and
/// what looks like one.
pub fn without_secrets(facts: &Facts, mask: &Mask) -> Facts {
    let mut facts = facts.clone();
    for node in facts.nodes.values_mut() {
        if let Some(patroni) = &mut node.patroni {
            for (key, value) in &mut patroni.config {
                hide(key, value, mask);
            }
        }
        if let Some(postgresql) = &mut node.postgresql {
            let said = &mut postgresql.hba_errors;
            for line in said.iter_mut().chain(&mut postgresql.hba_rules) {
                *line = mask.text(line);
            }
        }
    }
    facts
}

/// Hides secrets in the value of `key`, whose name says a part of what it holds.
fn hide(key: &str, value: &mut Value, mask: &Mask) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                hide(key, value, mask);
            }
        }
        Value::Array(items) => {
            for item in items {
                hide(key, item, mask);
            }
        }
        Value::String(text) => {
            let line = mask.text(&format!("{key}: {text}"));
            let shown = line.split_once(": ").map_or("", |(_, shown)| shown);
            shown.clone_into(text);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Writes `facts` as indented JSON. No content of a file is in it, only hashes.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write(facts: &Facts, mut out: impl Write) -> std::io::Result<()> {
    let record = Record {
        schema: SCHEMA,
        facts,
    };
    serde_json::to_writer_pretty(&mut out, &record)?;
    out.write_all(b"\n")
}

/// Reads a record.
///
/// # Errors
/// If the file cannot be read or is not a record that this version knows.
pub fn read(path: &Path) -> Result<Facts, RecordError> {
    #[derive(Deserialize)]
    struct Header {
        schema: u32,
    }
    let text = std::fs::read_to_string(path).map_err(|source| RecordError::Read {
        path: path.to_owned(),
        source,
    })?;
    let parse = |source| RecordError::Parse {
        path: path.to_owned(),
        source,
    };
    let header: Header = serde_json::from_str(&text).map_err(parse)?;
    if header.schema != SCHEMA {
        return Err(RecordError::Schema {
            path: path.to_owned(),
            found: header.schema,
        });
    }
    serde_json::from_str(&text).map_err(parse)
}
