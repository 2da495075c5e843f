//! `vault`.

use super::{Draft, secrets};
use crate::cluster::VaultSpec;
use crate::inventory::Problems;

pub(super) fn vault(draft: &Draft, problems: &mut Problems) -> VaultSpec {
    let section = draft
        .top
        .vault
        .clone()
        .map(|section| section.value)
        .unwrap_or_default();
    let passphrase = section.passphrase.and_then(|reference| {
        let source = secrets::elsewhere(draft, &reference.value);
        if source.is_none() {
            problems
                .error(
                    reference.span,
                    "`vault.passphrase` has to be kept elsewhere",
                )
                .hint(
                    "write `env:NAME`, `file:PATH` or `command:LINE`; without it the vault is \
                       encrypted to an identity file",
                );
        }
        source
    });
    VaultSpec {
        identity: section
            .identity
            .map(|path| draft.source.local_path(&path.value)),
        recipients: section
            .recipients
            .map(|list| list.value.0.into_iter().map(|item| item.value).collect())
            .unwrap_or_default(),
        passphrase,
    }
}
