//! What the commands that talk to nodes share: the cluster, its secrets, the fleet, its facts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use time::OffsetDateTime;
use tokio::task::JoinSet;

use super::Context;
use super::early::{Early, said};
use super::lost_vault::missing;
use crate::cluster::{self, Cluster, Node, NodeName, SecretName, Secrets};
use crate::error::Error;
use crate::facts::ask::Ask;
use crate::facts::gather::gather_node;
use crate::facts::{Facts, FactsError};
use crate::render::Rendered;
use crate::report::{Connect, Event};
use crate::secret::Secret;
use crate::template::Templates;
use crate::transport::{ConnectOptions, Effect, Fleet, Greet, Host, TransportError, Watch};
use crate::vault::{Change, Persist, Vault};

/// An inventory that is a cluster, with its secrets and templates.
pub(super) struct Session<'a> {
    pub(super) context: &'a Context,
    pub(super) cluster: Cluster,
    pub(super) templates: Templates,
    pub(super) vault: Vault,
    /// Resolved; what the vault lacks is made, and kept only once [`Session::keep_secrets`] is
    /// called.
    pub(super) secrets: Secrets,
    early: Early,
}

impl<'a> Session<'a> {
    /// Reads the inventory and resolves the secrets; its warnings are sent as events.
    pub(super) fn load(context: &'a Context) -> Result<Self, Error> {
        Self::load_to(context, Persist::DryRun)
    }

    /// As [`Session::load`], for commands that judge what is there.
    pub(super) fn load_to_look(context: &'a Context) -> Result<Self, Error> {
        Self::load_to(context, Persist::Look)
    }

    fn load_to(context: &'a Context, persist: Persist) -> Result<Self, Error> {
        let path = &context.global.inventory;
        let cluster = cluster::load(path)?;
        for message in &cluster.warnings {
            context.events.send(Event::Warning {
                node: None,
                message: message.clone(),
            });
        }
        let templates = match &context.global.templates {
            Some(folder) => Templates::with_overrides(folder),
            None => Templates::builtin(),
        }
        .map_err(crate::render::RenderError::from)?;
        let mut vault = Vault::open(&Vault::beside(path), &cluster.vault)?;
        let secrets = vault.resolve(&cluster, OffsetDateTime::now_utc(), persist)?;
        let mut session = Self {
            context,
            cluster,
            templates,
            vault,
            secrets,
            early: Early::default(),
        };
        session.tell_notices();
        Ok(session)
    }

    /// Changes what the vault is to hold, for this run only until [`Session::keep_secrets`].
    pub(super) fn change(&mut self, change: &Change) -> Result<(), Error> {
        let now = OffsetDateTime::now_utc();
        self.vault.change(change, &self.cluster, now)?;
        self.secrets = self.vault.resolve(&self.cluster, now, Persist::DryRun)?;
        Ok(())
    }

    /// Takes what the nodes have into the vault, for this run only until [`Session::keep_secrets`].
    pub(super) fn adopt(&mut self, found: &BTreeMap<SecretName, Secret>) -> Result<(), Error> {
        self.vault.adopt(found, &self.cluster)?;
        let now = OffsetDateTime::now_utc();
        self.secrets = self.vault.resolve(&self.cluster, now, Persist::DryRun)?;
        Ok(())
    }

    /// Writes generated secrets to the vault, before they are used for the first time, and the
    /// authorities beside it. Returns whether they are still those that they were: another run
    /// may have been first.
    pub(super) fn keep_secrets(&mut self) -> Result<bool, Error> {
        let now = OffsetDateTime::now_utc();
        let kept = self.vault.resolve(&self.cluster, now, Persist::Save)?;
        let same = kept == self.secrets;
        self.secrets = kept;
        self.tell_notices();
        if self.cluster.tls.enabled {
            Vault::publish(&self.context.global.inventory, &self.secrets.ca_bundle)?;
        }
        Ok(same)
    }

    fn tell_notices(&mut self) {
        for message in self.vault.notices() {
            let node = None;
            self.context.events.send(Event::Warning { node, message });
        }
    }

    /// Where clients connect: with TLS as strictly as they can.
    pub(super) fn entrance(&self) -> Connect {
        let connect = Connect::of(&self.cluster);
        if !self.cluster.tls.enabled {
            return connect;
        }
        let authorities = Vault::published(&self.context.global.inventory);
        connect.verified(&std::path::absolute(&authorities).unwrap_or(authorities))
    }

    /// Connects to every node. A node that cannot be reached is an entry with its error.
    pub(super) async fn connect(&self, effect_limit: Effect) -> Result<Fleet<Host>, Error> {
        self.connect_and(effect_limit, None).await
    }

    /// As [`Session::connect`], for commands that gather facts next: who is connected is asked
    /// for them at once.
    pub(super) async fn meet(&self, effect_limit: Effect) -> Result<Fleet<Host>, Error> {
        let asks = self.cluster.nodes.iter().map(|node| self.question(node));
        let greet = self.early.greet(asks.collect());
        self.connect_and(effect_limit, Some(greet)).await
    }

    /// As [`Session::meet`], for commands that need every node.
    pub(super) async fn meet_all(&self, effect_limit: Effect) -> Result<Fleet<Host>, Error> {
        let fleet = self.meet(effect_limit).await?;
        let unreachable: Vec<TransportError> = fleet.unreachable().cloned().collect();
        if unreachable.is_empty() {
            return Ok(fleet);
        }
        fleet.close().await;
        Err(Error::Unreachable(unreachable))
    }

    async fn connect_and(
        &self,
        effect_limit: Effect,
        greet: Option<Greet>,
    ) -> Result<Fleet<Host>, Error> {
        // Before anything moves on the screen.
        self.context.sudo_password()?;
        let what = format!("connecting to {} nodes", self.cluster.nodes.len());
        self.timed(what, self.reach(effect_limit, greet)).await
    }

    /// As [`Session::connect`], without a word.
    pub(super) async fn reach(
        &self,
        effect_limit: Effect,
        greet: Option<Greet>,
    ) -> Result<Fleet<Host>, Error> {
        let timeline = self.context.events.timeline().cloned();
        let watch = timeline.map(|timeline| {
            Watch(Arc::new(move |node: &NodeName, what: &str, begin| {
                timeline.executed(node, what, begin);
            }))
        });
        let options = ConnectOptions {
            sudo_password: self.context.sudo_password()?,
            watch,
            greet,
            ..ConnectOptions::new(effect_limit)
        };
        Ok(Fleet::connect(&self.cluster.nodes, options).await)
    }

    /// Warns of the nodes that a command goes on without.
    pub(super) fn tell_unreachable(&self, fleet: &Fleet<Host>) {
        for error in fleet.unreachable() {
            self.context.events.send(Event::Warning {
                node: Some(error.node.clone()),
                message: error.cause.clone(),
            });
        }
    }

    /// Asks every connected node for its facts, all at once, and says so. A node that does not
    /// answer is unreachable.
    pub(super) async fn gather(&self, fleet: &Fleet<Host>) -> Facts {
        self.timed("gathering facts".to_owned(), self.ask(fleet))
            .await
    }

    /// As [`Session::gather`], without a word.
    pub(super) async fn ask(&self, fleet: &Fleet<Host>) -> Facts {
        let mut work = JoinSet::new();
        for (name, host) in fleet.hosts() {
            let Some(node) = self.cluster.node(name) else {
                continue;
            };
            let ask = self.question(node);
            let (name, host) = (name.clone(), host.clone());
            let early = self.early.take(&ask);
            work.spawn(async move {
                let early = match early {
                    Some(early) => said(early.await),
                    None => None,
                };
                match early {
                    Some(answer) => (name, answer),
                    None => (name, gather_node(&*host, &ask).await),
                }
            });
        }
        let gathered = work.join_all().await;
        let mut facts = Facts::default();
        for error in fleet.unreachable() {
            facts
                .unreachable
                .insert(error.node.clone(), error.cause.clone());
        }
        for (name, answer) in gathered {
            match answer {
                Ok(answer) => {
                    facts.nodes.insert(name, answer);
                }
                Err(FactsError { cause, .. }) => {
                    facts.unreachable.insert(name, cause);
                }
            }
        }
        facts
    }

    /// What a node is asked.
    fn question(&self, node: &Node) -> Ask {
        Ask::of(&self.cluster, node, &self.secrets)
    }

    /// The connected nodes, as the executor and the lock take them.
    pub(super) fn hosts(fleet: &Fleet<Host>) -> BTreeMap<NodeName, Arc<Host>> {
        fleet
            .hosts()
            .map(|(name, host)| (name.clone(), Arc::clone(host)))
            .collect()
    }

    /// What every node that told its facts is to have.
    pub(super) fn render(&self, facts: &Facts) -> Result<BTreeMap<NodeName, Rendered>, Error> {
        self.render_as(&self.cluster, facts)
    }

    /// As [`Session::render`], if the cluster were this one.
    pub(super) fn render_as(
        &self,
        cluster: &Cluster,
        facts: &Facts,
    ) -> Result<BTreeMap<NodeName, Rendered>, Error> {
        let rendered = Rendered::of_cluster(cluster, &self.secrets, facts, &self.templates)?;
        Ok(rendered)
    }

    /// Refuses to go on with new secrets for a cluster that has old ones.
    pub(super) fn refuse_lost_vault(&self, facts: &Facts) -> Result<(), Error> {
        let missing = missing(
            &self.cluster,
            facts,
            self.vault.existed(),
            self.vault.made(),
        );
        if missing.is_empty() {
            return Ok(());
        }
        let vault = Vault::beside(&self.context.global.inventory);
        Err(Error::LostVault { vault, missing })
    }

    /// Tells how long `work` takes; then the screen is free for an answer.
    pub(super) async fn timed<T>(&self, what: String, work: impl Future<Output = T>) -> T {
        let events = &self.context.events;
        events.send(Event::Started { what: what.clone() });
        let begin = Instant::now();
        let result = work.await;
        let took = begin.elapsed();
        events.send(Event::Finished { what, took });
        events.quiet().await;
        result
    }
}
