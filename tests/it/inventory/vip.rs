//! The virtual address that an inventory asks for.

use std::time::Duration;

use super::good::{NODES, clean};

fn vip(text: &str) -> mahout::cluster::Cluster {
    clean(&format!("{NODES}vip: {{ {text} }}\n"))
}

#[test]
fn an_address_is_enough() {
    let cluster = vip("address: 10.0.0.100");
    let spec = cluster.vip.as_ref().expect("a virtual address");
    assert_eq!(spec.address.to_string(), "10.0.0.100");
    assert_eq!((spec.router, spec.advert), (100, Duration::from_secs(1)));
    assert_eq!(spec.interface, None);
    let priorities: Vec<usize> = cluster
        .nodes
        .iter()
        .map(|node| cluster.vip_priority(node))
        .collect();
    assert_eq!(priorities, [250, 200, 150]);
    // An address whose last number is none of VRRP's.
    let wide = vip("address: 10.0.4.0");
    assert_eq!(wide.vip.map(|vip| vip.router), Some(255));
    assert_eq!(clean(NODES).vip, None);
    assert_eq!(clean(NODES).worst_takeover(), None);
}

#[test]
fn many_nodes_have_ranks_of_their_own() {
    let nodes: String = (11..=70)
        .map(|number| format!("  lb-{number}: {{ address: 10.0.1.{number}, roles: [haproxy] }}\n"))
        .collect();
    let text = NODES.to_owned() + &nodes + "vip: { address: 10.0.0.100 }\n";
    let cluster = clean(&text);
    let mut priorities: Vec<usize> = cluster
        .nodes
        .iter()
        .map(|node| cluster.vip_priority(node))
        .collect();
    assert!(priorities.is_sorted_by(|a, b| a > b), "{priorities:?}");
    assert!(priorities.pop().is_some_and(|last| last >= 1));
}

#[test]
fn its_adverts_say_how_soon_it_moves() {
    let worst = |text| {
        let worst = vip(text).worst_takeover().expect("a virtual address");
        worst.as_secs_f64()
    };
    assert!((3.4..3.5).contains(&worst("address: 10.0.0.100")));
    // Then HAProxy's end is noticed later than its node's: twice in a row, once a second.
    let quick = worst("address: 10.0.0.100, advert_interval: 100ms");
    assert!((3.0..3.1).contains(&quick), "{quick}");
    let slow = worst("address: 10.0.0.100, advert_interval: 5s");
    assert!((17.0..17.1).contains(&slow), "{slow}");
}
