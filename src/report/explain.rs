//! Causes, with what says so and what helps: for people and for programs.

use std::io::{self, Write};

use serde_json::json;

use super::{clean, json::line};
use crate::explain::{Evidence, NodeExplanation};
use crate::secret::Mask;
use crate::verify::words::{count, list};

/// Writes what was found, as text; with `whole` all that was looked at, too.
///
/// # Errors
/// What `out` says.
pub fn write_explanations(
    out: &mut dyn Write,
    nodes: &[NodeExplanation],
    whole: bool,
) -> io::Result<()> {
    let shown = |text: &str| clean(&masked(text));
    for NodeExplanation {
        node,
        causes,
        evidence,
    } in nodes
    {
        if causes.is_empty() && !whole {
            continue;
        }
        writeln!(out, "{node}")?;
        for cause in causes {
            writeln!(
                out,
                "  cause: {} ({})",
                clean(&cause.cause),
                cause.signature
            )?;
            for (source, line) in &cause.evidence {
                writeln!(out, "    {source}: {}", shown(line))?;
            }
            writeln!(out, "    remedy: {}", cause.remedy)?;
        }
        if whole {
            write_evidence(out, evidence)?;
        }
        writeln!(out)?;
    }
    let sick: Vec<_> = nodes.iter().filter(|it| !it.causes.is_empty()).collect();
    let causes = sick.iter().map(|it| it.causes.len()).sum();
    match causes {
        0 => writeln!(out, "{}: nothing found", count(nodes.len(), "node")),
        causes => writeln!(
            out,
            "{}: {} on {}",
            count(nodes.len(), "node"),
            count(causes, "cause"),
            list(sick.iter().map(|it| &it.node))
        ),
    }
}

fn write_evidence(out: &mut dyn Write, evidence: &Evidence) -> io::Result<()> {
    for section in &evidence.sections {
        writeln!(out, "  evidence: {}", section.name)?;
        for line in &section.lines {
            writeln!(out, "    {}", clean(&masked(line)))?;
        }
    }
    Ok(())
}

/// The line without what looks like a secret by its place. The known ones are gone already, and
/// prose may speak of passwords: `password authentication failed`.
fn masked(line: &str) -> String {
    const PLACES: [&str; 6] = [
        "password=",
        "password:",
        "passwd",
        "secret",
        "://",
        "PRIVATE KEY",
    ];
    match PLACES.iter().any(|place| line.contains(place)) {
        true => Mask::default().text(line),
        false => line.to_owned(),
    }
}

/// Writes what was found, one object a cause.
///
/// # Errors
/// What `out` says.
pub fn write_explanations_json(out: &mut dyn Write, nodes: &[NodeExplanation]) -> io::Result<()> {
    for explanation in nodes {
        for cause in &explanation.causes {
            let evidence: Vec<_> = cause
                .evidence
                .iter()
                .map(|(source, line)| json!({"source": source, "line": masked(line)}))
                .collect();
            line(
                out,
                &json!({
                    "type": "cause",
                    "node": explanation.node,
                    "signature": cause.signature,
                    "cause": cause.cause,
                    "remedy": cause.remedy,
                    "evidence": evidence,
                }),
            )?;
        }
    }
    let names: Vec<_> = nodes.iter().map(|it| &it.node).collect();
    let causes: usize = nodes.iter().map(|it| it.causes.len()).sum();
    line(
        out,
        &json!({"type": "explained", "nodes": names, "causes": causes}),
    )
}
