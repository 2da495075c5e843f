//! What the pure part of a run costs on many nodes: from the text of an inventory to a cluster, to
//! every file, to a plan, on bare nodes and on nodes where nothing is to change. No node, no clock
//! and no file is in it.
//!
//! ```text
//! cargo bench --bench pure [-- plan]
//! ```

#[expect(dead_code, reason = "shared with the tests, which need more of it")]
#[path = "../tests/it/plan/case.rs"]
mod case;
#[path = "../tests/it/plan/settle.rs"]
mod settle;

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use criterion::Criterion;
use mahout::cluster::Cluster;
use mahout::inventory::{self, Source};
use mahout::plan::{Desired, Plan};
use mahout::render::Rendered;
use mahout::template::Templates;

use case::Case;

/// Whether a cost grows faster than the number of nodes is seen from three of them.
const NODES: [usize; 3] = [50, 100, 200];

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    let templates = Templates::builtin().expect("our templates");
    criterion.bench_function("templates", |bencher| bencher.iter(Templates::builtin));
    for nodes in NODES {
        let text = inventory_of(nodes);
        bench_inventory(&mut criterion, nodes, &text);
        let bare = Case::bare(&text, "debian-12");
        bench_render(&mut criterion, nodes, &bare, &templates);
        bench_plan(&mut criterion, "plan/bare", nodes, &bare);
        let deployed = bare.deployed();
        bench_plan(&mut criterion, "plan/nothing to change", nodes, &deployed);
    }
    criterion.final_summary();
}

fn bench_inventory(criterion: &mut Criterion, nodes: usize, text: &str) {
    let source = Source {
        path: PathBuf::from("inventory.yml"),
        home: None,
        text: text.to_owned(),
    };
    criterion.bench_function(&format!("inventory/{nodes}"), |bencher| {
        bencher.iter(|| Cluster::try_from(inventory::parse(source.clone())));
    });
}

fn bench_render(criterion: &mut Criterion, nodes: usize, case: &Case, templates: &Templates) {
    criterion.bench_function(&format!("render/{nodes}"), |bencher| {
        bencher.iter(|| Rendered::of_cluster(&case.cluster, &case.secrets, &case.facts, templates));
    });
}

fn bench_plan(criterion: &mut Criterion, name: &str, nodes: usize, case: &Case) {
    let rendered = case.rendered();
    let desired = Desired {
        cluster: &case.cluster,
        secrets: &case.secrets,
        rendered: &rendered,
        facts: &case.facts,
    };
    criterion.bench_function(&format!("{name}/{nodes}"), |bencher| {
        bencher.iter(|| Plan::project(black_box(&desired)));
    });
}

/// Nodes with PostgreSQL and HAProxy, three of them with etcd, too.
fn inventory_of(nodes: usize) -> String {
    let mut text = "scope: main\nnodes:\n".to_owned();
    for number in 0..nodes {
        let etcd = if number < 3 { "etcd, " } else { "" };
        let address = format!("10.0.{}.{}", number / 200, number % 200 + 1);
        writeln!(
            text,
            "  pg-{number}: {{ address: {address}, roles: [{etcd}postgresql, haproxy] }}"
        )
        .expect("a string takes it");
    }
    text
}
