//! Certificates in words, in the place of their base64.

use std::borrow::Cow;
use std::net::IpAddr;

use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::X509Certificate;

use crate::secret::mask::MASKED;

/// `text` with every certificate and every key of it as one line; any other text as it is.
pub(super) fn readable(text: &str) -> Cow<'_, str> {
    if !text.trim_start().starts_with("-----BEGIN ") {
        return Cow::Borrowed(text);
    }
    let blocks: Result<Vec<Pem>, _> = Pem::iter_from_buffer(text.as_bytes()).collect();
    let Ok(blocks) = blocks else {
        return Cow::Borrowed(text);
    };
    let lines = blocks.iter().map(|block| {
        let line = match block.label.as_str() {
            "CERTIFICATE" => block.parse_x509().map_or_else(
                |_| "a certificate that cannot be read".to_owned(),
                |certificate| in_words(&certificate),
            ),
            label => format!("{}: {MASKED}", label.to_lowercase()),
        };
        line + "\n"
    });
    Cow::Owned(lines.collect())
}

fn in_words(certificate: &X509Certificate) -> String {
    let mut line = format!(
        "certificate {} number {}, until {}, issued by {}",
        certificate.subject(),
        certificate.raw_serial_as_string().replace(':', ""),
        certificate.validity().not_after,
        certificate.issuer(),
    );
    let names: Vec<String> = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .into_iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(name)
        .collect();
    if !names.is_empty() {
        line += &format!(", for {}", names.join(", "));
    }
    line
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            v4.or(v6).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn a_certificate_is_one_line_and_its_key_none() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let names = vec!["pg-1".to_owned(), "10.0.0.11".to_owned()];
        let params = rcgen::CertificateParams::new(names).expect("parameters");
        let certificate = params.self_signed(&key).expect("a certificate");
        let pem = certificate.pem() + &key.serialize_pem();
        let shown = readable(&pem);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 2, "{shown}");
        assert!(lines[0].starts_with("certificate CN="), "{shown}");
        assert!(lines[0].ends_with(", for pg-1, 10.0.0.11"), "{shown}");
        assert_eq!(lines[1], "private key: (secret)");
        assert_eq!(readable("a: b\n"), "a: b\n");
        assert_eq!(readable("-----BEGIN half"), "-----BEGIN half");
    }
}
