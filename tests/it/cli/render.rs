//! `mahout render`: files, platforms, templates.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Shell, THREE, mode};

#[test]
fn render_writes_every_file_for_its_owner_alone() {
    let shell = Shell::with(THREE);
    let said = shell.exits(0, &["render", "--to", "out"]);
    let files: Vec<&str> = said.stdout.lines().collect();
    assert!(
        files.contains(&"out/pg-1/etc/patroni/patroni.yml"),
        "{files:?}"
    );
    assert!(
        files.contains(&"out/pg-3/etc/haproxy/haproxy.cfg"),
        "{files:?}"
    );
    for file in &files {
        let mut path = shell.path(file);
        assert_eq!(mode(&path), 0o600, "{file}");
        while path.pop() && path != shell.0.path() {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
    }
    // What others could read before, they cannot afterwards.
    let loose = shell.path("out/pg-1/etc/patroni/patroni.yml");
    fs::set_permissions(&loose, fs::Permissions::from_mode(0o644)).expect("chmod");
    shell.exits(0, &["render", "--to", "out"]);
    assert_eq!(mode(&loose), 0o600);
    assert!(
        !shell.path("inventory.vault").exists(),
        "no node was touched"
    );
}

#[test]
fn every_platform_has_its_name() {
    let shell = Shell::with(THREE);
    for platform in [
        "debian-11",
        "debian-12",
        "debian-13",
        "ubuntu-22.04",
        "ubuntu-24.04",
        "el-7",
        "el-8",
        "el-9",
        "el-10",
        "rocky-9.4",
        "centos-7",
        "almalinux-9",
    ] {
        shell.exits(0, &["render", "--to", platform, "--platform", platform]);
        assert!(
            shell
                .path(platform)
                .join("pg-2/etc/patroni/patroni.yml")
                .exists()
        );
    }
    assert!(shell.path("el-9/pg-1/etc/etcd/etcd.conf").exists());
    assert!(shell.path("debian-13/pg-1/etc/default/etcd").exists());
    for platform in [
        "windows-11",
        "debian",
        "debian-",
        "debian-sid",
        "el-x",
        "",
        "-",
        "é-1",
    ] {
        let said = shell.exits(2, &["render", "--to", "no", "--platform", platform]);
        assert!(said.stderr.contains("names no platform"), "{}", said.stderr);
        assert!(said.stderr.contains("hint: debian-12"), "{}", said.stderr);
    }
    assert!(!shell.path("no").exists());
}

#[test]
fn templates_of_the_users_that_are_not_there_are_told() {
    let said = Shell::with(THREE).exits(2, &["render", "--templates", "nowhere"]);
    assert!(said.stderr.contains("nowhere"), "{}", said.stderr);
}
