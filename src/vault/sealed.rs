//! The encryption of the vault: an armored age file.

use std::io::{self, Read, Write};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt};

use super::identity::Identity;
use crate::cluster::recipient::Recipient;
use crate::secret::Secret;

/// Far more than the passwords and certificates of a large cluster.
const LARGEST: u64 = 64 << 20;
/// 2^24 rounds of scrypt: a minute. A vault made on a quick machine opens on a slow one; one that
/// would take for ever was not made by us.
const MOST_WORK: u8 = 24;

/// What opens a vault.
pub(super) enum Key<'a> {
    /// Any of these.
    Identities(&'a [Identity]),
    /// A passphrase.
    Passphrase(&'a Secret),
}

/// Whom a vault is encrypted to.
#[derive(Clone, Debug)]
pub(super) enum Audience {
    /// Each of these alone can open it.
    Recipients(Vec<String>),
    /// Whoever knows the passphrase.
    Passphrase(Secret),
}

/// Why a vault cannot be opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is encrypted to others.
    WrongKey,
    /// It is not what was written.
    Damaged(&'static str),
}

/// Whether the file is encrypted to a passphrase.
pub(super) fn has_passphrase(sealed: &[u8]) -> Result<bool, Failure> {
    decryptor(sealed).map(|decryptor| decryptor.is_scrypt())
}

/// The plain text.
pub(super) fn open(sealed: &[u8], key: &Key) -> Result<Vec<u8>, Failure> {
    let decryptor = decryptor(sealed)?;
    let reader = match key {
        Key::Identities(identities) => decryptor.decrypt(identities.iter().map(Identity::as_age)),
        Key::Passphrase(passphrase) => {
            let mut identity = scrypt::Identity::new(secret_string(passphrase));
            identity.set_max_work_factor(MOST_WORK);
            decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
        }
    };
    let mut plain = Vec::new();
    let mut reader = reader.map_err(|error| failure(&error))?;
    let read = reader.by_ref().take(LARGEST).read_to_end(&mut plain);
    // What is left of a truncated or changed file is never used.
    read.map_err(|error| Failure::Damaged(io_words(&error)))?;
    Ok(plain)
}

/// The plain text encrypted.
pub(super) fn seal(plain: &[u8], audience: &Audience) -> io::Result<Vec<u8>> {
    let encryptor = match audience {
        Audience::Recipients(recipients) => {
            let recipients: Vec<Recipient> = recipients
                .iter()
                .map(|recipient| recipient.parse().map_err(io::Error::other))
                .collect::<io::Result<_>>()?;
            let recipients = recipients.iter().map(Recipient::as_age);
            Encryptor::with_recipients(recipients).map_err(io::Error::other)?
        }
        Audience::Passphrase(passphrase) => {
            Encryptor::with_user_passphrase(secret_string(passphrase))
        }
    };
    let armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armored)?;
    writer.write_all(plain)?;
    writer.finish()?.finish()
}

fn decryptor(sealed: &[u8]) -> Result<Decryptor<ArmoredReader<io::BufReader<&[u8]>>>, Failure> {
    Decryptor::new(ArmoredReader::new(sealed)).map_err(|error| failure(&error))
}

fn secret_string(secret: &Secret) -> SecretString {
    SecretString::from(secret.expose().to_owned())
}

fn failure(error: &DecryptError) -> Failure {
    match error {
        DecryptError::NoMatchingKeys | DecryptError::KeyDecryptionFailed => Failure::WrongKey,
        // With a passphrase that is what a wrong one looks like.
        DecryptError::DecryptionFailed => Failure::WrongKey,
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => {
            Failure::Damaged("it does not begin as an age file does")
        }
        DecryptError::InvalidMac => Failure::Damaged("its header has been changed"),
        DecryptError::ExcessiveWork { .. } => {
            Failure::Damaged("it asks for more work than any passphrase of ours")
        }
        DecryptError::Io(error) => Failure::Damaged(io_words(error)),
    }
}

fn io_words(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early",
        _ => "its content has been changed or cut off",
    }
}
