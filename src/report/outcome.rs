//! What a command has done, and why a run ended: one line for people, one object for programs.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{Output, json};
use crate::cluster::InvalidCluster;
use crate::error::Error;
use crate::inventory::Problem;

/// What a command has done.
#[derive(Clone, Debug)]
pub struct Outcome {
    name: &'static str,
    message: String,
    details: Map<String, Value>,
}

impl Outcome {
    /// `name` is stable and for programs, `message` is for people.
    pub fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
            details: Map::new(),
        }
    }

    /// That somebody was asked and did not agree, or that there was nothing to do.
    pub fn unchanged() -> Self {
        Self::new("unchanged", "nothing was changed")
    }

    /// Adds what programs want to know of it.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Writes it.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(self, out: &mut dyn Write, output: Output) -> io::Result<()> {
        match output {
            Output::Text => writeln!(out, "{}", self.message),
            Output::Json => {
                let mut object = self.details;
                object.insert("type".to_owned(), "result".into());
                object.insert("result".to_owned(), self.name.into());
                object.insert("message".to_owned(), self.message.into());
                json::line(out, &object.into())
            }
        }
    }
}

/// Writes one object that is an answer, or a part of it.
///
/// # Errors
/// What `out` says.
pub fn write_object(out: &mut dyn Write, kind: &str, mut object: Value) -> io::Result<()> {
    object["type"] = kind.into();
    json::line(out, &object)
}

/// Writes the problems of the inventory `file`, an object each.
///
/// # Errors
/// What `out` says.
pub fn write_problems_json(
    out: &mut dyn Write,
    file: &str,
    problems: &[Problem],
) -> io::Result<()> {
    problems
        .iter()
        .try_for_each(|problem| json::line(out, &problem_object(file, problem)?))
}

fn problem_object(file: &str, problem: &Problem) -> io::Result<Value> {
    let mut object = serde_json::to_value(problem)?;
    object["type"] = "problem".into();
    object["file"] = file.into();
    Ok(object)
}

/// Writes why the run ended: nothing where everything was said already.
///
/// # Errors
/// What `out` says.
pub fn write_error(out: &mut dyn Write, output: Output, error: &Error) -> io::Result<()> {
    if matches!(error, Error::Reported(_)) {
        return Ok(());
    }
    let hint = error.hint();
    match (output, error) {
        (Output::Json, Error::Cluster(InvalidCluster::Problems(report))) => {
            let file = report.source.name();
            write_problems_json(out, &file, &report.problems)?;
            let message = format!("no cluster can be made of {file}");
            error_line(out, error.exit_code(), &message, hint.as_deref())
        }
        (Output::Json, _) => {
            error_line(out, error.exit_code(), &error.to_string(), hint.as_deref())
        }
        (Output::Text, _) => {
            match error {
                // Each problem of the report says for itself whether it is an error or a warning.
                Error::Cluster(InvalidCluster::Problems(report)) => write!(out, "{report}")?,
                _ => writeln!(out, "error: {error}")?,
            }
            hint.map_or(Ok(()), |hint| writeln!(out, "\nhint: {hint}"))
        }
    }
}

/// Writes as an object that a command line is wrong.
///
/// # Errors
/// What `out` says.
pub fn write_usage_json(out: &mut dyn Write, message: &str) -> io::Result<()> {
    error_line(out, 2, message, Some("`mahout --help` shows what there is"))
}

fn error_line(out: &mut dyn Write, code: u8, message: &str, hint: Option<&str>) -> io::Result<()> {
    let object = json!({"type": "error", "code": code, "message": message, "hint": hint});
    json::line(out, &object)
}
