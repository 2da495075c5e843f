//! For whom the vault is encrypted: age's public keys and, with the feature `vault-ssh`, SSH's.

use std::fmt;
use std::str::FromStr;

/// Somebody's public key. Displayed, it is the key without the comment that SSH puts behind it.
pub enum Recipient {
    /// age's own kind: `age1…`.
    Age(age::x25519::Recipient),
    /// `ssh-ed25519 …` or `ssh-rsa …`.
    #[cfg(feature = "vault-ssh")]
    Ssh(age::ssh::Recipient),
}

/// What is no recipient, and why. It never repeats the text: that may be a secret key which was
/// given by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotARecipient {
    /// An identity, where its public half belongs.
    #[error("it is a secret key")]
    SecretKey,
    /// An SSH key, and this program cannot encrypt to one.
    #[error("it is an SSH key, for which this mahout was built without the feature `vault-ssh`")]
    NeedsFeature,
    /// An SSH key that age has no use for.
    #[error("it is an SSH key of a kind that age cannot encrypt to")]
    OtherSshKey,
    /// Anything else.
    #[error("it is no age recipient")]
    Other,
}

impl NotARecipient {
    /// What to write instead.
    pub fn hint(self) -> &'static str {
        match self {
            NotARecipient::NeedsFeature => {
                "use an age recipient, which begins with `age1`, or build mahout with `cargo build \
                 --release --features vault-ssh`"
            }
            NotARecipient::OtherSshKey => {
                "`ssh-ed25519` or `ssh-rsa` of 2048 bits or more; keys in hardware and in an agent \
                 cannot be used"
            }
            NotARecipient::SecretKey | NotARecipient::Other => {
                "a recipient begins with `age1`; `age-keygen -y IDENTITY` prints it"
            }
        }
    }
}

impl Recipient {
    /// As age takes it.
    pub fn as_age(&self) -> &dyn age::Recipient {
        match self {
            Recipient::Age(recipient) => recipient,
            #[cfg(feature = "vault-ssh")]
            Recipient::Ssh(recipient) => recipient,
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recipient::Age(recipient) => recipient.fmt(f),
            #[cfg(feature = "vault-ssh")]
            Recipient::Ssh(recipient) => recipient.fmt(f),
        }
    }
}

impl FromStr for Recipient {
    type Err = NotARecipient;

    fn from_str(text: &str) -> Result<Self, NotARecipient> {
        let text = text.trim();
        if text.to_uppercase().starts_with("AGE-SECRET-KEY-") || text.starts_with("-----BEGIN") {
            return Err(NotARecipient::SecretKey);
        }
        match text.parse() {
            Ok(recipient) => Ok(Recipient::Age(recipient)),
            Err(_) if is_ssh(text) => of_ssh(text),
            Err(_) => Err(NotARecipient::Other),
        }
    }
}

fn is_ssh(text: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|kind| text.starts_with(kind))
}

#[cfg(feature = "vault-ssh")]
fn of_ssh(text: &str) -> Result<Recipient, NotARecipient> {
    // The comment is no part of the key.
    let mut words = text.split_whitespace();
    let key = match (words.next(), words.next()) {
        (Some(kind), Some(key)) => format!("{kind} {key}"),
        _ => return Err(NotARecipient::Other),
    };
    // age's own message could quote the text.
    let parsed = key.parse().map_err(|_| NotARecipient::OtherSshKey)?;
    Ok(Recipient::Ssh(parsed))
}

#[cfg(not(feature = "vault-ssh"))]
fn of_ssh(_: &str) -> Result<Recipient, NotARecipient> {
    Err(NotARecipient::NeedsFeature)
}

#[cfg(test)]
mod tests {
    use super::{NotARecipient, Recipient};

    const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN alice@host";

    fn refused(text: &str) -> NotARecipient {
        text.parse::<Recipient>().map(|_| ()).expect_err("refused")
    }

    #[test]
    fn what_is_no_recipient_is_told_by_kind() {
        assert_eq!(refused("age-secret-key-1abc"), NotARecipient::SecretKey);
        let pem = "-----BEGIN OPENSSH PRIVATE KEY-----";
        assert_eq!(refused(pem), NotARecipient::SecretKey);
        assert_eq!(refused("age1x"), NotARecipient::Other);
    }

    #[cfg(not(feature = "vault-ssh"))]
    #[test]
    fn an_ssh_key_asks_for_the_feature() {
        let error = refused(SSH);
        assert_eq!(error, NotARecipient::NeedsFeature);
        assert!(error.to_string().contains("`vault-ssh`"));
        assert!(error.hint().contains("--features vault-ssh"));
    }

    #[cfg(feature = "vault-ssh")]
    #[test]
    fn an_ssh_key_loses_its_comment() {
        let recipient: Recipient = SSH.parse().map_err(|_| ()).expect("an SSH key");
        assert_eq!(format!("{recipient} alice@host"), SSH);
        for other in ["sk-ssh-ed25519@openssh.com AAAA", "ssh-dss AAAA", "ssh-rsa"] {
            assert!(other.parse::<Recipient>().is_err(), "{other}");
        }
    }
}
