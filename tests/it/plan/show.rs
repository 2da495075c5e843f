//! What a person sees of a first deploy.

use std::path::Path;

use mahout::report::{Detail, PlanView, write_plan};

use super::case::Case;

#[test]
fn the_plan_from_bare_nodes() {
    let path = format!("{}/inventories/minimal.yml", env!("CARGO_MANIFEST_DIR"));
    let case = Case::of(Path::new(&path), "debian-12");
    let plan = case.plan();
    let mut shown = Vec::new();
    let view = PlanView {
        cluster: &case.cluster,
        plan: &plan,
        secrets: &case.secrets,
        goal: "converge",
        detail: Detail::Summary,
    };
    write_plan(&mut shown, &view).expect("a vector takes all");
    let shown = String::from_utf8(shown).expect("text");
    assert!(!shown.contains("hunter2"));
    insta::assert_snapshot!(shown);
}
