//! A value that never shows itself: passwords, private keys, files that hold them.

pub mod mask;
pub mod scram;

use std::fmt;

pub use mask::Mask;

/// A secret text. `Debug` and `Display` print `***`; serialisation writes `"***"`, so that a
/// record of facts is clean. [`Secret::expose`] is the only way to the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Each call is a place to review: it may go to a node's stdin or into a
    /// file of mode 0600, nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_shows_itself_nowhere_but_in_expose() {
        let secret = Secret::new("hunter2");
        let shown = format!(
            "{secret:?} {secret} {:?} {}",
            Some(&secret),
            serde_json::to_string(&secret).expect("a string")
        );
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(secret.expose(), "hunter2");
    }
}
