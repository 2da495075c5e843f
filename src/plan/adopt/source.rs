//! The settings that a Patroni which runs was started with: its file, and over it what its
//! environment says.

use serde_json::{Map, Value};

use crate::facts::ProcessFacts;
use crate::render::MANAGED_BY;

/// What Patroni's environment may say, and which setting that is.
const VARIABLES: [(&str, &str); 31] = [
    ("NAME", "/name"),
    ("SCOPE", "/scope"),
    ("NAMESPACE", "/namespace"),
    ("RESTAPI_LISTEN", "/restapi/listen"),
    ("RESTAPI_CONNECT_ADDRESS", "/restapi/connect_address"),
    ("RESTAPI_CERTFILE", "/restapi/certfile"),
    ("RESTAPI_USERNAME", "/restapi/authentication/username"),
    ("RESTAPI_PASSWORD", "/restapi/authentication/password"),
    ("POSTGRESQL_LISTEN", "/postgresql/listen"),
    ("POSTGRESQL_CONNECT_ADDRESS", "/postgresql/connect_address"),
    ("POSTGRESQL_DATA_DIR", "/postgresql/data_dir"),
    ("POSTGRESQL_BIN_DIR", "/postgresql/bin_dir"),
    ("POSTGRESQL_PGPASS", "/postgresql/pgpass"),
    (
        "SUPERUSER_USERNAME",
        "/postgresql/authentication/superuser/username",
    ),
    (
        "SUPERUSER_PASSWORD",
        "/postgresql/authentication/superuser/password",
    ),
    (
        "REPLICATION_USERNAME",
        "/postgresql/authentication/replication/username",
    ),
    (
        "REPLICATION_PASSWORD",
        "/postgresql/authentication/replication/password",
    ),
    (
        "REWIND_USERNAME",
        "/postgresql/authentication/rewind/username",
    ),
    (
        "REWIND_PASSWORD",
        "/postgresql/authentication/rewind/password",
    ),
    ("ETCD3_HOST", "/etcd3/host"),
    ("ETCD3_HOSTS", "/etcd3/hosts"),
    ("ETCD3_URL", "/etcd3/url"),
    ("ETCD3_PROTOCOL", "/etcd3/protocol"),
    ("ETCD3_USERNAME", "/etcd3/username"),
    ("ETCD3_PASSWORD", "/etcd3/password"),
    ("ETCD_HOST", "/etcd/host"),
    ("ETCD_HOSTS", "/etcd/hosts"),
    ("ETCD_URL", "/etcd/url"),
    ("CONSUL_HOST", "/consul/host"),
    ("ZOOKEEPER_HOSTS", "/zookeeper/hosts"),
    ("EXHIBITOR_HOSTS", "/exhibitor/hosts"),
];

/// Such settings.
#[derive(Debug)]
pub(super) struct Source {
    /// The file.
    pub(super) path: String,
    /// The settings.
    pub(super) document: Value,
    /// The variables that say something, by name.
    pub(super) variables: Vec<String>,
    /// Whether mahout wrote the file.
    pub(super) is_ours: bool,
}

impl Source {
    /// What the process was started with.
    ///
    /// # Errors
    /// In words that quote nothing of the file, why it is not known.
    pub(super) fn of(process: &ProcessFacts) -> Result<Self, String> {
        let Some(path) = &process.config_file else {
            return Err(
                "it was started without a file of settings (`….yml`) as its last word".to_owned(),
            );
        };
        let Some(text) = &process.config else {
            return Err(format!("{path} cannot be read"));
        };
        let mut document = match serde_saphyr::from_str::<Value>(text.expose()) {
            Ok(document @ Value::Object(_)) => document,
            Ok(_) => return Err(format!("{path} is no map of settings")),
            // The reader's own message would quote the file.
            Err(error) => {
                let line = error.location().map(|at| format!(", line {}", at.line()));
                let line = line.unwrap_or_default();
                return Err(format!("{path} is no YAML that can be read{line}"));
            }
        };
        let mut variables = Vec::new();
        for (name, value) in &process.variables {
            let Some(short) = name.strip_prefix("PATRONI_") else {
                continue;
            };
            variables.push(name.clone());
            if let Some((_, pointer)) = VARIABLES.iter().find(|(known, _)| *known == short) {
                set(&mut document, pointer, value.expose());
            }
        }
        Ok(Self {
            path: path.clone(),
            document,
            variables,
            is_ours: text.expose().contains(MANAGED_BY),
        })
    }

    /// A single value, as text.
    pub(super) fn text(&self, pointer: &str) -> Option<String> {
        match self.document.pointer(pointer)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// Whether there is such a setting.
    pub(super) fn has(&self, pointer: &str) -> bool {
        self.document
            .pointer(pointer)
            .is_some_and(|value| !value.is_null())
    }
}

/// Where an etcd that runs keeps its data: with a file of settings that is all that counts, else its
/// words go before its environment.
pub(super) fn etcd_data_dir(process: &ProcessFacts) -> Option<String> {
    if let Some(config) = &process.config {
        let settings: Value = serde_saphyr::from_str(config.expose()).ok()?;
        return Some(settings.get("data-dir")?.as_str()?.to_owned());
    }
    let mut words = process.words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word.trim_start_matches('-').split_once('=') {
            Some(("data-dir", path)) => return Some(path.to_owned()),
            None if word.trim_start_matches('-') == "data-dir" => {
                return words.next().map(str::to_owned);
            }
            _ => {}
        }
    }
    let variable = process.variables.get("ETCD_DATA_DIR")?;
    Some(variable.expose().to_owned())
}

fn set(document: &mut Value, pointer: &str, text: &str) {
    let mut place = document;
    for key in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[key];
    }
    *place = Value::String(text.to_owned());
}

#[cfg(test)]
mod tests {
    use super::{Source, etcd_data_dir};
    use crate::facts::ProcessFacts;
    use crate::secret::Secret;

    fn process(config: &str, variables: &[(&str, &str)]) -> ProcessFacts {
        ProcessFacts {
            program: "/usr/bin/patroni".to_owned(),
            config_file: Some("/etc/patroni/config.yml".to_owned()),
            config: Some(Secret::new(config)),
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
                .collect(),
            ..ProcessFacts::default()
        }
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let process = process(
            "scope: main\nname: pg-1\npostgresql: { authentication: { superuser: { password: 12345678 } } }\n",
            &[
                ("PATRONI_NAME", "pg-2"),
                ("PATRONI_REWIND_PASSWORD", "x"),
                ("PATRONI_LOG_LEVEL", "DEBUG"),
                ("ETCD_NAME", "y"),
            ],
        );
        let source = Source::of(&process).expect("settings");
        let text = |pointer: &str| source.text(pointer).unwrap_or_default();
        assert_eq!(text("/name"), "pg-2");
        assert_eq!(text("/scope"), "main");
        let authentication = "/postgresql/authentication";
        assert_eq!(
            text(&format!("{authentication}/superuser/password")),
            "12345678"
        );
        assert_eq!(text(&format!("{authentication}/rewind/password")), "x");
        assert_eq!(
            source.variables,
            [
                "PATRONI_LOG_LEVEL",
                "PATRONI_NAME",
                "PATRONI_REWIND_PASSWORD"
            ]
        );
    }

    #[test]
    fn etcd_s_directory_is_found_however_it_is_said() {
        let etcd = |words: &[&str], variable: Option<&str>| {
            let said = |path| ("ETCD_DATA_DIR".to_owned(), Secret::new(path));
            etcd_data_dir(&ProcessFacts {
                words: words.iter().map(|&word| word.to_owned()).collect(),
                variables: variable.map(said).into_iter().collect(),
                ..ProcessFacts::default()
            })
        };
        let of = |path: &str| Some(path.to_owned());
        assert_eq!(etcd(&["etcd", "--data-dir=/a"], Some("/b")), of("/a"));
        assert_eq!(etcd(&["etcd", "-data-dir", "/a"], None), of("/a"));
        assert_eq!(etcd(&["etcd"], Some("/b")), of("/b"));
        assert_eq!(etcd(&["etcd", "--name", "data-dir-x"], None), None);
        let file = process("name: x\ndata-dir: /c\n", &[("ETCD_DATA_DIR", "/b")]);
        assert_eq!(etcd_data_dir(&file), of("/c"));
    }

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        for text in ["- hunter2", "a: [hunter2", "password: hunter2\n\tb: c"] {
            let why = Source::of(&process(text, &[])).expect_err("no settings");
            assert!(why.starts_with("/etc/patroni/config.yml "), "{why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
        let mut without = process("", &[]);
        without.config_file = None;
        assert!(Source::of(&without).is_err());
    }
}
