//! What is tried, and how it would show that it went through.

/// The password of the application's user, which the client has.
pub(super) const APP: &str = "an application's own secret";

/// An attempt: what it is called, the shell line, and a text that its success would print.
pub(super) struct Attempt {
    pub(super) name: String,
    pub(super) line: String,
    pub(super) success: &'static str,
}

/// curl that tells the status and what it got; a certificate of the attacker's own is at hand.
pub(super) const CURL: &str =
    "curl -q -sS -k -g --connect-timeout 10 -m 20 -w ' status=%{http_code}'";
/// psql without any trust in the server, as an attacker has none.
pub(super) const PSQL: &str = "PGCONNECT_TIMEOUT=10 timeout 20 psql -XAtqw";

/// What speaks HTTP.
#[rustfmt::skip] // one line an attempt
pub(super) fn requests(victim: &str) -> Vec<Attempt> {
    let mut all = Vec::new();
    let mut add = |name: &str, line: String, success| {
        all.push(Attempt {
            name: name.to_owned(),
            line,
            success,
        });
    };
    let own = "--cert /root/own.pem";
    let put = "-d '{\"key\":\"L3NlcnZpY2U=\",\"value\":\"eA==\"}'";
    let range = "-d '{\"key\":\"AA==\",\"range_end\":\"AA==\"}'";
    let authenticate = "-d '{\"name\":\"root\",\"password\":\"root\"}'";

    // etcd's client port.
    add(
        "etcd, clear text",
        format!("{CURL} http://{victim}:2379/version"),
        "etcdserver\"",
    );
    add(
        "etcd, no certificate",
        format!("{CURL} https://{victim}:2379/version"),
        "etcdserver\"",
    );
    add(
        "etcd, a certificate of one's own",
        format!("{CURL} {own} https://{victim}:2379/version"),
        "etcdserver\"",
    );
    add(
        "etcd, read every key",
        format!("{CURL} {own} {range} https://{victim}:2379/v3/kv/range"),
        "\"header\"",
    );
    add(
        "etcd, write a key",
        format!("{CURL} {own} {put} https://{victim}:2379/v3/kv/put"),
        "\"header\"",
    );
    add(
        "etcd, log in with a well-known password",
        format!("{CURL} {own} {authenticate} https://{victim}:2379/v3/auth/authenticate"),
        "\"token\"",
    );
    // etcd's peer port.
    add(
        "etcd's peers, clear text",
        format!("{CURL} http://{victim}:2380/version"),
        "etcdserver\"",
    );
    add(
        "etcd's peers, no certificate",
        format!("{CURL} https://{victim}:2380/members"),
        "peerURLs",
    );
    add(
        "etcd's peers, a certificate of one's own",
        format!("{CURL} {own} https://{victim}:2380/members"),
        "peerURLs",
    );
    // Patroni's REST API.
    let evil = r#"-d '{"postgresql":{"parameters":{"archive_command":"touch /tmp/owned"}}}'"#;
    let lead = r#"-d '{"leader":"pg-1"}'"#;
    add(
        "REST, clear text",
        format!("{CURL} http://{victim}:8008/patroni"),
        "status=200",
    );
    add(
        "REST, PATCH /config",
        format!("{CURL} -X PATCH {evil} https://{victim}:8008/config"),
        "status=2",
    );
    add(
        "REST, PUT /config",
        format!("{CURL} -X PUT {evil} https://{victim}:8008/config"),
        "status=2",
    );
    add(
        "REST, PATCH with a certificate of one's own",
        format!("{CURL} {own} -X PATCH {evil} https://{victim}:8008/config"),
        "status=2",
    );
    for (name, login) in [
        ("REST, PATCH as postgres/postgres", "postgres:postgres"),
        ("REST, PATCH as patroni/patroni", "patroni:patroni"),
        ("REST, PATCH as admin/admin", "admin:admin"),
    ] {
        add(
            name,
            format!("{CURL} -u {login} -X PATCH {evil} https://{victim}:8008/config"),
            "status=2",
        );
    }
    add(
        "REST, POST /switchover",
        format!("{CURL} {lead} https://{victim}:8008/switchover"),
        "status=2",
    );
    add(
        "REST, POST /failover",
        format!("{CURL} -d '{{\"candidate\":\"pg-2\"}}' https://{victim}:8008/failover"),
        "status=2",
    );
    add(
        "REST, POST /restart",
        format!("{CURL} -d '{{}}' https://{victim}:8008/restart"),
        "status=2",
    );
    add(
        "REST, POST /reinitialize",
        format!("{CURL} -d '{{\"force\":true}}' https://{victim}:8008/reinitialize"),
        "status=2",
    );
    add(
        "REST, POST /reload",
        format!("{CURL} -d '{{}}' https://{victim}:8008/reload"),
        "status=2",
    );
    add(
        "HAProxy's statistics page",
        format!("{CURL} http://{victim}:7000/"),
        "status=200",
    );
    add(
        "a base backup",
        format!(
            "PGPASSWORD=replicator PGSSLMODE=require timeout 20 pg_basebackup -w -h {victim} -U \
             replicator -D /tmp/stolen && echo STOLEN"
        ),
        "STOLEN",
    );
    all
}

/// The cluster's own passwords, which open nothing by themselves.
pub(super) struct Passwords {
    pub(super) superuser: String,
    pub(super) replication: String,
    pub(super) rewind: String,
    pub(super) rest: String,
    pub(super) etcd_root: String,
    pub(super) probe: String,
}

/// With the right passwords, and without a certificate of the cluster.
pub(super) fn requests_with_passwords(victim: &str, passwords: &Passwords) -> Vec<Attempt> {
    let Passwords {
        replication,
        rest,
        etcd_root,
        ..
    } = passwords;
    let own = "--cert /root/own.pem";
    let patch = format!("{CURL} -u patroni:{rest} -X PATCH -d '{{\"ttl\":30}}'");
    let login = format!("-d '{{\"name\":\"root\",\"password\":\"{etcd_root}\"}}'");
    let backup = |port: u16| {
        format!(
            "PGPASSWORD={replication} PGSSLMODE=require timeout 20 pg_basebackup -w -h {victim} \
             -p {port} -U replicator -D /tmp/stolen.{port} && echo STOLEN"
        )
    };
    let attempt = |name: &str, line: String, success| Attempt {
        name: name.to_owned(),
        line,
        success,
    };
    vec![
        attempt(
            "REST, PATCH with the right user and password",
            format!("{patch} https://{victim}:8008/config"),
            "status=2",
        ),
        attempt(
            "REST, the same with a certificate of one's own",
            format!("{patch} {own} https://{victim}:8008/config"),
            "status=2",
        ),
        attempt(
            "etcd, root with its password and a certificate of one's own",
            format!("{CURL} {own} {login} https://{victim}:2379/v3/auth/authenticate"),
            "\"token\"",
        ),
        attempt(
            "a base backup with the right password",
            backup(5432),
            "STOLEN",
        ),
        attempt(
            "a base backup with the right password through HAProxy",
            backup(5000),
            "STOLEN",
        ),
    ]
}

/// PostgreSQL itself and through HAProxy.
#[rustfmt::skip] // one line an attempt
pub(super) fn logins(victim: &str, passwords: &Passwords) -> Vec<Attempt> {
    let Passwords { superuser, replication, rewind, .. } = passwords;
    let app = format!("'{}'", APP.replace('\'', r"'\''"));
    let tried: [(&'static str, &str, &str, &str, &str); 10] = [
        ("the application without TLS", "app", &app, "disable", "-d postgres"),
        ("the superuser with its password", "postgres", superuser, "require", "-d postgres"),
        ("the superuser with its password, without TLS", "postgres", superuser, "disable", "-d postgres"),
        ("the superuser with a well-known password", "postgres", "postgres", "require", "-d postgres"),
        ("the replication user", "replicator", "replicator", "require", "-d 'dbname=postgres replication=true'"),
        ("the replication user with its password", "replicator", replication, "require", "-d 'dbname=postgres replication=true'"),
        ("the replication user with its password, to a database", "replicator", replication, "require", "-d postgres"),
        ("the rewind user with its password", "rewind_user", rewind, "require", "-d postgres"),
        ("the rewind user", "rewind_user", "rewind_user", "require", "-d postgres"),
        ("the probe without its password", "mahout_probe", "mahout_probe", "require", "-d postgres"),
    ];
    let mut all = Vec::new();
    for (place, port) in [("PostgreSQL", 5432), ("HAProxy", 5000), ("HAProxy's replicas", 5001)] {
        for (name, user, password, mode, rest) in tried {
            // A connection for base backups and WAL understands no SQL; it tells where the WAL is.
            let (asked, success) = match rest.contains("replication=true") {
                true => ("IDENTIFY_SYSTEM", "|0/"),
                false => ("select 'IN'", "IN"),
            };
            all.push(Attempt {
                name: format!("{place}, {name}"),
                line: format!(
                    "PGPASSWORD={password} PGSSLMODE={mode} {PSQL} -h {victim} -p {port} -U {user} {rest} -c \"{asked}\""
                ),
                success,
            });
        }
    }
    all
}

/// What the foreign address may not even with the right password.
pub(super) fn foreign(victim: &str, passwords: &Passwords) -> Vec<Attempt> {
    let app = APP.replace('\'', r"'\''");
    let mut all = Vec::new();
    for (place, port) in [
        ("PostgreSQL", 5432),
        ("HAProxy", 5000),
        ("HAProxy's replicas", 5001),
    ] {
        for (role, password) in [("app", &app), ("mahout_probe", &passwords.probe)] {
            all.push(Attempt {
                name: format!("{place}, {role} with its password"),
                line: format!(
                    "PGPASSWORD='{password}' PGSSLMODE=require {PSQL} -h {victim} -p {port} -U \
                     {role} -d postgres -c \"select 'IN'\""
                ),
                success: "IN",
            });
        }
    }
    all
}

/// A script that fails unless each password is right where the certificate is, too.
pub(super) fn with_a_certificate(passwords: &Passwords, victim: &str) -> String {
    let Passwords {
        superuser,
        replication,
        rewind,
        rest,
        etcd_root,
        probe,
    } = passwords;
    let curl = format!("{CURL} --cert /etc/mahout/patroni.pem");
    let key = "sslmode=require sslcert=/root/shown.pem sslkey=/root/shown.pem";
    let mut script = format!(
        "set -e; umask 077; cp /etc/mahout/patroni.pem /root/shown.pem\n\
         {curl} -u patroni:{rest} -X PATCH -d '{{\"ttl\":30}}' https://{victim}:8008/config | grep -q \
         status=200\n\
         {curl} -d '{{\"name\":\"root\",\"password\":\"{etcd_root}\"}}' \
         https://{victim}:2379/v3/auth/authenticate | grep -q token\n"
    );
    let replication_of = "dbname=postgres replication=true";
    for (role, password, database, asked, success) in [
        (
            "postgres",
            superuser,
            "dbname=postgres",
            "select 'IN'",
            "IN",
        ),
        (
            "replicator",
            replication,
            replication_of,
            "IDENTIFY_SYSTEM",
            "|0/",
        ),
        (
            "rewind_user",
            rewind,
            "dbname=postgres",
            "select 'IN'",
            "IN",
        ),
        (
            "mahout_probe",
            probe,
            "dbname=postgres",
            "select 'IN'",
            "IN",
        ),
    ] {
        script.push_str(&format!(
            "PGPASSWORD={password} {PSQL} -c \"{asked}\" 'host={victim} port=5432 user={role} \
             {key} {database}' | grep -qF '{success}' || {{ echo {role} is not let in >&2; exit 1; }}\n"
        ));
    }
    script + "rm /root/shown.pem\n"
}
