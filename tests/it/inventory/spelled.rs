//! One cluster, however its inventory is spelled.

use super::good::clean;

#[test]
fn anchors_merge_keys_and_windows_line_ends_are_read() {
    let text = "scope: main
clients: [10.0.9.0/24]
nodes:
  pg-1: &node { address: 10.0.0.11, ssh: &ssh { user: admin } }
  pg-2: { <<: *node, address: 10.0.0.12 }
  pg-3: { address: 10.0.0.13, ssh: *ssh }
";
    for text in [
        text.to_owned(),
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
    ] {
        let cluster = clean(&text);
        assert!(
            cluster
                .nodes
                .iter()
                .all(|node| node.ssh.user.as_deref() == Some("admin"))
        );
    }
}
