//! The network of a lab: a bridge with a subnet of its own, a way out, and its faults.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use ipnet::Ipv4Net;
use sha2::{Digest, Sha256};

use super::error::LabError;
use super::program::{exists, run};
use super::state::{NodeRecord, State};
use super::store::{Lock, Store};

const IP_FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";

/// A subnet that is free of the machine's routes and name servers and of the other labs' subnets;
/// `wanted` if it is.
pub(super) fn choose_subnet(
    name: &str,
    wanted: Option<Ipv4Net>,
    labs: &[Ipv4Net],
) -> Result<Ipv4Net, LabError> {
    let routes = run(
        "asking for the machine's routes",
        Command::new("ip").args(["-json", "-4", "route", "show", "table", "all"]),
    )?;
    let servers = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let mut taken = destinations(&routes);
    taken.extend(name_servers(&servers).map(Ipv4Net::from));
    taken.extend(labs);
    choose(name, wanted, &taken)
}

fn choose(name: &str, wanted: Option<Ipv4Net>, taken: &[Ipv4Net]) -> Result<Ipv4Net, LabError> {
    let conflict = |subnet: &Ipv4Net| {
        taken
            .iter()
            .find(|other| other.contains(subnet) || subnet.contains(*other))
    };
    if let Some(subnet) = wanted {
        return match conflict(&subnet) {
            None => Ok(subnet.trunc()),
            Some(other) => Err(LabError::Refused(format!(
                "subnet {subnet} collides with {other}, which this machine or another lab uses"
            ))),
        };
    }
    // The name decides where the search begins, so that a lab finds its old place again.
    let start = usize::from(Sha256::digest(name)[0]);
    let third = |first, second| {
        (0..=255)
            .cycle()
            .skip(start)
            .take(256)
            .filter_map(move |third| Ipv4Net::new(Ipv4Addr::new(first, second, third, 0), 24).ok())
    };
    third(10, 89)
        .chain(third(172, 29))
        .chain(third(192, 168))
        .find(|subnet| conflict(subnet).is_none())
        .ok_or_else(|| {
            LabError::Refused(
                "no private subnet is free of this machine's routes; `--subnet` names one"
                    .to_owned(),
            )
        })
}

/// The destinations of `ip -json route`, without those that lead everywhere.
fn destinations(routes: &str) -> Vec<Ipv4Net> {
    let routes: Vec<serde_json::Value> = serde_json::from_str(routes).unwrap_or_default();
    routes
        .iter()
        .filter_map(|route| route["dst"].as_str())
        .filter_map(|dst| dst.parse().ok().or_else(|| dst.parse().ok().map(address)))
        .filter(|subnet: &Ipv4Net| subnet.prefix_len() > 4)
        .collect()
}

fn address(address: Ipv4Addr) -> Ipv4Net {
    Ipv4Net::from(address)
}

/// The IPv4 name servers of a resolv.conf.
pub(super) fn name_servers(resolv_conf: &str) -> impl Iterator<Item = Ipv4Addr> + '_ {
    resolv_conf
        .lines()
        .filter_map(|line| line.strip_prefix("nameserver"))
        .filter_map(|server| server.trim().parse().ok())
}

/// Makes what is missing of the lab's network.
pub(super) fn up(store: &Store, state: &State) -> Result<(), LabError> {
    forward(store)?;
    let bridge = state.bridge();
    let ip = |arguments: &[&str]| {
        run(
            &format!("making the bridge {bridge}"),
            Command::new("ip").args(arguments),
        )
    };
    if !is_interface(&bridge) {
        ip(&["link", "add", "name", &bridge, "type", "bridge"])?;
    }
    let address = format!("{}/{}", state.gateway(), state.subnet.prefix_len());
    ip(&["address", "replace", &address, "dev", &bridge])?;
    ip(&["link", "set", &bridge, "up"])?;

    let (table, subnet) = (state.table(), state.subnet);
    if !nft(&format!("list table bridge {table}")).is_ok_and(|rules| !rules.is_empty()) {
        nft(&format!(
            "table ip {table} {{
               chain postrouting {{
                 type nat hook postrouting priority srcnat
                 ip saddr {subnet} ip daddr != {subnet} masquerade
               }}
             }}
             table bridge {table} {{
               set cut {{ type ipv4_addr . ipv4_addr; }}
               chain forward {{
                 type filter hook forward priority filter
                 ip saddr . ip daddr @cut drop
               }}
             }}"
        ))?;
    }
    accept_forwarded(&bridge)
}

/// Removes the lab's network; what is not there is fine.
pub(super) fn down(state: &State) -> Result<(), LabError> {
    let bridge = state.bridge();
    let interfaces = state.nodes.iter().map(NodeRecord::interface);
    for interface in interfaces.chain([bridge.clone()]) {
        if is_interface(&interface) {
            let mut delete = Command::new("ip");
            delete.args(["link", "delete", &interface]);
            // It may go by itself while we look: its node's end has just been closed.
            run("removing an interface", &mut delete)
                .map(drop)
                .or_else(|error| {
                    if is_interface(&interface) {
                        Err(error)
                    } else {
                        Ok(())
                    }
                })?;
        }
    }
    let table = state.table();
    for family in ["ip", "bridge"] {
        // Adding first: deleting a table that is not there is an error.
        nft(&format!(
            "add table {family} {table}; delete table {family} {table}"
        ))?;
    }
    if exists("iptables") {
        for direction in DIRECTIONS {
            while forward_rule("--delete", direction, &bridge).is_ok() {}
        }
    }
    Ok(())
}

/// Nodes reach the package mirror through the machine.
fn forward(store: &Store) -> Result<(), LabError> {
    let _machine = Lock::take(&store.labs(), "the labs", &mut |_| {})?;
    let (path, memory) = (Path::new(IP_FORWARD), store.ip_forward());
    let value = fs::read_to_string(path).map_err(LabError::file(path))?;
    if value.trim() == "1" {
        return Ok(());
    }
    fs::write(&memory, &value).map_err(LabError::file(&memory))?;
    fs::write(path, "1\n").map_err(LabError::file(path))
}

/// Puts back what the first lab changed on the machine itself, once no lab is left.
pub(super) fn restore(store: &Store) -> Result<(), LabError> {
    let _machine = Lock::take(&store.labs(), "the labs", &mut |_| {})?;
    let (path, memory) = (Path::new(IP_FORWARD), store.ip_forward());
    let Ok(value) = fs::read_to_string(&memory) else {
        return Ok(());
    };
    if !store.names()?.is_empty() || any_bridge()? {
        return Ok(());
    }
    fs::write(path, value).map_err(LabError::file(path))?;
    fs::remove_file(&memory).map_err(LabError::file(&memory))
}

/// Whether some lab's bridge is there, of this folder of labs or of another.
fn any_bridge() -> Result<bool, LabError> {
    let folder = Path::new("/sys/class/net");
    let interfaces = fs::read_dir(folder).map_err(LabError::file(folder))?;
    Ok(interfaces.flatten().any(|interface| {
        let name = interface.file_name().to_string_lossy().into_owned();
        name.strip_prefix("mh")
            .is_some_and(|id| id.len() == 6 && u32::from_str_radix(id, 16).is_ok())
    }))
}

/// Docker and ufw drop what is forwarded, even from port to port of a bridge, unless a rule of
/// their own table accepts it.
fn accept_forwarded(bridge: &str) -> Result<(), LabError> {
    if !exists("iptables") {
        return Ok(());
    }
    let rules = run(
        "asking for the machine's firewall",
        Command::new("iptables").args(["--wait", "--list-rules", "FORWARD"]),
    );
    if !rules.is_ok_and(|rules| rules.starts_with("-P FORWARD DROP")) {
        return Ok(());
    }
    for direction in DIRECTIONS {
        if forward_rule("--check", direction, bridge).is_err() {
            forward_rule("--insert", direction, bridge)?;
        }
    }
    Ok(())
}

const DIRECTIONS: [&str; 2] = ["--in-interface", "--out-interface"];

fn forward_rule(verb: &str, direction: &str, bridge: &str) -> Result<(), LabError> {
    let mut iptables = Command::new("iptables");
    iptables.args(["--wait", verb, "FORWARD", direction, bridge]);
    iptables.args(["--jump", "ACCEPT"]);
    run(
        "opening the machine's firewall to the bridge",
        &mut iptables,
    )
    .map(drop)
}

/// Pulls or plugs the network cable of a node.
pub(super) fn set_link(node: &NodeRecord, up: bool) -> Result<(), LabError> {
    let state = if up { "up" } else { "down" };
    run(
        &format!("{}: setting its interface {state}", node.name),
        Command::new("ip").args(["link", "set", &node.interface(), state]),
    )
    .map(drop)
}

/// Drops, or drops no longer, what two nodes send each other.
pub(super) fn set_pair(
    state: &State,
    one: &NodeRecord,
    other: &NodeRecord,
    connected: bool,
) -> Result<(), LabError> {
    let (table, one, other) = (state.table(), one.address, other.address);
    let pairs = format!("bridge {table} cut {{ {one} . {other}, {other} . {one} }}");
    nft(&format!("add element {pairs}"))?;
    if connected {
        nft(&format!("delete element {pairs}"))?;
    }
    Ok(())
}

/// Whether the machine has an interface of that name.
pub(super) fn is_interface(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).exists()
}

fn nft(rules: &str) -> Result<String, LabError> {
    run("nft", Command::new("nft").arg(rules))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<Ipv4Net> {
        texts
            .iter()
            .map(|text| text.parse().expect("a subnet"))
            .collect()
    }

    #[test]
    fn routes_that_lead_everywhere_are_no_obstacle() {
        let routes = r#"[{"dst":"default","gateway":"10.0.0.1"},{"dst":"128.0.0.0/1"},
            {"dst":"10.0.0.0/8"},{"type":"local","dst":"192.168.1.7"},{"dst":"fe80::/64"}]"#;
        assert_eq!(
            destinations(routes),
            nets(&["10.0.0.0/8", "192.168.1.7/32"])
        );
    }

    #[test]
    fn a_subnet_is_chosen_that_nothing_else_uses() {
        let free = choose("lab", None, &[]).expect("a subnet");
        assert_eq!(choose("lab", None, &[]).ok(), Some(free));
        assert!(nets(&["10.89.0.0/16"])[0].contains(&free));
        let second = choose("lab", None, &[free]).expect("a subnet");
        assert_ne!(second, free);
        let elsewhere = choose("lab", None, &nets(&["10.0.0.0/8"])).expect("a subnet");
        assert!(nets(&["172.29.0.0/16"])[0].contains(&elsewhere));
        let all = nets(&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]);
        assert!(choose("lab", None, &all).is_err());
    }

    #[test]
    fn a_wanted_subnet_that_collides_is_refused() {
        let wanted = nets(&["10.1.2.0/24"])[0];
        assert_eq!(choose("lab", Some(wanted), &[]).ok(), Some(wanted));
        let error =
            choose("lab", Some(wanted), &nets(&["10.1.2.53/32"])).map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err(
                "subnet 10.1.2.0/24 collides with 10.1.2.53/32, which this machine or another lab \
                 uses"
                    .to_owned()
            )
        );
    }
}
