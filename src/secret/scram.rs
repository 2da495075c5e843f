//! SCRAM-SHA-256 verifiers, as PostgreSQL keeps them in `pg_authid.rolpassword`.
//!
//! What is sent to a server is the verifier, so that none of its logs can hold the password; and
//! from the verifier that a server has it can be told whether it is of the password that is
//! wanted (RFC 5802, section 3; PostgreSQL, `scram-common.c`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::Secret;

/// PostgreSQL's own default (`scram_iterations`, a constant before 16).
pub const ITERATIONS: u32 = 4096;

/// More than anybody sets. A verifier comes from a server: it is not to keep us busy for hours.
const MOST_ITERATIONS: u32 = 10_000_000;

const PREFIX: &str = "SCRAM-SHA-256$";

/// `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY` of a password.
pub fn verifier(password: &Secret, salt: &[u8], iterations: u32) -> Secret {
    let (stored, server) = keys(password, salt, iterations);
    Secret::new(format!(
        "{PREFIX}{iterations}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    ))
}

/// Whether the server's verifier is of this password. An md5 hash never is, whatever it was made
/// of: it is to be replaced.
pub fn is_of(verifier: &Secret, password: &Secret) -> bool {
    let parsed = || {
        let (parameters, server_keys) = verifier.expose().strip_prefix(PREFIX)?.split_once('$')?;
        let (iterations, salt) = parameters.split_once(':')?;
        let (stored, server) = server_keys.split_once(':')?;
        let decode = |text: &str| STANDARD.decode(text).ok();
        let iterations: u32 = iterations.parse().ok()?;
        (1..=MOST_ITERATIONS).contains(&iterations).then_some(())?;
        Some((
            iterations,
            decode(salt)?,
            (decode(stored)?, decode(server)?),
        ))
    };
    parsed().is_some_and(|(iterations, salt, (stored, server))| {
        let (our_stored, our_server) = keys(password, &salt, iterations);
        our_stored[..] == stored && our_server[..] == server
    })
}

/// Whether a verifier of the password can be made here: clients prepare anything beyond ASCII
/// (SASLprep, RFC 4013) before they use it.
pub fn is_preparable(password: &Secret) -> bool {
    let mut bytes = password.expose().bytes();
    bytes.all(|byte| (0x20..0x7f).contains(&byte))
}

/// StoredKey and ServerKey.
fn keys(password: &Secret, salt: &[u8], iterations: u32) -> ([u8; 32], [u8; 32]) {
    let mut salted = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.expose().as_bytes(), salt, iterations, &mut salted);
    let client = mac(&salted, b"Client Key");
    (Sha256::digest(client).into(), mac(&salted, b"Server Key"))
}

fn mac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    // A key as long as a block or shorter stands in it as it is (RFC 2104).
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, section 3: salt, iterations and password of its example; the keys as PostgreSQL
    /// derives them.
    #[test]
    fn the_example_of_the_rfc() {
        let password = Secret::new("pencil");
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let verifier = verifier(&password, &salt, 4096);
        assert_eq!(
            verifier.expose(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
        assert!(is_of(&verifier, &password));
        assert!(!is_of(&verifier, &Secret::new("pencil ")));
    }

    #[test]
    fn what_is_no_verifier_is_of_no_password() {
        let password = Secret::new("pencil");
        for text in [
            "",
            "md5d1a0a4a3a3d4a3f9c1b1a1a1a1a1a1a1",
            "pencil",
            "SCRAM-SHA-256$0:AAAA$AAAA:AAAA",
            "SCRAM-SHA-256$4294967295:AAAA$AAAA:AAAA",
            "SCRAM-SHA-256$4096:AAAA$AAAA",
            "SCRAM-SHA-256$4096:%$AAAA:AAAA",
        ] {
            assert!(!is_of(&Secret::new(text), &password), "{text}");
        }
    }

    #[test]
    fn only_ascii_needs_no_preparation() {
        assert!(is_preparable(&Secret::new("a Z~!")));
        for text in ["grün", "a\tb", "\u{a0}x"] {
            assert!(!is_preparable(&Secret::new(text)), "{text}");
        }
    }
}
