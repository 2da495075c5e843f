//! Keys that people know from somewhere else: from patroni.yml, from Ansible, or from another
//! section of the inventory.

use super::foreign;
use super::guc;
use super::section::Key;
use super::value::Entry;

/// What to say about `name` in `section` (empty at the top level), if it is one of the known
/// cases.
pub(super) fn hint(section: &str, name: &str) -> Option<String> {
    let known = KNOWN
        .iter()
        .chain(foreign::KNOWN)
        .find(|(place, key, _)| *key == name && (*place == "*" || *place == section))
        .map(|(.., hint)| (*hint).to_owned());
    known.or_else(|| {
        let top = section.split('.').next().unwrap_or_default();
        (matches!(top, "postgresql" | "patroni") && guc::is_known(name)).then(|| {
            format!("`{name}` is a parameter of PostgreSQL; set it under `postgresql.parameters`")
        })
    })
}

/// The sections that have a key `name`.
pub(super) fn belongs(name: &str) -> Option<String> {
    let mut places = Vec::new();
    find(name, "", super::Sections::KEYS, &mut places);
    match places.as_slice() {
        [] => None,
        places if places.iter().any(String::is_empty) => {
            Some(format!("`{name}` stands at the top level of the file"))
        }
        [place] => Some(format!("`{name}` belongs under `{place}`")),
        [rest @ .., last] => Some(format!(
            "`{name}` belongs under `{}` or `{last}`",
            rest.join("`, `")
        )),
    }
}

/// What makes `entry` the key of another one, or of no map at all.
pub(super) fn misread(path: &str, entry: &Entry) -> Option<String> {
    let name = entry.key.value.as_str();
    let hint = if path.is_empty() && entry.value.get("address").is_some() {
        "this looks like a node; nodes stand below `nodes`"
    } else if name.contains(':') {
        "a key needs a blank behind its colon"
    } else if name.starts_with("x-") || name.starts_with('.') {
        "only keys of the inventory stand here: put `&name` on the map where it is first used"
    } else if !name.is_empty() && name.chars().all(|c| c.is_ascii_digit()) {
        "a number is no key: within `{ }` a comma begins the next one"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

/// Of `SECTION_KEY`, as one large map of variables names it, the key.
pub(super) fn joined(name: &str) -> Option<String> {
    let (section, key) = name.split_once('_')?;
    let keys = super::Sections::KEYS
        .iter()
        .find(|key| key.name == section)?;
    let known = (keys.keys)()?.iter().any(|known| known.name == key);
    Some(match known {
        true => format!("write `{section}: {{ {key}: … }}`"),
        false => format!("what is set for {section} stands below `{section}`"),
    })
}

fn find(name: &str, path: &str, keys: &'static [Key], places: &mut Vec<String>) {
    for key in keys {
        // Nodes and groups repeat the sections of the top level.
        if path.is_empty() && matches!(key.name, "nodes" | "groups") {
            continue;
        }
        if key.name == name {
            places.push(path.to_owned());
        }
        if let Some(below) = (key.keys)() {
            let path = if path.is_empty() {
                key.name.to_owned()
            } else {
                format!("{path}.{}", key.name)
            };
            find(name, &path, below, places);
        }
    }
}

const MEMBERS: &str = "members are the nodes with the role `etcd`; an etcd that exists already \
                       stands under `etcd.external.endpoints`";
const TIMINGS: &str = "the times of failure detection stand together under `timings`";
const AUTHENTICATION: &str =
    "the three users are `postgresql.superuser`, `.replication` and `.rewind`";
const ANSIBLE: &str =
    "this is no Ansible inventory: nodes stand under `nodes`, groups under `groups`";
const NO_PASSWORD: &str = "a password login to the nodes is not possible; use a key or an agent";

/// Section (`*` for any), key, remedy.
const KNOWN: [(&str, &str, &str); 52] = [
    (
        "",
        "bootstrap",
        "a section of patroni.yml; here dynamic settings and `initdb` stand under `patroni`, \
         `pg_hba` and `users` under `postgresql`, the times under `timings`",
    ),
    (
        "patroni",
        "bootstrap",
        "dynamic settings and `initdb` stand directly under `patroni`, the times under `timings`",
    ),
    (
        "patroni",
        "dcs",
        "dynamic settings stand directly under `patroni`, the times under `timings`",
    ),
    (
        "patroni",
        "postgresql",
        "PostgreSQL has a section of its own, `postgresql`",
    ),
    (
        "patroni",
        "parameters",
        "PostgreSQL's parameters stand under `postgresql.parameters`",
    ),
    ("patroni", "pg_hba", "`pg_hba` stands under `postgresql`"),
    ("patroni", "users", "`users` stands under `postgresql`"),
    ("patroni", "name", "a member's name is its node's name"),
    ("patroni", "scope", "`scope` stands at the top level"),
    (
        "patroni",
        "namespace",
        "`namespace` stands at the top level",
    ),
    (
        "patroni",
        "restapi",
        "the REST API is `patroni.port`, `.listen`, `.rest_username` and `.rest_password`",
    ),
    (
        "patroni",
        "connect_address",
        "connect addresses follow from the node's address or name: `connect_by`",
    ),
    (
        "patroni",
        "nofailover",
        "a tag: `tags: { nofailover: true }`",
    ),
    (
        "patroni",
        "noloadbalance",
        "a tag: `tags: { noloadbalance: true }`",
    ),
    ("patroni", "clonefrom", "a tag: `tags: { clonefrom: true }`"),
    ("patroni", "nosync", "a tag: `tags: { nosync: true }`"),
    (
        "patroni",
        "replicatefrom",
        "a tag: `tags: { replicatefrom: NODE }`",
    ),
    (
        "patroni",
        "master_start_timeout",
        "its name is `primary_start_timeout`",
    ),
    (
        "patroni",
        "etcd",
        "etcd has a section of its own at the top level",
    ),
    (
        "patroni",
        "etcd3",
        "etcd has a section of its own at the top level",
    ),
    ("patroni", "restart", "it stands under `patroni.service`"),
    ("*", "ttl", TIMINGS),
    ("*", "loop_wait", TIMINGS),
    ("*", "retry_timeout", TIMINGS),
    ("*", "inter", TIMINGS),
    (
        "",
        "restapi",
        "the REST API is `patroni.port`, `.listen`, `.rest_username` and `.rest_password`",
    ),
    (
        "",
        "etcd3",
        "the section is `etcd`; Patroni is always told to speak version 3 of its API",
    ),
    (
        "",
        "name",
        "a member's name is its node's name; the cluster's is `scope`",
    ),
    ("", "cluster_name", "the cluster's name is `scope`"),
    (
        "",
        "hosts",
        "nodes stand under `nodes`: `nodes: { pg-1: { address: 10.0.0.11 } }`",
    ),
    (
        "",
        "servers",
        "nodes stand under `nodes`: `nodes: { pg-1: { address: 10.0.0.11 } }`",
    ),
    (
        "",
        "tags",
        "tags are set for a node: `nodes: { pg-1: { patroni: { tags: … } } }`",
    ),
    (
        "",
        "watchdog",
        "`patroni.watchdog` is the mode, `system.watchdog` sets up the device",
    ),
    ("", "all", ANSIBLE),
    ("", "children", ANSIBLE),
    ("", "vars", ANSIBLE),
    ("etcd", "hosts", MEMBERS),
    ("etcd", "host", MEMBERS),
    ("etcd", "endpoints", MEMBERS),
    ("etcd", "members", MEMBERS),
    (
        "etcd",
        "enable_v2",
        "Patroni is told to speak version 3 of the API; version 2 is gone from etcd 3.6",
    ),
    (
        "etcd",
        "protocol",
        "the protocol is of an external etcd: `etcd.external.protocol`",
    ),
    ("postgresql", "authentication", AUTHENTICATION),
    (
        "postgresql",
        "connect_address",
        "it follows from the node's address or name (`patroni.connect_by`) and `postgresql.port`",
    ),
    ("postgresql", "password", AUTHENTICATION),
    ("postgresql", "initdb", "`initdb` stands under `patroni`"),
    (
        "postgresql",
        "settings",
        "PostgreSQL's parameters stand under `parameters`",
    ),
    (
        "haproxy",
        "port",
        "there are two: `read_write_port` leads to the leader, `read_only_port` to the replicas",
    ),
    (
        "haproxy.timeouts",
        "client",
        "`session` sets `timeout client` and `timeout server` together: in TCP mode the shorter one ends both",
    ),
    (
        "haproxy.timeouts",
        "server",
        "`session` sets `timeout client` and `timeout server` together: in TCP mode the shorter one ends both",
    ),
    ("ssh", "password", NO_PASSWORD),
    (
        "ssh",
        "host",
        "it is `ssh.destination`, in the node's own entry",
    ),
];
