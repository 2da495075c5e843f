//! The transport over real OpenSSH: an sshd on loopback, and an SSH server of our own that stands
//! for many nodes.

mod connections;
mod early;
mod jump;
mod many;
mod refusals;
mod scale;
mod sshd;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use mahout::secret::Secret;
use mahout::transport::{Command, Effect, Fleet, Host, Output, Transport, TransportError};
use tokio::task::JoinSet;

use sshd::{Place, Sshd, is_running, until};

/// A script with a deadline that no test comes to.
fn command(effect: Effect, script: impl Into<String>) -> Command {
    Command {
        title: "test".to_owned(),
        script: Secret::new(script),
        input: None,
        keeps_stdout: true,
        effect,
        timeout: Duration::from_secs(60),
    }
}

/// The one node of a fleet.
fn only(fleet: &Fleet<Host>) -> Arc<Host> {
    if let Some(error) = fleet.unreachable().next() {
        panic!("{error}; {:?}", error.hint);
    }
    let (_, host) = fleet.hosts().next().expect("a node");
    Arc::clone(host)
}

async fn exec(host: &Host, command: &Command) -> Result<Output, TransportError> {
    host.exec(command, &mut |_| {}).await
}

/// What a read-only script prints.
async fn read(host: &Host, script: &str) -> String {
    let output = exec(host, &command(Effect::ReadOnly, script)).await;
    output.expect("an end").stdout
}

/// A changing script that prints and counts until it is told to end.
fn lasting(place: &Place) -> String {
    let at = |name: &str| place.path(name).display().to_string();
    format!(
        "echo began >>{trace}\ni=0\nuntil [ -e {go} ]; do\n\
         echo waiting; echo waiting >&2\n\
         i=$((i+1)); echo $i >{count}.new; mv {count}.new {count}; sleep 0.01\n\
         done\necho ended >>{trace}\n",
        trace = at("trace"),
        go = at("go"),
        count = at("count"),
    )
}

/// Looks on while [`lasting`], to which nobody listens any more, goes on, and lets it end.
fn see_it_end(place: &Place) {
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap_or_default();
    let count = || read("count").trim().parse().unwrap_or(0);
    let so_far: u32 = count();
    // Long enough to fall over a stream that is closed.
    until("script that goes on", || count() > so_far + 50);
    fs::write(place.path("go"), "").expect("written");
    until("end of the script", || read("trace") == "began\nended\n");
}

#[tokio::test]
async fn codes_and_both_streams_come_back() {
    let Some(sshd) = Sshd::start("") else { return };
    let fleet = sshd.fleet(Effect::Changes).await;
    let host = only(&fleet);
    for effect in [Effect::ReadOnly, Effect::Changes] {
        for code in [0, 1, 126, 127, 255] {
            let script = format!("echo one; echo wrong >&2; id -u; exit {code}");
            let mut lines = Vec::new();
            let output = host
                .exec(&command(effect, script), &mut |line| {
                    lines.push(line.to_owned());
                })
                .await
                .expect("an end");
            let wanted = Output {
                code,
                stdout: "one\n0\n".to_owned(),
                stderr: "wrong\n".to_owned(),
            };
            assert_eq!(output, wanted, "{effect:?}");
            assert_eq!(lines, ["one", "0"]);
        }
    }
    let nothing = exec(&host, &command(Effect::ReadOnly, "no-such-program")).await;
    assert_eq!(nothing.expect("an end").code, 127);
}

#[tokio::test]
async fn what_the_login_prints_is_not_the_scripts_output() {
    let Some(place) = Place::new() else {
        return;
    };
    let noisy = place.path("noisy");
    let text = "printf 'Welcome!\\n\\nn0 end 0\\nno newline'; echo careful >&2\n\
                exec sh -c \"$SSH_ORIGINAL_COMMAND\"\n";
    fs::write(&noisy, text).expect("written");
    let forced = format!("ForceCommand sh {}", noisy.display());
    let Some(sshd) = Sshd::start_in(place, &forced) else {
        return;
    };
    let fleet = sshd.fleet(Effect::Changes).await;
    let host = only(&fleet);
    for effect in [Effect::ReadOnly, Effect::Changes] {
        let output = exec(&host, &command(effect, "printf 'mine\\nall mine'")).await;
        assert_eq!(output.expect("an end").stdout, "mine\nall mine");
    }
}

#[tokio::test]
async fn an_input_of_any_bytes_reaches_several_scripts_whole_and_comes_back_line_by_line() {
    use std::io::Write as _;
    let Some(sshd) = Sshd::start("") else { return };
    let fleet = sshd.fleet(Effect::Changes).await;
    let host = only(&fleet);
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut input = tempfile::tempfile().expect("a file");
    input.write_all(&bytes).expect("written");
    let mut command = command(Effect::Changes, "od -An -v -tx1 -w16 | tr -d ' '");
    command.input = Some(input.into());
    command.keeps_stdout = false;
    let ask = async || {
        let mut came = String::new();
        let output = host.exec(&command, &mut |line| came.push_str(line)).await;
        let output = output.expect("an end");
        assert_eq!((output.code, output.stdout.as_str()), (0, ""));
        came
    };
    let sent: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (one, other) = tokio::join!(ask(), ask());
    assert!(one == sent && other == sent);
}

#[tokio::test]
async fn a_program_that_reads_stdin_does_not_eat_the_script() {
    let Some(sshd) = Sshd::start("") else { return };
    let fleet = sshd.fleet(Effect::Changes).await;
    let host = only(&fleet);
    let script = "cat\nread -r line || echo \"nothing: $line\"\nsh -s\necho after\n";
    for effect in [Effect::ReadOnly, Effect::Changes] {
        let output = exec(&host, &command(effect, script)).await.expect("an end");
        assert_eq!(output.stdout, "nothing: \nafter\n");
    }
}

#[tokio::test]
async fn five_megabytes_go_in_and_come_out() {
    let Some(sshd) = Sshd::start("") else { return };
    let fleet = sshd.fleet(Effect::Changes).await;
    let host = only(&fleet);
    let text = "0123456789abcdefghijklmnopqrstuvwxyz 0123456789 $x `y` \\z\n".repeat(90_000);
    assert!(text.len() > 5_000_000);
    for effect in [Effect::ReadOnly, Effect::Changes] {
        let script = format!("cat <<'EOF'\n{text}EOF\nexit 3");
        let output = exec(&host, &command(effect, script)).await.expect("an end");
        assert_eq!(output.code, 3);
        assert!(output.stdout == text, "{} bytes", output.stdout.len());
    }
}

#[tokio::test]
async fn a_node_with_one_session_at_a_time_serves_eight_commands() {
    let Some(sshd) = Sshd::start("MaxSessions 1") else {
        return;
    };
    let fleet = sshd.fleet(Effect::ReadOnly).await;
    let host = only(&fleet);
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let host = Arc::clone(&host);
        tasks.spawn(async move { read(&host, &format!("sleep 0.02; echo {number}")).await });
    }
    let mut said = tasks.join_all().await;
    said.sort();
    let all: Vec<String> = (0..8).map(|number| format!("{number}\n")).collect();
    assert_eq!(said, all);
    assert_eq!(sshd.logins(), 1);
}

#[tokio::test]
async fn four_commands_at_most_are_under_way_on_a_node() {
    let Some(sshd) = Sshd::start("") else { return };
    let fleet = sshd.fleet(Effect::ReadOnly).await;
    let host = only(&fleet);
    let folder = sshd.place.path("running");
    fs::create_dir(&folder).expect("a folder");
    // The first ones wait for one another.
    let script = format!(
        "cd {}; : >$$; ls | wc -l; until [ $(ls | wc -l) = 4 ] || [ -e ../met ]; do sleep 0.02; done; \
         : >../met; rm $$",
        folder.display()
    );
    let mut tasks = JoinSet::new();
    for _ in 0..12 {
        let (host, script) = (Arc::clone(&host), script.clone());
        tasks.spawn(async move { read(&host, &script).await });
    }
    let said = tasks.join_all().await;
    let most = said.iter().map(|count| count.trim().parse::<u32>());
    assert_eq!(most.map(|count| count.expect("a number")).max(), Some(4));
}

#[tokio::test]
async fn a_deadline_ends_a_read_only_script_on_the_node_and_lets_a_changing_one_go_on() {
    let Some(sshd) = Sshd::start("") else { return };
    let fleet = sshd.fleet(Effect::Changes).await;
    let host = only(&fleet);
    let pids = sshd.place.path("pids");
    let script = format!(
        "exec >{0}.new; sleep 40 & echo $!; (trap '' TERM; exec sleep 40) & echo $!; \
         mv {0}.new {0}; sleep 40",
        pids.display()
    );
    let mut late = command(Effect::ReadOnly, script);
    late.timeout = Duration::from_secs(2);
    let error = exec(&host, &late).await.expect_err("too late");
    assert_eq!(error.to_string(), "pg-1: `test` did not end within 2 s");
    let noted = fs::read_to_string(&pids).expect("it began");
    assert_eq!(noted.lines().count(), 2);
    for pid in noted.lines() {
        until("end of the script's processes", || !is_running(pid));
    }

    let mut late = command(Effect::Changes, lasting(&sshd.place));
    late.timeout = Duration::from_secs(1);
    let error = exec(&host, &late).await.expect_err("too late");
    assert_eq!(
        error.hint.as_deref(),
        Some("it goes on there; run again when it has ended")
    );
    see_it_end(&sshd.place);
    assert_eq!(
        read(&host, "echo still connected").await,
        "still connected\n"
    );
}

#[tokio::test]
async fn what_a_run_may_not_do_is_not_sent() {
    let Some(sshd) = Sshd::start("") else { return };
    let trace = sshd.place.path("trace");
    let touch = format!("touch {}", trace.display());
    for (limit, effect, words) in [
        (
            Effect::ReadOnly,
            Effect::Changes,
            "`test` was not sent: it changes the node, and this run only reads",
        ),
        (
            Effect::ReadOnly,
            Effect::Probe,
            "`test` was not sent: it probes with a write, and this run only reads",
        ),
        (
            Effect::Probe,
            Effect::Changes,
            "`test` was not sent: it changes the node, and this run only probes",
        ),
    ] {
        let fleet = sshd.fleet(limit).await;
        let error = exec(&only(&fleet), &command(effect, &touch)).await;
        assert_eq!(error.expect_err("too much").cause, words);
    }
    assert_eq!(sshd.logged("Starting session"), 0);
    // The same log shows one that is allowed.
    assert_eq!(
        read(&only(&sshd.fleet(Effect::Probe).await), "echo y").await,
        "y\n"
    );
    assert_eq!(sshd.logged("Starting session"), 1);
    assert!(!trace.exists());
}
