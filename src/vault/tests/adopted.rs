//! What a cluster had before its vault.

use std::collections::{BTreeMap, BTreeSet};

use super::{Place, cluster, now};
use crate::cluster::{Cluster, SecretName};
use crate::secret::Secret;
use crate::vault::{Change, Persist, Vault, VaultError};

fn found(superuser: &str) -> BTreeMap<SecretName, Secret> {
    [(SecretName::Superuser, Secret::new(superuser))].into()
}

/// The superuser's password, once `vault` is saved.
fn saved(vault: &mut Vault, cluster: &Cluster) -> Result<Secret, VaultError> {
    let secrets = vault.resolve(cluster, now(), Persist::Save)?;
    Ok(secrets.get(&SecretName::Superuser).clone())
}

#[test]
fn a_weak_one_is_what_it_is_until_it_is_rotated() {
    let place = Place::new();
    let cluster = cluster("tls: off\n");
    let mut vault = place.open().expect("none yet");
    vault
        .resolve(&cluster, now(), Persist::DryRun)
        .expect("made");
    vault.adopt(&found("postgres"), &cluster).expect("taken");
    let shown = vault.resolve(&cluster, now(), Persist::DryRun);
    assert_eq!(
        shown.expect("weak").get(&SecretName::Superuser).expose(),
        "postgres"
    );
    assert!(!place.vault().exists(), "a dry run writes nothing");
    assert_eq!(
        saved(&mut vault, &cluster).expect("saved").expose(),
        "postgres"
    );

    let mut vault = place.open().expect("opens");
    assert_eq!(
        saved(&mut vault, &cluster).expect("kept").expose(),
        "postgres"
    );
    let change = Change::Passwords(BTreeSet::from([SecretName::Superuser]));
    vault.change(&change, &cluster, now()).expect("changed");
    assert_ne!(
        saved(&mut vault, &cluster).expect("new").expose(),
        "postgres"
    );
    // It has to be as strong as any other now.
    let change = Change::Set(SecretName::Superuser, Secret::new("postgres"));
    vault.change(&change, &cluster, now()).expect_err("weak");
}

#[test]
fn what_the_vault_has_stays() {
    let place = Place::new();
    let cluster = cluster("tls: off\n");
    let before = place.saved(&cluster);
    let mut vault = place.open().expect("opens");
    vault
        .adopt(&found("another-of-theirs"), &cluster)
        .expect("taken");
    let now = saved(&mut vault, &cluster).expect("saved");
    assert_eq!(&now, before.get(&SecretName::Superuser));
}

#[test]
fn what_no_file_could_carry_is_refused_without_being_shown() {
    let place = Place::new();
    let cluster = cluster("tls: off\n");
    let mut vault = place.open().expect("none yet");
    for value in ["", "hunter2\nhunter2"] {
        let error = vault.adopt(&found(value), &cluster).expect_err("refused");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
