//! The whole path on real nodes: deploy, deploy again, dry run, verify, drift, a dynamic setting,
//! a lost leader. One lab a suite, one sequence a lab: the nodes are booted once.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::manifest::{manifest, same_manifest};
use crate::operator::{Run, TestLab, lab_or_skip, tell};
use crate::vip::printed;

pub(crate) fn leader(lab: &TestLab) -> Option<String> {
    let run = lab.mahout(&["status", "--output", "json"]);
    run.stdout.lines().find_map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(value.get("leader")?.as_str()?.to_owned())
    })
}

/// Awaits `condition`, asking again and again; fails with `what` after `deadline`.
#[track_caller]
pub(crate) fn await_that(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(
            begin.elapsed() < deadline,
            "{what}: not within {deadline:?}"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A statement through the HAProxy of `through`, as an application, from inside node `from`.
pub(crate) fn sql(lab: &TestLab, from: &str, through: &str, port: u16, statement: &str) -> Run {
    let password = lab.secret("user.app");
    let address = lab.address(through);
    lab.on(
        from,
        &format!(
            "PGPASSWORD='{password}' PGCONNECT_TIMEOUT=3 PGSSLMODE=verify-full \
             PGSSLROOTCERT=/etc/mahout/ca.crt psql -h {address} -p {port} -U app -d postgres \
             -XAtq -v ON_ERROR_STOP=1 -c \"{statement}\""
        ),
    )
}

/// What systemd thinks of how the services are shut in, in tenths of its 0 (safe) to 10; the
/// README has the figures.
fn shut_in(lab: &TestLab) {
    let node = &lab.node_names()[0];
    for (unit, most) in [("etcd", 15), ("patroni", 17), ("haproxy", 32)] {
        let run = lab.on(
            node,
            &format!("systemd-analyze security --no-pager --threshold={most} {unit}.service"),
        );
        tell(run.stdout.trim().lines().last().unwrap_or_default());
        run.succeeds();
    }
}

/// Patroni dies on the leader without a word: PostgreSQL runs on, and is found again.
fn patroni_is_killed(lab: &TestLab, leader: &str) {
    let pid = |script: &str| {
        let run = lab.on(leader, script);
        run.succeeds();
        run.stdout.trim().to_owned()
    };
    let patroni = || pid("systemctl show --property=MainPID --value patroni");
    let postmaster = || pid("head -n 1 /var/lib/postgresql/*/patroni/postmaster.pid");
    let (killed, before) = (patroni(), postmaster());
    lab.on(leader, "systemctl kill -s KILL --kill-who=main patroni")
        .succeeds();
    await_that("Patroni runs again", Duration::from_secs(60), || {
        let now = patroni();
        now != "0" && now != killed
    });
    await_that("verify is green", Duration::from_secs(60), || {
        lab.mahout(&["verify"]).code == 0
    });
    assert_eq!(postmaster(), before, "PostgreSQL ran on");
    assert_eq!(self::leader(lab).as_deref(), Some(leader));
}

/// `node` has no packages in its cache and reaches no mirror: it takes those that `source` has.
fn downloads_nothing(lab: &TestLab, source: &str, node: &str) {
    lab.append_to_inventory(&format!(
        "groups:\n  far: {{ nodes: [{source}, {node}], packages: relay }}\n"
    ));
    let script = "apt-get -q clean && for way in http https; do \
                  echo \"Acquire::$way::Proxy \\\"http://127.0.0.1:9\\\";\"; done \
                  >/etc/apt/apt.conf.d/zz-no-mirror";
    lab.on(node, script).succeeds();
    let alone = "apt-get -q -y -o Acquire::Retries=0 --download-only install haproxy";
    assert_ne!(lab.on(node, alone).code, 0, "it reaches a mirror");
    let planned = lab.mahout(&["deploy", "--dry-run"]);
    let words = format!("take the packages that {source} has downloaded");
    assert!(planned.stdout.contains(&words), "{planned}");
}

fn whole_path(suite: &str, image: &str) {
    let Some(lab) = lab_or_skip(&format!("core-{suite}"), suite, image, 3) else {
        return;
    };
    let names = lab.node_names();

    lab.is_quiet();
    if image == "prepared" {
        downloads_nothing(&lab, &names[1], &names[2]);
    }
    lab.append_to_inventory("postgresql:\n  users: [{ name: app }]\n");

    // A dry run before anything is there.
    let before = manifest(&lab);
    let run = lab.mahout(&["deploy", "--dry-run", "--exit-code"]);
    run.exits_with(5);
    assert!(run.stdout.contains("phase etcd"), "{run}");
    assert!(run.stdout.contains("nothing was changed"), "{run}");
    assert!(
        run.stdout.contains("+scope:"),
        "a diff of patroni.yml: {run}"
    );
    same_manifest(&lab, &before, "a dry run on bare nodes");
    assert!(!lab.secrets_file().exists(), "a dry run makes no secrets");

    // Without a terminal and without --yes nothing happens.
    lab.mahout(&["deploy"]).exits_with(2);
    same_manifest(&lab, &before, "a refused deploy");

    let deployed = lab.mahout(&["deploy", "--yes"]);
    deployed.succeeds();
    assert!(!deployed.stderr.contains("did not come"), "{deployed}");

    // Again: nothing to do, and a dry run leaves everything alone.
    let before = manifest(&lab);
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("nothing to change"), "{run}");
    lab.mahout(&["deploy", "--dry-run", "--exit-code"])
        .succeeds();
    same_manifest(&lab, &before, "a second deploy");

    lab.mahout(&["verify"]).succeeds();
    let json = lab.mahout(&["verify", "--output", "json"]);
    json.succeeds();
    for line in json.stdout.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("one object a line");
    }
    let first_leader = leader(&lab).expect("a leader");

    // patronictl as root, a write through every HAProxy, a read from a replica.
    for node in &names {
        let run = lab.on(node, "patronictl -c /etc/patroni/patroni.yml list");
        run.succeeds();
        assert!(run.stdout.contains(&first_leader), "{run}");
    }
    lab.on(
        &first_leader,
        "runuser -u postgres -- psql -qc 'create table ledger (n serial primary key, t text); \
         grant all on all tables in schema public to app; \
         grant all on all sequences in schema public to app'",
    )
    .succeeds();
    for node in &names {
        sql(
            &lab,
            &names[0],
            node,
            5000,
            "insert into ledger (t) values ('written')",
        )
        .succeeds();
        let run = sql(&lab, &names[0], node, 5001, "select pg_is_in_recovery()");
        run.succeeds();
        assert_eq!(
            run.stdout.trim(),
            "t",
            "the read-only port leads to a replica"
        );
    }

    if suite == "bookworm" {
        crate::budget::is_kept(&lab);
    }

    // What is printed for clients, before and after one of its HAProxy nodes is gone.
    let url = printed(&lab, &deployed.stdout, &names[1]);
    assert_eq!(url.matches(":5000").count(), 3, "{url}");
    assert!(url.contains("target_session_attrs=read-write"), "{url}");
    lab.on(&names[0], "systemctl stop haproxy").succeeds();
    printed(&lab, &deployed.stdout, &names[1]);
    lab.on(&names[0], "systemctl start haproxy").succeeds();

    // Drift is shown and put back.
    let drifted = names
        .iter()
        .find(|node| **node != first_leader)
        .expect("a replica");
    lab.on(
        drifted,
        "echo '# edited by hand' >> /etc/haproxy/haproxy.cfg; sed -i 's/^scope:/#hand\\nscope:/' \
         /etc/patroni/patroni.yml; chmod 644 /etc/patroni/patroni.yml; echo '# hand' >> \
         /etc/default/etcd",
    )
    .succeeds();
    lab.mahout(&["verify"]).exits_with(4);
    let run = lab.mahout(&["diff"]);
    run.succeeds();
    assert!(run.stdout.contains("-# edited by hand"), "{run}");
    lab.mahout(&["deploy", "--yes"]).succeeds();
    lab.on(
        drifted,
        "grep -e '# edited by hand' -e '#hand' -e '# hand' /etc/haproxy/haproxy.cfg \
         /etc/patroni/patroni.yml /etc/default/etcd",
    )
    .exits_with(1);
    lab.mahout(&["verify"]).succeeds();

    shut_in(&lab);
    patroni_is_killed(&lab, &first_leader);

    // A dynamic setting arrives by PATCH; one that needs a restart is reported.
    lab.append_to_inventory(
        "  parameters: { max_connections: 123 }\n\
         patroni: { maximum_lag_on_failover: 2MB }\n",
    );
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("dynamic configuration"), "{run}");
    let config = lab.on(
        &first_leader,
        "patronictl -c /etc/patroni/patroni.yml show-config",
    );
    assert!(
        config.stdout.contains("maximum_lag_on_failover: 2097152"),
        "{config}"
    );
    await_that(
        "a pending restart is reported",
        Duration::from_secs(30),
        || {
            let run = lab.mahout(&["diff"]);
            run.stdout.contains("max_connections")
        },
    );

    // The leader's machine loses power.
    lab.lab(&["kill", &first_leader]);
    await_that("a new leader", Duration::from_secs(90), || {
        leader(&lab).is_some_and(|now| now != first_leader)
    });
    let survivor = names
        .iter()
        .find(|node| **node != first_leader)
        .expect("a survivor");
    await_that("writes go on", Duration::from_secs(30), || {
        sql(
            &lab,
            survivor,
            survivor,
            5000,
            "insert into ledger (t) values ('after')",
        )
        .code
            == 0
    });
    lab.mahout(&["verify"]).exits_with(4);
    lab.lab(&["start", &first_leader]);
    await_that("verify is green again", Duration::from_secs(120), || {
        lab.mahout(&["verify"]).code == 0
    });
    let run = sql(
        &lab,
        survivor,
        survivor,
        5000,
        "select count(*) from ledger",
    );
    assert_eq!(run.stdout.trim(), (names.len() + 1).to_string());
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("nothing to change"), "{run}");
}

#[test]
fn whole_path_on_bookworm_from_bare_nodes() {
    whole_path("bookworm", "prepared");
}

#[test]
fn whole_path_on_trixie() {
    whole_path("trixie", "installed");
}

fn node_of(lab: &TestLab, index: usize, roles: &str) -> String {
    let name = &lab.node_names()[index];
    let address = lab.address(name);
    format!("  {name}: {{ address: {address}, roles: [{roles}] }}\n")
}

/// A cluster whose etcd and PostgreSQL have nodes of their own.
fn dedicated(lab: &TestLab, scope: &str, tls: &str) -> String {
    let ssh = lab.inventory_ssh_section();
    let roles = ["etcd", "etcd", "etcd, haproxy", "postgresql", "postgresql"];
    let nodes = roles.iter().enumerate();
    let nodes: String = nodes
        .map(|(index, roles)| node_of(lab, index, roles))
        .collect();
    format!("scope: {scope}\ntls: {tls}\n{ssh}nodes:\n{nodes}")
}

#[test]
fn dedicated_nodes_with_tls() {
    let Some(lab) = lab_or_skip("core-apart", "bookworm", "installed", 5) else {
        return;
    };
    lab.write(Path::new("apart.yml"), &dedicated(&lab, "apart", "on"));
    let mahout = |arguments: &[&str]| lab.mahout_with(Path::new("apart.yml"), arguments);
    mahout(&["deploy", "--yes"]).succeeds();
    mahout(&["verify"]).succeeds();
    // Each node has the certificates of its own roles and no others.
    let names = lab.node_names();
    let held = |index: usize| {
        let run = lab.on(&names[index], "cd /etc/mahout && echo *.pem");
        run.stdout.trim().to_owned()
    };
    for index in 0..3 {
        assert_eq!(held(index), "etcd-peer.pem etcd-server.pem");
    }
    for index in 3..5 {
        assert_eq!(held(index), "patroni.pem postgresql.pem");
    }
    let run = mahout(&["deploy", "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("nothing to change"), "{run}");
}

#[test]
fn dedicated_nodes_and_two_scopes_on_one_etcd() {
    let Some(lab) = lab_or_skip("core-dedicated", "bookworm", "installed", 6) else {
        return;
    };
    let names = lab.node_names();
    let ssh = lab.inventory_ssh_section();
    let first = dedicated(&lab, "one", "off");
    let endpoints: Vec<String> = names[..3]
        .iter()
        .map(|name| format!("\"{}:2379\"", lab.address(name)))
        .collect();
    let second = format!(
        "scope: two\n{ssh}etcd: {{ external: {{ endpoints: [{}] }} }}\nnodes:\n{}",
        endpoints.join(", "),
        node_of(&lab, 5, "postgresql, haproxy"),
    );
    for (file, text) in [("one.yml", first), ("two.yml", second)] {
        lab.write(Path::new(file), &text);
        let with = |arguments: &[&str]| lab.mahout_with(Path::new(file), arguments);
        with(&["deploy", "--yes"]).succeeds();
        with(&["verify"]).succeeds();
        let run = with(&["deploy", "--yes"]);
        run.succeeds();
        assert!(run.stdout.contains("nothing to change"), "{run}");
    }
    // The first one has not noticed the second.
    lab.mahout_with(Path::new("one.yml"), &["verify"])
        .succeeds();
    let keys = lab.on(
        &names[0],
        &format!(
            "ETCDCTL_API=3 etcdctl --endpoints http://{}:2379 get --prefix /service/ --keys-only",
            lab.address(&names[0])
        ),
    );
    assert!(
        keys.stdout.contains("/service/one/leader") && keys.stdout.contains("/service/two/leader"),
        "{keys}"
    );
}
