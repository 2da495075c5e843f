//! The certificates on the nodes: whose, of which authority, for how long yet.

use std::collections::BTreeMap;

use super::view::{Judge, View};
use super::words::count;
use crate::cluster::tls::{CA_FILE, FOLDER};
use crate::cluster::{CertificatePurpose, NodeName};
use crate::facts::{DirectoryFacts, NodeFacts};
use crate::render::{File, Purpose};
use crate::x509::Certificate;

const DAY: i64 = 24 * 3600;

/// Every certificate is the one that was made for it, is of an authority that the node trusts, and
/// lasts; so does the authority.
pub(super) fn certificates(view: &View, judge: &mut Judge) {
    if !view.cluster.tls.enabled {
        return;
    }
    let mut seen = 0;
    let mut left: BTreeMap<CertificatePurpose, Vec<(i64, &NodeName)>> = BTreeMap::new();
    for (node, facts) in view.nodes() {
        folder(node.name.as_str(), facts, judge);
        let trusted = read(facts, CA_FILE);
        let rendered = view.rendered.get(&node.name);
        for file in rendered.into_iter().flat_map(|rendered| &rendered.files) {
            // What is missing, and modes and owners, `system.files` says.
            let Purpose::Certificate(purpose) = file.purpose else {
                continue;
            };
            if !facts.files.contains_key(&file.path) {
                continue;
            }
            let Some(present) = read(facts, &file.path) else {
                judge.warning(
                    &node.name,
                    format!("{}: not known: its content was not told", file.path),
                );
                continue;
            };
            let Some((leaf, chain)) = present.split_first() else {
                judge
                    .error(&node.name, format!("{} holds no certificate", file.path))
                    .hint("`mahout deploy` puts it back");
                continue;
            };
            seen += 1;
            let of_purpose = left.entry(purpose).or_default();
            of_purpose.push((leaf.left(view.now), &node.name));
            let mut faults = Vec::new();
            if differs(leaf, file) {
                faults.push("is not the one that was made for it".to_owned());
            }
            if !is_trusted(leaf, chain, trusted.as_deref().unwrap_or_default()) {
                faults.push(format!("no authority in {CA_FILE} has issued it"));
            }
            faults.extend(expired(leaf, view.now));
            if !faults.is_empty() {
                judge
                    .error(&node.name, format!("{}: {}", file.path, faults.join(", ")))
                    .hint(remedy(view));
            } else if leaf.is_in_its_last_third(view.now) {
                let left = days(leaf.left(view.now));
                judge
                    .warning(&node.name, format!("{} expires in {left}", file.path))
                    .hint(remedy(view));
            }
        }
    }
    authorities(view, judge);
    if seen > 0 {
        let each: Vec<String> = left.into_iter().map(days_left).collect();
        let seen = count(seen, "certificate");
        judge.holds(format!("{seen}, each valid for: {}", each.join("; ")));
    }
}

/// How long each node's certificate of a purpose is still valid: `patroni 364 days`, or, where they
/// differ, `patroni 364 days on pg-1, pg-2, 12 days on pg-3`.
fn days_left((purpose, left): (CertificatePurpose, Vec<(i64, &NodeName)>)) -> String {
    let mut by_days: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for (left, node) in left {
        let nodes = by_days.entry(left / DAY).or_default();
        nodes.push(node.as_str());
    }
    let alike = by_days.len() == 1;
    let words = by_days.into_iter().map(|(number, nodes)| {
        let days = days(number * DAY);
        if alike {
            days
        } else {
            format!("{days} on {}", nodes.join(", "))
        }
    });
    let words: Vec<String> = words.collect();
    format!("{} {}", purpose.as_str(), words.join(", "))
}

/// Keys must not be replaced by others.
fn folder(node: &str, facts: &NodeFacts, judge: &mut Judge) {
    let is_roots = |folder: &DirectoryFacts| {
        let mode = u32::from_str_radix(&folder.mode, 8).unwrap_or(0o777);
        folder.owner == "root" && mode & 0o022 == 0
    };
    if let Some(folder) = facts.directories.get(FOLDER).filter(|it| !is_roots(it)) {
        let message = format!(
            "{FOLDER} is {}'s with mode {}: others than root could replace the keys in it",
            folder.owner, folder.mode
        );
        judge
            .error(&NodeName::from(node), message)
            .hint(format!("chown root:root {FOLDER} && chmod 755 {FOLDER}"));
    }
}

/// The certificates of a file on the node; `None` if its content is not known.
fn read(facts: &NodeFacts, path: &str) -> Option<Vec<Certificate>> {
    let content = facts.files.get(path)?.content.as_ref()?;
    Some(Certificate::all_of(content.expose()).unwrap_or_default())
}

fn differs(leaf: &Certificate, file: &File) -> bool {
    Certificate::first_of(file.content.expose()).as_ref() != Some(leaf)
}

/// Whether the chain leads to an authority that is trusted.
fn is_trusted(leaf: &Certificate, chain: &[Certificate], trusted: &[Certificate]) -> bool {
    let last = chain.iter().fold(leaf, |last, issuer| {
        if last.is_issued_by(issuer) {
            issuer
        } else {
            last
        }
    });
    trusted
        .iter()
        .any(|authority| last == authority || last.is_issued_by(authority))
}

fn expired(certificate: &Certificate, now: i64) -> Option<String> {
    if certificate.left(now) <= 0 {
        let since = days(-certificate.left(now));
        return Some(format!("expired {since} ago"));
    }
    (certificate.not_before > now).then(|| "is not valid yet".to_owned())
}

/// The authorities that are to be trusted: no certificate outlives the one that issued it.
fn authorities(view: &View, judge: &mut Judge) {
    let files = view.rendered.values().flat_map(|rendered| &rendered.files);
    let bundle = files
        .filter(|file| file.purpose == Purpose::Authorities)
        .find_map(|file| Certificate::all_of(file.content.expose()));
    let lifetime = i64::try_from(view.cluster.tls.lifetime.as_secs()).unwrap_or(i64::MAX);
    for authority in bundle.unwrap_or_default() {
        let name = &authority.common_name;
        if let Some(fault) = expired(&authority, view.now) {
            judge
                .error(None, format!("the authority `{name}` {fault}"))
                .hint("`mahout rotate ca` makes another one");
        } else if authority.left(view.now) < lifetime {
            let left = days(authority.left(view.now));
            judge
                .warning(
                    None,
                    format!("the authority `{name}` expires in {left}, and with it what it issues"),
                )
                .hint("`mahout rotate ca` makes another one");
        }
    }
}

fn remedy(view: &View) -> &'static str {
    match view.cluster.tls.brought {
        Some(_) => "put a new one where `certificates.files` points to, then run `mahout deploy`",
        None => "`mahout deploy` puts a new one in its place",
    }
}

fn days(seconds: i64) -> String {
    count(usize::try_from(seconds / DAY).unwrap_or_default(), "day")
}

#[cfg(test)]
mod tests {
    use super::{DAY, days_left};
    use crate::cluster::{CertificatePurpose, NodeName};

    #[test]
    fn every_certificate_s_days_are_told() {
        let nodes = ["pg-1", "pg-2", "pg-3"].map(NodeName::from);
        let told = |days: [i64; 3]| {
            let left = days.into_iter().map(|days| days * DAY + 5).zip(&nodes);
            days_left((CertificatePurpose::Patroni, left.collect()))
        };
        assert_eq!(told([364, 364, 364]), "patroni 364 days");
        assert_eq!(
            told([364, 12, 364]),
            "patroni 12 days on pg-2, 364 days on pg-1, pg-3"
        );
    }
}
