//! The programs of the machine that the lab runs.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::error::LabError;

/// How much of a failed program's last words goes into the error.
const LAST_LINES: usize = 12;

/// Runs `command` to its end and returns its stdout; `what` begins the error's message.
pub(super) fn run(what: &str, command: &mut Command) -> Result<String, LabError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(what, format!("{}: {error}", name(command))))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failed(what, last_words(command, &output)))
    }
}

/// Runs `command` to its end and hands on each line of what it says, stdout and stderr together.
pub(super) fn run_with_lines(
    what: &str,
    command: &mut Command,
    on_line: &mut dyn FnMut(&str),
) -> Result<(), LabError> {
    let io = |error: std::io::Error| failed(what, error.to_string());
    let (reader, writer) = std::io::pipe().map_err(io)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(io)?)
        .stderr(writer)
        .spawn()
        .map_err(|error| failed(what, format!("{}: {error}", name(command))))?;
    // The command keeps our ends of the pipe open, and reading would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut said = Vec::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line.map_err(io)?)
            .trim_end()
            .to_owned();
        on_line(&line);
        said.push(line);
    }
    let status = child.wait().map_err(io)?;
    if status.success() {
        return Ok(());
    }
    let last = said.len().saturating_sub(LAST_LINES);
    Err(failed(
        what,
        format!("{status}\n  {}", said[last..].join("\n  ")),
    ))
}

/// A command that ends with us, however we end.
pub(super) fn mortal(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command.env("LC_ALL", "C.UTF-8");
    command
}

/// A command whose whole tree of processes ends with us, however we end, and takes the mounts it
/// made along: builds leave nothing but a folder behind.
pub(super) fn contained(program: impl AsRef<OsStr>) -> Command {
    let mut command = mortal("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child=KILL"]);
    command.arg("--mount-proc").arg(program);
    command
}

/// Whether a program of that name is in a folder for programs.
pub(super) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| Path::new(&folder).join(program).is_file())
}

fn failed(what: &str, cause: String) -> LabError {
    LabError::Program {
        what: what.to_owned(),
        cause,
    }
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn last_words(command: &Command, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.trim().lines().collect();
    match lines[..] {
        [] => format!("{}: {}", name(command), output.status),
        [one] => one.to_owned(),
        _ => lines[lines.len().saturating_sub(LAST_LINES)..].join("\n  "),
    }
}
