//! Masks known secrets in what a node prints.

use std::collections::BTreeSet;

use crate::plan::{Action, EtcdChange, Plan};
use crate::secret::Secret;

/// Shorter ones would mask ordinary text.
const SHORTEST: usize = 4;

/// Knows the secrets of a plan.
#[derive(Debug, Default)]
pub(super) struct Redactor(Vec<Secret>);

impl Redactor {
    /// The secrets of `plan`: passwords, and what stands beside such a word in a sensitive file.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut secrets = BTreeSet::new();
        let steps = plan.phases.iter().flat_map(|phase| &phase.work);
        for step in steps.flat_map(|work| &work.steps) {
            match &step.action {
                Action::PatchDynamicConfiguration { password, .. }
                | Action::WakeLeader { password, .. }
                | Action::ReloadPatroni { password, .. }
                | Action::RestartPatroni { password, .. }
                | Action::Switchover { password, .. }
                | Action::SetPassword { password, .. } => {
                    secrets.insert(password.expose());
                }
                Action::CreateRole {
                    password: Some(password),
                    ..
                } => {
                    secrets.insert(password.expose());
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
        let mut secrets: Vec<Secret> = secrets
            .into_iter()
            .filter(|secret| secret.len() >= SHORTEST)
            .map(Secret::new)
            .collect();
        // One that contains another one goes first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
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
            },
        ]);
        let redactor = Redactor::of(&plan);
        assert_eq!(
            redactor.redact("correct horse, battery of admin, staple, 30"),
            "***, *** of admin, ***, 30"
        );
    }
}
