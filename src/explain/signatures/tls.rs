//! Certificates.

use super::Signature;

/// What services say once they talk to each other again.
const OVER: &[&str] = &["no action. I am", "established a TCP streaming connection"];

pub(super) const ALL: &[Signature] = &[
    Signature {
        name: "tls-expired",
        any: &[
            &["certificate has expired"],
            &["certificate verify failed", "not yet valid"],
            &["expired: "],
            &["not valid yet: "],
        ],
        without: &["in its last third"],
        over: OVER,
        cause: "a certificate has expired, or is not valid yet",
        remedy: "compare the node's clock with the certificate's days; \
                 `mahout rotate certificates` issues new ones",
        ..Signature::PLAIN
    },
    Signature {
        name: "tls-unknown-authority",
        any: &[
            &["certificate signed by unknown authority"],
            &["certificate verify failed", "unable to get local issuer"],
            &["certificate verify failed", "self-signed certificate"],
            &["certificate verify failed", "self signed certificate"],
            &["untrusted: "],
        ],
        over: OVER,
        cause: "a certificate was issued by an authority that is not trusted here",
        remedy: "`mahout deploy`; if an authority is being changed, `mahout rotate ca` ends that",
        ..Signature::PLAIN
    },
    Signature {
        name: "tls-wrong-name",
        any: &[
            &["certificate is valid for", ", not "],
            &["certificate is not valid for"],
            &["does not match any of DNSNames"],
            &["doesn't contain any IP SANs"],
            &["certificate verify failed", "mismatch"],
            &["server certificate for", "does not match host name"],
        ],
        over: OVER,
        cause: "a certificate does not carry the name or address that it is shown for",
        remedy: "`mahout deploy`: it issues one for the addresses of the inventory",
        ..Signature::PLAIN
    },
    Signature {
        name: "tls-unreadable",
        any: &[&["unreadable: "], &["tls: failed to find any PEM data"]],
        over: OVER,
        cause: "a certificate's file holds no certificate",
        remedy: "`mahout deploy` writes it anew",
        ..Signature::PLAIN
    },
];
