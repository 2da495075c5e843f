//! The file: made, found again, damaged, raced for.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::{BOTH, Place, cluster, mode, now};
use crate::cluster::{SecretName, SecretSource, Stamp};
use crate::vault::{Persist, Vault, VaultError};

#[test]
fn generated_secrets_are_kept_and_found_again() {
    let place = Place::new();
    let first = place.saved(&cluster(""));
    assert_eq!(place.files(), ["cluster.vault", "identity"]);
    assert_eq!(
        (mode(&place.vault()), mode(&place.path("identity"))),
        (0o600, 0o600)
    );
    assert_ne!(first.get(&BOTH[0]), first.get(&BOTH[1]));
    let text = std::fs::read_to_string(place.vault()).expect("a text");
    assert!(
        text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"),
        "{text}"
    );

    let more = cluster("postgresql: { users: [{ name: app }] }\n");
    let mut vault = place.open().expect("the vault");
    let second = vault.resolve(&more, now(), Persist::Save).expect("found");
    assert_eq!(vault.made().collect::<Vec<_>>(), ["user.app"]);
    assert_eq!(second.get(&BOTH[0]), first.get(&BOTH[0]));
    let third = place.saved(&more);
    assert_eq!(third, second, "nothing is made twice");
}

#[test]
fn a_dry_run_writes_nothing_and_a_save_keeps_what_it_showed() {
    let place = Place::new();
    let mut vault = place.open().expect("no vault yet");
    let cluster = cluster("tls: on\n");
    let shown = vault
        .resolve(&cluster, now(), Persist::DryRun)
        .expect("made");
    assert_eq!(place.files(), Vec::<String>::new());
    assert!(vault.notices().is_empty());
    let stamp: Stamp = shown.stamp.parse().expect("a stamp");
    assert_eq!(stamp.generation, 1, "what it will be");
    let saved = vault
        .resolve(&cluster, now(), Persist::Save)
        .expect("saved");
    assert_eq!(shown, saved);
    assert!(
        vault.notices()[0].contains("keep a copy"),
        "the identity is new"
    );
    let found = place
        .open()
        .and_then(|mut vault| vault.resolve(&cluster, now(), Persist::DryRun));
    assert_eq!(found.expect("found"), shown);
}

#[test]
fn a_run_that_came_first_counts() {
    let place = Place::new();
    let cluster = cluster("tls: on\n");
    let mut late = place.open().expect("no vault yet");
    late.resolve(&cluster, now(), Persist::DryRun)
        .expect("made");
    let early = place.saved(&cluster);
    let merged = late
        .resolve(&cluster, now(), Persist::Save)
        .expect("merged");
    assert_eq!(merged, early);
}

#[test]
fn runs_side_by_side_end_with_one_value() {
    let place = Place::new();
    let cluster = cluster("tls: on\n");
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| place.saved(&cluster)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    assert!(results.iter().all(|secrets| *secrets == results[0]));
    assert_eq!(place.files(), ["cluster.vault", "identity"]);
}

#[test]
fn a_truncated_or_changed_file_is_an_error_and_stays() {
    let place = Place::new();
    let secrets = place.saved(&cluster(""));
    let good = std::fs::read(place.vault()).expect("bytes");
    let mut damaged: Vec<Vec<u8>> = (0..good.len())
        .step_by(37)
        .map(|length| good[..length].to_vec())
        .collect();
    damaged.extend((0..good.len()).step_by(29).map(|at| {
        let mut bytes = good.clone();
        // Another letter of base64, so that the armor is whole.
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        bytes
    }));
    damaged.push(b"hunter2".to_vec());
    damaged.push(vec![0; 64]);
    for bytes in damaged {
        place.write(&place.vault(), &bytes);
        let error = match place.open() {
            Err(error) => error,
            // A line break of the armor may be another white space.
            Ok(_) => panic!("{}", String::from_utf8_lossy(&bytes)),
        };
        assert!(
            matches!(
                error,
                VaultError::Damaged { .. } | VaultError::WrongIdentity { .. }
            ),
            "{error}"
        );
        assert!(
            error.hint().is_some_and(|hint| hint.contains("backup")),
            "{error}"
        );
        let said = format!("{error} {error:?}");
        assert!(!said.contains(secrets.get(&BOTH[0]).expose()), "{said}");
        assert_eq!(std::fs::read(place.vault()).expect("still there"), bytes);
    }
    place.write(&place.vault(), &good);
    assert_eq!(place.saved(&cluster("")), secrets, "a backup is as good");
}

#[test]
fn a_vault_that_others_can_use_is_refused() {
    let place = Place::new();
    place.saved(&cluster(""));
    let path = place.vault();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("opened");
        let error = place.open().expect_err("open to others");
        let expected = format!("(mode {mode:03o})");
        assert!(error.to_string().ends_with(&expected), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("chmod 600")));
    }
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("closed");
    std::fs::rename(&path, place.path("elsewhere")).expect("moved");
    symlink(place.path("elsewhere"), &path).expect("a link");
    let error = place.open().expect_err("a link");
    assert!(
        error.to_string().ends_with("it is a symbolic link"),
        "{error}"
    );
    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("a folder");
    let error = place.open().expect_err("a folder");
    assert!(
        error.to_string().ends_with("it is not a plain file"),
        "{error}"
    );
}

#[test]
fn what_a_killed_run_left_does_no_harm() {
    let place = Place::new();
    let secrets = place.saved(&cluster(""));
    // Between writing and renaming, with the lock's file still there.
    place.write(&place.path(".cluster.vault.new"), "half of it");
    place.write(&place.path(".cluster.vault.lock"), "");
    assert_eq!(place.saved(&cluster("")), secrets);
    let more = place.saved(&cluster("postgresql: { users: [{ name: app }] }\n"));
    assert_eq!(more.get(&BOTH[0]), secrets.get(&BOTH[0]));
    assert_eq!(place.files(), ["cluster.vault", "identity"]);
}

#[test]
fn references_are_resolved_and_not_kept() {
    let place = Place::new();
    std::fs::write(place.path("password"), "from a file\n").expect("written");
    let mut cluster = cluster("");
    cluster.secrets.insert(
        BOTH[0].clone(),
        SecretSource::File(PathBuf::from("password")),
    );
    let line = "echo x >>asked; cat password | tr f F".to_owned();
    cluster
        .secrets
        .insert(BOTH[1].clone(), SecretSource::Command(line));
    let mut vault = place.open().expect("no vault yet");
    vault
        .resolve(&cluster, now(), Persist::DryRun)
        .expect("resolved");
    let secrets = vault
        .resolve(&cluster, now(), Persist::Save)
        .expect("resolved");
    assert_eq!(secrets.get(&BOTH[0]).expose(), "from a file");
    assert_eq!(secrets.get(&BOTH[1]).expose(), "From a File");
    let asked = std::fs::read_to_string(place.path("asked")).expect("asked");
    assert_eq!(asked, "x\n", "the operator is asked once");
    let kept = vault.list(&cluster);
    assert!(
        kept.iter()
            .all(|entry| entry.kept != Some(true) || entry.name != "superuser")
    );
    // Without anything to keep there is no file.
    cluster.tls.enabled = false;
    cluster
        .secrets
        .retain(|_, source| *source != SecretSource::Generated);
    let place = Place::new();
    std::fs::write(place.path("password"), "from a file\n").expect("written");
    place.saved(&cluster);
    assert_eq!(place.files(), ["asked", "password"]);
}

#[test]
fn a_value_that_is_no_secret_is_refused_by_name() {
    let place = Place::new();
    let user = SecretName::User("app".to_owned());
    for (content, why) in [
        ("app", "is its own name"),
        ("user.app", "is its own name"),
        (" \n", "is empty"),
        (
            "postgres",
            "is a password that is tried first, or has fewer than eight characters",
        ),
        (
            "hunter2\nhunter3",
            "holds a line break or another control character",
        ),
    ] {
        std::fs::write(place.path("password"), content).expect("written");
        let mut cluster = cluster("");
        let source = SecretSource::File(PathBuf::from("password"));
        cluster.secrets.insert(user.clone(), source);
        let error = place
            .open()
            .and_then(|mut vault| vault.resolve(&cluster, now(), Persist::Save))
            .expect_err("no secret");
        assert_eq!(error.to_string(), format!("secret `user.app`: {why}"));
        assert_eq!(
            place.files(),
            ["password"],
            "nothing is saved beside an error"
        );
    }
}

#[test]
fn the_vault_in_clear_text_is_migrated_at_the_next_save() {
    let place = Place::new();
    let legacy = place.path("cluster.secrets.json");
    let text = "{\"version\":1,\"secrets\":{\"superuser\":\"hunter2hunter2\"}}";
    place.write(&legacy, text);
    place.write(&place.path(".cluster.secrets.json.new"), text);
    let mut vault = place.open().expect("the one in clear text");
    let shown = vault
        .resolve(&cluster(""), now(), Persist::DryRun)
        .expect("read");
    assert_eq!(shown.get(&BOTH[0]).expose(), "hunter2hunter2");
    assert!(legacy.exists(), "a dry run changes nothing");
    let made: Vec<String> = vault.made().collect();
    assert!(!made.contains(&"superuser".to_owned()), "{made:?}");
    let saved = vault
        .resolve(&cluster(""), now(), Persist::Save)
        .expect("saved");
    assert_eq!(saved, shown);
    assert_eq!(place.files(), ["cluster.vault", "identity"]);
    // Of a run that was killed between the two.
    place.write(&legacy, text);
    assert_eq!(place.saved(&cluster("")), saved);
    assert_eq!(place.files(), ["cluster.vault", "identity"]);
}

#[test]
fn a_damaged_vault_in_clear_text_is_an_error_and_stays() {
    let place = Place::new();
    let legacy = place.path("cluster.secrets.json");
    for content in [
        "",
        "{\"version\":1,\"secrets\":{\"superuser\":\"hunter2\"",
        "{\"version\":1,\"secrets\":{\"superuser\":[\"hunter2\"]}}",
        "{\"version\":2,\"secrets\":{}}",
        "hunter2",
        "\u{0}\u{0}",
    ] {
        place.write(&legacy, content);
        let error = place.open().expect_err("damaged");
        assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
        assert_eq!(
            std::fs::read_to_string(&legacy).expect("still there"),
            content
        );
    }
}

#[test]
fn the_authorities_are_written_beside_the_inventory() {
    let place = Place::new();
    let inventory = place.path("cluster.yml");
    Vault::publish(&inventory, "one").expect("written");
    Vault::publish(&inventory, "two").expect("written");
    let path = place.path("cluster.ca.crt");
    assert_eq!(std::fs::read_to_string(path).expect("there"), "two");
    assert_eq!(place.files(), ["cluster.ca.crt"]);
}
