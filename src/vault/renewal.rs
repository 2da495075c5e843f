//! When a certificate is issued anew.

use crate::cluster::CertificateSpec;
use crate::x509::Certificate;

/// Why a certificate is to be issued anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// There is none, or none that can be read.
    Missing,
    /// It does not say what it is to say.
    SaysOtherwise,
    /// The authority that issued it is not the one of now.
    OtherAuthority,
    /// Less than a third of its lifetime is left.
    Ends,
}

/// Whether the certificate in `pem` has to be issued anew at `now` (seconds since the epoch).
pub(super) fn due(
    pem: Option<&str>,
    spec: &CertificateSpec,
    authority: &Certificate,
    now: i64,
) -> Option<Due> {
    let Some(present) = pem.and_then(Certificate::first_of) else {
        return Some(Due::Missing);
    };
    if present.common_name != spec.common_name
        || present.names != spec.names
        || present.addresses != spec.addresses
        || !present.for_servers
        || present.for_clients != spec.name.purpose.is_for_clients()
    {
        return Some(Due::SaysOtherwise);
    }
    if !present.is_issued_by(authority) {
        return Some(Due::OtherAuthority);
    }
    // One that ends with its authority cannot be made to last longer.
    if present.is_in_its_last_third(now) && present.not_after < authority.not_after {
        return Some(Due::Ends);
    }
    None
}
