//! What contradicts itself, cannot work, or is doubtful: all of it at once.
//!
//! A rule that is checked here states its reason in the message and the remedy in the hint. What
//! would keep a service from starting or lose data is an error; what works but surprises is a
//! warning.

mod etcd;
mod haproxy;
mod hba;
mod names;
mod packages;
mod parameters;
mod passed_through;
mod paths;
mod patroni;
mod ports;
mod postgresql;
mod slots;
mod ssh;
mod system;
mod timings;
mod tls;
mod topology;
mod units;
mod vault;
mod vip;

use super::build::{Draft, DraftNode};
use super::{Cluster, Node, Role};
use crate::inventory::{Problems, Span, Spanned};

/// What the rules look at: where each thing stands, and what became of it.
struct Context<'a> {
    draft: &'a Draft,
    cluster: &'a Cluster,
    problems: &'a mut Problems,
}

impl<'a> Context<'a> {
    /// Every node with its place in the file.
    fn nodes(&self) -> impl Iterator<Item = (&'a DraftNode, &'a Node)> + use<'a> {
        self.draft.nodes.iter().zip(&self.cluster.nodes)
    }

    /// How many nodes have `role`.
    fn count(&self, role: Role) -> usize {
        self.cluster.with_role(role).count()
    }
}

/// Where a key stands that may be absent.
fn span<T>(key: &Option<Spanned<T>>) -> Option<Span> {
    key.as_ref().map(|key| key.span)
}

/// Checks everything.
pub(super) fn all(draft: &Draft, cluster: &Cluster, problems: &mut Problems) {
    let mut context = Context {
        draft,
        cluster,
        problems,
    };
    names::check(&mut context);
    topology::check(&mut context);
    timings::check(&mut context);
    ssh::check(&mut context);
    etcd::check(&mut context);
    patroni::check(&mut context);
    passed_through::check(&mut context);
    postgresql::check(&mut context);
    paths::check(&mut context);
    slots::check(&mut context);
    parameters::check(&mut context);
    units::check(&mut context);
    tls::check(&mut context);
    hba::check(&mut context);
    haproxy::check(&mut context);
    vip::check(&mut context);
    ports::check(&mut context);
    system::check(&mut context);
    packages::check(&mut context);
    vault::check(&mut context);
}
