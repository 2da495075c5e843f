//! The script that knocks, and what its output means.

use super::{Door, Knock, Outcome};
use crate::cluster::tls::CA_FILE;
use crate::cluster::{CertificatePurpose, Cluster, Node};
use crate::secret::Secret;
use crate::verify::abreast::Abreast;
use crate::verify::probe::{self, quoted};

/// How long one knock may take, in seconds.
const DEADLINE: u64 = 8;
const ABREAST: Abreast = Abreast {
    at_once: 40,
    each: DEADLINE + 2,
};

/// What the script begins with: `web` asks with curl and tells the HTTP status or curl's own
/// code, `database` with psql.
const FUNCTIONS: &str = r#"
export LC_ALL=C PGCONNECT_TIMEOUT=5 PGAPPNAME=mahout PGSSLCERT=/nonexistent PGSSLKEY=/nonexistent
unset PGHOST PGHOSTADDR PGPORT PGSERVICE PGSERVICEFILE PGOPTIONS PGPASSFILE PGREQUIREAUTH PGTARGETSESSIONATTRS
told() { printf 'knock %s %s %s %s\n' "$1" "$2" "$3" "$(printf %s "$4" | tr '\n\t' '  ' | cut -c1-300)"; }
web() {
node=$1 door=$2
shift 2
answer=$(curl -q -sS -g --noproxy '*' --connect-timeout 3 -m 6 -w ' http=%{http_code}' "$@" 2>&1 </dev/null)
told "$node" "$door" "$?" "$answer"
}
database() {
node=$1 door=$2 mode=$3 user=$4
shift 4
answer=$(PGSSLMODE=$mode PGUSER=$user PGPASSWORD=$user timeout -k 2 8 "$psql" -X -w -A -t -q -c 'select 1' "$@" 2>&1 </dev/null)
told "$node" "$door" "$?" "$answer"
}
"#;

/// The POSIX sh script by which `from`, a PostgreSQL node whose binaries are in `bin_dir`, knocks
/// at every door of `nodes`, and how long it may take, in seconds.
pub fn script(cluster: &Cluster, from: &Node, nodes: &[&Node], bin_dir: &str) -> (Secret, u64) {
    let mut script = format!(
        "psql={}\n{FUNCTIONS}",
        quoted(&format!("{}/psql", bin_dir.trim_end_matches('/')))
    );
    let mut knocks = Vec::new();
    for node in nodes {
        let tried = |door: &Door| is_tried(cluster, from, node, *door);
        let doors = Door::ALL.into_iter().filter(tried);
        knocks.extend(doors.map(|door| knock(cluster, node, door)));
    }
    script += &ABREAST.script(&knocks);
    (Secret::new(script), ABREAST.deadline(knocks.len()))
}

/// The statistics page is open on the node itself.
fn is_tried(cluster: &Cluster, from: &Node, node: &Node, door: Door) -> bool {
    door.is_at(cluster, node) && (door != Door::HaproxyStatistics || from.name != node.name)
}

fn knock(cluster: &Cluster, node: &Node, door: Door) -> String {
    let name = quoted(node.name.as_str());
    let web = |arguments: &str| format!("web {name} {} {arguments}", door.as_str());
    let database = |mode: &str, user: &str, host: &str, port: u16, further: &str| {
        let (user, host) = (quoted(user), quoted(host));
        format!(
            "database {name} {} {mode} {user} -h {host} -p {port} {further}",
            door.as_str()
        )
    };
    let plain = |port: u16| web(&quoted(&format!("http://{}/", node.endpoint(port))));
    // Any certificate of the authority; only a PostgreSQL node's own is sure to be there.
    let shown = format!(
        "--cacert {CA_FILE} --cert {}",
        CertificatePurpose::Patroni.path()
    );
    let etcd = |path: &str| quoted(&format!("{}{path}", cluster.etcd_client_url(node)));
    let peer = quoted(&format!("{}/version", cluster.etcd_peer_url(node)));
    let rest = |path: &str| quoted(&format!("{}{path}", cluster.rest_url(node)));
    let address = node.address.to_string();
    let (superuser, port) = (&cluster.postgresql.superuser, node.postgresql.port);
    let mode = tls_mode(cluster);
    match door {
        Door::EtcdClientPlain => plain(cluster.etcd.client_port),
        Door::EtcdClientCertificate => web(&format!("-k {}", etcd("/version"))),
        Door::EtcdPassword => web(&format!(
            "{shown} -d '{{\"key\":\"AA==\",\"range_end\":\"AA==\",\"count_only\":true}}' {}",
            etcd("/v3/kv/range")
        )),
        Door::EtcdPeerPlain => plain(cluster.etcd.peer_port),
        Door::EtcdPeerCertificate => web(&format!("-k {peer}")),
        Door::RestPlain => plain(cluster.patroni.port),
        Door::RestPatch => web(&format!("-k -X PATCH -d '{{}}' {}", rest("/config"))),
        Door::RestSwitchover => web(&format!("-k -d '{{}}' {}", rest("/switchover"))),
        Door::RestPassword => web(&format!("{shown} -X PATCH -d '{{}}' {}", rest("/config"))),
        Door::PostgresqlPlain => {
            let user = crate::cluster::postgresql::PROBE_ROLE;
            database("disable", user, &address, port, "-d postgres")
        }
        Door::PostgresqlSuperuser => database(mode, superuser, &address, port, "-d postgres"),
        Door::PostgresqlReplication => {
            let user = &cluster.postgresql.replication;
            let further = "-d 'dbname=postgres replication=true'";
            database(mode, user, &address, port, further)
        }
        Door::HaproxySuperuser => {
            let entrance = probe::client_address(node).unwrap_or(address);
            let port = node.haproxy.read_write_port;
            database(mode, superuser, &entrance, port, "-d postgres")
        }
        Door::HaproxyStatistics => {
            let address = node.endpoint(node.haproxy.stats_port);
            web(&quoted(&format!(
                "http://{address}{}",
                cluster.haproxy.stats_uri
            )))
        }
    }
}

fn tls_mode(cluster: &Cluster) -> &'static str {
    if cluster.tls.enabled {
        "require"
    } else {
        "disable"
    }
}

/// What the script's output says of every door of `nodes` that `from` knocked at.
pub fn parse(cluster: &Cluster, from: &Node, nodes: &[&Node], stdout: &str) -> Vec<Knock> {
    let mut knocks = Vec::new();
    for node in nodes {
        for door in Door::ALL {
            if !is_tried(cluster, from, node, door) {
                continue;
            }
            let prefix = format!("knock {} {} ", node.name, door.as_str());
            let said = stdout.lines().find_map(|line| line.strip_prefix(&prefix));
            let outcome = match said.and_then(|said| said.split_once(' ')) {
                Some((code, answer)) => outcome(door, cluster.tls.enabled, code, answer.trim()),
                None => Outcome::Unknown("no answer".to_owned()),
            };
            knocks.push(Knock {
                node: node.name.clone(),
                door,
                outcome,
            });
        }
    }
    knocks
}

fn outcome(door: Door, encrypted: bool, code: &str, answer: &str) -> Outcome {
    match door {
        Door::PostgresqlPlain
        | Door::PostgresqlSuperuser
        | Door::PostgresqlReplication
        | Door::HaproxySuperuser => database(door, encrypted, code, answer),
        _ => web(door, code, answer),
    }
}

/// What PostgreSQL says (`src/backend/libpq/auth.c`). Whoever is asked for a password, or told
/// that it was the wrong one, has passed pg_hba; without TLS, and so without certificates, the
/// password alone is what closes the door.
fn database(door: Door, encrypted: bool, code: &str, answer: &str) -> Outcome {
    const REFUSED: [&str; 3] = [
        "no pg_hba.conf entry",
        "pg_hba.conf rejects",
        "requires a valid client certificate",
    ];
    // HAProxy turns the source away; PostgreSQL itself says what it has against it.
    const CUT_OFF: [&str; 2] = [
        "server closed the connection unexpectedly",
        "SSL SYSCALL error",
    ];
    let says = |words: &[&str]| words.iter().any(|words| answer.contains(words));
    if code == "0" {
        Outcome::Open("the login went through".to_owned())
    } else if says(&REFUSED)
        || (door == Door::HaproxySuperuser && says(&CUT_OFF))
        || (!encrypted && answer.contains("password authentication failed"))
    {
        Outcome::Closed
    } else if answer.contains("password") {
        Outcome::Open("it asks for a password and for nothing else".to_owned())
    } else {
        Outcome::Unknown(short(answer))
    }
}

/// curl's codes: 7 and 28 nobody there; 35, 52, 55, 56 the other end broke off.
fn web(door: Door, code: &str, answer: &str) -> Outcome {
    let status = answer.rsplit_once("http=").map_or("000", |(_, code)| code);
    let page = door == Door::HaproxyStatistics;
    // Whoever shows a certificate gets to the question; only its answer counts.
    let with_certificate = matches!(door, Door::EtcdPassword | Door::RestPassword);
    match (code, status) {
        ("7" | "28", "000") if page => Outcome::Closed,
        ("35" | "52" | "55" | "56", "000") if !with_certificate => Outcome::Closed,
        (_, "401" | "403") => Outcome::Closed,
        // Go's server says so to whoever comes in clear text to its TLS port.
        (_, "400") if answer.contains("HTTP request to an HTTPS server") => Outcome::Closed,
        // etcd's gateway: with authentication on, a request without a token has no user.
        (_, "400") if answer.contains("user name is empty") => Outcome::Closed,
        (_, "000") => Outcome::Unknown(short(answer)),
        (_, status) => Outcome::Open(format!("answer {status}")),
    }
}

fn short(answer: &str) -> String {
    let text = answer.rsplit_once("http=").map_or(answer, |(text, _)| text);
    text.trim().chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::{Door, Outcome, outcome};

    #[test]
    fn only_what_refuses_at_the_door_is_closed() {
        let closed = [
            (
                Door::EtcdClientPlain,
                "0",
                "Client sent an HTTP request to an HTTPS server. http=400",
            ),
            (
                Door::EtcdClientCertificate,
                "56",
                "curl: (56) alert certificate required http=000",
            ),
            (
                Door::EtcdPassword,
                "0",
                r#"{"error":"etcdserver: user name is empty","code":3} http=400"#,
            ),
            (
                Door::RestPlain,
                "52",
                "curl: (52) Empty reply from server http=000",
            ),
            (Door::RestPatch, "0", "certificate required http=403"),
            (Door::RestPassword, "0", "no auth header received http=401"),
            (
                Door::PostgresqlPlain,
                "2",
                "FATAL:  no pg_hba.conf entry for host \"10.0.0.9\", no encryption",
            ),
            (
                Door::PostgresqlSuperuser,
                "2",
                "FATAL:  connection requires a valid client certificate",
            ),
            (
                Door::HaproxyStatistics,
                "7",
                "curl: (7) Failed to connect http=000",
            ),
        ];
        for (door, code, answer) in closed {
            assert_eq!(
                outcome(door, true, code, answer),
                Outcome::Closed,
                "{door:?}"
            );
        }
        let open = [
            (
                Door::EtcdClientPlain,
                "0",
                r#"{"etcdserver":"3.4.23"} http=200"#,
            ),
            (
                Door::EtcdPeerCertificate,
                "0",
                "404 page not found http=404",
            ),
            (Door::EtcdPassword, "0", r#"{"count":"1"} http=200"#),
            (Door::RestPatch, "0", "{} http=200"),
            (
                Door::RestSwitchover,
                "0",
                "Switchover could be performed only from a specific leader http=400",
            ),
            (
                Door::PostgresqlPlain,
                "2",
                "fe_sendauth: no password supplied",
            ),
            (
                Door::PostgresqlSuperuser,
                "2",
                "FATAL:  password authentication failed for user \"postgres\"",
            ),
            (Door::PostgresqlReplication, "0", ""),
            (Door::HaproxyStatistics, "0", "<html> http=200"),
        ];
        for (door, code, answer) in open {
            let said = outcome(door, true, code, answer);
            assert!(matches!(said, Outcome::Open(_)), "{door:?}: {said:?}");
        }
        let unknown = outcome(
            Door::RestPatch,
            true,
            "7",
            "curl: (7) Failed to connect http=000",
        );
        assert!(matches!(unknown, Outcome::Unknown(_)));
        let unknown = [
            // Our own certificate cannot be read, or was not taken: the question was not asked.
            (
                Door::EtcdPassword,
                "58",
                "curl: (58) could not load PEM http=000",
            ),
            (
                Door::RestPassword,
                "56",
                "curl: (56) alert bad certificate http=000",
            ),
            (
                Door::PostgresqlSuperuser,
                "2",
                "server closed the connection unexpectedly",
            ),
        ];
        for (door, code, answer) in unknown {
            let said = outcome(door, true, code, answer);
            assert!(matches!(said, Outcome::Unknown(_)), "{door:?}: {said:?}");
        }
        let unknown = outcome(
            Door::PostgresqlPlain,
            true,
            "2",
            "could not translate host name",
        );
        assert!(matches!(unknown, Outcome::Unknown(_)));
    }

    #[test]
    fn without_tls_the_password_closes_the_door() {
        let refused = "FATAL:  password authentication failed for user \"postgres\"";
        for door in [
            Door::PostgresqlSuperuser,
            Door::PostgresqlReplication,
            Door::HaproxySuperuser,
        ] {
            assert_eq!(outcome(door, false, "2", refused), Outcome::Closed);
            let said = outcome(door, false, "0", "1");
            assert!(matches!(said, Outcome::Open(_)), "{door:?}: {said:?}");
        }
    }
}
