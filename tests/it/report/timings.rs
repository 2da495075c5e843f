//! Where the time of a run went: the tables and the page.

use std::time::Duration;

use mahout::report::{Kind, Span, timeline_html, write_timings};

use super::text;

/// A run of two nodes; the second is the slower one.
fn spans() -> Vec<Span> {
    let span = |node: Option<&str>, what: &str, kind, begin, end| Span {
        node: node.map(Into::into),
        what: what.to_owned(),
        kind,
        begin: Duration::from_millis(begin),
        end: Duration::from_millis(end),
    };
    let (one, two) = (Some("pg-1"), Some("pg-2"));
    vec![
        span(None, "gathering facts", Kind::Part, 0, 300),
        span(one, "gather facts", Kind::Execution, 0, 120),
        span(two, "gather facts", Kind::Execution, 1, 299),
        span(None, "phase etcd", Kind::Part, 300, 2300),
        span(one, "phase etcd", Kind::Execution, 301, 800),
        span(one, "create </title><script>", Kind::Step, 310, 500),
        span(two, "phase etcd", Kind::Execution, 301, 1300),
        span(
            two,
            "await that etcd is \"healthy\"",
            Kind::Wait,
            1300,
            2299,
        ),
        span(None, "looking", Kind::Part, 2300, 2310),
    ]
}

#[test]
fn the_tables_name_the_part_and_the_node_that_was_waited_for() {
    let took = Duration::from_millis(2400);
    insta::assert_snapshot!(text(|out| write_timings(out, &spans(), took)));
}

#[test]
fn the_page_shows_every_span_and_runs_nothing() {
    let page = timeline_html("deploy of <x>", &spans(), Duration::from_millis(2400));
    assert!(
        !page.contains("<script") && !page.contains("http"),
        "{page}"
    );
    assert_eq!(page.matches("<rect ").count(), spans().len());
    assert_eq!(page.matches(" last\"").count(), 2);
    insta::assert_snapshot!(page);
}
