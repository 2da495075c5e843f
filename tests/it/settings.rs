//! What is off or otherwise by default, deployed on real nodes: timings, users, the watchdog's
//! files, strict overcommit; huge pages' unit and its place in the boot.

use crate::operator::{TestLab, lab_or_skip};

const PASSWORD: &str = "an-application-s-own";

fn deployed(suite: &str, timings: &str, ttl: u32) {
    let Some(lab) = lab_or_skip(&format!("set-{suite}"), suite, "installed", 1) else {
        return;
    };
    let file = lab.file("app.password");
    std::fs::write(&file, format!("{PASSWORD}\n")).expect("written");
    lab.append_to_inventory(&format!(
        "timings: {timings}\n\
         postgresql:\n  users:\n  - {{ name: app, options: [CREATEDB], password: \"file:{}\" }}\n  \
         - {{ name: nobody_logs_in, password: none }}\n\
         system: {{ watchdog: true, strict_overcommit: true }}\n",
        file.display()
    ));
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    let words = "there is no watchdog device in this container";
    assert!(run.stdout.contains(words), "{run}");
    lab.mahout(&["verify"]).succeeds();
    let again = lab.mahout(&["deploy", "--yes"]);
    again.succeeds();
    assert!(again.stdout.contains("nothing to change"), "{again}");

    let config = lab.on("pg-1", "patronictl -c /etc/patroni/patroni.yml show-config");
    assert!(
        config.stdout.contains(&format!("\nttl: {ttl}\n")),
        "{config}"
    );
    users(&lab);
    unsound(&lab);
    tweaks(&lab);
}

/// What no step mends is not passed over because there is nothing to do.
fn unsound(lab: &TestLab) {
    let server = |statement: &str| {
        let script =
            format!("su postgres -c \"psql -XAtqc '{statement}' -c 'select pg_reload_conf()'\"");
        lab.on("pg-1", &script).succeeds();
    };
    server("alter system set fsync = off");
    let run = lab.mahout(&["deploy", "--yes"]);
    run.exits_with(4);
    assert!(run.stdout.contains("nothing to change"), "{run}");
    assert!(run.stdout.contains("postgresql.durability"), "{run}");
    let words = "there is nothing to change, but verification found: ";
    assert!(run.stderr.contains(words), "{run}");
    server("alter system reset fsync");
    lab.mahout(&["deploy", "--yes"]).succeeds();
}

fn users(lab: &TestLab) {
    let roles = lab.on(
        "pg-1",
        "su postgres -c \"psql -XAtc \\\"select rolname, rolcanlogin, rolcreatedb, rolpassword is null
         from pg_authid where rolname in ('app', 'nobody_logs_in') order by 1\\\"\"",
    );
    assert_eq!(roles.stdout, "app|t|t|f\nnobody_logs_in|t|f|t\n", "{roles}");
    let address = lab.address("pg-1");
    let login = lab.on(
        "pg-1",
        &format!(
            "PGPASSWORD={PASSWORD} psql -h {address} -p 5000 -U app -d postgres -XAtq \
             -c 'create database of_app' -c 'select current_user'"
        ),
    );
    assert!(login.stdout.ends_with("app\n"), "{login}");
}

fn tweaks(lab: &TestLab) {
    let rule = lab.on(
        "pg-1",
        "grep -hv '^#' /etc/modules-load.d/mahout-watchdog.conf /etc/udev/rules.d/60-mahout-watchdog.rules
         stat -c '%a %U' /etc/modules-load.d/mahout-watchdog.conf",
    );
    assert_eq!(
        rule.stdout,
        "softdog\nKERNEL==\"watchdog\", OWNER=\"postgres\", GROUP=\"postgres\", MODE=\"0600\"\n\
         644 root\n",
        "{rule}"
    );
    // The ratio is computed from what the node has.
    let memory = lab.on(
        "pg-1",
        "awk '/^MemTotal:/ { m = $2 } /^SwapTotal:/ { s = $2 }
           END { r = int((m * 9 - s) * 10 / m); print r < 50 ? 50 : r }' /proc/meminfo
         sed -n 's/^vm.overcommit_ratio = //p; s/^vm.overcommit_memory = //p' /etc/sysctl.d/60-mahout.conf |
           sort -rn",
    );
    let lines: Vec<&str> = memory.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{memory}");
    assert_eq!((lines[0], lines[2]), (lines[1], "2"), "{memory}");
    // Enabled, before everything that has the default dependencies, and skipped, not failed, where
    // the node may not write to it: also after a boot.
    lab.lab(&["kill", "pg-1"]);
    lab.lab(&["start", "pg-1"]);
    lab.is_quiet();
    let unit = lab.on(
        "pg-1",
        "systemctl show mahout-thp.service -p UnitFileState -p ActiveState -p ConditionResult \
           -p WantedBy -p DefaultDependencies
         systemctl show mahout-thp.service -p Before | tr ' =' '\\n\\n' | grep -x basic.target
         systemctl show etcd.service -p After | tr ' =' '\\n\\n' | grep -x basic.target
         systemctl show patroni.service -p After | tr ' =' '\\n\\n' | grep -x basic.target
         systemctl is-active etcd patroni haproxy",
    );
    let mut lines: Vec<&str> = unit.stdout.lines().collect();
    lines[..5].sort_unstable();
    assert_eq!(
        lines,
        [
            "ActiveState=inactive",
            "ConditionResult=no",
            "DefaultDependencies=no",
            "UnitFileState=enabled",
            "WantedBy=basic.target",
            "basic.target",
            "basic.target",
            "basic.target",
            "active",
            "active",
            "active"
        ],
        "{unit}"
    );
}

#[test]
fn wide_timings_users_and_every_tweak_on_bookworm() {
    deployed("bookworm", "wide", 120);
}

#[test]
fn safe_timings_users_and_every_tweak_on_trixie() {
    deployed("trixie", "safe", 60);
}

/// The machine's own file is never written by a test: the unit's command runs on a folder that
/// stands for /sys.
#[test]
fn the_unit_of_huge_pages_writes_to_both_files_or_the_one_that_is_there() {
    let unit = include_str!("../../templates/system/thp.service.tera");
    let command = unit.lines().find_map(|line| {
        line.strip_prefix("ExecStart=/bin/sh -c '")?
            .strip_suffix('\'')
    });
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().to_str().expect("UTF-8");
    let command = command
        .expect("its command")
        .replace("$$", "$")
        .replace("/sys/kernel/mm/transparent_hugepage", place);
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).ok();
    for files in [&["enabled"][..], &["enabled", "defrag"]] {
        for file in files {
            std::fs::write(folder.path().join(file), "always\n").expect("written");
        }
        let run = std::process::Command::new("sh")
            .args(["-c", &command])
            .status();
        assert!(run.expect("sh").success());
        assert_eq!(read("enabled").as_deref(), Some("never\n"));
        assert_eq!(read("defrag").is_some(), files.contains(&"defrag"));
    }
    assert_eq!(read("defrag").as_deref(), Some("never\n"));
}
