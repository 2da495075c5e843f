//! A cluster as it is by default, attacked from nodes that are not in it: one with the address of
//! a client network, one with a foreign address. Each attempt is one line of the tables below.

use std::path::Path;

use crate::operator::{Run, TestLab, lab_or_skip};

/// The password of the application's user, which the client has.
const APP: &str = "an application's own secret";

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    /// An address of `clients:`.
    Client,
    /// An address that the inventory does not know.
    Foreign,
}

/// An attempt: what it is called, the shell line, and a text that its success would print.
struct Attempt {
    name: String,
    line: String,
    success: &'static str,
}

/// curl that tells the status and what it got; a certificate of the attacker's own is at hand.
const CURL: &str = "curl -q -sS -k -g --connect-timeout 3 -m 8 -w ' status=%{http_code}'";
/// psql without any trust in the server, as an attacker has none.
const PSQL: &str = "PGCONNECT_TIMEOUT=4 timeout 10 psql -XAtqw";

/// What speaks HTTP.
#[rustfmt::skip] // one line an attempt
fn requests(victim: &str) -> Vec<Attempt> {
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

/// PostgreSQL itself and through HAProxy.
#[rustfmt::skip] // one line an attempt
fn logins(victim: &str, superuser_password: &str) -> Vec<Attempt> {
    let superuser = format!("'{superuser_password}'");
    let app = format!("'{}'", APP.replace('\'', r"'\''"));
    let tried: [(&'static str, &str, &str, &str, &str); 7] = [
        ("the application without TLS", "app", &app, "disable", "-d postgres"),
        ("the superuser with its password", "postgres", &superuser, "require", "-d postgres"),
        ("the superuser with its password, without TLS", "postgres", &superuser, "disable", "-d postgres"),
        ("the superuser with a well-known password", "postgres", "postgres", "require", "-d postgres"),
        ("the replication user", "replicator", "replicator", "require", "-d 'dbname=postgres replication=true'"),
        ("the rewind user", "rewind_user", "rewind_user", "require", "-d postgres"),
        ("the probe without its password", "mahout_probe", "mahout_probe", "require", "-d postgres"),
    ];
    let mut all = Vec::new();
    for (place, port) in [("PostgreSQL", 5432), ("HAProxy", 5000), ("HAProxy's replicas", 5001)] {
        for (name, user, password, mode, rest) in tried {
            all.push(Attempt {
                name: format!("{place}, {name}"),
                line: format!(
                    "PGPASSWORD={password} PGSSLMODE={mode} {PSQL} -h {victim} -p {port} -U {user} {rest} -c \"select 'IN'\""
                ),
                success: "IN",
            });
        }
    }
    all
}

/// What the foreign address may not even with the right password.
fn foreign(victim: &str) -> Vec<Attempt> {
    let app = APP.replace('\'', r"'\''");
    [("PostgreSQL, the application", 5432), ("HAProxy, the application", 5000), ("HAProxy's replicas, the application", 5001)]
        .into_iter()
        .map(|(name, port)| Attempt {
            name: name.to_owned(),
            line: format!(
                "PGPASSWORD='{app}' PGSSLMODE=require {PSQL} -h {victim} -p {port} -U app -d postgres -c \"select 'IN'\""
            ),
            success: "IN",
        })
        .collect()
}

fn try_all(
    lab: &TestLab,
    from: From,
    node: &str,
    attempts: &[Attempt],
    successes: &mut Vec<String>,
) {
    // One execution: each line in a shell of its own, its output between marks.
    let mut script = String::from(
        "test -e /root/own.pem || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
         -nodes -subj /CN=root -days 30 -keyout /root/own.key -out /root/own.crt 2>/dev/null; \
         cat /root/own.crt /root/own.key > /root/own.pem && test -s /root/own.key || exit 1\n",
    );
    for (number, attempt) in attempts.iter().enumerate() {
        script.push_str(&format!(
            "( {} ) >/tmp/attempt.{number} 2>&1 </dev/null &\n",
            attempt.line
        ));
    }
    script.push_str("wait\n");
    for number in 0..attempts.len() {
        script.push_str(&format!(
            "echo '=== {number}'; cat /tmp/attempt.{number}; echo\n"
        ));
    }
    let run: Run = lab.on(node, &script);
    run.succeeds();
    for (number, attempt) in attempts.iter().enumerate() {
        let begin = run
            .stdout
            .find(&format!("=== {number}\n"))
            .expect("its mark");
        let rest = &run.stdout[begin..];
        let end = rest[4..].find("\n=== ").map_or(rest.len(), |end| end + 4);
        let said = &rest[..end];
        assert!(
            !said.contains("command not found") && !said.contains("not found\n"),
            "{said}"
        );
        // An attempt that never got to the door shows nothing.
        let page = attempt.name == "HAProxy's statistics page";
        for nobody in [
            "curl: (58)",
            "curl: (28)",
            "Connection refused",
            "timeout expired",
        ] {
            assert!(page || !said.contains(nobody), "{}: {said}", attempt.name);
        }
        assert!(page || !said.contains("curl: (7)"), "{said}");
        if said.contains(attempt.success) {
            successes.push(format!("{from:?}: {}: {said}", attempt.name));
        }
    }
}

#[test]
fn a_default_cluster_is_closed_to_whoever_is_not_in_it() {
    let Some(lab) = lab_or_skip("attack", "bookworm", "installed", 5) else {
        return;
    };
    let names = lab.node_names();
    let (client, stranger) = (&names[3], &names[4]);
    let nodes: String = names[..3]
        .iter()
        .map(|name| format!("  {name}: {{ address: {} }}\n", lab.address(name)))
        .collect();
    lab.write(Path::new("app.password"), APP);
    lab.write(
        Path::new("closed.yml"),
        &format!(
            "scope: closed\ntls: on\n{}clients: [{}/32]\npostgresql: {{ users: [{{ name: app, password: \
             \"file:app.password\" }}] }}\nnodes:\n{nodes}",
            lab.inventory_ssh_section(),
            lab.address(client)
        ),
    );
    let mahout = |arguments: &[&str]| lab.mahout_with(Path::new("closed.yml"), arguments);
    mahout(&["deploy", "--yes"]).succeeds();

    // What a client is to be able to: else the refusals below would prove nothing.
    let victim = lab.address(&names[0]);
    let app = APP.replace('\'', r"'\''");
    let ca = lab.on(&names[0], "cat /etc/mahout/ca.crt");
    ca.succeeds();
    lab.on(
        client,
        &format!("cat > /root/ca.crt <<'END'\n{}\nEND", ca.stdout),
    )
    .succeeds();
    for port in [5000, 5001, 5432] {
        let run = lab.on(
            client,
            &format!(
                "PGPASSWORD='{app}' {PSQL} -c \"select 'IN', ssl from pg_stat_ssl where pid = pg_backend_pid()\" \
                 'host={victim} port={port} user=app dbname=postgres sslmode=verify-full sslrootcert=/root/ca.crt'"
            ),
        );
        run.succeeds();
        assert_eq!(run.stdout.trim(), "IN|t");
    }

    let superuser = lab.on(
        &names[0],
        "python3 -c \"import yaml; print(yaml.safe_load(open('/etc/patroni/patroni.yml'))\
         ['postgresql']['authentication']['superuser']['password'])\"",
    );
    superuser.succeeds();
    let mut successes = Vec::new();
    let leader = mahout(&["status", "--output", "json"]);
    let leader = names[..3]
        .iter()
        .find(|name| leader.stdout.contains(&format!("\"leader\":\"{name}\"")))
        .expect("a leader");
    for victim in [
        leader,
        names[..3]
            .iter()
            .find(|name| *name != leader)
            .expect("a replica"),
    ] {
        let address = lab.address(victim);
        let mut all = requests(&address);
        all.extend(logins(&address, superuser.stdout.trim()));
        try_all(&lab, From::Client, client, &all, &mut successes);
        try_all(&lab, From::Foreign, stranger, &all, &mut successes);
        try_all(
            &lab,
            From::Foreign,
            stranger,
            &foreign(&address),
            &mut successes,
        );
    }
    assert!(
        successes.is_empty(),
        "these went through:\n{}",
        successes.join("\n")
    );

    // Nothing listens for everybody that is not meant to be reached.
    for name in &names[..3] {
        let run = lab.on(
            name,
            "ss -Hltn | awk '{ print $4 }' | grep -e '^0.0.0.0' -e '^\\*' -e '^\\[::\\]' | sort -u",
        );
        for listener in run.stdout.lines() {
            let port = listener.rsplit_once(':').expect("a port").1;
            assert!(["22", "5000", "5001"].contains(&port), "{name}: {listener}");
        }
    }
    // And after all of that the cluster is what it was.
    mahout(&["verify"]).succeeds();
}
