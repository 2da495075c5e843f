//! One node: its file system, its boot, its end.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::access::key_pair;
use super::cgroup::{Cgroup, POLL};
use super::error::LabError;
use super::mounts;
use super::network::{is_interface, name_servers};
use super::state::{NodeRecord, State};
use super::store::create_folder;

/// How long a node may take from its start until its SSH server answers.
const BOOT: Duration = Duration::from_secs(120);

/// A node of a lab whose folder is known.
pub(super) struct Node<'a> {
    state: &'a State,
    pub(super) record: &'a NodeRecord,
    folder: PathBuf,
}

impl<'a> Node<'a> {
    pub(super) fn new(state: &'a State, record: &'a NodeRecord, lab: &Path) -> Self {
        let folder = lab.join("nodes").join(&record.name);
        Self {
            state,
            record,
            folder,
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    fn cgroup(&self) -> Result<Cgroup, LabError> {
        Cgroup::of(&self.record.machine)
    }

    /// Lays the node's own files over the image; it lets in who has `user_key`. Returns the public
    /// half of its SSH host key.
    pub(super) fn create(&self, user_key: &Path) -> Result<Vec<u8>, LabError> {
        create_folder(&self.folder)?;
        self.mount()?;
        let (name, root) = (&self.record.name, self.root());
        let write = |path: &str, mode: u32, text: &[u8]| write_file(&root.join(path), mode, text);
        write("etc/hostname", 0o644, format!("{name}\n").as_bytes())?;
        let hosts = self.state.suite.hosts(name);
        write("etc/hosts", 0o644, hosts.as_bytes())?;
        write("etc/machine-id", 0o444, machine_id()?.as_bytes())?;
        write("etc/resolv.conf", 0o644, resolv_conf().as_bytes())?;
        let network = self.network();
        write(
            "etc/systemd/network/10-host0.network",
            0o644,
            network.as_bytes(),
        )?;
        self.reach_the_machine_s_proxy(&root)?;

        let host_key = self.folder.join("host_key");
        key_pair(&host_key, name)?;
        let read = |path: &Path| fs::read(path).map_err(LabError::file(path));
        let public = read(&host_key.with_extension("pub"))?;
        write("etc/ssh/ssh_host_ed25519_key", 0o600, &read(&host_key)?)?;
        write("etc/ssh/ssh_host_ed25519_key.pub", 0o644, &public)?;
        let ssh = root.join("root/.ssh");
        create_folder(&ssh)?;
        let user = read(&user_key.with_extension("pub"))?;
        write("root/.ssh/authorized_keys", 0o600, &user)?;
        Ok(public)
    }

    fn mount(&self) -> Result<(), LabError> {
        let image = &self.state.image_folder;
        if !image.is_dir() {
            return Err(LabError::HalfMade(self.state.name.clone()));
        }
        let folder = &self.folder;
        mounts::overlay(
            image,
            &folder.join("upper"),
            &folder.join("work"),
            &self.root(),
        )
    }

    /// A static address, which stays when the cable is pulled, as it does behind a real switch.
    fn network(&self) -> String {
        format!(
            "[Match]\nName=host0\n\n[Network]\nAddress={}/{}\nGateway={}\nIPv6AcceptRA=no\n\
             ConfigureWithoutCarrier=yes\nIgnoreCarrierLoss=yes\n",
            self.record.address,
            self.state.subnet.prefix_len(),
            self.state.gateway()
        )
    }

    /// A proxy that apt reaches on the machine's own loopback is at the gateway, seen from a node.
    fn reach_the_machine_s_proxy(&self, root: &Path) -> Result<(), LabError> {
        let path = root.join("etc/apt/apt.conf.d/99mmdebstrap");
        let settings = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            settings => settings.map_err(LabError::file(&path))?,
        };
        let gateway = format!("//{}", self.state.gateway());
        let seen = settings
            .replace("//127.0.0.1", &gateway)
            .replace("//localhost", &gateway);
        if seen == settings {
            return Ok(());
        }
        write_file(&path, 0o644, seen.as_bytes())
    }

    pub(super) fn is_running(&self) -> Result<bool, LabError> {
        Ok(self.cgroup()?.init().is_some())
    }

    /// The node's own pid 1, by the number that the machine gives it.
    pub(super) fn init(&self) -> Result<i32, LabError> {
        self.cgroup()?.init().ok_or_else(|| LabError::PoweredOff {
            lab: self.state.name.clone(),
            node: self.record.name.clone(),
        })
    }

    /// Starts the node; does not wait for it. `false`: it runs already.
    pub(super) fn boot(&self) -> Result<bool, LabError> {
        let cgroup = self.cgroup()?;
        if cgroup.init().is_some() {
            return Ok(false);
        }
        cgroup.clear(&self.record.name)?;
        self.mount()?;
        let command = [
            "systemd-nspawn",
            "--register=no",
            "--keep-unit",
            "--quiet",
            "--settings=no",
            "--boot",
            &format!("--directory={}", self.root().display()),
            &format!("--machine={}", self.record.machine),
            &format!("--hostname={}", self.record.name),
            &format!("--network-bridge={}", self.state.bridge()),
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            "--console=read-only",
            "--capability=all",
            // The clock is the machine's own.
            "--drop-capability=CAP_SYS_TIME",
        ];
        cgroup.launch(&command, &self.console())?;
        Ok(true)
    }

    fn console(&self) -> PathBuf {
        self.folder.join("console.log")
    }

    /// Waits until the node's SSH server greets; `started` is when the node was booted.
    pub(super) fn await_ssh(&self, started: Instant) -> Result<(), LabError> {
        let cgroup = self.cgroup()?;
        let address = SocketAddr::from((self.record.address, 22));
        while !greets(address) {
            let waited = started.elapsed();
            let died = waited > Duration::from_secs(2) && cgroup.processes().is_empty();
            if died || waited > BOOT {
                let console = fs::read(self.console()).unwrap_or_default();
                let console = String::from_utf8_lossy(&console);
                let lines: Vec<_> = console.lines().map(str::trim_end).collect();
                return Err(LabError::Boot {
                    node: self.record.name.clone(),
                    cause: match died {
                        true => "ended while it booted".to_owned(),
                        false => format!("SSH does not answer within {} s", BOOT.as_secs()),
                    },
                    console: lines[lines.len().saturating_sub(10)..].join("\n"),
                });
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Takes the node's power away: nothing in it is told.
    pub(super) fn power_off(&self) -> Result<(), LabError> {
        self.cgroup()?.kill_init()
    }

    /// Waits until nothing of the node runs any more and its cable is gone.
    pub(super) fn await_off(&self) -> Result<(), LabError> {
        self.cgroup()?.clear(&self.record.name)?;
        let started = Instant::now();
        // The kernel takes the interface away shortly after the last process of the node.
        while is_interface(&self.record.interface()) && started.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Removes what systemd-nspawn leaves outside of the lab's folder when it is killed itself.
    pub(super) fn sweep(&self) -> Result<(), LabError> {
        for parent in ["propagate", "unix-export"] {
            let folder = Path::new("/run/systemd/nspawn").join(parent);
            mounts::remove_folder(&folder.join(&self.record.machine))?;
        }
        Ok(())
    }
}

fn greets(address: SocketAddr) -> bool {
    let patience = Duration::from_millis(500);
    let mut greeting = [0; 4];
    TcpStream::connect_timeout(&address, patience)
        .and_then(|mut stream| {
            stream.set_read_timeout(Some(patience))?;
            stream.read_exact(&mut greeting)
        })
        .is_ok_and(|()| &greeting == b"SSH-")
}

fn write_file(path: &Path, mode: u32, text: &[u8]) -> Result<(), LabError> {
    let write = || {
        // Anew, so that it has this mode and a link of the image is not followed.
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = fs::File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text)?;
        // Whatever the umask of the user is.
        file.set_permissions(fs::Permissions::from_mode(mode))
    };
    write().map_err(LabError::file(path))
}

fn machine_id() -> Result<String, LabError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| LabError::Program {
        what: "making a machine id".to_owned(),
        cause: error.to_string(),
    })?;
    // The form of a random UUID, which systemd asks for.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(digits + "\n")
}

/// The machine's resolv.conf; where that names only a resolver on the machine's loopback, which a
/// node cannot reach, the one behind it.
fn resolv_conf() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let own = read("/etc/resolv.conf");
    let behind = read("/run/systemd/resolve/resolv.conf");
    let loopback_only = name_servers(&own).all(|server| server.is_loopback());
    if loopback_only && !behind.is_empty() {
        behind
    } else {
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_ids_are_valid_and_differ() {
        let [one, other] = [machine_id(), machine_id()].map(|id| id.expect("random bytes"));
        assert_ne!(one, other);
        assert_eq!(one.len(), 33);
        assert_eq!(one.as_bytes()[12], b'4');
    }
}
