//! Texts that nobody means: no panic, no long wait, no huge report.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mahout::cluster::{InvalidCluster, load};
use mahout::inventory::{LARGEST, Style};
use proptest::prelude::*;

use super::{checked, file};
use crate::mutation::mutated;

/// Checks `text`, renders all that is said, and holds both to bounds.
fn survives(text: &str) {
    let start = Instant::now();
    let checked = checked(text);
    let report = checked.render(Style::Plain);
    let took = start.elapsed();
    // Generous for an unoptimised build on a busy machine; unbounded work takes for ever.
    assert!(
        took < Duration::from_secs(20),
        "{took:?} for {} bytes",
        text.len()
    );
    assert!(
        report.len() < 200_000 + 60 * text.len(),
        "{} bytes",
        report.len()
    );
    assert_eq!(
        checked.cluster.is_none(),
        report.contains("error"),
        "{report}"
    );
    for problem in &checked.problems {
        if let Some(span) = problem.span {
            assert!(
                span.start <= span.end && span.end <= text.len(),
                "{problem:?}"
            );
        }
    }
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    file
}

fn refused(path: &Path) -> String {
    let error = load(path).expect_err("refused");
    assert!(matches!(error, InvalidCluster::File(_)), "{error}");
    error
        .to_string()
        .replace(&path.display().to_string(), "FILE")
}

#[test]
fn what_is_no_text_is_refused_with_the_place() {
    let start = Instant::now();
    let large = written(&vec![b'#'; 10_000_000]);
    assert_eq!(
        refused(large.path()),
        "FILE: larger than 4 MiB, which no inventory is"
    );
    let binary = written(b"scope: main\nx: \xc3\xa9\0");
    assert_eq!(
        refused(binary.path()),
        "FILE:2:5: a binary file, not YAML: it contains a zero byte"
    );
    let latin = written(b"scope: main\n# caf\xe9\n");
    assert_eq!(refused(latin.path()), "FILE:2:6: byte 0xe9 is not UTF-8");
    assert_eq!(
        refused(Path::new("/no/such/inventory.yml")),
        "FILE: no such file"
    );
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(
        refused(folder.path()),
        "FILE: this is a folder, not an inventory file"
    );
    // A device without an end.
    assert_eq!(
        refused(Path::new("/dev/zero")),
        "FILE: larger than 4 MiB, which no inventory is"
    );
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn the_largest_text_is_read_in_bounded_time() {
    survives(&"a".repeat(LARGEST));
    survives(&"- x\n".repeat(LARGEST / 4));
    survives(&"x: {}\n".repeat(20_000));
    survives(&"[".repeat(100_000));
    survives(&"a: &a ".repeat(10_000));
    survives(&format!(
        "scope: main\nx: |\n{}",
        "  password: x\n".repeat(50_000)
    ));
}

#[test]
fn a_thousand_nodes_are_checked_quickly() {
    let mut text = "scope: main\nnodes:\n".to_owned();
    for number in 0..1000 {
        let roles = if number < 3 {
            "[etcd]"
        } else {
            "[postgresql, haproxy]"
        };
        let (high, low) = (number / 250, number % 250 + 1);
        text.push_str(&format!(
            "  n-{number}: {{ address: 10.0.{high}.{low}, roles: {roles} }}\n"
        ));
    }
    let start = Instant::now();
    let checked = checked(&text);
    let said = checked.render(Style::Plain);
    assert_eq!(
        checked
            .cluster
            .unwrap_or_else(|| panic!("{said}"))
            .nodes
            .len(),
        1000
    );
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_thousand_mistakes_are_counted_and_not_all_shown() {
    let mut text = file("inventories/minimal.yml");
    for number in 0..1000 {
        text.push_str(&format!("mistake{number}: 1\n"));
    }
    let checked = checked(&text);
    assert_eq!(checked.problems.len(), 1000);
    let report = checked.render(Style::Plain);
    assert!(report.contains("… and 950 more"), "{report}");
    assert!(report.ends_with("1000 errors in inventory.yml"), "{report}");
}

/// Everything that a fuzzer finds is kept among the bad inventories; this looks at what lies
/// around the good ones.
#[test]
fn good_inventories_with_mistakes_in_them() {
    let texts: Vec<String> = ["minimal", "dedicated", "article", "reference"]
        .map(|name| file(&format!("inventories/{name}.yml")))
        .into_iter()
        .chain([super::reference::uncommented(&file(
            "inventories/reference.yml",
        ))])
        .collect();
    mutated(&texts, 150, survives);
}

/// The same as a process of its own, which has a quarter of a gigabyte and a few seconds.
#[test]
fn mistakes_take_neither_memory_nor_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("inventory.yml");
    let texts = [super::reference::uncommented(&file(
        "inventories/reference.yml",
    ))];
    mutated(&texts, 16, |text| {
        std::fs::write(&path, text).expect("written");
        let run = Command::new("sh")
            .args([
                "-c",
                "ulimit -v 262144 && exec timeout 20 \"$0\" check -i \"$1\"",
            ])
            .arg(env!("CARGO_BIN_EXE_mahout"))
            .arg(&path)
            .output()
            .expect("sh");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(
            matches!(run.status.code(), Some(0 | 2)),
            "{}: {said}",
            run.status
        );
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_at_all(text in "\\PC{0,200}") {
        survives(&text);
    }

    #[test]
    fn any_text_of_yamls_own_characters(text in "[a-c:\\-\\[\\]{}&*#|>\"' \n\t!%@,?~0-9]{0,120}") {
        survives(&text);
    }

    #[test]
    fn a_valid_inventory_with_a_piece_cut_out(from in 0_usize..9000, length in 0_usize..200) {
        let text = file("inventories/reference.yml");
        let from = text.floor_char_boundary(from);
        let to = text.ceil_char_boundary(from + length);
        survives(&format!("{}{}", &text[..from], &text[to..]));
    }

    #[test]
    fn a_valid_inventory_with_something_put_in(
        at in 0_usize..9000,
        what in "[a-z0-9:\\-\\[\\]{}&*#|>\"' \n\t.~/é]{1,12}",
    ) {
        let mut text = super::reference::uncommented(&file("inventories/reference.yml"));
        text.insert_str(text.floor_char_boundary(at), &what);
        survives(&text);
    }

    #[test]
    fn a_valid_inventory_with_another_value(line in 0_usize..300, value in "\\PC{0,20}") {
        let text = super::reference::uncommented(&file("inventories/reference.yml"));
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let line = line % lines.len();
        if let Some((key, _)) = lines[line].clone().split_once(": ") {
            lines[line] = format!("{key}: {value}");
        }
        survives(&(lines.join("\n") + "\n"));
    }

    #[test]
    fn a_password_is_never_said_wherever_it_stands(line in 0_usize..300, indent in 0_usize..6) {
        let text = super::reference::uncommented(&file("inventories/reference.yml"));
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let line = line % lines.len();
        lines.insert(line, format!("{}password: hunter2", " ".repeat(indent)));
        let said = checked(&(lines.join("\n") + "\n")).render(Style::Plain);
        prop_assert!(!said.contains("hunter2"), "{said}");
    }
}
