//! The inventory, from its text to a cluster or to everything that is wrong with it.

mod article;
mod bad;
mod elsewhere;
mod good;
mod hostile;
mod reference;
mod schema;
mod spelled;
mod vip;

use std::path::{Path, PathBuf};

use mahout::cluster::{Checked, check};
use mahout::inventory::{Source, parse};

/// Checks `text` as the content of `inventory.yml`, with `/home/ops` for a home folder.
fn checked(text: &str) -> Checked {
    let home = Some(PathBuf::from("/home/ops"));
    let source = Source::from_bytes(Path::new("inventory.yml"), home, text.as_bytes().to_vec());
    check(parse(source.expect("a text")))
}

/// A file of the repository.
fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
