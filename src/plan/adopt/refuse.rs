//! Where the inventory and a cluster that was made by other means do not mean the same: what a
//! deploy would take for another member, another database or another DCS is refused, with both said.

use std::collections::BTreeMap;

use super::losses;
use super::passwords::list;
use super::source::{Source, etcd_data_dir};
use crate::cluster::{Cluster, Node, NodeName, Role};
use crate::plan::preflight::Refusal;
use crate::plan::{Desired, etcd, patroni};
use crate::render::Rendered;

/// The stores of settings that Patroni knows besides etcd's v3 API.
const OTHER_STORES: [(&str, &str); 6] = [
    ("/etcd", "etcd by its v2 API (`etcd:`)"),
    ("/consul", "Consul"),
    ("/zookeeper", "ZooKeeper"),
    ("/exhibitor", "ZooKeeper by Exhibitor"),
    ("/kubernetes", "Kubernetes"),
    ("/raft", "Patroni's own Raft"),
];

/// What the nodes run with, each by its node.
///
/// # Errors
/// A refusal for each node on which there is nothing to take over.
pub(super) fn sources(desired: &Desired) -> Result<BTreeMap<NodeName, Source>, Vec<Refusal>> {
    let mut sources = BTreeMap::new();
    let mut refusals = Vec::new();
    for node in &desired.cluster.nodes {
        let Some(facts) = desired.facts.nodes.get(&node.name) else {
            continue;
        };
        let mut refuse = |message: String, hint: &str| {
            refusals.push(Refusal {
                node: Some(node.name.clone()),
                message,
                hint: Some(hint.to_owned()),
            });
        };
        if node.has(Role::Etcd) && !facts.is_active(etcd::UNIT) {
            refuse(
                format!("{} does not run here", etcd::UNIT),
                "adopt takes over what runs: an etcd under another unit has to run as etcd.service \
                 first; without a member here, leave the role `etcd` out",
            );
        }
        if !node.has(Role::Postgresql) {
            continue;
        }
        if !facts.is_active(patroni::UNIT) {
            refuse(
                format!("{} does not run here", patroni::UNIT),
                "adopt takes over what runs: `mahout deploy` makes a new cluster; a Patroni under \
                 another unit has to run as patroni.service first (`patronictl pause`, stop the \
                 one, start the other, `patronictl resume`: PostgreSQL runs on)",
            );
            continue;
        }
        let process = facts.processes.get(patroni::UNIT);
        match process.map(Source::of) {
            Some(Ok(source)) => {
                sources.insert(node.name.clone(), source);
            }
            Some(Err(why)) => refuse(
                format!("what Patroni was started with is not known: {why}"),
                "start it as `patroni FILE.yml`",
            ),
            None => refuse(
                "what Patroni was started with is not known".to_owned(),
                "`systemctl show -p MainPID patroni.service` must name a process",
            ),
        }
    }
    if refusals.is_empty() {
        Ok(sources)
    } else {
        Err(refusals)
    }
}

/// All that does not fit, of all nodes.
pub(super) fn misfits(desired: &Desired, sources: &BTreeMap<NodeName, Source>) -> Vec<Refusal> {
    // One in clear can be a takeover that was interrupted.
    let is_done = |source: &Source| source.is_ours && source.has("/restapi/certfile");
    if !sources.is_empty() && sources.values().all(is_done) {
        return vec![Refusal {
            node: None,
            message: "this cluster is mahout's already: there is nothing to take over".to_owned(),
            hint: Some("`mahout deploy` makes it what the inventory says".to_owned()),
        }];
    }
    let mut refusals = Vec::new();
    if desired.cluster.tls.enabled {
        refusals.push(Refusal {
            node: None,
            message: "the inventory says `tls: on`, and what is taken over runs in clear".to_owned(),
            hint: Some(
                "adopt with `tls: off`; put `tls: on` in its place afterwards, and `mahout deploy` \
                 turns it on stage by stage, under clients that go on writing"
                    .to_owned(),
            ),
        });
    }
    for (name, source) in sources {
        if let Some(node) = desired.cluster.node(name) {
            refusals.extend(named_otherwise(node, source));
            refusals.extend(store(desired.cluster, node, source));
        }
    }
    for ((key, theirs, ours), nodes) in settings(desired, sources) {
        refusals.push(Refusal {
            node: None,
            message: format!(
                "`{key}` is {theirs} on {}, and {ours} by the inventory",
                list(&nodes)
            ),
            hint: Some(format!("write `{key}: {theirs}`")),
        });
    }
    refusals.extend(losses::of(desired, sources));
    refusals
}

/// Settings that are other ones on the nodes than by the inventory: the inventory's name for each,
/// what the nodes have, what they would get, and which nodes.
pub(super) fn settings<'a>(
    desired: &Desired<'a>,
    sources: &'a BTreeMap<NodeName, Source>,
) -> BTreeMap<(&'static str, String, String), Vec<&'a NodeName>> {
    let mut settings: BTreeMap<_, Vec<&NodeName>> = BTreeMap::new();
    for (name, source) in sources {
        let Some(node) = desired.cluster.node(name) else {
            continue;
        };
        let rendered = &desired.rendered[name];
        for (key, theirs, ours) in differing(desired.cluster, node, rendered, source) {
            let nodes = settings.entry((key, theirs, ours)).or_default();
            nodes.push(name);
        }
    }
    for node in desired.cluster.with_role(Role::Etcd) {
        let facts = desired.facts.nodes.get(&node.name);
        let process = facts.and_then(|facts| facts.processes.get(etcd::UNIT));
        if let Some(theirs) = process.and_then(etcd_data_dir) {
            let (theirs, ours) = (directory(&theirs), directory(&node.etcd_data_dir));
            if theirs != ours {
                let nodes = settings.entry(("etcd.data_dir", theirs, ours)).or_default();
                nodes.push(&node.name);
            }
        }
    }
    settings
}

pub(super) fn at(node: &Node, message: String, hint: String) -> Refusal {
    Refusal {
        node: Some(node.name.clone()),
        message,
        hint: Some(hint),
    }
}

/// A member under another name would be a second one.
fn named_otherwise(node: &Node, source: &Source) -> Option<Refusal> {
    let theirs = source.text("/name")?;
    (theirs != node.name.as_str()).then(|| {
        at(
            node,
            format!(
                "Patroni's member here is called `{theirs}`, the inventory calls the node `{}`",
                node.name
            ),
            format!(
                "call the node `{theirs}` in the inventory: under another name it would be another \
                 member"
            ),
        )
    })
}

/// The DCS, and how it is spoken to.
fn store(cluster: &Cluster, node: &Node, source: &Source) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if !source.has("/etcd3") {
        let other = OTHER_STORES
            .iter()
            .find(|(pointer, _)| source.has(pointer))
            .map_or("none that is known", |(_, name)| name);
        refusals.push(at(
            node,
            format!("Patroni's DCS here is {other}; mahout's is etcd by its v3 API (`etcd3:`)"),
            "move it over first: `patronictl pause`, `etcd3:` in the place of the other in every \
             Patroni's settings, restart each Patroni, `patronictl resume`: PostgreSQL runs on"
                .to_owned(),
        ));
    }
    let etcd_is_ours = cluster.etcd.external.is_none();
    let etcd_encrypts = etcd_is_ours
        && (source.text("/etcd3/protocol").as_deref() == Some("https")
            || source.has("/etcd3/cacert"));
    if etcd_encrypts || source.has("/restapi/certfile") {
        let what = match etcd_encrypts {
            true => "etcd speaks",
            false => "Patroni's REST API speaks",
        };
        refusals.push(at(
            node,
            format!("{what} TLS here, with certificates that mahout does not know"),
            "mahout takes over a cluster that runs in clear, and turns TLS on with certificates of \
             its own or yours afterwards"
                .to_owned(),
        ));
    }
    let theirs = source.text("/etcd3/username");
    match &cluster.etcd.external {
        None if theirs.is_some() => refusals.push(at(
            node,
            "etcd asks for a login here, and its `root` is not known".to_owned(),
            "`etcdctl auth disable`, or name it as `etcd.external`, with username and password"
                .to_owned(),
        )),
        Some(external) if external.username != theirs => refusals.push(at(
            node,
            format!(
                "Patroni logs in to etcd as {}, and as {} by the inventory",
                theirs.as_deref().unwrap_or("nobody"),
                external.username.as_deref().unwrap_or("nobody")
            ),
            "set `etcd.external.username`".to_owned(),
        )),
        _ => {}
    }
    refusals
}

fn directory(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

/// Settings by the inventory's names for them: what the node has, and what it would get.
fn differing(
    cluster: &Cluster,
    node: &Node,
    rendered: &Rendered,
    source: &Source,
) -> Vec<(&'static str, String, String)> {
    let spec = &cluster.postgresql;
    let login = |user: &str| source.text(&format!("/postgresql/authentication/{user}/username"));
    let namespace = source.text("/namespace").unwrap_or("service".to_owned());
    let slashed = |path: &str| format!("/{}/", path.trim_matches('/'));
    let port = |pointers: [&str; 2], default: u16| {
        let said = pointers.iter().find_map(|pointer| source.text(pointer));
        let port = said.and_then(|said| said.rsplit_once(':').map(|(_, port)| port.to_owned()));
        Some(port.unwrap_or(default.to_string()))
    };
    [
        ("scope", source.text("/scope"), cluster.scope.to_string()),
        (
            "namespace",
            Some(slashed(&namespace)),
            slashed(&cluster.namespace),
        ),
        (
            "patroni.port",
            port(["/restapi/listen", "/restapi/connect_address"], 8008),
            cluster.patroni.port.to_string(),
        ),
        (
            "patroni.rest_username",
            source.text("/restapi/authentication/username"),
            cluster.patroni.rest_username.clone(),
        ),
        (
            "postgresql.port",
            port(["/postgresql/listen", "/postgresql/connect_address"], 5432),
            node.postgresql.port.to_string(),
        ),
        (
            "postgresql.data_dir",
            source
                .text("/postgresql/data_dir")
                .as_deref()
                .map(directory),
            directory(&rendered.data_dir),
        ),
        (
            "postgresql.bin_dir",
            source.text("/postgresql/bin_dir").as_deref().map(directory),
            directory(&rendered.bin_dir),
        ),
        (
            "postgresql.superuser.username",
            login("superuser"),
            spec.superuser.clone(),
        ),
        (
            "postgresql.replication.username",
            login("replication"),
            spec.replication.clone(),
        ),
        (
            "postgresql.rewind.username",
            login("rewind"),
            spec.rewind.clone(),
        ),
    ]
    .into_iter()
    .filter_map(|(key, theirs, ours)| {
        let theirs = theirs?;
        (theirs != ours).then_some((key, theirs, ours))
    })
    .collect()
}
