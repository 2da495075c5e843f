//! Everything rendered for every node, and what was decided on the way.

use std::collections::BTreeMap;

use super::{File, RenderError, Target, files, sysctl_values};
use crate::cluster::{Cluster, NodeName, Secrets};
use crate::facts::Facts;
use crate::platform::{Platform, Versions};
use crate::template::Templates;

/// What one node is to have.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Its distribution.
    pub platform: Platform,
    /// The versions of its services, installed or to be installed.
    pub versions: Versions,
    /// PostgreSQL's major version.
    pub postgresql: u16,
    /// PostgreSQL's data directory.
    pub data_dir: String,
    /// PostgreSQL's binaries.
    pub bin_dir: String,
    /// The kernel settings that it is to have and that its kernel knows.
    pub kernel_settings: BTreeMap<String, String>,
    /// Its files.
    pub files: Vec<File>,
}

impl Rendered {
    /// Renders one target.
    ///
    /// # Errors
    /// If a template fails; see [`RenderError`].
    pub fn of(target: &Target, templates: &Templates) -> Result<Self, RenderError> {
        Ok(Self {
            platform: target.platform.clone(),
            versions: target.versions.clone(),
            postgresql: target.postgresql,
            data_dir: target.data_dir(),
            bin_dir: target.bin_dir(),
            kernel_settings: sysctl_values(target),
            files: files(target, templates)?,
        })
    }

    /// Renders every node that told its facts.
    ///
    /// # Errors
    /// If a node runs a distribution that mahout does not know, or a template fails.
    pub fn of_cluster(
        cluster: &Cluster,
        secrets: &Secrets,
        facts: &Facts,
        templates: &Templates,
    ) -> Result<BTreeMap<NodeName, Self>, RenderError> {
        let mut rendered = BTreeMap::new();
        for node in &cluster.nodes {
            let Some(said) = facts.nodes.get(&node.name) else {
                continue;
            };
            let mut os = said.system.os.clone();
            // A record may be older than the inventory.
            os.platform.clone_from(&node.system.platform);
            let platform = Platform::detect(&os).map_err(|cause| RenderError::Platform {
                node: node.name.clone(),
                cause,
            })?;
            let target = Target::of_facts(cluster, node, secrets, &platform, said);
            rendered.insert(node.name.clone(), Self::of(&target, templates)?);
        }
        Ok(rendered)
    }
}
