//! Deploys that fail while they install a package.

use std::collections::BTreeSet;

use super::on;
use crate::operator::TestLab;

/// The repository's host and port become this node's own.
const REPOSITORY: &str = r#"
url=$(sed -n 's#^deb[^/]*//\([^/ ]*\).*#\1#p' /etc/apt/sources.list | head -n 1)
host=${url%%:*} port=${url##*:}
[ "$port" != "$url" ] || port=80
"#;

/// A deploy that must install HAProxy on `node` and cannot.
#[track_caller]
fn deploy_fails(lab: &TestLab, node: &str, cause: &str, remedy: &str) {
    let run = lab.mahout(&["deploy", "--yes"]);
    run.exits_with(1);
    for expected in [
        &*format!("error: {node}: "),
        " (phase packages, step ",
        &format!("\n  cause: {cause}: \""),
        &format!("\n\nhint: {remedy}"),
        "then run deploy again to continue",
    ] {
        assert!(run.stderr.contains(expected), "no `{expected}`: {run}");
    }
}

pub(super) fn faults(lab: &TestLab, seen: &mut BTreeSet<&'static str>, node: &str) {
    on(
        lab,
        node,
        &format!(
            "dpkg --purge haproxy >/dev/null 2>&1; apt-get clean; apt-mark hold haproxy >/dev/null
             {REPOSITORY}
             cp /etc/hosts /root/hosts"
        ),
    );
    deploy_fails(
        lab,
        node,
        "a package is held in its version, or needs one that is",
        "`apt-mark showhold`",
    );
    seen.insert("package-held");

    on(
        lab,
        node,
        &format!(
            "apt-mark unhold haproxy >/dev/null
             {REPOSITORY}
             echo \"127.0.0.1 $host\" >>/etc/hosts"
        ),
    );
    deploy_fails(
        lab,
        node,
        "a package repository cannot be reached",
        "check the node's package sources",
    );
    seen.insert("repository-unreachable");

    on(
        lab,
        node,
        &format!(
            "{REPOSITORY}
             mkdir -p /root/empty
             systemd-run --quiet --unit repository -p WorkingDirectory=/root/empty python3 -m http.server $port
             until ss -ltn | grep -q \":$port \"; do sleep 0.1; done"
        ),
    );
    deploy_fails(
        lab,
        node,
        "the repository does not have that file, or no longer",
        "refresh the package lists",
    );
    seen.insert("repository-not-found");
    on(
        lab,
        node,
        "systemctl stop repository; cp /root/hosts /etc/hosts",
    );
    if std::env::var_os("MAHOUT_TEST_SLOW").is_some() {
        locked(lab, seen, node);
    }
}

/// Somebody else installs for longer than the five minutes that are waited for.
fn locked(lab: &TestLab, seen: &mut BTreeSet<&'static str>, node: &str) {
    on(
        lab,
        node,
        "systemd-run --quiet --unit locker python3 -c '
import fcntl, time
file = open(\"/var/lib/dpkg/lock-frontend\", \"w\")
fcntl.lockf(file, fcntl.LOCK_EX)
time.sleep(3600)'",
    );
    deploy_fails(
        lab,
        node,
        "another program holds the package manager's lock",
        "wait until it has ended",
    );
    seen.insert("package-lock");
    on(lab, node, "systemctl stop locker");
}
