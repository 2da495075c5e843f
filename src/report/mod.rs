//! Turns events, plans, facts and findings into words, pictures and JSON. The only place that
//! prints, with `main.rs`.

mod audit;
mod connect;
mod diff;
pub mod event;
mod explain;
mod findings;
mod group;
mod html;
pub mod json;
mod locks;
mod outcome;
mod pem;
mod plain;
mod plan;
mod progress;
mod secrets;
mod status;
mod status_text;
mod step;
mod timeline;
mod timings;

pub use audit::{
    AuditEntry, Audited, UNENDED, merged, plan_digest, timestamp, write_audit, write_audit_json,
};
pub use connect::Connect;
pub use event::{Event, Events, Received};
pub use explain::{write_explanations, write_explanations_json};
pub use findings::{Counts, write_findings, write_problems};
pub use html::timeline_html;
pub use json::{write_findings_json, write_plan_json, write_secrets_json, write_status_json};
pub use locks::{LockView, write_locks, write_locks_json};
pub use outcome::{Outcome, write_error, write_object, write_problems_json, write_usage_json};
pub use plan::{Detail, PlanView, write_plan};
pub use secrets::{VaultView, write_secrets};
pub use status::{EtcdStatus, HaproxyStatus, MemberStatus, Status, VipStatus};
pub use status_text::{Screen, redraw_status, write_status};
pub use timeline::{Kind, Span, Timeline};
pub use timings::write_timings;

use std::io::{self, Write};

use indicatif::ProgressDrawTarget;

/// How things are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Text or JSON.
    pub output: Output,
    /// 0; with 1 and more (`-v`) what the steps print, too.
    pub verbosity: u8,
    /// Whether stderr is a terminal, which then gets bars.
    pub terminal: bool,
}

/// Shows events on stderr until the last sender is gone: bars on a terminal, else one line an
/// event. Await [`Events::quiet`] before something is written to stdout, so that no bar is left
/// beneath it.
///
/// A stderr that has been closed is no reason to stop a run: then nothing is shown.
pub async fn run(mut events: Received, style: Style) {
    let bars = (style.terminal && style.output == Output::Text)
        .then(|| progress::Bars::new(ProgressDrawTarget::stderr(), style.verbosity))
        .flatten();
    if let Some(mut bars) = bars {
        return progress::run(events, &mut bars).await;
    }
    let mut plain = plain::Plain::new(style.verbosity);
    while let Some(event) = events.recv().await {
        let line = match style.output {
            Output::Text => plain.line(&event),
            Output::Json => Some(json::event(&event).to_string()),
        };
        if let Some(line) = line {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
}

/// One line that a terminal can be shown: what nodes say may hold control characters.
fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => shown.push(' '),
            '\t' => shown.push(c),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}
