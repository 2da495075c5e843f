//! The vault must be the one that the nodes were deployed with, and no older than they are: an old
//! copy would take the passwords and certificates of now away from them. So would one that was
//! changed apart from theirs: the tags of its generations tell, not their number alone.

use super::Findings;
use crate::cluster::tls::STAMP_FILE;
use crate::cluster::{Node, Stamp};
use crate::facts::NodeFacts;
use crate::plan::Desired;

const NEWEST: &str =
    "fetch the newest vault: from whoever deployed last, or from the newest backup";

pub(super) fn stamp(findings: &mut Findings, desired: &Desired, node: &Node, facts: &NodeFacts) {
    let (Ok(ours), Some(file)) = (
        desired.secrets.stamp.parse::<Stamp>(),
        facts.files.get(STAMP_FILE),
    ) else {
        return;
    };
    // A record of facts holds no contents.
    let Some(content) = &file.content else { return };
    let Ok(theirs) = content.expose().parse::<Stamp>() else {
        findings.note(
            &node.name,
            format!(
                "{STAMP_FILE} does not say which vault it was deployed with; it is written anew"
            ),
        );
        return;
    };
    if theirs.vault != ours.vault {
        findings.refuse(
            Some(&node.name),
            format!(
                "it was deployed with the vault {} (generation {}), this one is {} (generation {})",
                theirs.vault, theirs.generation, ours.vault, ours.generation
            ),
            Some(format!(
                "use the vault of that cluster; if that cluster is gone for good, remove \
                 {STAMP_FILE} on the node"
            )),
        );
        return;
    }
    let tag = theirs.tag.as_ref();
    let is_apart = tag.is_some_and(|tag| !desired.secrets.lineage.contains(tag));
    if theirs.generation > ours.generation {
        findings.refuse(
            Some(&node.name),
            format!(
                "it was deployed with generation {} of the vault {}, this one has generation {}: an \
                 older copy",
                theirs.generation, theirs.vault, ours.generation
            ),
            Some(NEWEST.to_owned()),
        );
    } else if is_apart {
        findings.refuse(
            Some(&node.name),
            format!(
                "it was deployed with another generation {} of the vault {} than the one that led \
                 to this one's {}: two copies of it were changed apart from each other",
                theirs.generation, theirs.vault, ours.generation
            ),
            Some(format!(
                "{NEWEST}; then make the change of this copy in that one"
            )),
        );
    }
}
