//! Files, directories, file systems.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::facts::ask::Ask;
use crate::facts::script::CONTENT_LIMIT;
use crate::facts::section::Sections;
use crate::facts::{DirectoryFacts, DiskFacts, FileFacts};
use crate::secret::Secret;

/// A line of `stat -c '%F|%U|%G|%a|%Y|%s|%n'`.
pub(super) struct Stat<'a> {
    kind: &'a str,
    owner: &'a str,
    group: &'a str,
    mode: &'a str,
    pub(super) modified: i64,
    pub(super) path: &'a str,
}

/// Everything that exists of what was asked for.
pub(super) fn stats<'a>(sections: &Sections<'a>) -> impl Iterator<Item = Stat<'a>> {
    sections.lines("stat").filter_map(|line| {
        let mut parts = line.splitn(7, '|');
        let mut next = || parts.next();
        let (kind, owner, group, mode) = (next()?, next()?, next()?, next()?);
        let modified = next()?.parse().ok()?;
        let _size = next()?;
        Some(Stat {
            kind,
            owner,
            group,
            mode,
            modified,
            path: next()?,
        })
    })
}

pub(super) fn files(ask: &Ask, sections: &Sections<'_>) -> BTreeMap<String, FileFacts> {
    let contents: BTreeMap<&str, Vec<u8>> = sections
        .all("content")
        .filter_map(|section| {
            let content = STANDARD.decode(section.lines.concat()).ok()?;
            Some((section.argument, content))
        })
        .collect();
    let links: BTreeMap<&str, &str> = sections
        .all("link")
        .filter_map(|section| Some((section.argument, section.lines.first()?.trim())))
        .collect();
    let hashes: BTreeMap<&str, &str> = sections
        .lines("sha256")
        .filter_map(|line| line.split_once("  "))
        .map(|(hash, path)| (path, hash))
        .collect();
    let facts = |stat: Stat<'_>| {
        let content = contents.get(stat.path);
        let complete = content.filter(|content| (content.len() as u64) < CONTENT_LIMIT);
        let facts = FileFacts {
            owner: stat.owner.to_owned(),
            group: stat.group.to_owned(),
            mode: stat.mode.to_owned(),
            sha256: match complete {
                Some(content) => hexadecimal(&Sha256::digest(content)),
                None => hashes
                    .get(stat.path)
                    .copied()
                    .unwrap_or_default()
                    .to_owned(),
            },
            content: complete
                .and_then(|content| std::str::from_utf8(content).ok())
                .map(Secret::new),
            modified: stat.modified,
            link: links.get(stat.path).map(|&target| target.to_owned()),
        };
        (stat.path.to_owned(), facts)
    };
    stats(sections)
        .filter(|stat| ask.files.iter().any(|path| path == stat.path))
        .map(facts)
        .collect()
}

/// Whether the folder that is the lock is there.
pub(super) fn locked(sections: &Sections<'_>) -> bool {
    stats(sections).any(|stat| stat.path == "/run/mahout/lock")
}

pub(super) fn directories(ask: &Ask, sections: &Sections<'_>) -> BTreeMap<String, DirectoryFacts> {
    let empty: BTreeSet<&str> = sections.lines("empty").collect();
    stats(sections)
        .filter(|stat| stat.kind == "directory")
        .filter(|stat| ask.directories.iter().any(|path| path == stat.path))
        .map(|stat| {
            let facts = DirectoryFacts {
                owner: stat.owner.to_owned(),
                group: stat.group.to_owned(),
                mode: stat.mode.to_owned(),
                empty: empty.contains(stat.path),
            };
            (stat.path.to_owned(), facts)
        })
        .collect()
}

pub(super) fn disks(sections: &Sections<'_>) -> Vec<DiskFacts> {
    let mounts: BTreeMap<&str, &str> = sections
        .lines("mounts")
        .filter_map(|line| line.split_once('|'))
        .map(|(mount, path)| (path, mount))
        .collect();
    let mut sizes = BTreeMap::new();
    for line in sections.lines("filesystems") {
        let parts: Vec<&str> = line.splitn(6, '|').collect();
        let numbers: Vec<u64> = parts.iter().take(5).flat_map(|part| part.parse()).collect();
        if let ([block, blocks, free, inodes, free_inodes], Some(path)) =
            (numbers.as_slice(), parts.get(5))
        {
            let size = block.saturating_mul(*blocks);
            let free = block.saturating_mul(*free);
            sizes.insert(*path, (size, free, (*inodes > 0).then_some(*free_inodes)));
        }
    }
    sections
        .lines("disks")
        .filter_map(|line| {
            let (parent, path) = line.split_once('|')?;
            let (size_bytes, free_bytes, free_inodes) = *sizes.get(parent)?;
            Some(DiskFacts {
                path: path.to_owned(),
                mount: mounts.get(parent).copied().unwrap_or_default().to_owned(),
                size_bytes,
                free_bytes,
                free_inodes,
            })
        })
        .collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
