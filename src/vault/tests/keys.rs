//! Who opens it: identities, passphrases, several operators.

use std::path::PathBuf;

use super::{BOTH, Place, cluster, now};
use crate::cluster::{SecretSource, VaultSpec};
use crate::secret::Secret;
use crate::vault::{Persist, Readers, Vault, VaultError};

/// Makes an identity in the file `name`; returns its recipient.
fn identity(place: &Place, name: &str) -> String {
    let identity = crate::vault::identity::make(&place.path(name)).expect("made");
    identity.recipient().to_owned()
}

fn with_passphrase(place: &Place, passphrase: &str) -> VaultSpec {
    place.write(&place.path("passphrase"), passphrase);
    VaultSpec {
        passphrase: Some(SecretSource::File(PathBuf::from("passphrase"))),
        ..VaultSpec::default()
    }
}

#[test]
fn another_identity_or_none_does_not_open_it() {
    let place = Place::new();
    place.saved(&cluster(""));
    let before = std::fs::read(place.vault()).expect("bytes");
    identity(&place, "other");
    let error = Vault::open(&place.vault(), &place.operator("other")).expect_err("another");
    assert!(matches!(error, VaultError::WrongIdentity { .. }), "{error}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("rekey --add"))
    );
    let error = Vault::open(&place.vault(), &place.operator("none")).expect_err("none");
    assert!(matches!(error, VaultError::NoIdentity { .. }), "{error}");
    assert!(
        !place.path("none").exists(),
        "none is made for a vault that exists"
    );
    assert_eq!(std::fs::read(place.vault()).expect("bytes"), before);
}

#[test]
fn an_identity_file_that_is_none_is_refused_without_its_content() {
    let place = Place::new();
    place.saved(&cluster(""));
    for content in [
        "",
        "hunter2",
        "AGE-SECRET-KEY-1HUNTER2",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2",
    ] {
        place.write(&place.path("identity"), content);
        let error = place.open().expect_err("no identity");
        assert!(matches!(error, VaultError::Identity { .. }), "{error}");
        let said = format!("{error} {error:?}").to_lowercase();
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn two_operators_share_a_vault() {
    let place = Place::new();
    let secrets = place.saved(&cluster(""));
    let second = identity(&place, "second");
    let mut vault = place.open().expect("opens");
    let first = match vault.readers() {
        Readers::Recipients(all) => all[0].clone(),
        other => panic!("{other:?}"),
    };
    let refused = vault.rekey(&["AGE-SECRET-KEY-1X".to_owned()], &[], None);
    let said = refused.expect_err("no recipient").to_string();
    assert!(!said.contains("SECRET"), "{said}");
    vault
        .rekey(std::slice::from_ref(&second), &[], None)
        .expect("added");

    let spec = place.operator("second");
    let mut theirs = Vault::open(&place.vault(), &spec).expect("the second operator's");
    let more = cluster("postgresql: { users: [{ name: app }] }\n");
    let written = theirs
        .resolve(&more, now(), Persist::Save)
        .expect("written");
    assert_eq!(written.get(&BOTH[0]), secrets.get(&BOTH[0]));
    assert_eq!(
        place.saved(&more),
        written,
        "the first one reads what the second wrote"
    );

    let own = std::slice::from_ref(&second);
    let error = theirs.rekey(&[], own, None).expect_err("oneself");
    assert!(error.to_string().contains("it is your own"), "{error}");
    let mut vault = place.open().expect("opens");
    let error = vault.rekey(&[], &["age1stranger".to_owned()], None);
    assert!(
        error
            .expect_err("a stranger")
            .to_string()
            .contains("not encrypted to it")
    );
    let left = vault.rekey(&[], own, None).expect("removed");
    assert_eq!(left, Readers::Recipients(vec![first]));
    let error = Vault::open(&place.vault(), &spec).expect_err("removed");
    assert!(matches!(error, VaultError::WrongIdentity { .. }), "{error}");
    assert_eq!(place.saved(&more), written);
}

#[test]
fn the_inventory_names_who_reads_a_new_vault() {
    let place = Place::new();
    let second = identity(&place, "second");
    let spec = VaultSpec {
        recipients: vec![second],
        ..place.operator("identity")
    };
    let save = |spec: &VaultSpec| {
        let mut vault = Vault::open(&place.vault(), spec).expect("opens");
        let secrets = vault
            .resolve(&cluster(""), now(), Persist::Save)
            .expect("saved");
        (secrets, vault.notices())
    };
    let (first, _) = save(&spec);
    assert_eq!(save(&place.operator("second")).0, first);
    // A later one is no reader before somebody agrees to it.
    let third = identity(&place, "third");
    let spec = VaultSpec {
        recipients: vec![third],
        ..spec
    };
    let (_, notices) = save(&spec);
    assert!(notices[0].contains("secrets rekey"), "{notices:?}");
    let mut vault = Vault::open(&place.vault(), &spec).expect("opens");
    vault.rekey(&[], &[], None).expect("as the inventory says");
    assert_eq!(save(&place.operator("third")).0, first);
}

#[test]
fn a_passphrase_opens_it_alone() {
    let place = Place::new();
    let spec = with_passphrase(&place, "correct horse battery\n");
    let save = |spec: &VaultSpec| {
        let mut vault = Vault::open(&place.vault(), spec)?;
        vault.resolve(&cluster(""), now(), Persist::Save)
    };
    let first = save(&spec).expect("made");
    assert_eq!(place.files(), ["cluster.vault", "passphrase"]);
    assert_eq!(save(&spec).expect("opened"), first);
    let error = save(&place.operator("identity")).expect_err("no passphrase");
    assert!(matches!(error, VaultError::NoPassphrase { .. }), "{error}");
    let error = save(&with_passphrase(&place, "another horse")).expect_err("another");
    assert!(
        matches!(error, VaultError::WrongPassphrase { .. }),
        "{error}"
    );
    let error = save(&with_passphrase(&place, "postgres")).expect_err("tried first");
    assert!(matches!(error, VaultError::Passphrase { .. }), "{error}");

    let spec = with_passphrase(&place, "correct horse battery");
    place.write(&place.path("new"), "a quite different one");
    let mut vault = Vault::open(&place.vault(), &spec).expect("opens");
    let new = SecretSource::File(PathBuf::from("new"));
    let readers = vault.rekey(&[], &[], Some(&new)).expect("changed");
    assert_eq!(readers, Readers::Passphrase);
    assert!(save(&spec).is_err(), "the old one");
    let spec = with_passphrase(&place, "a quite different one");
    assert_eq!(save(&spec).expect("the new one"), first);
    let shown = format!("{vault:?} {:?}", Secret::new("x"));
    assert!(!shown.contains("different"), "{shown}");
}

#[cfg(not(feature = "vault-ssh"))]
#[test]
fn an_ssh_key_asks_for_the_feature() {
    let place = Place::new();
    place.saved(&cluster(""));
    let mut vault = place.open().expect("opens");
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";
    let error = vault.rekey(&[key.to_owned()], &[], None).expect_err("ssh");
    assert!(error.to_string().contains("`vault-ssh`"), "{error}");
    let pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n";
    place.write(&place.path("identity"), pem);
    let error = place.open().expect_err("ssh");
    assert!(error.to_string().contains("`vault-ssh`"), "{error}");
}

/// Makes an SSH key in the file `name`; returns its public half, with a comment.
#[cfg(feature = "vault-ssh")]
fn ssh_key(place: &Place, name: &str, options: &[&str]) -> String {
    let path = place.path(name);
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-C", "alice@desk", "-f"])
        .arg(&path)
        .args(options)
        .status();
    assert!(made.expect("ssh-keygen").success());
    let public = std::fs::read_to_string(path.with_extension("pub")).expect("its public half");
    public.trim().to_owned()
}

#[cfg(feature = "vault-ssh")]
#[test]
fn ssh_keys_open_it() {
    let place = Place::new();
    let first = place.saved(&cluster(""));
    for name in ["ed25519", "rsa"] {
        let public = ssh_key(&place, name, &["-t", name, "-N", ""]);
        let mut vault = place.open().expect("opens");
        let added = std::slice::from_ref(&public);
        let readers = vault.rekey(added, &[], None).expect("added");
        let Readers::Recipients(readers) = readers else {
            panic!("{readers:?}");
        };
        assert!(readers.iter().all(|reader| !reader.contains("alice")));
        let spec = place.operator(name);
        let open = || Vault::open(&place.vault(), &spec);
        let mut theirs = open().expect("the SSH key opens it");
        let found = theirs.resolve(&cluster(""), now(), Persist::DryRun);
        assert_eq!(found.expect("read"), first);
        let error = theirs.rekey(&[], added, None).expect_err("oneself");
        assert!(error.to_string().contains("it is your own"), "{error}");
        vault.rekey(&[], added, None).expect("removed");
        let error = open().expect_err("removed");
        assert!(matches!(error, VaultError::WrongIdentity { .. }), "{error}");
    }

    ssh_key(&place, "locked", &["-t", "ed25519", "-N", "open sesame"]);
    let error = Vault::open(&place.vault(), &place.operator("locked")).expect_err("locked");
    assert!(error.to_string().contains("has a passphrase"), "{error}");
}

#[cfg(feature = "vault-ssh")]
#[test]
fn an_ssh_key_alone_makes_a_vault() {
    let place = Place::new();
    ssh_key(&place, "identity", &["-t", "ed25519", "-N", ""]);
    let second = ssh_key(&place, "second", &["-t", "ed25519", "-N", ""]);
    let spec = VaultSpec {
        recipients: vec![second],
        ..place.operator("identity")
    };
    for _ in 0..2 {
        let mut vault = Vault::open(&place.vault(), &spec).expect("opens");
        let made = vault.resolve(&cluster(""), now(), Persist::Save);
        made.expect("written");
        assert!(vault.notices().is_empty(), "{:?}", vault.notices());
    }
    Vault::open(&place.vault(), &place.operator("second")).expect("the second operator's");
}
