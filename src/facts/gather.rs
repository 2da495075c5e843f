//! One round trip: the script goes out, facts come back.

use std::time::{Duration, SystemTime};

use super::NodeFacts;
use super::ask::Ask;
use super::parse::{node_time, parse};
use super::script::script;
use crate::cluster::NodeName;
use crate::transport::{Command, Effect, Transport, TransportError};

/// All that can hang in the script is bounded, and runs side by side; this is beyond their sum.
const TIMEOUT: Duration = Duration::from_secs(45);

/// Why the facts of a node are not known.
#[derive(Debug, thiserror::Error)]
#[error("{node}: {cause}")]
pub struct FactsError {
    /// The node.
    pub node: NodeName,
    /// In words, without the node's name.
    pub cause: String,
    /// What to do next, where that is known.
    pub hint: Option<String>,
}

impl From<TransportError> for FactsError {
    fn from(error: TransportError) -> Self {
        Self {
            node: error.node,
            cause: error.cause,
            hint: error.hint,
        }
    }
}

/// Gathers the facts of one node. Changes nothing there.
///
/// # Errors
/// If the node could not be reached, or its shell could not run the script to its end.
pub async fn gather_node<T: Transport>(transport: &T, ask: &Ask) -> Result<NodeFacts, FactsError> {
    let command = Command {
        title: "gather facts".to_owned(),
        script: script(ask),
        input: None,
        keeps_stdout: true,
        effect: Effect::ReadOnly,
        timeout: TIMEOUT,
    };
    let sent = SystemTime::now();
    let mut clock = None;
    let output = transport
        .exec(&command, &mut |line| {
            if clock.is_none()
                && let Some(there) = line.strip_prefix("@facts ").and_then(node_time)
            {
                clock = offset(sent, SystemTime::now(), there);
            }
        })
        .await?;
    let mut facts = parse(ask, &output.stdout).map_err(|error| FactsError {
        node: ask.node.clone(),
        cause: match last_line(&output.stderr) {
            Some(line) => format!("{error} (exit code {}): {line}", output.code),
            None => format!("{error} (exit code {})", output.code),
        },
        hint: None,
    })?;
    (facts.system.clock_offset, facts.system.clock_uncertainty) = clock.unzip();
    Ok(facts)
}

/// The node's clock minus ours and its uncertainty, in seconds: the node looked at its clock at
/// some time between `sent` and `arrived`.
fn offset(sent: SystemTime, arrived: SystemTime, there: f64) -> Option<(f64, f64)> {
    let here = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(since.as_secs_f64())
    };
    let (sent, arrived) = (here(sent)?, here(arrived)?);
    Some((there - (sent + arrived) / 2.0, (arrived - sent).abs() / 2.0))
}

fn last_line(text: &str) -> Option<&str> {
    text.lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::offset;

    #[test]
    fn the_offset_is_measured_from_the_middle_of_the_round_trip() {
        let sent = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let arrived = sent + Duration::from_millis(200);
        let (offset, uncertainty) = offset(sent, arrived, 1005.1).expect("after the epoch");
        assert!((offset - 5.0).abs() < 1e-6, "{offset}");
        assert!((uncertainty - 0.1).abs() < 1e-6, "{uncertainty}");
    }
}
