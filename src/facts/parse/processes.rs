//! The main processes of units.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::facts::ProcessFacts;
use crate::facts::section::{Section, Sections};
use crate::secret::Secret;

/// By unit.
pub(super) fn processes(sections: &Sections<'_>) -> BTreeMap<String, ProcessFacts> {
    sections
        .all("process")
        .map(|section| (section.argument.to_owned(), process(section)))
        .collect()
}

fn process(section: &Section<'_>) -> ProcessFacts {
    let value = |key: &str| -> Option<&str> {
        let mut lines = section.lines.iter();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
    };
    let decoded = |key: &str| -> Option<String> {
        let bytes = STANDARD.decode(value(key)?).ok()?;
        String::from_utf8(bytes).ok()
    };
    let words = decoded("words").unwrap_or_default();
    let words: Vec<&str> = words.split_terminator('\0').collect();
    let variables = decoded("variables").unwrap_or_default();
    let variables = variables
        .split_terminator('\0')
        .filter_map(|variable| variable.split_once('='))
        .filter(|(name, _)| name.starts_with("PATRONI_") || name.starts_with("ETCD_"))
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .collect();
    ProcessFacts {
        program: program(&words).to_owned(),
        words: words.iter().map(|&word| word.to_owned()).collect(),
        config_file: words
            .last()
            .filter(|word| is_file_of_settings(word))
            .map(|&word| word.to_owned()),
        config: decoded("settings").map(Secret::new),
        config_modified: value("modified")
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or_default(),
        variables,
    }
}

fn is_file_of_settings(word: &str) -> bool {
    word.starts_with('/') && (word.ends_with(".yml") || word.ends_with(".yaml"))
}

/// `/usr/bin/patroni` of `/usr/bin/python3 /usr/bin/patroni /etc/patroni/patroni.yml`.
fn program<'a>(words: &[&'a str]) -> &'a str {
    let Some(first) = words.first() else {
        return "";
    };
    let name = first.rsplit('/').next().unwrap_or_default();
    let script = words[1..].iter().find(|word| !word.starts_with('-'));
    match script {
        Some(script) if name.starts_with("python") => script,
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::processes;
    use crate::facts::section::Sections;

    #[test]
    fn words_variables_and_settings_are_read() {
        let said = format!(
            "@process patroni.service\nwords {}\nvariables {}\nsettings {}\n\
             modified 7\n@process etcd.service\nwords {}\nvariables \n",
            STANDARD
                .encode("/usr/bin/python3\0-I\0/usr/local/bin/patroni\0/etc/patroni/config.yml\0"),
            STANDARD.encode("HOME=/x\0PATRONI_NAME=a=b\nc\0"),
            STANDARD.encode("scope: main\n"),
            STANDARD.encode("/usr/bin/etcd\0"),
        );
        let read = processes(&Sections::of(&said));
        let patroni = &read["patroni.service"];
        assert_eq!(patroni.program, "/usr/local/bin/patroni");
        assert_eq!(
            patroni.config_file.as_deref(),
            Some("/etc/patroni/config.yml")
        );
        let config = patroni.config.as_ref().expect("settings");
        assert_eq!(config.expose(), "scope: main\n");
        assert_eq!(patroni.config_modified, 7);
        assert_eq!(patroni.variables.len(), 1);
        assert_eq!(patroni.variables["PATRONI_NAME"].expose(), "a=b\nc");
        let etcd = &read["etcd.service"];
        assert_eq!(etcd.program, "/usr/bin/etcd");
        assert_eq!((&etcd.config_file, &etcd.config), (&None, &None));
    }
}
