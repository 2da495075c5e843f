//! What the named commands do to data, in every shell.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::action;
use super::local_node::{LocalNode, shells};
use super::script::GUARD;
use super::shell_tests::with;
use crate::plan::{Action, Data};
use crate::secret::Secret;

fn move_aside(node: &LocalNode, path: &str) -> (i32, String) {
    let call = action::call(&Action::MoveAside {
        path: path.to_owned(),
        label: "before-reinit",
        data: Data::Postgresql,
    });
    node.sh(&with(call.library, &call.script))
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("text"))
        .collect();
    names.sort();
    names
}

#[test]
fn data_is_renamed_with_all_that_is_in_it_and_told() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        let path = node.path("/data dir/main");
        fs::create_dir_all(&path).expect("a folder");
        // Empty, there is nothing to keep.
        assert_eq!(move_aside(&node, &path), (0, String::new()), "{shell:?}");
        fs::write(format!("{path}/PG_VERSION"), "15\n").expect("a file");
        // Of a server that has died.
        fs::write(format!("{path}/postmaster.pid"), "999999999\n").expect("a file");
        let (code, said) = move_aside(&node, &path);
        assert_eq!(code, 0, "{shell:?}: {said}");
        let told = format!("@mahout warn {path} is now {path}.before-reinit-20");
        assert!(said.starts_with(&told), "{said}");
        let names = names(&node.path("/data dir"));
        let [moved] = names.as_slice() else {
            panic!("{shell:?}: {names:?}");
        };
        let kept = node.path(&format!("/data dir/{moved}/PG_VERSION"));
        assert_eq!(fs::read_to_string(kept).expect("the file"), "15\n");
    }
}

#[test]
fn data_that_is_in_use_or_elsewhere_stays_where_it_is() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        let path = node.path("/main");
        fs::create_dir_all(&path).expect("a folder");
        // A process that is called as PostgreSQL's are.
        let program = node.path("/postgres");
        fs::copy("/bin/sleep", &program).expect("a program");
        let mut server = std::process::Command::new(&program)
            .arg("60")
            .spawn()
            .expect("a process");
        fs::write(
            format!("{path}/postmaster.pid"),
            format!("{}\n", server.id()),
        )
        .expect("a file");
        let (code, said) = move_aside(&node, &path);
        server.kill().expect("its end");
        server.wait().expect("its end");
        assert_eq!(code, 1, "{shell:?}: {said}");
        assert!(said.contains("a PostgreSQL (pid "), "{said}");
        let link = node.path("/link");
        symlink(&path, &link).expect("a link");
        let (code, said) = move_aside(&node, &link);
        assert_eq!(code, 1, "{shell:?}: {said}");
        assert!(said.contains("is a symbolic link"), "{said}");
        assert_eq!(names(&path), ["postmaster.pid"]);
    }
}

/// A curl that answers with `code`, and begins the copy if `copies`.
fn patroni(node: &LocalNode, answer: &str, copies: &str) -> (i32, String) {
    fs::create_dir_all(node.path("/bin")).expect("a folder");
    fs::create_dir_all(node.path("/main")).expect("a folder");
    fs::write(node.path("/main/PG_VERSION"), "15\n").expect("a file");
    let curl = node.path("/bin/curl");
    let text = format!(
        "#!/bin/sh\ncat >{0}/asked\nprintf '%s\\n' \"$*\" >{0}/argv\n{copies}\nprintf '{answer}'\n",
        node.path("/bin")
    );
    fs::write(&curl, text).expect("a program");
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).expect("a mode");
    let call = action::call(&Action::Reinitialize {
        url: "http://10.0.0.13:8008".to_owned(),
        username: "admin".to_owned(),
        password: Secret::new("hunter2"),
        data_dir: node.path("/main"),
    });
    let script = format!("PATH={}:$PATH; {}", node.path("/bin"), call.script);
    node.sh(&with(call.library, &script))
}

#[test]
fn patroni_is_asked_and_awaited_until_the_old_data_is_gone() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        let copies = format!(
            "( sleep 0.5; rm {} ) >/dev/null 2>&1 &",
            node.path("/main/PG_VERSION")
        );
        let (code, said) = patroni(&node, "reinitialize started\\n200", &copies);
        assert_eq!((code, said.as_str()), (0, ""), "{shell:?}");
        assert!(
            !fs::exists(node.path("/main/PG_VERSION")).expect("a folder"),
            "{shell:?}"
        );
        let read = |name: &str| fs::read_to_string(node.path(&format!("/bin/{name}")));
        let asked = read("asked").expect("what was asked");
        assert!(
            asked.contains("url = \"http://10.0.0.13:8008/reinitialize\""),
            "{asked}"
        );
        assert!(asked.contains("hunter2"), "{asked}");
        assert!(!read("argv").expect("its words").contains("hunter2"));
    }
}

#[test]
fn a_refusal_of_patroni_ends_the_step_with_its_words() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        let answer = "I am the leader, can not reinitialize\\n503";
        let (code, said) = patroni(&node, answer, ":");
        assert_eq!(code, 1, "{shell:?}");
        assert_eq!(
            said,
            "Patroni refuses: I am the leader, can not reinitialize\n"
        );
    }
}

#[test]
fn the_leader_hands_over_only_to_whoever_still_follows() {
    let cluster = |pause: &str, state: &str| {
        format!(
            r#"{{"members": [{{"name": "pg-1", "role": "leader", "state": "running", "tags": {{}}}}, {{"name": "pg-3", "role": "replica", "state": "{state}", "lag": 0}}]{pause}}}"#
        )
    };
    let paused = r#", "pause": true"#;
    let cases = [
        (cluster("", "running"), "pg-3", ""),
        (cluster("", "streaming"), "", ""),
        (
            cluster("", "start failed"),
            "pg-3",
            "`pg-3` does not follow `pg-1` any more\n",
        ),
        (
            cluster("", "start failed"),
            "",
            "nobody follows `pg-1` any more\n",
        ),
        (
            cluster("", "streaming"),
            "pg-2",
            "`pg-2` does not follow `pg-1` any more\n",
        ),
        (
            cluster(paused, "streaming"),
            "pg-3",
            "Patroni has been paused\n",
        ),
    ];
    for shell in shells() {
        for (answer, candidate, expected) in &cases {
            let node = LocalNode::new(shell);
            fs::create_dir_all(node.path("/bin")).expect("a folder");
            let curl = node.path("/bin/curl");
            let text = format!("#!/bin/sh\nprintf '%s\\n200' '{answer}'\n");
            fs::write(&curl, text).expect("a program");
            fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).expect("a mode");
            let call = format!("hands_over pg-1 http://10.0.0.11:8008 '{candidate}'");
            let script = format!("PATH={}:$PATH; {call}", node.path("/bin"));
            let said = node.sh(&with(&GUARD, &script));
            assert_eq!(said, (0, (*expected).to_owned()), "{shell:?}: {answer}");
        }
    }
}

#[test]
fn patroni_alone_restarts_in_a_pause_that_is_ended_unless_a_person_wants_it() {
    let cases = [
        (r#"{"ttl": 30}"#, "true null"),
        (r#"{"ttl": 30, "pause": true}"#, ""),
        (r#"{"pause": true, "mahout_pause": true}"#, "null"),
    ];
    for shell in shells() {
        for (config, expected) in cases {
            let node = LocalNode::new(shell);
            fs::create_dir_all(node.path("/bin")).expect("a folder");
            // It pauses when it is told to, and the node's Patroni always answers.
            let curl = format!(
                "#!/bin/sh\ncase $* in\n\
                 *'-K -'*) if grep -q true; then said=true; else said=null; fi; \
                 echo $said >>{0}/told; echo $said >{0}/now ;;\n\
                 */config) echo '{config}' ;;\n\
                 */patroni) [ -e {0}/now ] || echo '{config}' >{0}/now; \
                 if grep -q true {0}/now; then echo '{{\"pause\": true}}'; else echo '{{}}'; fi ;;\n\
                 esac\nprintf '\\n200'\n",
                node.path("")
            );
            for (name, text) in [("curl", curl.as_str()), ("systemctl", "#!/bin/sh\n")] {
                let path = node.path(&format!("/bin/{name}"));
                fs::write(&path, text).expect("a program");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
            }
            let call = action::call(&Action::RestartPatroni {
                url: "http://10.0.0.11:8008".to_owned(),
                username: "patroni".to_owned(),
                password: Secret::new("secret"),
            });
            let script = format!("PATH={}:$PATH; {}", node.path("/bin"), call.script);
            let said = node.sh(&with(call.library, &script));
            assert_eq!(said, (0, String::new()), "{shell:?}: {config}");
            let told = fs::read_to_string(node.path("/told")).unwrap_or_default();
            let told: Vec<&str> = told.lines().collect();
            assert_eq!(told.join(" "), expected, "{shell:?}: {config}");
        }
    }
}
