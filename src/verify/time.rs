//! Clocks: kept in step, and in step with each other.

use super::view::{Judge, View};
use super::words::count;

/// Between two nodes, in seconds. Leases do not need equal clocks; logs, certificates and
/// recovery to a point in time do.
const SKEW_WARNING: f64 = 0.5;
const SKEW_ERROR: f64 = 2.0;

/// A time service runs and the clock is synchronised.
pub(super) fn time(view: &View, judge: &mut Judge) {
    let mut judged = 0;
    for (node, facts) in view.nodes() {
        let system = &facts.system;
        if !node.system.time_sync || system.is_container() {
            continue;
        }
        judged += 1;
        match (&system.time_service, system.clock_synchronized) {
            (None, _) => {
                judge
                    .error(&node.name, "no time service runs")
                    .hint("`mahout deploy` installs one, or start the one that is there");
            }
            (Some(service), Some(false)) => {
                judge
                    .warning(
                        &node.name,
                        format!("{service} runs and the clock is not synchronised"),
                    )
                    .hint(
                        "`chronyc sources` or `timedatectl timesync-status` on the node says why",
                    );
            }
            (Some(_), _) => {}
        }
    }
    if judged > 0 {
        judge.holds(format!("{} synchronised", count(judged, "clock")));
    } else if view.nodes().any(|(node, _)| node.system.time_sync) {
        judge.holds("the clock of the machine that hosts the containers");
    }
}

/// The clocks agree, as far as that can be measured from here.
pub(super) fn clocks(view: &View, judge: &mut Judge) {
    let offsets: Vec<_> = view
        .nodes()
        .filter_map(|(node, facts)| {
            let system = &facts.system;
            Some((
                &node.name,
                system.clock_offset?,
                system.clock_uncertainty.unwrap_or(0.0),
            ))
        })
        .collect();
    let slowest = offsets
        .iter()
        .min_by(|one, other| one.1.total_cmp(&other.1));
    let fastest = offsets
        .iter()
        .max_by(|one, other| one.1.total_cmp(&other.1));
    let (Some(slowest), Some(fastest)) = (slowest, fastest) else {
        return;
    };
    let (apart, doubt) = (fastest.1 - slowest.1, fastest.2 + slowest.2);
    let message = format!(
        "{apart:.1} s ahead of {} (give or take {doubt:.1} s)",
        slowest.0
    );
    // Only what exceeds the uncertainty of both measurements is known to be skew.
    if apart - doubt > SKEW_ERROR {
        judge.error(fastest.0, message);
    } else if apart - doubt > SKEW_WARNING {
        judge.warning(fastest.0, message);
    }
    judge.holds(format!(
        "{apart:.1} s apart at most, give or take {doubt:.1} s"
    ));
}
