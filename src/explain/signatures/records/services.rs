//! Records of etcd, certificates, Patroni and PostgreSQL.

use super::Known;

/// For signatures of everything else.
const PATRONI_IS_WELL: &str =
    "2026-11-25 16:34:15,776 INFO: no action. I am (pg-1), the leader with the lock";

pub(super) const KNOWN: &[Known] = &[
    Known {
        name: "etcd-lost-data",
        source: "journal etcd.service",
        records: &[
            "member b24c26a9c151e0d9 has already been bootstrapped",
            r#"{"level":"fatal","msg":"discovery failed","error":"member b24c26a9c151e0d9 has already been bootstrapped"}"#,
        ],
        near_misses: &[
            "the server is already initialized as member before, starting as etcd member...",
        ],
    },
    Known {
        name: "etcd-other-cluster",
        source: "journal etcd.service",
        records: &[
            "request cluster ID mismatch (got 78bf465bc5e29f3a want c069860f57fa09e6)",
            "request sent was ignored (cluster ID mismatch: peer[b24c26a9c151e0d9]=78bf465bc5e29f3a, local=c069860f57fa09e6)",
        ],
        near_misses: &[
            "added member b24c26a9c151e0d9 [https://10.0.0.13:2380] to cluster c069860f57fa09e6",
        ],
    },
    Known {
        name: "etcd-old-data",
        source: "journal etcd.service",
        records: &[
            "tocommit(325) is out of range [lastIndex(310)]. Was the raft log corrupted, truncated, or lost?",
        ],
        near_misses: &[
            "raft2026/11/25 16:42:41 INFO: newRaft 126b6848d3e43041 [peers: [], term: 51, commit: 325]",
        ],
    },
    Known {
        name: "etcd-member-removed",
        source: "journal etcd.service",
        records: &[
            "the member has been permanently removed from the cluster",
            r#"{"level":"warn","msg":"server has stopped; stopping cluster version's monitor","error":"the member has been permanently removed from the cluster"}"#,
        ],
        near_misses: &["rejected the stream from peer b24c26a9c151e0d9 since it was removed"],
    },
    Known {
        name: "etcd-nospace",
        source: "journal etcd.service",
        records: &[
            "alarm NOSPACE raised by peer ade0b973105c9c21",
            "patroni.dcs.etcd3.Unknown: <Unknown error: 'etcdserver: mvcc: database space exceeded', code: 2>",
            "full: the database has 69632 bytes, its quota is 16384",
        ],
        near_misses: &[
            "alarm disarmed action:DEACTIVATE memberID:12529218067191602209 alarm:NOSPACE ",
            "finished scheduled compaction at 325 (took 1.2ms)",
        ],
    },
    Known {
        name: "etcd-no-quorum",
        source: "journal etcd.service",
        records: &[
            "raft2026/11/25 16:43:32 INFO: 126b6848d3e43041 is starting a new election at term 51",
            "leaderless: this member knows no leader",
        ],
        near_misses: &["raft2026/11/25 16:42:41 INFO: 126b6848d3e43041 became leader at term 51"],
    },
    Known {
        name: "etcd-slow-disk",
        source: "journal etcd.service",
        // etcd's source: wal/wal.go, etcdserver/raft.go, 3.4 and 3.5.
        records: &[
            "sync duration of 2.317102385s, expected less than 1s",
            r#"{"level":"warn","msg":"slow fdatasync","took":"2.317102385s","expected-duration":"1s"}"#,
            r#"{"level":"warn","msg":"leader failed to send out heartbeat on time; took too long, leader is overloaded likely from slow disk"}"#,
        ],
        near_misses: &[
            "read-only range request \"key:\\\"/service/demo\\\"\" took too long (213ms) to execute",
        ],
    },
    Known {
        name: "etcd-v2-api",
        source: "journal patroni.service",
        records: &[
            r"2026-11-25 16:36:20,351 ERROR: Failed to get list of machines from https://10.0.0.12:2379/v2: EtcdException('Bad response : 404 page not found\n')",
        ],
        near_misses: &[
            "ERROR: Failed to get list of machines from https://10.0.0.12:2379/v3: <Unknown error: 'x', code: 2>",
        ],
    },
    Known {
        name: "etcd-version-undecided",
        source: "journal patroni.service",
        records: &["ERROR: Etcd version 3.0.0 is lower than 3.1.0, watches are not supported"],
        near_misses: &["INFO: Selected new etcd server https://10.0.0.12:2379"],
    },
    Known {
        name: "etcd-gateway-common-name",
        source: "journal patroni.service",
        records: &[
            "ERROR: Failed to get list of machines from https://10.0.0.11:2379/v3: <Unknown error: 'CommonName of client sending a request against gateway will be ignored and not used as expected', code: 2>",
        ],
        near_misses: &["INFO: Trying to authenticate on Etcd..."],
    },
    Known {
        name: "etcd-login",
        source: "journal patroni.service",
        records: &[
            "patroni.dcs.etcd3.AuthFailed: <Unknown error: 'etcdserver: authentication failed, invalid user ID or password', code: 3>",
            "patroni.exceptions.PatroniFatalException: 'Etcd3 authentication failed'",
        ],
        near_misses: &["INFO: Trying to authenticate on Etcd..."],
    },
    Known {
        name: "etcd-gateway-handshake",
        source: "journal patroni.service",
        records: &[
            "<Unavailable error: 'connection error: desc = \"transport: authentication handshake failed: remote error: tls: bad certificate\"', code: 14>",
        ],
        near_misses: &[
            "rejected connection from \"10.0.0.12:36500\" (error \"EOF\", ServerName \"\")",
        ],
    },
    Known {
        name: "tls-expired",
        source: "journal etcd.service",
        records: &[
            "health check for peer b24c26a9c151e0d9 could not connect: x509: certificate has expired or is not yet valid: current time 2026-11-25T16:39:44Z is after 2025-02-01T00:00:00Z",
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:992)",
            "expired: /etc/mahout/etcd-peer.pem, 57256788 s ago",
        ],
        near_misses: &[
            "/etc/mahout/etcd-peer.pem: for localhost pg-1 10.0.0.11 127.0.0.1, 364 days left",
        ],
    },
    Known {
        name: "tls-unknown-authority",
        source: "journal etcd.service",
        records: &[
            "rejected connection from \"10.0.0.13:58618\" (error \"tls: failed to verify client certificate: x509: certificate signed by unknown authority\", ServerName \"\")",
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:992)",
            "untrusted: /etc/mahout/etcd-peer.pem, no authority in ca.crt has issued it",
        ],
        near_misses: &[
            "rejected connection from \"10.0.0.12:36500\" (error \"remote error: tls: bad certificate\", ServerName \"\")",
        ],
    },
    Known {
        name: "tls-wrong-name",
        source: "journal etcd.service",
        records: &[
            "cannot get the version of member b24c26a9c151e0d9 (Get \"https://10.0.0.13:2380/version\": x509: certificate is valid for 10.0.0.12, 127.0.0.1, not 10.0.0.13)",
            "rejected connection from \"10.0.0.13:33036\" (error \"tls: \\\"10.0.0.13\\\" does not match any of DNSNames [\\\"localhost\\\" \\\"pg-2\\\"]\", ServerName \"\")",
            "certificate verify failed: IP address mismatch, certificate is not valid for '10.0.0.13'. (_ssl.c:992)",
        ],
        near_misses: &["x509: certificate signed by unknown authority"],
    },
    Known {
        name: "tls-unreadable",
        source: "certificates",
        records: &["unreadable: /etc/mahout/patroni.pem holds no certificate"],
        near_misses: &["/etc/mahout/patroni.pem: for localhost, 364 days left"],
    },
    Known {
        name: "patroni-system-id",
        source: "journal patroni.service",
        records: &[
            "CRITICAL: system ID mismatch, node pg-3 belongs to a different cluster: 7712147295638426769 != 7712149043516088160",
        ],
        near_misses: &[
            "INFO: system ID 7412 matches",
            "Database system identifier: 7712147295638426769",
        ],
    },
    Known {
        name: "patroni-stale-initialize",
        source: "journal patroni.service",
        records: &["2026-11-25 16:41:20,243 INFO: waiting for leader to bootstrap"],
        near_misses: &[
            "INFO: trying to bootstrap from leader 'pg-1'",
            "INFO: bootstrap in progress",
        ],
    },
    Known {
        name: "patroni-data-not-empty",
        source: "journal patroni.service",
        records: &[
            "INFO: data dir for the cluster is not empty, but system ID is invalid; consider doing reinitialize",
            "initdb: error: directory \"/var/lib/postgresql/15/patroni\" exists but is not empty",
            "data_dir /var/lib/postgresql/15/patroni: holds no PG_VERSION, but notes.txt",
        ],
        near_misses: &["data_dir /var/lib/postgresql/15/patroni: PG_VERSION 15"],
    },
    Known {
        name: "patroni-bin-dir",
        source: "journal patroni.service",
        records: &[
            "FileNotFoundError: [Errno 2] No such file or directory: '/usr/lib/postgresql/99/bin/pg_controldata'",
            "FileNotFoundError: [Errno 2] No such file or directory: '/usr/lib/postgresql/99/bin/postgres'",
            "bin_dir /usr/lib/postgresql/99/bin: holds no postgres",
        ],
        near_misses: &[
            "FileNotFoundError: [Errno 2] No such file or directory: '/etc/patroni/callback.sh'",
        ],
    },
    Known {
        name: "patroni-psycopg",
        source: "journal patroni.service",
        records: &[
            "ModuleNotFoundError: No module named 'psycopg2'",
            "FATAL: Patroni requires psycopg2>=2.5.4, psycopg2-binary, or psycopg>=3.0.0",
        ],
        near_misses: &["ModuleNotFoundError: No module named 'yaml'"],
    },
    Known {
        name: "patroni-etcd-driver",
        source: "journal patroni.service",
        records: &[
            "patroni.exceptions.PatroniFatalException: 'Can not find suitable configuration of distributed configuration store\\nAvailable implementations: consul, kubernetes'",
        ],
        near_misses: &["INFO: waiting on etcd"],
    },
    Known {
        name: "patroni-watchdog",
        source: "watchdog",
        records: &[
            "watchdog mode required: /dev/watchdog does not exist",
            // Patroni's source, watchdog/base.py.
            "ERROR: Configuration requires watchdog, but watchdog is not supported on this platform.",
        ],
        near_misses: &[
            "watchdog mode automatic: /dev/watchdog does not exist",
            "watchdog mode required: /dev/watchdog is of postgres mode 600",
        ],
    },
    Known {
        name: "patroni-name-taken",
        source: "journal patroni.service",
        // Patroni's source, __main__.py.
        records: &["CRITICAL: Can't start; there is already a node named 'pg-2' running"],
        near_misses: &[PATRONI_IS_WELL],
    },
    Known {
        name: "postgresql-other-major",
        source: "journal patroni.service",
        records: &[
            "2026-11-25 16:37:24.225 UTC [4304] FATAL:  database files are incompatible with server",
            "2026-11-25 16:37:24.225 UTC [4304] DETAIL:  The data directory was initialized by PostgreSQL version 14, which is not compatible with this version 15.20.",
        ],
        near_misses: &[
            "LOG:  starting PostgreSQL 15.20 (Debian 15.20-0+deb12u1) on x86_64-pc-linux-gnu",
        ],
    },
    Known {
        name: "postgresql-data-permissions",
        source: "journal patroni.service",
        records: &[
            "FATAL:  data directory \"/var/lib/postgresql/15/patroni\" has invalid permissions",
            "pg_basebackup: error: could not create directory \"/var/lib/postgresql/15/patroni\": Permission denied",
            "too open: /var/lib/postgresql/15/patroni is postgres's with mode 755",
        ],
        near_misses: &["data_dir /var/lib/postgresql/15/patroni: owner postgres mode 700"],
    },
    Known {
        name: "postgresql-hba-replication",
        source: "journal patroni.service",
        records: &[
            "FATAL:  could not connect to the primary server: connection to server at \"10.0.0.11\", port 5432 failed: FATAL:  no pg_hba.conf entry for replication connection from host \"10.0.0.12\", user \"replicator\", SSL encryption",
        ],
        // What `verify` tries is refused, as it must be.
        near_misses: &[
            "FATAL:  no pg_hba.conf entry for replication connection from host \"10.0.0.9\", user \"replicator\", SSL encryption",
            "FATAL:  pg_hba.conf rejects replication connection for host \"10.0.0.9\", user \"replicator\", SSL encryption",
        ],
    },
    Known {
        name: "postgresql-hba-haproxy",
        source: "journal patroni.service",
        records: &[
            "2026-11-25 16:43:22.317 UTC [8204] FATAL:  no pg_hba.conf entry for host \"10.0.0.12\", user \"app\", database \"postgres\", SSL encryption",
        ],
        near_misses: &[
            "FATAL:  no pg_hba.conf entry for host \"10.0.0.12\", user \"postgres\", database \"postgres\", SSL encryption",
            "FATAL:  no pg_hba.conf entry for host \"10.0.0.12\", user \"app\", database \"postgres\", no encryption",
            "FATAL:  no pg_hba.conf entry for host \"203.0.113.7\", user \"app\", database \"postgres\", SSL encryption",
        ],
    },
    Known {
        name: "postgresql-hba",
        source: "journal patroni.service",
        records: &[
            "psycopg2.OperationalError: connection to server at \"10.0.0.11\", port 5432 failed: FATAL:  no pg_hba.conf entry for host \"10.0.0.11\", user \"rewind_user\", database \"postgres\", SSL encryption",
        ],
        near_misses: &[
            "FATAL:  no pg_hba.conf entry for host \"203.0.113.7\", user \"postgres\", database \"postgres\", SSL encryption",
        ],
    },
    Known {
        name: "postgresql-password",
        source: "journal patroni.service",
        records: &[
            "FATAL:  could not connect to the primary server: connection to server at \"10.0.0.11\", port 5432 failed: FATAL:  password authentication failed for user \"replicator\"",
        ],
        // Somebody has mistyped his own.
        near_misses: &["FATAL:  password authentication failed for user \"app\""],
    },
    Known {
        name: "postgresql-memory",
        source: "journal patroni.service",
        records: &[
            "2026-11-25 16:37:24.578 UTC [4037] FATAL:  could not map anonymous shared memory: Cannot allocate memory",
        ],
        near_misses: &[
            "HINT:  This error usually means that PostgreSQL's request for a shared memory segment exceeded available memory",
        ],
    },
    Known {
        name: "postgresql-semaphores",
        source: "journal patroni.service",
        // PostgreSQL's documentation, 19.4.1 (a build with System V semaphores).
        records: &[
            "FATAL:  could not create semaphores: No space left on device",
            "DETAIL:  Failed system call was semget(5440126, 17, 03600).",
        ],
        near_misses: &["FATAL:  could not write to file \"base/1/2\": No space left on device"],
    },
    Known {
        name: "postgresql-shared-memory",
        source: "journal patroni.service",
        records: &[
            "FATAL:  could not resize shared memory segment \"/PostgreSQL.1568952070\" to 1048576 bytes: No space left on device",
            // PostgreSQL's documentation, 19.4.1.
            "FATAL:  could not create shared memory segment: Invalid argument",
            "no room: /dev/shm has 64 of 64 KiB left",
        ],
        near_misses: &["FATAL:  could not map anonymous shared memory: Cannot allocate memory"],
    },
    Known {
        name: "postgresql-locale",
        source: "journal patroni.service",
        records: &[
            "initdb: error: invalid locale name \"xx_XX.UTF-8\"",
            "FATAL:  database locale is incompatible with operating system",
        ],
        near_misses: &["The database cluster will be initialized with locale \"C.UTF-8\"."],
    },
];
