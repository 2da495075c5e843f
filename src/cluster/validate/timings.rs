//! The times of failure detection.
//!
//! `loop_wait + 2 * retry_timeout <= ttl` and the minima are Patroni's. Before 3.2 it does not
//! check them, and the leader key then expires between two rounds; from 3.2 on it silently
//! rewrites them, so that the cluster runs with other times than were asked for.

use std::time::Duration;

use super::{Context, span};
use crate::inventory::Span;
use crate::inventory::patroni::{TimingsMap, Watchdog};
use crate::inventory::quantity::show_duration;

const MINIMA: [(&str, Duration); 3] = [
    ("ttl", Duration::from_secs(20)),
    ("loop_wait", Duration::from_secs(1)),
    ("retry_timeout", Duration::from_secs(3)),
];

pub(super) fn check(context: &mut Context<'_>) {
    let Some(section) = context.draft.top.timings.as_ref() else {
        return;
    };
    let place = section.span;
    let section = &section.value.0;
    let durations = [
        ("ttl", &section.ttl),
        ("loop_wait", &section.loop_wait),
        ("retry_timeout", &section.retry_timeout),
    ];
    for (name, key) in durations {
        let Some(key) = key else { continue };
        if key.value.subsec_nanos() != 0 {
            context
                .problems
                .error(key.span, format!("`{name}` must be whole seconds"))
                .hint("Patroni counts it in seconds");
        }
        let minimum = MINIMA
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, minimum)| *minimum);
        if let Some(minimum) = minimum.filter(|minimum| key.value < *minimum) {
            let message = format!(
                "`{name}` is {}, and Patroni takes at least {}",
                show_duration(key.value),
                show_duration(minimum)
            );
            context.problems.error(key.span, message).hint(
                "Patroni before 3.2 loses its leader over it, later ones rewrite it silently",
            );
        }
    }
    relation(context, section, place);
    haproxy(context, section);
    watchdog(context, place);
}

fn relation(context: &mut Context<'_>, section: &TimingsMap, place: Span) {
    let timings = &context.cluster.timings;
    let needed = timings.loop_wait + 2 * timings.retry_timeout;
    if needed <= timings.ttl {
        return;
    }
    let ttl = show_duration(timings.ttl);
    let message = format!(
        "`loop_wait` + 2 * `retry_timeout` is {}, more than `ttl`, {ttl}",
        show_duration(needed)
    );
    let given = span(&section.ttl)
        .or(span(&section.retry_timeout))
        .or(span(&section.loop_wait));
    let problem = context.problems.error(given.unwrap_or(place), message).hint(format!(
        "the leader key would expire while the leader still retries; set `ttl` to {} or more, or \
         lower the others",
        show_duration(needed)
    ));
    for (name, key) in [
        ("loop_wait", &section.loop_wait),
        ("retry_timeout", &section.retry_timeout),
    ] {
        if let Some(key) = key.as_ref().filter(|key| Some(key.span) != given) {
            problem.also(key.span, name);
        }
    }
}

fn haproxy(context: &mut Context<'_>, section: &TimingsMap) {
    for (name, key) in [
        ("inter", &section.inter),
        ("fastinter", &section.fastinter),
        ("downinter", &section.downinter),
    ] {
        if let Some(key) = key.as_ref().filter(|key| key.value.is_zero()) {
            context
                .problems
                .error(key.span, format!("`{name}` must be more than nothing"))
                .hint("it is the time between two health checks");
        }
    }
    for (name, key) in [("fall", &section.fall), ("rise", &section.rise)] {
        if let Some(key) = key.as_ref().filter(|key| key.value == 0) {
            context
                .problems
                .error(key.span, format!("`{name}` must be at least 1"))
                .hint("it counts health checks");
        }
    }
}

/// The watchdog fires `safety_margin` (5 s) before the leader key expires (Patroni, "Watchdog
/// support"); what is left must do for a clean demotion.
fn watchdog(context: &mut Context<'_>, place: Span) {
    const MARGIN: Duration = Duration::from_secs(5);
    let timings = context.cluster.timings;
    let mut reported = false;
    for node in &context.draft.nodes {
        let section = node.entry.patroni.as_ref().map(|patroni| &patroni.value);
        let Some(mode) = section.and_then(|section| section.watchdog.as_ref()) else {
            continue;
        };
        if mode.value == Watchdog::Off || reported {
            continue;
        }
        let left = timings
            .ttl
            .saturating_sub(MARGIN + timings.loop_wait + timings.retry_timeout);
        if timings.ttl < 2 * timings.loop_wait && mode.value == Watchdog::Required {
            context
                .problems
                .error(mode.span, "a required watchdog with `ttl` below twice `loop_wait`: there would be no leader")
                .hint("raise `timings.ttl`")
                .also(place, "the timings");
            reported = true;
        } else if left < MARGIN {
            context
                .problems
                .warning(mode.span, format!(
                    "the watchdog leaves {} for a demotion before it resets the machine",
                    show_duration(left)
                ))
                .hint("raise `timings.ttl`: it should be 10 s more than `loop_wait` + `retry_timeout`")
                .also(place, "the timings");
            reported = true;
        }
    }
}
