//! What has to be measured rather than read: each finding becomes a line of its record that begins
//! with a word of ours (`full:`, `expired:`), which the table of signatures then knows.

use super::Section;
use crate::x509::Certificate;

/// A file system with less than this is full for PostgreSQL and etcd, which write in pieces of
/// 16 and 64 MiB. In KiB.
const LEAST_ROOM: u64 = 16 * 1024;
/// Fewer files than this cannot be made any more.
const LEAST_INODES: u64 = 64;
/// PostgreSQL's own request at its start fits.
const LEAST_SHARED_MEMORY: u64 = 2 * 1024;

/// Adds those lines.
pub(super) fn judge(sections: &mut [Section]) {
    let now = find(sections, "clock")
        .iter()
        .find_map(|line| line.strip_prefix("now ")?.split('.').next()?.parse().ok());
    for section in sections {
        let further = match section.name.as_str() {
            "disk" => disks(&section.lines),
            "units" => units(&section.lines),
            "etcd" => etcd(&section.lines),
            "memory" => memory(&section.lines),
            "data directory" => data_directory(&section.lines),
            "certificates" => {
                let (dates, faults) = certificates(&section.lines, now.unwrap_or_default());
                // The texts themselves tell a person nothing.
                section.lines = dates;
                faults
            }
            _ => Vec::new(),
        };
        section.lines.extend(further);
    }
}

fn find<'a>(sections: &'a [Section], name: &str) -> &'a [String] {
    let found = sections.iter().find(|section| section.name == name);
    found.map_or(&[], |section| &section.lines)
}

/// `df -P`: file system, blocks, used, available, capacity, where it is mounted.
fn disks(lines: &[String]) -> Vec<String> {
    let full = |line: &String| {
        let (row, least, what) = match line.strip_prefix("inodes ") {
            Some(row) => (row, LEAST_INODES, "inodes"),
            None => (line.as_str(), LEAST_ROOM, "KiB"),
        };
        let columns: Vec<&str> = row.split_whitespace().collect();
        let [_, size, _, free, _, at, ..] = columns[..] else {
            return None;
        };
        let (size, free): (u64, u64) = (size.parse().ok()?, free.parse().ok()?);
        // Some file systems count no inodes.
        (size > 0 && free < least).then(|| format!("full: {at} has {free} of {size} {what} left"))
    };
    lines.iter().filter_map(full).collect()
}

/// `etcd.service: LoadState=loaded ActiveState=inactive …`.
fn units(lines: &[String]) -> Vec<String> {
    let judged = |line: &String| {
        let (unit, state) = line.split_once(": ")?;
        let of = |key: &str| {
            let mut words = state.split(' ').filter_map(|word| word.split_once('='));
            words
                .find(|(known, _)| *known == key)
                .map(|(_, value)| value)
        };
        let (result, code) = (of("Result")?, of("ExecMainStatus").unwrap_or("0"));
        match (of("LoadState")?, of("ActiveState")?) {
            ("masked", _) => Some(format!("masked: {unit}")),
            (_, "failed") => Some(format!("failed: {unit} ({result}, exit code {code})")),
            ("loaded", "inactive") if of("UnitFileState") == Some("enabled") => {
                Some(format!("stopped: {unit} ({result}, exit code {code})"))
            }
            // Between two tries.
            (_, "activating") if of("SubState") == Some("auto-restart") => Some(format!(
                "failed: {unit} again and again ({result}, exit code {code})"
            )),
            _ => None,
        }
    };
    lines.iter().filter_map(judged).collect()
}

/// A member that serves metrics and knows no leader.
fn etcd(lines: &[String]) -> Vec<String> {
    let number = |name: &str| -> Option<f64> {
        let mut values = lines.iter().filter_map(|line| line.split_once(' '));
        values.find(|(known, _)| *known == name)?.1.parse().ok()
    };
    let mut found = Vec::new();
    if number("etcd_server_has_leader") == Some(0.0) {
        found.push("leaderless: this member knows no leader".to_owned());
    }
    let size = number("etcd_mvcc_db_total_size_in_bytes");
    let quota = number("etcd_server_quota_backend_bytes");
    if let Some((size, quota)) = size.zip(quota)
        && quota > 0.0
        && size >= quota
    {
        found.push(format!(
            "full: the database has {size} bytes, its quota is {quota}"
        ));
    }
    found
}

fn memory(lines: &[String]) -> Vec<String> {
    let judged = |line: &String| {
        if let Some(segments) = line.strip_prefix("kernel/shmmni:") {
            return (segments.trim() == "0").then(|| "no room: kernel.shmmni is 0".to_owned());
        }
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [_, size, _, free, _, "/dev/shm"] = columns[..] else {
            return None;
        };
        let free: u64 = free.parse().ok()?;
        (free < LEAST_SHARED_MEMORY)
            .then(|| format!("no room: /dev/shm has {free} of {size} KiB left"))
    };
    lines.iter().filter_map(judged).collect()
}

/// `data_dir /var/lib/postgresql/15/patroni: owner postgres mode 700`. PostgreSQL takes 700 and 750.
fn data_directory(lines: &[String]) -> Vec<String> {
    let judged = |line: &String| {
        let (directory, rest) = line.strip_prefix("data_dir ")?.split_once(": owner ")?;
        let (owner, mode) = rest.split_once(" mode ")?;
        let is_open = !matches!(mode, "700" | "750");
        (is_open || owner != "postgres")
            .then(|| format!("too open: {directory} is {owner}'s with mode {mode}"))
    };
    lines.iter().filter_map(judged).collect()
}

/// A line for each certificate, and what is wrong with them.
fn certificates(lines: &[String], now: i64) -> (Vec<String>, Vec<String>) {
    let mut files: Vec<(&str, String)> = Vec::new();
    for line in lines {
        match (line.strip_prefix("file "), files.last_mut()) {
            (Some(path), _) => files.push((path, String::new())),
            (None, Some((_, pem))) => {
                pem.push_str(line);
                pem.push('\n');
            }
            (None, None) => {}
        }
    }
    let all = |pem: &str| Certificate::all_of(pem).unwrap_or_default();
    let authorities: Vec<Certificate> = files
        .iter()
        .filter(|(path, _)| path.ends_with("ca.crt"))
        .flat_map(|(_, pem)| all(pem))
        .collect();
    let (mut dates, mut faults) = (Vec::new(), Vec::new());
    for (path, pem) in &files {
        let certificates = all(pem);
        if certificates.is_empty() {
            faults.push(format!("unreadable: {path} holds no certificate"));
        }
        for certificate in &certificates {
            dates.push(format!("{path}: {}", words(certificate, now)));
            if now > 0 && certificate.left(now) <= 0 {
                faults.push(format!("expired: {path}, {} s ago", -certificate.left(now)));
            } else if now > 0 && certificate.not_before > now {
                let ahead = certificate.not_before - now;
                faults.push(format!("not valid yet: {path}, for another {ahead} s"));
            }
        }
        let is_trusted = |certificate: &Certificate| {
            let mut issuers = authorities.iter().chain(&certificates);
            issuers.any(|issuer| certificate.is_issued_by(issuer))
        };
        if let Some(leaf) = certificates.first()
            && !authorities.is_empty()
            && !is_trusted(leaf)
        {
            faults.push(format!(
                "untrusted: {path}, no authority in ca.crt has issued it"
            ));
        }
    }
    (dates, faults)
}

/// For whom, and for how long.
fn words(certificate: &Certificate, now: i64) -> String {
    let names = certificate.names.iter().cloned();
    let addresses = certificate.addresses.iter().map(ToString::to_string);
    let names: Vec<String> = names.chain(addresses).collect();
    let whom = match names.is_empty() {
        true => certificate.common_name.clone(),
        false => names.join(" "),
    };
    format!("for {whom}, {} days left", certificate.left(now) / 86400)
}
