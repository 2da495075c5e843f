//! From the output of the script to facts: pure, and tolerant. A tool that is missing on a node
//! is a fact that is missing, never an error.

mod files;
mod firewall;
mod packages;
mod ports;
mod processes;
mod selinux;
mod system;
mod units;

use super::ask::Ask;
use super::section::Sections;
use super::{EtcdFacts, HaproxyFacts, NodeFacts, PatroniFacts, PostgresqlFacts, VipFacts};

/// The output of the script is not whole: the node's shell could not run it to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the script that gathers facts did not run to its end")]
pub struct Incomplete;

/// Reads what the script of `ask` printed. The clock's offset is not in it.
///
/// # Errors
/// If its beginning or its end is missing.
pub fn parse(ask: &Ask, output: &str) -> Result<NodeFacts, Incomplete> {
    let sections = Sections::of(output);
    let now = sections
        .get("facts")
        .and_then(|begin| node_time(begin.argument))
        .ok_or(Incomplete)?;
    sections.get("end").ok_or(Incomplete)?;

    let units = units::units(ask, &sections);
    let mut system = system::system(ask, &units, &sections);
    system.os.platform.clone_from(&ask.platform);
    let postgresql = ask
        .postgresql
        .as_ref()
        .map(|asked| PostgresqlFacts::parse(asked, &system.os, &sections));
    let mut disks = files::disks(&sections);
    if let Some((asked, facts)) = ask.postgresql.as_ref().zip(postgresql.as_ref()) {
        // Of the data directories that all distributions would use, only this node's matters.
        disks.retain(|disk| disk.path == facts.data_dir || !asked.data_dirs.contains(&disk.path));
    }
    Ok(NodeFacts {
        packages: packages::packages(&sections),
        repositories: packages::repositories(&sections),
        users: sections
            .values("system", "user")
            .map(str::to_owned)
            .collect(),
        sysctl: system::sysctl(ask, &sections),
        files: files::files(ask, &sections),
        directories: files::directories(ask, &sections),
        processes: processes::processes(&sections),
        ports: ports::ports(&sections),
        disks,
        etcd: ask
            .etcd
            .as_ref()
            .map(|asked| EtcdFacts::parse(asked, &sections)),
        patroni: PatroniFacts::parse(now, &sections),
        haproxy: HaproxyFacts::parse(&sections),
        firewall: firewall::firewall(&sections),
        selinux: selinux::selinux(now, &sections),
        locked: files::locked(&sections),
        vip: VipFacts::parse(&sections),
        system,
        units,
        postgresql,
    })
}

/// The node's clock in the argument of the first line: the protocol's version and the seconds
/// since the epoch; a `date` without fractions prints something else behind the point.
pub(super) fn node_time(argument: &str) -> Option<f64> {
    let (whole, fraction) = argument.strip_prefix("1 ")?.split_once('.')?;
    let fraction: String = fraction.chars().take_while(char::is_ascii_digit).collect();
    format!("{whole}.{fraction}0").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::node_time;

    #[test]
    fn a_clock_without_fractions_is_read() {
        assert_eq!(node_time("1 1764000000.250000000"), Some(1_764_000_000.25));
        assert_eq!(node_time("1 1764000000.%N"), Some(1_764_000_000.0));
        assert_eq!(node_time("1 1764000000."), Some(1_764_000_000.0));
        assert_eq!(node_time("2 1764000000.0"), None);
        assert_eq!(node_time("1 soon.0"), None);
    }
}
