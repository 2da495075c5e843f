//! The table: what a record holds when something is wrong, and what then helps. Data, a file for
//! each subject; a record of each and its near miss stand in `records/`.

mod etcd;
mod packages;
mod patroni;
mod postgresql;
#[cfg(test)]
mod records;
mod system;
mod tls;

use super::Names;

/// Holds only where nothing else does.
pub(super) const LAST_RESORT: &str = "unit-failed";

/// A known cause.
#[derive(Debug)]
pub struct Signature {
    /// Its stable name.
    pub name: &'static str,
    /// What the names of the records begin with that it is looked for in; empty: all of them.
    pub(super) source: &'static str,
    /// All words of one of these stand in one line. `{superuser}` and the like stand for the
    /// cluster's names.
    pub(super) any: &'static [&'static [&'static str]],
    /// None of these stands in it.
    pub(super) without: &'static [&'static str],
    /// What the same record says once it is over.
    pub(super) over: &'static [&'static str],
    /// The cause.
    pub cause: &'static str,
    /// What to do; `NODE` is the node's name.
    pub remedy: &'static str,
}

impl Signature {
    /// One without exceptions: what most of them begin with.
    const PLAIN: Self = Self {
        name: "",
        source: "",
        any: &[],
        without: &[],
        over: &[],
        cause: "",
        remedy: "",
    };

    /// The lines that bear it and are not over.
    pub(super) fn lines<'a>(
        &self,
        lines: &'a [String],
        names: &Names,
    ) -> impl Iterator<Item = &'a str> {
        let is_over = |line: &String| self.over.iter().any(|words| line.contains(words));
        let begin = lines.iter().rposition(is_over).map_or(0, |at| at + 1);
        lines[begin..]
            .iter()
            .map(String::as_str)
            .filter(|line| self.is_in(line, names))
    }

    fn is_in(&self, line: &str, names: &Names) -> bool {
        let holds = |word: &&str| names.holds(line, word);
        self.any.iter().any(|words| words.iter().all(holds)) && !self.without.iter().any(holds)
    }
}

/// In the order of certainty: what stands further up explains what stands below it.
pub(super) fn all() -> impl Iterator<Item = &'static Signature> {
    [
        system::CAUSES,
        packages::ALL,
        tls::ALL,
        etcd::ALL,
        patroni::ALL,
        postgresql::ALL,
        system::CONSEQUENCES,
    ]
    .into_iter()
    .flatten()
}
