//! What a person at a terminal of 80 columns is asked and shown, on a real node; with a user who
//! needs a password for sudo.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::operator::{Run, TestLab, lab_or_skip};
use crate::operators::lock_of_eve;

const PASSWORD: &str = "correct-horse-battery";

/// A program on a terminal; script(1) of util-linux has one for it.
struct Terminal {
    what: String,
    child: Child,
    keyboard: ChildStdin,
    screen: PathBuf,
}

impl Terminal {
    fn of(lab: &TestLab, inventory: &str, arguments: &[&str]) -> Self {
        let command = lab.command(Path::new(inventory), arguments);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<String> = words
            .map(|word| format!("'{}'", word.to_str().expect("UTF-8")))
            .collect();
        let what = words.join(" ");
        let screen = lab.file("screen");
        let child = Command::new("script")
            .args(["--quiet", "--return", "--flush", "--command"])
            .arg(format!("stty rows 24 cols 80; exec {what}"))
            .arg("/dev/null")
            .envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))))
            .env("TERM", "xterm")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(File::create(&screen).expect("a file"))
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.expect("script");
        let keyboard = child.stdin.take().expect("a pipe");
        Self {
            what,
            child,
            keyboard,
            screen,
        }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.screen).expect("the screen")).into_owned()
    }

    /// Awaits that `text` has been shown so many times.
    #[track_caller]
    fn shows(&self, text: &str, times: usize) {
        let begin = Instant::now();
        while self.shown().matches(text).count() < times {
            let shown = self.shown();
            let time = begin.elapsed() < Duration::from_secs(60);
            assert!(time, "no `{text}` by {}:\n{shown}", self.what);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn types(&mut self, text: &str) {
        let typed = self.keyboard.write_all(text.as_bytes());
        typed.expect("somebody reads the keyboard");
    }

    fn ends(mut self) -> Run {
        let code = self.child.wait().expect("its end").code();
        Run {
            code: code.unwrap_or(-1),
            stdout: self.shown(),
            stderr: String::new(),
            what: self.what,
        }
    }
}

/// The lines as they were drawn one after the other, without what moves the cursor.
fn drawn(shown: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = shown;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        text.push_str(before);
        text.push('\n');
        let end = after.find(|c: char| c.is_ascii_alphabetic());
        rest = &after[end.map_or(after.len(), |end| end + 1)..];
    }
    text.push_str(rest);
    // A bar is filled with blanks to the terminal's width, and the next one follows at once.
    let lines = text.split(['\r', '\n']).map(|line| line.chars());
    let lines = lines.map(|line| line.collect::<Vec<char>>());
    let rows = lines.flat_map(|line| line.chunks(80).map(String::from_iter).collect::<Vec<_>>());
    rows.collect()
}

/// An inventory whose user needs a password for sudo, and whose host keys nobody knows yet.
fn operator(lab: &TestLab) -> PathBuf {
    lab.on(
        "pg-1",
        &format!(
            "apt-get install -y -qq sudo >/dev/null 2>&1
             useradd -m -s /bin/bash -G sudo admin
             echo 'admin:{PASSWORD}' | chpasswd
             cp -r /root/.ssh /home/admin/.ssh && chown -R admin: /home/admin/.ssh
             ! su admin -c 'sudo -n true' 2>/dev/null"
        ),
    )
    .succeeds();
    let known_hosts = lab.file("known_hosts");
    let ssh: String = lab
        .inventory_ssh_section()
        .lines()
        .map(|line| match line.split_once(": ") {
            Some(("  user", _)) => "  user: admin\n".to_owned(),
            Some(("  known_hosts_file", _)) => {
                format!("  known_hosts_file: {}\n", known_hosts.display())
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let address = lab.address("pg-1");
    lab.write(
        Path::new("operator.yml"),
        &format!("scope: asked\ntimings: fast\n{ssh}nodes:\n  pg-1: {{ address: {address} }}\n"),
    );
    known_hosts
}

fn host_keys(lab: &TestLab, known_hosts: &Path) {
    let refused = lab.mahout_with(Path::new("operator.yml"), &["trust"]);
    refused.exits_with(2);
    assert!(refused.stderr.contains("pass --yes"), "{refused}");
    let dry = lab.mahout_with(Path::new("operator.yml"), &["trust", "--dry-run"]);
    dry.succeeds();
    let key = lab.on("pg-1", "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    let fingerprint = key.stdout.split(' ').nth(1).expect("a fingerprint");
    assert!(
        dry.stdout
            .contains(&format!("pg-1  ssh-ed25519 {fingerprint}  new\n")),
        "{dry}{key}"
    );
    for (answer, told) in [
        ("n\n", "1 new host key, not recorded"),
        ("y\n", "1 host key recorded"),
    ] {
        assert!(!known_hosts.exists());
        let mut terminal = Terminal::of(lab, "operator.yml", &["trust"]);
        terminal.shows("record 1 new host key? [y/N] ", 1);
        terminal.types(answer);
        let run = terminal.ends();
        run.succeeds();
        assert!(run.stdout.contains(told), "{run}");
    }
    let again = lab.mahout_with(Path::new("operator.yml"), &["trust"]);
    again.succeeds();
    assert!(again.stdout.ends_with("known\n"), "{again}");

    let recorded = std::fs::read_to_string(known_hosts).expect("the record");
    let other = lab.on(
        "pg-1",
        "ssh-keygen -q -t ed25519 -N '' -f /root/other && cat /root/other.pub",
    );
    let changed = format!("{} {}", lab.address("pg-1"), other.stdout);
    std::fs::write(known_hosts, &changed).expect("written");
    let run = lab.mahout_with(Path::new("operator.yml"), &["trust", "--yes"]);
    run.exits_with(3);
    assert!(run.stderr.contains("its host key has changed: "), "{run}");
    let kept = std::fs::read_to_string(known_hosts).expect("the record");
    assert_eq!(kept, changed, "a changed key is never replaced");
    std::fs::write(known_hosts, recorded).expect("written");
}

fn deploy(lab: &TestLab) {
    let run = lab.mahout_with(Path::new("operator.yml"), &["deploy", "--yes"]);
    run.exits_with(3);
    assert!(
        run.stderr.contains("pg-1: sudo asks for a password"),
        "{run}"
    );
    let begin = |password: &str| {
        let arguments = ["deploy", "--ask-sudo-password"];
        let mut terminal = Terminal::of(lab, "operator.yml", &arguments);
        terminal.shows("sudo password on the nodes: ", 1);
        terminal.types(password);
        terminal.types("\n");
        terminal
    };
    let run = begin("wrong").ends();
    run.exits_with(3);
    assert!(
        run.stdout.contains("sudo does not accept the password"),
        "{run}"
    );

    let mut terminal = begin(PASSWORD);
    terminal.shows("carry it out? [y/N] ", 1);
    terminal.types("n\n");
    let run = terminal.ends();
    run.succeeds();
    assert!(run.stdout.ends_with("nothing was changed\r\n"), "{run}");
    assert!(!lab.file("operator.secrets.json").exists());
    lab.on("pg-1", "[ ! -e /etc/patroni/patroni.yml ]")
        .succeeds();

    let mut terminal = begin(PASSWORD);
    terminal.shows("carry it out? [y/N] ", 1);
    terminal.types("y\n");
    let run = terminal.ends();
    run.succeeds();
    assert!(!run.stdout.contains(PASSWORD), "{run}");
    let (_, worked) = run.stdout.split_once("[y/N] ").expect("the question");
    let lines = drawn(worked);
    let bar = "⠁⠂⠄⡀⢀⠠⠐⠈";
    let waits = |line: &&String| line.starts_with("  pg-1  waiting until pg-1 leads (");
    let wait = lines.iter().find(waits);
    let wait = wait.unwrap_or_else(|| panic!("no gate waits: {lines:#?}"));
    assert!(wait.contains(" s left): "), "{wait}");
    // The last of the bars is gone before the answer is written.
    let end = lines.iter().rposition(|line| line.contains("verifying: "));
    let answer = &lines[end.expect("the end of verifying")..];
    assert!(
        !answer
            .iter()
            .any(|line| line.starts_with(|c| bar.contains(c))),
        "{answer:?}"
    );
    assert!(answer.iter().any(|line| line.starts_with("done; ")));

    let run = begin(PASSWORD).ends();
    run.succeeds();
    assert!(run.stdout.contains("nothing to change"), "{run}");
}

fn watch(lab: &TestLab) {
    lab.on(
        "pg-1",
        "echo 'admin ALL=NOPASSWD:ALL' >/etc/sudoers.d/admin",
    )
    .succeeds();
    let clear = "\u{1b}[H\u{1b}[2J";
    let mut terminal = Terminal::of(lab, "operator.yml", &["status", "--watch", "1"]);
    terminal.shows(&format!("{clear}every 1 s, Ctrl-C ends\r\n"), 3);
    terminal.types("\u{3}");
    let run = terminal.ends();
    run.exits_with(130);
    for screen in run.stdout.split(clear).skip(1) {
        assert!(screen.lines().count() <= 24, "{screen}");
        assert!(screen.contains("cluster asked: leader pg-1"), "{screen}");
    }

    let run = lab.begins(Path::new("operator.yml"), &["status", "--watch", "1"]);
    let begin = Instant::now();
    while run.shown().matches("cluster asked: leader pg-1").count() < 2 {
        assert!(begin.elapsed() < Duration::from_secs(60), "{}", run.shown());
        std::thread::sleep(Duration::from_millis(10));
    }
    run.signal("INT");
    let run = run.ends();
    run.exits_with(130);
    assert!(!run.stdout.contains('\u{1b}'), "{run}");
}

/// A name that is typed wrong agrees to nothing.
fn names_are_typed(lab: &TestLab) {
    let begin = |arguments: &[&str], question: &str, answer: &str| {
        let mut terminal = Terminal::of(lab, "operator.yml", arguments);
        terminal.shows(question, 1);
        terminal.types(&format!("{answer}\n"));
        terminal
    };
    lock_of_eve(lab, "pg-1", 0);
    let question = "type `eve@elsewhere` to take the lock away all the same: ";
    let run = begin(&["unlock"], question, "bob@elsewhere").ends();
    run.exits_with(3);
    assert!(
        run.stdout.contains("is at work: it showed a sign of life"),
        "{run}"
    );
    for (answer, told) in [("n\n", "nothing was changed\r\n"), ("y\n", "unlocked\r\n")] {
        lab.on("pg-1", "[ -d /run/mahout/lock ]").succeeds();
        let mut terminal = begin(&["unlock"], question, "eve@elsewhere");
        terminal.shows("unlock? [y/N] ", 1);
        terminal.types(answer);
        let run = terminal.ends();
        run.succeeds();
        assert!(run.stdout.ends_with(told), "{run}");
    }
    lab.on("pg-1", "[ ! -d /run/mahout/lock ]").succeeds();

    lab.on("pg-1", "systemctl stop etcd; rm -rf /var/lib/etcd/*/member")
        .succeeds();
    for (command, what, end) in [
        ("restore-dcs", "to carry it out", "done; "),
        ("destroy", "to destroy it", "nothing of asked runs any more"),
    ] {
        let running = "systemctl is-active etcd patroni; ls -d /var/lib/etcd/*/member";
        let before = lab.on("pg-1", running).stdout;
        let question = format!("type the name of the cluster, `asked`, {what}: ");
        let run = begin(&[command], &question, "asker").ends();
        run.succeeds();
        assert!(run.stdout.ends_with("nothing was changed\r\n"), "{run}");
        assert_eq!(lab.on("pg-1", running).stdout, before);
        let run = begin(&[command], &question, "asked").ends();
        run.succeeds();
        assert!(run.stdout.contains(end), "{run}");
    }
}

#[test]
fn a_person_is_asked_and_shown_what_happens() {
    let Some(lab) = lab_or_skip("terminal", "bookworm", "installed", 1) else {
        return;
    };
    let known_hosts = operator(&lab);
    host_keys(&lab, &known_hosts);
    deploy(&lab);
    watch(&lab);
    names_are_typed(&lab);
}
