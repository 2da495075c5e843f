//! Where packages come from.

use std::collections::BTreeMap;

use super::Context;
use crate::inventory::nodes::NodeEntry;
use crate::inventory::system::Repository;
use crate::inventory::{List, Problems, Span, Spanned};
use crate::platform::{self, Platform};

pub(super) fn check(context: &mut Context<'_>) {
    let Context {
        draft, problems, ..
    } = context;
    // What stands at the top or in a group is the same list for many nodes.
    let mut lists: BTreeMap<usize, &Spanned<List<Repository>>> = BTreeMap::new();
    for node in &draft.nodes {
        platform(&node.entry, problems);
        if let Some(list) = &node.entry.repositories {
            lists.insert(list.span.start, list);
        }
    }
    for list in lists.into_values() {
        repositories(list, problems);
    }
}

fn platform(entry: &NodeEntry, problems: &mut Problems) {
    let system = entry.system.as_ref().map(|system| &system.value);
    let Some(name) = system.and_then(|system| system.platform.as_ref()) else {
        return;
    };
    if Platform::named(&name.value).is_none() {
        let message = format!("`{}` names no platform", name.value);
        problems
            .error(name.span, message)
            .hint(format!("one of {}", platform::NAMES));
    }
}

fn repositories(list: &Spanned<List<Repository>>, problems: &mut Problems) {
    if list.value.0.is_empty() {
        problems
            .error(
                list.span,
                "`repositories` is empty, and nothing could be installed",
            )
            .hint(
                "list the sections that packages come from; one that the node has already needs \
                 no more than its `name`",
            );
    }
    let mut names: BTreeMap<&str, Span> = BTreeMap::new();
    for Repository {
        name,
        baseurl,
        gpgkey,
        gpgcheck,
        enabled,
    } in list.value.0.iter().map(|entry| &entry.value)
    {
        // Its absence has been reported.
        let Some(name) = name else { continue };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if name.value == "main" || !name.value.chars().all(allowed) {
            let message = format!("`{}` cannot be the name of a repository", name.value);
            problems
                .error(name.span, message)
                .hint("letters, digits and `-_.:`, and not `main`");
        }
        if names.insert(&name.value, name.span).is_some() {
            problems
                .error(
                    name.span,
                    format!("there are two repositories `{}`", name.value),
                )
                .hint("a repository with several mirrors is one repository");
        }
        let Some(_) = baseurl else {
            let said = [
                gpgkey.as_ref().map(|key| key.span),
                gpgcheck.as_ref().map(|check| check.span),
                enabled.as_ref().map(|enabled| enabled.span),
            ];
            if let Some(span) = said.into_iter().flatten().next() {
                let message = format!(
                    "`{}` has no `baseurl`, and is a section that the node has already",
                    name.value
                );
                problems
                    .error(span, message)
                    .hint("its other keys stand in the node's own file");
            }
            continue;
        };
        let checks = gpgcheck.as_ref().is_none_or(|check| check.value);
        if !checks {
            let message = format!(
                "packages of `{}` are installed whoever made them: their signatures are not checked",
                name.value
            );
            let span = gpgcheck.as_ref().map(|check| check.span);
            problems
                .warning(span, message)
                .hint("name the key in `gpgkey` and leave `gpgcheck` out");
        } else if gpgkey.is_none() {
            let message = format!(
                "`{}` has no `gpgkey` to check its packages with",
                name.value
            );
            problems.error(name.span, message).hint(
                "the URL of the public key, or `file:///etc/pki/rpm-gpg/NAME` for one on the node",
            );
        }
    }
}
