//! A node for unit tests: a folder of this machine, on which the real scripts run in a real shell.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::transport::{Command, Output, Transport, TransportError};

/// The shells that a node's `sh` can be; of `busybox` only where it is installed.
pub(super) fn shells() -> Vec<&'static [&'static str]> {
    let all: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];
    let installed = |shell: &&[&str]| {
        let mut paths = ["/bin", "/usr/bin"].iter();
        paths.any(|folder| Path::new(folder).join(shell[0]).exists())
    };
    all.into_iter().filter(installed).collect()
}

/// Stands for `/run` and, in scripts that name it, for `/proc/sys`.
pub(super) struct LocalNode {
    folder: TempDir,
    shell: &'static [&'static str],
    /// What was run, in order.
    titles: Mutex<Vec<String>>,
}

impl LocalNode {
    pub(super) fn new(shell: &'static [&'static str]) -> Self {
        Self {
            folder: TempDir::with_prefix("mahout-node-").expect("a folder"),
            shell,
            titles: Mutex::default(),
        }
    }

    /// Where a path of the node is on this machine.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.folder.path().display())
    }

    pub(super) fn titles(&self) -> Vec<String> {
        self.titles.lock().expect("the titles").clone()
    }

    /// Runs shell text as a step would be run.
    pub(super) fn sh(&self, script: &str) -> (i32, String) {
        let mut command = self.command(script);
        let output = command.stdin(Stdio::null()).output().expect("a shell");
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap_or(-1), text)
    }

    /// Programs of its own stand in /bin, and find it by $FOLDER.
    fn command(&self, script: &str) -> std::process::Command {
        let path = std::env::var("PATH").expect("a PATH");
        let mut command = std::process::Command::new(self.shell[0]);
        command
            .args(&self.shell[1..])
            .args(["-c", &self.here(script)])
            .env("PATH", format!("{}:{path}", self.path("/bin")))
            .env("FOLDER", self.folder.path());
        command
    }

    /// Makes a program of its own.
    pub(super) fn program(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path("/bin")).expect("a folder");
        let path = self.path(&format!("/bin/{name}"));
        fs::write(&path, text).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    fn here(&self, script: &str) -> String {
        script
            .replace("/run/mahout", &self.path("/run/mahout"))
            .replace("/var/log/mahout", &self.path("/var/log/mahout"))
            .replace("/var/cache/dnf", &self.path("/var/cache/dnf"))
            .replace("/proc/sys", &self.path("/proc/sys"))
            .replace("/usr/sbin/policy-rc.d", &self.path("/policy-rc.d"))
    }
}

impl Transport for LocalNode {
    async fn exec(
        &self,
        command: &Command,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Output, TransportError> {
        self.titles
            .lock()
            .expect("the titles")
            .push(command.title.clone());
        // Each reads from the begin.
        let input = command.input.as_ref().map_or(Stdio::null(), |file| {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            Stdio::from(fs::File::open(path).expect("the input"))
        });
        let mut child = tokio::process::Command::from(self.command(command.script.expose()))
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut stdout = String::new();
        while let Some(line) = lines.next_line().await.expect("a line") {
            on_line(&line);
            stdout.push_str(&line);
            stdout.push('\n');
        }
        let code = child.wait().await.expect("its end").code().unwrap_or(-1);
        Ok(Output {
            code,
            stdout,
            stderr: String::new(),
        })
    }
}
