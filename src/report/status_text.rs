//! The topology as text.

use std::io::{self, Write};
use std::time::Duration;

use super::clean;
use super::status::{Status, VipStatus};
use crate::cluster::NodeName;
use crate::verify::words::{bytes, count, list};

/// How many characters fit on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Lines.
    pub rows: usize,
    /// Characters a line.
    pub columns: usize,
}

/// Writes the topology as text on a cleared screen (ECMA-48: CUP, ED), with how often that is
/// done. What does not fit is left out at the end: the leader stands at the beginning.
///
/// # Errors
/// What `out` says.
pub fn redraw_status(
    out: &mut dyn Write,
    status: &Status,
    every: Duration,
    screen: Screen,
) -> io::Result<()> {
    let mut text = format!("every {} s, Ctrl-C ends\n\n", every.as_secs()).into_bytes();
    write_status(&mut text, status)?;
    let text = String::from_utf8_lossy(&text);
    let mut drawn = String::from("\x1b[H\x1b[2J");
    // The cursor stands in the last row.
    let mut left = screen.rows.saturating_sub(1);
    for line in text.lines() {
        let rows = line.chars().count().div_ceil(screen.columns.max(1)).max(1);
        left = match left.checked_sub(rows) {
            Some(left) => left,
            None => break,
        };
        drawn.push_str(line);
        drawn.push('\n');
    }
    // At one go: a half-drawn screen flickers.
    out.write_all(drawn.as_bytes())
}

/// Writes the topology as text.
///
/// # Errors
/// What `out` says.
pub fn write_status(out: &mut dyn Write, status: &Status) -> io::Result<()> {
    write!(out, "cluster {}: ", status.scope)?;
    if let Some(leader) = &status.leader {
        let up = |state: &Option<String>| matches!(state.as_deref(), Some("running" | "streaming"));
        let running = status
            .members
            .iter()
            .filter(|member| up(&member.state))
            .count();
        write!(
            out,
            "leader {leader}, {running} of {} members run",
            status.members.len()
        )?;
    } else if status.members.is_empty() {
        write!(out, "no PostgreSQL in it")?;
    } else {
        write!(out, "no leader: there is nowhere to write to")?;
    }
    if status.paused {
        write!(out, ", Patroni is paused")?;
    }
    if !status.unreachable.is_empty() {
        write!(
            out,
            ", {} not reachable",
            count(status.unreachable.len(), "node")
        )?;
    }
    writeln!(out)?;
    if !status.members.is_empty() {
        let failover = status.worst_failover_seconds.ceil();
        write!(out, "a failover takes at worst {failover} s")?;
        if let Some(vip) = &status.vip {
            let takeover = vip.worst_takeover_seconds.ceil();
            write!(
                out,
                "; the virtual address goes to another node within {takeover} s of the loss of its \
                 node, or of HAProxy there"
            )?;
        }
        writeln!(out)?;
    }
    section(
        out,
        "PostgreSQL",
        "node  address  role  state  timeline  lag",
        members(status),
    )?;
    section(
        out,
        "etcd",
        "node  url  state  version  database",
        etcd(status),
    )?;
    section(
        out,
        "HAProxy",
        "node  read-write  leads to  read-only  leads to",
        haproxy(status),
    )?;
    section(out, "virtual address", "address  held by", vip(status))?;
    let connect = [
        ("read-write", &status.connect.read_write),
        ("read-only", &status.connect.read_only),
        ("past HAProxy", &status.connect.direct),
    ];
    let rows = connect
        .into_iter()
        .filter_map(|(name, url)| Some(vec![name.to_owned(), format!("psql '{}'", url.as_ref()?)]))
        .collect();
    section(out, "connect", "", rows)?;
    let rows = status
        .unreachable
        .iter()
        .map(|(node, cause)| vec![node.to_string(), clean(cause)])
        .collect();
    section(out, "not reachable", "", rows)
}

const UNKNOWN: &str = "?";

fn members(status: &Status) -> Vec<Vec<String>> {
    let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| UNKNOWN.to_owned());
    status
        .members
        .iter()
        .map(|member| {
            let leads = status.leader.as_ref() == Some(&member.node);
            let mut row = vec![
                member.node.to_string(),
                member.address.clone(),
                or_unknown(&member.role),
                or_unknown(&member.state),
                or_unknown(&member.timeline.map(|timeline| timeline.to_string())),
                match member.lag_bytes {
                    _ if leads => "-".to_owned(),
                    lag => or_unknown(&lag.map(bytes)),
                },
            ];
            let mut remarks = Vec::new();
            if member.pending_restart {
                remarks.push("pending restart".to_owned());
            }
            remarks.extend(
                member
                    .tags
                    .iter()
                    .map(|(tag, value)| format!("{tag}: {value}")),
            );
            row.push(list(remarks));
            row
        })
        .collect()
}

fn etcd(status: &Status) -> Vec<Vec<String>> {
    status
        .etcd
        .iter()
        .map(|member| {
            let state = match (member.healthy, member.leader) {
                (true, true) => "healthy, leads",
                (true, false) => "healthy",
                (false, _) => "not healthy",
            };
            vec![
                member
                    .node
                    .as_ref()
                    .map_or_else(|| "external".to_owned(), NodeName::to_string),
                member.url.clone(),
                state.to_owned(),
                member.version.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
                member
                    .database_bytes
                    .map_or_else(|| UNKNOWN.to_owned(), bytes),
            ]
        })
        .collect()
}

fn haproxy(status: &Status) -> Vec<Vec<String>> {
    let to = |answers: bool, names: &[String]| match (answers, names) {
        (false, _) => UNKNOWN.to_owned(),
        (true, []) => "nobody".to_owned(),
        (true, names) => list(names),
    };
    status
        .haproxy
        .iter()
        .map(|haproxy| {
            let mut row = vec![
                haproxy.node.to_string(),
                haproxy
                    .read_write
                    .clone()
                    .unwrap_or_else(|| "(loopback)".to_owned()),
                to(haproxy.answers, &haproxy.writes_to),
            ];
            if let Some(read_only) = &haproxy.read_only {
                row.push(read_only.clone());
                row.push(to(haproxy.answers, &haproxy.reads_to));
            }
            row
        })
        .collect()
}

fn vip(status: &Status) -> Vec<Vec<String>> {
    let row = |vip: &VipStatus| {
        let holders = match vip.holders.as_slice() {
            [] => "nobody".to_owned(),
            names => list(names),
        };
        vec![vip.address.clone(), holders]
    };
    status.vip.iter().map(row).collect()
}

/// A title, and rows with their columns aligned beneath their heads (parted by two blanks).
fn section(
    out: &mut dyn Write,
    title: &str,
    heads: &str,
    mut rows: Vec<Vec<String>>,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    if !heads.is_empty() {
        rows.insert(0, heads.split("  ").map(str::to_owned).collect());
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    writeln!(out)?;
    writeln!(out, "{title}")?;
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "  {}", cells.join("  ").trim_end())?;
    }
    Ok(())
}
