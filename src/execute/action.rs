//! How each action is done: the call of a shell function, with every value quoted.
//!
//! What the functions do, and why, stands in `shell/`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::quote::{curl, sh, sql_identifier, sql_literal};
use super::script::{CARE, ETCD, FILE, KERNEL, Library, PATRONI, RESTART, UNIT, random_bytes};
use super::{etcd_access, fence, packages, relay};
use crate::facts::FileFacts;
use crate::plan::dynamic::PAUSED_BY_US;
use crate::plan::{Action, LocalConnection, UnitOperation};
use crate::render::{Check, File};
use crate::secret::{Secret, scram};

/// How an action is done.
pub(super) struct Call {
    /// The shell functions that `script` uses.
    pub(super) library: &'static Library,
    /// One command, or a pipeline. May hold secrets.
    pub(super) script: String,
    /// After so long something must be wrong. The step is not ended then (a package manager must
    /// not be), it is only no longer waited for.
    pub(super) bound: Duration,
}

impl Call {
    pub(super) fn new(library: &'static Library, script: String, seconds: u64) -> Self {
        Self {
            library,
            script,
            bound: Duration::from_secs(seconds),
        }
    }
}

/// The call for `action`.
pub(super) fn call(action: &Action) -> Call {
    let (library, script, seconds): (&'static Library, String, u64) = match action {
        Action::RefreshPackageLists { .. }
        | Action::AddRepository { .. }
        | Action::DisableModule { .. }
        | Action::InstallPackages { .. } => packages::call(action),
        Action::Relay(relay) => return relay::call(relay),
        Action::CreateDirectory {
            path,
            owner,
            group,
            mode,
        } => (
            &FILE,
            format!(
                "create_directory {} {mode:o} {} {}",
                sh(path),
                sh(owner),
                sh(group)
            ),
            60,
        ),
        Action::WriteFile { before, file } => (&FILE, write_file(before.as_ref(), file), 120),
        Action::RemoveFile { path } => (&FILE, format!("remove_file {}", sh(path)), 60),
        Action::SetSysctl { values } => {
            let mut script = "set_sysctl".to_owned();
            // Strict overcommit last: before it has its ratio, the kernel could refuse the memory
            // that this script needs for the next setting.
            let strict = |key: &str| key == "vm.overcommit_memory";
            let (last, first): (Vec<_>, Vec<_>) = values.iter().partition(|(key, _)| strict(key));
            for (key, value) in first.into_iter().chain(last) {
                script.push_str(&format!(" {} {}", sh(key), sh(value)));
            }
            (&KERNEL, script, 60)
        }
        Action::EnableWatchdog => (&KERNEL, "enable_watchdog".to_owned(), 60),
        Action::Firewall(change) => return fence::firewall(change),
        Action::Selinux(change) => return fence::selinux(change),
        Action::ReloadSystemd => (&UNIT, "reload_systemd".to_owned(), 120),
        Action::Systemd { unit, operation } => {
            let function = match operation {
                UnitOperation::Enable => "enable_unit",
                UnitOperation::Disable => "disable_unit",
                UnitOperation::Start => "start_unit",
                UnitOperation::Stop => "stop_unit",
                UnitOperation::Restart => "restart_unit",
                UnitOperation::Reload => "reload_unit",
            };
            (&UNIT, format!("{function} {}", sh(unit)), 660)
        }
        Action::PatchDynamicConfiguration {
            url,
            username,
            password,
            patch,
            ..
        } => (
            &PATRONI,
            patch_configuration(url, username, password, patch),
            90,
        ),
        Action::WakeLeader {
            url,
            username,
            password,
            members,
            setting,
        } => {
            let words: Vec<String> = members.iter().map(|name| sh(name.as_str())).collect();
            let call = format!("wake_leader {} {}", sh(url), words.join(" "));
            let options = patch_options(url, username, password, setting);
            (&PATRONI, from_stdin(&options, &call), 90)
        }
        Action::Switchover {
            url,
            username,
            password,
            leader,
            candidate,
            patience,
        } => {
            let body = json!({"leader": leader, "candidate": candidate});
            let options = options(
                &format!("{url}/switchover"),
                "POST",
                (username, password),
                &body,
            );
            // A round trip to the DCS before and after.
            let seconds = patience.as_secs() + 10;
            let call = format!("switch_over {} {seconds}", sh(url));
            (&PATRONI, from_stdin(&options, &call), seconds + 60)
        }
        Action::EtcdPeerUrl {
            url,
            member,
            peer_url,
        } => {
            // The gateway takes 64-bit numbers as decimal text.
            let id = u64::from_str_radix(member, 16).unwrap_or_default();
            let body = json!({"ID": id.to_string(), "peerURLs": [peer_url]}).to_string();
            let call = format!("etcd_peer_url {} {}", sh(url), sh(&body));
            (&ETCD, call, 60)
        }
        Action::ReloadPatroni {
            url,
            username,
            password,
            setting,
        } => {
            let options = patch_options(url, username, password, setting);
            let call = format!("reload_patroni {}", sh(url));
            (&RESTART, from_stdin(&options, &call), 60)
        }
        Action::RestartPatroni {
            url,
            username,
            password,
        } => {
            let pause = |value: Value| {
                let keys = ["pause", PAUSED_BY_US].map(str::to_owned);
                Map::from_iter(keys.map(|key| (key, value.clone())))
            };
            let options = |value: Value| {
                STANDARD.encode(patch_options(url, username, password, &pause(value)))
            };
            let both = format!("{} {}", options(true.into()), options(Value::Null));
            let call = format!("restart_patroni {}", sh(url));
            (&RESTART, from_stdin(&both, &call), 900)
        }
        Action::EtcdAccess { url, root, change } => {
            let call = format!("etcd_access {}", sh(url));
            let requests = etcd_access::requests(root, change);
            (&ETCD, from_stdin(&requests, &call), 240)
        }
        Action::Reinitialize {
            url,
            username,
            password,
            data_dir,
        } => {
            let body = json!({"force": true});
            let login = (username.as_str(), password);
            let options = options(&format!("{url}/reinitialize"), "POST", login, &body);
            let call = format!("reinitialize {} {}", sh(url), sh(data_dir));
            (&CARE, from_stdin(&options, &call), 400)
        }
        Action::MoveAside { path, label, .. } => {
            (&CARE, format!("move_aside {} {label}", sh(path)), 120)
        }
        Action::ReplaceEtcdMember {
            url,
            root,
            member,
            peer_url,
        } => {
            let requests = etcd_access::replace_member(root, member.as_deref(), peer_url);
            let call = format!("etcd_access {}", sh(url));
            (&ETCD, from_stdin(&requests, &call), 240)
        }
        Action::JoinEtcd {
            data_dir,
            initial_cluster,
        } => {
            let members = initial_cluster.as_deref().unwrap_or_default();
            let call = format!("join_etcd {} {}", sh(data_dir), sh(members));
            (&CARE, call, 120)
        }
        Action::RespawnPatroni => (&CARE, "respawn_patroni".to_owned(), 120),
        Action::SurviveAlone { data_dir } => {
            (&CARE, format!("survive_alone {}", sh(data_dir)), 900)
        }
        Action::KeepWalEnd { timeline, bytes } => {
            (&CARE, format!("keep_wal_end {timeline} {bytes}"), 30)
        }
        Action::RemoveKeys { url, root, path } => {
            let requests = etcd_access::remove_keys(root, path);
            let call = format!("etcd_access {}", sh(url));
            (&ETCD, from_stdin(&requests, &call), 240)
        }
        Action::CreateRole {
            connection,
            name,
            options,
            password,
            functions,
        } => (
            &PATRONI,
            create_role(connection, name, options, password.as_ref(), functions),
            90,
        ),
        Action::SetPassword {
            connection,
            name,
            password,
        } => (&PATRONI, set_password(connection, name, password), 90),
    };
    Call::new(library, script, seconds)
}

/// `printf` is part of every shell that we meet, so that the text is in nobody's argv.
fn from_stdin(text: &str, command: &str) -> String {
    format!("printf %s {} | {command}", STANDARD.encode(text))
}

fn write_file(before: Option<&FileFacts>, file: &File) -> String {
    let check = match file.check {
        None => "none",
        Some(Check::Haproxy) => "haproxy",
        Some(Check::Patroni) => "patroni",
        Some(Check::Unit) => "unit",
        Some(Check::Keepalived) => "keepalived",
    };
    from_stdin(
        file.content.expose(),
        &format!(
            "write_file {} {:o} {} {} {check} {}",
            sh(&file.path),
            file.mode,
            sh(file.owner),
            sh(file.group),
            if super::redact::keeps_replaced(before, file) {
                "keep"
            } else {
                "forget"
            }
        ),
    )
}

fn patch_configuration(
    url: &str,
    username: &str,
    password: &Secret,
    patch: &Map<String, Value>,
) -> String {
    from_stdin(
        &patch_options(url, username, password, patch),
        &format!(
            "patch_dynamic_configuration {}",
            sh(&format!("{url}/config"))
        ),
    )
}

/// curl's options for a PATCH of the dynamic configuration.
fn patch_options(
    url: &str,
    username: &str,
    password: &Secret,
    patch: &Map<String, Value>,
) -> String {
    let body = Value::Object(patch.clone());
    options(
        &format!("{url}/config"),
        "PATCH",
        (username, password),
        &body,
    )
}

/// curl's options for a request that Patroni wants a password for.
fn options(url: &str, request: &str, login: (&str, &Secret), body: &Value) -> String {
    let (username, password) = login;
    format!(
        "url = {}\nrequest = {request}\nuser = {}\nheader = \"Content-Type: application/json\"\ndata-binary = {}\n",
        curl(url),
        curl(&format!("{username}:{}", password.expose())),
        curl(&body.to_string()),
    )
}

/// The words that follow a function that asks psql.
pub(super) fn connection_words(connection: &LocalConnection) -> String {
    format!(
        "{} {} {}",
        sh(&connection.bin_dir),
        connection.port,
        sh(&connection.superuser)
    )
}

/// A login role, unless its options say otherwise.
fn create_role(
    connection: &LocalConnection,
    name: &str,
    options: &[String],
    password: Option<&Secret>,
    functions: &[&str],
) -> String {
    let mut clauses = options.join(" ");
    let says_login = |option: &String| option.to_ascii_uppercase().ends_with("LOGIN");
    if !options.iter().any(says_login) {
        clauses.insert_str(0, "LOGIN ");
    }
    if let Some(password) = password {
        clauses.push_str(&format!(" {}", password_clause(password)));
    }
    let identifier = sql_identifier(name);
    let grants: String = functions
        .iter()
        .map(|function| {
            format!("GRANT EXECUTE ON FUNCTION pg_catalog.{function} TO {identifier};\n")
        })
        .collect();
    let statements = format!(
        "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {literal}) AS missing \\gset\n\
         \\if :missing\n\
         CREATE ROLE {identifier} {clauses};\n\
         {grants}\\endif\n",
        literal = sql_literal(name),
    );
    quietly(connection, &statements)
}

fn set_password(connection: &LocalConnection, name: &str, password: &Secret) -> String {
    let (role, clause) = (sql_identifier(name), password_clause(password));
    quietly(connection, &format!("ALTER ROLE {role} {clause};\n"))
}

/// PostgreSQL takes a verifier for what it is: it never learns the password itself.
fn password_clause(password: &Secret) -> String {
    let salt = random_bytes();
    let verifier = scram::verifier(password, &salt, scram::ITERATIONS);
    format!("PASSWORD {}", sql_literal(verifier.expose()))
}

/// Statements that go into no log, since with a verifier in hand passwords can be tried in peace:
/// not as a statement, not as the statement of an error, not into pg_stat_statements.
fn quietly(connection: &LocalConnection, statements: &str) -> String {
    let sql = format!(
        "SET log_statement = 'none';\n\
         SET log_min_duration_statement = -1;\n\
         SET log_min_error_statement = 'panic';\n\
         SET pg_stat_statements.track = 'none';\n\
         {statements}"
    );
    from_stdin(
        &sql,
        &format!("psql_quietly {}", connection_words(connection)),
    )
}
