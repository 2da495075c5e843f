//! Each way in which a connection fails has its own words. And `trust`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mahout::cluster::Node;
use mahout::transport::{Effect, Fleet, Known, TransportError, host_keys};

use super::sshd::{Place, Sshd, until};
use super::{only, read};

/// Why `node` cannot be reached.
async fn refusal(place: &Place, node: Node) -> TransportError {
    let fleet = Fleet::connect(&[node], place.options(Effect::ReadOnly)).await;
    let error = fleet.unreachable().next().expect("a refusal");
    until("end of ssh", || place.processes().is_empty());
    error.clone()
}

fn hint(error: &TransportError) -> &str {
    error.hint.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn a_host_key_is_unknown_or_has_changed() {
    let Some(sshd) = Sshd::start("") else { return };
    let place = &sshd.place;
    let known = place.path("known_hosts");
    for persist in [0, 60] {
        let mut node = sshd.node();
        node.ssh.persist = std::time::Duration::from_secs(persist);
        fs::write(&known, "").expect("written");
        let error = refusal(place, node.clone()).await;
        let cause = "its host key is unknown: ssh-ed25519 SHA256:";
        assert!(error.cause.starts_with(cause), "{error}");
        assert!(hint(&error).contains("mahout trust"));

        let other = fs::read_to_string(place.path("id.pub")).expect("a key");
        place.know(sshd.port, &other);
        let error = refusal(place, node).await;
        let cause = format!(
            "its host key has changed: {}:1 holds another than ssh-ed25519 SHA256:",
            known.display()
        );
        assert!(error.cause.starts_with(&cause), "{error}");
        assert!(hint(&error).contains("installed anew"));
    }
    assert_eq!(sshd.logins(), 0);
}

#[tokio::test]
async fn a_host_key_is_looked_at_and_recorded() {
    let Some(sshd) = Sshd::start("") else { return };
    let (node, place) = (sshd.node(), &sshd.place);
    let known = place.path("known_hosts");
    let recorded = fs::read_to_string(&known).expect("known hosts");
    fs::remove_file(&known).expect("removed");

    let key = host_keys::scan(&node).await.expect("a key");
    assert_eq!(
        (&key.known, key.algorithm.as_str()),
        (&Known::New, "ssh-ed25519")
    );
    let fingerprint = std::process::Command::new("ssh-keygen")
        .args(["-l", "-f"])
        .arg(place.path("host.pub"))
        .output()
        .expect("ssh-keygen");
    let fingerprint = String::from_utf8(fingerprint.stdout).expect("text");
    assert!(fingerprint.contains(&key.fingerprint), "{fingerprint}");
    assert!(!known.exists(), "nobody has agreed yet");
    host_keys::record(&node, &key).await.expect("recorded");
    let written = fs::read_to_string(&known).expect("known hosts");
    assert!(recorded.starts_with(written.trim()), "{written}");
    assert_eq!(sshd.logins(), 0);

    let again = host_keys::scan(&node).await.expect("a key");
    assert_eq!(again.known, Known::Known);
    host_keys::record(&node, &again)
        .await
        .expect("nothing to do");
    assert_eq!(fs::read_to_string(&known).expect("known hosts"), written);
    let fleet = sshd.fleet(Effect::ReadOnly).await;
    assert_eq!(read(&only(&fleet), "echo hello").await, "hello\n");

    fs::write(&known, "").expect("written");
    place.know(
        sshd.port,
        &fs::read_to_string(place.path("id.pub")).expect("a key"),
    );
    let changed = host_keys::scan(&node).await.expect("a key");
    assert_eq!(
        changed.known,
        Known::Changed(format!("{}:1", known.display()))
    );
    let error = host_keys::record(&node, &changed)
        .await
        .expect_err("never replaced");
    assert!(
        error.cause.starts_with("its host key has changed: "),
        "{error}"
    );

    let mut nobody = node;
    nobody.ssh.port = Some(1);
    let error = host_keys::scan(&nobody).await.expect_err("nobody there");
    assert_eq!(error.cause, "connection refused by 127.0.0.1 port 1");
}

#[tokio::test]
async fn a_key_is_not_let_in_encrypted_missing_too_open_or_none() {
    let Some(sshd) = Sshd::start("") else { return };
    let place = &sshd.place;
    place.key("stranger", "");
    place.key("locked", "a passphrase");
    fs::write(place.path("letter"), "Dear sshd,\n").expect("written");
    fs::set_permissions(place.path("letter"), fs::Permissions::from_mode(0o600)).expect("a mode");
    fs::copy(place.path("id"), place.path("open")).expect("copied");
    fs::set_permissions(place.path("open"), fs::Permissions::from_mode(0o644)).expect("a mode");
    let at = |name: &str| place.path(name).display().to_string();
    let cases = [
        (
            "stranger",
            "permission denied for `",
            format!("offered: {}; is one of them in ~", at("stranger")),
        ),
        (
            "locked",
            &format!("the key file {} is encrypted, and ", at("locked")),
            format!("`ssh-add {}`", at("locked")),
        ),
        (
            "missing",
            &format!("the key file {} does not exist", at("missing")),
            "correct `ssh.identity_file`".to_owned(),
        ),
        (
            "open",
            &format!(
                "the key file {} has mode 0644: ssh ignores a key that others can read",
                at("open")
            ),
            format!("`chmod 600 {}`", at("open")),
        ),
        (
            "letter",
            &format!(
                "{} is not a private key that ssh understands: ",
                at("letter")
            ),
            String::new(),
        ),
    ];
    for (key, cause, help) in cases {
        let mut node = sshd.node();
        node.ssh.identity_file = Some(place.path(key));
        let error = refusal(place, node).await;
        assert!(error.cause.starts_with(cause), "{key}: {error}");
        assert!(
            hint(&error).contains(&help),
            "{key}: {error}, {:?}",
            error.hint
        );
    }
    assert_eq!(sshd.logins(), 0);
}

#[tokio::test]
async fn nobody_listens_there_or_the_name_means_nothing() {
    let Some(place) = Place::new() else { return };
    let mut node = place.node(1, 1);
    let error = refusal(&place, node.clone()).await;
    assert_eq!(
        error.to_string(),
        "pg-1: connection refused by 127.0.0.1 port 1"
    );
    assert_eq!(hint(&error), "does sshd run there, on that port?");

    node.ssh.destination = "no-such-node.invalid".to_owned();
    let error = refusal(&place, node).await;
    // A machine without a name server cannot know that there is none.
    let unknown = "unknown host name `no-such-node.invalid`";
    let unresolved = "the name `no-such-node.invalid` cannot be resolved: ";
    assert!(
        error.cause == unknown || error.cause.starts_with(unresolved),
        "{error}"
    );
}
