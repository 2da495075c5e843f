//! Patroni itself.

use super::Signature;

/// What its loop says when it is well.
const OVER: &[&str] = &["no action. I am"];

pub(super) const ALL: &[Signature] = &[
    Signature {
        name: "patroni-system-id",
        any: &[&["system ID mismatch"]],
        over: OVER,
        cause: "its data directory comes from another cluster",
        remedy: "`mahout reinit NODE` moves it aside and copies the leader's",
        ..Signature::PLAIN
    },
    Signature {
        name: "patroni-stale-initialize",
        any: &[&["waiting for leader to bootstrap"]],
        over: &[
            "no action. I am",
            "trying to bootstrap a new cluster",
            "trying to bootstrap from leader",
        ],
        cause: "the DCS says that the cluster is being made or was made, and no member has its data",
        remedy: "bring the data directory back if there is one; if the data is gone for good, \
                 the `initialize` key is stale: `mahout destroy` removes it, then `mahout deploy`",
        ..Signature::PLAIN
    },
    Signature {
        name: "patroni-data-not-empty",
        any: &[
            &["exists but is not empty"],
            &["data dir for the cluster is not empty, but system ID is invalid"],
            &["holds no PG_VERSION, but"],
        ],
        over: OVER,
        cause: "the data directory is not empty, and what it holds is no PostgreSQL",
        remedy: "see what it holds and move that elsewhere; Patroni then makes the directory anew",
        ..Signature::PLAIN
    },
    Signature {
        name: "patroni-bin-dir",
        any: &[
            &["No such file or directory", "/postgres'"],
            &["No such file or directory", "/bin/postgres"],
            &["No such file or directory", "initdb"],
            &["No such file or directory", "pg_controldata"],
            &["No such file or directory", "pg_ctl"],
            &["holds no postgres"],
        ],
        over: OVER,
        cause: "`bin_dir` does not hold PostgreSQL's binaries",
        remedy: "correct `postgresql.bin_dir` or `postgresql.version` in the inventory, then \
                 `mahout deploy`",
        ..Signature::PLAIN
    },
    Signature {
        name: "patroni-psycopg",
        any: &[
            &["No module named", "psycopg"],
            &["Patroni requires psycopg"],
        ],
        over: OVER,
        cause: "Patroni's database driver is missing",
        remedy: "install psycopg for the Python that Patroni uses (`python3-psycopg2`)",
        ..Signature::PLAIN
    },
    Signature {
        name: "patroni-etcd-driver",
        any: &[&["Can not find suitable configuration of distributed configuration store"]],
        over: OVER,
        cause: "Patroni lacks its driver for etcd, or patroni.yml names no DCS",
        remedy: "`mahout deploy`; the driver is `python3-etcd` on Debian, `patroni-etcd` on the \
                 RHEL family",
        ..Signature::PLAIN
    },
    Signature {
        name: "patroni-watchdog",
        any: &[
            &["watchdog mode required", "does not exist"],
            &["watchdog mode required", "is of root"],
            &["Configuration requires", "watchdog"],
            &["watchdog could not be activated"],
        ],
        over: OVER,
        cause: "a watchdog is required and there is none that Patroni may use: it cannot lead",
        remedy: "`system.watchdog: true` loads softdog and gives it to postgres; else set \
                 `patroni.watchdog: automatic`",
        ..Signature::PLAIN
    },
    Signature {
        name: "patroni-name-taken",
        any: &[&["Can't start; there is already a node named"]],
        over: OVER,
        cause: "another Patroni of this cluster runs under the same name",
        remedy: "stop the other one: names of nodes are unique",
        ..Signature::PLAIN
    },
];
