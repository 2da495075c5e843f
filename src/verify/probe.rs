//! Probes through HAProxy: what is asked, and what an answer means.
//!
//! One script on one PostgreSQL node asks every HAProxy: a durable write that leaves no
//! trace (`pg_logical_emit_message`, which a standby refuses) through the read-write port, and a
//! read through the read-only port. It logs in as a role without any right, so that the probe
//! goes the way that a client goes: through HAProxy, pg_hba and a password.

use super::abreast::Abreast;
use crate::cluster::firewall::reached_at;
use crate::cluster::postgresql::PROBE_ROLE;
use crate::cluster::tls::CA_FILE;
use crate::cluster::{Cluster, Node, NodeName, Role};
use crate::secret::{Mask, Secret};

/// Every cluster has it, and who may log in may connect to it.
const DATABASE: &str = "postgres";
/// How long one probe may take, in seconds. A deadline of its own: the wait of a commit for a
/// synchronous standby is bounded by no setting of the server.
const DEADLINE: u64 = 10;
/// Of a hundred connections, which a server allows unless told otherwise, clients keep the most.
const ABREAST: Abreast = Abreast {
    at_once: 20,
    each: DEADLINE + 2,
};

/// What is asked of an HAProxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    /// A write through the read-write port.
    Write,
    /// A read through the read-only port.
    Read,
    /// A write to the virtual address, whoever holds it.
    Vip,
}

impl ProbeKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ProbeKind::Write => "write",
            ProbeKind::Read => "read",
            ProbeKind::Vip => "vip",
        }
    }

    fn sql(self) -> &'static str {
        match self {
            ProbeKind::Write | ProbeKind::Vip => {
                "select 'landed ' || host(inet_server_addr()) || ' ' || pg_is_in_recovery() \
                 from pg_logical_emit_message(true, 'mahout', 'probe')"
            }
            ProbeKind::Read => {
                "select 'landed ' || host(inet_server_addr()) || ' ' || pg_is_in_recovery()"
            }
        }
    }
}

/// Where a probe came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    /// `inet_server_addr()`: the address on which PostgreSQL took the connection.
    pub address: String,
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
}

/// What became of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// Through whose HAProxy it went; to the virtual address by the name of the first one.
    pub haproxy: NodeName,
    /// What was asked.
    pub kind: ProbeKind,
    /// Where it landed, or why it did not.
    pub outcome: Result<Landing, String>,
}

/// The address under which clients on other machines reach the HAProxy of `node`; `None` if it
/// listens on loopback alone.
pub fn client_address(node: &Node) -> Option<String> {
    reached_at(node, &node.haproxy.listen)
}

/// The address under which `from` reaches the HAProxy of `node`.
fn entrance(node: &Node, from: &Node) -> Option<String> {
    client_address(node).or_else(|| {
        let own = node
            .haproxy
            .listen
            .first()
            .filter(|_| node.name == from.name)?;
        Some(own.trim_matches(['[', ']']).to_owned())
    })
}

fn entrances<'a>(
    cluster: &'a Cluster,
    from: &Node,
) -> impl Iterator<Item = (&'a Node, ProbeKind, String, u16)> {
    let read = cluster.with_role(Role::Postgresql).count() > 1;
    let first = cluster.with_role(Role::Haproxy).next();
    let vip = cluster.vip.as_ref().zip(first).map(|(vip, node)| {
        let port = node.haproxy.read_write_port;
        (node, ProbeKind::Vip, vip.address.to_string(), port)
    });
    cluster
        .with_role(Role::Haproxy)
        .filter_map(move |node| Some((node, entrance(node, from)?)))
        .flat_map(move |(node, address)| {
            let reads = node.haproxy.read_only_port.filter(|_| read);
            [
                Some((ProbeKind::Write, node.haproxy.read_write_port)),
                reads.map(|port| (ProbeKind::Read, port)),
            ]
            .into_iter()
            .flatten()
            .map(move |(kind, port)| (node, kind, address.clone(), port))
        })
        .chain(vip)
}

/// The POSIX sh script that sends every probe, for `from`, a PostgreSQL node whose binaries are
/// in `bin_dir`, and how long it may take, in seconds; `None` if there is no HAProxy that can be
/// asked from there. It logs in as [`PROBE_ROLE`] with `password`.
///
/// The password goes to psql in a password file in memory, whose name is gone before the password
/// is written: it stands in no argument list, no environment, and no file that a killed script
/// could leave. psql reads neither a startup file nor a service
/// file, and the variables of whoever runs it are dropped. With TLS it is as strict as a client
/// can be, and looks for the HAProxy's name in the certificate: libpq before 15 finds no address
/// there.
pub fn script(
    cluster: &Cluster,
    from: &Node,
    bin_dir: &str,
    password: &Secret,
) -> Option<(Secret, u64)> {
    let mut script = format!(
        "unset PGPASSWORD PGHOST PGHOSTADDR PGPORT PGSERVICE PGSERVICEFILE PGOPTIONS PGPASSFILE PGSSLMODE \
         PGSSLROOTCERT PGSSLCERT PGSSLKEY PGREQUIREAUTH PGTARGETSESSIONATTRS PGCLIENTENCODING\n\
         export LC_ALL=C PGCONNECT_TIMEOUT=5 PGAPPNAME=mahout\n\
         export PGUSER={user} PGDATABASE={database} PGPASSFILE=/proc/self/fd/3\n\
         umask 077\n\
         name=$(mktemp -p /dev/shm) && exec 3<>\"$name\" && rm -f \"$name\" || exit\n\
         printf '%s\\n' {password} >&3\n\
         {encryption}probe() {{\n\
         answer=$({host} timeout -k 2 {DEADLINE} {psql} -X -w -A -t -q -p \"$4\" -c \"$5\" 2>&1 </dev/null)\n\
         code=$?\n\
         printf 'probe %s %s %s %s\\n' \"$1\" \"$2\" \"$code\" \"$(printf %s \"$answer\" | tr '\\n\\t' '  ' | cut -c1-500)\"\n\
         }}\n",
        encryption = match cluster.tls.enabled {
            true => format!("export PGSSLMODE=verify-full PGSSLROOTCERT={CA_FILE}\n"),
            false => String::new(),
        },
        host = match cluster.tls.enabled {
            true => "PGHOST=\"$1\" PGHOSTADDR=\"$3\"",
            false => "PGHOST=\"$3\"",
        },
        user = quoted(PROBE_ROLE),
        database = quoted(DATABASE),
        password = quoted(&passfile_line(password.expose())),
        psql = quoted(&format!("{}/psql", bin_dir.trim_end_matches('/'))),
    );
    let attempts: Vec<String> = entrances(cluster, from)
        .map(|(node, kind, address, port)| {
            let (name, address, sql) = (
                quoted(node.name.as_str()),
                quoted(&address),
                quoted(kind.sql()),
            );
            format!("probe {name} {} {address} {port} {sql}", kind.as_str())
        })
        .collect();
    script += &ABREAST.script(&attempts);
    let deadline = ABREAST.deadline(attempts.len());
    (!attempts.is_empty()).then(|| (Secret::new(script), deadline))
}

/// The line of a password file for whatever is connected to.
fn passfile_line(password: &str) -> String {
    let password = password.replace('\\', r"\\").replace(':', r"\:");
    format!("*:*:*:*:{password}")
}

/// A word for the shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What the script's output says: one result for every probe that it was to send, whether it
/// told of it or not.
pub fn parse(cluster: &Cluster, from: &Node, password: &Secret, stdout: &str) -> Vec<ProbeResult> {
    let mask = Mask::new([password]);
    entrances(cluster, from)
        .map(|(node, kind, address, port)| {
            let prefix = format!("probe {} {} ", node.name, kind.as_str());
            let said = stdout.lines().find_map(|line| line.strip_prefix(&prefix));
            let outcome = match said.and_then(|said| said.split_once(' ')) {
                Some(("0", answer)) => landing(answer)
                    .ok_or_else(|| format!("the answer was not understood: {}", mask.text(answer))),
                Some(("124" | "137", _)) => Err(format!(
                    "no answer from {address}, port {port}, within {DEADLINE} s"
                )),
                Some((_, answer)) => Err(mask.text(answer.trim())),
                None => Err(format!("no probe was sent from {}", from.name)),
            };
            ProbeResult {
                haproxy: node.name.clone(),
                kind,
                outcome,
            }
        })
        .collect()
}

/// Warnings of the server may stand before the answer.
fn landing(answer: &str) -> Option<Landing> {
    let (_, landed) = answer.rsplit_once("landed ")?;
    let mut words = landed.split_whitespace();
    Some(Landing {
        address: words.next()?.to_owned(),
        in_recovery: match words.next()? {
            "true" => true,
            "false" => false,
            _ => return None,
        },
    })
}
