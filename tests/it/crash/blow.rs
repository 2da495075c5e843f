//! What happens to a run, and what is to be seen of it.

use std::time::{Duration, Instant};

use super::point::{Blow, Change, Point};
use super::watch::{Moment, Watched, error};
use crate::cluster::{await_that, leader};
use crate::operator::TestLab;

/// Awaits that the node's Patroni knows of a pause that is ours.
const IS_PAUSED: &str = r"
address=$(hostname -I | cut -d' ' -f1) i=0
while [ $i -lt 300 ]; do
	for url in https://$address:8008/config http://$address:8008/config; do
		curl -sk -m 1 $url | grep -q mahout_pause && exit 0
	done
	sleep 0.05
	i=$((i + 1))
done
exit 1
";

/// No change has more phases than that.
const RUNS: usize = 60;

/// Begins a deploy and lets it happen; `whole` is how long an undisturbed one takes, `nodes` are
/// those that a power cut may strike. Returns where the run was, or what it said.
#[track_caller]
pub(super) fn strike(lab: &TestLab, point: &Point, whole: Duration, nodes: &[String]) -> String {
    match &point.blow {
        Blow::Step(phase, position, number) => {
            kill(lab, &Moment::Step(phase.clone(), *position, *number))
        }
        Blow::Gate(phase) => kill(lab, &Moment::Gate(phase.clone())),
        Blow::Installing => kill(lab, &Moment::Output("Unpacking".to_owned())),
        Blow::Random(permille) => kill(lab, &Moment::At(whole * *permille / 1000)),
        Blow::AgainAndAgain => again_and_again(lab),
        Blow::PowerOff(phase, node) => {
            let led = *node == 0 && point.change == Change::Rolling;
            let node = &nodes[*node];
            let note = power_off(lab, &Moment::Begin(phase.clone()), node, &|| {});
            if led {
                await_that("another leads", Duration::from_secs(90), || {
                    leader(lab).is_some_and(|now| now != *node)
                });
            }
            lab.lab(&["start", node]);
            note
        }
        Blow::InPause(node) => {
            let (node, other) = (&nodes[*node], &nodes[(node + 1) % nodes.len()]);
            let restart = "restart Patroni alone".to_owned();
            let note = power_off(lab, &Moment::Begins(restart, node.clone()), node, &|| {
                lab.on(other, IS_PAUSED).succeeds();
            });
            lab.lab(&["start", node]);
            note
        }
    }
}

#[track_caller]
fn kill(lab: &TestLab, moment: &Moment) -> String {
    let mut run = Watched::begin(lab, &["deploy", "--yes"]);
    let came = run.reaches(moment);
    let (at, last) = (run.elapsed().as_secs_f64(), run.last());
    let run = run.kill();
    assert!(came, "{moment:?} did not come: {run}");
    assert_eq!(run.code, -1, "it had ended before: {run}");
    format!("at {at:.1} s, {last}")
}

#[track_caller]
fn again_and_again(lab: &TestLab) -> String {
    for killed in 0..RUNS {
        let mut run = Watched::begin(lab, &["deploy", "--yes"]);
        if !run.reaches(&Moment::AnyStep) {
            let run = run.ends();
            assert_eq!(run.code, 0, "{}\n{run}", error(&run));
            return format!("{killed} runs were killed");
        }
        run.kill();
    }
    panic!("{RUNS} runs do not bring it to its end");
}

/// Takes a node's power away at that moment, and not before `until` is over: the run ends, and says
/// which node it is.
#[track_caller]
fn power_off(lab: &TestLab, moment: &Moment, node: &str, until: &dyn Fn()) -> String {
    let mut run = Watched::begin(lab, &["deploy", "--yes"]);
    let came = run.reaches(moment);
    until();
    let off = Instant::now();
    lab.lab(&["kill", node]);
    let run = run.ends();
    let took = off.elapsed().as_secs_f64();
    assert!(came, "{moment:?} did not come: {run}");
    let said = error(&run);
    assert_ne!(run.code, 0, "{run}");
    let named = said.contains(node)
        || said.contains(&lab.address(node))
        || (run.code == 4 && run.stdout.contains(node));
    assert!(named, "{node} is not named: {run}");
    format!("exit {} after {took:.1} s: {said}", run.code)
}
