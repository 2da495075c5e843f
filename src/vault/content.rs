//! What is in the vault.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The form of the content; 1 was JSON in clear text, 2 had no lineage, 3 no adopted secrets.
pub(super) const VERSION: u32 = 4;

/// What the file holds, once it is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    /// The form.
    pub(super) version: u32,
    /// Random: which vault this is.
    pub(super) id: String,
    /// How often something that is deployed has changed.
    pub(super) generation: u64,
    /// The tags of the generations that led here, the present one's last: random, so that two
    /// copies that were changed apart differ, however often each was. One from before there were
    /// tags has none.
    #[serde(default)]
    pub(super) lineage: Vec<String>,
    /// For whom the file is encrypted, as age's public keys; none if it is to a passphrase.
    pub(super) recipients: Vec<String>,
    /// The generated secrets by name.
    #[serde(with = "exposed")]
    pub(super) secrets: BTreeMap<String, Secret>,
    /// The names of those that a cluster had before mahout: they are what they are, weak ones, too.
    #[serde(default)]
    pub(super) adopted: BTreeSet<String>,
    /// The values that secrets had before a rotation that is not finished.
    #[serde(with = "exposed")]
    pub(super) previous: BTreeMap<String, Secret>,
    /// The authorities, certificate and key.
    pub(super) authorities: Authorities,
    /// The nodes' certificates with their keys: `pg-1/patroni`.
    #[serde(with = "exposed")]
    pub(super) certificates: BTreeMap<String, Secret>,
}

/// The cluster's authority. While it is changed there are two that are trusted: first `next`
/// beside the one that issues, then the new one issues, with `previous` beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authorities {
    /// The one that issues.
    #[serde(with = "exposed_option")]
    pub(super) current: Option<Secret>,
    /// The one that will.
    #[serde(with = "exposed_option")]
    pub(super) next: Option<Secret>,
    /// The one that did.
    #[serde(with = "exposed_option")]
    pub(super) previous: Option<Secret>,
}

impl Authorities {
    /// Those that are trusted, the one that issues first.
    pub(super) fn trusted(&self) -> impl Iterator<Item = &Secret> {
        self.current.iter().chain(&self.next).chain(&self.previous)
    }
}

impl Content {
    /// Whether there is nothing in it that would have to be kept.
    pub(super) fn is_empty(&self) -> bool {
        self.secrets.is_empty()
            && self.certificates.is_empty()
            && self.authorities.current.is_none()
    }

    /// Whether something that is deployed is not as in `other`.
    pub(super) fn deploys_otherwise(&self, other: &Self) -> bool {
        self.secrets != other.secrets
            || self.authorities != other.authorities
            || self.certificates != other.certificates
    }
}

/// Secrets in the plain text of the vault: the one place where they are written down.
mod exposed {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::secret::Secret;

    pub(super) fn serialize<S: Serializer>(
        secrets: &BTreeMap<String, Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(secrets.iter().map(|(name, value)| (name, value.expose())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Secret>, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
        let secret = |(name, text): (String, String)| (name, Secret::new(text));
        Ok(texts.into_iter().map(secret).collect())
    }
}

/// As [`exposed`], of a single one.
mod exposed_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::secret::Secret;

    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.map(Secret::new))
    }
}
