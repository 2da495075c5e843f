//! A gate that fails asks the nodes that it concerns, too.

use super::tests::{DONE, answer, phase, run};
use crate::plan::Rollout;

const SAYS: &str = "@section journal patroni.service
CRITICAL: system ID mismatch, node b belongs to a different cluster: 7412 != 7399
@section end";

#[tokio::test]
async fn a_replica_that_does_not_come_up_may_have_its_cause_on_the_leader() {
    let mut replicas = phase("replicas", Rollout::Parallel, &["a"], true);
    let concerns = ["a", "b", "c", "d"].map(Into::into);
    replicas.gate.as_mut().expect("a gate").concerns = concerns.into();
    let (result, asked) = run(
        vec![replicas],
        vec![
            (
                "a",
                vec![
                    answer("phase replicas", 0, DONE),
                    answer("await", 21, "@missing it does not stream"),
                    answer("collect evidence", 0, "@section end"),
                ],
            ),
            ("b", vec![answer("collect evidence", 0, SAYS)]),
            ("c", vec![answer("collect evidence", -1, "")]),
        ],
    )
    .await;
    let error = result.expect_err("a fails");
    let said = error.to_string();
    let told = said
        .strip_prefix(
            "a: it does not stream, after 0 s\n  \
             while: waiting until every member runs (phase replicas)\n  on b: ",
        )
        .unwrap_or_else(|| panic!("{said}"));
    assert!(
        told.ends_with(
            "\n  on c: it could not be asked: the connection was lost\n  \
             on d: it could not be asked: it is not connected"
        ),
        "{said}"
    );
    assert!(
        told.starts_with("its data directory comes from another cluster: "),
        "{said}"
    );
    assert!(error.remedy().is_some(), "{said}");
    // Who has failed is asked once.
    let asked = asked.iter().filter(|it| it.contains("collect evidence"));
    assert_eq!(asked.count(), 3);
}
