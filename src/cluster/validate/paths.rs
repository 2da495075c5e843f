//! Where data is kept: a folder of its own, which nothing empties and nothing else owns.

use super::Context;
use crate::inventory::scalar::NodePath;
use crate::inventory::{Problems, Spanned};

/// Folders of the operating system, which a data directory would take for its own.
const SYSTEM: [&str; 16] = [
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/opt", "/proc", "/root", "/run", "/sbin",
    "/srv", "/sys", "/usr", "/var", "/var/lib",
];

pub(super) fn check(context: &mut Context<'_>) {
    for node in &context.draft.nodes {
        let etcd = node.entry.etcd.as_ref();
        let etcd = etcd.and_then(|etcd| etcd.value.data_dir.as_ref());
        let postgresql = node.entry.postgresql.as_ref();
        let postgresql = postgresql.and_then(|postgresql| postgresql.value.data_dir.as_ref());
        if let Some(path) = etcd {
            kept(path, "etcd", context.problems);
        }
        for path in [etcd, postgresql].into_iter().flatten() {
            own(path, context.problems);
        }
        if let (Some(etcd), Some(postgresql)) = (etcd, postgresql) {
            apart(etcd, postgresql, context.problems);
        }
    }
}

/// Of PostgreSQL's it is said beside its other paths.
fn kept(path: &Spanned<NodePath>, whose: &str, problems: &mut Problems) {
    let within = ["/tmp", "/var/tmp", "/dev/shm", "/run"];
    let folder = within
        .iter()
        .find(|folder| is_within(&path.value.0, folder));
    if let Some(folder) = folder {
        problems
            .error(
                path.span,
                format!("{whose}'s `data_dir` in {folder}, which does not outlive a reboot"),
            )
            .hint("leave it out to have /var/lib/etcd/ and the scope");
    }
}

fn own(path: &Spanned<NodePath>, problems: &mut Problems) {
    let text = path.value.0.as_str();
    if SYSTEM.contains(&text) {
        problems
            .error(
                path.span,
                format!("`data_dir` is {text}, which holds other things than data"),
            )
            .hint("a folder of its own, whose owner and mode may be changed");
    }
}

fn apart(etcd: &Spanned<NodePath>, postgresql: &Spanned<NodePath>, problems: &mut Problems) {
    let (one, other) = (etcd.value.0.as_str(), postgresql.value.0.as_str());
    if is_within(one, other) || is_within(other, one) {
        problems
            .error(
                postgresql.span,
                "the data directories of PostgreSQL and etcd are in each other's way",
            )
            .hint("two folders side by side, best on two disks")
            .also(etcd.span, "etcd's");
    }
}

fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
