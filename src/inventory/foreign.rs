//! Keys of other tools, and what is meant by them here.

const VIP: &str = "the virtual address is `vip: { address: … }`; keepalived holds it";

/// Section (`*` for any), key, remedy; see [`super::elsewhere`].
pub(super) const KNOWN: &[(&str, &str, &str)] = &[
    (
        "",
        "address",
        "an address is a node's own, in its entry below `nodes`",
    ),
    ("", "ansible_host", "the node's address is `address`"),
    ("", "host", "the node's address is `address`"),
    ("", "ip", "the node's address is `address`"),
    ("", "ansible_user", "the login user is `ssh: { user: … }`"),
    ("", "ansible_port", "the port of ssh is `ssh: { port: … }`"),
    (
        "",
        "ansible_ssh_private_key_file",
        "the key is `ssh: { identity_file: … }`",
    ),
    (
        "",
        "hostname",
        "a node's host name is its name here; `system.check_hostname` compares them",
    ),
    (
        "*",
        "become",
        "it logs in as root, or as a user with sudo; nothing is to be set",
    ),
    (
        "",
        "strategy",
        "this is no playbook: what is done, and in which order, follows from the inventory",
    ),
    (
        "",
        "serial",
        "this is no playbook: what is done, and in which order, follows from the inventory",
    ),
    (
        "",
        "forks",
        "this is no playbook: what is done, and in which order, follows from the inventory",
    ),
    (
        "",
        "vars_files",
        "this is no playbook; secrets are referred to by `env:`, `file:` or `command:`",
    ),
    (
        "",
        "roles",
        "roles are set for a node or a group: `nodes: { pg-1: { roles: [etcd] } }`",
    ),
    ("", "ssl", "encryption is `tls`: `on` or `off`"),
    ("", "cluster", "the cluster's name is `scope`"),
    ("", "hba", "it is `postgresql.pg_hba`"),
    ("", "cluster_vip", VIP),
    ("", "vip_address", VIP),
    ("", "virtual_ip", VIP),
    ("", "vip_interface", "it is `vip: { interface: … }`"),
    ("", "keepalived", VIP),
    ("", "vip_manager", VIP),
    (
        "vip",
        "priority",
        "nodes come in the order of the inventory, and none takes the address back",
    ),
    (
        "vip",
        "auth_pass",
        "VRRP's passwords go over the network in clear text; only the HAProxy nodes' packets are taken",
    ),
    ("vip", "vrid", "it is `virtual_router_id`"),
    (
        "",
        "services",
        "this looks like a file of Docker Compose; `mahout init` writes a starter",
    ),
    (
        "",
        "apiVersion",
        "this looks like a manifest of Kubernetes; `mahout init` writes a starter",
    ),
    (
        "",
        "kind",
        "this looks like a manifest of Kubernetes; `mahout init` writes a starter",
    ),
    (
        "",
        "metadata",
        "this looks like a manifest of Kubernetes; `mahout init` writes a starter",
    ),
    (
        "",
        "spec",
        "this looks like a manifest of Kubernetes; `mahout init` writes a starter",
    ),
    ("", "consul", "etcd is the DCS that is deployed"),
    ("", "zookeeper", "etcd is the DCS that is deployed"),
    (
        "",
        "pgbouncer",
        "a pool of connections is not set up here; point one at HAProxy's read-write port",
    ),
    (
        "",
        "pgbackrest",
        "backups are not set up here; `archive_command` stands under `postgresql.parameters`",
    ),
    ("ssh", "private_key", "it is `identity_file`"),
    ("ssh", "keyfile", "it is `identity_file`"),
    ("ssh", "key", "it is `identity_file`"),
    ("ssh", "ssh_user", "it is `user`"),
    ("ssh", "jump", "it is `proxy_jump`"),
    (
        "ssh",
        "strict_host_key_checking",
        "host keys are always checked; `mahout trust` shows and records them",
    ),
    ("etcd", "name", "a member's name is its node's name"),
    (
        "etcd",
        "initial_cluster",
        "it follows from the nodes with the role `etcd`",
    ),
    (
        "etcd",
        "listen_client_urls",
        "it follows from the node's address and `client_port`",
    ),
    (
        "etcd",
        "listen_peer_urls",
        "it follows from the node's address and `peer_port`",
    ),
    (
        "etcd",
        "snapshot_count",
        "`settings: { ETCD_SNAPSHOT_COUNT: … }`",
    ),
    (
        "haproxy",
        "mode",
        "PostgreSQL is passed on in TCP mode, always",
    ),
    (
        "haproxy",
        "balance",
        "replicas are taken in turn; a listener of your own stands under `extra`",
    ),
    (
        "haproxy",
        "frontend",
        "a section of your own stands under `extra`, as haproxy.cfg has it",
    ),
    (
        "haproxy",
        "backend",
        "a section of your own stands under `extra`, as haproxy.cfg has it",
    ),
    (
        "haproxy",
        "bind",
        "it is `listen`, and `read_write_port` and `read_only_port`",
    ),
    (
        "haproxy",
        "nbproc",
        "a line of the global section stands under `extra_global`",
    ),
    (
        "haproxy",
        "listen_port",
        "there are two: `read_write_port` leads to the leader, `read_only_port` to the replicas",
    ),
    (
        "haproxy.stats",
        "auth",
        "`username` and `password`, which is a reference",
    ),
    (
        "haproxy.stats",
        "enabled",
        "it always listens, on 127.0.0.1; `listen` opens it",
    ),
    (
        "timings",
        "interval",
        "HAProxy's time between two checks is `inter`",
    ),
    (
        "system",
        "swappiness",
        "kernel settings stand under `sysctl`: `vm.swappiness`",
    ),
    ("system", "hugepages", "it is `transparent_huge_pages`"),
    (
        "system",
        "ntp",
        "`time_sync`: a node without a time service gets chrony",
    ),
    ("system", "selinux", "SELinux is left as it is"),
    ("system", "firewall", "the firewall is left as it is"),
    (
        "system",
        "timezone",
        "the time zone is left as it is; PostgreSQL's is the parameter `TimeZone`",
    ),
    (
        "system",
        "packages",
        "only what the roles need is installed",
    ),
    (
        "patroni",
        "callbacks",
        "it stands under `patroni.extra`: `postgresql: { callbacks: … }`",
    ),
    (
        "patroni",
        "create_replica_methods",
        "it stands under `patroni.extra`: `postgresql: { create_replica_methods: … }`",
    ),
    ("patroni", "log", "it stands under `patroni.extra`"),
    ("patroni", "ctl", "it stands under `patroni.extra`"),
    ("patroni", "dcs_type", "etcd is the DCS that is deployed"),
    ("patroni", "maximum_lag", "it is `maximum_lag_on_failover`"),
    (
        "postgresql",
        "databases",
        "databases are made by their owners: give a user the option CREATEDB",
    ),
    (
        "postgresql",
        "extensions",
        "extensions are made in a database: `CREATE EXTENSION`",
    ),
    ("postgresql.users", "username", "it is `name`"),
    ("postgresql.users", "user", "it is `name`"),
    (
        "postgresql.users",
        "database",
        "a role is good for all databases; `pg_hba` may limit it to one",
    ),
    (
        "postgresql.users",
        "superuser",
        "an option: `options: [SUPERUSER]`",
    ),
    (
        "postgresql.users",
        "role",
        "rights are granted in the database: `GRANT`",
    ),
    (
        "vault",
        "password",
        "it is `passphrase`, which is a reference",
    ),
];
