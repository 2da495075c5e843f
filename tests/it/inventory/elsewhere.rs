//! What an inventory refers to: secrets and files of other places, an etcd of somebody else's.

use std::net::IpAddr;
use std::time::Duration;

use mahout::cluster::{Cluster, Role, SecretName, SecretSource};

use super::good::{NODES, clean};

#[test]
fn secrets_are_referred_to_and_paths_begin_at_the_inventory() {
    let text = format!(
        "{NODES}ssh: {{ identity_file: keys/id, known_hosts_file: ~/.ssh/known, persist: 0 }}
patroni: {{ rest_password: env:REST }}
postgresql:
  superuser: {{ password: 'file:secrets/superuser' }}
  rewind: {{ password: 'command: pass show pg/rewind' }}
  users: [{{ name: app, options: [createdb] }}, {{ name: peer_only, password: none }}]
"
    );
    let path = std::path::Path::new("clusters/main/inventory.yml");
    let source = mahout::inventory::Source::from_bytes(path, Some("/root".into()), text.into());
    let inventory = mahout::inventory::parse(source.expect("a text"));
    let cluster = Cluster::try_from(inventory).expect("a cluster");
    assert_eq!(
        cluster.secrets[&SecretName::RestApi],
        SecretSource::Environment("REST".into())
    );
    assert_eq!(
        cluster.secrets[&SecretName::Superuser],
        SecretSource::File("clusters/main/secrets/superuser".into())
    );
    assert_eq!(
        cluster.secrets[&SecretName::Rewind],
        SecretSource::Command("pass show pg/rewind".into())
    );
    assert_eq!(
        cluster.secrets[&SecretName::User("app".into())],
        SecretSource::Generated
    );
    assert_eq!(cluster.postgresql.users[0].options, ["CREATEDB"]);
    assert_eq!(cluster.postgresql.users[1].password, None);
    let ssh = &cluster.nodes[0].ssh;
    assert_eq!(ssh.identity_file, Some("clusters/main/keys/id".into()));
    assert_eq!(ssh.known_hosts_file, Some("/root/.ssh/known".into()));
    assert_eq!(ssh.persist, Duration::ZERO);
}

#[test]
fn an_external_etcd_a_dcs_alone_and_ipv6_are_clusters_too() {
    let cluster = clean(&format!(
        "{NODES}namespace: team-a\netcd: {{ external: {{ endpoints: [etcd.example.net:2379, '[fd00::1]:2379'], protocol: https, ca_file: /etc/ssl/ca.pem, username: patroni, password: env:ETCD }} }}\n"
    ));
    assert_eq!(cluster.namespace, "/team-a/");
    assert_eq!(cluster.with_role(Role::Etcd).count(), 0);
    assert_eq!(cluster.with_role(Role::Haproxy).count(), 3);
    assert_eq!(cluster.etcd.external.expect("external").endpoints.len(), 2);
    assert_eq!(
        cluster.secrets[&SecretName::Etcd],
        SecretSource::Environment("ETCD".into())
    );

    let cluster = clean(
        "scope: dcs
nodes: { e-1: { address: 10.0.0.1, roles: etcd }, e-2: { address: 10.0.0.2, roles: etcd }, e-3: { address: 10.0.0.3, roles: etcd } }
",
    );
    let secrets: Vec<&SecretName> = cluster.secrets.keys().collect();
    assert_eq!(secrets, [&SecretName::Etcd, &SecretName::EtcdRoot]);

    let cluster = clean(&NODES.replace("10.0.0.1", "fd00::1"));
    assert_eq!(
        cluster.nodes[0].address,
        "fd00::11".parse::<IpAddr>().expect("an address")
    );
    assert!(
        cluster
            .postgresql
            .pg_hba
            .contains(&"hostssl all all fd00::11/128 scram-sha-256".into())
    );
}
