//! The crash matrix: mahout is killed, or a node loses its power, at every point of a fresh deploy
//! and of a rolling change; then it is run again. One run must do: everything converges, `verify`
//! is green, the plan is empty, and nothing is there twice or half.
//!
//! A plain run draws a sample. `MAHOUT_CRASH_MATRIX=all tests/run crash:: -- --nocapture` takes every
//! point that has not yet held with this binary (`rest`: with any), as
//! `target/crash-matrix/results.jsonl` has it, and prints the table of the README. Any other word
//! takes those of them whose names it is in.

mod blow;
mod fresh;
mod point;
mod results;
mod rolling;
mod shape;
mod sound;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::operator::tell;
use point::{Chance, Change, Point, all, sample};
use results::{Outcome, Results};
use shape::Shape;

/// What the sample and the random times are drawn with.
const SEED: u64 = 5;

/// Which points are taken.
fn wanted() -> Option<String> {
    std::env::var("MAHOUT_CRASH_MATRIX").ok()
}

fn points(change: Change, shape: &Shape) -> (Vec<Point>, Results) {
    let mut chance = Chance(SEED);
    let all = all(change, shape, &mut chance);
    let Some(wanted) = wanted() else {
        let drawn = sample(&all, &mut chance);
        return (drawn, Results::new());
    };
    let results = Results::open(wanted != "all");
    let whole = ["all", "rest"].contains(&wanted.as_str());
    let (count, mut left) = (all.len(), all);
    left.retain(|point| !results.has(point) && (whole || point.to_string().contains(&wanted)));
    tell(&format!("{} of {count} points of a {change}", left.len()));
    (left, results)
}

/// Takes the points one by one, also after one that fails.
fn take(points: &[Point], mut results: Results, mut hold: impl FnMut(&Point) -> Outcome) {
    for (number, point) in points.iter().enumerate() {
        let outcome = catch_unwind(AssertUnwindSafe(|| hold(point))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.unwrap_or_else(|| "a panic without words".to_owned())
        });
        let said = match &outcome {
            Ok(outcome) => format!("holds ({:.1} s): {}", outcome.again_seconds, outcome.note),
            Err(_) => "FAILS".to_owned(),
        };
        let of = points.len();
        tell(&format!("point {} of {of}: {point}: {said}", number + 1));
        results.add(point, outcome);
    }
    tell(&results.table());
    let failures = results.failures();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn fresh_deploys() {
    let Some((shape, whole)) = fresh::reference() else {
        return;
    };
    let (points, results) = points(Change::Fresh, &shape);
    take(&points, results, |point| fresh::hold(point, whole));
}

#[test]
fn rolling_changes() {
    let Some(mut cluster) = rolling::Cluster::new() else {
        return;
    };
    let (shape, whole): (Shape, Duration) = cluster.reference();
    let (points, results) = points(Change::Rolling, &shape);
    let mut cluster = Some(cluster);
    take(&points, results, |point| {
        // One in which a point failed is nothing to go on with.
        let mut now = cluster.take().or_else(rolling::Cluster::new);
        let outcome = now.as_mut().expect("a cluster").hold(point, whole);
        cluster = now;
        outcome
    });
}

/// Longer than a sample may take, all of it.
#[test]
fn turning_tls_on() {
    if wanted().is_none() || !crate::nodes::possible() {
        return;
    }
    let (points, results) = points(Change::Tls, &Shape::default());
    take(&points, results, rolling::turns_tls_on);
}
