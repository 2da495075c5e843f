//! Every inventory that comes with mahout, through the whole of the offline path, before HAProxy
//! and Patroni's schema.

use std::collections::BTreeMap;
use std::path::Path;

use mahout::cluster::{self, Secrets};
use mahout::render::{Check, Rendered, Target};
use mahout::secret::Secret;
use mahout::template::Templates;

use super::programs::{assert_haproxy_accepts, assert_patroni_accepts, haproxy_version};
use super::sample::platform;

#[test]
fn every_inventory_renders_what_its_programs_accept() {
    let templates = Templates::builtin().expect("our templates");
    let haproxy = haproxy_version();
    let mut patroni = BTreeMap::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories");
    for entry in folder.read_dir().expect("inventories") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        if !name.ends_with(".yml") {
            continue;
        }
        let cluster = cluster::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let made = cluster.secrets.keys();
        let secrets = Secrets::from(
            made.map(|name| (name.clone(), Secret::new(format!("hunter2-{name}"))))
                .collect::<std::collections::BTreeMap<_, _>>(),
        );
        for mut platform in [
            platform("debian", "12"),
            platform("debian", "13"),
            platform("rhel", "9.4"),
        ] {
            // Words that are newer than the HAProxy of this machine would be unknown to it.
            if let Some(installed) = haproxy.as_ref().filter(|v| **v < platform.shipped.haproxy) {
                platform.shipped.haproxy = installed.clone();
            }
            for node in &cluster.nodes {
                let target = Target::of_platform(&cluster, node, &secrets, &platform);
                let rendered = Rendered::of(&target, &templates).expect("files");
                assert!(!rendered.files.is_empty(), "{name} {}", node.name);
                let what = format!("{name} {} {:?}", node.name, platform.family);
                for file in rendered.files {
                    let text = file.content.expose();
                    match file.check {
                        Some(Check::Haproxy) if haproxy.is_some() => {
                            assert_haproxy_accepts(text, &what);
                        }
                        Some(Check::Patroni) => {
                            patroni.insert(what.clone(), text.to_owned());
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    assert_patroni_accepts(&patroni);
}
