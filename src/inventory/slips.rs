//! Values that people write by mistake, whatever the key: templates that nothing fills in, signs
//! that only look right, lists in the place of a word.

use super::value::{Kind, Value};

/// What stands at a path, where an example says more than the words for a type.
const SHAPES: [(&str, &str); 17] = [
    ("etcd", NO_ROLES),
    ("postgresql", NO_ROLES),
    ("haproxy", NO_ROLES),
    ("scope", "the cluster's name: `scope: main`"),
    (
        "tls",
        "`on` or `off`; certificates of your own stand under `certificates`",
    ),
    ("vip", "`{ address: 10.0.0.100 }`"),
    ("groups", "`NAME: { nodes: [pg-1, pg-2], … }`"),
    ("etcd.external", "`{ endpoints: [10.0.0.21:2379] }`"),
    ("haproxy.extra", "a text behind `|`, as haproxy.cfg has it"),
    (
        "haproxy.extra_global",
        "one line of haproxy.cfg an item, behind `- `",
    ),
    ("postgresql.version", "the major version alone: 17"),
    (
        "postgresql.pg_hba",
        "one line an item, behind `- `: `- hostssl all app 10.0.1.0/24 scram-sha-256`",
    ),
    (
        "postgresql.users",
        "one role an item, behind `- `: `- { name: app }`",
    ),
    ("postgresql.superuser", LOGIN),
    ("postgresql.replication", LOGIN),
    ("postgresql.rewind", LOGIN),
    ("system.sysctl", "one setting a line: `vm.swappiness: 1`"),
];
const LOGIN: &str = "`{ username: NAME, password: env:NAME }`";
const NO_ROLES: &str =
    "what a node is for stands in its own entry: `pg-1: { address: …, roles: [etcd] }`";

/// The remedy for `value` at `path`, which is not `wanted`; none if it looks like no known slip.
pub(super) fn hint(path: &str, value: &Value, wanted: &str) -> Option<String> {
    if let Kind::Scalar(scalar) = &value.kind
        && let Some(strange) = strange(&scalar.text)
    {
        return Some(strange);
    }
    if let Some((_, shape)) = SHAPES.iter().find(|(place, _)| *place == path) {
        return Some((*shape).to_owned());
    }
    let wants_list = wanted.starts_with("a list");
    let wants_map = wanted.starts_with("a map");
    let hint = match &value.kind {
        Kind::Scalar(scalar) => return text(&scalar.text, wants_map || wants_list, wanted),
        Kind::List(_) if wants_map => "write `name: value`, without `-` and brackets",
        Kind::List(_) => "one value, without `-` and brackets",
        Kind::Map(_) if wants_list => "write the items as `[a, b]`, or one a line behind `- `",
        Kind::Map(_) => "a single value; one that begins with `{` needs quotes",
        Kind::Null => return None,
    };
    Some(hint.to_owned())
}

fn text(text: &str, wants_more: bool, wanted: &str) -> Option<String> {
    if text.contains("{{") || text.contains("${") || text.starts_with('$') {
        return Some("nothing is filled in here: write the value itself".to_owned());
    }
    if wants_more {
        return Some(match wanted.split_once(" such as ") {
            Some((_, keys)) => format!("write its keys below it, indented: {keys}"),
            None if wanted.starts_with("a list") => "write the items as `[a, b]`".to_owned(),
            None => "write `name: value`, indented below it".to_owned(),
        });
    }
    let item = text
        .strip_prefix('-')
        .filter(|rest| rest.starts_with(char::is_alphabetic));
    item.map(|_| "an item of a list needs a blank behind its `-`".to_owned())
}

/// A sign of `text` that is not what it looks like.
pub(crate) fn strange(text: &str) -> Option<String> {
    let sign = text.chars().find(|c| !c.is_ascii())?;
    let what = match sign {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => "which is no plain blank",
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => "which nobody sees",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "which is no plain `-`",
        '\u{2018}'..='\u{201f}' | '«' | '»' => "which is no plain quote",
        '\u{ff01}'..='\u{ff5e}' => "a wide form of a plain sign",
        sign if sign.is_alphabetic() => "which may look like a plain letter",
        _ => "which is no plain sign",
    };
    Some(format!(
        "it has U+{:04X} in it, {what}; type it anew",
        u32::from(sign)
    ))
}

/// What is wrong with `text` as a whole number.
pub(super) fn number(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let separated = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '_' | ',' | '\'' | ' '));
    if separated && !digits.is_empty() && !text.starts_with('0') {
        return Some(format!("digits alone: {digits}"));
    }
    let (whole, fraction) = text.split_once('.')?;
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    (plain(whole) && fraction.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| format!("without a point: {whole}"))
}

#[cfg(test)]
mod tests {
    use super::{number, strange};

    #[test]
    fn a_number_is_shown_as_it_is_meant() {
        for (text, hint) in [
            ("5_000", Some("digits alone: 5000")),
            ("5,000", Some("digits alone: 5000")),
            ("17.10", Some("without a point: 17")),
            ("17.7-0+deb13u1", Some("without a point: 17")),
            ("0x64", None),
            ("many", None),
            (".5", None),
        ] {
            assert_eq!(number(text).as_deref(), hint, "{text}");
        }
    }

    #[test]
    fn signs_that_look_plain_are_named() {
        assert!(strange("pg–1").is_some_and(|hint| hint.contains("U+2013")));
        assert!(strange("main\u{200b}").is_some_and(|hint| hint.contains("U+200B")));
        assert_eq!(strange("plain"), None);
    }
}
