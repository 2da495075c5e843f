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
    size: u64,
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
        let size = next()?.parse().ok()?;
        Some(Stat {
            kind,
            owner,
            group,
            mode,
            size,
            modified,
            path: next()?,
        })
    })
}

pub(super) fn files(ask: &Ask, sections: &Sections<'_>) -> BTreeMap<String, FileFacts> {
    let mut contents = contents(sections);
    contents.extend(sections.all("content").filter_map(|section| {
        let content = STANDARD.decode(section.lines.concat()).ok()?;
        Some((section.argument, content))
    }));
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

/// What `head -v` printed of all small files, in the order of their `stat`: `==> PATH <==`, the
/// content, an empty line before the next. A file may have changed or gone since its `stat`.
fn contents<'a>(sections: &Sections<'a>) -> BTreeMap<&'a str, Vec<u8>> {
    let lines: Vec<&str> = sections.lines("contents").collect();
    let Ok(text) = STANDARD.decode(lines.concat()) else {
        return BTreeMap::new();
    };
    let asked: Vec<Stat<'a>> = stats(sections)
        .filter(|stat| stat.kind.starts_with("regular ") && stat.size < CONTENT_LIMIT)
        .collect();
    let header = |stat: &Stat<'_>| format!("==> {} <==\n", stat.path).into_bytes();
    let mut contents = BTreeMap::new();
    let mut rest = text.as_slice();
    for (index, stat) in asked.iter().enumerate() {
        let Some(content) = rest.strip_prefix(header(stat).as_slice()) else {
            continue;
        };
        let next: Vec<Vec<u8>> = asked[index + 1..]
            .iter()
            .map(|stat| [b"\n", header(stat).as_slice()].concat())
            .collect();
        let as_long = usize::try_from(stat.size).ok().filter(|&size| {
            let behind = content.get(size..).unwrap_or(b"?");
            behind.is_empty() || next.iter().any(|next| behind.starts_with(next))
        });
        let end = as_long.unwrap_or_else(|| {
            let begins = next.iter().filter_map(|next| find(content, next));
            begins.min().unwrap_or(content.len())
        });
        contents.insert(stat.path, content[..end].to_vec());
        rest = content.get(end + 1..).unwrap_or_default();
    }
    contents
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_told_apart_by_their_size_or_else_by_what_follows() {
        let read = |sizes: [u64; 4], printed: &str| -> Vec<(String, String)> {
            let [a, b, c, d] = sizes;
            let output = format!(
                "@stat\nregular file|root|root|644|1|{a}|/a\nregular empty file|root|root|644|1|{b}|/b\n\
                 symbolic link|root|root|777|1|3|/l\nregular file|root|root|644|1|{c}|/c\n\
                 regular file|root|root|644|1|{d}|/d\n@contents\n{}\n",
                STANDARD.encode(printed)
            );
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
            contents(&Sections::of(&output))
                .into_iter()
                .map(|(path, content)| (path.to_owned(), text(content)))
                .collect()
        };
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = pairs
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
            owned.collect()
        };
        // One that looks as if the next began in it; one without a newline at its end.
        let tricky = "x\n\n==> /c <==\n";
        let printed = format!("==> /a <==\n{tricky}\n==> /b <==\n\n==> /c <==\n3\n==> /d <==\n4\n");
        let all = [("/a", tricky), ("/b", ""), ("/c", "3"), ("/d", "4\n")];
        assert_eq!(read([14, 0, 1, 2], &printed), pairs(&all));
        // One has grown since, one has gone.
        let printed = "==> /a <==\none more\n\n==> /c <==\n\n==> /d <==\n";
        let all = [("/a", "one more\n"), ("/c", ""), ("/d", "")];
        assert_eq!(read([4, 0, 7, 0], printed), pairs(&all));
        assert_eq!(read([4, 0, 7, 0], "head: error"), pairs(&[]));
    }
}
