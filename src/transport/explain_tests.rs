//! Records of OpenSSH 9.2 with LogLevel=DEBUG1, shortened; the ways that no loopback sshd can be
//! made to go.

use super::*;

const CONNECTED: &str = "debug1: Connecting to pg-1 [10.0.0.1] port 22.\n\
                         debug1: Connection established.\n\
                         debug1: Authenticating to pg-1:22 as 'centos'\n";
const JUMP: &str = "debug1: Setting implicit ProxyCommand from ProxyJump: ssh -W '[%h]:%p' bastion\n\
     debug1: Executing proxy command: exec ssh -W '[10.0.0.1]:22' bastion\n";
const AFTER_JUMP: &str = "kex_exchange_identification: Connection closed by remote host\n\
                          Connection closed by UNKNOWN port 65535\n";

#[test]
fn what_fails_at_the_jump_host_is_said_of_the_jump_host() {
    let cases = [
        (
            "Permission denied, please try again.\nroot@10.0.0.9: Permission denied (publickey).\n",
            "at the jump host: permission denied for `root` (publickey)",
        ),
        (
            "Host key verification failed.\n",
            "at the jump host: its host key is unknown or has changed",
        ),
        (
            "ssh: Could not resolve hostname bastion: Name or service not known\n",
            "at the jump host: unknown host name `bastion`",
        ),
        (
            "channel 0: open failed: connect failed: No route to host\nstdio forwarding failed\n",
            "at the jump host: cannot reach the node from there: No route to host",
        ),
        (
            "Stdio forwarding request failed: Session open refused by peer\n",
            "at the jump host: cannot reach the node from there",
        ),
    ];
    for (said, cause) in cases {
        assert_eq!(explain(&format!("{JUMP}{said}{AFTER_JUMP}")).cause, cause);
    }
}

#[test]
fn what_fails_behind_the_jump_host_is_said_of_the_node() {
    let log = format!(
        "{JUMP}debug1: Authenticating to pg-1:22 as 'centos'\n\
         centos@pg-1: Permission denied (publickey,password).\n"
    );
    assert_eq!(
        explain(&log).cause,
        "permission denied for `centos` (publickey,password)"
    );
}

#[test]
fn a_login_that_is_denied_names_what_was_offered() {
    let denied = "centos@pg-1: Permission denied (publickey).\n";
    let offered = "debug1: Offering public key: /home/me/.ssh/id_rsa RSA SHA256:x agent\n\
                   debug1: Offering public key: /home/me/.ssh/id ED25519 SHA256:y explicit\n";
    let fault = explain(&format!("{CONNECTED}{offered}{denied}"));
    let hint = fault.hint.expect("a hint");
    assert!(
        hint.starts_with("offered: /home/me/.ssh/id_rsa (from the agent), /home/me/.ssh/id;"),
        "{hint}"
    );

    let accepted = "debug1: Server accepts key: /home/me/.ssh/id ED25519 SHA256:y explicit\n";
    let fault = explain(&format!("{CONNECTED}{accepted}{denied}"));
    assert_eq!(
        fault.cause,
        "the key /home/me/.ssh/id would be let in, but it is encrypted and no agent holds it"
    );

    let passwords = "centos@pg-1: Permission denied (password,keyboard-interactive).\n";
    let hint = explain(&format!("{CONNECTED}{passwords}")).hint;
    assert!(hint.is_some_and(|hint| hint.contains("takes no keys")));
}

#[test]
fn only_a_connection_dropped_before_the_login_is_tried_again() {
    let dropped = "kex_exchange_identification: read: Connection reset by peer\n\
                   Connection reset by 10.0.0.1 port 22\n";
    assert!(explain(dropped).passes);
    for final_one in [
        "ssh: connect to host pg-1 port 22: Connection refused\n",
        "ssh: connect to host pg-1 port 22: Connection timed out\n",
        "centos@pg-1: Permission denied (publickey).\n",
        "Not allowed at this time\nConnection closed by 10.0.0.1 port 22\n",
        "command-line: line 0: Bad configuration option: foo\n",
    ] {
        assert!(!explain(final_one).passes, "{final_one}");
    }
}

#[test]
fn a_peer_is_named_as_ssh_tried_it() {
    let line = "debug1: Connecting to pg-1 [10.0.0.1] port 2222.\n";
    for (said, cause) in [
        (
            "ssh: connect to host pg-1 port 2222: No route to host\n",
            "no route to host to pg-1 [10.0.0.1] port 2222",
        ),
        (
            "ssh: connect to host pg-1 port 2222: Network is unreachable\n",
            "network is unreachable to pg-1 [10.0.0.1] port 2222",
        ),
        (
            "ssh: connect to host pg-1 port 2222: Connection timed out\n",
            "no answer from pg-1 [10.0.0.1] port 2222 in time",
        ),
        (
            "Connection timed out during banner exchange\n",
            "pg-1 [10.0.0.1] port 2222 accepts, but does not speak SSH",
        ),
    ] {
        assert_eq!(explain(&format!("{line}{said}")).cause, cause);
    }
}

#[test]
fn a_connection_that_we_gave_up_says_how_far_it_came() {
    let time = Duration::from_secs(10);
    let cases = [
        (
            "debug1: Connecting to 10.0.0.1 [10.0.0.1] port 22.\n",
            "no answer from 10.0.0.1 port 22 within 10 s",
        ),
        (
            "debug1: Connecting to 10.0.0.1 [10.0.0.1] port 22.\ndebug1: Connection established.\n",
            "10.0.0.1 port 22 accepts, but does not speak SSH within 10 s",
        ),
        (CONNECTED, "it answered, but did not let us in within 10 s"),
        (JUMP, "no answer through the jump host within 10 s"),
    ];
    for (log, cause) in cases {
        assert_eq!(timed_out(log, time).cause, cause);
    }
}

#[test]
fn an_error_that_we_do_not_know_is_quoted() {
    let said = "Bad owner or permissions on /home/me/.ssh/config\n";
    assert_eq!(
        explain(said).cause,
        "ssh: Bad owner or permissions on /home/me/.ssh/config"
    );
    assert!(explain("").cause.contains("said nothing"));
}
