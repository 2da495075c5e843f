//! `tls`, `endpoints` and `clients`.

use std::time::Duration;

use ipnet::IpNet;

use super::{Draft, value};
use crate::cluster::{BroughtCertificates, TlsSpec, TlsStage};
use crate::inventory::tls::Switch;

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn tls(draft: &Draft) -> TlsSpec {
    let certificates = draft
        .top
        .certificates
        .clone()
        .map(|section| section.value)
        .unwrap_or_default();
    TlsSpec {
        enabled: value(&draft.top.tls, Switch::On) == Switch::On,
        stage: TlsStage::Whole,
        lifetime: value(&certificates.lifetime, 365 * DAY),
        ca_lifetime: value(&certificates.ca_lifetime, 3650 * DAY),
        brought: certificates
            .ca_file
            .zip(certificates.files)
            .map(|(ca_file, files)| BroughtCertificates {
                ca_file: draft.source.local_path(&ca_file.value),
                files: draft.source.local_path(&files.value),
            }),
        endpoints: draft
            .top
            .endpoints
            .iter()
            .flat_map(|endpoints| &endpoints.value.0)
            .map(|endpoint| endpoint.value.clone())
            .collect(),
    }
}

pub(super) fn clients(draft: &Draft) -> Vec<IpNet> {
    let clients = draft.top.clients.iter();
    clients
        .flat_map(|clients| &clients.value.0)
        .map(|client| client.value)
        .collect()
}
