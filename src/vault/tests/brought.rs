//! Certificates that are brought along: what is taken and what is not.

use time::Duration;

use super::{Place, cluster, now};
use crate::cluster::{Cluster, Secrets};
use crate::vault::{Persist, VaultError, authority};

/// The inventory of a cluster whose certificates lie in `place`.
fn brought(place: &Place) -> Cluster {
    let ca_file = place.path("ca.crt");
    let files = place.path("{node}-{purpose}.pem");
    cluster(&format!(
        "tls: on\ncertificates:\n  ca_file: {}\n  files: \"{}\"\n",
        ca_file.display(),
        files.display()
    ))
}

/// Certificates of an authority elsewhere, put where the inventory looks for them.
fn put(place: &Place) -> Secrets {
    put_of(&Place::new(), place)
}

/// As [`put`], of the authority whose vault is in `elsewhere`.
fn put_of(elsewhere: &Place, place: &Place) -> Secrets {
    let elsewhere = elsewhere.saved(&cluster("tls: on\n"));
    std::fs::write(place.path("ca.crt"), &elsewhere.ca_bundle).expect("written");
    for (name, pem) in &elsewhere.certificates {
        let path = place.path(&format!("{}-{}.pem", name.node, name.purpose.as_str()));
        place.write(&path, pem.expose());
    }
    elsewhere
}

fn resolved(place: &Place) -> Result<Secrets, VaultError> {
    resolved_at(place, Duration::ZERO)
}

fn resolved_at(place: &Place, later: Duration) -> Result<Secrets, VaultError> {
    let mut vault = place.open().expect("no vault");
    vault.resolve(&brought(place), now() + later, Persist::DryRun)
}

#[test]
fn they_are_taken_as_they_are_and_no_authority_is_made() {
    let place = Place::new();
    let elsewhere = put(&place);
    let secrets = place.saved(&brought(&place));
    assert_eq!(secrets.ca_bundle, elsewhere.ca_bundle);
    assert_eq!(secrets.certificates, elsewhere.certificates);
    let vault = place.open().expect("opens");
    assert!(
        !vault.had.contains(crate::vault::AUTHORITY),
        "{:?}",
        vault.had
    );
}

#[test]
fn what_would_not_work_is_refused_without_the_key() {
    let refused = |change: &dyn Fn(&Place), why: &str| {
        let place = Place::new();
        put(&place);
        change(&place);
        let error = resolved(&place).expect_err(why);
        let said = format!("{error} {error:?}");
        assert!(said.contains(why), "{said}");
        assert!(!said.contains("PRIVATE KEY--"), "{said}");
        assert!(error.hint().is_some(), "{said}");
    };
    let patroni = "pg-1-patroni.pem";
    let read =
        |place: &Place, name: &str| std::fs::read_to_string(place.path(name)).expect("a text");
    refused(
        &|place| std::fs::remove_file(place.path(patroni)).expect("removed"),
        "there is no such file",
    );
    refused(
        &|place| place.write(&place.path(patroni), "x"),
        "holds no certificate",
    );
    refused(
        &|place| {
            let text = read(place, patroni);
            let at = text.find("-----BEGIN PRIVATE KEY").expect("a key");
            place.write(&place.path(patroni), &text[..at]);
        },
        "holds no key",
    );
    refused(
        &|place| {
            let (one, other) = (read(place, patroni), read(place, "pg-1-postgresql.pem"));
            let at = |text: &str| text.find("-----BEGIN PRIVATE KEY").expect("a key");
            let mixed = format!("{}{}", &one[..at(&one)], &other[at(&other)..]);
            place.write(&place.path(patroni), mixed);
        },
        "its key is not the certificate's",
    );
    refused(
        &|place| {
            let stranger = Place::new().saved(&cluster("tls: on\n"));
            std::fs::write(place.path("ca.crt"), stranger.ca_bundle).expect("written");
        },
        "no authority of `certificates.ca_file`",
    );
    refused(
        &|place| std::fs::write(place.path("ca.crt"), "x").expect("written"),
        "holds no certificates in PEM",
    );
    refused(
        &|place| {
            let text = read(place, "ca.crt") + &read(place, patroni);
            std::fs::write(place.path("ca.crt"), text).expect("written");
        },
        "holds a private key",
    );
    let place = Place::new();
    put(&place);
    let error = resolved_at(&place, Duration::days(366)).expect_err("expired");
    assert!(error.to_string().ends_with("it has expired"), "{error}");
}

#[test]
fn names_that_are_missing_in_it_are_named() {
    let place = Place::new();
    put(&place);
    let mut cluster = brought(&place);
    cluster.tls.endpoints = vec!["db.example.net".to_owned(), "10.0.9.9".to_owned()];
    let mut vault = place.open().expect("no vault");
    let error = vault
        .resolve(&cluster, now(), Persist::DryRun)
        .expect_err("others");
    let said = error.to_string();
    assert!(
        said.starts_with("certificate pg-1/postgresql in "),
        "{said}"
    );
    assert!(
        said.ends_with("it does not name db.example.net, 10.0.9.9"),
        "{said}"
    );
}

#[test]
fn nobody_is_let_in_to_etcd_by_its_name() {
    let user = brought(&Place::new()).etcd_user(&crate::secret::Secret::new("a password"));
    for name in ["root", user.as_str()] {
        let (place, elsewhere) = (Place::new(), Place::new());
        put_of(&elsewhere, &place);
        // Not only where etcd is shown it: its authority is the one that etcd trusts.
        for spec in brought(&place).certificates() {
            let path = place.path(&format!(
                "{}-{}.pem",
                spec.name.node,
                spec.name.purpose.as_str()
            ));
            let good = std::fs::read(&path).expect("a certificate");
            let named = crate::cluster::CertificateSpec {
                common_name: name.to_owned(),
                ..spec.clone()
            };
            let vault = elsewhere.open().expect("opens");
            let authority = vault.next.authorities.current.as_ref().expect("a key");
            let end = (now() + Duration::days(30)).unix_timestamp();
            let pem = authority::issue(&named, authority, now(), end).expect("issued");
            place.write(&path, pem.expose());
            let error = resolved(&place).expect_err("a user's name").to_string();
            let why = format!("it has the common name `{name}`: etcd lets whoever shows it in");
            assert!(error.contains(&why), "{}: {error}", spec.name);
            place.write(&path, good);
        }
    }
}
