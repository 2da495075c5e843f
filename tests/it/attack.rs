//! A cluster as it is by default, attacked from nodes that are not in it: one with the address of
//! a client network, one with a foreign address. Each attempt is one line of the tables
//! in `attempts`.

mod attempts;

use std::path::Path;

use crate::operator::{Run, TestLab, lab_or_skip};
use attempts::{
    APP, Attempt, PSQL, Passwords, foreign, logins, requests, requests_with_passwords,
    with_a_certificate,
};

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    /// An address of `clients:`.
    Client,
    /// An address that the inventory does not know.
    Foreign,
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
        // All at once they would be turned away by a busy machine, and show nothing.
        if number % 12 == 11 {
            script.push_str("wait\n");
        }
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

    let secret = |name: &str| {
        let shown = mahout(&["secrets", "show", name]);
        shown.succeeds();
        shown.stdout.trim().to_owned()
    };
    let passwords = Passwords {
        superuser: secret("superuser"),
        replication: secret("replication"),
        rewind: secret("rewind"),
        rest: secret("restapi"),
        etcd_root: secret("etcd_root"),
        probe: secret("probe"),
    };
    // They are the right ones: on a node of the cluster, with its certificate, they open the doors.
    let right = lab.on(&names[0], &with_a_certificate(&passwords, &victim));
    right.succeeds();
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
        all.extend(requests_with_passwords(&address, &passwords));
        all.extend(logins(&address, &passwords));
        try_all(&lab, From::Client, client, &all, &mut successes);
        try_all(&lab, From::Foreign, stranger, &all, &mut successes);
        try_all(
            &lab,
            From::Foreign,
            stranger,
            &foreign(&address, &passwords),
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
