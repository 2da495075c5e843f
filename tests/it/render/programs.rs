//! Rendered files before the programs that will read them: HAProxy, Patroni's validator, PyYAML,
//! systemd. A program that is not installed skips its test with a word; where `CI=true` it fails.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use mahout::platform::{Platform, Version};
use mahout::render::Check;
use mahout::template::Templates;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::clusters::variants;
use super::sample::{cluster, content, platforms, rendered};

/// Debian's own Python, which has its `patroni` and `python3-yaml`, unless another one is named.
fn python() -> String {
    std::env::var("MAHOUT_TEST_PYTHON").unwrap_or_else(|_| "/usr/bin/python3".to_owned())
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

#[test]
fn haproxy_accepts_its_configuration() {
    let Some(version) = probe("haproxy", &["-v"]) else {
        return;
    };
    let version = version.split_whitespace().find_map(Version::parse_package);
    let version = version.expect("HAProxy tells its version");
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
                let folder = tempfile::tempdir().expect("a folder");
                let path = folder.path().join("haproxy.cfg");
                let text = content(&files, "/etc/haproxy/haproxy.cfg");
                std::fs::write(&path, text).expect("written");
                let path = path.to_string_lossy();
                let output = run("haproxy", &["-c", "-f", &path], "").expect("haproxy runs");
                assert_accepted(&output, &format!("{name} {variant} {of}\n{text}"));
            }
        }
    }
}

#[test]
fn patronis_schema_accepts_patroni_yml() {
    let python = python();
    let script = "import patroni.validator, patroni.version as v; print(v.__version__)";
    let Some(version) = probe(&python, &["-c", script]) else {
        return;
    };
    let version = Version::parse_package(version.trim()).expect("Patroni tells its version");
    let mut texts = BTreeMap::new();
    for (name, mut platform) in platforms() {
        platform.shipped.patroni = version.clone();
        for (variant, cluster) in variants() {
            for index in 0..cluster.nodes.len() {
                let files = rendered(&cluster, index, &platform);
                let node = &cluster.nodes[index].name;
                let Some(file) = files.iter().find(|file| file.check == Some(Check::Patroni))
                else {
                    continue;
                };
                texts.insert(
                    format!("{name} {variant} {node}"),
                    file.content.expose().to_owned(),
                );
            }
        }
    }
    let input = serde_json::to_string(&texts).expect("JSON");
    let script = include_str!("patroni_schema.py");
    let output = run(&python, &["-c", script], &input).expect("Python runs");
    assert_accepted(&output, script);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");

    // The replaced checks have not switched the schema off.
    let broken = texts
        .values()
        .next()
        .expect("a file")
        .replace("ttl: 30", "ttl: x");
    let input = json!({"broken": broken}).to_string();
    let output = run(&python, &["-c", script], &input).expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("broken: bootstrap.dcs.ttl"), "{said}");
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
    let result = TestRunner::new(Config::with_cases(400)).run(&documents, |document| {
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
    let python = python();
    if probe(&python, &["-c", "import yaml"]).is_none() {
        return;
    }
    let input = serde_json::to_string(&texts).expect("JSON");
    let output = run(&python, &["-c", include_str!("pyyaml.py")], &input).expect("Python runs");
    assert_accepted(&output, "PyYAML");
    let read: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    for ((read, meant), text) in read.iter().zip(&meant).zip(&texts) {
        assert_eq!(read, meant, "{text}");
    }
}
