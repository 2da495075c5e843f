//! What is asked of dnf and rpm, and what becomes of their answers, in every shell. Both are
//! strict: a call that was not foreseen fails.

use std::fs;

use super::action;
use super::local_node::{LocalNode, shells};
use super::shell_tests::with;
use crate::plan::{Action, PackageChange};
use crate::platform::{Family, Repository, Sources};

/// The next answer of those that were laid down for it, as shell text.
const DNF: &str = r#"#!/bin/sh
printf '%s\n' "$*" >>"$FOLDER/calls"
for answer in "$FOLDER"/answers/*; do
	[ -e "$answer" ] || break
	text=$(cat "$answer")
	rm "$answer"
	eval "$text"
	exit
done
echo "unexpected: $*"
exit 99
"#;

const RPM: &str = r#"#!/bin/sh
case "$1 $2" in
'--import '*) printf '%s\n' "import $(cat "$2")" >>"$FOLDER/calls" ;;
'-q --quiet')
	shift 2
	[ "$1" != --whatprovides ] || shift
	[ "$1" = rpm ] || grep -q "^$1 " "$FOLDER/installed"
	;;
'-q '*)
	found=$(grep "^$2 " "$FOLDER/installed") || exit 1
	printf '%s\n' "$found" | tr ' ' -
	;;
*)
	echo "unexpected: rpm $*"
	exit 99
	;;
esac
"#;

const CURL: &str = r#"#!/bin/sh
while [ $# -gt 1 ]; do
	[ "$1" != -o ] || out=$2
	shift
done
case $1 in
https://*/keys/*) echo "key of $1" >"$out" ;;
*) exit 22 ;;
esac
"#;

struct Node {
    local: LocalNode,
}

impl Node {
    fn new(shell: &'static [&'static str], answers: &[&str]) -> Self {
        let local = LocalNode::new(shell);
        for folder in ["/answers", "/run/mahout"] {
            fs::create_dir_all(local.path(folder)).expect("a folder");
        }
        let programs = [
            ("dnf", DNF),
            ("rpm", RPM),
            ("curl", CURL),
            ("sleep", "#!/bin/sh\n"),
        ];
        for (name, text) in programs {
            local.program(name, text);
        }
        for (index, answer) in answers.iter().enumerate() {
            fs::write(local.path(&format!("/answers/{index}")), answer).expect("an answer");
        }
        fs::write(local.path("/installed"), "").expect("a file");
        fs::write(local.path("/calls"), "").expect("a file");
        Self { local }
    }

    fn has(self, packages: &str) -> Self {
        fs::write(self.local.path("/installed"), packages).expect("a file");
        self
    }

    /// The exit code, what was said, and what was called for.
    fn perform(&self, action: &Action) -> (i32, String, Vec<String>) {
        let call = action::call(action);
        let (code, said) = self.local.sh(&with(call.library, &call.script));
        let calls = fs::read_to_string(self.local.path("/calls")).expect("the calls");
        let left = fs::read_dir(self.local.path("/run/mahout")).expect("a folder");
        assert_eq!(left.count(), 0, "nothing is left behind: {said}");
        let waits = fs::read_dir(self.local.path("/answers")).expect("a folder");
        assert_eq!(waits.count(), 0, "every answer was asked for: {calls}");
        (code, said, calls.lines().map(str::to_owned).collect())
    }
}

fn install(names: &[(&str, &str)]) -> Action {
    let change = |&(name, version): &(&str, &str)| PackageChange {
        name: name.to_owned(),
        installed: None,
        version: (!version.is_empty()).then(|| version.to_owned()),
        pinned: false,
    };
    Action::InstallPackages {
        family: Family::EnterpriseLinux,
        packages: names.iter().map(change).collect(),
        sources: Sources {
            only: vec!["base".to_owned()],
            ..Sources::default()
        },
    }
}

const OPTIONS: &str = "-y --setopt=exit_on_lock=True --setopt=timeout=20 --setopt=retries=3";

#[test]
fn one_transaction_brings_what_is_missing_and_leaves_what_is_there() {
    for shell in shells() {
        let node = Node::new(
            shell,
            &["echo 'etcd 3.5' >>\"$FOLDER/installed\"; echo Complete!"],
        )
        .has("patroni 4.1.0\n");
        let action = install(&[("etcd", ""), ("patroni", "3.3.2")]);
        let (code, said, calls) = node.perform(&action);
        assert_eq!(
            (code, said.as_str()),
            (
                0,
                "@mahout warn patroni-4.1.0 was installed meanwhile, and stays\nComplete!\n"
            ),
            "{shell:?}"
        );
        let expected = format!("{OPTIONS} --disablerepo=* --enablerepo=base install etcd");
        assert_eq!(calls, [expected], "{shell:?}");
        // Nothing is left to be done: dnf is not asked at all.
        let (code, _, calls) = node.perform(&action);
        assert_eq!((code, calls.len()), (0, 1), "{shell:?}");
    }
}

#[test]
fn the_lock_is_waited_for() {
    for shell in shells() {
        let busy = "echo 'Failed to obtain the transaction lock'; exit 200";
        // The other one's end cleans the cache of all packages.
        let cleaned =
            "echo \"[Errno 2] No such file or directory: '/var/cache/dnf/a/etcd.rpm'\"; exit 1";
        let done = "echo 'etcd 3.5' >>\"$FOLDER/installed\"";
        let node = Node::new(shell, &[busy, busy, cleaned, done]);
        let (code, said, calls) = node.perform(&install(&[("etcd", "3.5")]));
        assert_eq!((code, calls.len()), (0, 4), "{shell:?}: {said}");
        assert_eq!(said.matches("@mahout warn waits for dnf's lock").count(), 1);
        assert!(calls[3].ends_with(" install etcd-3.5"), "{calls:?}");
    }
}

#[test]
fn what_dnf_fails_with_is_told_in_the_line_that_says_it() {
    const PROBLEM: &str = "echo 'Error: '; echo ' Problem: conflicting requests'; \
        echo '  - nothing provides python3.12-click needed by patroni-4.1.0-3PGDG.noarch'; \
        echo \"(try to add '--skip-broken' to skip uninstallable packages)\"; exit 1";
    for shell in shells() {
        for (answer, line) in [
            (
                "echo 'Package x.rpm is not signed'; echo 'Error: GPG check FAILED'; exit 1",
                "Package x.rpm is not signed",
            ),
            (
                "echo 'Error: GPG check FAILED'; exit 1",
                "Error: GPG check FAILED",
            ),
            (
                PROBLEM,
                "  - nothing provides python3.12-click needed by patroni-4.1.0-3PGDG.noarch",
            ),
            (
                "echo \"Error: Failed to download metadata for repo 'pgdg13': Cannot prepare \
                 internal mirrorlist\"; echo; exit 1",
                "Error: Failed to download metadata for repo 'pgdg13': Cannot prepare internal \
                 mirrorlist",
            ),
            (
                "echo 'All matches were filtered out by modular filtering for argument: x'; \
                 echo 'Error: Unable to find a match: x'; exit 1",
                "All matches were filtered out by modular filtering for argument: x",
            ),
            ("exit 1", ""),
        ] {
            let node = Node::new(shell, &[answer]);
            let (code, said, _) = node.perform(&install(&[("etcd", "")]));
            assert_eq!(code, 1, "{shell:?}: {said}");
            assert_eq!(said.lines().last().unwrap_or_default(), line, "{shell:?}");
        }
        // yum ends well if only some of the packages were found.
        let node = Node::new(shell, &["echo 'No package etcd available.'"]);
        let (code, said, _) = node.perform(&install(&[("etcd", "")]));
        assert_eq!(code, 1, "{shell:?}");
        assert!(said.ends_with("etcd was not installed\n"), "{said}");
    }
}

#[test]
fn a_package_that_has_gone_is_looked_for_once_more() {
    for shell in shells() {
        let gone = "echo '[MIRROR] etcd.rpm: Status code: 404 for https://a/etcd-3.5.x86_64.rpm'; \
                    exit 1";
        let done = "echo 'etcd 3.5.1' >>\"$FOLDER/installed\"";
        let node = Node::new(shell, &[gone, ":", done]);
        let (code, said, calls) = node.perform(&install(&[("etcd", "")]));
        assert_eq!(code, 0, "{shell:?}: {said}");
        assert!(calls[1].ends_with("clean expire-cache"), "{calls:?}");
        let node = Node::new(shell, &[gone, ":", gone]);
        let (code, said, _) = node.perform(&install(&[("etcd", "")]));
        assert_eq!(code, 1, "{shell:?}: {said}");
        assert!(
            said.lines()
                .last()
                .expect("a line")
                .contains("Status code: 404")
        );
    }
}

#[test]
fn the_key_comes_first_and_the_package_is_checked_with_it() {
    for shell in shells() {
        let pgdg = |architecture: &str| Action::AddRepository {
            repository: Repository::Pgdg {
                release: 9,
                architecture: architecture.to_owned(),
            },
        };
        let done = "echo 'pgdg-redhat-repo 42' >>\"$FOLDER/installed\"";
        let node = Node::new(shell, &[done]);
        let (code, said, calls) = node.perform(&pgdg("x86_64"));
        assert_eq!((code, said.as_str()), (0, ""), "{shell:?}");
        let url = "https://download.postgresql.org/pub/repos/yum";
        assert_eq!(
            calls,
            [
                format!("import key of {url}/keys/PGDG-RPM-GPG-KEY-RHEL"),
                format!(
                    "{OPTIONS} --disablerepo=* --setopt=localpkg_gpgcheck=True install \
                     {url}/reporpms/EL-9-x86_64/pgdg-redhat-repo-latest.noarch.rpm"
                ),
            ],
            "{shell:?}"
        );
        let refused = "echo 'Package x is not signed'; echo 'Error: GPG check FAILED'; exit 1";
        let (code, said, calls) = Node::new(shell, &[refused]).perform(&pgdg("aarch64"));
        assert_eq!(code, 1, "{shell:?}: {said}");
        assert!(
            calls[0].ends_with("/PGDG-RPM-GPG-KEY-AARCH64-RHEL"),
            "{calls:?}"
        );
    }
}

#[test]
fn a_module_that_is_not_there_need_not_be_disabled() {
    let action = Action::DisableModule {
        module: "postgresql".to_owned(),
        sources: Sources {
            without: vec!["pgdg13".to_owned()],
            ..Sources::default()
        },
    };
    for shell in shells() {
        for (answer, code) in [
            ("exit 0", 0),
            ("echo 'missing groups or modules: postgresql'; exit 1", 0),
            ("echo 'Error: Cannot download repomd.xml'; exit 1", 1),
        ] {
            let (ended, said, calls) = Node::new(shell, &[answer]).perform(&action);
            assert_eq!(ended, code, "{shell:?}: {said}");
            assert_eq!(
                calls,
                [format!(
                    "{OPTIONS} -q --disablerepo=pgdg13 module disable postgresql"
                )]
            );
        }
    }
}
