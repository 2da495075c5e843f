//! Nodes with equal work are shown once: that keeps a plan readable at hundreds of nodes.

use super::plan::Detail;
use super::step;
use crate::cluster::{Cluster, Node, NodeName};
use crate::plan::Phase;
use crate::secret::Mask;

/// Nodes with the same steps in one phase.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    /// The one whose steps are shown.
    pub(super) first: &'a NodeName,
    /// Its steps.
    pub(super) lines: Vec<String>,
    /// Those whose steps are the same, letter for letter.
    pub(super) equal: Vec<&'a NodeName>,
    /// Those that have their own name and address where the first one has its own.
    pub(super) alike: Vec<&'a NodeName>,
}

/// The groups of a phase, in its order.
pub(super) fn groups<'a>(
    cluster: &Cluster,
    phase: &'a Phase,
    detail: Detail,
    mask: &Mask,
) -> Vec<Group<'a>> {
    let mut groups: Vec<Group> = Vec::new();
    for work in &phase.work {
        let lines: Vec<String> = work
            .steps
            .iter()
            .flat_map(|step| step::lines(step, detail, mask))
            .collect();
        if let Some(group) = groups.iter_mut().find(|group| group.lines == lines) {
            group.equal.push(&work.node);
            continue;
        }
        let node = cluster.node(&work.node);
        let like = groups.iter_mut().find(|group| {
            let first = cluster.node(group.first);
            first
                .zip(node)
                .is_some_and(|(first, node)| are_alike((first, &group.lines), (node, &lines)))
        });
        match like {
            Some(group) => group.alike.push(&work.node),
            None => groups.push(Group {
                first: &work.node,
                lines,
                equal: Vec::new(),
                alike: Vec::new(),
            }),
        }
    }
    groups
}

fn are_alike(one: (&Node, &[String]), other: (&Node, &[String])) -> bool {
    one.1.len() == other.1.len()
        && one.1.iter().zip(other.1).all(|(mine, theirs)| {
            mine == theirs || without_self(one.0, mine) == without_self(other.0, theirs)
        })
}

/// The line with a mark in the place of the node's own name and address.
fn without_self(node: &Node, line: &str) -> String {
    let line = replace_word(line, node.name.as_str(), "\u{1}");
    replace_word(&line, &node.address.to_string(), "\u{2}")
}

/// Replaces `word` where it does not go on to either side: `pg-1` not in `pg-10`, `10.0.0.1` not
/// in `10.0.0.11`.
fn replace_word(line: &str, word: &str, mark: &str) -> String {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut replaced = String::with_capacity(line.len());
    let mut done = 0;
    for (at, _) in line.match_indices(word) {
        let end = at + word.len();
        if !line[..at].ends_with(goes_on) && !line[end..].starts_with(goes_on) {
            replaced.push_str(&line[done..at]);
            replaced.push_str(mark);
            done = end;
        }
    }
    replaced.push_str(&line[done..]);
    replaced
}

#[cfg(test)]
mod tests {
    use super::replace_word;

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(
            replace_word("pg-1 pg-10 x-pg-1 pg-1.local pg-1=http", "pg-1", "N"),
            "N pg-10 x-pg-1 N.local N=http"
        );
        assert_eq!(
            replace_word("10.0.0.1:80 10.0.0.11 110.0.0.1", "10.0.0.1", "A"),
            "A:80 10.0.0.11 110.0.0.1"
        );
    }
}
