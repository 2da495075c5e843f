//! A plan for people: phases, nodes, steps, and what each step changes.

use std::io::{self, Write};

use super::clean;
use super::group::groups;
use crate::cluster::{Cluster, NodeName, Role, Secrets};
use crate::plan::{Phase, Plan, Rollout};
use crate::secret::Mask;
use crate::verify::words::{count, list, nodes};

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Before the question whether to go on: what changes, line by line; new files by name.
    Summary,
    /// `--dry-run`: new files with all their lines, too. It ends with "nothing was changed".
    Full,
}

/// A plan to be shown.
#[derive(Clone, Copy)]
pub struct PlanView<'a> {
    /// The cluster that it is for.
    pub cluster: &'a Cluster,
    /// The plan.
    pub plan: &'a Plan,
    /// What must not be seen, whatever file it stands in.
    pub secrets: &'a Secrets,
    /// What the plan is for: `converge`.
    pub goal: &'a str,
    /// How much of it is shown.
    pub detail: Detail,
}

impl PlanView<'_> {
    pub(super) fn mask(&self) -> Mask {
        Mask::new(self.secrets.values.values())
    }
}

/// Writes the plan as text. Nodes whose steps are equal are shown once; where nothing but the
/// node's own name and address differs, that is said.
///
/// # Errors
/// What `out` says.
pub fn write_plan(out: &mut dyn Write, view: &PlanView) -> io::Result<()> {
    let PlanView { cluster, plan, .. } = view;
    let mask = view.mask();
    if !plan.is_empty() {
        let nodes = count(cluster.nodes.len(), "node");
        writeln!(out, "cluster {}: {nodes}, {}", cluster.scope, view.goal)?;
        if cluster.with_role(Role::Postgresql).next().is_some() {
            writeln!(out, "{}", worst_failover(cluster))?;
        }
        if let Some(said) = worst_takeover(cluster) {
            writeln!(out, "{said}")?;
        }
        writeln!(out)?;
    }
    for phase in &plan.phases {
        write_phase(out, view, phase, &mask)?;
        writeln!(out)?;
    }
    // What is said of several nodes alike is said once.
    let mut notes: Vec<(&str, Vec<&NodeName>)> = Vec::new();
    for note in &plan.notes {
        match notes.iter_mut().find(|(said, _)| *said == note.message) {
            Some((_, nodes)) => nodes.extend(&note.node),
            None => notes.push((&note.message, note.node.iter().collect())),
        }
    }
    for (message, names) in notes {
        let message = clean(&mask.text(message));
        if names.is_empty() {
            writeln!(out, "note: {message}")?;
        } else {
            writeln!(out, "note: {}: {message}", nodes(names))?;
        }
    }
    if !plan.notes.is_empty() {
        writeln!(out)?;
    }
    if plan.is_empty() {
        return writeln!(out, "nothing to change");
    }
    let steps = count(plan.step_count(), "step");
    let nodes = count(plan.nodes().len(), "node");
    let end = match view.detail {
        Detail::Summary => "",
        Detail::Full => "; nothing was changed",
    };
    writeln!(out, "{steps} on {nodes}{end}")
}

/// What the timings mean for writes.
fn worst_failover(cluster: &Cluster) -> String {
    let timings = &cluster.timings;
    let election = cluster.etcd.election_timeout;
    let worst = timings.worst_failover(election);
    format!(
        "a failover takes at worst {} s (ttl {}, loop_wait {}, etcd's election {}, promotion and \
         HAProxy's checks the rest)",
        worst.as_secs_f64().ceil(),
        timings.ttl.as_secs(),
        timings.loop_wait.as_secs(),
        election.as_secs_f64(),
    )
}

/// What the virtual address means for them.
fn worst_takeover(cluster: &Cluster) -> Option<String> {
    let (vip, worst) = (cluster.vip.as_ref()?, cluster.worst_takeover()?);
    Some(format!(
        "{} goes to another node within {} s of the loss of its node, or of HAProxy there (three \
         adverts of {} s, and the skew)",
        vip.address,
        worst.as_secs_f64().ceil(),
        vip.advert.as_secs_f64(),
    ))
}

fn write_phase(out: &mut dyn Write, view: &PlanView, phase: &Phase, mask: &Mask) -> io::Result<()> {
    let rollout = match phase.rollout {
        Rollout::Parallel => "parallel",
        Rollout::Rolling => "rolling",
    };
    let nodes = count(phase.work.len(), "node");
    writeln!(out, "phase {} ({rollout}, {nodes})", phase.title)?;
    let groups = groups(view.cluster, phase, view.detail, mask);
    let width = groups
        .iter()
        .map(|group| group.first.as_str().len())
        .max()
        .unwrap_or_default();
    for group in &groups {
        let mut name = group.first.as_str();
        for line in &group.lines {
            writeln!(out, "{}", format!("  {name:width$}  {line}").trim_end())?;
            name = "";
        }
        if !group.equal.is_empty() {
            writeln!(out, "  {}  same as {}", list(&group.equal), group.first)?;
        }
        if !group.alike.is_empty() {
            writeln!(
                out,
                "  {}  same as {}, each with its own name and address",
                list(&group.alike),
                group.first
            )?;
        }
    }
    Ok(())
}
