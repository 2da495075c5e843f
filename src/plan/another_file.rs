//! A Patroni that was started with another file than ours, before mahout: Debian's own unit has
//! /etc/patroni/config.yml. A reload reads that one; only a restart of Patroni reads ours.

use super::Action;
use crate::facts::{FileFacts, ProcessFacts, UnitFacts};
use crate::platform::PATRONI_CONFIG;
use crate::render::{File, MANAGED_BY, Purpose, Rendered};
use crate::secret::Secret;

/// Whether it is so.
pub(super) fn is_read(process: &ProcessFacts) -> bool {
    let file = process.config_file.as_deref();
    file.is_some_and(|file| file != PATRONI_CONFIG)
}

/// Until Patroni restarts, its file says the same as ours; the step that makes it so.
pub(super) fn write(process: &ProcessFacts, rendered: &Rendered) -> Option<Action> {
    let mut files = rendered.files.iter();
    let ours = files.find(|file| file.purpose == Purpose::PatroniConfig)?;
    if process.config.as_ref() == Some(&ours.content) {
        return None;
    }
    let before = FileFacts {
        content: process.config.clone(),
        modified: process.config_modified,
        ..FileFacts::default()
    };
    Some(Action::WriteFile {
        before: Some(before),
        file: File {
            path: process.config_file.clone()?,
            ..ours.clone()
        },
    })
}

/// Whether it was written after Patroni last read it.
pub(super) fn is_stale(process: &ProcessFacts, unit: Option<&UnitFacts>) -> bool {
    let read = unit.and_then(|unit| unit.active_since.max(unit.reloaded_at));
    read.is_some_and(|read| process.config_modified > read)
}

/// Nobody reads it once Patroni has restarted: what we wrote, with the passwords in it, goes.
pub(super) fn removal(process: &ProcessFacts) -> Option<Action> {
    let content = process.config.as_ref().map(Secret::expose)?;
    let path = process.config_file.clone()?;
    content
        .contains(MANAGED_BY)
        .then_some(Action::RemoveFile { path })
}
