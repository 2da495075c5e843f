//! Who may use whom. The table is the one of the crate's documentation; a forbidden import fails
//! here.

use std::fs;
use std::path::{Path, PathBuf};

/// Module, and the modules of ours that it must not name.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "secret.rs",
        &[
            "cluster",
            "facts",
            "plan",
            "transport",
            "execute",
            "report",
            "commands",
            "inventory",
        ],
    ),
    (
        "template.rs",
        &[
            "cluster",
            "facts",
            "plan",
            "transport",
            "execute",
            "report",
            "commands",
            "inventory",
        ],
    ),
    (
        "inventory",
        &[
            "cluster",
            "facts",
            "plan",
            "transport",
            "execute",
            "report",
            "commands",
            "verify",
            "render",
            "vault",
            "platform",
        ],
    ),
    (
        "cluster",
        &[
            "facts",
            "plan",
            "transport",
            "execute",
            "report",
            "commands",
            "verify",
            "render",
            "vault",
        ],
    ),
    (
        "platform",
        &[
            "plan",
            "transport",
            "execute",
            "report",
            "commands",
            "verify",
            "render",
            "vault",
        ],
    ),
    (
        "facts",
        &["execute", "plan", "report", "commands", "verify"],
    ),
    (
        "render",
        &[
            "plan",
            "transport",
            "execute",
            "report",
            "commands",
            "verify",
            "vault",
        ],
    ),
    (
        "plan",
        &[
            "transport",
            "execute",
            "report",
            "commands",
            "verify",
            "vault",
        ],
    ),
    (
        "verify",
        &["transport", "execute", "report", "commands", "vault"],
    ),
    (
        "transport",
        &[
            "facts",
            "plan",
            "report",
            "execute",
            "render",
            "verify",
            "commands",
            "inventory",
            "vault",
        ],
    ),
    (
        "execute",
        &["inventory", "template", "verify", "commands", "vault"],
    ),
    (
        "explain",
        &[
            "facts",
            "plan",
            "transport",
            "execute",
            "report",
            "commands",
            "render",
            "verify",
            "vault",
            "inventory",
        ],
    ),
    ("report", &["transport", "execute", "commands", "vault"]),
    (
        "vault",
        &[
            "facts",
            "plan",
            "transport",
            "execute",
            "report",
            "commands",
            "render",
            "verify",
        ],
    ),
    (
        "lab",
        &[
            "facts",
            "plan",
            "transport",
            "execute",
            "report",
            "commands",
            "render",
            "verify",
            "vault",
            "cluster",
        ],
    ),
];

/// Folders whose code is synchronous, without clock, chance or I/O.
const PURE: &[&str] = &[
    "inventory",
    "cluster",
    "explain",
    "platform",
    "plan",
    "render",
    "verify",
];

fn sources(at: &Path, into: &mut Vec<PathBuf>) {
    if at.is_file() {
        into.push(at.to_owned());
        return;
    }
    for entry in fs::read_dir(at).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() || path.extension().is_some_and(|suffix| suffix == "rs") {
            sources(&path, into);
        }
    }
}

/// The lines of a file above its unit tests, comments left out.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).expect("a source file");
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim().to_owned()))
        .filter(|(_, line)| !line.starts_with("//"))
        .collect()
}

#[test]
fn no_module_uses_what_it_must_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (module, forbidden) in FORBIDDEN {
        let mut files = Vec::new();
        sources(&root.join(module), &mut files);
        assert!(!files.is_empty(), "{module} has no sources");
        for file in files {
            for (number, line) in code(&file) {
                for other in *forbidden {
                    if line.contains(&format!("crate::{other}::"))
                        || line.contains(&format!("crate::{other};"))
                    {
                        wrong.push(format!("{}:{number}: {line}", file.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "forbidden imports:\n{}", wrong.join("\n"));
}

#[test]
fn pure_modules_have_neither_clock_nor_chance_nor_input() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for module in PURE {
        let mut files = Vec::new();
        sources(&root.join(module), &mut files);
        for file in files {
            // The one place of the pure part that reads the operator's file.
            if file.ends_with("inventory/source.rs") {
                continue;
            }
            for (number, line) in code(&file) {
                for word in [
                    "tokio::",
                    "async fn",
                    "SystemTime",
                    "Instant::now",
                    "getrandom",
                    "std::process",
                    "File::open",
                ] {
                    if line.contains(word) {
                        wrong.push(format!("{}:{number}: {line}", file.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not pure:\n{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long_to_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let long: Vec<String> = files
        .iter()
        .map(|file| {
            (
                file,
                fs::read_to_string(file)
                    .expect("a source file")
                    .lines()
                    .count(),
            )
        })
        .filter(|(_, lines)| *lines > 400)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "split by noun:\n{}", long.join("\n"));
}
