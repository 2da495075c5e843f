//! Passwords that PostgreSQL could not be given.

use super::Findings;
use crate::plan::Desired;
use crate::secret::scram;

/// The server gets a verifier of each password, which is made here.
pub(super) fn check(findings: &mut Findings, desired: &Desired) {
    for (role, secret) in desired.cluster.passwords() {
        if !scram::is_preparable(desired.secrets.get(&secret)) {
            findings.refuse(
                None,
                format!(
                    "the password of role `{role}` has characters beyond ASCII, which not every \
                     client sends alike"
                ),
                Some("let it be generated, or keep to ASCII".to_owned()),
            );
        }
    }
}
