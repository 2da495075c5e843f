//! Questions to the person at the terminal.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::error::Error;
use crate::secret::Secret;

/// Asks a question that is answered with yes or no; anything but yes is a no.
///
/// # Errors
/// If nobody is there to answer: stdin is no terminal. `instead` says what to do then.
pub(super) fn confirm(question: &str, instead: &str) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::Usage {
            message: format!("nobody is there to answer `{question}`: stdin is not a terminal"),
            hint: Some(instead.to_owned()),
        });
    }
    let mut terminal = io::stderr();
    let asked = write!(terminal, "{question} [y/N] ").and_then(|()| terminal.flush());
    asked.map_err(Error::Output)?;
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(Error::Output)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES"))
}

/// Asks for a password on the controlling terminal, without echo.
///
/// # Errors
/// If there is no terminal.
pub(super) fn ask_password(prompt: &str) -> Result<Secret, Error> {
    let no_terminal = |cause: io::Error| Error::Usage {
        message: format!("cannot ask for the password: {cause}"),
        hint: Some("a password is asked for on the terminal; there is none".to_owned()),
    };
    let mut terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(no_terminal)?;
    let before = tcgetattr(&terminal).map_err(|error| no_terminal(error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    let read = write!(terminal, "{prompt}")
        .and_then(|()| terminal.flush())
        .and_then(|()| Ok(tcsetattr(&terminal, OptionalActions::Flush, &silent)?))
        .and_then(|()| {
            let mut line = String::new();
            BufReader::new(&terminal).read_line(&mut line)?;
            Ok(line)
        });
    // Whatever happened, the terminal is given back as it was.
    let restored = tcsetattr(&terminal, OptionalActions::Flush, &before);
    let line = read.map_err(no_terminal)?;
    restored.map_err(|error| no_terminal(error.into()))?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}
