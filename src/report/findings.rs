//! Findings for people: by group, errors first, checks that hold in one line each.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::clean;
use crate::cluster::NodeName;
use crate::verify::words::{count, nodes};
use crate::verify::{Finding, Severity};

/// The groups in the order in which they are shown, with their names for people.
const GROUPS: [(&str, &str); 6] = [
    ("etcd", "etcd"),
    ("patroni", "Patroni"),
    ("postgresql", "PostgreSQL"),
    ("haproxy", "HAProxy"),
    ("vip", "virtual address"),
    ("system", "system"),
];

/// How many checks there are, each counted by the worst that it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Checks that hold.
    pub ok: usize,
    /// Checks with a warning and no error.
    pub warnings: usize,
    /// Checks with an error.
    pub errors: usize,
}

impl Counts {
    /// Counts the checks.
    pub fn of(findings: &[Finding]) -> Self {
        let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
        for finding in findings {
            let severity = worst.entry(finding.check).or_insert(Severity::Ok);
            *severity = finding.severity.max(*severity);
        }
        let of = |severity| worst.values().filter(|&&worst| worst == severity).count();
        Self {
            ok: of(Severity::Ok),
            warnings: of(Severity::Warning),
            errors: of(Severity::Error),
        }
    }

    /// `36 checks: 34 ok, 1 warning, 1 error`.
    pub fn words(&self) -> String {
        format!(
            "{}: {} ok, {}, {}",
            count(self.ok + self.warnings + self.errors, "check"),
            self.ok,
            count(self.warnings, "warning"),
            count(self.errors, "error"),
        )
    }
}

/// Writes the findings as text, and how many there are. Nodes of which a check says the same are
/// named in one line, the first of them if they are many.
///
/// # Errors
/// What `out` says.
pub fn write_findings(out: &mut dyn Write, findings: &[Finding]) -> io::Result<()> {
    write_groups(out, &findings.iter().collect::<Vec<_>>())?;
    writeln!(out, "{}", Counts::of(findings).words())
}

/// Writes those findings that are not well as text, if there are any.
///
/// # Errors
/// What `out` says.
pub fn write_problems(out: &mut dyn Write, findings: &[Finding]) -> io::Result<()> {
    let problems = findings
        .iter()
        .filter(|finding| finding.severity != Severity::Ok);
    write_groups(out, &problems.collect::<Vec<_>>())
}

fn write_groups(out: &mut dyn Write, findings: &[&Finding]) -> io::Result<()> {
    let checks = findings.iter().map(|finding| finding.check.len());
    let width = checks.max().unwrap_or_default();
    for (group, title) in GROUPS {
        let of_group = findings.iter().copied();
        let mut lines = merged(of_group.filter(|finding| finding.group == group));
        if lines.is_empty() {
            continue;
        }
        lines.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.severity));
        writeln!(out, "{title}")?;
        for (finding, names) in lines {
            let mut message = clean(&finding.message);
            if !names.is_empty() {
                message = format!("{}: {message}", nodes(names));
            }
            let severity = match finding.severity {
                Severity::Ok => "ok",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            writeln!(out, "  {severity:7}  {:width$}  {message}", finding.check)?;
            if let Some(hint) = &finding.hint {
                writeln!(out, "  {:7}  {:width$}  hint: {}", "", "", clean(hint))?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// One line for findings that differ in nothing but their node.
fn merged<'a>(
    findings: impl Iterator<Item = &'a Finding>,
) -> Vec<(&'a Finding, BTreeSet<&'a NodeName>)> {
    let mut lines: Vec<(&Finding, BTreeSet<&NodeName>)> = Vec::new();
    for finding in findings {
        let same = lines.iter_mut().find(|(first, nodes)| {
            !nodes.is_empty()
                && finding.node.is_some()
                && (first.severity, first.check) == (finding.severity, finding.check)
                && first.message == finding.message
                && first.hint == finding.hint
        });
        match same {
            Some((_, nodes)) => nodes.extend(&finding.node),
            None => lines.push((finding, finding.node.iter().collect())),
        }
    }
    lines
}
