//! What runs or lies on the nodes already, and is not this cluster's.

use mahout::plan::Guard;

use super::case::{Case, IDENTIFIER, steps};
use super::preflight::{bare, refused};

/// Patroni is stopped and the DCS knows nothing.
fn without_dcs() -> Case {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.stop(node, "patroni.service");
        case.etcd(node).initialize = None;
    }
    case
}

#[test]
fn a_postgresql_beside_patroni_is_refused() {
    let mut case = bare();
    let other = "/var/lib/postgresql/15/main".to_owned();
    case.postgresql("pg-1").postmasters.insert(other, 99);
    refused(
        &case,
        "pg-1: a PostgreSQL that Patroni does not manage runs here: \
         /var/lib/postgresql/15/main (pid 99)",
    );
    let stranger = mahout::facts::postgresql::StrangerFacts {
        system_identifier: Some("99".to_owned()),
        databases: vec!["shop".to_owned(), "wiki".to_owned()],
    };
    let other = "/var/lib/postgresql/15/main".to_owned();
    case.postgresql("pg-1").strangers.insert(other, stranger);
    refused(
        &case,
        "/var/lib/postgresql/15/main (pid 99), system identifier 99, databases shop, wiki; this \
         cluster has no database yet",
    );
    let mut case = Case::running();
    let own = "/var/lib/postgresql/15/patroni/".to_owned();
    case.postgresql("pg-1").postmasters.insert(own, 99);
    assert!(case.plan().is_empty());
}

#[test]
fn another_clusters_database_is_refused() {
    let mut case = Case::running();
    case.postgresql("pg-2").system_identifier = Some("99".to_owned());
    refused(
        &case,
        &format!(
            "pg-2: /var/lib/postgresql/15/patroni holds another cluster's database: system \
             identifier 99, this cluster's is {IDENTIFIER}"
        ),
    );
}

#[test]
fn a_database_that_the_dcs_does_not_know_is_refused_unless_one_is_being_made() {
    let mut case = without_dcs();
    refused(&case, "and the DCS knows no cluster under /service/main/");
    for node in ["pg-1", "pg-2", "pg-3"] {
        "active".clone_into(&mut case.unit(node, "patroni.service").active);
    }
    refused(&case, "`mahout restore-dcs` has the newest one lead");
    case.etcd("pg-1").initialize = Some(String::new());
    refused(&case, "every member runs as it is to, but nobody leads");
}

#[test]
fn databases_of_two_clusters_are_refused_while_etcd_is_down() {
    let mut case = without_dcs();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.stop(node, "etcd.service");
    }
    case.plan();
    case.postgresql("pg-3").system_identifier = Some("99".to_owned());
    refused(&case, "the nodes hold databases of different clusters");
}

#[test]
fn a_data_directory_with_half_a_database_or_none_is_refused() {
    let mut case = bare();
    case.postgresql("pg-1").data_dir_in_use = true;
    refused(
        &case,
        "pg-1: /var/lib/postgresql/15/patroni holds files that are no database",
    );
    let mut case = Case::running();
    case.postgresql("pg-3").system_identifier = None;
    "creating replica".clone_into(&mut case.patroni("pg-3").state);
    assert!(case.plan().is_empty(), "a copy is under way");
    "crashed".clone_into(&mut case.patroni("pg-3").state);
    refused(
        &case,
        "pg-3: the database is gone from /var/lib/postgresql/15/patroni under Patroni, and some \
         files are left",
    );
    case.stop("pg-3", "patroni.service");
    refused(
        &case,
        "holds a database without a readable system identifier",
    );
    // Without the package nobody could read it.
    case.node("pg-3").packages.remove("postgresql-15");
    case.plan();
}

#[test]
fn a_patroni_whose_data_directory_was_removed_starts_again_with_one() {
    let mut case = Case::running();
    let data_dir = "/var/lib/postgresql/15/patroni";
    for node in ["pg-1", "pg-3"] {
        case.node(node).directories.remove(data_dir);
        *case.postgresql(node) = Default::default();
    }
    // The leader's is Patroni's to notice: it lets another one lead.
    let plan = case.plan();
    let told = steps(&plan);
    assert_eq!(
        told[..2],
        [
            "patroni stops/pg-3: stop patroni.service",
            "patroni files/pg-3: directory /var/lib/postgresql/15/patroni (postgres:postgres 700)",
        ]
    );
    assert!(told.contains(&"replicas/pg-3: start patroni.service".to_owned()));
    assert!(!told.iter().any(|step| step.contains("stops/pg-1")));
    let guard = &plan.phases[0].work[0].steps[0].guard;
    assert!(matches!(guard, Some(Guard::LeaderIs { .. })), "{guard:?}");
}

#[test]
fn a_database_of_another_major_version_is_refused() {
    let mut case = Case::running();
    case.postgresql("pg-2").data_version = Some("13".to_owned());
    refused(
        &case,
        "pg-2: /var/lib/postgresql/15/patroni holds a database of PostgreSQL 13, not 15",
    );
}

#[test]
fn keys_of_an_earlier_cluster_are_refused() {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.stop(node, "patroni.service");
        *case.postgresql(node) = Default::default();
    }
    refused(
        &case,
        "the DCS knows a cluster under /service/main/ (system identifier 7412000000000000001), \
         but no node has its data",
    );
    case.postgresql("pg-2").system_identifier = Some(IDENTIFIER.to_owned());
    case.plan();
}

#[test]
fn a_bootstrap_that_nobody_ends_is_refused() {
    let mut case = bare();
    "active".clone_into(&mut case.unit("pg-1", "etcd.service").active);
    *case.etcd("pg-1") = mahout::facts::EtcdFacts {
        url: "https://10.0.0.11:2379".to_owned(),
        initialize: Some(String::new()),
        data_dir_has_member: true,
        ..Default::default()
    };
    refused(
        &case,
        "a database is being made under /service/main/, but Patroni runs on no node",
    );
    "activating".clone_into(&mut case.unit("pg-2", "patroni.service").active);
    case.plan();
}

#[test]
fn a_patroni_of_another_cluster_is_refused() {
    let mut case = Case::running();
    case.patroni("pg-2").scope = "other".to_owned();
    refused(
        &case,
        "pg-2: Patroni runs here for the cluster `other`, not `main`",
    );
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.etcd(node).initialize = None;
    }
    refused(
        &case,
        "pg-1: Patroni leads here, but the DCS knows no cluster under /service/main/",
    );
}
