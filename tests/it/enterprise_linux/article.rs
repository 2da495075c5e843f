//! The article's own cluster, as inventories/article.yml has it.

use std::path::Path;

use crate::operator::{TestLab, lab_or_skip};

/// That file, with the lab's nodes in the place of the article's.
fn inventory(lab: &TestLab) -> String {
    let text = include_str!("../../../inventories/article.yml");
    let (before, rest) = text.split_once("ssh:\n").expect("an ssh section");
    let (_, rest) = rest.split_once("\n\n").expect("its end");
    let mut whole = format!("{before}{}{rest}", lab.inventory_ssh_section());
    for (index, node) in lab.node_names().iter().enumerate() {
        let address = format!("10.0.0.1{}", index + 1);
        assert!(whole.contains(&address), "{address}");
        whole = whole.replace(&address, &lab.address(node));
    }
    let network = lab
        .address("pg-1")
        .rsplit_once('.')
        .expect("an address")
        .0
        .to_owned();
    whole.replace("10.0.0.0/24", &format!("{network}.0/24"))
}

#[test]
fn the_article_s_own_cluster() {
    let Some(lab) = lab_or_skip("article", "el9", "bare", 3) else {
        return;
    };
    if lab.on("pg-1", "test -s /usr/share/standin/skipped").code == 0 {
        return;
    }
    let file = Path::new("article.yml");
    lab.write(file, &inventory(&lab));
    let mahout = |arguments: &[&str]| lab.mahout_with(file, arguments);
    mahout(&["deploy", "--yes"]).succeeds();
    mahout(&["verify"]).succeeds();
    let again = mahout(&["deploy", "--yes"]);
    again.succeeds();
    assert!(again.stdout.contains("nothing to change"), "{again}");

    let status = mahout(&["status", "--output", "json"]);
    // Its patroni01 is the lab's pg-1.
    let leader = status.stdout.lines().find_map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(value.get("leader")?.as_str()?.replace("patroni0", "pg-"))
    });
    let leader = leader.expect("a leader");
    for node in lab.node_names() {
        everything_is_where_the_article_has_it(&lab, &node);
    }
    clients_are_on_the_leader(&lab, &leader);
}

fn everything_is_where_the_article_has_it(lab: &TestLab, node: &str) {
    let run = lab.on(
        node,
        r"systemctl is-active patroni.service && \
         grep -q '^scope: .*region_one' /etc/patroni/patroni.yml && \
         cat /var/lib/pgsql/data/postgresql0/PG_VERSION && \
         readlink /proc/$(head -n 1 /var/lib/pgsql/data/postgresql0/postmaster.pid)/exe && \
         ss -Hltn 'sport = 5432 or sport = 6432 or sport = 7000' | \
           sed 's/.*:\([0-9]*\) .*/\1/; s/ //g' | sort -u | xargs",
    );
    run.succeeds();
    let lines: Vec<&str> = run.stdout.lines().collect();
    let expected = [
        "active",
        "13",
        "/usr/pgsql-13/bin/postgres",
        "5432 6432 7000",
    ];
    assert_eq!(lines, expected, "{run}");
}

/// By any node's 5432: it can write. By name: libpq 13 looks for no address in a certificate.
fn clients_are_on_the_leader(lab: &TestLab, leader: &str) {
    let role = "create role client login password 'a password'";
    lab.on(
        leader,
        &format!("cd / && runuser -u postgres -- psql -q -p 6432 -c \"{role}\""),
    )
    .succeeds();
    for node in lab.node_names() {
        let run = lab.on(
            "pg-1",
            &format!(
                "PGPASSWORD='a password' PGSSLMODE=verify-full PGSSLROOTCERT=/etc/mahout/ca.crt \
                 psql -h {} -p 5432 -U client -d postgres -XAtq -c \
                 'create temporary table written (); \
                  select pg_is_in_recovery(), host(inet_server_addr())'",
                node.replace("pg-", "patroni0")
            ),
        );
        run.succeeds();
        assert_eq!(
            run.stdout.trim(),
            format!("f|{}", lab.address(leader)),
            "{run}"
        );
    }
}
