//! The keys `tls` and `certificates`.

use std::time::Duration;

use super::section::{section, words};

words! {
    /// Whether something is done at all.
    pub enum Switch {
        /// It is.
        On = "on" | "true" | "yes";
        /// It is not.
        Off = "off" | "false" | "no";
    }
}

section! {
    /// The cluster's certificates.
    pub struct Certificates {
        /// How long a node's certificate is valid; renewed in its last third.
        Cluster lifetime: Duration;
        /// How long the authority's own is valid.
        Cluster ca_lifetime: Duration;
        /// Certificates of your own: the authorities that are trusted, PEM.
        Cluster ca_file: String = Unset;
        /// Certificates of your own: certificate, chain and key of each node and purpose, PEM.
        Cluster files: String = Unset;
    }
}
