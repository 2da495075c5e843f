//! The verbs that only look: facts, verify, status.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::Context;
use super::probes::judge;
use super::session::Session;
use super::terminal;
use crate::error::Error;
use crate::execute::Interrupt;
use crate::facts::{Facts, record};
use crate::report::{
    Counts, Events, Status, redraw_status, write_findings, write_findings_json, write_status,
    write_status_json,
};
use crate::transport::Effect;
use crate::vault::Vault;

/// Shows or records the facts.
pub(super) async fn facts(
    context: &Context,
    to: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let session = Session::load(context)?;
    let fleet = session.connect(Effect::ReadOnly).await?;
    let facts = session.gather(&fleet).await;
    fleet.close().await;
    match to {
        Some(path) => {
            let failed = |cause| Error::File {
                path: path.to_owned(),
                cause,
            };
            let file = std::fs::File::create(path).map_err(failed)?;
            record::write(&facts, file).map_err(failed)
        }
        None => record::write(&facts, out).map_err(Error::Output),
    }
}

/// Makes every check.
pub(super) async fn verify(context: &Context, out: &mut dyn Write) -> Result<(), Error> {
    let session = Session::load_to_look(context)?;
    let fleet = session.connect(Effect::Probe).await?;
    let facts = session.gather(&fleet).await;
    let findings = judge(&session, &fleet, &facts).await;
    fleet.close().await;
    let findings = findings?;
    let written = if context.is_json() {
        write_findings_json(out, &findings)
    } else {
        write_findings(out, &findings)
    };
    written.map_err(Error::Output)?;
    let counts = Counts::of(&findings);
    if counts.errors > 0 {
        return Err(Error::Reported(4));
    }
    Ok(())
}

/// Shows the topology, once or again and again.
pub(super) async fn status(
    context: &Context,
    watch: Option<u64>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let session = Session::load_to_look(context)?;
    let fleet = session.connect(Effect::ReadOnly).await?;
    let facts = session.gather(&fleet).await;
    fleet.close().await;
    let status = status_of(&session, &facts);
    if let Some(seconds) = watch {
        let interrupt = Interrupt::on_signals(&Events::discarded()).map_err(Error::Output)?;
        let every = Duration::from_secs(seconds.max(1));
        return tokio::select! {
            result = again_and_again(&session, status, every, out) => result,
            signal = interrupt.triggered() => Err(Error::Reported(signal.exit_code())),
        };
    }
    let written = if context.is_json() {
        write_status_json(out, &status)
    } else {
        write_status(out, &status)
    };
    written.and_then(|()| out.flush()).map_err(Error::Output)?;
    if status.is_sound() {
        Ok(())
    } else {
        Err(Error::Reported(4))
    }
}

fn status_of(session: &Session, facts: &Facts) -> Status {
    let status = Status::of(&session.cluster, facts);
    if !session.cluster.tls.enabled {
        return status;
    }
    let authorities = Vault::published(&session.context.global.inventory);
    let authorities = std::path::absolute(&authorities).unwrap_or(authorities);
    Status {
        connect: status.connect.verified(&authorities),
        ..status
    }
}

/// On a terminal each status takes the place of the one before; else they follow one another.
async fn again_and_again(
    session: &Session<'_>,
    mut status: Status,
    every: Duration,
    out: &mut dyn Write,
) -> Result<(), Error> {
    loop {
        let written = if session.context.is_json() {
            write_status_json(out, &status)
        } else if let Some(screen) = terminal::screen() {
            redraw_status(out, &status, every, screen)
        } else {
            write_status(out, &status).and_then(|()| writeln!(out))
        };
        written.and_then(|()| out.flush()).map_err(Error::Output)?;
        tokio::time::sleep(every).await;
        let fleet = session.reach(Effect::ReadOnly).await?;
        let facts = session.ask(&fleet).await;
        fleet.close().await;
        status = status_of(session, &facts);
    }
}
