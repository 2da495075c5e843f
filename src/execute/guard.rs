//! How each guard is asked: a shell command that prints why the plan is out of date.

use super::quote::sh;
use crate::plan::Guard;

/// The command; it uses the functions of `shell/guard.sh`.
pub(super) fn call(guard: &Guard) -> String {
    match guard {
        Guard::LeaderIs { node, url } => {
            format!("patient_guard leader_is {} {}", sh(node.as_str()), sh(url))
        }
        Guard::HandsOver {
            node,
            url,
            candidate,
        } => {
            let candidate = candidate.as_ref().map_or("", |node| node.as_str());
            let words = [node.as_str(), url, candidate].map(sh).join(" ");
            format!("patient_guard hands_over {words}")
        }
        Guard::EtcdQuorumWithout {
            node,
            others,
            needed,
        } => {
            let mut script = format!(
                "patient_guard etcd_quorum_without {} {needed}",
                sh(node.as_str())
            );
            for (node, url) in others {
                script.push_str(&format!(" {} {}", sh(node.as_str()), sh(url)));
            }
            script
        }
        Guard::DataDirectoryEmpty { path } => format!("data_directory_empty {}", sh(path)),
    }
}
