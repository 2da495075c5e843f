//! Facts in a file: `mahout facts --record FILE`, `deploy --dry-run --facts FILE`.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Facts;

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
