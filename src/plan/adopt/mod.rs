//! A cluster that was made by other means, by hand or by Ansible, is taken over as it runs: its
//! passwords are the vault's from now on, and everything is done for it that a deploy would do,
//! except what restarts something.

mod differences;
mod losses;
mod passwords;
mod refuse;
mod source;
mod suggest;

use std::collections::BTreeMap;

use super::draft::Draft;
use super::{Desired, Plan, PlanError};
use crate::cluster::{NodeName, SecretName};
use crate::secret::Secret;
use source::Source;
pub use suggest::Suggestion;

/// What a cluster has that was made by other means.
#[derive(Debug)]
pub struct Adopted {
    /// Its passwords, as all of its nodes have them.
    pub passwords: BTreeMap<SecretName, Secret>,
    sources: BTreeMap<NodeName, Source>,
}

impl Adopted {
    /// Reads it from what the nodes run with.
    ///
    /// # Errors
    /// If there is nothing to take over, or it is not what the inventory says.
    pub fn read(desired: &Desired) -> Result<Self, PlanError> {
        let sources = refuse::sources(desired).map_err(PlanError::Refused)?;
        let mut refusals = refuse::misfits(desired, &sources);
        match passwords::found(desired.cluster, &sources) {
            Ok(passwords) if refusals.is_empty() => Ok(Self { passwords, sources }),
            Ok(_) => Err(PlanError::Refused(refusals)),
            Err(more) => {
                refusals.extend(more);
                Err(PlanError::Refused(refusals))
            }
        }
    }
}

/// The plan.
pub(super) fn plan(desired: &Desired) -> Result<Plan, PlanError> {
    let adopted = Adopted::read(desired)?;
    let others = passwords::other_ones(desired, &adopted.passwords);
    if !others.is_empty() {
        return Err(PlanError::Refused(others));
    }
    let mut draft = Draft::sparing(desired.facts.clone());
    differences::note(&mut draft, desired, &adopted);
    super::converge(draft, desired, &super::Lost::Nothing).map(|(plan, _)| plan)
}
