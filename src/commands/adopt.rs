//! `mahout adopt`: what it does before it is a deploy that restarts nothing.

use std::io::Write;

use super::Context;
use super::session::Session;
use crate::error::Error;
use crate::facts::Facts;
use crate::plan::Desired;
use crate::plan::adopt::{Adopted, Suggestion};
use crate::report::Outcome;
use crate::transport::{Effect, Fleet, Host};

/// Has the session go on with the passwords that the nodes have. A plan refuses those on which the
/// vault and the nodes differ.
pub(super) async fn take_passwords(
    session: &mut Session<'_>,
    fleet: &Fleet<Host>,
) -> Result<(), Error> {
    let adopted = match read(session, &session.gather(fleet).await) {
        // As a plan's, a refusal must stand twice.
        Err(Error::Plan(_)) => read(session, &session.ask(fleet).await)?,
        other => other?,
    };
    session.adopt(&adopted.passwords)
}

/// Prints what the inventory has to say for the cluster to stay as it is.
pub(super) async fn suggest(context: &Context, out: &mut dyn Write) -> Result<(), Error> {
    let session = Session::load(context)?;
    let fleet = session.meet_all(Effect::ReadOnly).await?;
    let facts = session.gather(&fleet).await;
    fleet.close().await;
    let rendered = session.render(&facts)?;
    let suggestion = Suggestion::of(&Desired {
        cluster: &session.cluster,
        secrets: &session.secrets,
        rendered: &rendered,
        facts: &facts,
    })?;
    let text = match suggestion.text() {
        text if text.is_empty() => "# nothing: the inventory says it already".to_owned(),
        text => text.trim_end().to_owned(),
    };
    let outcome = Outcome::new("suggestion", text).with("keys", suggestion.keys);
    context.tell(outcome, out)
}

fn read(session: &Session, facts: &Facts) -> Result<Adopted, Error> {
    let rendered = session.render(facts)?;
    Ok(Adopted::read(&Desired {
        cluster: &session.cluster,
        secrets: &session.secrets,
        rendered: &rendered,
        facts,
    })?)
}
