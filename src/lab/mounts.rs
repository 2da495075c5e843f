//! Mounts, and folders that may still hold some.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::LabError;
use super::program::{contained, run};

/// Lays `upper` over `lower` at `root`; where the file system cannot, `root` becomes a copy.
pub(super) fn overlay(
    lower: &Path,
    upper: &Path,
    work: &Path,
    root: &Path,
) -> Result<(), LabError> {
    if is_mount(root)? || root.join("etc").exists() {
        return Ok(());
    }
    for folder in [upper, work, root] {
        fs::create_dir_all(folder).map_err(LabError::file(folder))?;
    }
    // The node's own root folder, which all of its users look into.
    fs::set_permissions(upper, fs::Permissions::from_mode(0o755)).map_err(LabError::file(upper))?;
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "overlay", "overlay", "-o", &options])
        .arg(root);
    if run("mounting an overlay", &mut mount).is_ok() {
        return Ok(());
    }
    let copying = root.with_extension("part");
    remove_folder(&copying)?;
    copy(lower, &copying)?;
    fs::rename(&copying, root).map_err(LabError::file(root))
}

/// Copies a whole file system tree, by reference where the file system can.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), LabError> {
    let mut cp = contained("cp");
    cp.args(["--archive", "--reflink=auto"]).arg(from).arg(to);
    run(&format!("copying {}", from.display()), &mut cp).map(drop)
}

/// Removes a folder and what is in it. What is mounted there is unmounted first, never emptied;
/// no link is followed. A folder that is not there is fine.
pub(super) fn remove_folder(folder: &Path) -> Result<(), LabError> {
    unmount_below(folder)?;
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(LabError::file(folder)(error)),
        _ => Ok(()),
    }
}

/// Unmounts all that is mounted at `folder` or below it, the last one first.
pub(super) fn unmount_below(folder: &Path) -> Result<(), LabError> {
    while let Some(mount) = last_below(folder, &mounts()?) {
        let unmount = |lazily: &[&str]| {
            run(
                &format!("unmounting {}", mount.display()),
                Command::new("umount").args(lazily).arg(&mount),
            )
        };
        // A process of the user may have its working directory there.
        unmount(&[]).or_else(|_| unmount(&["--lazy"]))?;
    }
    Ok(())
}

fn is_mount(path: &Path) -> Result<bool, LabError> {
    Ok(mount_points(&mounts()?).any(|mount| mount == path))
}

fn mounts() -> Result<String, LabError> {
    let path = Path::new("/proc/self/mounts");
    fs::read_to_string(path).map_err(LabError::file(path))
}

fn last_below(folder: &Path, mounts: &str) -> Option<PathBuf> {
    mount_points(mounts)
        .filter(|mount| mount.starts_with(folder))
        .last()
}

/// The second column of /proc/self/mounts, without its escapes (proc(5)).
fn mount_points(mounts: &str) -> impl Iterator<Item = PathBuf> + '_ {
    mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(|path| {
            ["\\040 ", "\\011\t", "\\012\n", "\\134\\"]
                .iter()
                .fold(path.to_owned(), |path, escape| {
                    path.replace(&escape[..4], &escape[4..])
                })
                .into()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_folder_is_unmounted_and_the_last_first() {
        let mounts = "/dev/a / ext4 rw 0 0\n\
                      overlay /lab/one/root overlay rw 0 0\n\
                      proc /lab/one/root/proc proc rw 0 0\n\
                      overlay /lab/one\\040b/root overlay rw 0 0\n\
                      overlay /lab/one-more/root overlay rw 0 0\n";
        let last = |folder: &str| last_below(Path::new(folder), mounts);
        assert_eq!(last("/lab/one"), Some("/lab/one/root/proc".into()));
        assert_eq!(last("/lab/one b"), Some("/lab/one b/root".into()));
        assert_eq!(last("/lab/on"), None);
    }
}
