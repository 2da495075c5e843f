//! The timeline of a run as one HTML file: a bar for each execution and each of its steps, a lane
//! for each node, nothing that is loaded from elsewhere and no script.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use super::timeline::{Kind, Span};
use super::timings::{last, seconds};
use crate::cluster::NodeName;

/// In pixels, as all that follows: what is left of the first second.
const LEFT: f64 = 160.0;
const WIDTH: f64 = 1200.0;
const LANE: usize = 30;
const TOP: usize = 24;

const STYLE: &str = "\
body { font: 14px sans-serif; margin: 24px; background: #fff; color: #222 }
svg { font: 12px sans-serif; display: block; max-width: 100%; height: auto }
text { fill: #222 }
.part { fill: #d5dbe3 } .execution { fill: #4a78b5 } .wait { fill: #d9a441 } .step { fill: #14365f }
.last { stroke: #b3261e; stroke-width: 2 } .edge { stroke: #bbb } i { padding: 0 10px; margin: 0 4px 0 12px }
i.execution { background: #4a78b5 } i.wait { background: #d9a441 } i.step { background: #14365f }
i.last { border: 2px solid #b3261e }
@media (prefers-color-scheme: dark) { body { background: #1b1d20; color: #ddd } text { fill: #ddd }
.part { fill: #3a4350 } .step { fill: #b9d2f0 } i.step { background: #b9d2f0 } .edge { stroke: #555 } }";

/// The page. `title` says which run it was, `took` how long.
pub fn timeline_html(title: &str, spans: &[Span], took: Duration) -> String {
    let nodes: BTreeSet<&NodeName> = spans.iter().filter_map(|span| span.node.as_ref()).collect();
    let nodes: Vec<&NodeName> = nodes.into_iter().collect();
    let whole = spans.iter().map(|span| span.end).chain([took]).max();
    let whole = whole.unwrap_or_default().as_secs_f64().max(0.001);
    let at = |time: Duration| LEFT + time.as_secs_f64() / whole * WIDTH;
    let parts: Vec<&Span> = spans
        .iter()
        .filter(|span| span.kind == Kind::Part)
        .collect();
    let lasts: Vec<&Span> = parts
        .iter()
        .filter_map(|part| last(part, spans))
        .filter(|last| !last.waited.is_zero())
        .map(|last| last.span)
        .collect();
    let height = TOP + (nodes.len() + 1) * LANE + 8;
    let mut svg = String::new();
    for part in &parts {
        for time in [part.begin, part.end] {
            let x = at(time);
            line(
                &mut svg,
                &format!(
                    "<line class=\"edge\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{height}\"/>"
                ),
            );
        }
    }
    for (lane, name) in std::iter::once("the run")
        .chain(nodes.iter().map(|node| node.as_str()))
        .enumerate()
    {
        let y = TOP + lane * LANE + 17;
        line(
            &mut svg,
            &format!("<text x=\"0\" y=\"{y}\">{}</text>", escaped(name)),
        );
    }
    for span in spans {
        let lane = match &span.node {
            None => 0,
            Some(node) => nodes.iter().position(|name| *name == node).unwrap_or(0) + 1,
        };
        let (class, down, tall) = match span.kind {
            Kind::Part => ("part", 2, 22),
            Kind::Execution => ("execution", 2, 22),
            Kind::Wait => ("wait", 2, 22),
            Kind::Step => ("step", 16, 8),
        };
        let waited_for = lasts.iter().any(|last| std::ptr::eq(*last, span));
        let (x, y) = (at(span.begin), TOP + lane * LANE + down);
        let width = (at(span.end) - x).max(1.0);
        let what = escaped(&span.what);
        let told = match waited_for {
            true => "; the others waited for it",
            false => "",
        };
        line(
            &mut svg,
            &format!(
                "<rect class=\"{class}{}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{tall}\">\
             <title>{what}: {} from {}{told}</title></rect>",
                if waited_for { " last" } else { "" },
                seconds(span.end - span.begin),
                seconds(span.begin),
            ),
        );
        // As many letters as there is room for.
        let room = (width / 7.0) as usize;
        if span.kind == Kind::Part && room > 3 {
            let short: String = span.what.chars().take(room).collect();
            let (x, y) = (x + 3.0, y + 15);
            line(
                &mut svg,
                &format!("<text x=\"{x:.1}\" y=\"{y}\">{}</text>", escaped(&short)),
            );
        }
    }
    let title = escaped(title);
    let right = LEFT + WIDTH;
    let took = seconds(took);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>\n{STYLE}\n</style>\n<h1>{title}</h1>\n<p>{took} in all.\n\
         <i class=\"execution\"></i>execution <i class=\"wait\"></i>a gate is awaited \
         <i class=\"step\"></i>step <i class=\"last\"></i>the one that the other nodes waited for. \
         What a bar is, it tells under the pointer.</p>\n\
         <svg viewBox=\"0 0 {right} {height}\" width=\"{right}\" height=\"{height}\" role=\"img\">\n\
         <text x=\"{LEFT}\" y=\"14\">0 s</text><text x=\"{right}\" y=\"14\" text-anchor=\"end\">{took}</text>\n\
         {svg}</svg>\n</html>\n"
    )
}

fn line(text: &mut String, more: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{more}");
}

/// What nodes and templates say may hold anything.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            c if c.is_control() => shown.push(' '),
            c => shown.push(c),
        }
    }
    shown
}
