//! `--output json`: every line of both streams is an object with its type.

use std::fs;

use serde_json::{Value, json};

use super::{Said, Shell, THREE};

/// The objects of a stream.
fn objects(stream: &str) -> Vec<Value> {
    let object = |line: &str| -> Value {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(value["type"].is_string(), "{line}");
        value
    };
    stream.lines().map(object).collect()
}

/// Those of type `kind`.
fn of(kind: &str, stream: &str) -> Vec<Value> {
    let mut all = objects(stream);
    all.retain(|object| object["type"] == kind);
    all
}

fn json(shell: &Shell, code: i32, arguments: &[&str]) -> Said {
    shell.exits(code, &[arguments, &["--output", "json"]].concat())
}

/// The one error, which is the last line.
fn error(said: &Said) -> Value {
    let last = objects(&said.stderr).pop().expect("an error");
    assert_eq!(last["type"], "error", "{last}");
    assert_eq!(last["code"], said.code, "{last}");
    assert_eq!(of("error", &said.stderr).len(), 1, "{}", said.stderr);
    last
}

#[test]
fn what_touches_no_node_tells_its_result() {
    let shell = Shell::new();
    let said = json(&shell, 0, &["init"]);
    let all = of("result", &said.stdout);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["result"], "written");
    assert_eq!(all[0]["path"], "inventory.yml");

    let said = json(&shell, 0, &["check"]);
    let all = of("result", &said.stdout);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["result"], "valid");
    assert_eq!(
        (&all[0]["scope"], &all[0]["nodes"]),
        (&json!("main"), &json!(3))
    );
    assert!(all[0]["worst_failover_seconds"].as_f64().expect("a number") > 1.0);

    let said = json(&shell, 0, &["render", "--to", "out"]);
    let all = of("result", &said.stdout);
    assert!(all.len() > 9, "{}", said.stdout);
    for object in &all {
        assert_eq!(object["result"], "rendered");
        let (file, path) = (object["file"].as_str(), object["path"].as_str());
        let path = path.expect("a path");
        assert!(path.ends_with(file.expect("a file")), "{object}");
        assert!(shell.path(path).is_file(), "{object}");
    }
}

#[test]
fn check_tells_every_problem_on_stdout() {
    let shell = Shell::with(format!("{THREE}scop: x\npostgresql: {{ port: 0 }}\n"));
    let said = json(&shell, 2, &["check"]);
    let all = of("problem", &said.stdout);
    assert!(all.len() >= 2, "{}", said.stdout);
    for object in &all {
        for key in ["severity", "message", "hint", "span"] {
            assert!(object.get(key).is_some(), "{key} in {object}");
        }
        assert_eq!(object["file"], "inventory.yml");
    }
    assert_eq!(said.stderr, "", "everything was said already");

    // Any other command says why it cannot go on, too.
    let said = json(&shell, 2, &["render"]);
    assert_eq!(said.stdout, "");
    assert_eq!(of("problem", &said.stderr), all);
    let message = error(&said)["message"].to_string();
    assert!(message.contains("inventory.yml"), "{message}");
}

#[test]
fn what_ends_a_run_is_the_last_object_of_stderr() {
    let shell = Shell::new();
    let said = json(&shell, 2, &["verify"]);
    let object = error(&said);
    assert_eq!(object["message"], "inventory.yml: no such file");
    assert!(
        object["hint"].to_string().contains("mahout init"),
        "{object}"
    );

    fs::write(shell.path("inventory.yml"), THREE).expect("written");
    let said = json(&shell, 2, &["init"]);
    assert_eq!(error(&said)["hint"], Value::Null);

    // Port 1 of the loopback refuses at once.
    let nowhere = THREE.replace(" }", ", ssh: { destination: 127.0.0.1, port: 1 } }");
    let said = json(&Shell::with(nowhere), 3, &["deploy", "--yes"]);
    let message = error(&said)["message"].to_string();
    assert!(message.contains("pg-3: "), "{message}");
    assert_eq!(said.stdout, "");
}

#[test]
fn a_wrong_command_line_that_asks_for_json_gets_it() {
    let shell = Shell::new();
    for arguments in [
        &["no-such-verb", "--output", "json"][..],
        &["--output=json", "deploy", "--exit-code"],
        &["--output", "json"],
    ] {
        let said = shell.exits(2, arguments);
        assert!(!error(&said)["message"].to_string().contains("\u{1b}"));
        assert_eq!(said.stdout, "");
    }
    let help = shell.exits(0, &["--help", "--output", "json"]);
    assert!(help.stdout.contains("Usage: mahout"), "{}", help.stdout);
}

#[test]
fn a_lab_tells_objects() {
    let shell = Shell::new();
    // As root there is none of that name, without root none at all.
    let said = json(
        &shell,
        2,
        &["lab", "kill", "--name", "no-such-lab-of-tests", "pg-1"],
    );
    assert!(error(&said)["message"].is_string());
    assert_eq!(said.stdout, "");
    let said = shell.run(&["lab", "list", "--output", "json"]);
    for object in objects(&said.stdout) {
        assert_eq!(object["type"], "lab");
        assert!(object["nodes"].is_array(), "{object}");
    }
    if said.code != 0 {
        error(&said);
    }
}

#[test]
fn secrets_tell_what_changed_and_only_the_one_that_was_asked_for() {
    let shell = Shell::with(THREE);
    fs::write(shell.path("value"), "correct zebra\n").expect("written");
    let mut command = shell.command(&["secrets", "set", "superuser", "--output", "json"]);
    command.stdin(fs::File::open(shell.path("value")).expect("a file"));
    let said = super::said(&mut command);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let all = of("result", &said.stdout);
    assert_eq!(all[0]["result"], "secrets_changed");
    assert_eq!(all[0]["names"], json!(["superuser"]));
    assert!(!said.stdout.contains("zebra"), "{}", said.stdout);
    objects(&said.stderr);
    let said = json(&shell, 0, &["secrets", "show", "superuser"]);
    assert_eq!(
        objects(&said.stdout),
        [json!({"type": "secret_value", "name": "superuser", "value": "correct zebra"})]
    );
}
