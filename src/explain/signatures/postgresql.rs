//! PostgreSQL, and who is let in.

use super::Signature;

/// What it says when it is up, or the standby when it streams.
const UP: &[&str] = &["database system is ready to accept"];
const STREAMS: &[&str] = &["started streaming WAL from primary"];

pub(super) const ALL: &[Signature] = &[
    Signature {
        name: "postgresql-other-major",
        any: &[
            &["database files are incompatible with server"],
            &["data directory was initialized by PostgreSQL version"],
        ],
        over: UP,
        cause: "the data directory is of another major version of PostgreSQL",
        remedy: "set `postgresql.version` to the one that the data is of; `mahout reinit NODE` if \
                 only this node's is",
        ..Signature::PLAIN
    },
    Signature {
        name: "postgresql-data-permissions",
        any: &[
            &["has invalid permissions"],
            &["data directory", "has wrong ownership"],
            &["could not access directory", "Permission denied"],
            &["could not create directory", "Permission denied"],
            &["too open: "],
        ],
        over: UP,
        cause: "the data directory may be read by others, or is not postgres's",
        remedy: "give it to postgres with mode 0700, then start `patroni.service`",
        ..Signature::PLAIN
    },
    Signature {
        name: "postgresql-hba-replication",
        any: &[
            &["could not connect to the primary", "no pg_hba.conf entry"],
            &["could not connect to the primary", "pg_hba.conf rejects"],
            &["pg_basebackup", "no pg_hba.conf entry"],
            &["pg_basebackup", "pg_hba.conf rejects"],
        ],
        over: STREAMS,
        cause: "pg_hba.conf of the leader refuses replication",
        remedy: "`mahout deploy` writes the lines that replication needs; if \
                 `postgresql.pg_hba` is the inventory's own, add one there",
        ..Signature::PLAIN
    },
    Signature {
        name: "postgresql-hba-haproxy",
        source: "journal patroni",
        any: &[
            &["no pg_hba.conf entry for host \"{haproxy}\""],
            &["pg_hba.conf rejects connection for host \"{haproxy}\""],
        ],
        // These are to be refused there; `verify` tries it.
        without: &[
            "user \"{superuser}\"",
            "user \"{replication}\"",
            "user \"{rewind}\"",
            "no encryption",
            "replication connection",
        ],
        cause: "pg_hba.conf refuses clients that come through HAProxy, whose address is that of \
                its node",
        remedy: "add a line for that user and the nodes' addresses to `postgresql.pg_hba`, then \
                 `mahout deploy`",
        ..Signature::PLAIN
    },
    Signature {
        name: "postgresql-hba",
        any: &[
            &[
                "connection to server",
                "failed: FATAL",
                "no pg_hba.conf entry",
            ],
            &[
                "connection to server",
                "failed: FATAL",
                "pg_hba.conf rejects",
            ],
        ],
        without: &["could not connect to the primary", "pg_basebackup"],
        over: STREAMS,
        cause: "pg_hba.conf refuses a connection",
        remedy: "add a line for that user and address to `postgresql.pg_hba`, then `mahout deploy`",
        ..Signature::PLAIN
    },
    Signature {
        name: "postgresql-password",
        any: &[&["connection to server", "password authentication failed"]],
        over: STREAMS,
        cause: "a password is not the one that the database knows",
        remedy: "`mahout deploy` sets the vault's; if the vault is not this cluster's, bring back \
                 the one that it was made with",
        ..Signature::PLAIN
    },
    Signature {
        name: "postgresql-memory",
        any: &[&["Cannot allocate memory"]],
        over: UP,
        cause: "the kernel gives PostgreSQL no more memory",
        remedy: "check `shared_buffers`, huge pages and vm.overcommit_memory against the memory \
                 of the node",
        ..Signature::PLAIN
    },
    Signature {
        name: "postgresql-semaphores",
        any: &[&["could not create semaphores"], &["semget("]],
        over: UP,
        cause: "the kernel allows too few semaphores",
        remedy: "raise `kernel.sem` by `system.sysctl`, or lower `max_connections`",
        ..Signature::PLAIN
    },
    Signature {
        name: "postgresql-shared-memory",
        any: &[
            &["could not create shared memory segment"],
            &["could not resize shared memory segment"],
            &["could not open shared memory segment"],
            &["no room: "],
        ],
        without: &["Cannot allocate memory"],
        over: UP,
        cause: "the kernel gives PostgreSQL no shared memory",
        remedy: "make /dev/shm larger, raise kernel.shmmni, kernel.shmall or kernel.shmmax by \
                 `system.sysctl`",
        ..Signature::PLAIN
    },
    Signature {
        name: "postgresql-locale",
        any: &[
            &["invalid locale name"],
            &["database locale is incompatible with operating system"],
            &["is not recognized by setlocale()"],
        ],
        over: UP,
        cause: "the locale is not installed",
        remedy: "install it, or set `patroni.initdb` to one that is: C.UTF-8",
        ..Signature::PLAIN
    },
];
