//! An sshd of our own on loopback, for one test.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mahout::cluster::{Node, SshSpec};
use mahout::transport::{ConnectOptions, Effect, Fleet, Host};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::sample::cluster;

const SSHD: &str = "/usr/sbin/sshd";

/// Keys, known hosts and control sockets of one test.
pub(super) struct Place {
    folder: PathBuf,
    /// None in a process that another one lent its place to.
    owned: Option<TempDir>,
}

impl Place {
    /// None where this machine cannot have an sshd; then the reason is printed, or, in CI, the
    /// test fails.
    pub(super) fn new() -> Option<Self> {
        if let Some(reason) = missing() {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "no sshd in CI: {reason}"
            );
            // Past the capture of the test harness: a skipped test shows.
            writeln!(std::io::stderr(), "skipped, no sshd: {reason}").expect("stderr");
            return None;
        }
        // A control socket's path is short.
        let folder = tempfile::tempdir_in("/tmp").expect("a folder");
        let place = Self {
            folder: folder.path().to_owned(),
            owned: Some(folder),
        };
        place.key("id", "");
        place.key("host", "");
        fs::write(place.path("ssh_config"), "IdentityAgent none\n").expect("written");
        Some(place)
    }

    /// That of the process that started this one.
    pub(super) fn lent(folder: PathBuf) -> Self {
        Self {
            folder,
            owned: None,
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes a pair of keys and returns the public one.
    pub(super) fn key(&self, name: &str, passphrase: &str) -> String {
        let path = self.path(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-C", name, "-N", passphrase, "-f"])
            .arg(&path)
            .status()
            .expect("ssh-keygen");
        assert!(made.success());
        fs::read_to_string(path.with_extension("pub")).expect("a public key")
    }

    /// Records the public key `key` for `port` of loopback.
    pub(super) fn know(&self, port: u16, key: &str) {
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("known_hosts"))
            .expect("a file");
        write!(file, "[127.0.0.1]:{port} {key}").expect("written");
    }

    /// The node behind `port` of loopback; its connections outlive the run for a while.
    pub(super) fn node(&self, number: usize, port: u16) -> Node {
        let mut node = cluster(number).nodes.remove(number - 1);
        node.ssh = SshSpec {
            destination: "127.0.0.1".to_owned(),
            user: None,
            port: Some(port),
            identity_file: Some(self.path("id")),
            config_file: Some(self.path("ssh_config")),
            known_hosts_file: Some(self.path("known_hosts")),
            proxy_jump: None,
            connect_timeout: Duration::from_secs(30),
            persist: Duration::from_secs(60),
        };
        node
    }

    /// The folder of its sockets is that of a process with this place as `XDG_RUNTIME_DIR`.
    pub(super) fn options(&self, limit: Effect) -> ConnectOptions {
        ConnectOptions {
            control_folder: Some(self.path("mahout")),
            ..ConnectOptions::new(limit)
        }
    }

    /// The sockets of the connections that are there.
    pub(super) fn sockets(&self) -> Vec<PathBuf> {
        use std::os::unix::fs::FileTypeExt;
        let Ok(files) = fs::read_dir(self.path("mahout")) else {
            return Vec::new();
        };
        let files = files.map(|file| file.expect("an entry"));
        files
            .filter(|file| file.file_type().is_ok_and(|kind| kind.is_socket()))
            .map(|file| file.path())
            .collect()
    }

    /// The processes that have to do with the connections of this test, and their names.
    pub(super) fn processes(&self) -> Vec<(i32, String)> {
        let folder = self.path("mahout").into_os_string().into_encoded_bytes();
        let processes = fs::read_dir("/proc").expect("processes").flatten();
        processes
            .filter_map(|process| {
                let id = process.file_name().to_str()?.parse().ok()?;
                let line = fs::read(process.path().join("cmdline")).ok()?;
                let ours = line.windows(folder.len()).any(|part| part == folder);
                ours.then(|| (id, String::from_utf8_lossy(&line).into_owned()))
            })
            .collect()
    }

    /// Kills the one `ssh` that holds a connection of this test.
    pub(super) fn kill_master(&self) {
        let mut all = self.processes();
        all.retain(|(_, line)| line.starts_with("ssh"));
        let [(id, _)] = all[..] else {
            panic!("not one master: {all:?}")
        };
        let pid = rustix::process::Pid::from_raw(id).expect("a process");
        rustix::process::kill_process(pid, Signal::KILL).expect("killed");
        until("end of ssh", || !is_running(&id.to_string()));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.owned.is_none() {
            return;
        }
        for socket in self.sockets() {
            let _ = Command::new("ssh")
                .args(["-F", "/dev/null", "-O", "exit", "-S"])
                .arg(socket)
                .arg("127.0.0.1")
                .output();
        }
    }
}

/// A server, which ends with the test.
pub(super) struct Sshd {
    pub(super) place: Place,
    pub(super) port: u16,
    child: Child,
}

impl Sshd {
    /// Starts it with `more` lines of configuration; `None` as in [`Place::new`].
    pub(super) fn start(more: &str) -> Option<Self> {
        Self::start_in(Place::new()?, more)
    }

    pub(super) fn start_in(place: Place, more: &str) -> Option<Self> {
        // Another process may take the port before sshd does.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = free.local_addr().expect("an address").port();
            drop(free);
            let at = |name: &str| place.path(name).display().to_string();
            // Of two settings the first counts. bash reads ~/.bashrc in a session of sshd: this
            // machine's is none of a node's business.
            let config = format!(
                "{more}\nListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\n\
                 PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n\
                 PasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n\
                 MaxStartups 200\nLogLevel VERBOSE\nSetEnv HOME={}\n",
                at("host"),
                at("id.pub"),
                at(""),
            );
            fs::write(place.path("sshd_config"), config).expect("written");
            let mut child = Command::new(SSHD)
                .arg("-D")
                .arg("-f")
                .arg(place.path("sshd_config"))
                .arg("-E")
                .arg(place.path("log"))
                .stdin(Stdio::null())
                .spawn()
                .expect("sshd");
            let log = || fs::read_to_string(place.path("log")).unwrap_or_default();
            let mut ended = None;
            until("an sshd that listens or ends", || {
                ended = child.try_wait().expect("its state");
                ended.is_some() || log().contains("Server listening on")
            });
            if ended.is_none() {
                let key = fs::read_to_string(place.path("host.pub")).expect("a key");
                place.know(port, &key);
                return Some(Self { place, port, child });
            }
            assert!(log().contains("Address already in use"), "{}", log());
            fs::remove_file(place.path("log")).expect("removed");
        }
        panic!("no port stays free");
    }

    pub(super) fn node(&self) -> Node {
        self.place.node(1, self.port)
    }

    /// Kills the process of each connection.
    pub(super) fn drop_connections(&self) {
        self.signal_connections(Signal::KILL);
    }

    /// Sends `signal` to the process of each connection; not to what runs in its sessions.
    pub(super) fn signal_connections(&self, signal: Signal) {
        let ours = format!(" {} ", self.child.id());
        for process in fs::read_dir("/proc").expect("processes").flatten() {
            let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
            // `77 (sshd) S 76 …`: the parent is the second word after the name.
            let Some((_, rest)) = stat.rsplit_once(") ") else {
                continue;
            };
            if rest[1..].starts_with(&ours) {
                let id = process.file_name().to_str().and_then(|id| id.parse().ok());
                let id = rustix::process::Pid::from_raw(id.expect("a process")).expect("no 0");
                let _ = rustix::process::kill_process(id, signal);
            }
        }
    }

    /// Connects to it.
    pub(super) async fn fleet(&self, limit: Effect) -> Fleet<Host> {
        Fleet::connect(&[self.node()], self.place.options(limit)).await
    }

    /// How often its log says `what`.
    pub(super) fn logged(&self, what: &str) -> usize {
        let log = fs::read_to_string(self.place.path("log")).expect("its log");
        log.matches(what).count()
    }

    /// How often somebody has logged in.
    pub(super) fn logins(&self) -> usize {
        self.logged("Accepted publickey for ")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.drop_connections();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Why there can be no sshd here.
fn missing() -> Option<String> {
    if !Path::new(SSHD).exists() {
        return Some(format!("{SSHD} is missing (openssh-server)"));
    }
    let root = rustix::process::getuid().is_root();
    // Debian's unit makes it at each start; on a machine that was rebooted and runs none, nobody has.
    if root && let Err(error) = fs::create_dir_all("/run/sshd") {
        return Some(format!("/run/sshd cannot be made: {error}"));
    }
    // The scripts run as root on a node, and here we are the node.
    let sudo = || Command::new("sudo").args(["-n", "true"]).output();
    let may = root || sudo().is_ok_and(|said| said.status.success());
    (!may).then(|| "neither root nor sudo without a password".to_owned())
}

/// Waits for a condition, looking every few milliseconds.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(60), "no {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process runs; one that has ended and was not waited for has no program any more.
pub(super) fn is_running(pid: &str) -> bool {
    fs::read_link(Path::new("/proc").join(pid.trim()).join("exe")).is_ok()
}
