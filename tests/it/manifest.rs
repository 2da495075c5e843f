//! What a run must leave alone: files and units of every node.

use std::collections::BTreeMap;

use crate::operator::TestLab;

/// Everything under /etc, /usr, /opt, /var/lib and dnf's cache without data directories, apt's
/// caches, where rpm notes its readers, and what daemons write by themselves, with hash, mode, owner and time; and every unit's
/// state.
const MANIFEST: &str = r#"
find /etc /usr /opt /var/lib /var/cache/dnf -xdev \
  \( -path /var/lib/etcd -o -path '/var/lib/postgresql/*' -o -path '/var/lib/pgsql/*' -o -path /var/lib/systemd \
     -o -path /var/lib/chrony -o -path /var/lib/dbus -o -path /var/lib/private \
     -o -path /var/lib/haproxy -o -path /var/lib/rpm/rpmdb.sqlite-shm \) -prune \
  -o \( -type f -o -type d -o -type l \) -printf '%p %m %u:%g %T@ %s %l\n' | sort
find /etc -xdev -type f -exec sha256sum {} + | sort -k2
systemctl list-unit-files --no-legend --no-pager | grep -v '^session-' | sort
systemctl list-units --all --type=service --no-legend --no-pager --plain | awk '{print $1,$2,$3}' \
  | grep -v -e '^ssh' -e '^user' -e systemd-tmpfiles -e '^run-' -e '^apt-daily' -e '^dpkg-db' \
    -e '^e2scrub' -e '^fstrim' -e '^systemd-hostnamed' -e '^systemd-oomd' -e '^systemd-timedated' | sort
"#;

/// That of every node, by its name.
pub(crate) fn manifest(lab: &TestLab) -> BTreeMap<String, String> {
    lab.node_names()
        .into_iter()
        .map(|node| {
            let run = lab.on(&node, MANIFEST);
            run.succeeds();
            (node, run.stdout)
        })
        .collect()
}

/// Every node must be as `before`, after `what`.
#[track_caller]
pub(crate) fn same_manifest(lab: &TestLab, before: &BTreeMap<String, String>, what: &str) {
    for (node, after) in manifest(lab) {
        let diff: Vec<String> = similar::TextDiff::from_lines(&before[&node], &after)
            .iter_all_changes()
            .filter(|change| change.tag() != similar::ChangeTag::Equal)
            .map(|change| format!("{}{}", change.tag(), change.value()))
            .collect();
        assert!(diff.is_empty(), "{what} changed {node}:\n{}", diff.concat());
    }
}
