//! Rendered files before the programs that will read them: HAProxy, Patroni's validator, PyYAML,
//! systemd. A program that is not installed skips its test with a word; where `CI=true` it fails.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use mahout::cluster::SecretName;
use mahout::platform::{Platform, Version};
use mahout::render::{Check, File, files};
use mahout::secret::Secret;
use mahout::template::Templates;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::clusters::variants;
use super::sample::{cluster, content, platform, platforms, rendered, secrets, target};

/// Judges by Patroni's schema.
const SCHEMA: &str = include_str!("patroni_schema.py");

/// Debian's own Python, which has its `patroni` and `python3-yaml`, and the one that is named:
/// `tests/run` makes one with a current Patroni.
fn pythons() -> Vec<String> {
    let named = std::env::var("MAHOUT_TEST_PYTHON").ok();
    std::iter::once("/usr/bin/python3".to_owned())
        .chain(named)
        .collect()
}

/// Runs `program` with `input`, with the folders of the superuser's programs in its path.
fn run(program: &str, arguments: &[&str], input: &str) -> std::io::Result<Output> {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut child = Command::new(program)
        .args(arguments)
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // One that ends without reading is judged by how it ends.
    let _ = child
        .stdin
        .take()
        .map(|mut stdin| stdin.write_all(input.as_bytes()));
    child.wait_with_output()
}

/// What `program` prints when it works; else the test is skipped, or fails in CI.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn probe(program: &str, arguments: &[&str]) -> Option<String> {
    match run(program, arguments, "") {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        other => {
            let shown = format!(
                "`{program} {}` does not work: {other:?}",
                arguments.join(" ")
            );
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{shown}");
            eprintln!("skipped: {shown}");
            None
        }
    }
}

fn assert_accepted(output: &Output, file: &str) {
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{}\n{}\n{file}", said[0], said[1]);
    // A warning today is an error in the next version.
    assert!(!said[1].contains("[WARNING]"), "{}\n{file}", said[1]);
}

/// HAProxy's version, if it is installed.
pub(super) fn haproxy_version() -> Option<Version> {
    let said = probe("haproxy", &["-v"])?;
    let version = said.split_whitespace().find_map(Version::parse_package);
    Some(version.expect("HAProxy tells its version"))
}

/// `haproxy -c` takes `text`, and has nothing to warn of.
pub(super) fn assert_haproxy_accepts(text: &str, what: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    // HAProxy reads the authorities that it checks servers with.
    let authority = folder.path().join("ca.crt");
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::default().self_signed(&key);
    std::fs::write(&authority, certificate.expect("a certificate").pem()).expect("written");
    // And what it knew of them before a reload.
    let servers = folder.path().join("servers");
    std::fs::write(&servers, "1\n").expect("written");
    let text = &text
        .replace("/etc/mahout/ca.crt", &authority.to_string_lossy())
        .replace("/run/haproxy.servers", &servers.to_string_lossy());
    let path = folder.path().join("haproxy.cfg");
    std::fs::write(&path, text).expect("written");
    let path = path.to_string_lossy();
    let output = run("haproxy", &["-c", "-f", &path], "").expect("haproxy runs");
    assert_accepted(&output, &format!("{what}\n{text}"));
}

/// The schema of every Patroni that is here takes each of `texts`; they are by name.
pub(super) fn assert_patroni_accepts(texts: &BTreeMap<String, String>) {
    for python in pythons() {
        if probe(&python, &["-c", "import patroni.validator"]).is_none() {
            continue;
        }
        let input = serde_json::to_string(texts).expect("JSON");
        let output = run(&python, &["-c", SCHEMA], &input).expect("Python runs");
        assert_accepted(&output, SCHEMA);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{python}");

        // The replaced checks have not switched the schema off.
        let broken = texts.values().next().expect("a file");
        let broken = broken.replace("\n    ttl: ", "\n    ttl: x");
        let input = json!({"broken": broken}).to_string();
        let output = run(&python, &["-c", SCHEMA], &input).expect("Python runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with("broken: bootstrap.dcs.ttl"), "{said}");
    }
}

#[test]
fn haproxy_accepts_its_configuration() {
    let Some(version) = haproxy_version() else {
        return;
    };
    for (name, mut platform) in platforms() {
        for (variant, cluster) in variants() {
            // As for the version that is installed, and in the distribution's own, older words.
            for of in [version.clone(), platform.shipped.haproxy.clone()] {
                if of > version {
                    continue;
                }
                platform.shipped.haproxy = of.clone();
                let index = cluster.nodes.len() - 1;
                let files = rendered(&cluster, index, &platform);
                let text = content(&files, "/etc/haproxy/haproxy.cfg");
                assert_haproxy_accepts(text, &format!("{name} {variant} {of}"));
            }
        }
    }
}

#[test]
fn haproxy_reads_any_password_as_it_is_meant() {
    if haproxy_version().is_none() {
        return;
    }
    let debian = platform("debian", "12");
    for password in ["plain", "it's", "a b", "#c", "\"d", "$HOME", "\\", "''"] {
        let mut cluster = cluster();
        cluster.haproxy.stats_username = Some("o'neill#1".to_owned());
        let mut secrets = secrets();
        let name = SecretName::HaproxyStats;
        secrets.values.insert(name, Secret::new(password));
        let target = target(&cluster, &cluster.nodes[0], &secrets, &debian);
        let files = files(&target, &Templates::builtin().expect("ours")).expect("files");
        assert_haproxy_accepts(content(&files, "/etc/haproxy/haproxy.cfg"), password);
    }
}

#[test]
fn patronis_schema_accepts_patroni_yml() {
    let mut texts = BTreeMap::new();
    for (name, platform) in platforms() {
        for (variant, cluster) in variants() {
            for index in 0..cluster.nodes.len() {
                let files = rendered(&cluster, index, &platform);
                let node = &cluster.nodes[index].name;
                let of_patroni = |file: &&File| file.check == Some(Check::Patroni);
                if let Some(file) = files.iter().find(of_patroni) {
                    let text = file.content.expose().to_owned();
                    texts.insert(format!("{name} {variant} {node}"), text);
                }
            }
        }
    }
    assert_patroni_accepts(&texts);
}

#[test]
fn units_pass_systemd_analyze() {
    if probe("systemd-analyze", &["--version"]).is_none() {
        return;
    }
    for (_, platform) in platforms() {
        // The programs themselves need not be here.
        let platform = Platform {
            etcd_binary: "/bin/true".to_owned(),
            patroni_binary: "/bin/true".to_owned(),
            ..platform
        };
        let files = rendered(&cluster(), 0, &platform);
        let folder = tempfile::tempdir().expect("a folder");
        for file in files.iter().filter(|file| file.check == Some(Check::Unit)) {
            let name = file.path.rsplit('/').next().expect("a name");
            let path = folder.path().join(name);
            std::fs::write(&path, file.content.expose()).expect("written");
            let path = path.to_string_lossy();
            let output = run("systemd-analyze", &["verify", &path], "").expect("it runs");
            assert_accepted(&output, file.content.expose());
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!said.contains(name), "{said}");
        }
    }
}

/// Texts that YAML 1.1 takes for something else.
const HOSTILE: [&str; 34] = [
    "no",
    "yes",
    "on",
    "off",
    "y",
    "N",
    "true",
    "null",
    "~",
    "",
    " ",
    "12:30",
    "190:20:30",
    "2001-01-01",
    "2001-01-01T00:00:00Z",
    "0o17",
    "017",
    "0x1F",
    "1_000",
    "1e3",
    ".5",
    ".inf",
    "- a",
    "a: b",
    "a #b",
    "#a",
    "{a}",
    "[a",
    "*a",
    "&a",
    "!a",
    "%a",
    "\ttab\n",
    "é\u{85}\u{2028}ü",
];

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned),
        any::<String>(),
        "[ -~\t\n]{0,12}",
        "[0-9:._+-]{1,10}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => hostile().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => (-1000i32..1000).prop_map(|n| json!(f64::from(n) / 8.0)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(hostile(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn what_was_meant_is_what_yaml_readers_read() {
    let templates = Templates::builtin().expect("our templates");
    let cases = RefCell::new(Vec::new());
    let documents = proptest::collection::btree_map(hostile(), value(), 1..4);
    let result = TestRunner::new(Config::with_cases(200)).run(&documents, |document| {
        let document = Value::Object(document.into_iter().collect());
        let context = json!({"managed": "x", "path": "x", "patroni": document});
        let text = templates
            .render("patroni/patroni.yml.tera", &context)
            .expect("rendered");
        let read: Value = serde_saphyr::from_str(&text).expect("YAML");
        prop_assert_eq!(&read, &document, "{}", text);
        cases.borrow_mut().push((text, document));
        Ok(())
    });
    result.expect("our own reader reads what was meant");
    let (texts, meant): (Vec<String>, Vec<Value>) = cases.into_inner().into_iter().unzip();
    let input = serde_json::to_string(&texts).expect("JSON");
    for python in pythons() {
        if probe(&python, &["-c", "import yaml"]).is_none() {
            continue;
        }
        let reader = include_str!("pyyaml.py");
        let output = run(&python, &["-c", reader], &input).expect("Python runs");
        assert_accepted(&output, "PyYAML");
        let read: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        for ((read, meant), text) in read.iter().zip(&meant).zip(&texts) {
            assert_eq!(read, meant, "{text}");
        }
    }
}
