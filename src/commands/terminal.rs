//! The person at the terminal: questions, and where answers are shown.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};

use crate::error::Error;
use crate::report::Screen;
use crate::secret::Secret;

/// The screen that stdout is, if it is one whose cursor can be moved; as large as it is now.
pub(super) fn screen() -> Option<Screen> {
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return None;
    }
    let size = tcgetwinsize(io::stdout()).ok()?;
    // A terminal that does not know its size says 0.
    let or = |size: u16, usual: usize| if size == 0 { usual } else { size.into() };
    Some(Screen {
        rows: or(size.ws_row, 24),
        columns: or(size.ws_col, 80),
    })
}

/// An answer of a run that goes on whether or not somebody still reads: once the pipe is closed,
/// nothing more is written, and [`Answer::end`] says so.
pub(super) struct Answer<'a> {
    out: &'a mut dyn Write,
    closed: Option<io::Error>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, closed: None }
    }

    fn unless_closed<T>(
        &mut self,
        otherwise: T,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.closed.is_some() {
            return Ok(otherwise);
        }
        match write(self.out) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = Some(error);
                Ok(otherwise)
            }
            other => other,
        }
    }

    /// # Errors
    /// If the pipe was closed.
    pub(super) fn end(self) -> Result<(), Error> {
        self.closed
            .map_or(Ok(()), |error| Err(Error::Output(error)))
    }
}

impl Write for Answer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_closed(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_closed((), |out| out.flush())
    }
}

/// Asks for a word; `None` if nobody is there to answer: stdin is no terminal.
///
/// # Errors
/// If the terminal cannot be written or read.
pub(super) fn ask(question: &str) -> Result<Option<String>, Error> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    let asked = io::stderr().write_all(question.as_bytes());
    asked.map_err(Error::Output)?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(Error::Output)?;
    Ok(Some(answer.trim().to_owned()))
}

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
    // At one go, so that nothing gets in between.
    let question = format!("{question} [y/N] ");
    let asked = terminal.write_all(question.as_bytes());
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
    // First this: what was typed before the prompt is thrown away, what is typed after it is not.
    let read = tcsetattr(&terminal, OptionalActions::Flush, &silent)
        .map_err(io::Error::from)
        .and_then(|()| write!(terminal, "{prompt}"))
        .and_then(|()| terminal.flush())
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
