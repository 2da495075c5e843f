//! A fresh deploy that is struck; each point has nodes of its own.

use std::time::{Duration, Instant};

use super::blow::strike;
use super::point::{Blow, Point};
use super::results::Outcome;
use super::shape::Shape;
use super::sound::{is_sound, runs_again};
use super::watch::{Watched, error};
use crate::operator::{TestLab, lab_or_skip};

/// What both changes begin with.
pub(super) const SETTINGS: &str = "timings: fast\npostgresql: { users: [{ name: app }] }\n";

/// Nodes with the packages and nothing else, or without packages.
pub(super) fn nodes(name: &str, image: &str) -> Option<TestLab> {
    let lab = lab_or_skip(name, "bookworm", image, 3)?;
    // sshd lets nobody in before the login manager is up.
    lab.is_quiet();
    let inventory = lab.read("inventory.yml");
    let lines = inventory.lines().map(|line| {
        // The folders of the nodes have it in their names.
        if line.starts_with("scope:") {
            "scope: crash"
        } else {
            line
        }
    });
    let inventory: Vec<&str> = lines.collect();
    lab.write("inventory.yml".as_ref(), &(inventory.join("\n") + "\n"));
    Some(lab)
}

/// Deploys without a disturbance: what there is to do, and how long it takes.
#[track_caller]
pub(super) fn undisturbed(lab: &TestLab) -> (Shape, Duration) {
    let begin = Instant::now();
    let run = Watched::begin(lab, &["deploy", "--yes"]).ends();
    assert_eq!(run.code, 0, "{}\n{run}", error(&run));
    (Shape::read(run.stdout.lines()), begin.elapsed())
}

/// The shape of a fresh deploy; none where this machine has no lab nodes.
pub(super) fn reference() -> Option<(Shape, Duration)> {
    let lab = nodes("crash-fresh", "installed")?;
    lab.append_to_inventory(SETTINGS);
    let told = undisturbed(&lab);
    is_sound(&lab);
    Some(told)
}

/// One point, from nodes to a sound cluster.
#[track_caller]
pub(super) fn hold(point: &Point, whole: Duration) -> Outcome {
    let image = match point.blow {
        Blow::Installing => "prepared",
        _ => "installed",
    };
    let lab = nodes("crash-fresh", image).expect("as the first one");
    lab.append_to_inventory(SETTINGS);
    let note = strike(&lab, point, whole, &lab.node_names());
    let again_seconds = runs_again(&lab);
    is_sound(&lab);
    Outcome {
        note,
        again_seconds,
        writes: None,
    }
}
