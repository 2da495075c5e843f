//! SELinux.

use crate::facts::section::Sections;
use crate::facts::selinux::{Denial, LabelFacts, SelinuxFacts};

/// Older denials say nothing about how it is now.
const RECENT_SECONDS: f64 = 3600.0;

/// `now` is the node's clock; `None` where there is no SELinux.
pub(super) fn selinux(now: f64, sections: &Sections<'_>) -> Option<SelinuxFacts> {
    let value = |key| sections.value("selinux", key);
    let facts = SelinuxFacts {
        config: value("config").map(str::to_owned),
        haproxy_connect_any: value("boolean").map(|value| value == "1"),
        labels: sections
            .values("selinux", "label")
            .filter_map(label)
            .collect(),
        denials: sections
            .quoted("denials")
            .filter_map(denial)
            .filter(|denial| denial.at as f64 > now - RECENT_SECONDS)
            .collect(),
    };
    (facts != SelinuxFacts::default()).then_some(facts)
}

/// `system_u:object_r:default_t:s0|system_u:object_r:unlabeled_t:s0|/data/pg`.
fn label(line: &str) -> Option<(String, LabelFacts)> {
    let mut parts = line.splitn(3, '|');
    let (policy, present, path) = (parts.next()?, parts.next()?, parts.next()?);
    let facts = LabelFacts {
        policy: kind(policy),
        present: kind(present),
    };
    Some((path.to_owned(), facts))
}

/// The type of a context.
fn kind(context: &str) -> Option<String> {
    context.split(':').nth(2).map(str::to_owned)
}

/// A record of the audit daemon, of the kernel, or of the journal, which puts its own time in front.
fn denial(record: &str) -> Option<Denial> {
    let (before, rest) = record.split_once("denied")?;
    let (permission, rest) = rest.split_once('{')?.1.split_once('}')?;
    let time = match before.split_once("audit(") {
        Some((_, time)) => time,
        None => before.trim_start(),
    };
    let seconds = time.split(['.', ':', ' ']).next()?.parse().ok()?;
    let value = |key: &str| {
        let words = rest.split_whitespace();
        words
            .filter_map(|word| word.split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.trim_matches('"'))
    };
    let port = value("dest").or_else(|| value("src"));
    let target = [
        value("tclass").map(str::to_owned),
        port.map(|port| format!("port {port}")),
        value("path").or_else(|| value("name")).map(str::to_owned),
        value("tcontext").and_then(kind),
    ];
    Some(Denial {
        at: seconds,
        program: value("comm").unwrap_or_default().to_owned(),
        permission: permission.trim().to_owned(),
        target: target.into_iter().flatten().collect::<Vec<_>>().join(", "),
        permissive: value("permissive") == Some("1"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form that the documentation of RHEL ("Troubleshooting problems related to SELinux")
    /// and of the kernel's audit records shows; no node of ours has said them.
    const DOCUMENTED: [&str; 3] = [
        "type=AVC msg=audit(1764000000.105:381): avc:  denied  { name_connect } for  pid=1017 \
         comm=\"haproxy\" dest=5432 scontext=system_u:system_r:haproxy_t:s0 \
         tcontext=system_u:object_r:postgresql_port_t:s0 tclass=tcp_socket permissive=0",
        "1764000001.5 pg-1 kernel: audit: type=1400 audit(1764000001.500:24): avc:  denied  { read } \
         for  pid=77 comm=\"postgres\" name=\"PG_VERSION\" dev=\"dm-0\" ino=1 \
         scontext=system_u:system_r:postgresql_t:s0 \
         tcontext=unconfined_u:object_r:default_t:s0 tclass=file permissive=1",
        "1764000002.000000 pg-1 audit[81]: AVC avc:  denied  { name_bind } for  pid=81 \
         comm=\"haproxy\" src=5000 scontext=system_u:system_r:haproxy_t:s0 \
         tcontext=system_u:object_r:commplex_main_port_t:s0 tclass=tcp_socket permissive=0",
    ];

    #[test]
    fn denials_are_read_wherever_they_are_kept() {
        let said: Vec<Denial> = DOCUMENTED.into_iter().filter_map(denial).collect();
        let times: Vec<i64> = said.iter().map(|denial| denial.at).collect();
        assert_eq!(times, [1_764_000_000, 1_764_000_001, 1_764_000_002]);
        assert_eq!(said[0].program, "haproxy");
        assert_eq!(said[0].permission, "name_connect");
        assert_eq!(said[0].target, "tcp_socket, port 5432, postgresql_port_t");
        assert_eq!(said[1].target, "file, PG_VERSION, default_t");
        assert!(said[1].permissive && !said[2].permissive);
        assert!(said[2].target.contains("port 5000"));
        assert_eq!(denial("avc:  granted  { read }"), None);
    }

    #[test]
    fn what_is_old_is_left_out_and_where_there_is_none_nothing_is_said() {
        let denials: Vec<String> = DOCUMENTED.iter().map(|line| format!(" {line}")).collect();
        let text = format!(
            "@selinux\nconfig enforcing\nboolean 0\n\
             label system_u:object_r:default_t:s0||/data/pg\n@denials\n{}\n",
            denials.join("\n")
        );
        let sections = Sections::of(&text);
        let facts = selinux(1_764_003_600.9, &sections).expect("SELinux");
        assert_eq!(facts.denials.len(), 2);
        assert_eq!(facts.haproxy_connect_any, Some(false));
        let label = &facts.labels["/data/pg"];
        assert_eq!(label.policy.as_deref(), Some("default_t"));
        assert_eq!(label.present, None);
        assert_eq!(selinux(0.0, &Sections::of("@selinux\n@end\n")), None);
    }
}
