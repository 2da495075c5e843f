//! Text from outside as one word of a shell, of SQL, of curl's configuration.

/// One word of a POSIX shell.
pub(super) fn sh(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "/._-:=,+@%".contains(c);
    if !text.is_empty() && text.chars().all(harmless) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A literal of SQL, the same whatever `standard_conforming_strings` says.
pub(super) fn sql_literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', r"\\").replace('\'', "''"))
}

/// An identifier of SQL.
pub(super) fn sql_identifier(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A value in a file of options that curl reads.
pub(super) fn curl(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '\\' | '"' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str(r"\n"),
            '\r' => quoted.push_str(r"\r"),
            '\t' => quoted.push_str(r"\t"),
            '\u{b}' => quoted.push_str(r"\v"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn every_shell_gives_a_quoted_word_back_as_it_was() {
        let hostile = [
            "",
            "plain",
            "it's",
            "$(id) `id` \\ \" ' ''",
            "-n",
            "a\nb\ttab",
            "*",
            "~root",
            "!x",
            "ümläut",
            "\\",
            "a=b",
        ];
        for shell in ["sh", "bash"] {
            for text in hostile {
                let output = Command::new(shell)
                    .args(["-c", &format!("printf %s {}", sh(text))])
                    .output()
                    .expect("a shell");
                assert_eq!(String::from_utf8_lossy(&output.stdout), text, "{shell}");
            }
        }
    }

    #[test]
    fn quotes_of_sql_and_curl_are_doubled_or_escaped() {
        assert_eq!(sql_literal(r"a'b\c"), r"E'a''b\\c'");
        assert_eq!(sql_identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(curl("{\"a\": \"b\\n\"}\n"), r#""{\"a\": \"b\\n\"}\n""#);
    }
}
