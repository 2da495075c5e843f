//! Drift: the files on the nodes against the rendered ones.

use super::view::{Judge, View};
use super::words::count;
use crate::cluster::tls::STAMP_FILE;
use crate::facts::FileFacts;
use crate::plan::leftovers;
use crate::render::File;

/// Every rendered file is on its node, with its content, owner and mode.
pub(super) fn files(view: &View, judge: &mut Judge) {
    let mut seen = 0;
    for (node, facts) in view.nodes() {
        let rendered = view.rendered.get(&node.name);
        for file in rendered.into_iter().flat_map(|rendered| &rendered.files) {
            seen += 1;
            let Some(present) = facts.files.get(&file.path) else {
                judge
                    .error(&node.name, format!("{} is missing", file.path))
                    .hint("`mahout deploy` writes it");
                continue;
            };
            let faults = faults(present, file);
            if !faults.is_empty() {
                judge
                    .error(&node.name, format!("{}: {}", file.path, faults.join(", ")))
                    .hint(remedy(file));
            }
        }
        for (path, _) in rendered.into_iter().flat_map(|it| leftovers(it, facts)) {
            judge
                .warning(
                    &node.name,
                    format!("{path} is ours, and the inventory no longer asks for it"),
                )
                .hint("`mahout deploy` removes it");
        }
    }
    if seen > 0 {
        judge.holds(format!("{} as rendered", count(seen, "file")));
    }
}

fn remedy(file: &File) -> &'static str {
    if file.path == STAMP_FILE {
        // A deploy would refuse an older vault, or another one.
        "`mahout diff` says whether this vault is older than the node's, is another one, or waits to \
         be deployed"
    } else {
        "`mahout diff` shows the difference, `mahout deploy` puts it back"
    }
}

fn faults(present: &FileFacts, file: &File) -> Vec<String> {
    if let Some(target) = &present.link {
        return vec![format!("is a symbolic link to {target}")];
    }
    let mut faults = Vec::new();
    if present.sha256 != file.sha256() {
        faults.push("the content differs".to_owned());
    }
    let (mode, wanted) = (&present.mode, format!("{:o}", file.mode));
    if *mode != wanted {
        faults.push(format!("mode {mode}, not {wanted}"));
    }
    let (owner, wanted) = (
        format!("{}:{}", present.owner, present.group),
        format!("{}:{}", file.owner, file.group),
    );
    if owner != wanted {
        faults.push(format!("owner {owner}, not {wanted}"));
    }
    faults
}
