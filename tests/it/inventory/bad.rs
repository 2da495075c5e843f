//! Bad inventories: what is said of each, reviewed as it is printed.

use std::path::Path;

use mahout::inventory::Style;

use super::checked;

/// Every file of `tests/fixtures/inventories/bad`, in the order of the names.
fn fixtures() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/inventories/bad");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, std::fs::read_to_string(&path).expect("a text"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place_and_its_remedy() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, text) in fixtures() {
            let checked = checked(&text);
            assert!(checked.cluster.is_none(), "{name} passes");
            insta::assert_snapshot!(format!("bad__{name}"), checked.render(Style::Plain));
        }
    });
}

#[test]
fn every_problem_has_a_remedy_and_the_house_style() {
    for (name, text) in fixtures() {
        for problem in checked(&text).problems {
            let message = &problem.message;
            assert!(!message.ends_with('.'), "{name}: {message}");
            let first = message.chars().next().expect("a message");
            assert!(
                !first.is_uppercase() || starts_with_a_name(message),
                "{name}: {message}"
            );
            // What a value must be is its own remedy.
            assert!(
                problem.hint.is_some() || message.contains(" must be "),
                "{name}: {message}"
            );
        }
    }
}

/// Names keep their capitals.
fn starts_with_a_name(message: &str) -> bool {
    ["PostgreSQL ", "HAProxy ", "Patroni ", "WAL "]
        .iter()
        .any(|name| message.starts_with(name))
}

#[test]
fn no_password_of_an_inventory_is_ever_repeated() {
    for (name, text) in fixtures() {
        let checked = checked(&text);
        let json = serde_json::to_string(&checked.problems).expect("JSON");
        for said in [
            checked.render(Style::Plain),
            checked.render(Style::Coloured),
            json,
        ] {
            assert!(!said.contains("hunter2"), "{name}: {said}");
            assert!(!said.contains("12345678"), "{name}: {said}");
        }
    }
}
