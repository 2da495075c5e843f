//! The wrapping, run by every shell of this machine that a node may have.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::super::answer::{Stage, Stderr, Stdout};
use super::*;

const NONCE: &str = "n0nce";

/// A folder whose `sh` is one of the shells, to stand first in PATH.
fn shells() -> Vec<(&'static str, TempDir)> {
    let candidates = [
        ("dash", "/bin/dash"),
        ("bash", "/bin/bash"),
        ("busybox", "/bin/busybox"),
        ("busybox", "/usr/bin/busybox"),
    ];
    let found = candidates
        .into_iter()
        .filter(|(_, path)| Path::new(path).exists());
    let shells: Vec<_> = found
        .map(|(name, path)| {
            let folder = tempfile::tempdir().expect("a folder");
            std::os::unix::fs::symlink(path, folder.path().join("sh")).expect("a link");
            (name, folder)
        })
        .collect();
    assert!(!shells.is_empty(), "this machine has no shell");
    shells
}

/// Makes a program of `folder`.
fn program(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a mode");
}

fn command(script: &str, effect: Effect, timeout: Duration) -> Command {
    Command {
        title: "test".to_owned(),
        script: Secret::new(script),
        input: None,
        keeps_stdout: true,
        effect,
        timeout,
    }
}

fn start(folder: &Path) -> Child {
    let path = std::env::var("PATH").expect("a PATH");
    std::process::Command::new("/bin/sh")
        .args(["-c", LOGIN])
        .env("PATH", format!("{}:{path}", folder.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell")
}

/// What `bytes` on the stdin of a login shell lead to.
fn run(folder: &Path, bytes: &[u8]) -> (Stage, String, String) {
    let mut child = start(folder);
    let mut stdin = child.stdin.take().expect("a pipe");
    // The shell may be gone before it has read all.
    let _ = stdin.write_all(bytes);
    drop(stdin);
    let output = child.wait_with_output().expect("an end");
    let mut stdout = Stdout::new(NONCE, true);
    stdout.push(&output.stdout, &mut |_| {});
    let mut stderr = Stderr::new(NONCE);
    stderr.push(&output.stderr);
    (stdout.stage(), stdout.into_text(), stderr.into_text())
}

fn bytes(command: &Command, password: Option<&str>) -> Vec<u8> {
    let wire = Wire::new(command, NONCE, password.map(Secret::new).as_ref());
    format!("{}{}", wire.head, wire.body).into_bytes()
}

fn until(condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > Duration::from_secs(10) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn code_output_and_errors_come_back_and_stdin_is_empty() {
    let script = "read -r line; cat; echo \"out $line\"; printf 'no newline'; echo err >&2; exit ";
    for (shell, folder) in shells() {
        for effect in [Effect::ReadOnly, Effect::Changes] {
            for code in [0, 1, 126, 127, 255] {
                let command = command(&format!("{script}{code}"), effect, LONG);
                let seen = run(folder.path(), &bytes(&command, None));
                let wanted = (
                    Stage::Ended(code),
                    "out \nno newline".into(),
                    "err\n".into(),
                );
                assert_eq!(seen, wanted, "{shell} {effect:?}");
            }
        }
    }
}

#[test]
fn a_script_that_was_cut_does_not_run_wherever_it_was_cut() {
    for (shell, folder) in shells() {
        let trace = folder.path().join("trace");
        let script = format!(
            "touch {0}\ncat <<'EOF' >>{0}\nsome text\nEOF\n: done",
            trace.display()
        );
        for effect in [Effect::ReadOnly, Effect::Changes] {
            let bytes = bytes(&command(&script, effect, LONG), None);
            let whole = bytes.len() - 1; // the last newline says nothing
            let lengths = (0..whole).filter(|length| length % 17 == 0 || *length > whole - 40);
            for length in lengths {
                run(folder.path(), &bytes[..length]);
                assert!(!trace.exists(), "{shell} ran {length} of {whole} bytes");
            }
            let (stage, ..) = run(folder.path(), &bytes[..whole]);
            assert_eq!(stage, Stage::Ended(0), "{shell}");
            std::fs::remove_file(&trace).expect("it ran");
        }
    }
}

#[test]
fn an_input_is_the_scripts_alone_and_a_script_that_was_cut_before_it_does_not_run() {
    let script = "cat; printf 'and %s' \"$(cat)\"; exit 3";
    for (shell, folder) in shells() {
        for effect in [Effect::ReadOnly, Effect::Changes] {
            for password in [None, Some("hunter2")] {
                program(folder.path(), "id", "echo 0");
                let mut command = command(script, effect, LONG);
                command.input = Some(tempfile::tempfile().expect("a file").into());
                let wire = bytes(&command, password);
                let with = |input: &[u8]| run(folder.path(), &[&wire, input].concat());
                let answer = |text: &str| (Stage::Ended(3), text.to_owned(), String::new());
                assert_eq!(with(b"exit\n}\n"), answer("exit\n}\nand "), "{shell}");
                assert_eq!(with(b""), answer("and "), "{shell}");
                let cut = run(folder.path(), &wire[..wire.len() - 1]);
                assert_eq!(cut.0, Stage::Before, "{shell}");
            }
        }
    }
}

#[test]
fn a_changing_script_runs_to_its_end_when_nobody_reads() {
    for (shell, folder) in shells() {
        let trace = folder.path().join("trace");
        let script = format!(
            "set -e\ni=0\nwhile [ $i -lt 20000 ]; do echo line $i; echo err $i >&2; i=$((i+1)); done\n\
             yes | head -1 >/dev/null\ntouch {}",
            trace.display()
        );
        let mut child = start(folder.path());
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin
            .write_all(&bytes(&command(&script, Effect::Changes, LONG), None))
            .expect("read");
        drop(stdin);
        let mut some = [0; 100];
        child
            .stdout
            .take()
            .expect("a pipe")
            .read_exact(&mut some)
            .expect("output");
        drop(child.stderr.take());
        assert!(
            until(|| trace.exists()),
            "{shell} did not finish the script"
        );
        child.wait().expect("an end");
    }
}

/// Whether the process runs; one that has ended and was not waited for has no program any more.
fn is_running(pid: &str) -> bool {
    std::fs::read_link(Path::new("/proc").join(pid).join("exe")).is_ok()
}

#[test]
fn the_node_ends_a_read_only_script_with_all_its_processes() {
    // In the end it waits; or it has processes behind it that do not hear SIGTERM; or it does not
    // hear it itself. `sleep 40`, so that a failure does not last for ever.
    let endings = [
        "sleep 40",
        "(trap '' TERM; exec sleep 40) & note $!; sleep 40",
        "trap '' TERM; sleep 40 & note $!; sleep 40; sleep 40",
    ];
    let shells = shells();
    let place = tempfile::tempdir().expect("a folder");
    std::thread::scope(|threads| {
        for (shell, folder) in &shells {
            for timeout in ["/usr/bin/timeout", "/nonexistent"] {
                for (number, ending) in endings.into_iter().enumerate() {
                    let what = format!("{shell}{}-{number}", timeout.replace('/', "-"));
                    let pids = place.path().join(&what);
                    threads.spawn(move || end_by_the_node(folder, timeout, ending, &pids, &what));
                }
            }
        }
    });
}

fn end_by_the_node(folder: &TempDir, timeout: &str, ending: &str, pids: &Path, what: &str) {
    let script = format!(
        "note() {{ echo $1 >>{}; }}; sleep 40 & note $!; {ending}",
        pids.display()
    );
    let command = command(&script, Effect::ReadOnly, Duration::from_secs(2));
    let wire = String::from_utf8(bytes(&command, None))
        .expect("text")
        .replace("/usr/bin/timeout", timeout)
        .replace("-k 5 ", "-k 0.2 ")
        .replace("sleep 5;", "sleep 0.2;");
    let start = Instant::now();
    let (stage, ..) = run(folder.path(), wire.as_bytes());
    assert_eq!(stage, Stage::Inside, "{what}");
    assert!(start.elapsed() < Duration::from_secs(30), "{what}");
    for pid in std::fs::read_to_string(pids).expect("it began").lines() {
        assert!(until(|| !is_running(pid)), "{what}: {pid} lives on");
    }
}

#[test]
fn a_script_that_ends_in_time_leaves_no_watch_behind() {
    for (shell, folder) in shells() {
        let command = command("echo done", Effect::ReadOnly, Duration::from_secs(30));
        let wire = String::from_utf8(bytes(&command, None)).expect("text");
        let wire = wire
            .replace("/usr/bin/timeout", "/nonexistent")
            .replace("sleep 30", "sleep 30.25");
        let (stage, text, _) = run(folder.path(), wire.as_bytes());
        assert_eq!(
            (stage, text.as_str()),
            (Stage::Ended(0), "done\n"),
            "{shell}"
        );
        let watches = || {
            let all = std::fs::read_dir("/proc").expect("processes").flatten();
            all.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
                .any(|line| line.starts_with(b"sleep\x0030.25\0"))
        };
        assert!(until(|| !watches()), "{shell}");
    }
}

#[test]
fn a_sudo_password_is_swallowed_where_sudo_does_not_ask_for_it() {
    for (shell, folder) in shells() {
        let command = command("echo I am root", Effect::Changes, LONG);
        let wire = bytes(&command, Some("echo hunter2"));
        let root = (Stage::Ended(0), "I am root\n".to_owned(), String::new());
        program(folder.path(), "id", "echo 0");
        assert_eq!(run(folder.path(), &wire), root, "{shell}, a root login");

        program(folder.path(), "id", "echo 1000");
        program(
            folder.path(),
            "sudo",
            "while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"",
        );
        assert_eq!(run(folder.path(), &wire), root, "{shell}, NOPASSWD");
        let without = bytes(&command, None);
        assert_eq!(
            run(folder.path(), &without),
            root,
            "{shell}, NOPASSWD, none given"
        );

        program(
            folder.path(),
            "sudo",
            "IFS= read -r p; [ \"$p\" = 'echo hunter2' ] || exit 1; [ \"$1\" = -S ] || exit 1\n\
             while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"",
        );
        assert_eq!(run(folder.path(), &wire), root, "{shell}, sudo asks");
    }
}
