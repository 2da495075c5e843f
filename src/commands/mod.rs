//! The verbs: each one the pipeline, cut to its length. No shell text, no formatting.

mod adopt;
mod audit;
mod converge;
mod demo;
mod deploy;
mod early;
mod edit;
mod explain;
pub mod lab;
mod lost_vault;
mod observe;
mod offline;
mod planning;
mod probes;
mod rotate;
mod secrets;
mod session;
mod terminal;
mod trust;
mod unlock;

use std::cell::OnceCell;
use std::io::Write;

use crate::cli::{Command, Global, OutputFormat};
use crate::cluster::NodeName;
use crate::error::Error;
use crate::plan::Goal;
use crate::report::{Events, Outcome};
use crate::secret::Secret;

/// What every verb is given.
pub struct Context {
    /// The options that all share.
    pub global: Global,
    /// Where progress goes.
    pub events: Events,
    sudo_password: OnceCell<Secret>,
}

impl Context {
    /// A context of these options.
    pub fn new(global: Global, events: Events) -> Self {
        Self {
            global,
            events,
            sudo_password: OnceCell::new(),
        }
    }

    /// Whether answers are JSON.
    pub fn is_json(&self) -> bool {
        self.global.output == OutputFormat::Json
    }

    /// Says what was done.
    fn tell(&self, outcome: Outcome, out: &mut dyn Write) -> Result<(), Error> {
        let written = outcome.write(out, self.global.output.into());
        written.map_err(Error::Output)
    }

    /// The password of sudo, asked for once, if the command line says so.
    fn sudo_password(&self) -> Result<Option<Secret>, Error> {
        if !self.global.ask_sudo_password {
            return Ok(None);
        }
        if let Some(password) = self.sudo_password.get() {
            return Ok(Some(password.clone()));
        }
        let password = terminal::ask_password("sudo password on the nodes: ")?;
        Ok(Some(self.sudo_password.get_or_init(|| password).clone()))
    }
}

/// Carries out a command line; the answer goes to `out`.
///
/// # Errors
/// See [`Error`]; its exit code is the process's.
pub async fn run(command: Command, context: &Context, out: &mut dyn Write) -> Result<(), Error> {
    match command {
        Command::Init { file } => offline::init(context, &file, out),
        Command::Check => offline::check(context, out),
        Command::Schema => offline::schema(out),
        Command::Render { to, platform } => offline::render(context, &to, &platform, out),
        Command::Trust { yes, dry_run } => trust::trust(context, yes, dry_run, out).await,
        Command::Facts { record } => observe::facts(context, record.as_deref(), out).await,
        Command::Deploy(options) => deploy::deploy(context, &Goal::Converge, &options, out).await,
        Command::Adopt {
            yes,
            dry_run,
            exit_code,
            suggest,
        } => {
            if suggest {
                return adopt::suggest(context, out).await;
            }
            let options = crate::cli::Deploy {
                yes,
                dry_run,
                exit_code,
                facts: None,
            };
            deploy::deploy(context, &Goal::Adopt, &options, out).await
        }
        Command::Switchover { to, options } => {
            let candidate = to.as_deref().map(NodeName::from);
            deploy::deploy(context, &Goal::Switchover { candidate }, &options, out).await
        }
        Command::Reinit { node, options } => {
            let node = NodeName::from(node.as_str());
            deploy::deploy(context, &Goal::Reinitialize { node }, &options, out).await
        }
        Command::Replace { node, options } => {
            let node = NodeName::from(node.as_str());
            deploy::deploy(context, &Goal::Replace { node }, &options, out).await
        }
        Command::Destroy(options) => deploy::by_name(context, &Goal::Destroy, &options, out).await,
        Command::RestoreDcs {
            from,
            leader,
            options,
        } => {
            let goal = Goal::RestoreDcs {
                from: from.as_deref().map(NodeName::from),
                leader: leader.as_deref().map(NodeName::from),
            };
            deploy::by_name(context, &goal, &options, out).await
        }
        Command::Diff { exit_code, facts } => {
            let options = crate::cli::Deploy {
                yes: false,
                dry_run: true,
                exit_code,
                facts,
            };
            deploy::deploy(context, &Goal::Converge, &options, out).await
        }
        Command::Secrets { command } => secrets::secrets(context, &command, out).await,
        Command::Rotate { what } => rotate::rotate(context, &what, out).await,
        Command::Explain { nodes } => explain::explain(context, &nodes, out).await,
        Command::Verify => observe::verify(context, out).await,
        Command::Status { watch } => observe::status(context, watch, out).await,
        Command::Unlock(options) => unlock::unlock(context, &options, out).await,
        Command::Audit { last } => audit::audit(context, last, out).await,
        Command::Lab { command } => lab::lab(context, command, out).await,
        Command::Demo { suite } => demo::demo(context, suite, out).await,
    }
}
