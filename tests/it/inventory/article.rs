//! The faults of the article's own sample, each said in an inventory, each caught.
//!
//! "Deploying PostgreSQL for High Availability with Patroni, etcd and HAProxy, Part 2"
//! (digitalis.io, 2021). `inventories/article.yml` is the same cluster without them.

use mahout::inventory::Severity::{self, Error, Warning};
use mahout::inventory::Style;

use super::checked;

const NODES: &str = "scope: region_one
namespace: /patroni_test/
nodes:
  patroni01: { address: 10.0.0.11 }
  patroni02: { address: 10.0.0.12 }
  patroni03: { address: 10.0.0.13 }
";

/// `text` has a problem of this severity, at this line of its own, whose message says `message`.
fn caught(text: &str, severity: Severity, line: usize, message: &str) {
    let checked = checked(text);
    let found = checked.problems.iter().any(|problem| {
        problem.severity == severity
            && problem.message.contains(message)
            && problem.span.map_or(0, |span| span.line) == line
            && problem.hint.is_some()
    });
    assert!(
        found,
        "no {severity} in line {line} with `{message}`:\n{}",
        checked.render(Style::Plain)
    );
    assert_eq!(
        checked.cluster.is_none(),
        checked.problems.iter().any(|p| p.severity == Error)
    );
}

/// The same for a text that stands below the nodes; lines are counted from its own first one.
fn caught_below(text: &str, severity: Severity, line: usize, message: &str) {
    caught(
        &format!("{NODES}{text}"),
        severity,
        NODES.lines().count() + line,
        message,
    );
}

#[test]
fn its_timings_lose_the_leader() {
    let text = "timings: { ttl: 10, loop_wait: 10, retry_timeout: 10 }\n";
    caught_below(
        text,
        Error,
        1,
        "`loop_wait` + 2 * `retry_timeout` is 30s, more than `ttl`, 10s",
    );
    caught_below(
        text,
        Error,
        1,
        "`ttl` is 10s, and Patroni takes at least 20s",
    );
}

#[test]
fn its_etcd_section_is_of_version_2() {
    let text = "etcd:\n  hosts: 10.0.0.11:2379,10.0.0.12:2379,10.0.0.13:2379\n";
    caught_below(text, Error, 2, "`hosts` is not a key of `etcd`");
}

#[test]
fn its_third_node_has_the_name_of_the_second() {
    let text = NODES.replace("patroni03", "patroni02");
    caught(&text, Error, 6, "`patroni02` is set twice");
}

#[test]
fn its_pg_hba_lines_have_no_address() {
    let text =
        "postgresql:\n  pg_hba:\n    - host replication replicator md5\n    - host all all md5\n";
    caught_below(text, Error, 3, "the address is missing before `md5`");
    caught_below(text, Error, 4, "the address is missing before `md5`");
}

#[test]
fn its_pg_hba_lines_are_md5() {
    let text = "postgresql:\n  pg_hba: [default, host all all 10.0.2.0/24 md5]\n";
    caught_below(text, Warning, 2, "`md5` is a broken hash");
}

#[test]
fn its_servers_have_no_address() {
    let text = NODES.replace("patroni01: { address: 10.0.0.11 }", "patroni01: {}");
    caught(&text, Error, 4, "`nodes.patroni01` has no `address`");
}

#[test]
fn its_passwords_are_written_down_and_are_its_users_names() {
    for user in ["superuser", "replication", "rewind"] {
        let text = format!("postgresql:\n  {user}: {{ password: replicator }}\n");
        let message = format!("`postgresql.{user}.password` holds the password itself");
        caught_below(&text, Error, 2, &message);
    }
    for password in ["replicator", "postgres", "rewind", ""] {
        assert!(mahout::cluster::is_well_known(password), "{password}");
    }
}

#[test]
fn its_pgpass_stands_where_everybody_can_write() {
    caught_below(
        "postgresql: { pgpass: /tmp/pgpass0 }\n",
        Warning,
        1,
        "in /tmp",
    );
}

#[test]
fn its_rest_api_asks_for_no_password() {
    caught_below(
        "patroni: { rest_password: none }\n",
        Error,
        1,
        "`restapi` cannot be `none`",
    );
    let text = "restapi: { listen: '0.0.0.0:8008' }\n";
    caught_below(text, Error, 1, "`restapi` is not a key of an inventory");
}

#[test]
fn its_etcd_speaks_in_clear_text() {
    let external = "endpoints: [10.0.0.21:2379], username: patroni, password: env:ETCD";
    let text = format!("etcd: {{ external: {{ {external} }} }}\n");
    caught_below(&text, Warning, 1, "goes to the external etcd in clear text");
}

#[test]
fn its_postgresql_listens_everywhere() {
    caught_below(
        "postgresql: { listen: '*' }\n",
        Warning,
        1,
        "answers on every address",
    );
    caught_below(
        "postgresql: { listen: '*:6432' }\n",
        Error,
        1,
        "`postgresql.listen` must be",
    );
}

#[test]
fn its_haproxy_takes_the_port_that_postgresql_has_elsewhere() {
    let text = "haproxy: { read_write_port: 5432 }\n";
    caught_below(
        text,
        Error,
        1,
        "PostgreSQL and HAProxy (read-write) both listen on port 5432",
    );
}

#[test]
fn its_haproxy_has_a_low_ceiling_short_sessions_and_an_open_page() {
    let text = "haproxy:
  maxconn: 100
  server_maxconn: 80
  timeouts: { session: 30m }
  stats: { listen: '*' }
";
    caught_below(
        text,
        Warning,
        2,
        "`haproxy.maxconn`, 100, is less than 3 servers of 80",
    );
    caught_below(
        text,
        Warning,
        4,
        "sessions that are silent for 30min are cut",
    );
    caught_below(
        text,
        Warning,
        5,
        "the statistics page shows the cluster to everybody",
    );
}

#[test]
fn its_unit_leaves_patroni_dead_after_a_crash() {
    caught_below(
        "patroni: { service: { restart: no } }\n",
        Warning,
        1,
        "after a crash of Patroni",
    );
}

#[test]
fn its_data_directory_names_no_version() {
    let text = "postgresql: { version: 17, data_dir: /var/lib/pgsql/data/postgresql0 }\n";
    caught_below(
        text,
        Warning,
        1,
        "`data_dir` does not name the major version",
    );
}

#[test]
fn its_list_of_users_is_empty() {
    caught_below(
        "postgresql:\n  users:\n",
        Error,
        2,
        "`postgresql.users` has no value",
    );
}

#[test]
fn it_never_disables_the_distributions_own_unit() {
    let text = "system: { disable_distribution_postgresql: false }\n";
    caught_below(text, Warning, 1, "can start a second PostgreSQL");
}

#[test]
fn its_postgresql_is_out_of_support() {
    caught_below(
        "postgresql: { version: 13 }\n",
        Warning,
        1,
        "no security fixes since 2025-11-13",
    );
}
