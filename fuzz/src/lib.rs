//! What the fuzz targets run. Each takes any bytes at all; libFuzzer watches for a panic, for a
//! run that takes too long and for one that takes too much memory.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use mahout::cluster::{Cluster, Secrets, check};
use mahout::facts::Ask;
use mahout::inventory::{Source, Style, parse};
use mahout::secret::Secret;
use mahout::verify::{doors, probe};

/// The cluster whose nodes are asked: the one of the recorded answers.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let text = include_bytes!("../../tests/fixtures/facts/trixie.yml");
    let source = Source::from_bytes(Path::new("trixie.yml"), None, text.to_vec());
    let checked = check(parse(source.expect("a text")));
    checked.cluster.expect("a cluster")
});

static ASK: LazyLock<Ask> =
    LazyLock::new(|| Ask::of(&CLUSTER, &CLUSTER.nodes[0], &Secrets::default()));

/// Checks `data` as an inventory and shows all that is said of it; no password is ever said.
pub fn inventory(data: &[u8]) {
    let home = Some(PathBuf::from("/home/ops"));
    let Ok(source) = Source::from_bytes(Path::new("inventory.yml"), home, data.to_vec()) else {
        return;
    };
    let length = source.text.len();
    let checked = check(parse(source));
    let said = checked.render(Style::Plain);
    assert!(said.len() < 400_000 + 100 * length, "{} bytes", said.len());
    for problem in &checked.problems {
        if let Some(span) = problem.span {
            assert!(span.start <= span.end && span.end <= length, "{problem:?}");
        }
    }
    black_box(checked.render(Style::Coloured));
}

/// Reads `data` as a line of pg_hba.conf.
pub fn hba(data: &[u8]) {
    if let Ok(line) = std::str::from_utf8(data) {
        let _ = black_box(mahout::cluster::hba::parse(line));
    }
}

/// Reads `data` as what a node printed.
pub fn facts(data: &[u8]) {
    let printed = String::from_utf8_lossy(data);
    let _ = black_box(mahout::facts::parse::parse(&ASK, &printed));
}

/// Reads `data` as sections of what a node printed, whose first and last line are right.
pub fn sections(data: &[u8]) {
    let sections = String::from_utf8_lossy(data);
    let printed = format!("@facts 1 1795486003.225606460\n{sections}\n@end\n");
    let read = mahout::facts::parse::parse(&ASK, &printed);
    black_box(read.expect("whole"));
}

/// Reads `data` as what the scripts of `verify` printed.
pub fn knocks(data: &[u8]) {
    let printed = String::from_utf8_lossy(data);
    let nodes: Vec<_> = CLUSTER.nodes.iter().collect();
    let from = nodes[0];
    black_box(doors::parse(&CLUSTER, from, &nodes, &printed));
    let password = Secret::new("hunter2");
    black_box(probe::parse(&CLUSTER, from, &password, &printed));
}
