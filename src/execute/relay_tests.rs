//! Packages on their way from one node to another, by the real scripts. apt is strict: a call that
//! was not foreseen fails.

use std::fs;

use sha2::{Digest as _, Sha256};

use super::local_node::{LocalNode, shells};
use super::run_tests::{Hosts, run, step_events};
use super::shell_tests::with;
use super::{action, fixtures};
use crate::plan::{Action, NodeWork, PackageChange, Phase, Plan, Relay, Rollout};
use crate::platform::{Family, Sources};

const APT_GET: &str = r#"#!/bin/sh
case "$*" in
*' --print-uris install -- a=1.0') cat "$FOLDER/uris" ;;
*' --download-only install -- a=1.0') exit "$(cat "$FOLDER/code")" ;;
*)
	echo "unexpected: $*"
	exit 99
	;;
esac
"#;

const APT_CACHE: &str = r#"#!/bin/sh
case "$*" in
'madison a') echo ' a | 1.0 | http://mirror' ;;
'show a=1.0 b=1:2 c=3') cat "$FOLDER/show" ;;
*) exit 99 ;;
esac
"#;

const APT_CONFIG: &str = r#"#!/bin/sh
[ "$*" = 'shell cache Dir::Cache::archives/d' ] && echo "cache='$FOLDER/archives/'"
"#;

/// The archives that are needed, and what they hold.
const NEEDED: [(&str, &str, &str, &str); 3] = [
    ("a", "1.0", "all", "alpha"),
    ("b", "1:2", "amd64", "beta"),
    ("c", "3", "amd64", "gamma"),
];

/// A node of Debian whose lists know [`NEEDED`], with these files in apt's cache.
fn debian(shell: &'static [&'static str], archives: &[(&str, &str)]) -> LocalNode {
    let node = LocalNode::new(shell);
    let programs = [
        ("apt-get", APT_GET),
        ("apt-cache", APT_CACHE),
        ("apt-config", APT_CONFIG),
    ];
    for (name, text) in programs {
        node.program(name, text);
    }
    let (mut uris, mut show) = (String::from("Reading package lists...\n"), String::new());
    for (name, version, architecture, content) in NEEDED {
        let file = format!("{name}_{version}_{architecture}.deb").replace(':', "%3a");
        uris.push_str(&format!("'http://mirror/{file}' {file} 5 MD5Sum:00\n"));
        let hash: String = Sha256::digest(content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        show.push_str(&format!(
            "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n\
             Description: one\n Package: none\nSHA256: {hash}\n\n"
        ));
    }
    let files = [("/uris", uris), ("/show", show), ("/code", "0".to_owned())];
    for (path, text) in files {
        fs::write(node.path(path), text).expect("a file");
    }
    fs::create_dir_all(node.path("/archives")).expect("a folder");
    for (name, content) in archives {
        fs::write(node.path(&format!("/archives/{name}")), content).expect("a file");
    }
    node
}

fn packages() -> Vec<PackageChange> {
    vec![PackageChange {
        name: "a".to_owned(),
        installed: None,
        version: Some("1.0".to_owned()),
        pinned: false,
    }]
}

/// A plan in which these nodes take packages from pg-1.
fn take(family: Family, nodes: &[&str]) -> Plan {
    let work = |node: &&str| NodeWork {
        node: (*node).into(),
        steps: vec![
            Action::Relay(Relay::Take {
                family,
                packages: packages(),
                from: "pg-1".into(),
            })
            .into(),
        ],
    };
    let phase = Phase {
        title: "packages",
        rollout: Rollout::Parallel,
        work: nodes.iter().map(work).collect(),
        gate: None,
    };
    Plan {
        phases: vec![phase],
        ..fixtures::plan_of(Vec::new())
    }
}

fn archives(node: &LocalNode) -> Vec<(String, String)> {
    let entries = fs::read_dir(node.path("/archives")).expect("a folder");
    let mut files: Vec<(String, String)> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let content = fs::read_to_string(entry.path()).expect("a file and no folder");
            (entry.file_name().into_string().expect("text"), content)
        })
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn only_what_the_lists_know_gets_into_apts_cache() {
    for shell in shells() {
        // As long as it should be, and something else; and one that nobody needs.
        let has = [
            ("a_1.0_all.deb", "alpha"),
            ("b_1%3a2_amd64.deb", "BETA"),
            ("other_1_all.deb", "other"),
        ];
        let hosts = Hosts::from([
            ("pg-1".into(), debian(shell, &has)),
            ("pg-2".into(), debian(shell, &[])),
            ("pg-3".into(), debian(shell, &[("c_3_amd64.deb", "gamma")])),
        ]);
        let (result, events) = run(&take(Family::Debian, &["pg-2", "pg-3"]), &hosts).await;
        result.expect("nothing fails");
        let taken = |node: &str| archives(&hosts[&node.into()]);
        let alpha = ("a_1.0_all.deb".to_owned(), "alpha".to_owned());
        assert_eq!(taken("pg-2"), std::slice::from_ref(&alpha), "{shell:?}");
        assert_eq!(taken("pg-3")[0], alpha, "{shell:?}");
        assert_eq!(taken("pg-3").len(), 2, "{shell:?}");
        let told = step_events(&events);
        for lacking in [2, 1] {
            let warning = format!(
                "warning {lacking} of 3 packages did not come from pg-1: they are downloaded here"
            );
            assert!(told.contains(&warning), "{shell:?}: {told:?}");
        }
        let asked = hosts[&"pg-1".into()].titles();
        let gave = asked
            .iter()
            .filter(|title| *title == "packages for pg-2, pg-3");
        assert_eq!(gave.count(), 1, "{asked:?}");
    }
}

#[tokio::test]
async fn a_node_that_gives_nothing_fails_nobody() {
    for family in [Family::Debian, Family::EnterpriseLinux] {
        let hosts = Hosts::from([("pg-2".into(), debian(&["dash"], &[]))]);
        let (result, events) = run(&take(family, &["pg-2"]), &hosts).await;
        result.expect("nothing fails");
        let told = step_events(&events);
        let expected = "warning its packages do not come to pg-2: it is not connected";
        assert_eq!(told[0], expected, "{told:?}");
        assert!(told[2].contains("they are downloaded here"), "{told:?}");
        assert_eq!(archives(&hosts[&"pg-2".into()]), []);
    }
}

#[tokio::test]
async fn of_dnfs_cache_nothing_but_packages_is_taken() {
    for shell in shells().into_iter().filter(|shell| shell[0] != "busybox") {
        let (source, taker) = (LocalNode::new(shell), LocalNode::new(shell));
        let path = |name: &str| format!("/var/cache/dnf/appstream-17/{name}");
        for name in ["packages/etcd-3.5.x86_64.rpm", "repodata/repomd.xml"] {
            let file = source.path(&path(name));
            let folder = std::path::Path::new(&file).parent().expect("a folder");
            fs::create_dir_all(folder).expect("a folder");
            fs::write(&file, name).expect("a file");
        }
        let hosts = Hosts::from([("pg-1".into(), source), ("pg-2".into(), taker)]);
        let (result, events) = run(&take(Family::EnterpriseLinux, &["pg-2"]), &hosts).await;
        result.expect("nothing fails");
        assert_eq!(step_events(&events).len(), 2, "{shell:?}: no warning");
        let taker = &hosts[&"pg-2".into()];
        let taken = taker.path(&path("packages/etcd-3.5.x86_64.rpm"));
        assert!(fs::exists(taken).expect("a look"), "{shell:?}");
        let other = taker.path(&path("repodata"));
        assert!(!fs::exists(other).expect("a look"), "{shell:?}");
    }
}

#[test]
fn what_cannot_be_downloaded_for_others_is_left_to_the_installation() {
    let fetch = Action::Relay(Relay::Fetch {
        family: Family::Debian,
        packages: packages(),
        sources: Sources::default(),
        others: vec!["pg-2".into()],
    });
    for shell in shells() {
        let node = debian(shell, &[]);
        let call = action::call(&fetch);
        let script = with(call.library, &call.script);
        assert_eq!(node.sh(&script), (0, String::new()), "{shell:?}");
        fs::write(node.path("/code"), "100").expect("a file");
        let warning = "@mahout warn not every package could be downloaded: the installation tries \
                       again\n";
        assert_eq!(node.sh(&script), (0, warning.to_owned()), "{shell:?}");
    }
}
