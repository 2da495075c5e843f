//! What `verify` asks of the services themselves: whether clients and the nodes get through, and
//! whether all others do not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::session::Session;
use crate::cluster::{Cluster, Node, NodeName, Role, SecretName};
use crate::error::Error;
use crate::facts::Facts;
use crate::platform::Platform;
use crate::render::Rendered;
use crate::secret::Secret;
use crate::transport::{Command, Effect, Fleet, Host, Transport};
use crate::verify::doors::{self, Knock};
use crate::verify::paths::{self, Walk};
use crate::verify::probe::{self, ProbeResult};
use crate::verify::{self, Finding};

type AllRendered = BTreeMap<NodeName, Rendered>;

/// Probes every HAProxy, knocks at every door, walks every path, and judges all of it and the facts.
pub(super) async fn judge(
    session: &Session<'_>,
    fleet: &Fleet<Host>,
    facts: &Facts,
) -> Result<Vec<Finding>, Error> {
    let known = of_known_platforms(facts);
    let rendered = session.render(&known)?;
    let able = with_postgresql(session, fleet, &known);
    let (probes, knocks, walks) = tokio::join!(
        send_probes(session, fleet, &able, &rendered),
        knock(session, fleet, &able, &rendered),
        walk(&session.cluster, fleet, facts)
    );
    Ok(verdict(session, facts, &rendered, &probes, &knocks, &walks))
}

/// Judges the facts alone: nothing more is asked.
pub(super) fn by_facts(session: &Session<'_>, facts: &Facts) -> Result<Vec<Finding>, Error> {
    let rendered = session.render(&of_known_platforms(facts))?;
    Ok(verdict(session, facts, &rendered, &[], &[], &[]))
}

fn verdict(
    session: &Session<'_>,
    facts: &Facts,
    rendered: &AllRendered,
    probes: &[ProbeResult],
    knocks: &[Knock],
    walks: &[Walk],
) -> Vec<Finding> {
    let cluster = &session.cluster;
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    verify::verify(cluster, facts, rendered, probes, knocks, walks, now)
}

/// Without the nodes of which nobody knows what they are to have; that they are there is a finding.
fn of_known_platforms(facts: &Facts) -> Facts {
    let mut known = facts.clone();
    known
        .nodes
        .retain(|_, node| Platform::detect(&node.system.os).is_ok());
    known
}

/// The nodes that have PostgreSQL's programs and can be reached.
fn with_postgresql<'a>(
    session: &'a Session<'_>,
    fleet: &Fleet<Host>,
    facts: &Facts,
) -> Vec<&'a Node> {
    let answers = |node: &Node| {
        let facts = facts.nodes.get(&node.name);
        let there = facts.and_then(|facts| facts.postgresql.as_ref());
        there.is_some_and(|there| there.answers)
    };
    session
        .cluster
        .with_role(Role::Postgresql)
        .filter(|node| answers(node) && fleet.host(&node.name).is_some())
        .collect()
}

/// One execution on one PostgreSQL node asks every HAProxy. Where no PostgreSQL node can be
/// reached there is nothing to ask with.
async fn send_probes(
    session: &Session<'_>,
    fleet: &Fleet<Host>,
    able: &[&Node],
    rendered: &AllRendered,
) -> Vec<ProbeResult> {
    let cluster = &session.cluster;
    let from = able.first();
    let Some((node, host)) = from.and_then(|node| Some((node, fleet.host(&node.name)?))) else {
        return Vec::new();
    };
    let password = session.secrets.get(&SecretName::Probe);
    let bin_dir = &rendered[&node.name].bin_dir;
    let Some(script) = probe::script(cluster, node, bin_dir, password) else {
        return Vec::new();
    };
    let said = ask(Arc::clone(host), "probe HAProxy", script).await;
    probe::parse(cluster, node, password, &said)
}

/// One execution on every PostgreSQL node knocks at the doors of others.
async fn knock(
    session: &Session<'_>,
    fleet: &Fleet<Host>,
    able: &[&Node],
    rendered: &AllRendered,
) -> Vec<Knock> {
    let cluster = &session.cluster;
    let visits = doors::visits(cluster, able);
    let mut work = JoinSet::new();
    for (at, (from, nodes)) in visits.iter().enumerate() {
        if let Some(host) = fleet.host(&from.name).filter(|_| !nodes.is_empty()) {
            let bin_dir = &rendered[&from.name].bin_dir;
            let script = doors::script(cluster, from, nodes, bin_dir);
            let host = Arc::clone(host);
            work.spawn(async move {
                let title = "knock at what must be closed";
                (at, ask(host, title, script).await)
            });
        }
    }
    let mut knocks = Vec::new();
    for (at, said) in work.join_all().await {
        let (from, nodes) = &visits[at];
        knocks.extend(doors::parse(cluster, from, nodes, &said));
    }
    knocks
}

/// One execution on every node tries what it needs of the others.
async fn walk(cluster: &Cluster, fleet: &Fleet<Host>, facts: &Facts) -> Vec<Walk> {
    let mut work = JoinSet::new();
    for node in &cluster.nodes {
        let paths = paths::paths(cluster, facts, node);
        if let Some(host) = fleet.host(&node.name).filter(|_| !paths.is_empty()) {
            let host = Arc::clone(host);
            work.spawn(async move {
                let title = "try the paths to the other nodes";
                let script = paths::script(&paths);
                let said = ask(host, title, script).await;
                paths::parse(&paths, &said)
            });
        }
    }
    work.join_all().await.into_iter().flatten().collect()
}

/// What a script says that may take so many seconds; what one that did not come to its end has not
/// said counts as not answered.
async fn ask(host: Arc<Host>, title: &str, (script, seconds): (Secret, u64)) -> String {
    let command = Command {
        title: title.to_owned(),
        script,
        input: None,
        keeps_stdout: true,
        effect: Effect::Probe,
        timeout: Duration::from_secs(seconds),
    };
    match host.exec(&command, &mut |_| {}).await {
        Ok(output) => output.stdout,
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::NodeFacts;

    #[test]
    fn a_node_of_an_unknown_distribution_is_no_reason_not_to_judge_the_others() {
        let mut facts = Facts::default();
        for (name, id) in [("pg-1", "debian"), ("pg-2", "alpine")] {
            let mut node = NodeFacts::default();
            node.system.os.id = id.to_owned();
            facts.nodes.insert(name.into(), node);
        }
        let known = of_known_platforms(&facts);
        let names: Vec<&str> = known.nodes.keys().map(NodeName::as_str).collect();
        assert_eq!(names, ["pg-1"]);
    }
}
