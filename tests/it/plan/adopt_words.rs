//! A cluster that was made by other means: what is said of it, and what its inventory has to say.

use mahout::plan::adopt::Suggestion;
use mahout::secret::Secret;

use super::adopt::{NODES, adopt, by_hand, process, settings, with};

#[test]
fn the_notes_say_what_changes_setting_by_setting() {
    let mut case = by_hand();
    case.postgresql("pg-1").hba_rules = vec![
        "local all postgres peer".to_owned(),
        "host all all 0.0.0.0 0.0.0.0 md5".to_owned(),
    ];
    case.postgresql("pg-1").md5_roles = vec!["app".to_owned(), "postgres".to_owned()];
    process(&mut case, "pg-3").config_file = Some("/etc/patroni/config.yml".to_owned());
    process(&mut case, "pg-3").program = "/usr/local/bin/patroni".to_owned();
    let variable = ("PATRONI_NAME".to_owned(), Secret::new("pg-2"));
    process(&mut case, "pg-2").variables.extend([variable]);
    let notes: Vec<String> = adopt(&case)
        .expect("a plan")
        .notes
        .into_iter()
        .map(|note| match note.node {
            Some(node) => format!("{node}: {}", note.message),
            None => note.message,
        })
        .collect();
    for words in [
        "pg-1: Patroni's `postgresql.listen`: *:5432 -> 10.0.0.11,127.0.0.1:5432; PostgreSQL takes it \
         when it starts next",
        "pg-1: Patroni's `postgresql.parameters.huge_pages`: off -> (nothing); PostgreSQL takes it when \
         it starts next",
        "pg-2: Patroni's `postgresql.parameters.work_mem`: 8MB -> (nothing)",
        "pg-1: the line `host all all 0.0.0.0 0.0.0.0 md5` of pg_hba.conf goes",
        "the passwords of app are kept as md5",
        "pg-3: Patroni runs with /etc/patroni/config.yml",
        "runs from /usr/local/bin/patroni; from its next start on it is /usr/bin/patroni, version 3.0.2",
        "pg-2: Patroni's environment says PATRONI_NAME, which goes before patroni.yml",
        "pg-1: etcd.service runs on with the settings that it was started with",
        "pg-1: haproxy.service runs on with the limits that it was started with",
    ] {
        assert!(
            notes.iter().any(|note| note.contains(words)),
            "{words}: {notes:#?}"
        );
    }
    assert!(!notes.iter().any(|note| note.contains("hunter2")));
    // What is written otherwise and means the same is no change.
    for key in [
        "bin_dir",
        "restapi.listen`",
        "`scope`",
        "authentication",
        "max_connections",
    ] {
        assert!(!notes.iter().any(|note| note.contains(key)), "{notes:#?}");
    }
}

#[test]
fn what_the_inventory_would_have_to_say_is_suggested_without_secrets() {
    let mut case = by_hand();
    for node in NODES {
        let text = settings(node)
            .replace("*:5432", "*:6432")
            .replace("username: replicator", "username: repl")
            .replace(
                "work_mem: 8MB",
                "work_mem: 8MB, archive_command: \"curl -u me:hunter2-archive https://x\", \
                 ssl_passphrase_command: \"echo hunter2-superuser\"",
            );
        let text = match node {
            "pg-3" => text
                .replace("name: pg-3", "name: patroni03")
                .replace("15/patroni", "15/x"),
            _ => format!("{text}tags: {{ clonefrom: true }}\n"),
        };
        process(&mut case, node).config = Some(Secret::new(text));
    }
    case.postgresql("pg-1").hba_rules = vec![
        "local all postgres peer".to_owned(),
        "host all all 10.0.0.0 255.0.0.0 md5".to_owned(),
    ];
    let config = &mut case.patroni("pg-1").config;
    config.insert("ttl".to_owned(), 40.into());
    config.insert("synchronous_mode".to_owned(), true.into());
    config["postgresql"]["parameters"] = serde_json::json!({"max_connections": 300});
    let text = with(&case, Suggestion::of).expect("a suggestion").text();
    insta::assert_snapshot!(text);
    assert!(!text.contains("hunter2"));
}

#[test]
fn weak_passwords_are_taken_and_named() {
    let mut case = by_hand();
    for node in NODES {
        let weak = settings(node).replace("hunter2-superuser", "postgres");
        process(&mut case, node).config = Some(Secret::new(weak));
    }
    let name = mahout::cluster::SecretName::Superuser;
    case.secrets.values.insert(name, Secret::new("postgres"));
    let plan = adopt(&case).expect("a plan");
    let words = "passwords that are tried first, or have fewer than eight characters: superuser;";
    let said = |note: &mahout::plan::Note| note.message.contains(words);
    assert!(plan.notes.iter().any(said), "{:#?}", plan.notes);
}
