//! What the shell functions do to files, kernel settings and packages, in every shell.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::action;
use super::fixtures::write_file;
use super::local_node::{LocalNode, shells};
use super::script::{DEBIAN, Library, Script};
use crate::facts::FileFacts;
use crate::plan::Action;
use crate::render::Check;
use crate::secret::Secret;
use crate::transport::Effect;

/// The functions of `library` and then `text`, as a script does it.
pub(super) fn with(library: &'static Library, text: &str) -> String {
    let mut script = Script::new();
    script.with(library).line(&format!("( {text} )"));
    let command = script.command(String::new(), Effect::Changes, std::time::Duration::ZERO);
    let text = command.script.expose();
    let (head, rest) = text.split_once('\n').expect("two lines");
    let (_, rest) = rest.split_once('\n').expect("three lines");
    format!("{head}\nmahout=@mahout\n{rest}")
}

fn perform(node: &LocalNode, action: &Action) -> (i32, String) {
    let call = action::call(action);
    node.sh(&with(call.library, &call.script))
}

fn as_root() -> bool {
    rustix::process::getuid().is_root()
}

fn mode(path: &str) -> u32 {
    let metadata = fs::symlink_metadata(path).expect("the file");
    metadata.permissions().mode() & 0o7777
}

#[test]
fn a_file_takes_its_place_whole_and_what_was_foreign_is_kept_once() {
    if !as_root() {
        return;
    }
    for shell in shells() {
        let node = LocalNode::new(shell);
        fs::create_dir_all(node.path("/run/mahout")).expect("a folder");
        let path = node.path("/etc/a b/it's.conf");
        let folder = node.path("/etc/a b");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(&path, "somebody's\n").expect("a file");
        fs::write(format!("{folder}/.it's.conf.mahout-AbCd12"), "half").expect("a rest");

        let content = "# managed by mahout\n'quotes' $vars `and` \\ ümläut\nno newline at end";
        let (code, said) = perform(&node, &write_file(&path, content));
        assert_eq!((code, said.as_str()), (0, ""), "{shell:?}");
        assert_eq!(fs::read_to_string(&path).expect("the file"), content);
        assert_eq!(mode(&path), 0o644);
        let kept = format!("{path}.before-mahout");
        assert_eq!(fs::read_to_string(&kept).expect("kept"), "somebody's\n");
        assert_eq!(mode(&kept), 0o600);

        // The kept one stays what it was; ours is kept as well, and says when it was replaced.
        let (code, said) = perform(&node, &write_file(&path, "# managed by mahout\n2\n"));
        assert_eq!((code, said.as_str()), (0, ""), "{shell:?}");
        assert_eq!(fs::read_to_string(&kept).expect("kept"), "somebody's\n");
        let mut left: Vec<String> = fs::read_dir(&folder)
            .expect("the folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .collect();
        left.sort();
        assert_eq!(left.len(), 3, "{shell:?}: {left:?}");
        assert_eq!(left[..2], ["it's.conf", "it's.conf.before-mahout"]);
        assert!(left[2].starts_with("it's.conf.replaced-20"), "{left:?}");
        let replaced = format!("{folder}/{}", left[2]);
        assert_eq!(fs::read_to_string(&replaced).expect("kept"), content);
        assert_eq!(mode(&replaced), 0o600);
    }
}

#[test]
fn no_key_of_before_stays_beside_a_new_one() {
    if !as_root() {
        return;
    }
    for shell in shells() {
        let node = LocalNode::new(shell);
        fs::create_dir_all(node.path("/run/mahout")).expect("a folder");
        fs::create_dir_all(node.path("/etc/mahout")).expect("a folder");
        let path = node.path("/etc/mahout/patroni.pem");
        fs::write(&path, "the old key").expect("a file");
        // What the versions before this one left.
        let kept = format!("{path}.before-mahout");
        fs::write(&kept, "an older key").expect("a file");
        let (code, said) = perform(&node, &write_file(&path, "the new key"));
        assert_eq!((code, said.as_str()), (0, ""), "{shell:?}");
        assert_eq!(fs::read_to_string(&path).expect("the file"), "the new key");
        assert!(!fs::exists(&kept).expect("a look"), "{shell:?}");
    }
}

#[test]
fn five_replaced_files_are_kept_and_none_with_a_secret_of_before() {
    if !as_root() {
        return;
    }
    for shell in shells() {
        let node = LocalNode::new(shell);
        fs::create_dir_all(node.path("/etc")).expect("a folder");
        let path = node.path("/etc/app.yml");
        let kept = || {
            let entries = fs::read_dir(node.path("/etc")).expect("the folder");
            let names = entries.map(|entry| entry.expect("an entry").file_name());
            let names = names.map(|name| name.into_string().expect("text"));
            let mut names: Vec<String> = names.filter(|name| name.contains("replaced")).collect();
            names.sort();
            names
        };
        let write = |before: &str, after: &str| {
            let mut action = write_file(&path, after);
            if let Action::WriteFile { before: old, file } = &mut action {
                file.sensitive = true;
                *old = Some(FileFacts {
                    content: Some(Secret::new(before)),
                    ..FileFacts::default()
                });
            }
            let (code, said) = perform(&node, &action);
            assert_eq!((code, said.as_str()), (0, ""), "{shell:?}");
        };
        let of = |ttl: u8, password: &str| {
            format!("# managed by mahout\nttl: {ttl}\npassword: {password}\n")
        };
        fs::write(&path, of(1, "one")).expect("a file");
        for second in 1..7 {
            fs::write(format!("{path}.replaced-2020010{second}T000000Z"), "older").expect("a file");
        }
        write(&of(1, "one"), &of(2, "one"));
        let names = kept();
        assert_eq!(names.len(), 5, "{shell:?}: {names:?}");
        assert_eq!(names[0], "app.yml.replaced-20200103T000000Z");
        // Written once more as it is, for its mode alone, it is not kept twice.
        write(&of(2, "one"), &of(2, "one"));
        assert_eq!(kept(), names);
        // A private key is nowhere else than in its place.
        let key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----\n";
        write(key, key);
        assert_eq!(kept(), [""; 0], "{shell:?}");
        write(&of(2, "one"), &of(2, "two"));
        assert_eq!(kept(), [""; 0], "{shell:?}");
    }
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    if !as_root() {
        return;
    }
    for shell in shells() {
        let node = LocalNode::new(shell);
        let (path, target) = (node.path("/etc/link"), node.path("/target"));
        fs::create_dir_all(node.path("/etc")).expect("a folder");
        fs::write(&target, "theirs").expect("a file");
        symlink(&target, &path).expect("a link");
        let (code, said) = perform(&node, &write_file(&path, "ours"));
        assert_eq!((code, said.as_str()), (0, ""), "{shell:?}");
        assert_eq!(fs::read_to_string(&target).expect("the target"), "theirs");
        assert!(!fs::symlink_metadata(&path).expect("the file").is_symlink());
        let kept = fs::read_link(format!("{path}.before-mahout")).expect("the link is kept");
        assert_eq!(kept, std::path::Path::new(&target));
    }
}

#[test]
fn a_file_that_its_check_refuses_leaves_the_old_one_and_no_rest() {
    if !as_root() {
        return;
    }
    for shell in shells() {
        let node = LocalNode::new(shell);
        let folder = node.path("/etc");
        fs::create_dir_all(node.path("/bin")).expect("a folder");
        fs::create_dir_all(&folder).expect("a folder");
        let path = format!("{folder}/haproxy.cfg");
        fs::write(&path, "old").expect("a file");
        // A haproxy that refuses whatever it is shown.
        let judge = node.path("/bin/haproxy");
        fs::write(
            &judge,
            "#!/bin/sh\necho \"[ALERT] unknown keyword in $3\"\nexit 1\n",
        )
        .expect("a program");
        fs::set_permissions(&judge, fs::Permissions::from_mode(0o755)).expect("a mode");
        let mut action = write_file(&path, "new");
        if let Action::WriteFile { file, .. } = &mut action {
            file.check = Some(Check::Haproxy);
        }
        let call = action::call(&action);
        let path_line = format!("PATH={}:$PATH; {}", node.path("/bin"), call.script);
        let (code, said) = node.sh(&with(call.library, &path_line));
        assert_eq!(code, 1, "{shell:?}: {said}");
        assert!(said.contains("unknown keyword"), "{said}");
        assert_eq!(fs::read_to_string(&path).expect("the file"), "old");
        assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 1);
    }
}

#[test]
fn a_directory_gets_its_mode_and_its_parents_are_open() {
    if !as_root() {
        return;
    }
    for shell in shells() {
        let node = LocalNode::new(shell);
        let action = Action::CreateDirectory {
            path: node.path("/var/lib/etcd"),
            owner: "root".to_owned(),
            group: "root".to_owned(),
            mode: 0o700,
        };
        for _ in 0..2 {
            let (code, said) = perform(&node, &action);
            assert_eq!((code, said.as_str()), (0, ""), "{shell:?}");
        }
        assert_eq!(mode(&node.path("/var/lib/etcd")), 0o700);
        assert_eq!(mode(&node.path("/var/lib")), 0o755);
    }
}

#[test]
fn kernel_settings_are_written_and_what_is_missing_is_told() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        fs::create_dir_all(node.path("/proc/sys/vm")).expect("a folder");
        fs::create_dir_all(node.path("/proc/sys/kernel")).expect("a folder");
        let before = [
            ("vm/swappiness", "60"),
            ("vm/overcommit_memory", "0"),
            ("vm/overcommit_ratio", "50"),
            ("kernel/numa_balancing", "1"),
        ];
        for (file, value) in before {
            let file = node.path(&format!("/proc/sys/{file}"));
            fs::write(file, format!("{value}\n")).expect("a file");
        }
        let values = [
            ("kernel.numa_balancing", "0"),
            ("vm.no_such", "2"),
            ("vm.overcommit_memory", "2"),
            ("vm.overcommit_ratio", "90"),
            ("vm.swappiness", "1"),
        ];
        let action = Action::SetSysctl {
            values: values.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        };
        let (code, said) = perform(&node, &action);
        assert_eq!(
            (code, said.as_str()),
            (0, "@mahout warn this kernel has no vm.no_such\n"),
            "{shell:?}"
        );
        let live = [
            "vm/swappiness",
            "vm/overcommit_ratio",
            "kernel/numa_balancing",
        ]
        .map(|file| {
            let file = node.path(&format!("/proc/sys/{file}"));
            fs::read_to_string(file).expect("the setting")
        });
        assert_eq!(live, ["1\n", "90\n", "0\n"]);
        // Strict only once the ratio is there.
        let modified = |file: &str| {
            let file = fs::metadata(node.path(&format!("/proc/sys/vm/{file}")));
            file.and_then(|file| file.modified()).expect("a time")
        };
        assert!(modified("overcommit_memory") >= modified("overcommit_ratio"));
    }
}

#[test]
fn service_starts_are_denied_only_while_the_script_lives() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        let policy = node.path("/policy-rc.d");
        fs::create_dir_all(node.path("/run/mahout")).expect("a folder");
        fs::write(&policy, "#!/bin/sh\nexit 104\n").expect("a foreign policy");
        let asked = "sh /usr/sbin/policy-rc.d; echo $?";
        let text = format!("deny_service_starts; {asked}; exit 3");
        let (code, said) = node.sh(&with(&DEBIAN, &text));
        assert_eq!((code, said.as_str()), (3, "101\n"), "{shell:?}");
        assert_eq!(node.sh(asked).1, "104\n", "the foreign one is back");

        // Killed with nobody to clean up: what stays behind denies nothing, and the next
        // installation puts the foreign one back.
        let (_, said) = node.sh(&with(&DEBIAN, "deny_service_starts; trap - EXIT"));
        assert_eq!(said, "", "{shell:?}");
        assert_eq!(node.sh(asked).1, "0\n", "{shell:?}");
        let (_, said) = node.sh(&with(&DEBIAN, "allow_service_starts"));
        assert_eq!(said, "", "{shell:?}");
        assert_eq!(node.sh(asked).1, "104\n", "{shell:?}");
    }
}
