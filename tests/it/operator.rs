//! Lab nodes for tests, through the binary, as a user has them.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::nodes::{possible, remove};

/// What a program left behind.
pub(crate) struct Run {
    pub(crate) what: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn exits_with(&self, code: i32) {
        assert_eq!(self.code, code, "{self}");
    }

    #[track_caller]
    pub(crate) fn succeeds(&self) {
        self.exits_with(0);
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` exited with {}\nstdout:\n{}\nstderr:\n{}",
            self.what, self.code, self.stdout, self.stderr
        )
    }
}

/// With --nocapture, or when the test fails: where a long test spends its time.
#[expect(clippy::print_stderr)]
pub(crate) fn tell(what: &str) {
    eprintln!("{what}");
}

fn run(command: &mut Command, stdin: &str) -> Run {
    let what = format!("{command:?}");
    let begin = std::time::Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let stdin = stdin.to_owned();
    let writer = std::thread::spawn(move || {
        let _ = pipe.write_all(stdin.as_bytes());
    });
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer ends");
    tell(&format!("{:6.1} s  {what}", begin.elapsed().as_secs_f64()));
    Run {
        what: what.replace(env!("CARGO_BIN_EXE_mahout"), "mahout"),
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A program that runs; what it prints goes into files, to be read while it does.
pub(crate) struct Running {
    what: String,
    child: Child,
    stdout: PathBuf,
    pub(crate) stderr: PathBuf,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed on stdout so far.
    pub(crate) fn shown(&self) -> String {
        std::fs::read_to_string(&self.stdout).expect("its output")
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let kill = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(kill.expect("kill").success(), "{} has ended", self.what);
    }

    /// Waits for its end.
    pub(crate) fn ends(mut self) -> Run {
        let status = self.child.wait().expect("its end");
        let read = |path: &Path| std::fs::read_to_string(path).expect("its output");
        Run {
            code: status.code().unwrap_or(-1),
            stdout: read(&self.stdout),
            stderr: read(&self.stderr),
            what: self.what,
        }
    }
}

/// A lab that goes away with the test, also when it fails.
pub(crate) struct TestLab {
    name: String,
    folder: tempfile::TempDir,
}

/// Boots a lab, or says why the test is skipped; where CI=true that is a failure.
pub(crate) fn lab_or_skip(name: &str, suite: &str, image: &str, nodes: usize) -> Option<TestLab> {
    if !possible() {
        return None;
    }
    let lab = TestLab {
        name: crate::nodes::name(name),
        folder: tempfile::tempdir().expect("a folder"),
    };
    remove(&lab.name);
    let inventory = lab.inventory();
    let nodes = nodes.to_string();
    let run = lab.lab_run(&[
        "up",
        "--suite",
        suite,
        "--image",
        image,
        "--nodes",
        &nodes,
        "--yes",
        "--write-inventory",
        inventory.to_str().expect("a path"),
    ]);
    run.succeeds();
    Some(lab)
}

impl TestLab {
    fn inventory(&self) -> PathBuf {
        self.folder.path().join("inventory.yml")
    }

    /// Where the generated secrets are kept.
    pub(crate) fn secrets_file(&self) -> PathBuf {
        self.folder.path().join("inventory.vault")
    }

    /// The secrets of the inventory and their values, which the vault keeps.
    pub(crate) fn secrets(&self) -> Vec<(String, String)> {
        let list = self.mahout(&["secrets", "list", "--output", "json"]);
        list.succeeds();
        let lines = list.stdout.lines();
        lines
            .map(|line| {
                let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
                let name = entry["name"].as_str().expect("a name").to_owned();
                let value = self.secret(&name);
                (name, value)
            })
            .collect()
    }

    /// The value of one of them.
    pub(crate) fn secret(&self, name: &str) -> String {
        let shown = self.mahout(&["secrets", "show", name]);
        shown.succeeds();
        shown.stdout.trim_end().to_owned()
    }

    /// Where the nodes' host keys are on record.
    pub(crate) fn known_hosts_file(&self) -> PathBuf {
        let section = self.inventory_ssh_section();
        let rest = section.split_once("known_hosts_file: \"").expect("a file");
        PathBuf::from(rest.1.split_once('"').expect("its end").0)
    }

    /// The names of the nodes, in order.
    pub(crate) fn node_names(&self) -> Vec<String> {
        self.addresses().into_iter().map(|(name, _)| name).collect()
    }

    /// The address of a node.
    pub(crate) fn address(&self, node: &str) -> String {
        let found = self.addresses().into_iter().find(|(name, _)| name == node);
        found.expect("a node of the lab").1
    }

    fn addresses(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.inventory()).expect("the inventory");
        text.lines()
            .filter_map(|line| {
                let (name, rest) = line.strip_prefix("  ")?.split_once(':')?;
                let address = rest.split_once("address: ")?.1;
                let end = address.find([' ', ',', '}']).unwrap_or(address.len());
                Some((name.to_owned(), address[..end].to_owned()))
            })
            .collect()
    }

    /// The `ssh:` lines of the inventory that the lab wrote.
    pub(crate) fn inventory_ssh_section(&self) -> String {
        let text = std::fs::read_to_string(self.inventory()).expect("the inventory");
        let begin = text.find("\nssh:").expect("an ssh section") + 1;
        let end = text[begin..].find("\nnodes:").expect("nodes after it") + begin + 1;
        text[begin..end].to_owned()
    }

    pub(crate) fn append_to_inventory(&self, text: &str) {
        let mut whole = std::fs::read_to_string(self.inventory()).expect("the inventory");
        whole.push_str(text);
        std::fs::write(self.inventory(), whole).expect("the inventory is written");
    }

    /// The path of a file beside the inventory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Reads the inventory, or a file beside it.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("the file")
    }

    /// Writes a file beside the inventory.
    pub(crate) fn write(&self, name: &Path, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("the file is written");
    }

    /// `mahout` with the lab's inventory.
    pub(crate) fn mahout(&self, arguments: &[&str]) -> Run {
        self.mahout_with(Path::new("inventory.yml"), arguments)
    }

    /// `mahout` with another inventory beside it.
    pub(crate) fn mahout_with(&self, inventory: &Path, arguments: &[&str]) -> Run {
        run(&mut self.command(inventory, arguments), "")
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, mut command: Command) -> Run {
        run(&mut command, "")
    }

    /// As [`TestLab::run`], by another operator, with a state of their own.
    pub(crate) fn run_as(&self, name: &str, mut command: Command) -> Run {
        command
            .env_remove("SUDO_USER")
            .env("LOGNAME", name)
            .env("XDG_STATE_HOME", self.file(name));
        self.run(command)
    }

    /// Begins `mahout` with the lab's inventory.
    pub(crate) fn mahout_begins(&self, arguments: &[&str]) -> Running {
        self.begins(Path::new("inventory.yml"), arguments)
    }

    /// Begins `mahout` with another inventory beside it.
    pub(crate) fn begins(&self, inventory: &Path, arguments: &[&str]) -> Running {
        let mut command = self.command(inventory, arguments);
        let file = |name: &str| {
            let path = self.file(name);
            let file = std::fs::File::create(&path).expect("a file");
            (path, file)
        };
        let (stdout, out) = file("stdout");
        let (stderr, err) = file("stderr");
        let what = format!("{command:?}");
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        Running {
            what,
            child: child.expect("the program starts"),
            stdout,
            stderr,
        }
    }

    /// `mahout` with the lab's inventory, whose stdout nobody reads.
    pub(crate) fn mahout_unread(&self, arguments: &[&str]) -> Run {
        let mut command = self.command(Path::new("inventory.yml"), arguments);
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = piped.stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        Run {
            what: format!("{command:?}"),
            code: output.status.code().unwrap_or(-1),
            stdout: String::new(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `mahout` with that inventory, not begun yet.
    pub(crate) fn command(&self, inventory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mahout"));
        command
            .arg("--inventory")
            .arg(self.folder.path().join(inventory))
            .args(arguments)
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"));
        command
    }

    /// Awaits the end of every node's boot and stops the timers: SSH answers while units still
    /// start, and what is compared afterwards must not move by itself.
    #[track_caller]
    pub(crate) fn is_quiet(&self) {
        for node in self.node_names() {
            let run = self.on(
                &node,
                "timeout 60 systemctl is-system-running --wait; systemctl stop '*.timer'",
            );
            run.succeeds();
            // Degraded is a container that cannot load kernel modules.
            let state = run.stdout.trim();
            assert!(["running", "degraded"].contains(&state), "{node}: {run}");
        }
    }

    /// A script on a node, as root.
    pub(crate) fn on(&self, node: &str, script: &str) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mahout"));
        command.args(["lab", "exec", "--name", &self.name, node, "sh", "-s"]);
        run(&mut command, script)
    }

    /// `mahout lab …` that must succeed.
    pub(crate) fn lab(&self, arguments: &[&str]) {
        self.lab_run(arguments).succeeds();
    }

    fn lab_run(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mahout"));
        let (verb, rest) = arguments.split_first().expect("a verb");
        command.args(["lab", verb, "--name", &self.name]).args(rest);
        run(&mut command, "")
    }
}

impl Drop for TestLab {
    fn drop(&mut self) {
        remove(&self.name);
    }
}
