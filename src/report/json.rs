//! JSON for programs: one object a line, each with its `type`. Keys are only ever added; texts
//! (`title`, `message`, `hint`, `diff`, `missing`) are for people and may change.
//!
//! The answer goes to stdout; events and errors go to stderr, so that `mahout status --output json`
//! is one object. No object holds a secret, but for the one that `secrets show` is asked for.
//!
//! Texts in any case are what is none of ours or is for a person at a terminal: help, questions, what
//! a program says that `lab ssh` or `lab exec` runs. `facts` and `schema` answer with one indented
//! object.
//!
//! # Errors
//!
//! | type | keys |
//! | --- | --- |
//! | `error` | `code` (the exit code), `message`, `hint` (null or text); one line, the last, on stderr. There is none where the answer says it already: `check`, `verify`, `status`, `explain`, `--exit-code` |
//! | `problem` | `file`, `severity` (`error`, `warning`), `message`, `hint` (null or text), `span` (null or `start`, `end`, `line`, `column`), `related` (a list of a span and a text); of `check` on stdout, of other commands before their `error` |
//!
//! # Results
//!
//! Type `result`, with `result`, `message` and its keys:
//!
//! | result | of | keys |
//! | --- | --- | --- |
//! | `unchanged` | what was asked for consent, `secrets edit` | |
//! | `done` | `deploy` and its kin, after the findings | of `deploy`: `connect`, the URL of libpq by which clients write |
//! | `destroyed` | `destroy` | `scope` |
//! | `adopted` | `adopt`, after the findings | `scope` |
//! | `suggestion` | `adopt --suggest` | `keys`: as the inventory nests them; the remarks stand in `message` |
//! | `written` | `init` | `path` |
//! | `valid` | `check` | `path`, `scope`, `nodes` (how many), `worst_failover_seconds` |
//! | `rendered` | `render`, one a file | `node`, `file` (its path there), `path` (its path here) |
//! | `host_key` | `trust`, one a node | `node`, `algorithm`, `fingerprint`, `state` (`known`, `new`, `changed`) |
//! | `trusted`, `not_trusted` | `trust`, if there is a new one | `recorded` (how many) |
//! | `unlocked` | `unlock` | |
//! | `stages` | `rotate`, if more than one | `goals`: the titles of those that follow |
//! | `authorities_published` | `rotate ca` | `path` |
//! | `secrets_changed` | `secrets set`, `secrets edit` | `names` |
//! | `rekeyed` | `secrets rekey` | `recipients` (none if it is a passphrase) |
//! | `lab_up`, `lab_down` | `lab` | `lab`, of the first `inventory` |
//! | `node_killed`, `node_started` | `lab` | `lab`, `node` |
//! | `node_cut`, `node_healed` | `lab` | `lab`, `node`, with `--from` also `from` |
//! | `demo` | `demo`, the last line | `lab`, `program` (how mahout is called), `inventory`, `authorities`, `node`, `address`, `user` |
//!
//! # Labs
//!
//! | type | keys |
//! | --- | --- |
//! | `lab` | `name`, `image`, `subnet` (null if nothing was made yet), `whole`, `nodes` (a list of `name`, `address`, `running`) |
//!
//! # A plan
//!
//! | type | keys |
//! | --- | --- |
//! | `plan` | `scope`, `goal`, `nodes` (in the cluster), `worst_failover_seconds`, `worst_takeover_seconds` (of the virtual address; null without one), `phases`, `steps`, `nodes_touched` (numbers), `empty` |
//! | `phase` | `number` (from 1), `title`, `rollout` (`parallel`, `rolling`), `nodes` (names, in order), `gate`: null or `title`, `deadline_seconds` |
//! | `step` | `phase` (its number), `node`, `number` (on that node in that phase, from 1), `change` (`create`, `update`, `remove`), `title`, `guard` (null or text), `path` (null or the file's), `diff` (null or text: a unified diff whose lines may also begin with `~`: the secret in this line changes) |
//! | `note` | `node` (null for the cluster), `message` |
//!
//! # Findings
//!
//! | type | keys |
//! | --- | --- |
//! | `finding` | `severity` (`ok`, `warning`, `error`), `group`, `check` (its stable name), `node` (null for the cluster), `message`, `hint` (null or text) |
//! | `summary` | `ok`, `warnings`, `errors`: how many checks; one line, after the findings |
//!
//! # Explanations
//!
//! | type | keys |
//! | --- | --- |
//! | `cause` | `node`, `signature` (its stable name), `cause`, `remedy`, `evidence` (a list of `source`, the record's name, and `line`) |
//! | `explained` | `nodes` (names that were looked at), `causes` (how many); one line, the last |
//!
//! # Secrets
//!
//! | type | keys |
//! | --- | --- |
//! | `secret` | `name`, `source` (`vault`, `env:NAME`, `file:PATH`, `command`), `kept` (whether the vault has it; null if it is kept elsewhere), `in_rotation`, `used` (whether the inventory names it) |
//! | `secret_value` | `name`, `value` |
//!
//! # Locks and runs
//!
//! | type | keys |
//! | --- | --- |
//! | `lock` | `node`, `holder` (`USER@HOST`), `held_seconds`, `silent_seconds` (since its last sign of life), `alive`, `running` (null or the step) |
//! | `run` | those of [`super::AuditEntry`], `on` (the nodes that have it on record), `here` (whether this machine has) |
//!
//! # Status
//!
//! One object of type `status`: see [`super::Status`].
//!
//! # Events
//!
//! Type `event`, with `event` and its keys; durations are `*_seconds`:
//!
//! | event | keys |
//! | --- | --- |
//! | `started`, `finished` | `what`, at the end `took_seconds` |
//! | `phase_started`, `phase_finished` | `phase`, `nodes` and `steps` (numbers), at the end `took_seconds` |
//! | `step_started`, `step_finished` | `phase`, `node`, `step` |
//! | `step_output` | `node`, `line` |
//! | `waiting` | `node`, `what`, `missing`, `left_seconds` |
//! | `warning` | `node` (null for the cluster), `message` |

use std::io::{self, Write};

use serde_json::{Value, json};

use super::findings::Counts;
use super::plan::PlanView;
use super::status::Status;
use super::step;
use crate::cluster::SecretEntry;
use crate::plan::{Action, Rollout, Step};
use crate::report::Event;
use crate::secret::Mask;
use crate::verify::Finding;

pub(super) fn line(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    writeln!(out, "{value}")
}

/// Writes the list of secrets.
///
/// # Errors
/// What `out` says.
pub fn write_secrets_json(out: &mut dyn Write, secrets: &[SecretEntry]) -> io::Result<()> {
    for secret in secrets {
        let mut value = serde_json::to_value(secret)?;
        value["type"] = json!("secret");
        line(out, &value)?;
    }
    Ok(())
}

/// Writes a plan.
///
/// # Errors
/// What `out` says.
pub fn write_plan_json(out: &mut dyn Write, view: &PlanView) -> io::Result<()> {
    let PlanView { cluster, plan, .. } = view;
    let mask = view.mask();
    let worst = cluster
        .timings
        .worst_failover(cluster.etcd.election_timeout);
    let takeover = cluster.worst_takeover();
    line(
        out,
        &json!({
            "type": "plan",
            "scope": cluster.scope,
            "goal": view.goal,
            "nodes": cluster.nodes.len(),
            "worst_failover_seconds": worst.as_secs_f64(),
            "worst_takeover_seconds": takeover.map(|worst| worst.as_secs_f64()),
            "phases": plan.phases.len(),
            "steps": plan.step_count(),
            "nodes_touched": plan.nodes().len(),
            "empty": plan.is_empty(),
        }),
    )?;
    for (index, phase) in plan.phases.iter().enumerate() {
        let nodes: Vec<&str> = phase.work.iter().map(|work| work.node.as_str()).collect();
        let gate = phase.gate.as_ref().map(
            |gate| json!({"title": gate.title, "deadline_seconds": gate.deadline.as_secs_f64()}),
        );
        line(
            out,
            &json!({
                "type": "phase",
                "number": index + 1,
                "title": phase.title,
                "rollout": match phase.rollout {
                    Rollout::Parallel => "parallel",
                    Rollout::Rolling => "rolling",
                },
                "nodes": nodes,
                "gate": gate,
            }),
        )?;
        for work in &phase.work {
            for (number, step) in work.steps.iter().enumerate() {
                let mut object = step_object(view, step, &mask);
                object["phase"] = (index + 1).into();
                object["node"] = work.node.as_str().into();
                object["number"] = (number + 1).into();
                line(out, &object)?;
            }
        }
    }
    for note in &plan.notes {
        let message = mask.text(&note.message);
        line(
            out,
            &json!({"type": "note", "node": note.node, "message": message}),
        )?;
    }
    Ok(())
}

fn step_object(view: &PlanView, step: &Step, mask: &Mask) -> Value {
    let diff: Vec<String> = step::details(&step.action, view.detail, mask)
        .iter()
        .map(|line| line.show(""))
        .collect();
    let path = match &step.action {
        Action::WriteFile { file, .. } => Some(&file.path),
        Action::RemoveFile { path } | Action::CreateDirectory { path, .. } => Some(path),
        _ => None,
    };
    json!({
        "type": "step",
        "change": step::change(&step.action).as_str(),
        "title": mask.text(&step.action.title()),
        "guard": step.guard.as_ref().map(step::guard),
        "path": path,
        "diff": (!diff.is_empty()).then(|| diff.join("\n")),
    })
}

/// Writes findings and their summary.
///
/// # Errors
/// What `out` says.
pub fn write_findings_json(out: &mut dyn Write, findings: &[Finding]) -> io::Result<()> {
    for finding in findings {
        line(
            out,
            &json!({
                "type": "finding",
                "severity": finding.severity,
                "group": finding.group,
                "check": finding.check,
                "node": finding.node,
                "message": finding.message,
                "hint": finding.hint,
            }),
        )?;
    }
    let Counts {
        ok,
        warnings,
        errors,
    } = Counts::of(findings);
    line(
        out,
        &json!({"type": "summary", "ok": ok, "warnings": warnings, "errors": errors}),
    )
}

/// Writes the topology.
///
/// # Errors
/// What `out` says.
pub fn write_status_json(out: &mut dyn Write, status: &Status) -> io::Result<()> {
    line(out, &serde_json::to_value(status)?)
}

/// The object of an event.
pub(super) fn event(event: &Event) -> Value {
    let mut object = match event {
        Event::Started { what } => json!({"event": "started", "what": what}),
        Event::Finished { what, took } => {
            json!({"event": "finished", "what": what, "took_seconds": took.as_secs_f64()})
        }
        Event::PhaseStarted {
            phase,
            nodes,
            steps,
        } => json!({"event": "phase_started", "phase": phase, "nodes": nodes, "steps": steps}),
        Event::PhaseFinished { phase, took } => json!({
            "event": "phase_finished", "phase": phase, "took_seconds": took.as_secs_f64()
        }),
        Event::StepStarted { phase, node, step } => {
            json!({"event": "step_started", "phase": phase, "node": node, "step": step})
        }
        Event::StepFinished { phase, node, step } => {
            json!({"event": "step_finished", "phase": phase, "node": node, "step": step})
        }
        Event::StepOutput { node, line } => {
            json!({"event": "step_output", "node": node, "line": line})
        }
        Event::Waiting {
            node,
            what,
            missing,
            left,
        } => json!({
            "event": "waiting", "node": node, "what": what, "missing": missing,
            "left_seconds": left.as_secs_f64(),
        }),
        Event::Warning { node, message } => {
            json!({"event": "warning", "node": node, "message": message})
        }
    };
    object["type"] = "event".into();
    object
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::event;
    use crate::report::Event;

    #[test]
    fn events_are_objects_with_units_in_their_names() {
        let waiting = Event::Waiting {
            node: "pg-1".into(),
            what: "a leader".to_owned(),
            missing: "its key".to_owned(),
            left: Duration::from_millis(1500),
        };
        assert_eq!(
            event(&waiting),
            json!({
                "type": "event", "event": "waiting", "node": "pg-1", "what": "a leader",
                "missing": "its key", "left_seconds": 1.5,
            })
        );
        let finished = Event::PhaseFinished {
            phase: "etcd",
            took: Duration::from_secs(3),
        };
        assert_eq!(
            event(&finished),
            json!({"type": "event", "event": "phase_finished", "phase": "etcd", "took_seconds": 3.0})
        );
        let warning = Event::Warning {
            node: None,
            message: "m".to_owned(),
        };
        assert_eq!(
            event(&warning),
            json!({"type": "event", "event": "warning", "node": null, "message": "m"})
        );
    }
}
