//! The vault and certificates that are brought along.

use super::Context;
use crate::cluster::recipient::{NotARecipient, Recipient};

pub(super) fn check(context: &mut Context<'_>) {
    let draft = context.draft;
    let problems = &mut *context.problems;
    if let Some(vault) = draft.top.vault.as_ref().map(|vault| &vault.value) {
        for recipient in vault.recipients.iter().flat_map(|list| &list.value.0) {
            let Err(why) = recipient.value.parse::<Recipient>() else {
                continue;
            };
            let message = match why {
                NotARecipient::SecretKey => {
                    "`vault.recipients` holds a secret key, where everyone can read it".to_owned()
                }
                NotARecipient::Other => "`vault.recipients`: this is no age recipient".to_owned(),
                why => format!("`vault.recipients`: {why}"),
            };
            problems.error(recipient.span, message).hint(why.hint());
        }
        if let (Some(passphrase), Some(recipients)) = (&vault.passphrase, &vault.recipients)
            && !recipients.value.0.is_empty()
        {
            problems
                .error(
                    passphrase.span,
                    "`vault.passphrase` and `vault.recipients` exclude each other",
                )
                .hint("age encrypts to a passphrase alone, or to recipients");
        }
    }
    let Some(certificates) = draft
        .top
        .certificates
        .as_ref()
        .map(|section| &section.value)
    else {
        return;
    };
    match (&certificates.ca_file, &certificates.files) {
        (Some(given), None) => {
            problems
                .error(
                    given.span,
                    "`certificates.ca_file` without `certificates.files`",
                )
                .hint("both are yours, or neither: `files: \"tls/{node}-{purpose}.pem\"`");
        }
        (None, Some(given)) => {
            problems
                .error(
                    given.span,
                    "`certificates.files` without `certificates.ca_file`",
                )
                .hint("both are yours, or neither: the file of the authorities that are trusted");
        }
        (Some(_), Some(files)) => {
            for place in ["{node}", "{purpose}"] {
                if !files.value.contains(place) {
                    problems
                        .error(
                            files.span,
                            format!("`certificates.files` has no `{place}` in it"),
                        )
                        .hint(
                            "each node and purpose (etcd-server, etcd-peer, patroni, postgresql) \
                             has a file of its own: `tls/{node}-{purpose}.pem`",
                        );
                }
            }
        }
        (None, None) => {}
    }
}
