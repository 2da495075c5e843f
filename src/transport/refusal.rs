//! Why a node's login did not run our script: sudo, the login shell, the script's own syntax.

use super::fault::Fault;

/// What the login left behind when the script never began.
pub(super) struct Refusal<'a> {
    /// Where we logged in.
    pub(super) destination: &'a str,
    /// What the command was for.
    pub(super) title: &'a str,
    /// What the login printed on stdout.
    pub(super) stdout: &'a str,
    /// What it printed on stderr.
    pub(super) stderr: &'a str,
    /// The node has no sudo, and the login user is not root.
    pub(super) no_sudo: bool,
    /// We had a sudo password to give.
    pub(super) had_password: bool,
}

/// What sudo prints (in the C locale, 1.8 to 1.9.17), what it means, what to do.
const SUDO: [(&str, &str, &str); 10] = [
    (
        "incorrect password attempt",
        "sudo does not accept the password",
        "give the login user's own password on that node",
    ),
    (
        "not in the sudoers file",
        "the login user may not use sudo: it is not in the sudoers file",
        "add the user to the sudoers of the node, or name another one as `ssh.user`",
    ),
    (
        "may not run sudo",
        "the login user may not use sudo",
        "add the user to the sudoers of the node, or name another one as `ssh.user`",
    ),
    (
        "is not allowed to execute",
        "sudo does not let the login user run `sh` as root",
        "the sudoers of the node must allow every command, or name another `ssh.user`",
    ),
    (
        "must have a tty",
        "sudo wants a terminal (requiretty)",
        "remove `Defaults requiretty` for the login user from the sudoers of the node",
    ),
    (
        "account validation failure",
        "sudo: the login user's account is locked or has expired",
        "see `chage -l` for the user on the node",
    ),
    (
        "password has expired",
        "sudo: the login user's password has expired",
        "see `chage -l` for the user on the node",
    ),
    (
        "a password is required",
        "sudo asks for a password",
        "use `--ask-sudo-password`, or allow the user NOPASSWD",
    ),
    (
        "no askpass program specified",
        "sudo asks for a password",
        "use `--ask-sudo-password`, or allow the user NOPASSWD",
    ),
    (
        "a terminal is required",
        "sudo asks for a password",
        "use `--ask-sudo-password`, or allow the user NOPASSWD",
    ),
];

/// Names the cause, and what helps against it.
pub(super) fn explain(refusal: &Refusal<'_>) -> Fault {
    if refusal.no_sudo {
        return Fault::new("the login user is not root, and sudo is not installed")
            .hint("install sudo on the node, or log in as root by `ssh.user`");
    }
    for (sign, cause, hint) in SUDO {
        if refusal.stderr.contains(sign) {
            return Fault::new(cause).hint(hint);
        }
    }
    if refusal.had_password && refusal.stderr.contains("no password was provided") {
        let (_, cause, hint) = SUDO[0];
        return Fault::new(cause).hint(hint);
    }
    let complaint = refusal
        .stderr
        .lines()
        .find(|line| line.to_lowercase().contains("syntax error"));
    if let Some(line) = complaint {
        return Fault::new(format!(
            "its shell does not understand the script of `{}`, nothing of it ran: {}",
            refusal.title,
            line.trim()
        ));
    }
    let said = [refusal.stdout, refusal.stderr]
        .iter()
        .flat_map(|text| text.lines())
        .map(str::trim)
        .rfind(|line| !line.is_empty());
    let cause = match said {
        Some(line) => format!("its login does not run commands, it says: \"{line}\""),
        None => "its login ended without running a command and said nothing".to_owned(),
    };
    Fault::new(cause).hint(format!(
        "the login user needs an ordinary shell; `ssh {} true` shows what it has",
        refusal.destination
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(stdout: &str, stderr: &str) -> String {
        explain(&Refusal {
            destination: "pg-1",
            title: "gather facts",
            stdout,
            stderr,
            no_sudo: false,
            had_password: false,
        })
        .cause
    }

    #[test]
    fn each_complaint_of_sudo_has_its_own_words() {
        let cases = [
            ("sudo: a password is required\n", "asks for a password"),
            (
                "\nWe trust you have received the usual lecture\n\nSorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt\n",
                "does not accept the password",
            ),
            (
                "centos is not in the sudoers file.\nThis incident has been reported to the administrator.\n",
                "sudoers file",
            ),
            (
                "Sorry, user centos may not run sudo on pg-1.\n",
                "may not use sudo",
            ),
            (
                "Sorry, user centos is not allowed to execute '/usr/bin/sh -c x' as root on pg-1.\n",
                "run `sh` as root",
            ),
            (
                "sudo: sorry, you must have a tty to run sudo\n",
                "requiretty",
            ),
        ];
        for (stderr, part) in cases {
            let cause = cause("welcome\n", stderr);
            assert!(cause.contains(part), "{stderr:?}: {cause}");
        }
    }

    #[test]
    fn a_login_that_is_none_is_quoted() {
        assert_eq!(
            cause("This account is currently not available.\n", ""),
            "its login does not run commands, it says: \"This account is currently not available.\""
        );
        assert!(cause("", "").contains("said nothing"));
        assert!(
            cause("", "mahout: 9: Syntax error: \")\" unexpected").contains("nothing of it ran")
        );
    }
}
