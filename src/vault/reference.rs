//! References to secrets that are kept elsewhere: `env:`, `file:`, `command:`.

use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::VaultError;
use crate::cluster::{SecretName, SecretSource};
use crate::secret::Secret;

/// More than any password; a wrong path must not fill the memory.
const LONGEST: u64 = 64 * 1024;
/// A command may ask for a touch or a passphrase, but not for ever.
const DEADLINE: Duration = Duration::from_secs(120);

/// The value that `source` leads to; `None` for a generated secret, which leads nowhere.
pub(super) fn resolve(
    name: &SecretName,
    source: &SecretSource,
    folder: &Path,
) -> Result<Option<Secret>, VaultError> {
    lookup(source, folder).map_err(|why| VaultError::Unusable {
        name: name.clone(),
        why,
    })
}

/// As [`resolve`], of what has no name.
pub(super) fn lookup(source: &SecretSource, folder: &Path) -> Result<Option<Secret>, String> {
    let text = match source {
        SecretSource::Generated => return Ok(None),
        SecretSource::Environment(variable) => environment(variable),
        SecretSource::File(path) => file(&folder.join(path)),
        SecretSource::Command(line) => command(line, folder, DEADLINE),
    };
    text.map(|text| Some(Secret::new(text)))
}

fn environment(variable: &str) -> Result<String, String> {
    match std::env::var(variable) {
        Ok(text) => Ok(text),
        Err(std::env::VarError::NotPresent) => {
            Err(format!("the environment variable `{variable}` is not set"))
        }
        Err(std::env::VarError::NotUnicode(_)) => Err(format!(
            "the environment variable `{variable}` is not UTF-8"
        )),
    }
}

fn file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let mut text = String::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() as u64 > LONGEST => Err(format!("{shown} is too large for a secret")),
        Ok(_) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Err(format!("{shown} is not UTF-8"))
        }
        Err(error) => Err(format!("{shown}: {error}")),
    }
}

/// The first line that `line` prints. Its stderr is the operator's: what a password manager asks
/// or complains about is for them. The line itself stays out of messages: it may hold a token.
fn command(line: &str, folder: &Path, deadline: Duration) -> Result<String, String> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut child = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("its command cannot be started: {error}"))?;
    let Some((printed, status)) = ended_within(&mut child, deadline) else {
        // Its own children may live on; nobody waits for them.
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!(
            "its command did not end within {} s",
            deadline.as_secs()
        ));
    };
    if !status.success() {
        return Err(format!("its command failed ({status})"));
    }
    let text = String::from_utf8(printed).map_err(|_| "its command printed no UTF-8".to_owned())?;
    match text.lines().next().map(str::trim) {
        Some(first) if !first.is_empty() => Ok(first.to_owned()),
        _ => Err("its command printed nothing in its first line".to_owned()),
    }
}

/// What `child` prints and how it ends; `None` if that takes longer than `deadline`.
fn ended_within(child: &mut Child, deadline: Duration) -> Option<(Vec<u8>, ExitStatus)> {
    let end = Instant::now() + deadline;
    let stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut printed = Vec::new();
        let _ = stdout.take(LONGEST).read_to_end(&mut printed);
        // The receiver is gone if the deadline has passed.
        let _ = sender.send(printed);
    });
    let printed = receiver.recv_timeout(deadline).ok()?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some((printed, status)),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{command, environment, file};
    use std::path::Path;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_command_gives_its_first_line() {
        let here = Path::new("");
        assert_eq!(
            command("printf 'a b \\nc\\n'", here, LONG),
            Ok("a b".to_owned())
        );
        assert_eq!(
            command("cat < /dev/stdin; echo x", here, LONG),
            Ok("x".to_owned())
        );
        assert_eq!(command("pwd", Path::new("/"), LONG), Ok("/".to_owned()));
    }

    #[test]
    fn a_command_that_fails_is_named_without_its_line() {
        for line in [
            "echo hunter2; exit 3",
            "printf ''",
            "printf '\\nhunter2'",
            "printf '\\377'",
        ] {
            let error = command(line, Path::new(""), LONG).expect_err("no secret");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_command_that_does_not_end_is_given_up() {
        let error = command("exec sleep 60", Path::new(""), Duration::from_millis(50));
        assert!(
            error
                .expect_err("a deadline")
                .contains("did not end within")
        );
        let error = command(
            "exec >&-; exec sleep 60",
            Path::new(""),
            Duration::from_millis(50),
        );
        assert!(
            error
                .expect_err("a deadline")
                .contains("did not end within")
        );
    }

    #[test]
    fn files_are_trimmed_and_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "  hunter2\n\n").expect("written");
        assert_eq!(file(&path), Ok("hunter2".to_owned()));
        std::fs::write(&path, [0xff, 0xfe]).expect("written");
        assert!(file(&path).expect_err("no text").ends_with("is not UTF-8"));
        std::fs::write(&path, vec![b'a'; 70_000]).expect("written");
        assert!(
            file(&path)
                .expect_err("no secret")
                .ends_with("too large for a secret")
        );
        assert!(file(&folder.path().join("none")).is_err());
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let error = environment("MAHOUT_TEST_NO_SUCH_VARIABLE").expect_err("not set");
        assert!(error.contains("MAHOUT_TEST_NO_SUCH_VARIABLE"), "{error}");
    }
}
