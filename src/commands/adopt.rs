//! `mahout adopt`: what it does before it is a deploy that restarts nothing.

use super::session::Session;
use crate::error::Error;
use crate::facts::Facts;
use crate::plan::Desired;
use crate::plan::adopt::Adopted;
use crate::transport::{Fleet, Host};

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

fn read(session: &Session, facts: &Facts) -> Result<Adopted, Error> {
    let rendered = session.render(facts)?;
    Ok(Adopted::read(&Desired {
        cluster: &session.cluster,
        secrets: &session.secrets,
        rendered: &rendered,
        facts,
    })?)
}
