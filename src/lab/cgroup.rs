//! The cgroup of a node: every process of the node is in it, and none of another.
//!
//! Nodes that share a hierarchy take each other's services down, so each gets one of its own. It
//! is known by its name alone, so what runs there is known to be ours however `lab up` ended.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::error::LabError;
use super::program::run;

/// How long a process may take to be gone once it is killed.
const END: Duration = Duration::from_secs(20);

/// How often a condition is looked at.
pub(super) const POLL: Duration = Duration::from_millis(20);

/// Puts itself into the cgroups that come before `--`, then runs what comes after it, again for as
/// long as it ends with 133: that is how systemd-nspawn says that the node rebooted.
const LAUNCH: &str = "\
while [ \"$1\" != -- ]; do echo $$ >\"$1/cgroup.procs\"; shift; done; shift
code=133
while [ $code = 133 ]; do code=0; \"$@\" || code=$?; done
exit $code
";

/// The cgroups of one node, one in each mounted hierarchy.
#[derive(Debug)]
pub(super) struct Cgroup {
    folders: Vec<PathBuf>,
    /// The unit that makes them, where systemd runs the machine.
    unit: Option<String>,
}

impl Cgroup {
    pub(super) fn of(machine: &str) -> Result<Self, LabError> {
        let path = Path::new("/proc/self/mounts");
        let mounts = fs::read_to_string(path).map_err(LabError::file(path))?;
        let unit = Path::new("/run/systemd/system")
            .is_dir()
            .then(|| format!("mahout-{machine}.service"));
        let place = match &unit {
            Some(unit) => Path::new("machine.slice").join(unit),
            None => Path::new("mahout-lab").join(machine),
        };
        Ok(Self {
            folders: hierarchies(&mounts).map(|root| root.join(&place)).collect(),
            unit,
        })
    }

    /// Starts `command` in these cgroups so that it outlives us; what it says goes to `console`.
    pub(super) fn launch(&self, command: &[&str], console: &Path) -> Result<(), LabError> {
        let mut launch = match &self.unit {
            Some(unit) => {
                let mut launch = Command::new("systemd-run");
                launch.args(["--quiet", "--collect", "--slice=machine.slice"]);
                launch.arg(format!("--unit={unit}"));
                for property in ["Delegate=yes", "KillMode=mixed", "TasksMax=infinity"] {
                    launch.arg(format!("--property={property}"));
                }
                // See LAUNCH.
                launch.arg("--property=RestartForceExitStatus=133");
                launch.arg("--property=SuccessExitStatus=133");
                let console = console.display();
                launch.arg(format!("--property=StandardOutput=append:{console}"));
                launch.arg(format!("--property=StandardError=append:{console}"));
                launch
            }
            None => {
                self.create()?;
                let mut launch = Command::new("setsid");
                launch.args(["--fork", "sh", "-euc", LAUNCH, "sh"]);
                launch.args(&self.folders).arg("--");
                launch
            }
        };
        launch.args(command);
        let what = "starting systemd-nspawn";
        if self.unit.is_some() {
            return run(what, &mut launch).map(drop);
        }
        let log = fs::File::options().create(true).append(true).open(console);
        let log = log.map_err(LabError::file(console))?;
        let error = log.try_clone().map_err(LabError::file(console))?;
        launch
            .stdin(std::process::Stdio::null())
            .stdout(log)
            .stderr(error);
        match launch.status() {
            Ok(status) if status.success() => Ok(()),
            outcome => Err(LabError::Program {
                what: what.to_owned(),
                cause: outcome.map_or_else(|error| error.to_string(), |status| status.to_string()),
            }),
        }
    }

    fn create(&self) -> Result<(), LabError> {
        for folder in &self.folders {
            fs::create_dir_all(folder).map_err(LabError::file(folder))?;
            let parents = folder.ancestors().take(2).collect::<Vec<_>>();
            // A new cpuset of cgroup v1 is empty and takes no process.
            for folder in parents.into_iter().rev() {
                for set in ["cpuset.cpus", "cpuset.mems"] {
                    let own = folder.join(set);
                    let empty = fs::read_to_string(&own).is_ok_and(|text| text.trim().is_empty());
                    if let Some(parent) = folder.parent().filter(|_| empty) {
                        let value = fs::read(parent.join(set)).unwrap_or_default();
                        fs::write(&own, value).map_err(LabError::file(&own))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The processes in it and below it.
    pub(super) fn processes(&self) -> BTreeSet<i32> {
        let mut found = BTreeSet::new();
        for folder in self.folders.iter().flat_map(|folder| subtree(folder)) {
            let procs = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
            found.extend(procs.lines().filter_map(|line| line.parse::<i32>().ok()));
        }
        found
    }

    /// The node's own pid 1, by the number that the machine gives it; none if the node is off.
    pub(super) fn init(&self) -> Option<i32> {
        self.processes().into_iter().find(|pid| {
            fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| is_init(&status))
        })
    }

    /// SIGKILL to the node's pid 1: the power is off. systemd-nspawn then ends by itself.
    pub(super) fn kill_init(&self) -> Result<(), LabError> {
        self.init()
            .map_or(Ok(()), |pid| kill(pid, || self.init() == Some(pid)))
    }

    /// Waits until no process is left; kills what outlives the node's pid 1 by more than a little.
    pub(super) fn clear(&self, node: &str) -> Result<(), LabError> {
        let started = Instant::now();
        let patience = Duration::from_secs(3);
        loop {
            let processes = self.processes();
            let waited = started.elapsed();
            if processes.is_empty() {
                match self.remove() {
                    // Nobody is listed who is about to be gone, nor whoever has entered since: an
                    // `up` that was killed may just have started a node.
                    Err(LabError::File { source, .. })
                        if source.kind() == ErrorKind::ResourceBusy && waited < END => {}
                    removed => return removed,
                }
            }
            if waited > END {
                return Err(LabError::Program {
                    what: format!("{node}: powering it off"),
                    cause: format!("processes {processes:?} do not end"),
                });
            }
            if waited > patience || self.init().is_none() && waited > patience / 3 {
                for pid in processes {
                    kill(pid, || self.processes().contains(&pid))?;
                }
            }
            std::thread::sleep(POLL);
        }
    }

    fn remove(&self) -> Result<(), LabError> {
        if let Some(unit) = &self.unit {
            // Both fail where the unit has gone by itself, and it has then taken its cgroup along.
            for verb in ["stop", "reset-failed"] {
                let mut systemctl = Command::new("systemctl");
                let _gone = run("removing the unit", systemctl.args(["--quiet", verb, unit]));
            }
        }
        for folder in &self.folders {
            for cgroup in subtree(folder).into_iter().rev() {
                fs::remove_dir(&cgroup).map_err(LabError::file(&cgroup))?;
            }
            if self.unit.is_none()
                && let Some(shared) = folder.parent()
            {
                // Another node's cgroup may still be in it.
                let _in_use = fs::remove_dir(shared);
            }
        }
        Ok(())
    }
}

/// Kills `pid` if it is still the one that was meant once it can no longer become another.
fn kill(pid: i32, still_meant: impl Fn() -> bool) -> Result<(), LabError> {
    let open = |pid| pidfd_open(pid, PidfdFlags::empty());
    let Some(Ok(process)) = Pid::from_raw(pid).map(open) else {
        return Ok(());
    };
    if still_meant() {
        match pidfd_send_signal(&process, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => {
                return Err(LabError::Program {
                    what: format!("killing process {pid}"),
                    cause: error.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Whether the status of a process says that it is pid 1 of the first namespace below ours.
fn is_init(status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))
        .is_some_and(|pids| matches!(pids.split_whitespace().collect::<Vec<_>>()[..], [_, "1"]))
}

fn hierarchies(mounts: &str) -> impl Iterator<Item = PathBuf> + '_ {
    mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (_, folder, kind) = (fields.next()?, fields.next()?, fields.next()?);
        ["cgroup", "cgroup2"].contains(&kind).then(|| folder.into())
    })
}

/// A folder and all folders below it, the upper ones first.
fn subtree(folder: &Path) -> Vec<PathBuf> {
    if !folder.is_dir() {
        return Vec::new();
    }
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(folder) = found.get(next) {
        let below: Vec<_> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        found.extend(below);
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_s_pid_1_is_one_namespace_below_ours() {
        assert!(is_init("Name:\tsystemd\nNSpid:\t4711\t1\n"));
        assert!(!is_init("Name:\tsystemd-nspawn\nNSpid:\t4710\n"));
        assert!(!is_init("Name:\tpostgres\nNSpid:\t4801\t97\n"));
        assert!(!is_init("Name:\tnested\nNSpid:\t4801\t97\t1\n"));
        assert!(!is_init(""));
    }

    #[test]
    fn every_mounted_hierarchy_counts() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
                      cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let found: Vec<_> = hierarchies(mounts).collect();
        assert_eq!(
            found,
            ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"].map(PathBuf::from)
        );
    }
}
