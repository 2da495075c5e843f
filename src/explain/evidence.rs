//! The records of a node, by what they are.

use super::{Names, Signature, measured};

/// One record: the journal of a unit, the state of the disks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// `journal etcd.service`, `disk`.
    pub name: String,
    /// Its lines, the oldest first.
    pub lines: Vec<String>,
}

/// All that was looked at on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// In the order in which it was looked at.
    pub sections: Vec<Section>,
    /// The node's clock minus ours and the uncertainty of that, in milliseconds.
    pub clock: Option<(i64, i64)>,
}

impl Evidence {
    /// Evidence of what the node's script told.
    pub fn new(mut sections: Vec<Section>, clock: Option<(i64, i64)>) -> Self {
        let journals = sections.iter_mut();
        for journal in journals.filter(|section| section.name.starts_with("journal ")) {
            forget_earlier_starts(&mut journal.lines);
        }
        measured::judge(&mut sections);
        sections.retain(|section| !section.lines.is_empty());
        Self { sections, clock }
    }

    /// The lines of a record.
    pub fn section(&self, name: &str) -> impl Iterator<Item = &str> {
        self.sections
            .iter()
            .filter(move |section| section.name == name)
            .flat_map(|section| section.lines.iter().map(String::as_str))
    }

    /// Whether any record holds `words`.
    pub(super) fn says(&self, words: &str) -> bool {
        let mut lines = self.sections.iter().flat_map(|section| &section.lines);
        lines.any(|line| line.contains(words))
    }

    /// Adds a line to a record.
    pub(super) fn add(&mut self, name: &str, line: String) {
        match self.sections.iter_mut().find(|known| known.name == name) {
            Some(section) => section.lines.push(line),
            None => self.sections.push(Section {
                name: name.to_owned(),
                lines: vec![line],
            }),
        }
    }

    /// The lines that bear `signature`, each with its record. Not those of a record that goes on
    /// to say that it is over.
    pub(super) fn lines_of(&self, signature: &Signature, names: &Names) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        let named = |section: &&Section| section.name.starts_with(signature.source);
        for section in self.sections.iter().filter(named) {
            let lines = signature.lines(&section.lines, names);
            found.extend(lines.map(|line| (section.name.clone(), line.trim().to_owned())));
        }
        // Loops say the same again and again.
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|(_, line)| seen.insert(without_numbers(line)));
        found
    }

    /// Who listens on the port that a line about a taken port names: `"haproxy",pid=612`.
    pub(super) fn port_owner(&self, line: &str) -> Option<String> {
        if !line.to_ascii_lowercase().contains("address already in use") {
            return None;
        }
        let ports: Vec<&str> = line
            .split([' ', '/', '[', ']', '(', ')', '"', ',', '?', '\''])
            .filter_map(|word| word.trim_end_matches(':').rsplit_once(':'))
            .map(|(_, port)| port)
            .filter(|port| port.parse::<u16>().is_ok())
            .collect();
        // `ss -ltnp`: state, two queues, local address, peer, process.
        self.section("listening").find_map(|row| {
            let mut columns = row.split_whitespace();
            let (_, port) = columns.nth(3)?.rsplit_once(':')?;
            let process = columns.nth(1)?.strip_prefix("users:((")?;
            let process = process.split(",fd=").next()?;
            ports.contains(&port).then(|| process.to_owned())
        })
    }
}

/// Leaves what a unit said since somebody started it: whoever did so has mended what was before.
/// That systemd starts it again by itself mends nothing.
fn forget_earlier_starts(lines: &mut Vec<String>) {
    // A unit that tells when it is ready has both, and may have said all that matters in between.
    let begins = ["Starting ", "Started "];
    let word = begins
        .iter()
        .find(|word| lines.iter().any(|line| line.starts_with(**word)));
    let is_ordered = |at: &usize| {
        let before = &lines[at.saturating_sub(3)..*at];
        word.is_some_and(|word| lines[*at].starts_with(word))
            && !before.iter().any(|it| it.contains("Scheduled restart job"))
    };
    if let Some(begin) = (0..lines.len()).rev().find(is_ordered) {
        lines.drain(..begin);
    }
}

/// The line without what differs from one time to the next.
fn without_numbers(line: &str) -> String {
    line.chars().filter(|c| !c.is_ascii_digit()).collect()
}
