//! Facts that a node is asked for as soon as it lets us in, while others still log in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinHandle};

use crate::cluster::NodeName;
use crate::facts::ask::Ask;
use crate::facts::gather::gather_node;
use crate::facts::{FactsError, NodeFacts};
use crate::transport::{Greet, Host};

/// What a node said longer ago is asked for once more: others took so long to log in (a dead node
/// a dozen seconds) that what they will say would belong to another moment.
const FRESH: Duration = Duration::from_secs(3);
/// So much longer a node, for each is a key exchange here: fifty took six seconds on two cores.
const FRESH_A_NODE: Duration = Duration::from_millis(150);

/// What a node says.
pub(super) type Said = Result<NodeFacts, FactsError>;

/// A question that is on its way, and until when its answer is taken.
struct Asked {
    ask: Ask,
    fresh_until: Instant,
    answer: JoinHandle<Said>,
}

/// The questions that have been asked and whose answers nobody has taken yet.
#[derive(Default)]
pub(super) struct Early(Arc<Mutex<BTreeMap<NodeName, Asked>>>);

impl Early {
    /// Asks every node its question once it is connected.
    pub(super) fn greet(&self, asks: Vec<Ask>) -> Greet {
        let asked = Arc::clone(&self.0);
        let fresh = FRESH + FRESH_A_NODE * asks.len() as u32;
        Greet(Arc::new(move |host: &Arc<Host>| {
            let Some(ask) = asks.iter().find(|ask| ask.node == *host.node()) else {
                return;
            };
            let (host, question) = (Arc::clone(host), ask.clone());
            let answer = tokio::spawn(async move { gather_node(&*host, &question).await });
            let entry = Asked {
                ask: ask.clone(),
                fresh_until: Instant::now() + fresh,
                answer,
            };
            let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.insert(ask.node.clone(), entry);
        }))
    }

    /// The answer that is under way to this very question, if it is not too old. It is given once.
    pub(super) fn take(&self, ask: &Ask) -> Option<JoinHandle<Said>> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = asked.remove(&ask.node)?;
        if asked.ask == *ask && Instant::now() < asked.fresh_until {
            return Some(asked.answer);
        }
        asked.answer.abort();
        None
    }
}

/// What a task has said.
pub(super) fn said<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended {
        Ok(said) => Some(said),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // Nobody cancels what somebody has taken.
        Err(_) => None,
    }
}
