//! Firewalls on real nodes: firewalld in two zones, ufw beside it, and the cluster between them.

use crate::cluster::leader;
use crate::operator::{TestLab, lab_or_skip};
use crate::vip::address;

const INSTALL: &str = "export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends";

/// pg-1 and pg-2 get firewalld, pg-2 with its interface in a zone of its own; pg-3 gets ufw.
fn fenced(lab: &TestLab) {
    let firewalld = "firewalld >/dev/null && firewall-cmd --state";
    let zone = "firewall-cmd -q --permanent --zone=dmz --add-interface=host0 && \
                firewall-cmd -q --reload";
    let ufw = "ufw >/dev/null && ufw allow 22/tcp && ufw --force enable";
    let scripts = [
        ("pg-1", format!("{INSTALL} {firewalld}")),
        ("pg-2", format!("{INSTALL} {firewalld} && {zone}")),
        ("pg-3", format!("{INSTALL} {ufw}")),
    ];
    std::thread::scope(|scope| {
        for (node, script) in &scripts {
            scope.spawn(move || lab.on(node, script).succeeds());
        }
    });
}

/// Whether a connection from that node stands.
fn reaches(lab: &TestLab, from: &str, to: &str, port: u16) -> bool {
    let address = lab.address(to);
    let script = format!("timeout 3 bash -c 'exec 3<>/dev/tcp/{address}/{port}' 2>/dev/null");
    lab.on(from, &script).code == 0
}

/// The same from the machine of the lab, an address of `clients`.
fn client_reaches(lab: &TestLab, to: &str, port: u16) -> bool {
    let address = format!("{}:{port}", lab.address(to));
    let address = address.parse().expect("an address");
    let patience = std::time::Duration::from_secs(2);
    std::net::TcpStream::connect_timeout(&address, patience).is_ok()
}

#[track_caller]
fn nothing_to_change(lab: &TestLab) {
    let again = lab.mahout(&["deploy", "--yes"]);
    again.succeeds();
    assert!(again.stdout.contains("nothing to change"), "{again}");
}

#[test]
fn a_cluster_lives_behind_firewalld_and_ufw() {
    let Some(lab) = lab_or_skip("fence", "bookworm", "installed", 3) else {
        return;
    };
    fenced(&lab);
    // VRRP has to pass all of them, or two nodes hold the address.
    let vip = address(&lab);
    lab.append_to_inventory(&format!("vip: {{ address: {vip} }}\n"));
    what_a_reload_would_close_stops_it(&lab);
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    assert!(leader(&lab).is_some());
    nothing_to_change(&lab);
    let verify = lab.mahout(&["verify"]);
    verify.succeeds();
    for held in [
        "every node reaches what it needs: 36 paths",
        "3 nodes with a firewall: the cluster's own ports are open to its own addresses",
        &format!("pg-1 holds {vip}"),
    ] {
        assert!(verify.stdout.contains(held), "{verify}");
    }
    what_is_not_in_the_list_is_shut(&lab);
    what_was_taken_away_comes_back(&lab);
    firewalld_is_started_where_that_is_asked_for(&lab);
}

/// A port that is open at run time alone, as somebody's SSH could be.
fn what_a_reload_would_close_stops_it(lab: &TestLab) {
    lab.on("pg-1", "firewall-cmd --add-port=2222/tcp")
        .succeeds();
    let run = lab.mahout(&["deploy", "--yes"]);
    run.exits_with(1);
    let said = "a reload of firewalld would close what is open at run time alone: public ports: \
                2222/tcp";
    assert!(run.stderr.contains(said), "{run}");
    lab.on("pg-1", "firewall-cmd --runtime-to-permanent")
        .succeeds();
}

fn what_is_not_in_the_list_is_shut(lab: &TestLab) {
    for (node, other) in [("pg-1", "pg-2"), ("pg-2", "pg-3"), ("pg-3", "pg-1")] {
        let listens = "systemd-run -q --unit foreign python3 -m http.server 9999
            for i in $(seq 50); do ss -ltn | grep -q :9999 && exit; sleep 0.1; done; exit 1";
        lab.on(node, listens).succeeds();
        assert!(!reaches(lab, other, node, 9999), "{node} from {other}");
        assert!(reaches(lab, other, node, 5432), "{node} from {other}");
        // An application comes to PostgreSQL and through HAProxy, and no further.
        assert!(client_reaches(lab, node, 5000) && client_reaches(lab, node, 5432));
        assert!(!client_reaches(lab, node, 2379) && !client_reaches(lab, node, 9999));
        assert!(client_reaches(lab, node, 22), "SSH of {node}");
    }
}

fn what_was_taken_away_comes_back(lab: &TestLab) {
    let second = lab.address("pg-2");
    let closed = format!(
        "firewall-cmd --policy=mahout --remove-rich-rule='rule family=\"ipv4\" source \
         address=\"{second}\" port port=\"8008\" protocol=\"tcp\" accept'"
    );
    lab.on("pg-1", &closed).succeeds();
    let ports = "2379,2380,5000,5001,5432,8008";
    let closed = format!("ufw delete allow proto tcp from {second} to any port {ports}");
    lab.on("pg-3", &closed).succeeds();
    let verify = lab.mahout(&["verify"]);
    verify.exits_with(4);
    for found in [
        // By either: a kernel sends only so many rejections in a second.
        "the REST API, 8008, cannot be reached from pg-2: no ".to_owned(),
        "pg-3: etcd's peer port, 2380, cannot be reached from pg-2: no answer within 4 s"
            .to_owned(),
        format!("pg-1: firewalld does not let in, although its policy says so: 8008 from {second}"),
        format!("pg-3: ufw has no rule for ports {ports} from {second}"),
    ] {
        assert!(verify.stdout.contains(&found), "{found}\n{verify}");
    }
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    let open = format!("ufw: open {} from {second}", ports.replace(',', ", "));
    assert!(run.stdout.contains(&open), "{run}");
    assert!(run.stdout.contains("reload firewalld, open to"), "{run}");
    nothing_to_change(lab);
}

fn firewalld_is_started_where_that_is_asked_for(lab: &TestLab) {
    let stop = "systemctl stop firewalld && firewall-offline-cmd -q --zone=public --remove-service-from-zone=ssh";
    lab.on("pg-1", stop).succeeds();
    nothing_to_change(lab);
    lab.append_to_inventory("system: { firewall: on }\n");
    let run = lab.mahout(&["deploy", "--yes"]);
    run.exits_with(1);
    let said = "firewalld would close SSH: its zone public does not let in port 22";
    assert!(run.stderr.contains(said), "{run}");
    let mend = "firewall-offline-cmd -q --zone=public --add-service=ssh";
    lab.on("pg-1", mend).succeeds();
    lab.mahout(&["deploy", "--yes"]).succeeds();
    lab.on("pg-1", "systemctl is-active firewalld").succeeds();
    assert!(!client_reaches(lab, "pg-1", 9999) && client_reaches(lab, "pg-1", 22));
    nothing_to_change(lab);
}

/// The functions that change SELinux, on the policy store of a stand-in: the kernel of a lab node has
/// no SELinux, so that nothing is enforced, and no file has a label.
#[test]
fn selinux_is_told_in_a_policy_store() {
    const FUNCTIONS: &str = concat!(
        "mahout=@mahout\n",
        include_str!("../../src/execute/shell/common.sh"),
        include_str!("../../src/execute/shell/check.sh"),
        include_str!("../../src/execute/shell/file.sh"),
        include_str!("../../src/execute/shell/selinux.sh"),
    );
    let Some(lab) = lab_or_skip("selinux", "el9", "bare", 1) else {
        return;
    };
    // The label twice: what is there already is as good.
    let told = lab.on(
        "pg-1",
        &format!(
            "{FUNCTIONS}\nmkdir -p /data/pg-1.5/base
             ( selinux_boolean haproxy_connect_any ) || exit
             for time in 1 2; do
               ( selinux_label /data/pg-1.5 '/data/pg-1\\.5' postgresql_db_t ) || exit
             done
             ( selinux_label /data/etcd /data/etcd var_lib_t )"
        ),
    );
    told.succeeds();
    assert_eq!(told.stdout, "", "{told}");
    let asked = lab.on(
        "pg-1",
        "semanage boolean -l -C | grep haproxy_connect_any
         matchpathcon -n /data/pg-1.5 /data/pg-1.5/base/1 /data/pg-1x5 /data/etcd/member \
           /var/lib/pgsql/15",
    );
    let lines = asked.stdout.lines();
    let types: Vec<&str> = lines.filter_map(|line| line.split(':').nth(2)).collect();
    let data = "postgresql_db_t";
    assert_eq!(
        types,
        [data, data, "default_t", "var_lib_t", data],
        "{asked}"
    );
    assert!(asked.stdout.contains("(on   ,   on)"), "{asked}");

    let wrong = lab.on(
        "pg-1",
        &format!("{FUNCTIONS}\nselinux_boolean no_such_boolean"),
    );
    wrong.exits_with(1);
    let said = "SELinux takes no no_such_boolean: ";
    assert!(wrong.stdout.contains(said), "{wrong}");

    // The stand-in's file says enforcing.
    let permissive = lab.on(
        "pg-1",
        &format!(
            "{FUNCTIONS}\n( selinux_permissive ) && cat /etc/selinux/config && ls /etc/selinux
             sed -i s/permissive/disabled/ /etc/selinux/config
             ( selinux_permissive ) && grep ^SELINUX= /etc/selinux/config"
        ),
    );
    permissive.succeeds();
    let kept = "SELINUX=permissive\nSELINUXTYPE=targeted\n";
    assert!(permissive.stdout.starts_with(kept), "{permissive}");
    assert!(
        permissive.stdout.ends_with("SELINUX=disabled\n"),
        "{permissive}"
    );
    assert!(!permissive.stdout.contains("config.mahout"), "{permissive}");
}
