//! New passwords.

use super::VaultError;
use crate::secret::Secret;

/// Letters and digits alone: they need no quoting in any file, URL or shell.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// 190 bits.
const LENGTH: usize = 32;

/// A password of the system's random numbers, each character equally likely.
pub(super) fn password() -> Result<Secret, VaultError> {
    let mut text = String::with_capacity(LENGTH);
    while text.len() < LENGTH {
        let mut bytes = [0; 2 * LENGTH];
        getrandom::fill(&mut bytes).map_err(VaultError::Random)?;
        text.extend(
            bytes
                .into_iter()
                .filter_map(character)
                .take(LENGTH - text.len()),
        );
    }
    Ok(Secret::new(text))
}

/// What tells one vault from all others: 12 hexadecimal digits.
pub(super) fn id() -> Result<String, VaultError> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(VaultError::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The character for a random byte. The bytes beyond the last whole alphabet are thrown away,
/// else its first characters would come more often.
fn character(byte: u8) -> Option<char> {
    let whole = u8::MAX - u8::MAX % 62;
    (byte < whole).then(|| char::from(ALPHABET[usize::from(byte % 62)]))
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, character, password};
    use std::collections::BTreeMap;

    #[test]
    fn every_character_is_equally_likely() {
        let mut counts = BTreeMap::new();
        for character in (0..=u8::MAX).filter_map(character) {
            *counts.entry(character).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|&count| count == 4), "{counts:?}");
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, other) = (password().expect("random"), password().expect("random"));
        assert_eq!(one.expose().len(), LENGTH);
        assert!(one.expose().chars().all(|c| c.is_ascii_alphanumeric()));
        assert_ne!(one, other);
    }
}
