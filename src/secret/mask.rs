//! Takes secrets out of texts that are shown: differences of files, messages of programs.
//!
//! Two nets, one behind the other: what *looks* like a secret by its place (the value of a key
//! `password`, the user part of a URL, a private key), known or not, since a file that somebody
//! edited on a node holds secrets that we never made; and every secret that we know, wherever it
//! stands. Masking too much costs a glance, masking too little costs a password.

use super::Secret;

/// What stands in the place of a secret.
pub const MASKED: &str = "(secret)";

/// The secrets that are known, in every spelling in which a file may hold them.
#[derive(Default)]
pub struct Mask {
    /// Longest first, so that a secret that contains another one goes as a whole.
    known: Vec<String>,
}

impl Mask {
    /// A mask of these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut known: Vec<String> = secrets
            .into_iter()
            .flat_map(|secret| spellings(secret.expose()))
            .collect();
        known.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        known.dedup();
        Self { known }
    }

    /// `text` without secrets.
    pub fn text(&self, text: &str) -> String {
        self.lines(text).join("\n")
    }

    /// The lines of `text` without secrets, one for one.
    pub fn lines(&self, text: &str) -> Vec<String> {
        let mut state = State::Outside;
        text.split('\n')
            .map(|line| {
                let (shown, next) = mask_line(line, state);
                state = next;
                self.without_known(&shown)
            })
            .collect()
    }

    /// One pass from the left, so that what was put in is not looked at again.
    fn without_known(&self, line: &str) -> String {
        let mut shown = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            if let Some(found) = self
                .known
                .iter()
                .find(|known| rest.starts_with(known.as_str()))
            {
                shown.push_str(MASKED);
                rest = &rest[found.len()..];
            } else {
                shown.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        shown
    }
}

/// How a secret may be written: as it is, or quoted for YAML, JSON, SQL, a shell, a URL, systemd.
/// Of one with several lines each line that tells something.
pub fn spellings(secret: &str) -> Vec<String> {
    let mut parts = vec![secret];
    if secret.contains('\n') {
        parts = secret
            .lines()
            .map(str::trim)
            .filter(|line| line.len() >= 6)
            .collect();
    }
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .flat_map(|part| {
            let json = serde_json::Value::from(part).to_string();
            let url: String = part
                .bytes()
                .map(|byte| match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        char::from(byte).to_string()
                    }
                    _ => format!("%{byte:02X}"),
                })
                .collect();
            [
                part.to_owned(),
                json[1..json.len() - 1].to_owned(),
                part.replace('\'', "''"),
                part.replace('\'', r"'\''"),
                part.replace('%', "%%"),
                url,
            ]
        })
        .collect()
}

/// Where a line stands.
#[derive(Clone, Copy)]
enum State {
    Outside,
    /// Beneath a key at this column whose value goes on in deeper lines.
    Beneath(usize),
    /// Within a private key.
    PrivateKey,
}

fn mask_line(line: &str, state: State) -> (String, State) {
    let indent = line.len() - line.trim_start().len();
    let whole = || format!("{}{MASKED}", &line[..indent]);
    match state {
        State::PrivateKey => {
            let next = if line.contains("-----END") {
                State::Outside
            } else {
                State::PrivateKey
            };
            return (whole(), next);
        }
        State::Beneath(column) => {
            if line.trim().is_empty() {
                return (line.to_owned(), state);
            }
            if indent > column {
                return (whole(), state);
            }
        }
        State::Outside => {}
    }
    if let Some(begin) = line.find("-----BEGIN")
        && line[begin..].contains("PRIVATE KEY")
    {
        let next = if line[begin..].contains("-----END") {
            State::Outside
        } else {
            State::PrivateKey
        };
        return (format!("{}{MASKED}", &line[..begin]), next);
    }
    let (shown, beneath) = mask_values(line);
    (
        mask_user_parts(&shown),
        beneath.map_or(State::Outside, State::Beneath),
    )
}

/// How sure a key's name makes us.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// `password`, `token`, …: whatever it holds is one.
    Secret,
    /// `auth`: a secret, unless it is a word like `true`.
    Perhaps,
}

fn kind(key: &str) -> Option<Kind> {
    const SECRET: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "credential",
        "private_key",
        "private-key",
        "privatekey",
        "api_key",
        "apikey",
        "api-key",
        "access_key",
        "authorization",
    ];
    // A path, a method and etcd's cluster token are no secrets, and one wants to see them.
    const HARMLESS_ENDS: &[&str] = &["file", "path", "dir", "_encryption"];
    let key = key.to_ascii_lowercase();
    if HARMLESS_ENDS.iter().any(|end| key.ends_with(end))
        || key.ends_with("initial_cluster_token")
        || key.ends_with("initial-cluster-token")
        || key == "pgpass"
    {
        return None;
    }
    if SECRET.iter().any(|word| key.contains(word)) || key.ends_with("pass") {
        return Some(Kind::Secret);
    }
    (key == "auth" || key.ends_with("_auth") || key.ends_with("-auth")).then_some(Kind::Perhaps)
}

/// Masks the value of the first key of `line` that looks like a secret's, up to the end of the
/// line. The second part is the key's column if deeper lines belong to the value, too.
fn mask_values(line: &str) -> (String, Option<usize>) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut from = 0;
    while let Some(start) = line[from..].find(is_word).map(|at| from + at) {
        let end = line[start..]
            .find(|c| !is_word(c))
            .map_or(line.len(), |at| start + at);
        from = end;
        let word = &line[start..end];
        let Some(kind) = kind(word) else {
            continue;
        };
        let after = line[end..].trim_start_matches(['"', '\'']).trim_start();
        let Some(value) = after.strip_prefix([':', '=']).map(str::trim_start) else {
            if is_spoken(line, word, start, end) {
                return (format!("{} {MASKED}", &line[..end]), None);
            }
            continue;
        };
        let bare = value.trim().trim_matches(['"', '\'']);
        match (kind, bare) {
            (Kind::Secret, "") => return (line.to_owned(), Some(start)),
            (_, "" | "null" | "~") | (Kind::Perhaps, "true" | "false" | "on" | "off") => continue,
            (Kind::Perhaps, _) if value.starts_with('{') => continue,
            _ => {}
        }
        if value.starts_with(['|', '>']) {
            return (line.to_owned(), Some(start));
        }
        let kept = line.len() - value.len();
        return (format!("{}{MASKED}", &line[..kept]), Some(start));
    }
    (line.to_owned(), None)
}

/// Whether a blank alone parts `word` from its secret: `stats auth admin:…`, `user x password …`,
/// `hdr Authorization "…"`. In a comment only where it is not plain prose.
fn is_spoken(line: &str, word: &str, start: usize, end: usize) -> bool {
    let word = word.to_ascii_lowercase();
    let rest = line[end..].split_whitespace().count();
    let speaks = match word.as_str() {
        "password" | "passwd" | "insecure-password" | "authorization" => true,
        "auth" => line[..start]
            .split_whitespace()
            .any(|before| before == "stats"),
        _ => false,
    };
    let prose = line.trim_start().starts_with('#') && rest > 3;
    speaks && rest > 0 && !prose && line[end..].starts_with(char::is_whitespace)
}

/// `postgresql://app:hunter2@db` becomes `postgresql://app:(secret)@db`.
fn mask_user_parts(line: &str) -> String {
    let Some(scheme) = line.find("://") else {
        return line.to_owned();
    };
    let (before, rest) = line.split_at(scheme + 3);
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
        .unwrap_or(rest.len());
    let (url, after) = rest.split_at(end);
    let url = match (url.find(':'), url.rfind('@')) {
        (Some(colon), Some(at)) if colon < at => {
            format!("{}:{MASKED}{}", &url[..colon], &url[at..])
        }
        _ => url.to_owned(),
    };
    format!("{before}{url}{}", mask_user_parts(after))
}

#[cfg(test)]
mod tests {
    use super::{MASKED, Mask};
    use crate::secret::Secret;

    fn masked(text: &str) -> String {
        Mask::default().text(text)
    }

    #[test]
    fn values_of_secret_keys_are_masked_in_every_syntax() {
        for (line, shown) in [
            ("    password: hunter2", "    password: (secret)"),
            (
                "    - {username: a, password: hunter2}",
                "    - {username: a, password: (secret)",
            ),
            (
                "authentication: {username: a, password: 'hunter2'}",
                "authentication: {username: a, password: (secret)",
            ),
            ("\"password\": \"hunter2\",", "\"password\": (secret)"),
            ("PGPASSWORD=hunter2", "PGPASSWORD=(secret)"),
            (
                "Environment=\"PGPASSWORD=hunter2\"",
                "Environment=\"PGPASSWORD=(secret)",
            ),
            (
                "primary_conninfo = 'user=x password=hunter2 host=y'",
                "primary_conninfo = 'user=x password=(secret)",
            ),
            ("  stats auth admin:hunter2", "  stats auth (secret)"),
            ("#  stats auth admin:hunter2", "#  stats auth (secret)"),
            (
                "  user admin insecure-password hunter2",
                "  user admin insecure-password (secret)",
            ),
            (
                "ALTER ROLE app PASSWORD 'hunter2'",
                "ALTER ROLE app PASSWORD (secret)",
            ),
            (
                "http-check send hdr Authorization \"Basic aHVudGVyMg==\"",
                "http-check send hdr Authorization (secret)",
            ),
            (
                "dsn: postgresql://app:hunter2@db/x",
                "dsn: postgresql://app:(secret)@db/x",
            ),
            (
                "a http://u:hunter2@h b http://u:hunter2@h",
                "a http://u:(secret)@h b http://u:(secret)@h",
            ),
        ] {
            assert_eq!(masked(line), shown);
        }
    }

    #[test]
    fn what_is_no_secret_stays_readable() {
        for line in [
            "ttl: 30",
            "  pgpass: /var/lib/postgresql/.pgpass_patroni",
            "password_encryption: scram-sha-256",
            "ETCD_CLIENT_CERT_AUTH=\"true\"",
            "ETCD_INITIAL_CLUSTER_TOKEN=\"region_one\"",
            "key-file: /etc/etcd/private-key-file",
            "  authentication:",
            "  - host all all 10.0.0.0/8 password",
            "ETCD_ADVERTISE_CLIENT_URLS=\"http://10.0.0.1:2379,http://10.0.0.2:2379\"",
            "# every password in here comes from the vault",
        ] {
            assert_eq!(masked(line), line);
        }
    }

    #[test]
    fn values_of_several_lines_are_masked() {
        let text = "rest:\n  password: |\n    hunter2\n\n    more\n  username: a\nkey: x\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nend";
        assert_eq!(
            masked(text),
            "rest:\n  password: |\n    (secret)\n\n    (secret)\n  username: a\nkey: x\n(secret)\n(secret)\n(secret)\nend"
        );
        assert_eq!(
            masked("a:\n  token:\n    hunter2\n  b: 1"),
            "a:\n  token:\n    (secret)\n  b: 1"
        );
        assert_eq!(
            masked("password: \"hun\n  ter2\"\nb: 1"),
            "password: (secret)\n  (secret)\nb: 1"
        );
    }

    #[test]
    fn known_secrets_are_masked_wherever_they_stand() {
        let mask = Mask::new([
            &Secret::new("it's \"x\"/%"),
            &Secret::new("abc"),
            &Secret::new("abcdef"),
        ]);
        for text in [
            "note it's \"x\"/% here",
            "note it''s \"x\"/% here",
            r#"note it's \"x\"/% here"#,
            r#"note it'\''s "x"/% here"#,
            "note it's \"x\"/%% here",
            "note it%27s%20%22x%22%2F%25 here",
        ] {
            assert_eq!(mask.text(text), format!("note {MASKED} here"));
        }
        assert_eq!(mask.text("abcdef abc"), "(secret) (secret)");
    }
}
