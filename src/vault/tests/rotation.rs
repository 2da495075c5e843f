//! Certificates' lives, rotation, and the generation that counts it.

use time::{Duration, OffsetDateTime};

use super::{BOTH, Place, cluster, now};
use crate::cluster::{
    CertificateName, CertificatePurpose, CertificateSpec, Cluster, SecretName, Secrets, Stamp,
};
use crate::secret::Secret;
use crate::vault::renewal::{Due, due};
use crate::vault::{Change, Persist, Stage, Vault, VaultError};
use crate::x509::Certificate;

const DAY: Duration = Duration::days(1);

fn generation(secrets: &Secrets) -> u64 {
    let stamp: Stamp = secrets.stamp.parse().expect("a stamp");
    stamp.generation
}

fn tls() -> Cluster {
    cluster("tls: on\n")
}

fn save_at(vault: &mut Vault, cluster: &Cluster, now: OffsetDateTime) -> Secrets {
    vault.resolve(cluster, now, Persist::Save).expect("saved")
}

fn leaf(secrets: &Secrets) -> Certificate {
    let pem = secrets.certificates.values().next().expect("a certificate");
    Certificate::first_of(pem.expose()).expect("one that can be read")
}

fn authorities(secrets: &Secrets) -> Vec<Certificate> {
    Certificate::all_of(&secrets.ca_bundle).expect("certificates")
}

#[test]
fn a_certificate_is_due_for_a_reason() {
    let place = Place::new();
    let cluster = tls();
    let secrets = place.saved(&cluster);
    let spec = &cluster.certificates()[0];
    let pem = secrets.certificates[&spec.name].expose();
    let authority = &authorities(&secrets)[0];
    let at = |days: i64| (now() + DAY * i32::try_from(days).expect("days")).unix_timestamp();
    assert_eq!(due(Some(pem), spec, authority, at(0)), None);
    assert_eq!(due(None, spec, authority, at(0)), Some(Due::Missing));
    assert_eq!(due(Some("x"), spec, authority, at(0)), Some(Due::Missing));
    // 365 days, of which a third is 121.7.
    assert_eq!(due(Some(pem), spec, authority, at(243)), None);
    assert_eq!(due(Some(pem), spec, authority, at(244)), Some(Due::Ends));
    assert_eq!(due(Some(pem), spec, authority, at(400)), Some(Due::Ends));
    let mut other = spec.clone();
    other.names.insert("db.example.net".to_owned());
    assert_eq!(
        due(Some(pem), &other, authority, at(0)),
        Some(Due::SaysOtherwise)
    );
    let mut other = spec.clone();
    other.common_name.push('x');
    assert_eq!(
        due(Some(pem), &other, authority, at(0)),
        Some(Due::SaysOtherwise)
    );
    // One of before, when PostgreSQL's were for clients, too.
    for other in cluster.certificates() {
        let pem = secrets.certificates[&other.name].expose();
        let leaf = Certificate::first_of(pem).expect("a certificate");
        let is_postgresqls = other.name.purpose == CertificatePurpose::Postgresql;
        assert_eq!(leaf.for_clients, !is_postgresqls, "{}", other.name);
        let elsewhere = CertificateSpec {
            name: CertificateName {
                purpose: if is_postgresqls {
                    CertificatePurpose::Patroni
                } else {
                    CertificatePurpose::Postgresql
                },
                ..other.name.clone()
            },
            ..other
        };
        let reason = due(Some(pem), &elsewhere, authority, at(0));
        assert_eq!(reason, Some(Due::SaysOtherwise), "{}", elsewhere.name);
    }
    let stranger = &authorities(&Place::new().saved(&cluster))[0];
    assert_eq!(
        due(Some(pem), spec, stranger, at(0)),
        Some(Due::OtherAuthority)
    );
}

#[test]
fn certificates_are_renewed_in_their_last_third_and_when_names_change() {
    let place = Place::new();
    let first = place.saved(&tls());
    assert!(leaf(&first).is_issued_by(&authorities(&first)[0]));
    assert!(leaf(&first).for_servers && leaf(&first).for_clients);
    let mut vault = place.open().expect("opens");
    let later = save_at(&mut vault, &tls(), now() + DAY * 200);
    assert_eq!(later, first, "not yet");
    let renewed = save_at(&mut vault, &tls(), now() + DAY * 250);
    assert_eq!(renewed.ca_bundle, first.ca_bundle);
    assert!(
        renewed
            .certificates
            .iter()
            .all(|(name, pem)| first.certificates[name] != *pem)
    );
    assert_eq!(generation(&renewed), generation(&first) + 1);
    let named = cluster("tls: on\nendpoints: [db.example.net]\n");
    let changed = save_at(&mut vault, &named, now() + DAY * 250);
    let same = |name| renewed.certificates.get(name) == changed.certificates.get(name);
    let differ: Vec<String> = changed
        .certificates
        .keys()
        .filter(|name| !same(name))
        .map(ToString::to_string)
        .collect();
    assert_eq!(differ, ["pg-1/postgresql"]);
}

#[test]
fn no_certificate_outlives_its_authority_and_none_is_renewed_in_vain() {
    let place = Place::new();
    let cluster = cluster("tls: on\ncertificates: { lifetime: 365d, ca_lifetime: 730d }\n");
    place.saved(&cluster);
    let mut vault = place.open().expect("opens");
    let late = now() + DAY * 600;
    let capped = save_at(&mut vault, &cluster, late);
    assert_eq!(leaf(&capped).not_after, authorities(&capped)[0].not_after);
    let again = save_at(&mut vault, &cluster, late + DAY * 90);
    assert_eq!(again, capped);
}

#[test]
fn certificates_rotate_under_the_same_authority() {
    let place = Place::new();
    let first = place.saved(&tls());
    let mut vault = place.open().expect("opens");
    vault
        .resolve(&tls(), now(), Persist::DryRun)
        .expect("found");
    vault
        .change(&Change::Certificates, &tls(), now())
        .expect("changed");
    let shown = vault.resolve(&tls(), now(), Persist::DryRun).expect("made");
    let saved = save_at(&mut vault, &tls(), now());
    assert_eq!(
        shown, saved,
        "the plan that was shown is the one of the vault"
    );
    assert_eq!(saved.ca_bundle, first.ca_bundle);
    assert!(
        saved
            .certificates
            .iter()
            .all(|(name, pem)| first.certificates[name] != *pem)
    );
    assert_eq!(generation(&saved), generation(&first) + 1);
    assert_eq!(place.saved(&tls()), saved);
}

#[test]
fn the_authority_changes_in_three_stages_and_goes_on_where_it_was() {
    let place = Place::new();
    let first = place.saved(&tls());
    // Each in a run of its own: the stage is in the vault.
    let next = |expected: Stage| {
        let mut vault = place.open().expect("opens");
        assert_eq!(vault.stage(), expected);
        vault
            .change(&Change::Authority, &tls(), now())
            .expect("changed");
        let saved = save_at(&mut vault, &tls(), now());
        assert_eq!(
            place.saved(&tls()),
            saved,
            "a deploy in the middle changes nothing"
        );
        saved
    };
    let (old, one) = (authorities(&first), next(Stage::One));
    let both = authorities(&one);
    assert_eq!((both.len(), &both[0]), (2, &old[0]));
    assert_eq!(one.certificates, first.certificates);
    let two = next(Stage::BothTrusted);
    assert_eq!(authorities(&two), [both[1].clone(), both[0].clone()]);
    assert!(leaf(&two).is_issued_by(&both[1]) && !leaf(&two).is_issued_by(&both[0]));
    let three = next(Stage::Reissued);
    assert_eq!(authorities(&three), [both[1].clone()]);
    assert_eq!(three.certificates, two.certificates);
    assert_eq!(place.open().expect("opens").stage(), Stage::One);
    assert_eq!(generation(&three), generation(&first) + 3);
}

#[test]
fn all_stages_can_be_foreseen_without_a_write() {
    let place = Place::new();
    place.saved(&tls());
    let before = std::fs::read(place.vault()).expect("bytes");
    let mut vault = place.open().expect("opens");
    let mut seen = Vec::new();
    for _ in 0..3 {
        vault
            .change(&Change::Authority, &tls(), now())
            .expect("changed");
        let secrets = vault
            .resolve(&tls(), now(), Persist::DryRun)
            .expect("foreseen");
        seen.push((generation(&secrets), authorities(&secrets).len()));
    }
    assert_eq!(seen, [(2, 2), (3, 2), (4, 1)]);
    assert_eq!(std::fs::read(place.vault()).expect("bytes"), before);
}

#[test]
fn passwords_rotate_and_the_old_ones_are_kept_until_the_end() {
    let place = Place::new();
    let first = place.saved(&cluster(""));
    let change = Change::Passwords([BOTH[0].clone()].into());
    let mut vault = place.open().expect("opens");
    vault.change(&change, &cluster(""), now()).expect("changed");
    let saved = save_at(&mut vault, &cluster(""), now());
    assert_ne!(saved.get(&BOTH[0]), first.get(&BOTH[0]));
    assert_eq!(saved.get(&BOTH[1]), first.get(&BOTH[1]));
    assert_eq!(saved.previous.get(&BOTH[0]), Some(first.get(&BOTH[0])));
    assert_eq!(generation(&saved), 2);

    // It was interrupted: the same again goes on with the value that some nodes may have.
    let mut vault = place.open().expect("opens");
    assert_eq!(vault.in_rotation().collect::<Vec<_>>(), ["superuser"]);
    vault.change(&change, &cluster(""), now()).expect("changed");
    let again = save_at(&mut vault, &cluster(""), now());
    assert_eq!(again, saved);
    vault.finish().expect("finished");
    let done = place.saved(&cluster(""));
    assert!(done.previous.is_empty());
    assert_eq!((&done.values, &done.stamp), (&saved.values, &saved.stamp));
}

#[test]
fn a_value_of_the_operators_own_is_kept_with_the_old_one() {
    let place = Place::new();
    let first = place.saved(&cluster(""));
    let mut vault = place.open().expect("opens");
    let set = |vault: &mut Vault, name: &SecretName, value: &str| {
        vault.set(&[(name.clone(), Secret::new(value))], &cluster(""), now())
    };
    set(&mut vault, &BOTH[0], "correct horse battery").expect("set");
    let error = set(&mut vault, &BOTH[0], "postgres").expect_err("tried first");
    assert!(matches!(error, VaultError::Unusable { .. }), "{error}");
    let error = set(&mut vault, &SecretName::HaproxyStats, "correct horse").expect_err("none");
    assert!(matches!(error, VaultError::UnknownName { .. }), "{error}");
    let found = place.saved(&cluster(""));
    assert_eq!(found.get(&BOTH[0]).expose(), "correct horse battery");
    assert_eq!(found.previous[&BOTH[0]], *first.get(&BOTH[0]));
    assert_eq!(generation(&found), 2);
}

#[test]
fn a_value_that_only_etcd_may_have_is_not_lost() {
    let place = Place::new();
    place.saved(&tls());
    let mut vault = place.open().expect("opens");
    let mut set =
        |value: &str| vault.set(&[(SecretName::EtcdRoot, Secret::new(value))], &tls(), now());
    set("correct horse battery").expect("set");
    let error = set("another horse battery").expect_err("not deployed yet");
    assert!(
        error.to_string().contains("run `mahout deploy` first"),
        "{error}"
    );
    let found = place.saved(&tls());
    assert_eq!(
        found.get(&SecretName::EtcdRoot).expose(),
        "correct horse battery"
    );
}

#[test]
fn a_change_is_refused_if_another_one_came_first() {
    let place = Place::new();
    place.saved(&cluster(""));
    let change = Change::Passwords([BOTH[0].clone()].into());
    let mut late = place.open().expect("opens");
    late.change(&change, &cluster(""), now()).expect("changed");
    let mut early = place.open().expect("opens");
    early.change(&change, &cluster(""), now()).expect("changed");
    let saved = save_at(&mut early, &cluster(""), now());
    let error = late
        .resolve(&cluster(""), now(), Persist::Save)
        .expect_err("late");
    assert!(matches!(error, VaultError::Changed { .. }), "{error}");
    assert_eq!(place.saved(&cluster("")), saved);
}

#[test]
fn two_copies_that_were_changed_apart_are_told_apart() {
    let (place, copy) = (Place::new(), Place::new());
    place.saved(&cluster(""));
    for file in ["identity", "cluster.vault"] {
        copy.write(
            &copy.path(file),
            std::fs::read(place.path(file)).expect("a file"),
        );
    }
    let changed = |place: &Place, name: &SecretName| {
        let change = Change::Passwords([name.clone()].into());
        let mut vault = place.open().expect("opens");
        vault.change(&change, &cluster(""), now()).expect("changed");
        let shown = vault
            .resolve(&cluster(""), now(), Persist::DryRun)
            .expect("shown");
        let saved = save_at(&mut vault, &cluster(""), now());
        assert_eq!(shown.stamp, saved.stamp, "the plan holds what is written");
        saved
    };
    let (one, other) = (changed(&place, &BOTH[0]), changed(&copy, &BOTH[1]));
    assert_eq!(generation(&one), generation(&other));
    let tag = |secrets: &Secrets| {
        let stamp: Stamp = secrets.stamp.parse().expect("a stamp");
        stamp.tag.expect("a tag")
    };
    assert!(!other.lineage.contains(&tag(&one)));
    // What is changed after it still knows it.
    let further = changed(&place, &BOTH[1]);
    assert!(further.lineage.contains(&tag(&one)));
    assert_eq!(further.lineage.len(), 3);
}

#[test]
fn without_tls_there_is_nothing_to_rotate_of_it() {
    let place = Place::new();
    let mut vault = place.open().expect("no vault");
    for change in [Change::Certificates, Change::Authority] {
        let off = cluster("tls: off\n");
        let error = vault.change(&change, &off, now()).expect_err("off");
        assert!(matches!(error, VaultError::NotOurs(_)), "{error}");
    }
}
