//! Whether every node reaches what it needs of the others, and whether a firewall that runs keeps
//! shut what it does not have to open: a connection is made and given up, nothing is sent.

use std::collections::{BTreeMap, BTreeSet};

use super::abreast::Abreast;
use super::probe::quoted;
use super::view::{Judge, View};
use super::words::{count, nodes};
use crate::cluster::{Cluster, Node, NodeName};
use crate::facts::Facts;
use crate::facts::firewall::Fence;
use crate::secret::Secret;

/// How long one attempt may take, in seconds.
const DEADLINE: u64 = 4;
const ABREAST: Abreast = Abreast {
    at_once: 40,
    each: DEADLINE + 1,
};
/// From how many nodes it is tried what clients need and the cluster does not. Each from each
/// would be 4,900 attempts in a cluster of fifty nodes with HAProxy.
const WITNESSES: usize = 3;

/// What the script begins with. bash makes a connection by itself and says why there is none; every
/// distribution that mahout knows has it.
const FUNCTION: &str = r#"export LC_ALL=C
reach() {
said=$(timeout -k 1 "$4" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>&1 </dev/null)
code=$?
printf 'reach %s %s %s\n' "$1" "$code" "$(printf %s "$said" | tr '\n\t' '  ' | cut -c1-200)"
}
"#;

/// A connection from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// From where.
    pub from: NodeName,
    /// Where to.
    pub to: NodeName,
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
    /// What is there; `None` is a port at which nobody listens and that a firewall has to refuse.
    pub service: Option<&'static str>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It stands.
    Open,
    /// The other end has nobody who listens, and says so.
    Refused,
    /// Somebody in between, or the other end's firewall, keeps it away.
    Blocked(String),
    /// It could not be tried.
    Unknown(String),
}

/// A path that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The path.
    pub path: Path,
    /// What became of it.
    pub reach: Reach,
}

/// The paths that `from` needs, and one at which a firewall of the next node has to refuse it.
pub fn paths(cluster: &Cluster, facts: &Facts, from: &Node) -> Vec<Path> {
    let mut paths = Vec::new();
    for (steps, to) in others(cluster, from).enumerate() {
        for opening in cluster.openings(to) {
            let may = opening.nodes.iter().any(|node| node.name == from.name);
            if may && (opening.needed || steps < WITNESSES) {
                paths.push(Path {
                    from: from.name.clone(),
                    to: to.name.clone(),
                    address: opening.address,
                    port: opening.port,
                    service: Some(opening.service),
                });
            }
        }
    }
    let next = others(cluster, from).next();
    if let Some((to, port)) = next.and_then(|to| Some((to, closed_port(facts, to)?))) {
        paths.push(Path {
            from: from.name.clone(),
            to: to.name.clone(),
            address: to.address.to_string(),
            port,
            service: None,
        });
    }
    paths
}

/// The other nodes, beginning with the one that comes next.
fn others<'a>(cluster: &'a Cluster, from: &Node) -> impl Iterator<Item = &'a Node> {
    let nodes = &cluster.nodes;
    let at = nodes.iter().position(|node| node.name == from.name);
    let at = at.unwrap_or(0);
    (1..nodes.len()).map(move |step| &nodes[(at + step) % nodes.len()])
}

/// A port of `node` at which nobody listens, where a firewall runs that tells by its answer that it
/// is there: what rejects like a node without one proves nothing.
fn closed_port(facts: &Facts, node: &Node) -> Option<u16> {
    let facts = facts.nodes.get(&node.name)?;
    match facts.fence() {
        Fence::Firewalld => {}
        Fence::Ufw => {
            let ufw = facts.firewall.as_ref()?.ufw.as_ref()?;
            if ufw.input != "DROP" {
                return None;
            }
        }
        Fence::None => return None,
    }
    let listens: BTreeSet<u16> = facts.ports.iter().map(|port| port.port).collect();
    (61_000..61_100).find(|port| !listens.contains(port))
}

/// The POSIX sh script that tries `paths`, and how long it may take, in seconds.
pub fn script(paths: &[Path]) -> (Secret, u64) {
    let attempt = |(number, path): (usize, &Path)| {
        let (address, port) = (quoted(&path.address), path.port);
        format!("reach {number} {address} {port} {DEADLINE}")
    };
    let attempts: Vec<String> = paths.iter().enumerate().map(attempt).collect();
    let script = FUNCTION.to_owned() + &ABREAST.script(&attempts);
    (Secret::new(script), ABREAST.deadline(attempts.len()))
}

/// What the script's output says of `paths`.
pub fn parse(paths: &[Path], stdout: &str) -> Vec<Walk> {
    let said: BTreeMap<usize, (&str, &str)> = stdout
        .lines()
        .filter_map(|line| {
            let (number, rest) = line.strip_prefix("reach ")?.split_once(' ')?;
            let (code, words) = rest.split_once(' ').unwrap_or((rest, ""));
            Some((number.parse().ok()?, (code, words)))
        })
        .collect();
    let walk = |(number, path): (usize, &Path)| Walk {
        path: path.clone(),
        reach: match said.get(&number) {
            Some((code, words)) => reach(code, words),
            None => Reach::Unknown("no answer".to_owned()),
        },
    };
    paths.iter().enumerate().map(walk).collect()
}

/// bash says what `connect` said; a firewall that rejects answers as a router without a route does.
fn reach(code: &str, words: &str) -> Reach {
    const BLOCKED: [(&str, &str); 5] = [
        ("No route to host", "no route to host"),
        ("Connection timed out", "no answer"),
        ("Network is unreachable", "network is unreachable"),
        ("Permission denied", "permission denied"),
        ("Operation not permitted", "not permitted"),
    ];
    let blocked = BLOCKED.iter().find(|(said, _)| words.contains(said));
    match (code, blocked) {
        ("0", _) => Reach::Open,
        ("124" | "137", _) => Reach::Blocked(format!("no answer within {DEADLINE} s")),
        _ if words.contains("Connection refused") => Reach::Refused,
        (_, Some((_, why))) => Reach::Blocked((*why).to_owned()),
        _ => Reach::Unknown(words.trim().to_owned()),
    }
}

/// Every node reaches every service of the others that it needs.
pub(super) fn needed(view: &View, judge: &mut Judge) {
    let mut open = 0;
    let mut shut: BTreeMap<(&NodeName, u16, &str, String), Vec<&NodeName>> = BTreeMap::new();
    let mut untried: BTreeMap<(&NodeName, &str), usize> = BTreeMap::new();
    for walk in view.walks {
        let Some(service) = walk.path.service else {
            continue;
        };
        // A node that is down is told by other checks, and so is a service that does not listen.
        let Some(facts) = view.facts.nodes.get(&walk.path.to) else {
            continue;
        };
        let port = walk.path.port;
        let listens = facts.ports.iter().any(|listening| listening.port == port);
        let why = match &walk.reach {
            Reach::Open => {
                open += 1;
                continue;
            }
            Reach::Refused if !listens => continue,
            Reach::Refused => "connection refused".to_owned(),
            Reach::Blocked(why) => why.clone(),
            Reach::Unknown(why) => {
                *untried.entry((&walk.path.from, why)).or_default() += 1;
                continue;
            }
        };
        let key = (&walk.path.to, port, service, why);
        shut.entry(key).or_default().push(&walk.path.from);
    }
    for ((to, port, service, why), from) in shut {
        let message = format!(
            "{service}, {port}, cannot be reached from {}: {why}",
            nodes(from)
        );
        judge.error(to, message).hint(
            "a firewall of the node, or one in between; `mahout deploy` opens firewalld and ufw, \
             unless `system.firewall` is off",
        );
    }
    for ((from, why), number) in untried {
        let paths = count(number, "path");
        judge.warning(from, format!("{paths} from here could not be tried: {why}"));
    }
    if open > 0 {
        let paths = count(open, "path");
        judge.holds(format!("every node reaches what it needs: {paths}"));
    } else if view.cluster.nodes.len() < 2 {
        judge.holds("there is one node");
    }
}

/// The nodes whose firewall let somebody through to a port that is not in its list, and from where.
pub(super) fn let_through<'a>(view: &View<'a>) -> Vec<(&'a NodeName, &'a NodeName, u16)> {
    let open = |walk: &&Walk| {
        walk.path.service.is_none() && matches!(walk.reach, Reach::Open | Reach::Refused)
    };
    let walks = view.walks.iter().filter(open);
    walks
        .map(|walk| (&walk.path.to, &walk.path.from, walk.path.port))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Reach, reach};

    #[test]
    fn who_keeps_a_connection_away_is_told_from_who_does_not_listen() {
        let bash =
            |words| format!("bash: line 1: connect: {words} bash: line 1: /dev/tcp/a/1: {words}");
        assert_eq!(reach("0", ""), Reach::Open);
        assert_eq!(reach("1", &bash("Connection refused")), Reach::Refused);
        let blocked = Reach::Blocked("no route to host".to_owned());
        assert_eq!(reach("1", &bash("No route to host")), blocked);
        assert!(matches!(reach("124", ""), Reach::Blocked(_)));
        assert!(matches!(
            reach("127", "timeout: failed to run command 'bash'"),
            Reach::Unknown(_)
        ));
    }
}
