//! `mahout secrets`, through the binary: no node is asked.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use super::{Said, Shell, THREE, mode};

/// A folder with an inventory whose identity is in it.
fn shell() -> Shell {
    Shell::with(format!("{THREE}vault: {{ identity: identity.txt }}\n"))
}

fn with_stdin(shell: &Shell, arguments: &[&str], text: &str) -> Said {
    let mut command = shell.command(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A shell script that takes the editor's place.
fn editor(shell: &Shell, script: &str) -> String {
    let path = shell.path("editor");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("chmod");
    path.display().to_string()
}

#[test]
fn a_value_of_ones_own_is_set_and_shown_and_never_told_otherwise() {
    let shell = shell();
    let said = with_stdin(&shell, &["secrets", "set", "superuser"], "correct horse\n");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(mode(&shell.path("inventory.vault")), 0o600);
    assert_eq!(mode(&shell.path("identity.txt")), 0o600);
    assert!(said.stderr.contains("keep a copy"), "{}", said.stderr);
    assert!(!format!("{}{}", said.stdout, said.stderr).contains("horse"));
    let said = shell.exits(0, &["secrets", "show", "superuser"]);
    assert_eq!(said.stdout, "correct horse\n");
    let said = shell.exits(0, &["secrets", "list"]);
    assert!(said.stdout.contains("superuser"), "{}", said.stdout);
    assert!(!said.stdout.contains("horse"), "{}", said.stdout);
    for line in shell
        .exits(0, &["secrets", "list", "--output", "json"])
        .stdout
        .lines()
    {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(entry["kept"], entry["name"] == "superuser", "{entry}");
    }
    // What is no secret is refused, and nothing changes.
    let before = fs::read(shell.path("inventory.vault")).expect("bytes");
    for (name, value) in [
        ("superuser", "postgres"),
        ("nobody", "correct horse"),
        ("superuser", ""),
    ] {
        let said = with_stdin(&shell, &["secrets", "set", name], value);
        assert_eq!(said.code, 2, "{name} {value}: {}", said.stdout);
    }
    shell.exits(2, &["secrets", "show", "restapi"]);
    assert_eq!(
        fs::read(shell.path("inventory.vault")).expect("bytes"),
        before
    );
}

#[test]
fn the_editor_sees_a_file_that_is_gone_afterwards() {
    let shell = shell();
    with_stdin(&shell, &["secrets", "set", "superuser"], "correct horse\n");
    let run = |script: &str| {
        let mut command = shell.command(&["secrets", "edit"]);
        command
            .env("EDITOR", editor(&shell, script))
            .env_remove("VISUAL")
            .env("XDG_RUNTIME_DIR", shell.path(""));
        super::said(&mut command)
    };
    let said = run("stat -c '%a %n' \"$1\" \"${1%/*}\"; sed -i 's/horse/zebra/' \"$1\"");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let modes: Vec<&str> = said.stdout.lines().map(|line| &line[..3]).collect();
    assert_eq!(modes[..2], ["600", "700"], "{}", said.stdout);
    assert!(!said.stdout.contains("zebra"), "{}", said.stdout);
    let shown = shell.exits(0, &["secrets", "show", "superuser"]);
    assert_eq!(shown.stdout, "correct zebra\n");
    // A mistake, an editor that fails, one that is interrupted: the value stays, no file does.
    for script in ["echo x >\"$1\"", "exit 1", "kill -INT $PPID; rm \"$1\""] {
        let said = run(script);
        assert_eq!(said.code, 2, "{script}: {}", said.stdout);
        let left = fs::read_dir(shell.path("")).expect("the folder");
        let names: Vec<String> = left
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| name.starts_with("mahout-"))
            .collect();
        assert!(names.is_empty(), "{script}: {names:?}");
    }
    let shown = shell.exits(0, &["secrets", "show", "superuser"]);
    assert_eq!(shown.stdout, "correct zebra\n");
}

#[test]
fn a_second_operator_is_let_in() {
    let (one, other) = (shell(), shell());
    for shell in [&one, &other] {
        with_stdin(shell, &["secrets", "set", "superuser"], "correct horse\n");
    }
    let list = other.exits(0, &["secrets", "list"]).stdout;
    let recipient = list
        .lines()
        .find_map(|line| line.trim().strip_prefix("for "))
        .expect("a reader");
    let take = || {
        let from = one.path("inventory.vault");
        fs::copy(from, other.path("inventory.vault")).expect("copied");
    };
    take();
    let said = other.exits(2, &["secrets", "show", "superuser"]);
    assert!(
        said.stderr.contains("secrets rekey --add"),
        "{}",
        said.stderr
    );
    one.exits(0, &["secrets", "rekey", "--add", recipient]);
    take();
    other.exits(0, &["secrets", "show", "superuser"]);
    one.exits(0, &["secrets", "rekey", "--remove", recipient]);
    take();
    other.exits(2, &["secrets", "show", "superuser"]);
    let said = one.exits(2, &["secrets", "rekey", "--passphrase", "hunter2hunter2"]);
    assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
}

#[test]
fn whoever_kills_it_while_it_writes_loses_nothing() {
    let shell = shell();
    with_stdin(&shell, &["secrets", "set", "superuser"], "value number 0\n");
    for round in 1..=20_u32 {
        let mut command = shell.command(&["secrets", "set", "superuser"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let _ = stdin.write_all(format!("value number {round}\n").as_bytes());
        drop(stdin);
        std::thread::sleep(std::time::Duration::from_millis(u64::from(round * 3)));
        let _ = child.kill();
        child.wait().expect("it ends");
        let shown = shell.exits(0, &["secrets", "show", "superuser"]).stdout;
        let number: u32 = shown
            .trim_end()
            .strip_prefix("value number ")
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("{shown}"));
        assert!(number <= round, "{shown}");
    }
    // What was left behind is cleared away by the next one that writes.
    with_stdin(&shell, &["secrets", "set", "superuser"], "correct horse\n");
    let files = fs::read_dir(shell.path("")).expect("the folder");
    for entry in files {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        assert!(
            !name.ends_with(".new") && !name.ends_with(".lock"),
            "{name}"
        );
    }
}
