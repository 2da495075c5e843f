//! etcd's members that go on alone or join, in every shell: a setting of one start, and data of which
//! nothing is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::local_node::{LocalNode, shells};
use super::script::GUARD;
use super::shell_tests::with;
use super::{action, guard};
use crate::plan::{Action, Guard};

/// Does `action` beside a systemd that tells what it was asked, and the settings of a start.
fn act(node: &LocalNode, action: &Action) -> (i32, String, String) {
    for folder in ["/bin", "/run/mahout"] {
        fs::create_dir_all(node.path(folder)).expect("a folder");
    }
    let (systemctl, asked) = (node.path("/bin/systemctl"), node.path("/asked"));
    let text = format!(
        "#!/bin/sh\necho \"$*\" >>{asked}\ncase \"$*\" in\n*ActiveState*) echo ActiveState=active ;;\n\
         'start '*) cat {0}/mahout/once.env {0}/systemd/system/etcd.service.d/* >>{asked}\n\
         mkdir -p {1}/member/wal; touch {1}/member/wal/0 ;;\nesac\n",
        node.path("/run"),
        node.path("/main")
    );
    fs::write(&systemctl, text).expect("a program");
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).expect("a mode");
    let call = action::call(action);
    let script = format!("PATH={}:$PATH; {}", node.path("/bin"), call.script);
    let script = with(call.library, &script);
    let script = script.replace("/run/systemd", &node.path("/run/systemd"));
    let (code, said) = node.sh(&script);
    let asked = fs::read_to_string(asked).unwrap_or_default();
    for left in ["/run/mahout/once.env", "/run/systemd/system/etcd.service.d"] {
        assert!(!fs::exists(node.path(left)).expect("a folder"), "{left}");
    }
    (code, said, asked)
}

#[test]
fn who_goes_on_alone_forgets_the_others_once_and_keeps_a_copy() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        let data_dir = node.path("/main");
        fs::create_dir_all(format!("{data_dir}/member/snap")).expect("a folder");
        fs::write(format!("{data_dir}/member/snap/db"), "keys").expect("a file");
        let action = Action::SurviveAlone {
            data_dir: data_dir.clone(),
        };
        let (code, said, asked) = act(&node, &action);
        assert_eq!(code, 0, "{shell:?}: {said}");
        let told = format!("@mahout warn a copy of {data_dir} is in {data_dir}.before-restore-20");
        assert!(said.starts_with(&told), "{said}");
        assert!(asked.contains("\nETCD_FORCE_NEW_CLUSTER=true\n"), "{asked}");
        let lines: Vec<&str> = asked.lines().collect();
        assert_eq!(
            lines[..2],
            ["kill --signal=KILL etcd.service", "stop etcd.service"]
        );
        assert_eq!(lines.last(), Some(&"daemon-reload"), "{asked}");
        let folders = fs::read_dir(node.path("")).expect("the folder");
        let folders = folders.map(|entry| entry.expect("an entry").path());
        let copies: Vec<_> = folders
            .filter(|path| path.to_string_lossy().contains(".before-restore"))
            .collect();
        let [copy] = copies.as_slice() else {
            panic!("{shell:?}: {copies:?}");
        };
        for place in [copy.clone(), data_dir.into()] {
            let kept = fs::read_to_string(place.join("member/snap/db"));
            assert_eq!(kept.expect("the file"), "keys");
        }
    }
}

#[test]
fn a_guard_names_the_members_that_are_not_healthy() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        let others = [("a", "http://127.0.0.1:1"), ("b", "http://127.0.0.1:2")];
        let guard = Guard::EtcdQuorumWithout {
            node: "c".into(),
            others: others.map(|(name, url)| (name.into(), url.into())).into(),
            needed: 1,
        };
        let call = guard::call(&guard).replace("patient_guard ", "");
        let (_, said) = node.sh(&with(&GUARD, &call));
        let expected = "etcd would lose its quorum without `c`: not healthy: \
                        `a` (http://127.0.0.1:1), `b` (http://127.0.0.1:2)\n";
        assert_eq!(said, expected, "{shell:?}");
    }
}

#[test]
fn how_far_a_stopped_server_had_come_is_kept() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        let (timeline, bytes) = (3, 83_886_448);
        let (code, said, _) = act(&node, &Action::KeepWalEnd { timeline, bytes });
        assert_eq!((code, said.as_str()), (0, ""), "{shell:?}");
        let kept = fs::read_to_string(node.path("/run/mahout/wal-end"));
        assert_eq!(kept.expect("the file"), "3 83886448\n");
    }
}

#[test]
fn who_joins_is_told_whom_it_finds() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        let members = "a=https://10.0.0.11:2380,b=https://10.0.0.12:2380";
        for (initial_cluster, expected) in [
            (
                None,
                "ETCD_INITIAL_CLUSTER_STATE=existing\n[Service]\n".to_owned(),
            ),
            (
                Some(members.to_owned()),
                format!(
                    "ETCD_INITIAL_CLUSTER_STATE=existing\nETCD_INITIAL_CLUSTER={members}\n[Service]\n"
                ),
            ),
        ] {
            let action = Action::JoinEtcd {
                data_dir: node.path("/main"),
                initial_cluster,
            };
            let (code, said, asked) = act(&node, &action);
            assert_eq!((code, said.as_str()), (0, ""), "{shell:?}");
            assert!(asked.contains(&expected), "{asked}");
        }
    }
}
