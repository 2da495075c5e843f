//! Who listens on TCP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::facts::ListeningPort;
use crate::facts::section::Sections;

/// `0100007F:0BB8 812 etcd`: address and port as the kernel writes them, the pid (0 for unknown),
/// the process's name.
pub(super) fn ports(sections: &Sections<'_>) -> Vec<ListeningPort> {
    let port = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let (address, port) = words.next()?.split_once(':')?;
        let pid = words.next()?.parse().ok().filter(|&pid| pid > 0);
        Some(ListeningPort {
            address: address_of(address)?,
            port: u16::from_str_radix(port, 16).ok()?,
            process: words.next().unwrap_or_default().to_owned(),
            pid,
        })
    };
    let mut ports: Vec<ListeningPort> = sections.quoted("ports").filter_map(port).collect();
    // The unspecified addresses of both protocols are both `*`.
    ports.sort_by(|a, b| (a.port, &a.address).cmp(&(b.port, &b.address)));
    ports.dedup();
    ports
}

/// The kernel prints words of four bytes in the machine's own order, which is little-endian on
/// everything that PostgreSQL's packages are made for but s390x.
fn address_of(hexadecimal: &str) -> Option<String> {
    let words: Vec<u32> = hexadecimal
        .as_bytes()
        .chunks(8)
        .map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok())
        .map(|word| word.map(u32::swap_bytes))
        .collect::<Option<_>>()?;
    let address = match words.as_slice() {
        [word] => IpAddr::V4(Ipv4Addr::from(*word)),
        [a, b, c, d] => {
            let bits = [a, b, c, d]
                .iter()
                .fold(0_u128, |bits, word| bits << 32 | u128::from(**word));
            IpAddr::V6(Ipv6Addr::from(bits)).to_canonical()
        }
        _ => return None,
    };
    Some(if address.is_unspecified() {
        "*".to_owned()
    } else {
        address.to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::address_of;

    #[test]
    fn addresses_of_the_kernel_are_read() {
        for (text, expected) in [
            ("0100007F", "127.0.0.1"),
            ("00000000", "*"),
            ("00000000000000000000000000000000", "*"),
            ("00000000000000000000000001000000", "::1"),
            ("0000000000000000FFFF00000B00000A", "10.0.0.11"),
            ("B80D0120000000000000000001000000", "2001:db8::1"),
        ] {
            assert_eq!(address_of(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(address_of("xyz"), None);
        assert_eq!(address_of(""), None);
    }
}
