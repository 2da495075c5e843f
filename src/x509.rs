//! Certificates as they are read: whom they name, how long they are valid, who issued them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The subject's common name; empty if it has none.
    pub common_name: String,
    /// The DNS names in it.
    pub names: BTreeSet<String>,
    /// The addresses in it.
    pub addresses: BTreeSet<IpAddr>,
    /// Since when it is valid, in seconds since the epoch.
    pub not_before: i64,
    /// Until when it is valid, in seconds since the epoch.
    pub not_after: i64,
    /// Its public key, as it stands in it.
    pub public_key: Vec<u8>,
    /// Whether a server may show it.
    pub for_servers: bool,
    /// Whether a client may show it.
    pub for_clients: bool,
    der: Vec<u8>,
}

impl Certificate {
    /// Every certificate of a PEM text, in its order; `None` if one of them cannot be read.
    pub fn all_of(pem: &str) -> Option<Vec<Self>> {
        Pem::iter_from_buffer(pem.as_bytes())
            .filter(|block| {
                block
                    .as_ref()
                    .map_or(true, |block| block.label == "CERTIFICATE")
            })
            .map(|block| Self::from_der(block.ok()?.contents))
            .collect()
    }

    /// The first certificate of a PEM text: before its chain.
    pub fn first_of(pem: &str) -> Option<Self> {
        Self::all_of(pem)?.into_iter().next()
    }

    fn from_der(der: Vec<u8>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(&der).ok()?;
        let common_name = parsed.subject().iter_common_name().next();
        let mut names = BTreeSet::new();
        let mut addresses = BTreeSet::new();
        let alternative = parsed.subject_alternative_name().ok()?;
        for name in alternative.iter().flat_map(|it| &it.value.general_names) {
            match name {
                GeneralName::DNSName(name) => {
                    names.insert((*name).to_owned());
                }
                GeneralName::IPAddress(bytes) => {
                    addresses.extend(address(bytes));
                }
                _ => {}
            }
        }
        let usage = parsed.extended_key_usage().ok()?.map(|usage| usage.value);
        Some(Self {
            // Without the extension it is for everything.
            for_servers: usage.is_none_or(|usage| usage.any || usage.server_auth),
            for_clients: usage.is_none_or(|usage| usage.any || usage.client_auth),
            common_name: common_name
                .and_then(|name| name.as_str().ok())
                .unwrap_or_default()
                .to_owned(),
            names,
            addresses,
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            public_key: parsed.public_key().subject_public_key.data.to_vec(),
            der,
        })
    }

    /// Whether `authority` issued it: by name and by signature.
    pub fn is_issued_by(&self, authority: &Self) -> bool {
        let read = |der| {
            X509Certificate::from_der(der)
                .ok()
                .map(|(_, parsed)| parsed)
        };
        let (Some(own), Some(authority)) = (read(&self.der), read(&authority.der)) else {
            return false;
        };
        own.issuer().as_raw() == authority.subject().as_raw()
            && own.verify_signature(Some(authority.public_key())).is_ok()
    }

    /// How long it is still valid at `now`, in seconds; negative once it has expired.
    pub fn left(&self, now: i64) -> i64 {
        self.not_after - now
    }

    /// Whether less than a third of its lifetime is left at `now`: it is to be renewed.
    pub fn is_in_its_last_third(&self, now: i64) -> bool {
        self.left(now).saturating_mul(3) < self.not_after - self.not_before
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}
