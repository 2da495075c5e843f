//! The inventory's text with everything that could be a secret blotted out, for excerpts.
//!
//! Works on lines, not on the tree, so that it holds for a text that is no YAML at all. In doubt
//! it hides too much.

/// Words that make a key's value a secret.
const SECRET: [&str; 5] = ["password", "passwd", "passphrase", "secret", "pwd"];
/// Values that only say where a secret is.
const REFERENCES: [&str; 3] = ["env:", "file:", "command:"];

/// Whether the value of `key` is a secret.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // `password_encryption` and `pgpass` are settings, `*_file` is a path.
    // `auth` is HAProxy's and Patroni's `user:password`.
    // `auth_pass` is keepalived's.
    matches!(key.as_str(), "auth" | "auth_pass")
        || SECRET.iter().any(|word| key.contains(word))
            && !key.contains("encryption")
            && !key.ends_with("_file")
            && !key.ends_with("command")
}

/// `text` with each byte of a possible secret replaced by an asterisk; every position stays.
pub(super) fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // The indentation of a key whose secret value goes on in the lines below it.
    let mut hiding_below: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        if let Some(key_indent) = hiding_below {
            let item = indent == key_indent && line.trim_start().starts_with('-');
            if line.trim().is_empty() || indent > key_indent || item {
                blot(line, 0, line.len(), &mut out);
                continue;
            }
            hiding_below = None;
        }
        let mut from = 0;
        let mut shown = 0;
        while let Some(start) = secret_value(line, from) {
            let end = value_end(line, start);
            let value = line.get(start..end).unwrap_or_default().trim();
            let reference = value.trim_start_matches(['"', '\'']);
            if value.is_empty() || is_block_header(value) {
                hiding_below = Some(indent);
            } else if !REFERENCES
                .iter()
                .any(|prefix| reference.starts_with(prefix))
                && !matches!(reference, "generated" | "none" | "{" | "[")
            {
                // A plain or quoted value may also go on below its line.
                hiding_below = Some(indent);
                out.push_str(line.get(shown..start).unwrap_or_default());
                blot(line, start, end, &mut out);
                shown = end;
            }
            from = end.max(start + 1);
        }
        let rest = options(line.get(shown..).unwrap_or_default());
        let rest = urls(&phrases(&rest));
        out.push_str(&identities(&rest));
    }
    out
}

/// The text with what follows the beginning of an age identity blotted out: one that was put where
/// its public half belongs.
fn identities(text: &str) -> String {
    const BEGIN: &str = "AGE-SECRET-KEY-";
    let folded = text.to_ascii_uppercase();
    let mut out = text.as_bytes().to_vec();
    let mut at = 0;
    while let Some(found) = folded.get(at..).and_then(|rest| rest.find(BEGIN)) {
        at += found + BEGIN.len();
        while out.get(at).is_some_and(u8::is_ascii_alphanumeric) {
            out[at] = b'*';
            at += 1;
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// `|`, `>-`, `|2+`: the value stands in the lines below.
fn is_block_header(value: &str) -> bool {
    value.strip_prefix(['|', '>']).is_some_and(|rest| {
        rest.chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-'))
    })
}

/// Where the value of the next key begins that names a secret.
fn secret_value(line: &str, from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(colon) = line.get(at..)?.find(':').map(|found| at + found) {
        let before = line.get(..colon)?;
        let word = before
            .trim_end_matches(['"', '\'', ' '])
            .rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-' || c == '.'))
            .next()
            .unwrap_or_default();
        let after = line.get(colon + 1..)?;
        if (is_secret(word) || is_login(word, after))
            && (after.is_empty() || after.starts_with([' ', '\t', '\n', '\r']))
        {
            let skipped = after.len() - after.trim_start_matches([' ', '\t']).len();
            return Some(colon + 1 + skipped);
        }
        at = colon + 1;
    }
    None
}

/// Whether a word stands in the place of one of the cluster's own users' maps: somebody's
/// `replicator:password`, or the password alone.
fn is_login(key: &str, after: &str) -> bool {
    let value = after.trim();
    matches!(key, "superuser" | "replication" | "rewind")
        && !value.is_empty()
        && !value.starts_with(['{', '[', '&', '*', '#', '!', '|', '>'])
}

/// Where the value that begins at `start` ends on its line: inside `{ }` at the next comma or
/// bracket outside quotes, else at the end of the line.
fn value_end(line: &str, start: usize) -> usize {
    let whole = line.trim_end_matches(['\n', '\r']).len().max(start);
    let in_braces = line.get(..start).is_some_and(|before| before.contains('{'));
    let value = line.get(start..whole).unwrap_or_default();
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        // To the last such quote: an escaped one inside must not end it early.
        return match value.rfind(quote) {
            Some(last) if last > 0 => start + last + 1,
            _ => whole,
        };
    }
    if in_braces {
        let found = value.find([',', '}']).unwrap_or(value.len());
        return start + value.get(..found).unwrap_or_default().trim_end().len();
    }
    whole
}

/// Options of pg_hba lines whose value is a secret; it may be a list in quotes: to the line's end.
fn options(line: &str) -> String {
    let starts = ["ldapbindpasswd=", "radiussecrets="]
        .into_iter()
        .filter_map(|option| Some(line.find(option)? + option.len()));
    let Some(start) = starts.min() else {
        return line.to_owned();
    };
    let mut out = line.get(..start).unwrap_or_default().to_owned();
    blot(line, start, line.len(), &mut out);
    out
}

/// Passwords inside of texts: `password=…` of a connection string, `PASSWORD '…'` of a statement.
fn phrases(line: &str) -> String {
    const WORD: &str = "password";
    let Some(found) = line.to_ascii_lowercase().find(WORD) else {
        return line.to_owned();
    };
    let after = found + WORD.len();
    let rest = line.get(after..).unwrap_or_default();
    let value = rest.trim_start_matches([' ', '=']);
    let start = after + rest.len() - value.len();
    let end = match value.chars().next() {
        _ if start == after => start,
        Some('\'') => value
            .get(1..)
            .and_then(|value| value.find('\''))
            .map_or(line.len(), |at| start + at + 2),
        _ if rest.trim_start().starts_with('=') => {
            start
                + value
                    .find([' ', '"', '\'', ',', '\n'])
                    .unwrap_or(value.len())
        }
        _ => start,
    };
    let mut out = line.get(..start).unwrap_or_default().to_owned();
    blot(line, start, end, &mut out);
    out.push_str(&phrases(line.get(end..).unwrap_or_default()));
    out
}

/// Passwords inside of URLs: `postgres://user:***@host`.
fn urls(line: &str) -> String {
    let Some(scheme) = line.find("://") else {
        return line.to_owned();
    };
    let rest_start = scheme + 3;
    let rest = line.get(rest_start..).unwrap_or_default();
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\''))
        .unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let mut out = line.get(..rest_start).unwrap_or_default().to_owned();
    match (authority.find(':'), authority.rfind('@')) {
        (Some(colon), Some(at)) if colon < at => {
            out.push_str(authority.get(..=colon).unwrap_or_default());
            blot(authority, colon + 1, at, &mut out);
            out.push_str(authority.get(at..).unwrap_or_default());
        }
        _ => out.push_str(authority),
    }
    out.push_str(&urls(rest.get(end..).unwrap_or_default()));
    out
}

fn blot(line: &str, start: usize, end: usize, out: &mut String) {
    for byte in line.get(start..end).unwrap_or_default().bytes() {
        out.push(if matches!(byte, b'\n' | b'\r') {
            char::from(byte)
        } else {
            '*'
        });
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn no_spelling_of_a_password_is_shown_and_every_position_stays() {
        for text in [
            "password: hunter2\n",
            "recipients: [AGE-SECRET-KEY-1hunter2, age-secret-key-1HUNTER2x]\n",
            "password: \"hunter2\"\n",
            "  'rest_password' : hunter2 # why\n",
            "superuser: { username: postgres, password: hunter2, x: 1 }\n",
            "superuser: { password: \"hun,t}er2 hunter2\", x: 1 }\n",
            "superuser: { password: 'it''s hunter2', x: 1 }\n",
            "password:\n  hunter2\n",
            "password: |\n  x\n\n  hunter2\nport: 1\n",
            "password: >-\n  hunter2\n",
            "password: \"x\n  hunter2\"\n",
            "PGPASSWORD: hunter2",
            "password: hunter2\r\nport: 1\r\n",
            "dsn: postgres://app:hunter2@10.0.0.1/app\n",
            "a: { password: }\nb: {password: hunter2\n",
            "password: é hunter2",
            "password: &anchor hunter2",
            "options: [\"PASSWORD 'hunter2'\", \"x PASSWORD 'hunter2\"]\n",
            "primary_conninfo: host=10.0.0.11 password=hunter2 user=x password = hunter2\n",
            "password: |hunter2",
            "- hostssl all all all ldap ldapbasedn=x ldapbindpasswd=hunter2\n",
            "- 'host all all all radius radiussecrets=\"hunter2 , hunter2\"'\r\nport: 1\n",
            "passwords:\n- hunter2\n",
            "password: !vault |\n  hunter2\n",
        ] {
            let masked = mask(text);
            assert!(!masked.contains("hunter2"), "{masked}");
            assert_eq!(masked.len(), text.len(), "{masked}");
            assert_eq!(masked.lines().count(), text.lines().count(), "{masked}");
        }
    }

    #[test]
    fn what_only_refers_to_a_secret_or_is_none_is_shown() {
        for text in [
            "password: env:PGPASSWORD\n",
            "password: file:secrets/superuser\nport: 5432\n",
            "superuser: { password: command:pass show pg, username: postgres }\n",
            "password: generated\n",
            "password_encryption: scram-sha-256\n",
            "password_file: /run/x\n",
            "endpoints: http://10.0.0.1:2379\n",
        ] {
            assert_eq!(mask(text), text);
        }
    }

    #[test]
    fn the_keys_beside_a_secret_stay_readable() {
        assert_eq!(
            mask("superuser: { password: hunter2, usrname: x }\nport: 1\n"),
            "superuser: { password: *******, usrname: x }\nport: 1\n"
        );
    }
}
