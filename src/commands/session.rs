//! What the commands that talk to nodes share: the cluster, its secrets, the fleet, its facts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::Context;
use crate::cluster::{self, Cluster, NodeName, SecretName, Secrets};
use crate::error::Error;
use crate::facts::ask::Ask;
use crate::facts::gather::gather_node;
use crate::facts::{Facts, FactsError};
use crate::plan::dcs::Dcs;
use crate::render::Rendered;
use crate::report::Event;
use crate::template::Templates;
use crate::transport::{ConnectOptions, Effect, Fleet, Host, TransportError};
use crate::vault::{Persist, Vault};

/// An inventory that is a cluster, with its secrets and templates.
pub(super) struct Session<'a> {
    pub(super) context: &'a Context,
    pub(super) cluster: Cluster,
    pub(super) templates: Templates,
    pub(super) vault: Vault,
    /// Resolved; what the vault lacks is made, and kept only once [`Session::keep_secrets`] is
    /// called.
    pub(super) secrets: Secrets,
}

impl<'a> Session<'a> {
    /// Reads the inventory and resolves the secrets; its warnings are sent as events.
    pub(super) fn load(context: &'a Context) -> Result<Self, Error> {
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
        let mut vault = Vault::open(&Vault::beside(path))?;
        let mut secrets = vault.resolve(&cluster.secrets, Persist::DryRun)?;
        vault.certify(&cluster, &mut secrets, Persist::DryRun)?;
        Ok(Self {
            context,
            cluster,
            templates,
            vault,
            secrets,
        })
    }

    /// Writes generated secrets to the vault, before they are used for the first time.
    pub(super) fn keep_secrets(&mut self) -> Result<(), Error> {
        self.secrets = self.vault.resolve(&self.cluster.secrets, Persist::Save)?;
        let persist = Persist::Save;
        self.vault
            .certify(&self.cluster, &mut self.secrets, persist)?;
        Ok(())
    }

    /// Connects to every node. A node that cannot be reached is an entry with its error.
    pub(super) async fn connect(&self, effect_limit: Effect) -> Result<Fleet<Host>, Error> {
        // Before anything moves on the screen.
        self.context.sudo_password()?;
        let what = format!("connecting to {} nodes", self.cluster.nodes.len());
        self.timed(what, self.reach(effect_limit)).await
    }

    /// As [`Session::connect`], without a word.
    pub(super) async fn reach(&self, effect_limit: Effect) -> Result<Fleet<Host>, Error> {
        let options = ConnectOptions {
            sudo_password: self.context.sudo_password()?,
            ..ConnectOptions::new(effect_limit)
        };
        Ok(Fleet::connect(&self.cluster.nodes, options).await)
    }

    /// As [`Session::connect`], for commands that need every node.
    pub(super) async fn connect_all(&self, effect_limit: Effect) -> Result<Fleet<Host>, Error> {
        let fleet = self.connect(effect_limit).await?;
        let unreachable: Vec<TransportError> = fleet.unreachable().cloned().collect();
        if unreachable.is_empty() {
            return Ok(fleet);
        }
        fleet.close().await;
        Err(Error::Unreachable(unreachable))
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
            let ask = Ask::of(&self.cluster, node, &self.secrets);
            let (name, host) = (name.clone(), host.clone());
            work.spawn(async move { (name, gather_node(&*host, &ask).await) });
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

    /// The connected nodes, as the executor and the lock take them.
    pub(super) fn hosts(fleet: &Fleet<Host>) -> BTreeMap<NodeName, Arc<Host>> {
        fleet
            .hosts()
            .map(|(name, host)| (name.clone(), Arc::clone(host)))
            .collect()
    }

    /// What every node that told its facts is to have.
    pub(super) fn render(&self, facts: &Facts) -> Result<BTreeMap<NodeName, Rendered>, Error> {
        let rendered = Rendered::of_cluster(&self.cluster, &self.secrets, facts, &self.templates)?;
        Ok(rendered)
    }

    /// Refuses to go on with new passwords for a cluster that has old ones.
    pub(super) fn refuse_lost_vault(&self, facts: &Facts) -> Result<(), Error> {
        let lost: Vec<String> = self
            .vault
            .generated_now()
            .filter(|name| {
                matches!(
                    name,
                    SecretName::Superuser
                        | SecretName::Replication
                        | SecretName::Rewind
                        | SecretName::RestApi
                )
            })
            .map(SecretName::to_string)
            .collect();
        if lost.is_empty() || !Dcs::of(&self.cluster, facts).has_cluster(facts) {
            return Ok(());
        }
        let vault = Vault::beside(&self.context.global.inventory);
        Err(Error::LostVault {
            vault,
            missing: lost,
        })
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
