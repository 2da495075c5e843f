//! What the machine must have before a lab can stand on it.

use std::process::Command;

use super::Progress;
use super::error::LabError;
use super::program::{exists, run, run_with_lines};

/// A program that the lab runs, and the Debian package that carries it.
const PROGRAMS: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("mmdebstrap", "mmdebstrap"),
    ("nft", "nftables"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("systemd-nspawn", "systemd-container"),
];

/// Refuses everyone but root.
pub(super) fn root() -> Result<(), LabError> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(LabError::NotRoot)
    }
}

/// The Debian packages that the lab needs and the machine lacks, sorted.
pub fn missing_packages() -> Vec<&'static str> {
    packages_of(exists)
}

fn packages_of(exists: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<_> = PROGRAMS
        .iter()
        .filter(|(program, _)| !exists(program))
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
    packages
}

/// Sees to it that the programs of the lab are there: with `consent`, apt-get installs the missing
/// ones.
pub(super) fn programs(consent: bool, progress: Progress) -> Result<(), LabError> {
    let packages = missing_packages();
    if packages.is_empty() {
        return Ok(());
    }
    if !consent || !exists("apt-get") {
        return Err(LabError::MissingPackages(packages));
    }
    progress(&format!("installing {}", packages.join(", ")));
    run(
        "updating the package lists",
        apt_get().args(["--quiet", "update"]),
    )?;
    run_with_lines(
        &format!("installing {}", packages.join(", ")),
        apt_get()
            .args(["--quiet", "--yes", "--no-install-recommends", "install"])
            .args(&packages),
        &mut |line| {
            if let Some(package) = line.strip_prefix("Setting up ") {
                progress(&format!("installed {}", package.trim_end_matches(" ...")));
            }
        },
    )
}

/// What one node takes until its SSH server answers: five of its systemd, one of its logind.
const INOTIFY_OF_NODE: usize = 6;

/// Refuses to boot nodes that the kernel has no inotify instances for: their units would fail one
/// after the other, with words that lead nowhere.
pub(super) fn inotify(nodes: usize) -> Result<(), LabError> {
    use rustix::fs::inotify::{CreateFlags, init};
    let needed = nodes * INOTIFY_OF_NODE;
    // How many there are is nowhere to be read. They are given back at the end of this function.
    let held: Vec<_> = (0..needed)
        .map_while(|_| init(CreateFlags::CLOEXEC).ok())
        .collect();
    if held.len() == needed {
        return Ok(());
    }
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_instances");
    Err(LabError::Inotify {
        nodes,
        needed,
        free: held.len(),
        limit: limit.unwrap_or_default().trim().to_owned(),
    })
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.env("LC_ALL", "C.UTF-8");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_once_for_all_its_programs() {
        assert_eq!(packages_of(|_| true), [""; 0]);
        assert_eq!(
            packages_of(|program| !program.starts_with("ssh") && program != "nft"),
            ["nftables", "openssh-client"]
        );
    }
}
