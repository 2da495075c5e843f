//! The images of a stand-in for Enterprise Linux: a Debian root that rpm and dnf manage.
//!
//! The recipe is a folder of scripts that run inside of the image's root. The binary carries it, so
//! that it makes such nodes without a checkout, and so that they follow from the binary alone.

use std::fs;
use std::path::Path;

use super::Progress;
use super::bake::{self, chroot};
use super::error::LabError;
use super::image::Suite;
use super::sources::Sources;
use super::store::create_folder;

/// Files of `tests/enterprise-linux`, by their names there.
macro_rules! recipe {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../../tests/enterprise-linux/", $name)))),*]
    };
}

const RECIPE: &[(&str, &str)] = recipe![
    "hosts",
    "install.sh",
    "modules.yaml",
    "node.sh",
    "payload.sh",
    "repository.py",
    "repository.service",
    "repository.socket",
    "rpms.sh",
    "selinux.cil",
    "selinux.service",
    "selinux.sh",
    "specs/chrony.spec",
    "specs/decoy.spec",
    "specs/etcd.spec",
    "specs/haproxy.spec",
    "specs/patroni.spec",
    "specs/postgresql.spec",
    "specs/python.spec",
    "specs/release.spec",
    "specs/repo.spec",
    "specs/slow.spec",
    "specs/ydiff.spec",
    "standin.sh",
];

/// What is in the Debian root.
const PACKAGES: &str = include_str!("../../tests/enterprise-linux/packages");

/// A node's /etc/hosts.
pub(super) const HOSTS: &str = include_str!("../../tests/enterprise-linux/hosts");

/// Nobody reads them in a node, and half of the root would be they.
const LEFT_OUT: &[&str] = &[
    "/usr/share/man/*",
    "/usr/share/doc/*",
    "/usr/share/locale/*",
];

/// Where the recipe and what it makes are, inside of the root, until the image is whole.
const WORKSHOP: &str = "/srv/build";

/// Short text that is another one as soon as something else goes into the images.
pub(super) fn fingerprint(sources: &Sources) -> String {
    let debian = bake::fingerprint(sources);
    bake::digest(&format!("{debian}{PACKAGES}{LEFT_OUT:?}{RECIPE:?}"))
}

/// What a fresh node of Enterprise Linux has, and the repositories.
pub(super) fn bare(root: &Path, sources: &Sources, progress: Progress) -> Result<(), LabError> {
    let packages: Vec<&str> = PACKAGES.lines().collect();
    let release = Suite::El9.release();
    bake::debian(root, release, &packages, LEFT_OUT, sources, progress)?;
    let steps = ["payload.sh", "rpms.sh", "node.sh"];
    run(root, &steps, progress)
}

/// Bare, with the packages of the stack installed.
pub(super) fn installed(root: &Path, progress: Progress) -> Result<(), LabError> {
    run(root, &["install.sh"], progress)
}

/// Runs scripts of the recipe inside of the root, one after the other.
fn run(root: &Path, scripts: &[&str], progress: Progress) -> Result<(), LabError> {
    let recipe = format!("{WORKSHOP}/recipe");
    let folder = root.join(recipe.trim_start_matches('/'));
    for (name, text) in RECIPE {
        let path = folder.join(name);
        create_folder(path.parent().unwrap_or(&folder))?;
        fs::write(&path, text).map_err(LabError::file(&path))?;
    }
    for script in scripts {
        let script = format!("exec bash {recipe}/{script} {recipe} {WORKSHOP}");
        chroot(root, &script, &[], &mut |line| {
            if let Some(step) = line.strip_prefix("standin: ") {
                progress(&format!("  {step}"));
            }
        })?;
    }
    let workshop = root.join(WORKSHOP.trim_start_matches('/'));
    fs::remove_dir_all(&workshop).map_err(LabError::file(&workshop))
}
