//! Masks known secrets in what a node prints.

use std::collections::BTreeSet;

use crate::cluster::Secrets;
use crate::facts::FileFacts;
use crate::plan::{Action, EtcdChange, Plan};
use crate::render::File;
use crate::secret::Secret;
use crate::secret::mask::spellings;

/// Shorter ones would mask ordinary text.
const SHORTEST: usize = 4;

/// Knows the secrets of a plan and of its cluster, in every spelling in which a file may hold them.
#[derive(Debug, Default)]
pub(super) struct Redactor(Vec<Secret>);

impl Redactor {
    /// The secrets of `plan`: passwords, and what stands beside such a word in a sensitive file.
    /// And those of the cluster, in the plan or not: a service that fails may have told any of
    /// them in its journal.
    pub(super) fn of(plan: &Plan, cluster: &Secrets) -> Self {
        let mut secrets = of_secrets(cluster);
        let steps = plan.phases.iter().flat_map(|phase| &phase.work);
        for step in steps.flat_map(|work| &work.steps) {
            match &step.action {
                Action::PatchDynamicConfiguration { password, .. }
                | Action::WakeLeader { password, .. }
                | Action::ReloadPatroni { password, .. }
                | Action::RestartPatroni { password, .. }
                | Action::Switchover { password, .. }
                | Action::Reinitialize { password, .. }
                | Action::SetPassword { password, .. } => {
                    secrets.insert(password.expose());
                }
                Action::CreateRole {
                    password: Some(password),
                    ..
                } => {
                    secrets.insert(password.expose());
                }
                Action::ReplaceEtcdMember { root, .. } | Action::RemoveKeys { root, .. } => {
                    secrets.extend(root.iter().map(Secret::expose));
                }
                Action::EtcdAccess { root, change, .. } => {
                    secrets.extend(root.iter().map(Secret::expose));
                    if let EtcdChange::User { password, .. }
                    | EtcdChange::Password { password, .. } = change
                    {
                        secrets.insert(password.expose());
                    }
                }
                Action::WriteFile { file, .. } if file.sensitive => {
                    secrets.extend(of_text(file.content.expose()));
                }
                _ => {}
            }
        }
        Self::longest_first(secrets)
    }

    /// Those of the cluster alone.
    pub(super) fn of_cluster(cluster: &Secrets) -> Self {
        Self::longest_first(of_secrets(cluster))
    }

    fn longest_first(secrets: BTreeSet<&str>) -> Self {
        let mut secrets: Vec<Secret> = secrets
            .into_iter()
            .flat_map(spellings)
            .filter(|spelling| spelling.len() >= SHORTEST)
            .map(Secret::new)
            .collect();
        // One that contains another one goes first.
        secrets.sort_by(|one, other| {
            let by_length = other.expose().len().cmp(&one.expose().len());
            by_length.then_with(|| one.cmp(other))
        });
        secrets.dedup();
        Self(secrets)
    }

    /// `text` with every secret as `***`.
    pub(super) fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.expose()) {
                text.replace(secret.expose(), "***")
            } else {
                text
            }
        })
    }
}

/// Whether the file of before may stay beside its place: not if it holds a secret that the new one
/// does not, nor if that is not known; a private key is in one place alone.
pub(super) fn keeps_replaced(before: Option<&FileFacts>, file: &File) -> bool {
    if !file.sensitive {
        return true;
    }
    let Some(before) = before.and_then(|before| before.content.as_ref()) else {
        return false;
    };
    let new: BTreeSet<&str> = of_text(file.content.expose()).collect();
    let mut keys = of_keys(before.expose());
    keys.next().is_none() && of_text(before.expose()).all(|secret| new.contains(secret))
}

/// Passwords, also those of before, and the private keys.
fn of_secrets(cluster: &Secrets) -> BTreeSet<&str> {
    let passwords = cluster.values.values().chain(cluster.previous.values());
    let certificates = cluster.certificates.values().map(Secret::expose);
    passwords
        .map(Secret::expose)
        .chain(certificates.flat_map(of_keys))
        .collect()
}

/// The lines of the private keys in a PEM text.
fn of_keys(pem: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    pem.lines().filter(move |line| {
        if line.starts_with("-----") {
            inside = line.contains("BEGIN") && line.contains("PRIVATE KEY");
            return false;
        }
        inside
    })
}

/// The values in lines that speak of a password: `password: "a b"`, `stats auth user:word`,
/// `ETCD_PASSWORD=word`.
fn of_text(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| {
            let line = line.to_ascii_lowercase();
            ["password", "auth ", "secret"]
                .iter()
                .any(|word| line.contains(word))
        })
        .filter_map(|line| line.split_once([':', '=']))
        .map(|(_, value)| value.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::fixtures::{plan_of, write_file};

    #[test]
    fn passwords_of_files_and_actions_are_masked() {
        let mut file = write_file("/etc/patroni/patroni.yml", "");
        if let Action::WriteFile { file, .. } = &mut file {
            file.sensitive = true;
            file.content = Secret::new(
                "  username: admin\n  password: 'correct horse'\n  stats auth me:battery\n  ttl: 30\n",
            );
        }
        let plan = plan_of(vec![
            file,
            Action::CreateRole {
                connection: crate::execute::fixtures::connection(),
                name: "app".to_owned(),
                options: Vec::new(),
                password: Some(Secret::new("staple")),
                functions: &[],
            },
        ]);
        let mut cluster = Secrets::default();
        let name = crate::cluster::SecretName::Probe;
        cluster.previous.insert(name, Secret::new("of yesterday"));
        let name = crate::cluster::CertificateName {
            node: "pg-1".into(),
            purpose: crate::cluster::CertificatePurpose::Patroni,
        };
        let pem = "-----BEGIN CERTIFICATE-----\npublic\n-----END CERTIFICATE-----\n\
                   -----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----\n";
        cluster.certificates.insert(name, Secret::new(pem));
        let redactor = Redactor::of(&plan, &cluster);
        assert_eq!(
            redactor.redact("public MIGHAgEA, of yesterday"),
            "public ***, ***"
        );
        assert_eq!(
            redactor.redact("correct horse, battery of admin, staple, 30"),
            "***, *** of admin, ***, 30"
        );
    }

    #[test]
    fn passwords_are_masked_as_files_spell_them() {
        let mut cluster = Secrets::default();
        let name = crate::cluster::SecretName::Superuser;
        let password = Secret::new(r#"it's a "quagga" \ 100%"#);
        cluster.values.insert(name, password);
        // In a plan that does not write the file.
        let redactor = Redactor::of(&plan_of(Vec::new()), &cluster);
        for told in [
            r#"it's a "quagga" \ 100%"#,
            r#"it's a \"quagga\" \\ 100%"#,
            r#"it''s a "quagga" \ 100%"#,
            r#"it'\''s a "quagga" \ 100%"#,
            "it%27s%20a%20%22quagga%22%20%5C%20100%25",
        ] {
            assert_eq!(redactor.redact(&format!("told: {told};")), "told: ***;");
        }
    }
}
