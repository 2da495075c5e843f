//! The results: a line a point in `target/crash-matrix/results.jsonl`, what a failed one said beside
//! it, and the table of the README.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::point::Point;

/// What a client saw; see [`crate::ledger::Figures`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Writes {
    pub(super) acknowledged: usize,
    pub(super) failed: usize,
    pub(super) lost: usize,
    pub(super) longest_gap_seconds: f64,
}

/// How a point went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Where the run was when it happened, or the error that it ended with.
    pub(super) note: String,
    /// How long the run afterwards took.
    pub(super) again_seconds: f64,
    pub(super) writes: Option<Writes>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    point: String,
    change: String,
    kind: String,
    /// SHA-256 of the binary, shortened.
    binary: String,
    /// None is a point that holds.
    failure: Option<String>,
    outcome: Outcome,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/crash-matrix")
}

fn binary() -> String {
    let bytes = fs::read(env!("CARGO_BIN_EXE_mahout")).expect("the binary");
    let digest = Sha256::digest(bytes);
    digest[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The file, and what of it counts.
pub(super) struct Results {
    binary: String,
    lines: Vec<Line>,
    /// So many of them were there before.
    before: usize,
}

impl Results {
    /// None of the results that are there counts: a sample is taken anew each time.
    pub(super) fn new() -> Self {
        Self {
            binary: binary(),
            lines: Vec::new(),
            before: 0,
        }
    }

    /// What earlier runs have left counts; `any` binary's, or this one's.
    pub(super) fn open(any: bool) -> Self {
        let binary = binary();
        let text = fs::read_to_string(folder().join("results.jsonl")).unwrap_or_default();
        let lines = text.lines();
        let lines = lines.filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let lines = lines.filter(|line| any || line.binary == binary);
        let lines: Vec<Line> = lines.collect();
        Self {
            binary,
            before: lines.len(),
            lines,
        }
    }

    /// Whether the point is done, and held.
    pub(super) fn has(&self, point: &Point) -> bool {
        let name = point.to_string();
        let last = self.lines.iter().rfind(|line| line.point == name);
        last.is_some_and(|line| line.failure.is_none())
    }

    /// Writes down how a point went.
    pub(super) fn add(&mut self, point: &Point, outcome: Result<Outcome, String>) {
        let (failure, outcome) = match outcome {
            Ok(outcome) => (None, outcome),
            Err(why) => (Some(why), Outcome::default()),
        };
        let line = Line {
            point: point.to_string(),
            change: point.change.to_string(),
            kind: point.kind(),
            binary: self.binary.clone(),
            failure,
            outcome,
        };
        fs::create_dir_all(folder()).expect("a folder");
        let text = serde_json::to_string(&line).expect("JSON") + "\n";
        let path = folder().join("results.jsonl");
        let file = fs::File::options().append(true).create(true).open(path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.expect("the results are written");
        self.lines.push(line);
    }

    /// The points of this run that did not hold.
    pub(super) fn failures(&self) -> Vec<String> {
        let taken = self.lines[self.before..].iter();
        let failed = taken.filter(|line| line.failure.is_some());
        failed.map(|line| line.point.clone()).collect()
    }

    /// The table, in Markdown.
    pub(super) fn table(&self) -> String {
        let last: BTreeMap<&str, &Line> = self
            .lines
            .iter()
            .map(|line| (line.point.as_str(), line))
            .collect();
        let mut rows: BTreeMap<(&str, &str), Vec<&Line>> = BTreeMap::new();
        for line in last.values() {
            let row = rows.entry((&line.change, &line.kind)).or_default();
            row.push(line);
        }
        let mut table = String::from(
            "| change | what happens | points | converged | the run after it takes | a client's writes |\n\
             | --- | --- | --- | --- | --- | --- |\n",
        );
        for ((change, kind), lines) in rows {
            let held: Vec<&&Line> = lines.iter().filter(|it| it.failure.is_none()).collect();
            let mut again: Vec<f64> = held.iter().map(|it| it.outcome.again_seconds).collect();
            again.sort_by(f64::total_cmp);
            let median = again.get(again.len() / 2).copied().unwrap_or_default();
            let longest = again.last().copied().unwrap_or_default();
            let writes = writes(held.iter().filter_map(|it| it.outcome.writes));
            let (all, held) = (lines.len(), held.len());
            writeln!(
                table,
                "| {change} | {kind} | {all} | {held} | {median:.0} s, at most {longest:.0} s | {writes} |"
            )
            .expect("a string takes all");
        }
        table
    }
}

fn writes(of: impl Iterator<Item = Writes>) -> String {
    let (mut points, mut whole) = (0, Writes::default());
    for writes in of {
        points += 1;
        whole.acknowledged += writes.acknowledged;
        whole.failed += writes.failed;
        whole.lost += writes.lost;
        whole.longest_gap_seconds = whole.longest_gap_seconds.max(writes.longest_gap_seconds);
    }
    if points == 0 {
        return "–".to_owned();
    }
    format!(
        "{} acknowledged, {} lost; {} failed, none for {:.1} s at most",
        whole.acknowledged, whole.lost, whole.failed, whole.longest_gap_seconds
    )
}
