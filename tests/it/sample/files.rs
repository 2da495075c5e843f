//! Files of the sample, rendered and on the node.

use mahout::cluster::Node;
use mahout::facts::FileFacts;
use mahout::render::{File, Purpose};
use mahout::secret::Secret;

/// patroni.yml, with one line to vary.
pub(crate) fn patroni_yml(node: &Node, line: &str) -> File {
    let content = format!(
        "# managed\nscope: demo\nname: {name}\nrestapi:\n  listen: {address}:8008\n  \
         authentication:\n    username: patroni\n    password: s3cret-restapi\nbootstrap:\n  \
         dcs:\n{line}\n    loop_wait: 10\n",
        name = node.name,
        address = node.address,
    );
    File {
        path: "/etc/patroni/patroni.yml".to_owned(),
        content: Secret::new(content),
        owner: "postgres",
        group: "postgres",
        mode: 0o600,
        sensitive: true,
        check: None,
        purpose: Purpose::PatroniConfig,
    }
}

pub(crate) fn haproxy_cfg() -> File {
    File {
        path: "/etc/haproxy/haproxy.cfg".to_owned(),
        content: Secret::new("global\n    maxconn 100\n"),
        owner: "root",
        group: "root",
        mode: 0o644,
        sensitive: false,
        check: None,
        purpose: Purpose::HaproxyConfig,
    }
}

/// The file as it lies on a node.
pub(crate) fn on_node(file: &File) -> FileFacts {
    FileFacts {
        owner: file.owner.to_owned(),
        group: file.group.to_owned(),
        mode: format!("{:o}", file.mode),
        sha256: file.sha256(),
        content: Some(file.content.clone()),
        modified: 0,
        link: None,
    }
}
