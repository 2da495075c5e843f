//! The command line, through the binary: exit codes, messages, files.

mod json;
mod record;
mod render;
mod secrets;
mod streams;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const THREE: &str = "scope: main\nclients: [10.0.9.0/24]\nnodes:\n  pg-1: { address: 10.0.0.11 }\n  \
    pg-2: { address: 10.0.0.12 }\n  pg-3: { address: 10.0.0.13 }\n";

struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

/// `mahout` in a folder of its own.
struct Shell(TempDir);

impl Shell {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn with(inventory: impl AsRef<[u8]>) -> Self {
        let shell = Self::new();
        fs::write(shell.path("inventory.yml"), inventory).expect("written");
        shell
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mahout"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("MAHOUT_INVENTORY")
            .env_remove("MAHOUT_VAULT_IDENTITY")
            .env("XDG_CONFIG_HOME", self.0.path().join("configuration"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        said(&mut self.command(arguments))
    }

    #[track_caller]
    fn exits(&self, code: i32, arguments: &[&str]) -> Said {
        let said = self.run(arguments);
        assert_eq!(
            said.code, code,
            "{arguments:?}\n{}\n{}",
            said.stdout, said.stderr
        );
        said
    }
}

fn said(command: &mut Command) -> Said {
    let output = command.output().expect("mahout runs");
    let said = Said {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    said
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o777
}

#[test]
fn init_writes_what_passes_check_and_overwrites_nothing() {
    let shell = Shell::new();
    let first = shell.exits(0, &["init"]);
    assert!(
        first.stdout.contains("mahout check -i inventory.yml"),
        "{}",
        first.stdout
    );
    let written = fs::read(shell.path("inventory.yml")).expect("written");
    let checked = shell.exits(0, &["check"]);
    assert!(
        checked.stdout.contains("cluster main of 3 nodes"),
        "{}",
        checked.stdout
    );
    assert_eq!(checked.stderr, "");

    let second = shell.exits(2, &["init"]);
    assert!(
        second.stderr.contains("error: inventory.yml: "),
        "{}",
        second.stderr
    );
    assert!(second.stderr.contains("exists"), "{}", second.stderr);
    assert_eq!(
        fs::read(shell.path("inventory.yml")).expect("still there"),
        written
    );

    shell.exits(0, &["init", "other.yml"]);
    shell.exits(0, &["check", "-i", "other.yml"]);
    shell.exits(2, &["init", "no/such/folder.yml"]);
}

#[test]
fn check_tells_all_problems_and_exits_with_2() {
    let shell = Shell::with(format!("{THREE}scop: x\npostgresql: {{ port: 0 }}\n"));
    let said = shell.exits(2, &["check"]);
    for words in ["scop", "port"] {
        assert!(said.stdout.contains(words), "{}", said.stdout);
    }
    assert_eq!(said.stderr, "", "everything was said already");
}

#[test]
fn an_inventory_comes_from_the_option_or_the_environment() {
    let shell = Shell::new();
    fs::write(shell.path("other.yml"), THREE).expect("written");
    fs::write(shell.path("broken.yml"), "nodes: 1\n").expect("written");
    shell.exits(0, &["-i", "other.yml", "check"]);
    shell.exits(0, &["check", "--inventory", "other.yml"]);
    let from_environment = said(
        shell
            .command(&["check"])
            .env("MAHOUT_INVENTORY", "other.yml"),
    );
    assert_eq!(from_environment.code, 0, "{}", from_environment.stderr);
    let option_wins = said(
        shell
            .command(&["check", "-i", "other.yml"])
            .env("MAHOUT_INVENTORY", "broken.yml"),
    );
    assert_eq!(option_wins.code, 0, "{}", option_wins.stderr);
}

#[test]
fn files_that_are_no_inventory_are_refused_in_words() {
    let huge = format!("scope: main\n#{}\n", "x".repeat(10 << 20));
    let cases: [(&[u8], &str); 5] = [
        (b"", "empty"),
        (b"\n# nothing\n", "empty"),
        (huge.as_bytes(), "MiB"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0", ""),
        (b"scope: caf\xe9\n", "UTF-8"),
    ];
    for (bytes, words) in cases {
        let shell = Shell::with(bytes);
        for verb in ["check", "render", "deploy", "verify"] {
            let said = shell.exits(2, &[verb]);
            let all = said.stdout + &said.stderr;
            assert!(all.contains("inventory.yml"), "{verb}: {all}");
            assert!(
                all.to_lowercase().contains(&words.to_lowercase()),
                "{verb}: {all}"
            );
            assert!(all.len() < 4000, "{verb}: {} bytes", all.len());
        }
    }
}

#[test]
fn a_missing_inventory_and_a_directory_are_told_with_a_way_out() {
    let shell = Shell::new();
    for verb in [
        "check", "render", "deploy", "diff", "verify", "status", "facts", "trust",
    ] {
        let said = shell.exits(2, &[verb]);
        assert!(
            said.stderr.contains("inventory.yml"),
            "{verb}: {}",
            said.stderr
        );
        assert!(
            said.stderr.contains("mahout init"),
            "{verb}: {}",
            said.stderr
        );
    }
    fs::create_dir(shell.path("inventory.yml")).expect("a folder");
    let said = shell.exits(2, &["check"]);
    assert!(said.stderr.contains("folder"), "{}", said.stderr);
}

#[test]
fn a_record_that_is_none_is_told() {
    let shell = Shell::with(THREE);
    shell.exits(2, &["diff", "--facts", "nowhere.json"]);
    fs::write(shell.path("record.json"), "{\"nodes\": 1").expect("written");
    let said = shell.exits(2, &["diff", "--facts", "record.json"]);
    assert!(said.stderr.contains("record.json"), "{}", said.stderr);
}

#[test]
fn a_record_without_nodes_is_refused_by_preflight() {
    let shell = Shell::with(THREE);
    let empty = mahout::facts::Facts::default();
    let file = fs::File::create(shell.path("record.json")).expect("a file");
    mahout::facts::record::write(&empty, file).expect("written");
    let said = shell.exits(3, &["diff", "--facts", "record.json"]);
    assert!(
        said.stderr.contains("pg-1: nothing is known of this node"),
        "{}",
        said.stderr
    );
}

#[test]
fn options_that_belong_together_are_demanded() {
    let shell = Shell::with(THREE);
    for arguments in [
        &["deploy", "--exit-code"][..],
        &["adopt", "--exit-code"],
        &["adopt", "--suggest", "--yes"],
        &["adopt", "--facts", "record.json"],
        &["deploy", "--facts", "record.json"],
        &["deploy", "--dry-run", "--yes", "--no-such"],
        &["no-such-verb"],
        &[],
        &["check", "--output", "xml"],
        &["status", "--watch", "soon"],
    ] {
        let said = shell.exits(2, arguments);
        assert!(!said.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn nodes_that_cannot_be_reached_are_3_and_nothing_is_asked() {
    // Port 1 of the loopback refuses at once.
    let inventory = THREE.replace(" }", ", ssh: { destination: 127.0.0.1, port: 1 } }");
    let shell = Shell::with(inventory);
    for arguments in [
        &["deploy"][..],
        &["deploy", "--yes"],
        &["diff"],
        &["adopt", "--yes"],
        &["adopt", "--suggest"],
    ] {
        let said = shell.exits(3, arguments);
        assert!(said.stderr.contains("pg-1: "), "{}", said.stderr);
    }
    assert!(!shell.path("inventory.secrets.json").exists());
    // What the nodes do not say is not there, and is told.
    let said = shell.exits(3, &["facts", "--record", "record.json"]);
    assert!(said.stderr.contains("pg-3: "), "{}", said.stderr);
    let record = fs::metadata(shell.path("record.json")).expect("a record");
    assert_eq!(record.permissions().mode() & 0o777, 0o600);
}

#[test]
fn help_is_there_for_every_verb() {
    let shell = Shell::new();
    let top = shell.exits(0, &["--help"]).stdout;
    assert!(top.contains("Exit codes: 0 done"), "{top}");
    // One `-v` is all there is.
    assert!(!top.contains("twice"), "{top}");
    for verb in [
        "init", "check", "schema", "render", "trust", "facts", "deploy", "diff", "adopt", "verify",
        "status", "lab", "demo",
    ] {
        assert!(top.contains(&format!("  {verb} ")), "{verb} in {top}");
        let help = shell.exits(0, &[verb, "--help"]).stdout;
        assert!(help.contains("Usage: mahout"), "{help}");
        assert!(help.contains("--inventory <FILE>"), "{help}");
    }
    let lab = shell.exits(0, &["lab", "--help"]).stdout;
    let verbs = lab.lines().skip_while(|line| *line != "Commands:").skip(1);
    let verbs = verbs.map_while(|line| line.split_whitespace().next());
    for verb in verbs.filter(|verb| *verb != "help") {
        shell.exits(0, &["lab", verb, "--help"]);
    }
    let version = shell.exits(0, &["--version"]).stdout;
    assert_eq!(
        version.trim(),
        concat!("mahout ", env!("CARGO_PKG_VERSION"))
    );
}
