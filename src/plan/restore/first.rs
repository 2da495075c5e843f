//! Whose database is the newest: nobody else may lead before that one does, since the DCS no longer
//! says what was the last that it had.

use super::super::Desired;
use super::super::members::may_lead;
use super::super::preflight::PlanError;
use super::refusal;
use crate::cluster::{Node, NodeName};
use crate::facts::PostgresqlFacts;

/// Who is to lead first of those that have a database, and why.
///
/// # Errors
/// If that cannot be seen, and `leader` does not say it.
pub(super) fn newest<'a>(
    desired: &Desired,
    nodes: Vec<&'a Node>,
    leader: Option<&NodeName>,
) -> Result<(&'a Node, String), PlanError> {
    if let Some(leader) = leader {
        let named = nodes.iter().find(|node| node.name == *leader);
        return match named {
            Some(node) => Ok((node, "it was named by --leader".to_owned())),
            None => Err(refusal(
                &format!("`{leader}` has no database"),
                &format!("there is one on {}", names(&nodes)),
            )),
        };
    }
    let electable: Vec<&Node> = nodes
        .iter()
        .filter(|node| may_lead(&node.patroni.tags))
        .copied()
        .collect();
    match electable.as_slice() {
        [] => Err(cannot_be_seen(desired, &nodes)),
        [only] => Ok((only, "nobody else has a database and may lead".to_owned())),
        several => {
            let seen = by_wal(desired, several).or_else(|| by_shutdown(desired, several));
            seen.ok_or_else(|| cannot_be_seen(desired, several))
        }
    }
}

/// Every server says how far it has come, or did when an earlier run stopped it.
fn by_wal<'a>(desired: &Desired, nodes: &[&'a Node]) -> Option<(&'a Node, String)> {
    let mut furthest: Option<((u32, u64), &Node)> = None;
    for node in nodes {
        let facts = facts_of(desired, node)?;
        let place = (facts.timeline?, facts.wal_bytes?);
        // The first of several that are even.
        if furthest.is_none_or(|(far, _)| place > far) {
            furthest = Some((place, node));
        }
    }
    let (place, node) = furthest?;
    Some((
        node,
        format!("nobody has come further than {}", words(place)),
    ))
}

/// A primary that was shut down in order has all that there was, unless another was made one after it.
fn by_shutdown<'a>(desired: &Desired, nodes: &[&'a Node]) -> Option<(&'a Node, String)> {
    let is_down = |node: &&&Node| {
        let facts = facts_of(desired, node);
        facts.is_some_and(|it| !it.answers && it.control_state.as_deref() == Some("shut down"))
    };
    let mut down = nodes.iter().filter(is_down);
    let (Some(node), None) = (down.next(), down.next()) else {
        return None;
    };
    let timeline = |node: &Node| facts_of(desired, node)?.timeline;
    let own = timeline(node)?;
    let is_last = nodes
        .iter()
        .all(|other| timeline(other).is_some_and(|other| other <= own));
    is_last.then(|| {
        let why = format!("it was the primary on timeline {own} and was shut down in order");
        (*node, why)
    })
}

fn cannot_be_seen(desired: &Desired, nodes: &[&Node]) -> PlanError {
    let said = nodes.iter().map(|node| {
        let what = match facts_of(desired, node) {
            Some(PostgresqlFacts {
                timeline: Some(timeline),
                wal_bytes: Some(bytes),
                ..
            }) => words((*timeline, *bytes)),
            Some(facts) => {
                let state = facts.control_state.as_deref();
                let timeline = facts.timeline.map(|it| format!(", timeline {it}"));
                format!(
                    "does not answer{}, {}",
                    timeline.unwrap_or_default(),
                    state.unwrap_or("of unknown state")
                )
            }
            None => "is not known".to_owned(),
        };
        format!("{} ({what})", node.name)
    });
    let said: Vec<String> = said.collect();
    let message = format!(
        "nobody leads, and whose database is the newest cannot be seen: {}",
        said.join("; ")
    );
    refusal(
        &message,
        "`--leader NODE` says it: whoever led last; its log and `pg_controldata` on the nodes tell",
    )
}

/// `timeline 3, 0/5000148`, as PostgreSQL writes it.
fn words((timeline, bytes): (u32, u64)) -> String {
    let (high, low) = (bytes >> 32, bytes & 0xffff_ffff);
    format!("timeline {timeline}, {high:X}/{low:X}")
}

fn facts_of<'a>(desired: &Desired<'a>, node: &Node) -> Option<&'a PostgresqlFacts> {
    desired.facts.nodes.get(&node.name)?.postgresql.as_ref()
}

fn names(nodes: &[&Node]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    names.join(", ")
}
