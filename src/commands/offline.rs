//! The verbs that touch no node: init, check, schema, render.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::Context;
use super::session::Session;
use crate::cluster;
use crate::error::Error;
use crate::inventory::{self, Style};
use crate::platform::{NAMES, Platform};
use crate::render::{Rendered, Target};
use crate::report::{Outcome, write_problems_json};

/// Writes the starter inventory; never over a file that is there.
pub(super) fn init(context: &Context, file: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let failed = |cause| Error::File {
        path: file.to_owned(),
        cause,
    };
    let mut new = fs::File::options()
        .write(true)
        .create_new(true)
        .open(file)
        .map_err(failed)?;
    new.write_all(inventory::starter().as_bytes())
        .and_then(|()| new.sync_all())
        .map_err(failed)?;
    let said = format!(
        "{} is written; change the nodes in it, then run `mahout check -i {0}`",
        file.display()
    );
    let path = file.to_string_lossy();
    context.tell(Outcome::new("written", said).with("path", path), out)
}

/// Shows every problem of the inventory.
pub(super) fn check(context: &Context, out: &mut dyn Write) -> Result<(), Error> {
    let path = &context.global.inventory;
    let source = inventory::load(path)?;
    let checked = cluster::check(inventory::parse(source));
    let shown = if context.is_json() {
        write_problems_json(out, &checked.source.name(), &checked.problems)
    } else {
        write!(out, "{}", checked.render(Style::Plain))
    };
    shown.map_err(Error::Output)?;
    let Some(cluster) = checked.cluster else {
        return Err(Error::Reported(2));
    };
    let timings = &cluster.timings;
    let worst = timings.worst_failover(cluster.etcd.election_timeout);
    let said = format!(
        "{}: cluster {} of {} nodes; a failover takes {} s at worst",
        path.display(),
        cluster.scope,
        cluster.nodes.len(),
        worst.as_secs()
    );
    let outcome = Outcome::new("valid", said)
        .with("path", path.to_string_lossy())
        .with("scope", cluster.scope.as_str())
        .with("nodes", cluster.nodes.len())
        .with("worst_failover_seconds", worst.as_secs_f64());
    context.tell(outcome, out)
}

/// Shows what an inventory may say, as JSON Schema.
pub(super) fn schema(out: &mut dyn Write) -> Result<(), Error> {
    writeln!(out, "{:#}", inventory::schema()).map_err(Error::Output)
}

/// Writes every file of every node beneath `to`, a folder a node. They may hold secrets: folders
/// are 0700 and files 0600.
pub(super) fn render(
    context: &Context,
    to: &Path,
    platform: &str,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let session = Session::load(context)?;
    let platform = named(platform)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |cause| Error::File { path, cause }
    };
    for node in &session.cluster.nodes {
        let target = Target::of_platform(&session.cluster, node, &session.secrets, &platform);
        let rendered = Rendered::of(&target, &session.templates)?;
        for file in &rendered.files {
            let path = to
                .join(node.name.as_str())
                .join(file.path.trim_start_matches('/'));
            if let Some(folder) = path.parent() {
                fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)
                    .map_err(failed(folder))?;
            }
            // Written anew: an existing file of another mode must not keep it.
            let removed = fs::remove_file(&path);
            if let Err(cause) = removed
                && cause.kind() != std::io::ErrorKind::NotFound
            {
                return Err(failed(&path)(cause));
            }
            let mut new = fs::File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .map_err(failed(&path))?;
            new.write_all(file.content.expose().as_bytes())
                .map_err(failed(&path))?;
            let outcome = Outcome::new("rendered", path.display().to_string())
                .with("node", node.name.as_str())
                .with("file", file.path.as_str())
                .with("path", path.to_string_lossy());
            context.tell(outcome, out)?;
        }
    }
    Ok(())
}

/// The platform of a name as `debian-12` or `el-9`.
fn named(name: &str) -> Result<Platform, Error> {
    Platform::named(name).ok_or_else(|| Error::Usage {
        message: format!("`{name}` names no platform"),
        hint: Some(NAMES.to_owned()),
    })
}
