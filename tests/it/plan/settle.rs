//! What the services of a deployed case say.

use std::collections::BTreeMap;

use mahout::cluster::{Cluster, Node, Role, SecretName, Secrets};
use mahout::facts::etcd::{EtcdAccess, EtcdLogin, EtcdMember, EtcdPermission};
use mahout::facts::{EtcdFacts, NodeFacts, PatroniFacts, PostgresqlFacts};

use super::case::IDENTIFIER;

pub(super) fn settle(cluster: &Cluster, node: &Node, facts: &mut NodeFacts, leads: bool) {
    let status = |it: bool| if it { 200 } else { 503 };
    facts.patroni = Some(PatroniFacts {
        url: cluster.rest_url(node),
        scope: cluster.scope.clone(),
        role: if leads { "primary" } else { "replica" }.to_owned(),
        state: "running".to_owned(),
        primary_status: status(leads),
        replica_status: status(!leads),
        config: cluster.patroni.dynamic.clone(),
        ..PatroniFacts::default()
    });
    let users = cluster.postgresql.users.iter();
    facts.postgresql = Some(PostgresqlFacts {
        data_version: cluster
            .postgresql
            .version
            .or(Some(15))
            .map(|version| version.to_string()),
        data_dir_in_use: true,
        system_identifier: Some(IDENTIFIER.to_owned()),
        answers: true,
        roles: users
            .map(|user| user.name.clone())
            .chain(["mahout_probe".to_owned(), cluster.postgresql.rewind.clone()])
            .collect(),
        ..PostgresqlFacts::default()
    });
}

/// Root is ours, Patroni's user has the right to its own path.
pub(super) fn access(cluster: &Cluster, secrets: &Secrets) -> EtcdAccess {
    let user = cluster.etcd_user(secrets.get(&SecretName::Etcd));
    EtcdAccess {
        login: EtcdLogin::Current,
        users: BTreeMap::from([
            ("root".to_owned(), vec!["root".to_owned()]),
            (user, vec![cluster.etcd_role()]),
        ]),
        permissions: Some(vec![EtcdPermission {
            kind: "READWRITE".to_owned(),
            key: cluster.dcs_path(),
            range_end: format!("{}0", cluster.dcs_path().trim_end_matches('/')),
        }]),
    }
}

pub(super) fn settle_etcd(cluster: &Cluster, secrets: &Secrets, node: &Node, etcd: &mut EtcdFacts) {
    let members: Vec<EtcdMember> = cluster
        .with_role(Role::Etcd)
        .map(|node| EtcdMember {
            id: format!("id-{}", node.name),
            name: node.name.to_string(),
            peer_urls: vec![cluster.etcd_peer_url(node)],
            client_urls: vec![cluster.etcd_client_url(node)],
            is_learner: false,
        })
        .collect();
    let asks = cluster.etcd_asks_for_login() && node.has(Role::Etcd);
    *etcd = EtcdFacts {
        url: cluster.etcd_client_url(node),
        access: asks.then(|| access(cluster, secrets)),
        healthy: true,
        cluster_id: "c1".to_owned(),
        member_id: format!("id-{}", node.name),
        leader_id: members
            .get(1)
            .map(|second| second.id.clone())
            .unwrap_or_default(),
        members,
        initialize: Some(IDENTIFIER.to_owned()),
        data_dir_has_member: node.has(Role::Etcd),
        ..EtcdFacts::default()
    };
}
