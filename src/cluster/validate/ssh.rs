//! How nodes are reached: nothing that ssh would take for an option.

use std::time::Duration;

use super::Context;
use crate::inventory::Spanned;

pub(super) fn check(context: &mut Context<'_>) {
    for node in &context.draft.nodes {
        let Some(ssh) = node.entry.ssh.as_ref().map(|ssh| &ssh.value) else {
            continue;
        };
        let words: [(&str, &Option<Spanned<String>>); 3] = [
            ("destination", &ssh.destination),
            ("user", &ssh.user),
            ("proxy_jump", &ssh.proxy_jump),
        ];
        for (name, word) in words {
            let Some(word) = word else { continue };
            if word.value.starts_with('-') || word.value.contains(char::is_whitespace) {
                context
                    .problems
                    .error(
                        word.span,
                        format!(
                            "`ssh.{name}`: ssh would not take `{}` for a name",
                            word.value
                        ),
                    )
                    .hint("it begins with no `-` and has no spaces in it");
            } else if name == "destination" && word.value.contains('@') {
                context
                    .problems
                    .error(word.span, "`ssh.destination` is a name without a user")
                    .hint("the user has a key of its own: `ssh.user`");
            }
        }
        if let Some(time) = ssh.connect_timeout.as_ref()
            && time.value < Duration::from_secs(1)
        {
            context
                .problems
                .error(time.span, "`ssh.connect_timeout` must be at least a second")
                .hint("ssh counts it in seconds");
        }
    }
}
