//! All nodes of a run, and the way to many of them at once.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::folder::Folder;
use super::host::Host;
use super::master::Masters;
use super::{Effect, TransportError};
use crate::cluster::{Node, NodeName};
use crate::secret::Secret;

/// So many executions that only ask are under way at once over the whole fleet: what all nodes say
/// at the same moment waits here, where it takes memory, seven file descriptors each and the CPU,
/// instead of there. One that changes a node is never held back: it keeps the lock there alive.
pub(super) const EXECUTIONS: usize = 96;

/// A login that takes longer waits for its node, no longer for the CPU here, and the next one begins
/// beside it, up to [`EXECUTIONS`]: dead nodes are waited for at once, not sixteen after sixteen.
const LOGIN: Duration = Duration::from_secs(2);

/// File descriptors that we may have open; 1024 is the usual limit, 524288 what may be asked for.
const OPEN_FILES: u64 = 16384;

/// How to connect.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Commands with a greater effect are refused before they reach the wire.
    pub effect_limit: Effect,
    /// The sudo password of the login user, the same on every node.
    pub sudo_password: Option<Secret>,
    /// So many connections are made at once, each of which costs CPU time here; those that take
    /// longer than usual do not count.
    pub parallel: usize,
    /// The folder of the control sockets; without one `$XDG_RUNTIME_DIR/mahout` or
    /// `/tmp/mahout-UID`.
    pub control_folder: Option<PathBuf>,
    /// Is told of every login and every execution that has ended.
    pub watch: Option<Watch>,
    /// Is given every node as soon as it is connected, while others still log in.
    pub greet: Option<Greet>,
}

/// Is given a node that has just been connected.
#[derive(Clone)]
pub struct Greet(pub Arc<Meet>);

/// What a [`Greet`] is.
pub type Meet = dyn Fn(&Arc<Host>) + Send + Sync;

impl std::fmt::Debug for Greet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Greet")
    }
}

/// Is told the node, a title and when it began.
#[derive(Clone)]
pub struct Watch(pub Arc<Tell>);

/// What a [`Watch`] is.
pub type Tell = dyn Fn(&NodeName, &str, Instant) + Send + Sync;

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

impl ConnectOptions {
    /// Sixteen connections at once, no sudo password, the usual folder.
    pub fn new(effect_limit: Effect) -> Self {
        Self {
            effect_limit,
            sudo_password: None,
            parallel: 16,
            control_folder: None,
            watch: None,
            greet: None,
        }
    }
}

/// The nodes of a run in the order of the inventory, each connected or with the reason why not.
#[derive(Debug)]
pub struct Fleet<T> {
    members: Vec<(NodeName, Result<Arc<T>, TransportError>)>,
}

impl<T> Fleet<T> {
    /// A fleet of what is connected already.
    pub fn new(members: impl IntoIterator<Item = (NodeName, Result<T, TransportError>)>) -> Self {
        let members = members.into_iter();
        Self {
            members: members
                .map(|(name, host)| (name, host.map(Arc::new)))
                .collect(),
        }
    }

    /// The names of all nodes, connected or not.
    pub fn names(&self) -> impl Iterator<Item = &NodeName> {
        self.members.iter().map(|(name, _)| name)
    }

    /// The connected nodes.
    pub fn hosts(&self) -> impl Iterator<Item = (&NodeName, &Arc<T>)> {
        self.members
            .iter()
            .filter_map(|(name, host)| Some((name, host.as_ref().ok()?)))
    }

    /// The nodes that could not be reached, and why.
    pub fn unreachable(&self) -> impl Iterator<Item = &TransportError> {
        self.members
            .iter()
            .filter_map(|(_, host)| host.as_ref().err())
    }

    /// The connected node of that name.
    pub fn host(&self, name: &NodeName) -> Option<&Arc<T>> {
        self.hosts()
            .find(|(node, _)| *node == name)
            .map(|(_, host)| host)
    }
}

impl Fleet<Host> {
    /// Connects to all `nodes`. A node that cannot be reached is an entry with its error; it is
    /// for the caller to say whether that is fatal.
    pub async fn connect(nodes: &[Node], options: ConnectOptions) -> Self {
        allow_open_files();
        let masters = match Folder::open(options.control_folder.as_deref()) {
            Ok(folder) => Arc::new(Masters::new(folder)),
            Err(fault) => {
                let failed = |node: &Node| (node.name.clone(), Err(fault.clone().at(&node.name)));
                return Self::new(nodes.iter().map(failed));
            }
        };
        let work = nodes.iter().cloned().map(|node| {
            let (masters, options) = (Arc::clone(&masters), options.clone());
            let greet = options.greet.clone();
            (node.name.clone(), async move {
                let host = Arc::new(Host::connect(&node, options, masters).await?);
                if let Some(Greet(greet)) = greet {
                    greet(&host);
                }
                Ok(host)
            })
        });
        let mut connected = log_in(options.parallel, work).await;
        let in_order = nodes.iter().filter_map(|node| {
            let host = connected.remove(&node.name)?;
            Some((node.name.clone(), host))
        });
        Self {
            members: in_order.collect(),
        }
    }

    /// Ends the connections that are not to outlive the run.
    pub async fn close(self) {
        let hosts = self.members.into_iter().filter_map(|(_, host)| host.ok());
        let work: JoinSet<()> = hosts
            .map(|host| async move { host.close().await })
            .collect();
        work.join_all().await;
    }
}

/// As many as the system lets us have. Where that is refused, the usual limit serves a hundred nodes.
fn allow_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    if current.is_some_and(|current| current < wanted) {
        let limit = Rlimit {
            current: Some(wanted),
            maximum,
        };
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// Logs in everywhere, at most `limit` at a time, not counted those that take longer than [`LOGIN`].
async fn log_in<F>(
    limit: usize,
    work: impl IntoIterator<Item = (NodeName, F)>,
) -> BTreeMap<NodeName, F::Output>
where
    F: Future<Output = Result<Arc<Host>, TransportError>> + Send + 'static,
{
    let turns = Arc::new(Semaphore::new(limit.max(1)));
    let all = Arc::new(Semaphore::new(limit.max(EXECUTIONS)));
    let mut tasks = JoinSet::new();
    for (name, login) in work {
        let (turns, all) = (Arc::clone(&turns), Arc::clone(&all));
        tasks.spawn(async move {
            // The semaphores are never closed: without a turn nobody runs.
            let _one = all.acquire().await;
            let turn = turns.acquire().await;
            let mut login = pin!(login);
            let in_time = tokio::time::timeout(LOGIN, &mut login).await;
            drop(turn);
            match in_time {
                Ok(result) => (name, result),
                Err(_) => (name, login.await),
            }
        });
    }
    let mut results = BTreeMap::new();
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok((name, result)) => {
                results.insert(name, result);
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }
    results
}
