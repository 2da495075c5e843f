//! The section `vault`.

use super::reference::SecretRef;
use super::section::{List, section};

section! {
    /// Where generated secrets are kept, and who can read them.
    pub struct Vault {
        /// The file with the age identities that open it.
        Cluster identity: String = Unset;
        /// The age recipients that can read it besides the identity's own.
        Cluster recipients: List<String>;
        /// A passphrase that it is encrypted with instead.
        Cluster passphrase: SecretRef = Unset;
    }
}
