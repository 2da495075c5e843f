//! What an image is made of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::Progress;
use super::error::LabError;
use super::program::{contained, run, run_with_lines};
use super::sources::Sources;

/// What is on a bare node. Without curl, sudo and the like, which no product may take for granted.
const BASE: &[&str] = &[
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "iproute2",
];

/// The packages of the stack, by the names that both suites know.
const STACK: &[&str] = &[
    "postgresql",
    "etcd-server",
    "etcd-client",
    "patroni",
    "haproxy",
    "curl",
    "chrony",
];

/// Each node gets host keys and a name of its own. apt's daily timers would take dpkg's lock at a
/// random minute.
const FINISH_BARE: &str = "\
rm -rf /etc/ssh/ssh_host_* /etc/hostname /etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -rf /etc/apt/sources.list.d/*
printf %s \"$1\" >/etc/apt/sources.list
: >/etc/machine-id
systemctl enable systemd-networkd.service
systemctl mask apt-daily.timer apt-daily-upgrade.timer
";

const PREPARE: &str = "\
apt-get --quiet update
apt-get --quiet --yes --download-only install \"$@\"
";

/// Debian's packages start their services and make a database cluster when they are installed.
const INSTALL: &str = "\
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get --quiet --yes install \"$@\"
rm /usr/sbin/policy-rc.d
systemctl disable etcd.service patroni.service haproxy.service postgresql.service
apt-get clean
";

/// Short text that is another one as soon as something else goes into the images.
pub(super) fn fingerprint(sources: &Sources) -> String {
    digest(&format!(
        "{BASE:?}{STACK:?}{FINISH_BARE}{PREPARE}{INSTALL}{sources:?}"
    ))
}

/// Eight hexadecimal digits that follow from `recipe`.
pub(super) fn digest(recipe: &str) -> String {
    let digest = Sha256::digest(recipe);
    digest[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// systemd and an SSH server.
pub(super) fn bare(
    root: &Path,
    release: &str,
    sources: &Sources,
    progress: Progress,
) -> Result<(), LabError> {
    debian(root, release, BASE, &[], sources, progress)
}

/// A node of Debian's `release` with these packages, without the files that dpkg is to leave out.
pub(super) fn debian(
    root: &Path,
    release: &str,
    packages: &[&str],
    left_out: &[&str],
    sources: &Sources,
    progress: Progress,
) -> Result<(), LabError> {
    let list = root.with_extension("list");
    fs::write(&list, sources.list()).map_err(LabError::file(&list))?;
    let mut packages = packages.join(",");
    if sources.need_certificates() {
        packages.push_str(",ca-certificates");
    }
    let mut command = contained("mmdebstrap");
    command.args(["--mode=root", "--variant=minbase", "--format=directory"]);
    command.arg(format!("--include={packages}"));
    // Not in nodes: FINISH_BARE removes it.
    command.arg("--dpkgopt=force-unsafe-io");
    for path in left_out {
        command.arg(format!("--dpkgopt=path-exclude={path}"));
    }
    for setting in &sources.settings {
        command.arg(format!("--aptopt={setting}"));
    }
    for keys in KEYS.iter().filter(|keys| Path::new(keys).exists()) {
        command.arg(format!("--keyring={keys}"));
    }
    command.arg(release).arg(root).arg(&list);
    run_with_lines("mmdebstrap", &mut command, &mut |line| {
        if let Some(step) = line
            .strip_prefix("I: ")
            .and_then(|step| step.strip_suffix("..."))
        {
            progress(&format!("  {step}"));
        }
    })?;

    for file in sources.files() {
        let folder = file.parent().unwrap_or(&file);
        install(root, folder, std::slice::from_ref(&file))?;
    }
    // A node trusts the keys that the machine trusts: a mirror may be signed by its owner.
    let trusted = Path::new("/etc/apt/trusted.gpg.d");
    for folder in [trusted, Path::new("/etc/apt/keyrings")] {
        install(root, trusted, &files(folder)?)?;
    }
    chroot(root, FINISH_BARE, &[&sources.list()], &mut |_| {})?;
    if sources.need_certificates() {
        let folder = Path::new("/usr/local/share/ca-certificates");
        install(root, folder, &files(folder)?)?;
        chroot(root, "update-ca-certificates", &[], &mut |_| {})?;
    }
    Ok(())
}

/// The stack's packages in apt's cache.
pub(super) fn prepared(root: &Path, progress: Progress) -> Result<(), LabError> {
    chroot(root, PREPARE, STACK, &mut |line| {
        if line.starts_with("Need to get ") {
            progress(&format!("  {}", line.to_lowercase().trim_end_matches('.')));
        }
    })
}

/// The stack's packages installed.
pub(super) fn installed(root: &Path, progress: Progress) -> Result<(), LabError> {
    let mut count = 0;
    chroot(root, INSTALL, STACK, &mut |line| {
        if line.starts_with("Setting up ") {
            count += 1;
        }
    })?;
    progress(&format!("  {count} packages installed"));
    Ok(())
}

/// Where keys that sign archives are kept.
const KEYS: &[&str] = &[
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/etc/apt/trusted.gpg.d",
    "/etc/apt/keyrings",
];

fn files(folder: &Path) -> Result<Vec<PathBuf>, LabError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .filter(|path| path.as_ref().map_or(true, |path| path.is_file()))
                .collect()
        })
        .map_err(LabError::file(folder))
}

/// Copies files of the machine into `folder` below `root`, for everyone to read.
fn install(root: &Path, folder: &Path, files: &[PathBuf]) -> Result<(), LabError> {
    if files.is_empty() {
        return Ok(());
    }
    let target = root.join(folder.strip_prefix("/").unwrap_or(folder));
    let mut install = Command::new("install");
    install.args(["-D", "--mode=644", "--target-directory"]);
    run("making the image", install.arg(target).args(files)).map(drop)
}

/// Runs `script` with `arguments` inside `root`.
pub(super) fn chroot(
    root: &Path,
    script: &str,
    arguments: &[&str],
    on_line: &mut dyn FnMut(&str),
) -> Result<(), LabError> {
    let mut command = contained("sh");
    command.args([
        "-euc",
        "umask 022; mount -t proc proc \"$1/proc\"; exec chroot \"$@\"",
        "sh",
    ]);
    command.arg(root).args(["sh", "-euc", script, "sh"]);
    command.args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.env("DPKG_FORCE", "unsafe-io");
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    command.env("PATH", path);
    run_with_lines("making the image", &mut command, on_line)
}
