//! Single values: texts, numbers, ports, addresses, paths, and what is passed through as it is.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::json;

use super::decode::{Decode, Decoder};
use super::schema;
use super::section::Level;
use super::slips;
use super::suggest::nearest;
use super::value::{Form, Scalar, Value};

/// One of `words`, or of the other spellings of each.
pub(super) fn word<'v>(
    value: &'v Value,
    words: &[&'static str],
    aliases: &[&[&'static str]],
    decoder: &mut Decoder,
) -> Option<&'v str> {
    let wanted = match words {
        [rest @ .., last] => {
            let rest: Vec<String> = rest.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", rest.join(", "))
        }
        [] => String::new(),
    };
    let scalar = decoder.scalar(value, &wanted)?;
    let text = scalar.text.as_str();
    let all = || {
        words
            .iter()
            .chain(aliases.iter().flat_map(|aliases| aliases.iter()))
            .copied()
    };
    if all().any(|word| word == text) {
        return Some(text);
    }
    let near = nearest(text, words.iter().copied());
    let several = text.contains([',', ' ']) && words.iter().any(|word| text.contains(word));
    let problem = decoder.mistyped(value, &wanted);
    if problem.hint.is_some() {
        return None;
    }
    if several {
        problem.hint("write several as a list: `[a, b]`");
    } else if let Some(near) = near {
        problem.hint(format!("did you mean `{near}`?"));
    }
    None
}

impl Decode for String {
    fn schema(_: Level) -> serde_json::Value {
        schema::scalar()
    }

    /// A text on one line.
    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        let scalar = decoder.scalar(value, "a text")?;
        if scalar.text.trim().is_empty() {
            decoder.mistyped(value, "a text");
            return None;
        }
        if scalar.text.chars().any(char::is_control) {
            decoder.mistyped(value, "a text on one line, without control characters");
            return None;
        }
        Some(scalar.text.clone())
    }
}

/// A text of any number of lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines(pub String);

impl Decode for Lines {
    fn schema(_: Level) -> serde_json::Value {
        schema::scalar()
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        let scalar = decoder.scalar(value, "a text")?;
        if scalar
            .text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
        {
            decoder.mistyped(value, "a text without control characters");
            return None;
        }
        Some(Self(scalar.text.clone()))
    }
}

impl Decode for bool {
    fn schema(_: Level) -> serde_json::Value {
        schema::words(&["true", "false", "on", "off", "yes", "no"])
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        let wanted = "`true` or `false`";
        match decoder.scalar(value, wanted)? {
            Scalar {
                form: Form::Boolean(value),
                ..
            } => Some(*value),
            Scalar { text, .. } if matches!(text.as_str(), "on" | "yes" | "true") => Some(true),
            Scalar { text, .. } if matches!(text.as_str(), "off" | "no" | "false") => Some(false),
            _ => {
                decoder.mistyped(value, wanted);
                None
            }
        }
    }
}

impl Decode for u32 {
    fn schema(_: Level) -> serde_json::Value {
        json!({"type": "integer", "minimum": 0, "maximum": u32::MAX})
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        number(value, "a whole number", decoder)
    }
}

impl Decode for u64 {
    fn schema(_: Level) -> serde_json::Value {
        json!({"type": "integer", "minimum": 0})
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        number(value, "a whole number", decoder)
    }
}

fn number<T: std::str::FromStr>(value: &Value, wanted: &str, decoder: &mut Decoder) -> Option<T> {
    let text = &decoder.scalar(value, wanted)?.text;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        let hint = slips::number(text);
        let problem = decoder.mistyped(value, wanted);
        problem.hint = problem.hint.take().or(hint);
    }
    parsed
}

/// A TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port(pub u16);

impl Decode for Port {
    fn schema(_: Level) -> serde_json::Value {
        json!({"type": "integer", "minimum": 1, "maximum": u16::MAX})
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        const WANTED: &str = "a port (1 to 65535)";
        match decoder.scalar(value, WANTED)?.text.parse() {
            Ok(port) if port > 0 => Some(Self(port)),
            _ => {
                let problem = decoder.mistyped(value, WANTED);
                if problem.hint.is_none() {
                    problem.hint("the number alone, in decimal digits");
                }
                None
            }
        }
    }
}

impl Decode for IpAddr {
    fn schema(_: Level) -> serde_json::Value {
        schema::text()
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        const WANTED: &str = "an IP address";
        let text = &decoder.scalar(value, WANTED)?.text;
        // Zone indexes (`fe80::1%eth0`) are local to a machine and parse as no address.
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Some(address);
        }
        let hint = if text.contains("://") {
            Some("the address alone, without a scheme")
        } else if text.contains('#') {
            Some("a comment needs a blank before its `#`")
        } else if text.contains('%') {
            Some("an address with a zone means something on one machine only")
        } else if text.parse::<std::net::SocketAddr>().is_ok() {
            Some("without the port: every service has a key for its own")
        } else if text.contains('/') {
            Some("an address of the node, without a prefix length")
        } else if text.chars().any(|c| c.is_ascii_alphabetic()) && !text.contains(':') {
            Some(
                "give the address that the name stands for, so that a failing DNS cannot stop \
                 the cluster; `ssh.destination` may be a name",
            )
        } else if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
            Some("four numbers from 0 to 255, without zeros before them: 10.0.0.11")
        } else {
            None
        };
        let problem = decoder.mistyped(value, WANTED);
        if let Some(hint) = hint.filter(|_| problem.hint.is_none()) {
            problem.hint(hint);
        }
        None
    }
}

impl Decode for IpNet {
    fn schema(_: Level) -> serde_json::Value {
        schema::text()
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        const WANTED: &str = "a network such as 10.0.0.0/24";
        let text = &decoder.scalar(value, WANTED)?.text;
        let net = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        match net {
            Some(net) if net.trunc() == net => Some(net),
            Some(net) => {
                let network = net.trunc();
                decoder
                    .mistyped(value, "a network, with no bits set after its prefix")
                    .hint(format!("did you mean `{network}`?"));
                None
            }
            None => {
                let problem = decoder.mistyped(value, WANTED);
                if problem.hint.is_none() {
                    problem.hint(match text.as_str() {
                        "all" | "any" | "*" => "every address is `0.0.0.0/0` and `::/0`",
                        text if text.chars().any(|c| c.is_ascii_alphabetic()) && !text.contains(':') => {
                            "an address, not a name: pg_hba.conf would ask DNS at every login"
                        }
                        _ => "an address and the length of its prefix, `10.0.0.0/24`; several are a list",
                    });
                }
                None
            }
        }
    }
}

/// An absolute path on a node, without a closing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePath(pub String);

impl Decode for NodePath {
    fn schema(_: Level) -> serde_json::Value {
        schema::text()
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        const WANTED: &str = "an absolute path on the node";
        let text = &decoder.scalar(value, WANTED)?.text;
        let trimmed = text.trim_end_matches('/');
        let bad = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
        let climbs = text.split('/').any(|part| part == "..");
        if !trimmed.starts_with('/') || text.chars().any(bad) || climbs {
            let problem = decoder.mistyped(value, WANTED);
            if problem.hint.is_none() {
                problem.hint("it begins with `/` and has no spaces, quotes or `..` in it");
            }
            return None;
        }
        Some(Self(trimmed.to_owned()))
    }
}

/// An address that a service listens on: `*` for all, `address` for the node's own, an IP
/// address, or a host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Every address of the node.
    All,
    /// The node's own `address`.
    Own,
    /// This address or name.
    At(String),
}

impl Decode for Listen {
    fn schema(_: Level) -> serde_json::Value {
        schema::text()
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        const WANTED: &str = "`*`, `address` (the node's own), or an IP address";
        let text = &decoder.scalar(value, WANTED)?.text;
        match text.as_str() {
            "*" | "0.0.0.0" | "::" => return Some(Self::All),
            "address" => return Some(Self::Own),
            "all" | "any" => {
                decoder
                    .mistyped(value, WANTED)
                    .hint("every address of the node is `*`");
                return None;
            }
            _ => {}
        }
        if text.parse::<IpAddr>().is_ok() || is_host_name(text) {
            return Some(Self::At(text.clone()));
        }
        let has_port = text
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let problem = decoder.mistyped(value, WANTED);
        if has_port {
            problem.hint("the port has a key of its own");
        } else if text.contains(',') {
            problem.hint("write several addresses as a list: `[address, 127.0.0.1]`");
        }
        None
    }
}

/// Whether `text` can be a host name: labels of letters, digits and dashes.
pub(crate) fn is_host_name(text: &str) -> bool {
    text.len() <= 253
        && !text.is_empty()
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
}
