//! Who holds the lock.

use std::fmt;
use std::time::Duration;

use rustix::process::Pid;

/// A lock without a sign of life for so long is nobody's any more; `take_lock` says the same.
const EXPIRY: Duration = Duration::from_secs(30);

/// A process that holds the lock, or wants to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The login name.
    pub user: String,
    /// The name of the control machine.
    pub host: String,
    /// Which boot of which machine, and which process namespace on it: within one, a pid says
    /// whether the holder lives.
    pub machine: String,
    /// The process.
    pub pid: u32,
    /// When the process was started, as its kernel counts it: a pid is used again.
    pub started: String,
    /// What it does: `deploy`. Never the whole command line, which may hold anything.
    pub command: String,
    /// How long it has held the lock, by the node's clock.
    pub held: Duration,
    /// How long ago it showed a sign of life, by the node's clock.
    pub silent: Duration,
    /// What is to be in the nodes' log of runs if it does not give its lock back: one line.
    pub record: String,
    /// The token of its lock.
    pub(super) token: String,
}

impl Holder {
    /// This process, about to do `command`.
    pub fn this_process(command: &str) -> Self {
        let pid = std::process::id();
        let line = |path: &str| {
            std::fs::read_to_string(path)
                .map(|text| text.trim().to_owned())
                .unwrap_or_default()
        };
        let user = ["SUDO_USER", "LOGNAME", "USER"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|name| !name.is_empty())
            .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
        let namespace = std::fs::read_link("/proc/self/ns/pid")
            .map(|link| link.to_string_lossy().into_owned())
            .unwrap_or_default();
        Self {
            user,
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            machine: format!("{} {namespace}", line("/proc/sys/kernel/random/boot_id")),
            pid,
            started: start_of(pid).unwrap_or_default(),
            command: command.to_owned(),
            ..Self::default()
        }
    }

    /// The lines that a node keeps; see `describe_holder` in `shell/lock.sh` for the others.
    pub(super) fn to_lines(&self) -> String {
        let clean = |text: &str| text.replace(|c: char| c.is_control(), " ");
        format!(
            "user={}\nhost={}\nmachine={}\npid={}\nstarted={}\ncommand={}\nrecord={}",
            clean(&self.user),
            clean(&self.host),
            clean(&self.machine),
            self.pid,
            clean(&self.started),
            clean(&self.command),
            clean(&self.record)
        )
    }

    /// Reads what `describe_holder` printed. What is missing stays empty: a lock whose owner has
    /// died while taking it.
    pub(super) fn from_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut holder = Self::default();
        let (mut since, mut now) = (None, 0_u64);
        for (key, value) in lines.filter_map(|line| line.split_once('=')) {
            let value = value.to_owned();
            match key {
                "user" => holder.user = value,
                "host" => holder.host = value,
                "machine" => holder.machine = value,
                "pid" => holder.pid = value.parse().unwrap_or_default(),
                "started" => holder.started = value,
                "command" => holder.command = value,
                "token" => holder.token = value,
                "since" => since = value.parse().ok(),
                "now" => now = value.parse().unwrap_or_default(),
                "silent" => {
                    holder.silent = Duration::from_secs(value.parse().unwrap_or_default());
                }
                _ => {}
            }
        }
        holder.held = Duration::from_secs(since.map_or(0, |since| now.saturating_sub(since)));
        holder
    }

    /// `ada@control`: what an operator is asked for who takes the lock away from it.
    pub fn name(&self) -> String {
        if self.user.is_empty() {
            "nobody".to_owned()
        } else {
            format!("{}@{}", self.user, self.host)
        }
    }

    /// Whether it still shows signs of life, as far as `me` can know.
    pub fn is_alive(&self, me: &Holder) -> bool {
        self.silent < EXPIRY && !self.token.is_empty() && !self.is_dead(me)
    }

    /// Whether it was a process of the machine that `me` runs on, and is no more.
    pub(super) fn is_dead(&self, me: &Holder) -> bool {
        // Without the boot id nothing says that it is the same machine.
        let same = self.host == me.host
            && self.machine == me.machine
            && !me.machine.starts_with(' ')
            && self.pid != 0;
        same && !lives(self.pid, &self.started)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.user.is_empty() {
            return f.write_str("somebody unknown");
        }
        write!(
            f,
            "{}@{} (pid {}, {}, for {})",
            self.user,
            self.host,
            self.pid,
            self.command,
            in_words(self.held)
        )
    }
}

/// `48 s`, `7 min`, `3 h`.
pub(super) fn in_words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

fn lives(pid: u32, started: &str) -> bool {
    let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    if rustix::process::test_kill_process(id) == Err(rustix::io::Errno::SRCH) {
        return false;
    }
    // Where the kernel does not tell, a process of that id is taken for the same one.
    start_of(pid).is_none_or(|now| started.is_empty() || now == started)
}

/// The 22nd field of /proc/PID/stat: clock ticks from boot to the start of the process.
fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses that may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_read_back_from_its_lines() {
        let mut me = Holder::this_process("deploy\nevil=1");
        let text = format!("{}\nsince=100\ntoken=abc\nsilent=7\nnow=160", me.to_lines());
        me.command = "deploy evil=1".to_owned();
        me.token = "abc".to_owned();
        me.held = Duration::from_secs(60);
        me.silent = Duration::from_secs(7);
        let read = Holder::from_lines(text.lines());
        assert_eq!(read, me);
        assert!(
            read.to_string().ends_with("deploy evil=1, for 60 s)"),
            "{read}"
        );
        assert_eq!(
            Holder::from_lines("".lines()).to_string(),
            "somebody unknown"
        );
    }

    #[test]
    fn only_a_process_of_this_very_machine_can_be_known_to_be_dead() {
        let me = Holder::this_process("deploy");
        assert!(!me.is_dead(&me));
        let mut ended = std::process::Command::new("true").spawn().expect("true");
        let mut dead = Holder {
            pid: ended.id(),
            ..me.clone()
        };
        ended.wait().expect("its end");
        assert!(dead.is_dead(&me));
        dead.host = "elsewhere".to_owned();
        assert!(!dead.is_dead(&me));
        let used_again = Holder {
            started: "1".to_owned(),
            ..me.clone()
        };
        assert!(used_again.is_dead(&me));
        let rebooted = Holder {
            machine: "x".to_owned(),
            pid: 1 << 21,
            ..me.clone()
        };
        assert!(!rebooted.is_dead(&me));
    }
}
