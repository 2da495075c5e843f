//! Certificates: every service's own file and the authorities that it trusts. The services read
//! them in the phases that follow.

use super::draft::{Draft, directory, write_file};
use super::{Desired, Rollout, Step};
use crate::cluster::tls::FOLDER;
use crate::facts::NodeFacts;
use crate::render::{File, Purpose};

/// Adds the phase.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let mut work = Vec::new();
    for node in &desired.cluster.nodes {
        let facts = draft.facts(&node.name);
        let files = desired.rendered[&node.name].files.iter();
        let mut steps: Vec<Step> = files
            .filter(|file| is_ours(file))
            .filter_map(|file| write_file(facts, file))
            .map(Step::from)
            .collect();
        if !steps.is_empty() {
            let folder = directory(facts, FOLDER, "root", "root", 0o755);
            steps.splice(0..0, folder.map(Step::from));
        }
        work.push((node.name.clone(), steps));
    }
    draft.phase("certificates", Rollout::Parallel, work, |_| None);
}

fn is_ours(file: &File) -> bool {
    matches!(
        file.purpose,
        Purpose::Stamp | Purpose::Authorities | Purpose::Certificate(_)
    )
}

/// Whether a file of these purposes was written after `since`, when its reader last read it.
pub(super) fn is_newer(
    desired: &Desired,
    node: &crate::cluster::NodeName,
    facts: &NodeFacts,
    since: Option<i64>,
    purposes: &[Purpose],
) -> bool {
    desired.rendered[node]
        .files
        .iter()
        .filter(|file| purposes.contains(&file.purpose))
        .filter_map(|file| facts.files.get(&file.path))
        .any(|file| since.is_some_and(|since| file.modified > since))
}
