//! Findings, for people and for programs.

use mahout::report::{write_findings, write_findings_json, write_problems};
use mahout::verify::Severity;
use serde_json::{Value, json};

use super::{broken, text};
use crate::sample::Sample;

#[test]
fn findings_of_a_healthy_cluster() {
    insta::assert_snapshot!(text(|out| write_findings(out, &Sample::healthy().verify())));
}

#[test]
fn findings_of_a_broken_cluster() {
    insta::assert_snapshot!(text(|out| write_findings(out, &broken().verify())));
}

#[test]
fn findings_for_programs() {
    let shown = text(|out| write_findings_json(out, &broken().verify()));
    let lines: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    let (summary, findings) = lines.split_last().expect("a summary");
    assert_eq!(
        *summary,
        json!({"type": "summary", "ok": 55, "warnings": 2, "errors": 3})
    );
    let first = findings
        .iter()
        .find(|finding| finding["severity"] == "error");
    assert_eq!(
        first.expect("an error"),
        &json!({
            "type": "finding", "severity": "error", "group": "etcd",
            "check": "etcd.members_healthy", "node": "pg-3", "hint": null,
            "message": "its member cannot be asked: the node is not reachable",
        })
    );
}

#[test]
fn a_deploy_tells_what_is_not_well_and_counts_nothing() {
    let mut well = Sample::healthy().verify();
    well.retain(|finding| finding.severity == Severity::Ok);
    assert_eq!(text(|out| write_problems(out, &well)), "");
    let shown = text(|out| write_problems(out, &broken().verify()));
    assert!(shown.contains("  error    etcd.members_healthy"), "{shown}");
    assert!(
        !shown.contains("  ok  ") && !shown.contains(" checks:"),
        "{shown}"
    );
}
