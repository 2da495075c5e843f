//! Bad nodes and broken runs: every one a precise error with the documented exit code, nothing
//! changed or left behind, and a deploy afterwards that converges. One lab, one sequence.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::operator::{Run, TestLab, lab_or_skip};
use crate::operators::{at_once, cluster_on_full_disk, new_cluster_on_full_disk};

/// What a refused deploy must leave as it is: files, units, the lock.
const TRACES: &str = r"
find /etc -xdev -type f ! -name os-release -exec sha256sum {} + | sort -k2
ls -A /etc/patroni /run/mahout/lock /usr/sbin/policy-rc.d 2>/dev/null
systemctl is-enabled patroni etcd haproxy
systemctl is-active patroni
systemctl list-unit-files --state=masked --no-legend | sort
";

fn traces(lab: &TestLab) -> Vec<String> {
    let nodes = lab.node_names();
    nodes
        .iter()
        .map(|node| lab.on(node, TRACES).stdout)
        .collect()
}

/// Runs `deploy --yes` on nodes that `script` has spoilt: exit 3, `expected` is said, and nothing
/// has changed. Then `mend` puts things right.
#[track_caller]
fn refused(lab: &TestLab, node: &str, script: &str, expected: &[&str], mend: &str) {
    lab.on(node, script).succeeds();
    let before = traces(lab);
    let run = lab.mahout(&["deploy", "--yes"]);
    run.exits_with(3);
    for expected in expected {
        assert!(run.stderr.contains(expected), "no `{expected}`: {run}");
    }
    assert!(
        run.stderr.contains("nothing was changed") || run.stderr.contains("hint:"),
        "{run}"
    );
    assert_eq!(traces(lab), before, "a refused deploy has changed a node");
    assert!(!lab.secrets_file().exists(), "{run}");
    lab.on(node, mend).succeeds();
}

/// Awaits that the file holds `text`.
pub(crate) fn await_line(file: &Path, text: &str) {
    let begin = Instant::now();
    loop {
        let told = std::fs::read_to_string(file).unwrap_or_default();
        if told.contains(text) {
            return;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "no `{text}` in:\n{told}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Deploys until the plan that is shown still holds under the lock: what an interrupted run has
/// started may come up between the two.
#[track_caller]
fn converges(lab: &TestLab) -> Run {
    for _ in 0..3 {
        let run = lab.mahout(&["deploy", "--yes", "-vv"]);
        if run.code == 1 && run.stderr.contains("the plan is out of date") {
            continue;
        }
        run.succeeds();
        return run;
    }
    panic!("the plan is out of date again and again");
}

#[track_caller]
fn no_lock_left(lab: &TestLab) {
    for node in lab.node_names() {
        lab.on(
            &node,
            "[ ! -e /run/mahout/lock ] && [ ! -e /run/mahout/running ]",
        )
        .succeeds();
    }
}

/// Nodes as they must not be; nothing is deployed yet.
fn bad_nodes(lab: &TestLab, names: &[String]) {
    let [first, second, third] = names else {
        panic!("three nodes");
    };
    // As the distribution starts it: on loopback alone.
    refused(
        lab,
        first,
        "systemctl start etcd",
        &[
            &format!("{first}: an etcd runs here already"),
            &format!("not of this cluster: {first} ("),
            "http://localhost:2380)",
            "systemctl disable --now etcd",
        ],
        "systemctl stop etcd; rm -rf /var/lib/etcd/*",
    );
    refused(
        lab,
        second,
        "pg_createcluster 15 main --start >/dev/null",
        &[
            &format!("{second}: a PostgreSQL that Patroni does not manage runs here"),
            "/var/lib/postgresql/15/main (pid ",
        ],
        "pg_dropcluster --stop 15 main",
    );
    refused(
        lab,
        third,
        "systemd-run --quiet --unit squatter python3 -m http.server 2380
         until ss -ltn | grep -q ':2380 '; do sleep 0.1; done",
        &[&format!(
            "{third}: port 2380, wanted for etcd's peers, is taken by python3"
        )],
        "systemctl stop squatter",
    );
    refused(
        lab,
        third,
        "mv /etc/os-release /etc/os-release.kept
         printf 'ID=alpine\\nVERSION_ID=3.19\\nPRETTY_NAME=\"Alpine 3.19\"\\n' >/etc/os-release",
        &[
            &format!(
                "{third}: `Alpine 3.19` (ID=alpine, VERSION_ID=3.19) is not a distribution that mahout knows"
            ),
            "Debian, Ubuntu and the RHEL family",
        ],
        "mv -f /etc/os-release.kept /etc/os-release",
    );
    refused(
        lab,
        third,
        "mount -t tmpfs -o size=2m none /var/lib/etcd
         dd if=/dev/zero of=/var/lib/etcd/fill bs=1k count=1900 2>/dev/null",
        &[
            &format!("{third}: /var/lib/etcd/"),
            "(file system /var/lib/etcd) has 0 MB",
            "make at least 1 GB",
        ],
        "umount /var/lib/etcd",
    );
}

/// A host key that is not the one on record, and a node without power.
fn unreachable(lab: &TestLab, third: &str) {
    let address = lab.address(third);
    let known = lab.known_hosts_file();
    let kept = std::fs::read_to_string(&known).expect("the known hosts");
    let other = kept.lines().next().expect("a key of another node");
    let mut fields = other.split_whitespace();
    let _ = fields.next();
    let key: Vec<&str> = fields.take(2).collect();
    let forged: String = kept
        .lines()
        .filter(|line| !line.contains(&address))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&known, format!("{forged}{address} {}\n", key.join(" "))).expect("written");
    let run = lab.mahout(&["deploy", "--yes"]);
    std::fs::write(&known, kept).expect("written");
    run.exits_with(3);
    assert!(
        run.stderr
            .contains(&format!("{third}: its host key has changed")),
        "{run}"
    );

    lab.lab(&["kill", third]);
    let run = lab.mahout(&["deploy", "--yes"]);
    run.exits_with(3);
    assert!(run.stderr.contains(&format!("error: {third}: ")), "{run}");
    for command in ["verify", "status"] {
        let run = lab.mahout(&[command]);
        run.exits_with(4);
        assert!(run.stdout.contains(&address), "{run}");
        assert!(run.stdout.contains("etcd"), "the others are judged: {run}");
    }
    lab.lab(&["start", third]);
}

/// A gate that fails says what the node's own records say.
fn failing_gate(lab: &TestLab, first: &str) {
    let inventory = std::fs::read_to_string(lab.secrets_file().with_file_name("inventory.yml"))
        .expect("the inventory");
    lab.write(
        Path::new("bad.yml"),
        &format!(
            "{inventory}patroni: {{ service: {{ restart: \"no\" }}, \
             initdb: [ {{ locale: xx_XX.UTF-8 }} ] }}\n"
        ),
    );
    // The secrets stand beside the inventory, under its name: the same for both.
    let run = lab.mahout_with(Path::new("bad.yml"), &["deploy", "--yes", "-vv"]);
    run.exits_with(1);
    for expected in [
        &*format!("error: {first}: "),
        &format!("\n  while: waiting until {first} leads (phase leader)\n"),
        "\n  cause: the locale is not installed: \"initdb: error: invalid locale name",
        "\n  evidence: journal patroni.service:\n",
        "\n\nhint: install it, or set `patroni.initdb`",
        "then run deploy again to continue",
    ] {
        assert!(run.stderr.contains(expected), "no `{expected}`: {run}");
    }
    no_lock_left(lab);
    std::fs::copy(
        lab.secrets_file().with_file_name("bad.vault"),
        lab.secrets_file(),
    )
    .expect("the secrets that the nodes now have");
    no_secret_in(lab, &run);
}

/// The generated passwords stand in patroni.yml and nowhere else.
#[track_caller]
fn no_secret_in(lab: &TestLab, run: &Run) {
    let mut patterns = String::new();
    for (name, secret) in lab.secrets() {
        assert!(secret.len() >= 16, "{name}");
        let told = run.stdout.contains(&secret) || run.stderr.contains(&secret);
        assert!(!told, "{name} was printed by {}", run.what);
        patterns.push_str(&secret);
        patterns.push('\n');
    }
    // The script comes by stdin; the patterns are in a file that is not searched.
    let search = format!(
        "umask 077; cat >/dev/shm/patterns <<'END'\n{patterns}END\n\
         look() {{ grep -aqFf /dev/shm/patterns && echo \"found in $1\"; }}\n\
         journalctl -q --no-pager -o export | look journal\n\
         cat /proc/[0-9]*/cmdline | look 'command lines'\n\
         find /tmp /var/tmp /run /var/log /etc /root /home -xdev -type f -size -4096k \
           ! -path '/run/log/*' -exec grep -alFf /dev/shm/patterns {{}} +\n\
         rm -f /dev/shm/patterns; true"
    );
    for node in lab.node_names() {
        let found = lab.on(&node, &search);
        found.succeeds();
        let expected = ["/etc/patroni/patroni.yml", "pgpass"];
        let elsewhere: Vec<&str> = found
            .stdout
            .lines()
            // A file that was replaced is kept beside its place, for root alone.
            .map(|line| line.split(".replaced-").next().unwrap_or(line))
            .filter(|line| !expected.iter().any(|place| line.ends_with(place)))
            .collect();
        assert!(elsewhere.is_empty(), "a secret is on {node}: {elsewhere:?}");
        assert!(found.stdout.contains(expected[0]), "{found}");
    }
}

/// Signals, a second deploy beside the first, SIGKILL, a closed stdout; each time a later run goes on.
fn broken_runs(lab: &TestLab, names: &[String]) {
    // Ctrl-C in the middle, then a polite kill, then the terminal goes away.
    for (signal, code, step, phase, next) in [
        ("INT", 130, "start etcd.service", "etcd", "patroni files"),
        (
            "TERM",
            143,
            "create /etc/patroni/patroni.yml",
            "patroni files",
            "leader",
        ),
        ("HUP", 129, "start patroni.service", "leader", "replicas"),
    ] {
        let run = lab.mahout_begins(&["deploy", "--yes"]);
        await_line(&run.stderr, step);
        run.signal(signal);
        let run = run.ends();
        run.exits_with(code);
        for words in [
            &*format!("phase {phase}; what ran was finished"),
            "run deploy again to continue",
        ] {
            assert!(run.stderr.contains(words), "no `{words}`: {run}");
        }
        assert!(!run.stderr.contains(&format!("phase {next}")), "{run}");
        no_lock_left(lab);
    }

    // Two at once, and the death of the one that works.
    let run = lab.mahout_begins(&["deploy", "--yes"]);
    let pid = run.pid();
    await_line(&run.stderr, "start patroni.service");
    let second = lab.mahout(&["deploy", "--yes"]);
    run.signal("KILL");
    let killed = run.ends();
    assert_eq!(killed.code, -1, "{killed}");
    second.exits_with(3);
    let holder = format!("{}: locked by ", names[0]);
    assert!(second.stderr.contains(&holder), "{second}");
    assert!(
        second.stderr.contains(&format!("(pid {pid}, deploy, for ")),
        "{second}"
    );

    let run = converges(lab);
    no_secret_in(lab, &run);
    no_lock_left(lab);
    lab.mahout(&["verify"]).succeeds();

    // Nobody reads the answer to its end: what was agreed to is done all the same.
    lab.on(&names[1], "echo '# hand' >>/etc/haproxy/haproxy.cfg")
        .succeeds();
    let run = lab.mahout_unread(&["deploy", "--yes"]);
    run.exits_with(141);
    assert!(run.stderr.contains("verifying: done"), "{run}");
    no_lock_left(lab);
    let again = lab.mahout(&["deploy", "--yes"]);
    again.succeeds();
    assert!(again.stdout.contains("nothing to change"), "{again}");
    at_once(lab, names);
    cluster_on_full_disk(lab, &names[1]);
    no_lock_left(lab);
    for node in names {
        let run = lab.on(
            node,
            "ls /usr/sbin/policy-rc.d; ls -A /etc/patroni /etc/haproxy /etc/default | grep '[.].*mahout-'
             systemctl list-unit-files --state=masked --no-legend |
               grep -E 'etcd|patroni|postgres|haproxy'; systemctl --failed --no-legend |
               grep -E 'etcd|patroni|postgres|haproxy'",
        );
        assert_eq!(run.stdout, "", "left on {node}: {run}");
    }
}

#[test]
fn bad_nodes_and_broken_runs() {
    let Some(lab) = lab_or_skip("failures", "bookworm", "installed", 3) else {
        return;
    };
    lab.is_quiet();
    let names = lab.node_names();
    bad_nodes(&lab, &names);
    unreachable(&lab, &names[2]);
    let before = traces(&lab);
    new_cluster_on_full_disk(&lab);
    assert_eq!(
        traces(&lab),
        before,
        "secrets that nobody keeps are on a node"
    );
    broken_runs(&lab, &names);
}

#[test]
fn a_gate_that_fails_is_explained_and_no_secret_is_told() {
    let Some(lab) = lab_or_skip("gate", "bookworm", "installed", 1) else {
        return;
    };
    let names = lab.node_names();
    failing_gate(&lab, &names[0]);
    let run = converges(&lab);
    no_secret_in(&lab, &run);
    lab.mahout(&["verify"]).succeeds();
}
