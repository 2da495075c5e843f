//! The verbs that only look: facts, verify, status.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::Context;
use super::probes::judge;
use super::session::Session;
use crate::error::Error;
use crate::facts::record;
use crate::report::{
    Counts, Status, write_findings, write_findings_json, write_status, write_status_json,
};

use crate::transport::Effect;

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
    let session = Session::load(context)?;
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
    let session = Session::load(context)?;
    loop {
        let fleet = session.connect(Effect::ReadOnly).await?;
        let facts = session.gather(&fleet).await;
        fleet.close().await;
        let status = Status::of(&session.cluster, &facts);
        let written = if context.is_json() {
            write_status_json(out, &status)
        } else {
            write_status(out, &status)
        };
        written.and_then(|()| out.flush()).map_err(Error::Output)?;
        match watch {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.max(1))).await,
            None if status.is_sound() => return Ok(()),
            None => return Err(Error::Reported(4)),
        }
    }
}
