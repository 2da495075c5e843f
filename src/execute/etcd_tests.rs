//! What is asked of etcd, in every shell; curl's place is taken by a script that keeps what it was
//! given and answers from a file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::action;
use super::local_node::{LocalNode, shells};
use super::script::GATE;
use super::shell_tests::with;
use crate::facts::etcd::EtcdPermission;
use crate::plan::{Action, EtcdChange};
use crate::secret::Secret;

const URL: &str = "https://10.0.0.11:2379";
/// Keeps the options of each call in `argv` and its stdin in `stdin`; answers with the first line
/// of `answers` that begins with the end of the URL, and takes that line away.
const CURL: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 2
for url; do :; done
printf '%s\n' "$*" >>argv
case " $* " in *' -K - '*) sed "s|^|${url##*/}: |" >>stdin ;; esac
case $url in
*/version) printf '{"etcdserver":"3.4.23"}\n200' ; exit ;;
esac
answer=$(grep -n -m 1 "^${url##*/} " answers)
[ -n "$answer" ] || { printf 'nothing is prepared for %s\n000' "$url"; exit 7; }
sed "${answer%%:*}d" answers >rest; mv rest answers
answer=${answer#*:}
code=${answer#* } ; code=${code%% *}
printf '%s\n%s' "${answer#* * }" "$code"
"#;

struct Etcd {
    node: LocalNode,
}

impl Etcd {
    fn new(shell: &'static [&'static str], answers: &str) -> Self {
        let node = LocalNode::new(shell);
        fs::create_dir_all(node.path("/bin")).expect("a folder");
        let curl = node.path("/bin/curl");
        fs::write(&curl, CURL).expect("a program");
        fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::write(node.path("/bin/answers"), answers).expect("answers");
        for name in ["argv", "stdin"] {
            fs::write(node.path(&format!("/bin/{name}")), "").expect("a file");
        }
        Self { node }
    }

    fn sh(&self, library: &'static super::script::Library, script: &str) -> (i32, String) {
        let text = format!("PATH={}:$PATH; {script}", self.node.path("/bin"));
        self.node.sh(&with(library, &text))
    }

    fn change(&self, root: &[&str], change: EtcdChange) -> (i32, String) {
        self.act(&Action::EtcdAccess {
            url: URL.to_owned(),
            root: root.iter().map(|&word| Secret::new(word)).collect(),
            change,
        })
    }

    fn act(&self, action: &Action) -> (i32, String) {
        let call = action::call(action);
        self.sh(call.library, &call.script)
    }

    fn kept(&self, name: &str) -> String {
        fs::read_to_string(self.node.path(&format!("/bin/{name}"))).expect("what was kept")
    }
}

fn user(password: &str) -> EtcdChange {
    EtcdChange::User {
        name: "mahout-main-ca978112".to_owned(),
        password: Secret::new(password),
        role: "mahout-main".to_owned(),
    }
}

const OPEN: &str =
    "authenticate 400 {\"error\":\"etcdserver: authentication is not enabled\",\"code\":9}\n";
const REFUSED: &str = "authenticate 400 {\"error\":\"etcdserver: authentication failed, invalid user ID or password\",\"code\":3}\n";

#[test]
fn a_user_is_made_and_its_password_is_in_nobodys_argv() {
    let password = r#"it's "long" \ $HOME `id`"#;
    for shell in shells() {
        let answers = format!("{OPEN}add 200 {{}}\ngrant 200 {{}}\n");
        let etcd = Etcd::new(shell, &answers);
        let said = etcd.change(&["root's own"], user(password));
        assert_eq!(said, (0, String::new()), "{shell:?}");
        let argv = etcd.kept("argv");
        assert!(!argv.contains("long") && !argv.contains("own"), "{argv}");
        let stdin = etcd.kept("stdin");
        let body = r#"add: data-binary = "{\"name\":\"mahout-main-ca978112\",\"password\":\"it's \\\"long\\\" \\\\ $HOME `id`\"}""#;
        assert!(stdin.lines().any(|line| line == body), "{stdin}");
        assert!(!stdin.contains("Authorization"), "nobody logs in yet");
    }
}

#[test]
fn one_that_exists_gets_the_password_and_a_busy_member_is_asked_again() {
    for shell in shells() {
        let answers = format!(
            "{OPEN}add 400 {{\"error\":\"etcdserver: user name already exists\"}}\n{OPEN}\
             changepw 503 {{\"error\":\"etcdserver: request timed out\"}}\n\
             changepw 200 {{}}\ngrant 200 {{}}\n"
        );
        let etcd = Etcd::new(shell, &answers);
        let said = etcd.change(&["root's own"], user("another"));
        assert_eq!(said, (0, String::new()), "{shell:?}");
        assert_eq!(etcd.kept("answers"), "", "all of it was asked");
    }
}

#[test]
fn whoever_has_the_password_already_keeps_it_and_who_was_logged_out_logs_in_again() {
    let exists = "add 400 {\"error\":\"etcdserver: user name already exists\"}\n";
    let token = |token: &str| format!("authenticate 200 {{\"token\":\"{token}\"}}\n");
    for shell in shells() {
        let answers = token("a.1") + exists + &token("b.2") + "grant 200 {}\n";
        let etcd = Etcd::new(shell, &answers);
        let said = etcd.change(&["root's own"], user("the same"));
        assert_eq!(said, (0, String::new()), "{shell:?}");
        assert!(!etcd.kept("argv").contains("changepw"));

        // Root gives itself a password, and is logged out by that.
        let answers = REFUSED.to_owned()
            + &token("a.1")
            + exists
            + REFUSED
            + "changepw 200 {}\n\
               grant 401 {\"error\":\"etcdserver: invalid auth token\",\"code\":16}\n"
            + &token("b.2")
            + "grant 200 {}\n";
        let etcd = Etcd::new(shell, &answers);
        let change = EtcdChange::User {
            name: "root".to_owned(),
            password: Secret::new("new"),
            role: "root".to_owned(),
        };
        assert_eq!(etcd.change(&["new", "old"], change), (0, String::new()));
        assert_eq!(etcd.kept("answers"), "", "{shell:?}");
        let stdin = etcd.kept("stdin");
        let last = "grant: header = \"Authorization: b.2\"";
        assert!(stdin.lines().any(|line| line == last), "{stdin}");
    }
}

#[test]
fn roots_password_of_before_opens_where_the_new_one_does_not_yet() {
    for shell in shells() {
        let answers = format!(
            "{REFUSED}authenticate 200 {{\"header\":{{}},\"token\":\"AbC.12\"}}\nchangepw 200 {{}}\n"
        );
        let etcd = Etcd::new(shell, &answers);
        let change = EtcdChange::Password {
            name: "root".to_owned(),
            password: Secret::new("new"),
        };
        let said = etcd.change(&["new", "old"], change);
        assert_eq!(said, (0, String::new()), "{shell:?}");
        let stdin = etcd.kept("stdin");
        let token = "changepw: header = \"Authorization: AbC.12\"";
        assert!(stdin.lines().any(|line| line == token), "{stdin}");
    }
}

#[test]
fn a_password_that_opens_nothing_is_said_and_nothing_is_changed() {
    for shell in shells() {
        let answers = format!(
            "{REFUSED}delete 400 {{\"error\":\"etcdserver: user name is empty\",\"code\":3}}\n"
        );
        let etcd = Etcd::new(shell, &answers);
        let change = EtcdChange::RemoveUser {
            name: "mahout-main-00000000".to_owned(),
            members: Vec::new(),
            rounds: Duration::from_secs(20),
        };
        let (code, said) = etcd.change(&["wrong"], change);
        assert_eq!(code, 1, "{shell:?}");
        assert_eq!(said, format!("{URL} refuses root's password\n"));
    }
}

#[test]
fn what_was_done_before_is_done_again_without_harm() {
    let right = |key: &str| EtcdPermission {
        kind: "READWRITE".to_owned(),
        key: key.to_owned(),
        range_end: String::new(),
    };
    for shell in shells() {
        let answers = format!(
            "{OPEN}add 400 {{\"error\":\"etcdserver: role name already exists\"}}\n\
             revoke 400 {{\"error\":\"etcdserver: permission is not granted to the role\"}}\n\
             grant 200 {{}}\n"
        );
        let change = EtcdChange::Role {
            name: "mahout-main".to_owned(),
            grant: right("/service/main/"),
            revoke: vec![right("/")],
        };
        let said = Etcd::new(shell, &answers).change(&["root's own"], change);
        assert_eq!(said, (0, String::new()), "{shell:?}");
        let answers =
            format!("{OPEN}enable 500 {{\"error\":\"etcdserver: root user does not exist\"}}\n");
        let (code, said) =
            Etcd::new(shell, &answers).change(&["root's own"], EtcdChange::RequireLogin);
        assert_eq!(code, 1);
        assert!(said.contains("root user does not exist"), "{said}");
    }
}

#[test]
fn an_old_user_waits_for_the_rounds_of_every_patroni() {
    for shell in shells() {
        let seen = |second: u32| format!("patroni 200 {{\"dcs_last_seen\": {second}}}\n");
        let answers = [100, 110, 121].map(seen).concat()
            + OPEN
            + "delete 400 {\"error\":\"etcdserver: user name not found\"}\n";
        let etcd = Etcd::new(shell, &answers);
        let change = EtcdChange::RemoveUser {
            name: "mahout-main-00000000".to_owned(),
            members: vec!["https://10.0.0.12:8008".to_owned()],
            rounds: Duration::from_secs(20),
        };
        let said = etcd.change(&["root's own"], change);
        assert_eq!(said, (0, String::new()), "{shell:?}");
        assert_eq!(etcd.kept("answers"), "", "120 had to be reached");
        let argv = etcd.kept("argv");
        assert!(argv.find("/patroni") < argv.find("authenticate"), "{argv}");
    }
}

#[test]
fn a_member_is_well_if_its_gateway_reads_or_asks_for_a_login() {
    let healthy = "health 200 {\"health\":\"true\"}\n\
                   status 200 {\"leader\":\"7\"}\n\
                   list 200 {\"members\":[{\"ID\":\"7\"}]}\n";
    for (range, missing) in [
        ("range 200 {\"header\":{}}\n", ""),
        (
            "range 400 {\"error\":\"etcdserver: user name is empty\",\"code\":3}\n",
            "",
        ),
        (
            "range 503 {\"error\":\"connection closed\",\"code\":14}\n",
            "does not read: connection closed",
        ),
    ] {
        for shell in shells() {
            // The version of the cluster is asked of the same place as the server's.
            let etcd = Etcd::new(shell, &format!("{healthy}{range}"));
            let curl = CURL.replace(
                r#"{"etcdserver":"3.4.23"}"#,
                r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#,
            );
            fs::write(etcd.node.path("/bin/curl"), curl).expect("a program");
            let call = format!("missing=; etcd_member {URL} 1; echo \"$missing\"");
            let (_, said) = etcd.sh(&GATE, &call);
            assert!(said.trim_end().ends_with(missing), "{shell:?}: {said}");
            assert_eq!(said.trim().is_empty(), missing.is_empty(), "{said}");
        }
    }
}

#[test]
fn a_member_is_removed_before_another_one_is_added() {
    for shell in shells() {
        // Both were done before; the second is refused while the others have just begun.
        let answers = format!(
            "{OPEN}remove 404 {{\"error\":\"etcdserver: member not found\"}}\n\
             add 503 {{\"error\":\"etcdserver: unhealthy cluster\"}}\n\
             add 409 {{\"error\":\"etcdserver: Peer URLs already exists\"}}\n"
        );
        let etcd = Etcd::new(shell, &answers);
        let said = etcd.act(&Action::ReplaceEtcdMember {
            url: URL.to_owned(),
            root: vec![Secret::new("root's own")],
            member: Some("8e9e05c52164694d".to_owned()),
            peer_url: "https://10.0.0.13:2380".to_owned(),
        });
        assert_eq!(said, (0, String::new()), "{shell:?}");
        assert_eq!(etcd.kept("answers"), "", "all of it was asked");
        assert!(!etcd.kept("argv").contains("own"));
        let stdin = etcd.kept("stdin");
        let removed = r#"remove: data-binary = "{\"ID\":\"10276657743932975437\"}""#;
        let added = r#"add: data-binary = "{\"peerURLs\":[\"https://10.0.0.13:2380\"]}""#;
        let at = |line: &str| stdin.lines().position(|asked| asked == line);
        assert!(at(removed).is_some() && at(removed) < at(added), "{stdin}");
    }
}

#[test]
fn the_keys_of_one_cluster_are_removed_and_no_others() {
    for shell in shells() {
        let etcd = Etcd::new(shell, &format!("{OPEN}deleterange 200 {{}}\n"));
        let said = etcd.act(&Action::RemoveKeys {
            url: URL.to_owned(),
            root: vec![Secret::new("root's own")],
            path: "/service/main/".to_owned(),
        });
        assert_eq!(said, (0, String::new()), "{shell:?}");
        let stdin = etcd.kept("stdin");
        // `/service/main/` up to `/service/main0`.
        let body = r#"{\"key\":\"L3NlcnZpY2UvbWFpbi8=\",\"range_end\":\"L3NlcnZpY2UvbWFpbjA=\"}"#;
        assert!(stdin.contains(body), "{stdin}");
    }
}
