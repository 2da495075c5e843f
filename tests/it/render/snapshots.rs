//! Every file of a node as text; other nodes and distributions by their difference from it.

use mahout::render::File;

use super::sample::{cluster, platform, platforms, rendered};

fn listing(files: &[File]) -> String {
    let mut text = String::new();
    for file in files {
        let File {
            path,
            owner,
            group,
            mode,
            check,
            purpose,
            ..
        } = file;
        let sensitive = if file.sensitive { " sensitive" } else { "" };
        text.push_str(&format!(
            "=== {path} {owner}:{group} {mode:04o} {purpose:?} {check:?}{sensitive}\n{}\n",
            file.content.expose()
        ));
    }
    text
}

fn difference(before: &[File], after: &[File]) -> String {
    let (before, after) = (listing(before), listing(after));
    let diff = similar::TextDiff::from_lines(&before, &after);
    diff.unified_diff().context_radius(1).to_string()
}

#[test]
fn every_file_of_a_node() {
    let files = rendered(&cluster(), 0, &platform("debian", "12"));
    insta::assert_snapshot!("debian-12-pg-1", listing(&files));
}

#[test]
fn what_differs_from_node_to_node() {
    let cluster = cluster();
    for (name, platform) in platforms() {
        let first = rendered(&cluster, 0, &platform);
        for index in [1, 2] {
            let other = rendered(&cluster, index, &platform);
            let differences = difference(&first, &other);
            // The hosts file's foreign line, names and addresses: the same everywhere.
            if name == "debian-12" {
                let node = &cluster.nodes[index].name;
                insta::assert_snapshot!(format!("debian-12-{node}"), differences);
            }
        }
    }
}

#[test]
fn what_differs_from_distribution_to_distribution() {
    let cluster = cluster();
    let [(_, first), others @ ..] = platforms();
    let first = rendered(&cluster, 0, &first);
    for (name, platform) in others {
        let differences = difference(&first, &rendered(&cluster, 0, &platform));
        insta::assert_snapshot!(format!("{name}-pg-1"), differences);
    }
}
