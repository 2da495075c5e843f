//! Streams that are closed, full, or no terminal.

use std::fs;
use std::process::{Command, Stdio};

use super::{Shell, THREE, said};

#[test]
fn a_closed_stdout_is_141_and_no_panic() {
    let shell = Shell::with(format!("{THREE}scop: x\n"));
    let sound = Shell::with(THREE);
    for (shell, arguments) in [
        (&shell, &["check"][..]),
        (&shell, &["check", "--output", "json"]),
        (&sound, &["check"]),
        (&sound, &["schema"]),
        (&sound, &["render", "--to", "out"]),
        (&sound, &["init", "new.yml"]),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = shell
            .command(arguments)
            .stdout(writer)
            .output()
            .expect("mahout runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(141), "{arguments:?} {stderr}");
        assert!(!stderr.contains("panicked"), "{arguments:?} {stderr}");
    }
}

#[test]
fn a_closed_stderr_changes_no_exit_code() {
    let shell = Shell::new();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = shell
        .command(&["check"])
        .stderr(writer)
        .status()
        .expect("mahout runs");
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_full_disk_is_told() {
    let Ok(full) = fs::File::options().write(true).open("/dev/full") else {
        return;
    };
    let shell = Shell::with(THREE);
    let output = shell
        .command(&["check"])
        .stdout(full)
        .output()
        .expect("mahout runs");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("cannot write the answer"), "{stderr}");
}

#[test]
fn a_question_that_nobody_can_answer_is_told() {
    // `trust` asks before it connects to anything only if there is something new, so the
    // password of sudo is what needs no node.
    let shell = Shell::with(THREE);
    let mut command = Command::new("setsid");
    command
        .arg("--wait")
        .arg(env!("CARGO_BIN_EXE_mahout"))
        .args(["facts", "--ask-sudo-password"])
        .current_dir(shell.0.path())
        .stdin(Stdio::null());
    let said = said(&mut command);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(
        said.stderr.contains("cannot ask for the password"),
        "{}",
        said.stderr
    );
}
