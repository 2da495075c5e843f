//! What comes back from a node's shell: the script's output between two marks, the noise of the
//! login around it.

/// More than this of a script's stdout is refused: no script of ours prints it.
pub(super) const MOST_STDOUT: usize = 64 << 20;

/// So much of stderr, and of a login's noise, is kept from its beginning and from its end.
const KEPT: usize = 32 << 10;

/// Where the reading of an answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The script has not begun.
    Before,
    /// The script has begun.
    Inside,
    /// The script has ended with this code.
    Ended(i32),
}

/// The stdout of one execution, taken apart as it arrives.
pub(super) struct Stdout {
    nonce: String,
    stage: Stage,
    /// Whether lines are kept that have been handed on.
    keeps: bool,
    /// What has arrived; from the begin mark on, the script's output only.
    bytes: Vec<u8>,
    /// Where the line begins that has not ended yet.
    line: usize,
    /// Up to where no newline has been found.
    seen: usize,
    /// An empty line that could be the one before the end mark.
    blank: bool,
    /// The shell behind sudo has said that it is ready for the script.
    pub(super) ready: bool,
    /// The node has no sudo, and the login user is not root.
    pub(super) no_sudo: bool,
}

impl Stdout {
    pub(super) fn new(nonce: &str, keeps: bool) -> Self {
        Self {
            nonce: nonce.to_owned(),
            stage: Stage::Before,
            keeps,
            bytes: Vec::new(),
            line: 0,
            seen: 0,
            blank: false,
            ready: false,
            no_sudo: false,
        }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Takes what has arrived and hands on each line of the script that is complete.
    pub(super) fn push(&mut self, bytes: &[u8], on_line: &mut (dyn FnMut(&str) + Send)) {
        if matches!(self.stage, Stage::Ended(_)) {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        while let Some(length) = self.bytes[self.seen..].iter().position(|b| *b == b'\n') {
            let end = self.seen + length;
            self.seen = end + 1;
            match self.stage {
                Stage::Before => self.before(end),
                Stage::Inside => {
                    if self.inside(end, on_line) {
                        return;
                    }
                }
                Stage::Ended(_) => return,
            }
        }
        self.seen = self.bytes.len();
        if self.stage == Stage::Before && self.line > 2 * KEPT {
            self.bytes.drain(KEPT..self.line);
            self.seen = self.bytes.len();
            self.line = KEPT;
        }
        if self.stage == Stage::Inside && !self.keeps {
            self.bytes.drain(..self.line);
            self.seen -= self.line;
            self.line = 0;
        }
    }

    /// The line up to `end` comes before the script.
    fn before(&mut self, end: usize) {
        let word = self.bytes[self.line..end]
            .strip_prefix(self.nonce.as_bytes())
            .and_then(|rest| rest.strip_prefix(b" "));
        match word {
            Some(b"begin") => {
                self.stage = Stage::Inside;
                self.bytes.drain(..=end);
                self.seen = 0;
                self.line = 0;
                return;
            }
            Some(b"ready") => self.ready = true,
            Some(b"nosudo") => self.no_sudo = true,
            _ => {}
        }
        self.line = end + 1;
    }

    /// The line up to `end` is the script's, or the end mark: then true.
    fn inside(&mut self, end: usize, on_line: &mut (dyn FnMut(&str) + Send)) -> bool {
        let line = &self.bytes[self.line..end];
        let code = line
            .strip_prefix(self.nonce.as_bytes())
            .and_then(|rest| rest.strip_prefix(b" end "))
            .and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
        if let Some(code) = code {
            // The newline before the mark is the mark's.
            let kept = if self.keeps {
                self.line.saturating_sub(1)
            } else {
                0
            };
            self.bytes.truncate(kept);
            self.stage = Stage::Ended(code);
            return true;
        }
        if std::mem::take(&mut self.blank) {
            on_line("");
        }
        if line.is_empty() {
            self.blank = true;
        } else {
            on_line(&String::from_utf8_lossy(line));
        }
        self.line = end + 1;
        false
    }

    /// Whether the script printed more than we take.
    pub(super) fn is_too_long(&self) -> bool {
        self.bytes.len() > MOST_STDOUT
    }

    /// The script's output, or, where it never began, what the login printed.
    pub(super) fn into_text(self) -> String {
        text(self.bytes)
    }
}

/// The stderr of one execution: its first and its last part, and whether its end has been seen.
pub(super) struct Stderr {
    mark: Vec<u8>,
    head: Vec<u8>,
    tail: Vec<u8>,
    left_out: usize,
    pub(super) ended: bool,
}

impl Stderr {
    pub(super) fn new(nonce: &str) -> Self {
        Self {
            mark: format!("\n{nonce} end\n").into_bytes(),
            head: Vec::new(),
            tail: Vec::new(),
            left_out: 0,
            ended: false,
        }
    }

    /// Takes what has arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        let mark = &self.mark;
        let from = self.tail.len().saturating_sub(mark.len());
        self.tail.extend_from_slice(bytes);
        let at = self.tail[from..]
            .windows(mark.len())
            .position(|part| part == mark);
        if let Some(at) = at {
            self.tail.truncate(from + at);
            self.ended = true;
        }
        if self.head.is_empty() && self.tail.len() > 2 * KEPT {
            self.head = self.tail.drain(..KEPT).collect();
        }
        if !self.head.is_empty() && self.tail.len() > 2 * KEPT {
            let surplus = self.tail.len() - KEPT;
            self.left_out += surplus;
            self.tail.drain(..surplus);
        }
    }

    /// Whether sudo has refused a password and asks for another one.
    pub(super) fn asks_again(&self) -> bool {
        let again: &[u8] = b"try again";
        self.tail.windows(again.len()).any(|part| part == again)
    }

    /// The text; where much was left out of its middle, it says so there.
    pub(super) fn into_text(self) -> String {
        let mut bytes = self.head;
        if self.left_out > 0 {
            bytes.extend_from_slice(format!("\n({} bytes left out)\n", self.left_out).as_bytes());
        }
        bytes.extend_from_slice(&self.tail);
        text(bytes)
    }
}

/// Bytes as text; what is not UTF-8 becomes U+FFFD.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `bytes`, cut into parts of `size`, makes of the output and of the lines.
    fn read(bytes: &[u8], size: usize) -> (Stage, String, Vec<String>) {
        let mut stdout = Stdout::new("n0nce", true);
        let mut lines = Vec::new();
        for part in bytes.chunks(size) {
            stdout.push(part, &mut |line| lines.push(line.to_owned()));
        }
        (stdout.stage(), stdout.into_text(), lines)
    }

    #[test]
    fn the_output_is_what_stands_between_the_marks_however_it_arrives() {
        let cases: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("one\ntwo\n", &["one", "two"]),
            ("one\ntwo", &["one", "two"]),
            ("\n\none\n\n\ntwo\n\n", &["", "", "one", "", "", "two", ""]),
            ("n0nce begin\nn0nce end\n", &["n0nce begin", "n0nce end"]),
            ("n0nce end x\n", &["n0nce end x"]),
        ];
        for (output, lines) in cases {
            let bytes = format!("motd\n no newline\nn0nce begin\n{output}\nn0nce end 7\nlate\n");
            for size in 1..=bytes.len() {
                let (stage, text, seen) = read(bytes.as_bytes(), size);
                assert_eq!(stage, Stage::Ended(7), "{output:?} in parts of {size}");
                assert_eq!(text, output, "in parts of {size}");
                assert_eq!(seen, lines, "in parts of {size}");
            }
        }
    }

    #[test]
    fn lines_that_are_not_kept_are_handed_on_and_take_no_memory() {
        let text = "0123456789abcde\n".repeat(10_000);
        for size in [1, 7, 4096, 1 << 20] {
            let mut stdout = Stdout::new("n0nce", false);
            let mut seen = String::new();
            let mut on_line = |line: &str| seen.extend([line, "\n"]);
            for part in format!("\nn0nce begin\n{text}\nn0nce end 3\n")
                .as_bytes()
                .chunks(size)
            {
                stdout.push(part, &mut on_line);
                assert!(stdout.bytes.len() < 32, "in parts of {size}");
            }
            assert_eq!(stdout.stage(), Stage::Ended(3), "in parts of {size}");
            assert!(seen == text, "in parts of {size}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_become_replacement_characters() {
        let (_, text, lines) = read(b"\nn0nce begin\na\xffb\n\nn0nce end 0\n", 3);
        assert_eq!(text, "a\u{fffd}b\n");
        assert_eq!(lines, ["a\u{fffd}b"]);
    }

    #[test]
    fn without_a_begin_mark_the_text_is_what_the_login_printed_and_it_is_bounded() {
        let (stage, text, _) = read(b"go away\n", 3);
        assert_eq!((stage, text.as_str()), (Stage::Before, "go away\n"));
        let (_, text, _) = read("noise\n".repeat(200_000).as_bytes(), 8192);
        assert!(text.len() < 4 * KEPT, "{}", text.len());
    }

    #[test]
    fn stderr_keeps_its_beginning_and_its_end_and_knows_its_mark() {
        for size in [1, 7, 4096, 1 << 20] {
            let mut stderr = Stderr::new("n0nce");
            let text = format!("first\n{}last\n\nn0nce end\nmore", "x\n".repeat(1 << 17));
            for part in text.as_bytes().chunks(size) {
                stderr.push(part);
            }
            assert!(stderr.ended);
            let kept = stderr.into_text();
            assert!(kept.starts_with("first\nx\n") && kept.ends_with("x\nlast\n"));
            assert!(kept.contains("bytes left out)"));
            assert!(kept.len() < 4 * KEPT, "{}", kept.len());
        }
    }
}
