use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::{Persist, Vault, VaultError};
use crate::cluster::{SecretName, SecretSource};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = Vault::beside(&folder.path().join("cluster.yml"));
    (folder, path)
}

fn generated(names: &[SecretName]) -> BTreeMap<SecretName, SecretSource> {
    let source = |name: &SecretName| (name.clone(), SecretSource::Generated);
    names.iter().map(source).collect()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path)
        .expect("a file")
        .permissions()
        .mode()
        & 0o777
}

fn names_in(folder: &tempfile::TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).expect("a folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    };
    entries.map(name).collect()
}

const BOTH: [SecretName; 2] = [SecretName::Superuser, SecretName::Replication];

#[test]
fn generated_secrets_are_kept_and_found_again() {
    let (folder, path) = folder();
    let mut vault = Vault::open(&path).expect("no vault yet");
    let first = vault
        .resolve(&generated(&BOTH), Persist::Save)
        .expect("made");
    assert_eq!(vault.generated_now().count(), 2);
    assert_eq!(names_in(&folder), ["cluster.secrets.json"]);
    assert_eq!(mode(&path), 0o600);
    assert_ne!(first.get(&BOTH[0]), first.get(&BOTH[1]));

    let more = [BOTH[0].clone(), SecretName::User("app".to_owned())];
    let mut vault = Vault::open(&path).expect("the vault");
    let second = vault
        .resolve(&generated(&more), Persist::Save)
        .expect("found");
    assert_eq!(vault.generated_now().collect::<Vec<_>>(), [&more[1]]);
    assert_eq!(second.get(&BOTH[0]), first.get(&BOTH[0]));
    let third = Vault::open(&path)
        .and_then(|mut vault| vault.resolve(&generated(&BOTH), Persist::DryRun))
        .expect("what is no longer asked for stays");
    assert_eq!(third, first);
}

#[test]
fn a_dry_run_writes_nothing_and_a_save_keeps_what_it_showed() {
    let (folder, path) = folder();
    let mut vault = Vault::open(&path).expect("no vault yet");
    let shown = vault
        .resolve(&generated(&BOTH), Persist::DryRun)
        .expect("made");
    assert_eq!(names_in(&folder), Vec::<String>::new());
    let saved = vault
        .resolve(&generated(&BOTH), Persist::Save)
        .expect("saved");
    assert_eq!(shown, saved);
    let found =
        Vault::open(&path).and_then(|mut vault| vault.resolve(&generated(&BOTH), Persist::DryRun));
    assert_eq!(found.expect("found"), shown);
}

#[test]
fn a_run_that_came_first_counts() {
    let (_folder, path) = folder();
    let mut late = Vault::open(&path).expect("no vault yet");
    late.resolve(&generated(&BOTH), Persist::DryRun)
        .expect("made");
    let early = Vault::open(&path)
        .and_then(|mut vault| vault.resolve(&generated(&BOTH[..1]), Persist::Save))
        .expect("made");
    let merged = late
        .resolve(&generated(&BOTH), Persist::Save)
        .expect("merged");
    assert_eq!(merged.get(&BOTH[0]), early.get(&BOTH[0]));
    assert_eq!(late.generated_now().collect::<Vec<_>>(), [&BOTH[1]]);
}

#[test]
fn runs_side_by_side_end_with_one_value() {
    let (folder, path) = folder();
    let run = || {
        let mut vault = Vault::open(&path).expect("a vault");
        vault
            .resolve(&generated(&BOTH), Persist::Save)
            .expect("resolved")
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(run)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    assert!(results.iter().all(|secrets| secrets == &results[0]));
    assert_eq!(names_in(&folder), ["cluster.secrets.json"]);
}

#[test]
fn a_damaged_vault_is_an_error_and_stays() {
    let (_folder, path) = folder();
    for content in [
        "",
        "{\"version\":1,\"secrets\":{\"superuser\":\"hunter2\"",
        "{\"version\":1,\"secrets\":{\"superuser\":[\"hunter2\"]}}",
        "{\"version\":2,\"secrets\":{}}",
        "hunter2",
        "\u{0}\u{0}",
    ] {
        std::fs::write(&path, content).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("closed");
        let error = Vault::open(&path).expect_err("damaged");
        assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
        assert_eq!(
            std::fs::read_to_string(&path).expect("still there"),
            content
        );
    }
}

#[test]
fn a_vault_that_others_can_use_is_refused() {
    let (folder, path) = folder();
    let good = "{\"version\":1,\"secrets\":{}}";
    for mode in [0o640, 0o604, 0o620, 0o666] {
        std::fs::write(&path, good).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("opened");
        let error = Vault::open(&path).expect_err("open to others");
        assert!(
            error.to_string().ends_with(&format!("(mode {mode:03o})")),
            "{error}"
        );
        assert!(error.hint().is_some_and(|hint| hint.contains("chmod 600")));
    }
    std::fs::remove_file(&path).expect("removed");
    let elsewhere = folder.path().join("elsewhere");
    std::fs::write(&elsewhere, good).expect("written");
    std::fs::set_permissions(&elsewhere, PermissionsExt::from_mode(0o600)).expect("closed");
    symlink(&elsewhere, &path).expect("a link");
    let error = Vault::open(&path).expect_err("a link");
    assert!(
        error.to_string().ends_with("it is a symbolic link"),
        "{error}"
    );
    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("a folder");
    let error = Vault::open(&path).expect_err("a folder");
    assert!(
        error.to_string().ends_with("it is not a plain file"),
        "{error}"
    );
}

#[test]
fn references_are_resolved_and_not_kept() {
    let (folder, path) = folder();
    std::fs::write(folder.path().join("password"), "from a file\n").expect("written");
    let sources = BTreeMap::from([
        (
            BOTH[0].clone(),
            SecretSource::File(PathBuf::from("password")),
        ),
        (
            BOTH[1].clone(),
            SecretSource::Command("cat password | tr f F".to_owned()),
        ),
    ]);
    let secrets = Vault::open(&path)
        .and_then(|mut vault| vault.resolve(&sources, Persist::Save))
        .expect("resolved");
    assert_eq!(secrets.get(&BOTH[0]).expose(), "from a file");
    assert_eq!(secrets.get(&BOTH[1]).expose(), "From a File");
    assert_eq!(names_in(&folder), ["password"]);
}

#[test]
fn a_value_that_is_no_secret_is_refused_by_name() {
    let (folder, path) = folder();
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
        std::fs::write(folder.path().join("password"), content).expect("written");
        let sources = BTreeMap::from([
            (user.clone(), SecretSource::File(PathBuf::from("password"))),
            (BOTH[0].clone(), SecretSource::Generated),
        ]);
        let error = Vault::open(&path)
            .and_then(|mut vault| vault.resolve(&sources, Persist::Save))
            .expect_err("no secret");
        assert_eq!(error.to_string(), format!("secret `user.app`: {why}"));
        assert_eq!(
            names_in(&folder),
            ["password"],
            "nothing is saved beside an error"
        );
    }
}
