//! Whom a record may speak of: the roles and addresses of the cluster.

use crate::cluster::postgresql::PROBE_ROLE;
use crate::cluster::{Cluster, NodeName, Role};

/// The commands that make room in etcd.
const ROOM: &str = "{room}";

/// What stands for a placeholder in the words of a signature: `{superuser}`, `{replication}`,
/// `{rewind}`, `{probe}`, `{haproxy}`, and in a remedy `{room}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(Vec<(&'static str, String)>);

impl Names {
    /// Those of `cluster`.
    pub fn of(cluster: &Cluster) -> Self {
        let spec = &cluster.postgresql;
        let mut names = vec![
            ("{superuser}", spec.superuser.clone()),
            ("{replication}", spec.replication.clone()),
            ("{rewind}", spec.rewind.clone()),
            ("{probe}", PROBE_ROLE.to_owned()),
            (ROOM, cluster.etcd_room_commands()),
        ];
        let doors = cluster.with_role(Role::Haproxy);
        names.extend(doors.map(|node| ("{haproxy}", node.address.to_string())));
        Self(names)
    }

    /// The remedy as it helps on `node`.
    pub(super) fn remedy(&self, remedy: &str, node: &NodeName) -> String {
        let mut text = remedy.replace("NODE", node.as_str());
        if let Some((_, commands)) = self.0.iter().find(|(known, _)| *known == ROOM) {
            text = text.replace(ROOM, commands);
        }
        text
    }

    /// One more.
    #[cfg(test)]
    pub(super) fn add(&mut self, placeholder: &'static str, name: &str) {
        self.0.push((placeholder, name.to_owned()));
    }

    /// Whether `line` holds `word`, with any of the names that its placeholder stands for.
    pub(super) fn holds(&self, line: &str, word: &str) -> bool {
        let Some((open, close)) = word.find('{').zip(word.find('}')) else {
            return line.contains(word);
        };
        let Some(placeholder) = word.get(open..=close) else {
            return line.contains(word);
        };
        self.0
            .iter()
            .filter(|(known, _)| *known == placeholder)
            .any(|(_, name)| line.contains(&word.replace(placeholder, name)))
    }
}

impl Default for Names {
    /// Those of the defaults, where no inventory is at hand.
    fn default() -> Self {
        Self(vec![
            ("{superuser}", "postgres".to_owned()),
            ("{replication}", "replicator".to_owned()),
            ("{rewind}", "rewind_user".to_owned()),
            ("{probe}", PROBE_ROLE.to_owned()),
            (ROOM, "by the commands of `mahout explain`".to_owned()),
        ])
    }
}
