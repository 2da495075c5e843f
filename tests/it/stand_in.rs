//! The stand-in for Enterprise Linux itself: what a test on it may rely on.

use crate::operator::{Run, TestLab, lab_or_skip};

const REPOSITORY: &str = "https://download.postgresql.org/pub/repos/yum/reporpms/EL-9-$(uname -m)/\
                          pgdg-redhat-repo-latest.noarch.rpm";

fn says(run: &Run, words: &str) {
    let said = [run.stdout.as_str(), run.stderr.as_str()].concat();
    assert!(said.contains(words), "no `{words}`: {run}");
}

/// A script on a node must succeed, and print this.
#[track_caller]
fn prints(lab: &TestLab, node: &str, script: &str, expected: &str) {
    let run = lab.on(node, script);
    run.succeeds();
    assert_eq!(run.stdout.trim(), expected, "{run}");
}

#[track_caller]
fn does(lab: &TestLab, node: &str, script: &str) {
    lab.on(node, script).succeeds();
}

/// `dnf` must fail with these words, and Patroni not be installed.
#[track_caller]
fn refuses(lab: &TestLab, node: &str, words: &str) {
    let run = lab.on(node, "dnf --assumeyes install patroni");
    run.exits_with(1);
    says(&run, words);
    lab.on(node, "rpm --query patroni").exits_with(1);
}

#[test]
fn nodes_are_as_fresh_ones_of_enterprise_linux() {
    let Some(lab) = lab_or_skip("standin-bare", "el9", "bare", 3) else {
        return;
    };
    for node in &lab.node_names() {
        prints(&lab, node, "systemctl is-system-running --wait", "running");
        prints(&lab, node, "firewall-cmd --state", "running");
        prints(
            &lab,
            node,
            ". /etc/os-release; echo $ID $VARIANT_ID",
            "rocky standin",
        );
        lab.on(node, "command -v dpkg || command -v apt-get")
            .exits_with(127);
        prints(
            &lab,
            node,
            "dnf --quiet repolist | cut -d ' ' -f 1",
            "repo\nappstream\nbaseos",
        );
    }
    let names = lab.node_names();
    signatures_are_checked(&lab, &names[0]);
    packages_are_those_of_pgdg(&lab, &names[1]);
    locks_and_stale_sections_are_met(&lab, &names[1]);
    a_closed_port_is_opened(&lab, &names[1], &names[2]);
    policy_tools_have_a_store(&lab, &names[2]);
}

fn signatures_are_checked(lab: &TestLab, node: &str) {
    does(lab, node, &format!("dnf --assumeyes install {REPOSITORY}"));
    for (fault, words) in [
        ("unsigned", "is not signed"),
        ("tampered", "GPG check FAILED"),
        ("foreign-key", "they are not correct for this package"),
        ("unsigned-metadata", "GPG signature is not available"),
        ("foreign-metadata", "Bad GPG signature"),
        ("gone", "Failed to download metadata for repo 'pgdg-common'"),
    ] {
        does(lab, node, &format!("standin common {fault}"));
        refuses(lab, node, words);
    }
    does(lab, node, "standin good && dnf --assumeyes install patroni");

    // The repository package itself, by a key that is there already.
    let check = "cd /root && rpm --import /etc/pki/rpm-gpg/PGDG-RPM-GPG-KEY-RHEL && \
                 curl --silent --show-error --fail --remote-name";
    for (fault, expected) in [
        ("good", 0),
        ("unsigned", 1),
        ("tampered", 1),
        ("foreign-key", 1),
    ] {
        let script = format!(
            "standin reporpms {fault} && {check} {REPOSITORY} && \
             rpmkeys --checksig --define '_pkgverify_level all' pgdg-redhat-repo-latest.noarch.rpm"
        );
        lab.on(node, &script).exits_with(expected);
    }
    does(lab, node, "standin good");
}

fn packages_are_those_of_pgdg(lab: &TestLab, node: &str) {
    does(lab, node, &format!("dnf --assumeyes install {REPOSITORY}"));
    let install = "dnf --assumeyes --enablerepo=pgdg-rhel9-extras install etcd haproxy chrony \
                   patroni-etcd postgresql15-server postgresql15-contrib";
    let run = lab.on(node, install);
    run.exits_with(1);
    says(&run, "All matches were filtered out by modular filtering");
    does(lab, node, "dnf --assumeyes module disable postgresql");
    does(lab, node, install);
    prints(
        lab,
        node,
        "systemctl is-enabled postgresql-15 etcd haproxy patroni chronyd || true",
        "disabled\n".repeat(5).trim(),
    );
    prints(
        lab,
        node,
        "id -u postgres; stat -c '%a %U %n' /var/lib/pgsql/15/data; ls /var/lib/pgsql/15/data",
        "26\n700 postgres /var/lib/pgsql/15/data",
    );
    does(
        lab,
        node,
        "rpm --verify postgresql15-server etcd haproxy patroni",
    );

    if lab.on(node, "test -s /usr/share/standin/skipped").code == 0 {
        return;
    }
    let archive = "cat >/etc/yum.repos.d/archive.repo <<'U'\n[archive13]\nname=archive\n\
        baseurl=https://yum-archive.postgresql.org/13/redhat/rhel-$releasever-$basearch\n\
        gpgcheck=1\nrepo_gpgcheck=1\n\
        gpgkey=https://yum.postgresql.org/keys/PGDG-RPM-GPG-KEY-RHEL\nU\n\
        dnf --assumeyes install postgresql13-server postgresql13-contrib";
    does(lab, node, archive);
    // A server of each major version, beside the other.
    for major in [13, 15] {
        let script = format!(
            "cd / && bin=/usr/pgsql-{major}/bin && data=/var/lib/pgsql/{major}/data && \
             on() {{ runuser -u postgres -- \"$@\"; }} && on $bin/initdb -D $data >&2 && \
             on $bin/pg_ctl -D $data -w -l /dev/null start >&2 && \
             on psql -XAtc 'create extension pg_stat_statements; show server_version_num' && \
             on $bin/pg_ctl -D $data stop >&2"
        );
        let run = lab.on(node, &script);
        run.succeeds();
        says(&run, &format!("\n{major}00"));
    }
}

fn locks_and_stale_sections_are_met(lab: &TestLab, node: &str) {
    does(lab, node, "standin lock");
    let busy = lab.on(
        node,
        "timeout 3 dnf --assumeyes remove chrony; echo $?; rpm --query chrony",
    );
    says(&busy, "Waiting for process");
    says(&busy, "\nchrony-");
    does(lab, node, "standin unlock && dnf --assumeyes remove chrony");

    does(lab, node, "standin stale");
    let run = lab.on(node, "dnf --assumeyes install chrony");
    run.exits_with(1);
    says(&run, "Failed to download metadata for repo 'pgdg13'");
}

/// Whether `from` opens a connection to port 5432 of `to`.
fn reaches(lab: &TestLab, from: &str, to: &str) -> bool {
    let address = lab.address(to);
    let script = format!("timeout 2 bash -c '</dev/tcp/{address}/5432'");
    lab.on(from, &script).code == 0
}

fn a_closed_port_is_opened(lab: &TestLab, from: &str, to: &str) {
    does(
        lab,
        to,
        "systemd-run --quiet --unit=listener python3 -m http.server 5432; \
         until bash -c '</dev/tcp/127.0.0.1/5432'; do sleep 0.1; done 2>/dev/null",
    );
    assert!(!reaches(lab, from, to));
    does(lab, to, "firewall-cmd --add-port=5432/tcp");
    assert!(reaches(lab, from, to));
    does(lab, to, "firewall-cmd --reload");
    assert!(!reaches(lab, from, to));
}

fn policy_tools_have_a_store(lab: &TestLab, node: &str) {
    prints(lab, node, "getenforce", "Disabled");
    does(lab, node, "standin selinux");
    prints(lab, node, "getenforce", "Enforcing");
    prints(
        lab,
        node,
        "cat /sys/fs/selinux/enforce /sys/fs/selinux/booleans/haproxy_connect_any",
        "10 0",
    );
    does(lab, node, "setsebool -P haproxy_connect_any 1");
    let run = lab.on(node, "semanage boolean --list | grep haproxy_connect_any");
    says(&run, "(on   ,   on)");
    let add = "semanage fcontext --add --type postgresql_db_t '/data/pg(/.*)?'";
    does(lab, node, add);
    lab.on(node, add).exits_with(1);
    does(
        lab,
        node,
        "mkdir -p /data/pg/base && restorecon -RF /data/pg",
    );
    for ask in [
        "matchpathcon -n /var/lib/pgsql/15/data",
        "matchpathcon -n /data/pg/base",
        "stat -c %C /data/pg/base",
    ] {
        says(&lab.on(node, ask), ":postgresql_db_t:");
    }
    // What it was told outlives a boot.
    does(lab, node, "setenforce 0");
    lab.lab(&["kill", node]);
    lab.lab(&["start", node]);
    prints(lab, node, "getenforce", "Enforcing");
    prints(
        lab,
        node,
        "getsebool haproxy_connect_any",
        "haproxy_connect_any --> on",
    );
}

#[test]
fn installed_nodes_have_the_stack_and_nothing_runs() {
    let Some(lab) = lab_or_skip("standin-installed", "el9", "installed", 1) else {
        return;
    };
    let node = &lab.node_names()[0];
    prints(&lab, node, "systemctl is-system-running --wait", "running");
    does(
        &lab,
        node,
        "rpm --query postgresql15-server postgresql15-contrib etcd haproxy patroni-etcd chrony",
    );
    prints(
        &lab,
        node,
        "systemctl is-active postgresql-15 etcd haproxy patroni chronyd || true",
        "inactive\n".repeat(5).trim(),
    );
    prints(
        &lab,
        node,
        "ls -A /etc/patroni /var/lib/etcd | grep -v callbacks | xargs",
        "/etc/patroni: /var/lib/etcd:",
    );
    facts_tell_what_selinux_allows(&lab, node);
}

/// The kernel's files have no newline at their end.
fn facts_tell_what_selinux_allows(lab: &TestLab, node: &str) {
    let tell = |expected: &str| {
        let run = lab.mahout(&["facts"]);
        run.succeeds();
        says(&run, "\"selinux\": \"Enforcing\"");
        says(&run, expected);
    };
    does(lab, node, "standin selinux");
    tell("\"haproxy_connect_any\": false");
    does(lab, node, "setsebool -P haproxy_connect_any 1");
    tell("\"haproxy_connect_any\": true");
}
