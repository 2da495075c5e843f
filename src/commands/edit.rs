//! Secrets in the operator's editor: in a file of their own, in memory where the machine has a
//! folder for that, and gone afterwards.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::cluster::SecretName;
use crate::error::Error;
use crate::secret::Secret;

const HEAD: &str = "# One secret a line: its name, a colon, a blank, its value. Lines that begin \
                    with # are not read.\n";

/// Lets the operator edit `values`; returns those that are others afterwards.
pub(super) async fn edit(
    values: &[(SecretName, Secret)],
) -> Result<Vec<(SecretName, Secret)>, Error> {
    let folder = Folder::new()?;
    let path = folder.0.join("secrets");
    let failed = |cause| Error::File {
        path: path.clone(),
        cause,
    };
    let mut text = HEAD.to_owned();
    for (name, value) in values {
        text.push_str(&format!("{name}: {}\n", value.expose()));
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    drop(file);
    run_editor(&path).await?;
    let mut edited = String::new();
    // Editors replace the file: what now has its name.
    File::open(&path)
        .and_then(|mut file| file.read_to_string(&mut edited))
        .map_err(failed)?;
    read(&edited, values)
}

/// What the edited text says otherwise. Messages name lines, never what is in them.
fn read(text: &str, values: &[(SecretName, Secret)]) -> Result<Vec<(SecretName, Secret)>, Error> {
    let wrong = |message: String| Error::Usage {
        message,
        hint: Some("nothing was changed".to_owned()),
    };
    let mut seen = Vec::new();
    let mut changed = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        let Some((name, value)) = line.split_once(": ") else {
            return Err(wrong(format!("line {number} is no `name: value`")));
        };
        let known = values.iter().find(|(known, _)| known.to_string() == name);
        let Some((known, before)) = known else {
            return Err(wrong(format!(
                "line {number} does not begin with the name of a secret of the vault"
            )));
        };
        if seen.contains(&known) {
            return Err(wrong(format!(
                "line {number}: `{known}` stands there twice"
            )));
        }
        seen.push(known);
        let value = Secret::new(value);
        if value != *before {
            changed.push((known.clone(), value));
        }
    }
    match values.iter().find(|(name, _)| !seen.contains(&name)) {
        Some((name, _)) => Err(wrong(format!("`{name}` is no longer there"))),
        None => Ok(changed),
    }
}

/// Runs $VISUAL or $EDITOR. Ctrl-C is the editor's: if it ended us, the file would stay.
async fn run_editor(path: &Path) -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let editor = variable("VISUAL")
        .or_else(|| variable("EDITOR"))
        .unwrap_or_else(|| "vi".to_owned());
    let usage = |message: String| Error::Usage {
        message,
        hint: Some("nothing was changed; EDITOR names another editor".to_owned()),
    };
    let ignored = [
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let _signals: Vec<_> = ignored
        .into_iter()
        .filter_map(|kind| signal(kind).ok())
        .collect();
    // As git and others do: EDITOR may have arguments.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(path)
        .status()
        .await
        .map_err(|cause| usage(format!("the editor cannot be started: {cause}")))?;
    if status.success() {
        return Ok(());
    }
    Err(usage(format!("the editor ended with {status}")))
}

/// A folder of our own that goes with its content.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Error> {
        let base = std::env::var_os("XDG_RUNTIME_DIR")
            .map(PathBuf::from)
            .filter(|path| path.is_dir())
            .or_else(|| Some(PathBuf::from("/dev/shm")).filter(|path| path.is_dir()))
            .unwrap_or_else(std::env::temp_dir);
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| Error::File {
            path: base.clone(),
            cause: std::io::Error::other(error.to_string()),
        })?;
        let path = base.join(format!("mahout-{:016x}", u64::from_ne_bytes(bytes)));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(Self(path)),
            Err(cause) => Err(Error::File { path, cause }),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::cluster::SecretName;
    use crate::secret::Secret;

    fn values() -> Vec<(SecretName, Secret)> {
        vec![
            (SecretName::Superuser, Secret::new("correct horse")),
            (
                SecretName::User("app".to_owned()),
                Secret::new("battery: staple"),
            ),
        ]
    }

    #[test]
    fn only_what_was_changed_is_returned() {
        let same = "# x\nsuperuser: correct horse\nuser.app: battery: staple\n";
        assert_eq!(read(same, &values()).expect("read"), []);
        let other = "user.app: battery: staple\n\nsuperuser: another horse ";
        let expected = (SecretName::Superuser, Secret::new("another horse "));
        assert_eq!(read(other, &values()).expect("read"), [expected]);
    }

    #[test]
    fn what_is_wrong_is_named_without_the_value() {
        for (text, message) in [
            ("superuser hunter2hunter2\n", "line 1 is no `name: value`"),
            (
                "hunter2hunter2: x\n",
                "line 1 does not begin with the name of a secret of the vault",
            ),
            (
                "superuser: hunter2hunter2\nsuperuser: hunter2hunter2\n",
                "line 2: `superuser` stands there twice",
            ),
            (
                "superuser: hunter2hunter2\n",
                "`user.app` is no longer there",
            ),
        ] {
            let error = read(text, &values()).expect_err("wrong");
            assert_eq!(error.to_string(), message);
        }
    }
}
