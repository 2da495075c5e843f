//! Operating system, hardware, clock, kernel settings.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use crate::facts::ask::{Ask, TIME_UNITS};
use crate::facts::script::kernel_file;
use crate::facts::section::Sections;
use crate::facts::{OsRelease, SysctlFacts, SystemFacts, UnitFacts};

const THP: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// The lines of the files that were read, by path.
fn read<'a>(sections: &Sections<'a>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in sections.lines("read") {
        if let Some((path, content)) = line.split_once(':') {
            files.entry(path).or_default().push(content);
        }
    }
    files
}

pub(super) fn system(
    ask: &Ask,
    units: &BTreeMap<String, UnitFacts>,
    sections: &Sections<'_>,
) -> SystemFacts {
    let files = read(sections);
    let first = |path: &str| {
        let line = files.get(path).and_then(|lines| lines.first());
        line.map(|line| line.trim().to_owned())
    };
    let value = |key| sections.value("system", key).unwrap_or_default();
    let memory = |key: &str| {
        let line = files
            .get("/proc/meminfo")?
            .iter()
            .find(|line| line.starts_with(key))?;
        let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        kibibytes.checked_mul(1024)
    };
    let time_service = TIME_UNITS
        .iter()
        .find(|&&unit| {
            units
                .get(unit)
                .is_some_and(|facts| facts.active == "active")
        })
        .map(|unit| unit.trim_end_matches(".service").to_owned());
    SystemFacts {
        os: os_release(files.get("/etc/os-release").map_or(&[], Vec::as_slice)),
        kernel: value("kernel").to_owned(),
        architecture: value("architecture").to_owned(),
        hostname: short(&first("/proc/sys/kernel/hostname").unwrap_or_default()),
        machine_id: first("/etc/machine-id").unwrap_or_default(),
        boot_id: first("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
        systemd: leading_number(value("systemd")),
        virtualization: match manager(sections, "Virtualization=") {
            Some("") => "none".to_owned(),
            other => other.unwrap_or_default().to_owned(),
        },
        libc: value("libc").trim_start_matches("glibc ").to_owned(),
        memory_bytes: memory("MemTotal:").unwrap_or(0),
        swap_bytes: memory("SwapTotal:").unwrap_or(0),
        cpus: value("cpus").parse().unwrap_or(0),
        addresses: addresses(sections),
        clock_offset: None,
        clock_uncertainty: None,
        clock_synchronized: synchronized(time_service.as_deref(), sections),
        time_service,
        transparent_huge_pages: first(THP).and_then(|line| chosen(&line)),
        transparent_huge_pages_writable: sections
            .values("system", "writable")
            .any(|path| path == THP),
        selinux: match first("/sys/fs/selinux/enforce").as_deref() {
            Some("1") => Some("Enforcing".to_owned()),
            Some(_) => Some("Permissive".to_owned()),
            None => (value("selinux") == "yes").then(|| "Disabled".to_owned()),
        },
        watchdog_device: value("watchdog") == "yes",
        package_lists: sections.value("packages", "lists").is_some(),
        package_lock: sections.value("packages", "lock").map(str::to_owned),
        disabled_modules: sections
            .values("packages", "module-off")
            .map(str::to_owned)
            .collect(),
        resolves: resolves(&ask.names, sections.lines("names")),
    }
}

/// The live values of the kernel settings that exist.
pub(super) fn sysctl(ask: &Ask, sections: &Sections<'_>) -> BTreeMap<String, SysctlFacts> {
    let files = read(sections);
    let writable: BTreeSet<&str> = sections.values("system", "writable").collect();
    let facts = |key: &String| {
        let file = kernel_file(key);
        let lines = files.get(file.as_str())?;
        let value: Vec<&str> = lines
            .iter()
            .flat_map(|line| line.split_whitespace())
            .collect();
        Some((
            key.clone(),
            SysctlFacts {
                value: value.join(" "),
                writable: writable.contains(file.as_str()),
            },
        ))
    };
    ask.sysctl.iter().filter_map(facts).collect()
}

/// os-release(5).
fn os_release(lines: &[&str]) -> OsRelease {
    let mut os = OsRelease::default();
    for line in lines {
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let value = value.trim().trim_matches(['"', '\'']).to_owned();
        match key.trim() {
            "ID" => os.id = value,
            "ID_LIKE" => os.id_like = value.split_whitespace().map(str::to_owned).collect(),
            "VERSION_ID" => os.version_id = value,
            "VERSION_CODENAME" => os.codename = value,
            "PRETTY_NAME" => os.pretty_name = value,
            _ => {}
        }
    }
    os
}

fn manager<'a>(sections: &Sections<'a>, key: &str) -> Option<&'a str> {
    sections
        .lines("manager")
        .find_map(|line| line.strip_prefix(key))
        .map(str::trim)
}

/// `252` of `252.39-1~deb12u1` and of `v252`.
fn leading_number(text: &str) -> u32 {
    let digits: String = text
        .trim_start_matches('v')
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or(0)
}

fn short(hostname: &str) -> String {
    hostname.split('.').next().unwrap_or_default().to_owned()
}

/// `never` of `always madvise [never]`.
fn chosen(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// IPv4 addresses as they are, IPv6 as 32 hexadecimal digits (/proc/net/if_inet6).
fn addresses(sections: &Sections<'_>) -> Vec<String> {
    let readable = |text: &str| match u128::from_str_radix(text, 16) {
        Ok(bits) if text.len() == 32 => Ipv6Addr::from(bits).to_string(),
        _ => text.to_owned(),
    };
    let unique: BTreeSet<String> = sections.quoted("addresses").map(readable).collect();
    unique.into_iter().collect()
}

/// What the active time service says. Only it is asked: `timedatectl` would start a service.
fn synchronized(service: Option<&str>, sections: &Sections<'_>) -> Option<bool> {
    match service? {
        "systemd-timesyncd" => Some(sections.value("system", "timesyncd").is_some()),
        "chrony" | "chronyd" => sections
            .quoted("chrony")
            .find_map(|line| line.strip_prefix("Leap status"))
            .map(|status| !status.contains("Not synchronised")),
        _ => sections
            .quoted("ntp")
            .find(|line| line.contains("leap_"))
            .map(|line| !line.contains("leap_alarm")),
    }
}

/// `getent hosts`: an address, then the canonical name and the aliases. A name that was completed
/// with a search domain counts under its first label. A link-local address is nobody's in an
/// inventory; where there is one, `getent ahostsv4` follows (`ADDRESS STREAM NAME`).
fn resolves<'a>(
    names: &[String],
    lines: impl Iterator<Item = &'a str>,
) -> BTreeMap<String, String> {
    let mut resolves = BTreeMap::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let Some(address) = words.next().filter(|word| !word.starts_with("fe80:")) else {
            continue;
        };
        for name in words.flat_map(|name| [name.to_owned(), short(name)]) {
            if names.contains(&name) {
                resolves.entry(name).or_insert_with(|| address.to_owned());
            }
        }
    }
    resolves
}

#[cfg(test)]
mod tests {
    use super::{chosen, leading_number, os_release, resolves};

    #[test]
    fn os_release_is_unquoted() {
        let os = os_release(&[
            "PRETTY_NAME=\"Rocky Linux 9.4 (Blue Onyx)\"",
            "ID='rocky'",
            "ID_LIKE=\"rhel centos fedora\"",
            "VERSION_ID=\"9.4\"",
            "# comment",
        ]);
        assert_eq!(os.id, "rocky");
        assert_eq!(os.id_like, ["rhel", "centos", "fedora"]);
        assert_eq!(os.version_id, "9.4");
        assert_eq!(os.pretty_name, "Rocky Linux 9.4 (Blue Onyx)");
    }

    #[test]
    fn a_link_local_address_of_a_node_s_own_name_does_not_count() {
        let names = ["pg-1".to_owned(), "pg-2".to_owned()];
        let lines = [
            "fe80::1882:efff:fed0:c194 pg-1",
            "10.0.0.12       pg-2.example.net",
            "10.0.0.11    STREAM pg-1",
            "10.0.0.11    DGRAM  ",
        ];
        let found = resolves(&names, lines.into_iter());
        let addresses: Vec<&str> = found.values().map(String::as_str).collect();
        assert_eq!(addresses, ["10.0.0.11", "10.0.0.12"]);
    }

    #[test]
    fn words_in_brackets_and_versions_are_read() {
        assert_eq!(chosen("always madvise [never]").as_deref(), Some("never"));
        assert_eq!(chosen("always"), None);
        assert_eq!(leading_number("252.39-1~deb12u1"), 252);
        assert_eq!(leading_number("v257"), 257);
        assert_eq!(leading_number("~"), 0);
    }
}
