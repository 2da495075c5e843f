//! The virtual address: keepalived.conf, the program by which it judges HAProxy, and what its unit
//! lacks.

use std::time::Duration;

use serde_json::json;

use super::haproxy::read_write_listener;
use super::{Check, File, MANAGED, Purpose, RenderError, Target};
use crate::cluster::vip::{HAPROXY_EVERY, LEADER_EVERY, LOOKS};
use crate::platform::vip::{KEEPALIVED_CHECK, KEEPALIVED_CONFIG, KEEPALIVED_DROP_IN};
use crate::template::Templates;

/// The files, the program first: keepalived judges its configuration by it.
pub(super) fn files(target: &Target, templates: &Templates) -> Result<Vec<File>, RenderError> {
    let (cluster, node) = (target.cluster, target.node);
    let Some(vip) = cluster.vip.as_ref().filter(|_| cluster.can_hold_vip(node)) else {
        return Ok(Vec::new());
    };
    let check = templates.render(
        "vip/check.sh.tera",
        &json!({
            "managed": MANAGED,
            "stats_url": word(&cluster.stats_url(node)),
            "listener": word(&read_write_listener(cluster)),
            "port": node.haproxy.read_write_port,
        }),
    )?;
    let unit = templates.render(
        "vip/keepalived.service.conf.tera",
        &json!({"managed": MANAGED, "systemd": target.versions.systemd}),
    )?;
    let peers: Vec<String> = cluster
        .vip_peers(node)
        .map(|peer| peer.address.to_string())
        .collect();
    let config = templates.render(
        "vip/keepalived.conf.tera",
        &json!({
            "managed": MANAGED,
            "node": node.name,
            "scope": cluster.scope,
            "check": KEEPALIVED_CHECK,
            "haproxy_every": seconds(HAPROXY_EVERY),
            "leader_every": seconds(LEADER_EVERY),
            "looks": LOOKS,
            "interface": target.vip_interface,
            "router": vip.router,
            "priority": cluster.vip_priority(node),
            "advert": seconds(vip.advert),
            "address": node.address,
            "peers": peers,
            "vip": vip.address,
        }),
    )?;
    let program = File {
        mode: 0o755,
        ..File::new(Purpose::Vip, KEEPALIVED_CHECK, check)
    };
    let unit = File::new(Purpose::Vip, KEEPALIVED_DROP_IN, unit);
    let config = File::new(Purpose::Vip, KEEPALIVED_CONFIG, config).checked(Check::Keepalived);
    Ok(vec![program, unit, config])
}

/// A word of the shell.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Seconds, with as many decimals as they have.
fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{seconds, word};

    #[test]
    fn seconds_and_words_are_exact() {
        assert_eq!(seconds(Duration::from_secs(1)), "1");
        assert_eq!(seconds(Duration::from_millis(250)), "0.25");
        assert_eq!(
            word("http://127.0.0.1:7000/;csv"),
            "'http://127.0.0.1:7000/;csv'"
        );
        assert_eq!(word("a'b"), r"'a'\''b'");
    }
}
