//! Where the time of a run went, as a table: its parts, and its nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;

use super::timeline::{Kind, Span};
use crate::cluster::NodeName;

/// Which node a part of the run ended with, and how long the others had been done by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Last<'a> {
    pub(super) node: &'a NodeName,
    /// The execution that ended last.
    pub(super) span: &'a Span,
    /// How long the first one that was done had to wait.
    pub(super) waited: Duration,
}

/// Who was waited for in `part`; nobody where at most one node had work.
pub(super) fn last<'a>(part: &Span, spans: &'a [Span]) -> Option<Last<'a>> {
    let mut ends: BTreeMap<&NodeName, &Span> = BTreeMap::new();
    let within = spans.iter().filter(|span| {
        // Who is connected early is asked early, before the part that waits for the answers.
        is_execution(span) && part.begin <= span.end && span.end <= part.end
    });
    for span in within {
        let node = span.node.as_ref()?;
        let end = ends.entry(node).or_insert(span);
        if end.end < span.end {
            *end = span;
        }
    }
    let (node, span) = ends.iter().max_by_key(|(_, span)| span.end)?;
    let first = ends.values().map(|span| span.end).min()?;
    Some(Last {
        node,
        span,
        waited: span.end.saturating_sub(first),
    })
}

fn is_execution(span: &Span) -> bool {
    matches!(span.kind, Kind::Execution | Kind::Wait)
}

/// Writes both tables. `took` is the whole run.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_timings(out: &mut dyn Write, spans: &[Span], took: Duration) -> io::Result<()> {
    writeln!(out, "\nthe run took {}", seconds(took))?;
    let head = ["", "took", "last node", "the first to be done waited"];
    let mut rows = vec![head.map(str::to_owned)];
    for part in spans.iter().filter(|span| span.kind == Kind::Part) {
        let last = last(part, spans);
        let (node, waited) = match &last {
            Some(last) => (last.node.to_string(), seconds(last.waited)),
            None => Default::default(),
        };
        rows.push([
            part.what.clone(),
            seconds(part.end - part.begin),
            node,
            waited,
        ]);
    }
    // The parts come one after the other; what is between them is done without the nodes.
    let parts = spans.iter().filter(|span| span.kind == Kind::Part);
    let with_nodes: Duration = parts.map(|part| part.end - part.begin).sum();
    let here = seconds(took.saturating_sub(with_nodes));
    rows.push([
        "on this machine alone".to_owned(),
        here,
        String::new(),
        String::new(),
    ]);
    table(out, &rows)?;
    writeln!(out)?;

    let nodes: BTreeSet<&NodeName> = spans.iter().filter_map(|span| span.node.as_ref()).collect();
    let head = ["node", "login and executions", "in them", "in gates"];
    let mut rows = vec![head.map(str::to_owned)];
    for node in nodes {
        let of = |kind: Kind| {
            let theirs = spans
                .iter()
                .filter(move |span| span.node.as_ref() == Some(node));
            theirs.filter(move |span| span.kind == kind)
        };
        let sum = |kind| of(kind).map(|span| span.end - span.begin).sum();
        let count = of(Kind::Execution).count() + of(Kind::Wait).count();
        rows.push([
            node.to_string(),
            count.to_string(),
            seconds(sum(Kind::Execution)),
            seconds(sum(Kind::Wait)),
        ]);
    }
    table(out, &rows)
}

/// `0.04 s`: parts of a run that takes less than a second are told apart.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn table<const N: usize>(out: &mut dyn Write, rows: &[[String; N]]) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}
