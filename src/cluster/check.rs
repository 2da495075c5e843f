//! From an inventory to a cluster, or to everything that is wrong with it.

use std::fmt;
use std::path::Path;

use super::Cluster;
use super::build::{self, Draft};
use super::validate;
use crate::inventory::{self, Inventory, InventoryError, Problem, Severity, Source, Style};

/// What became of an inventory.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The cluster, if there is no error.
    pub cluster: Option<Cluster>,
    /// Everything that is wrong or doubtful, in the order of the file.
    pub problems: Vec<Problem>,
    /// The text that the problems point into.
    pub source: Source,
}

impl Checked {
    /// The problems with their excerpts, and their count; secrets are masked.
    pub fn render(&self, style: Style) -> String {
        inventory::render(&self.problems, &self.source, style)
    }
}

/// No cluster can be made of the inventory.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCluster {
    /// The file cannot be read as a text at all.
    #[error(transparent)]
    File(#[from] InventoryError),
    /// What it says is wrong. Displayed, it is the report without colours.
    #[error("{0}")]
    Problems(Box<Report>),
}

impl InvalidCluster {
    /// The problems; none if the file could not be read.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::File(_) => &[],
            Self::Problems(report) => &report.problems,
        }
    }

    /// The report for a terminal or for anything else.
    pub fn render(&self, style: Style) -> String {
        match self {
            Self::File(error) => error.to_string(),
            Self::Problems(report) => inventory::render(&report.problems, &report.source, style),
        }
    }

    /// The remedy, where the report does not give it already.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File(error) => error.hint(),
            Self::Problems(_) => None,
        }
    }
}

/// The problems and the text that they point into.
#[derive(Debug)]
pub struct Report {
    /// Errors and warnings in the order of the file.
    pub problems: Vec<Problem>,
    /// The text.
    pub source: Source,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&inventory::render(
            &self.problems,
            &self.source,
            Style::Plain,
        ))
    }
}

/// Reads the inventory at `path` and makes a cluster of it.
///
/// # Errors
/// If the file cannot be read, or has at least one error; then all its problems.
pub fn load(path: &Path) -> Result<Cluster, InvalidCluster> {
    Cluster::try_from(inventory::parse(inventory::load(path)?))
}

/// Makes a cluster of `inventory`, if it has no error.
pub fn check(inventory: Inventory) -> Checked {
    let Inventory {
        source,
        sections,
        mut problems,
        tree,
    } = inventory;
    // Where the text is no YAML or no map, nothing more can be said of it.
    let Some(tree) = tree else {
        return Checked {
            cluster: None,
            problems: problems.into_sorted(),
            source,
        };
    };
    let draft = Draft::new(&source, &tree, sections, &mut problems);
    let mut cluster = build::cluster(&draft, &mut problems);
    validate::all(&draft, &cluster, &mut problems);
    let failed = problems.any_error();
    let problems = problems.into_sorted();
    let name = source.name();
    cluster.warnings = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Warning)
        .map(|problem| problem.on_one_line(&name))
        .collect();
    Checked {
        cluster: (!failed).then_some(cluster),
        problems,
        source,
    }
}

impl TryFrom<Inventory> for Cluster {
    type Error = InvalidCluster;

    fn try_from(inventory: Inventory) -> Result<Self, Self::Error> {
        let Checked {
            cluster,
            problems,
            source,
        } = check(inventory);
        cluster.ok_or_else(|| InvalidCluster::Problems(Box::new(Report { problems, source })))
    }
}
