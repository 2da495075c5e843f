//! etcd's members, broken one by one, the second replica's mostly.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Fault, causes, on, on_all, round};
use crate::cluster::await_that;
use crate::lost::etcdctl;
use crate::operator::TestLab;

/// Certificates of another authority for this node: one in date, one that has expired.
const OTHER_AUTHORITY: &str = r#"
address=$(sed -n 's#^ETCD_LISTEN_PEER_URLS="https://\(.*\):.*#\1#p' /etc/default/etcd)
[ -d /root/mahout ] || cp -a /etc/mahout /root/mahout
mkdir -p /root/ca; cd /root/ca
key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $key -keyout ca.key -out ca.pem -subj '/CN=another authority' -days 30 2>/dev/null
cat >ca.cnf <<END
[ca]
default_ca = other
[other]
database = /root/ca/index
serial = /root/ca/serial
new_certs_dir = /root/ca
default_md = sha256
policy = any
x509_extensions = names
[any]
organizationalUnitName = optional
[names]
subjectAltName = IP:$address,IP:127.0.0.1,DNS:localhost
extendedKeyUsage = serverAuth,clientAuth
END
echo 01 >serial
openssl req $key -keyout key.pem -out request.pem -subj '/OU=node' 2>/dev/null
issue() {
	: >index
	openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in request.pem -out "$@" -notext 2>/dev/null
}
issue fresh.pem -days 3
issue old.pem -startdate 20250101000000Z -enddate 20250201000000Z
show() {
	cat "$1" key.pem >/etc/mahout/etcd-peer.pem
	systemctl restart --no-block etcd
}
"#;

/// etcd's own certificate back.
const OWN_AUTHORITY: &str = "
cp -a /root/mahout/. /etc/mahout/
systemctl restart --no-block etcd
";

pub(super) fn faults(lab: &TestLab, seen: &mut BTreeSet<&'static str>, nodes: [&str; 3]) {
    certificates(lab, seen, nodes);
    room(lab, seen, nodes);
    identity(lab, seen, nodes);
    let [first, second, _] = nodes;
    // The third one is no member any more, so that one more is most of them.
    round(
        lab,
        seen,
        &[
            Fault::new(
                second,
                "unit-stopped",
                "etcd.service",
                "systemctl stop etcd",
            ),
            Fault::new(first, "etcd-no-quorum", "knows no leader", "true"),
        ],
    );
    on(lab, second, "systemctl start etcd");
}

fn certificates(lab: &TestLab, seen: &mut BTreeSet<&'static str>, nodes: [&str; 3]) {
    let [first, _, third] = nodes;
    for (signature, file, says) in [
        (
            "tls-unknown-authority",
            "fresh.pem",
            "signed by unknown authority",
        ),
        ("tls-expired", "old.pem", "has expired"),
    ] {
        round(
            lab,
            seen,
            &[
                Fault::new(
                    third,
                    signature,
                    "/etc/mahout/etcd-peer.pem",
                    &format!("{OTHER_AUTHORITY}\nshow {file}"),
                ),
                Fault::new(first, signature, says, "true"),
            ],
        );
    }
    // A certificate of the right authority, for another address.
    let pem = on(lab, first, "base64 -w0 /etc/mahout/etcd-peer.pem").stdout;
    let script = format!(
        "echo {} | base64 -d >/etc/mahout/etcd-peer.pem; systemctl restart --no-block etcd",
        pem.trim()
    );
    round(
        lab,
        seen,
        &[
            Fault::new(third, "etcd-no-quorum", "starting a new election", &script),
            Fault::new(first, "tls-wrong-name", "not ", "true"),
        ],
    );
    on(lab, third, OWN_AUTHORITY);
}

fn room(lab: &TestLab, seen: &mut BTreeSet<&'static str>, nodes: [&str; 3]) {
    let [first, second, third] = nodes;
    round(
        lab,
        seen,
        &[
            Fault::new(
                third,
                "disk-full",
                "/var/lib/etcd/",
                "systemctl stop etcd; mv $etcd_data /root/data
                 install -d -o etcd -g etcd -m 700 $etcd_data
                 mount -t tmpfs -o size=160m,mode=700,uid=$(id -u etcd),gid=$(id -g etcd) none $etcd_data
                 cp -a /root/data/. $etcd_data/; dd if=/dev/zero of=$etcd_data/fill bs=64k 2>/dev/null
                 systemctl start --no-block etcd",
            ),
        ],
    );
    // What it wrote there counts, so that is what is taken back.
    on(
        lab,
        third,
        "systemctl stop etcd; rm $etcd_data/fill; rm -rf /root/data; cp -a $etcd_data /root/data
         umount $etcd_data; rmdir $etcd_data; mv /root/data $etcd_data; systemctl start etcd",
    );
    round(
        lab,
        seen,
        &[
            Fault::new(
                second,
                "etcd-nospace",
                "its quota is 16384",
                "sed -i 's/^\\(ETCD_QUOTA_BACKEND_BYTES=\\).*/\\116384/' /etc/default/etcd
                 systemctl restart etcd",
            ),
            Fault::new(first, "etcd-nospace", "NOSPACE", "true"),
        ],
    );
    // What is told to be pasted helps.
    let run = lab.mahout(&["explain", first, "--output", "json"]);
    let told = causes(&run);
    let told = told
        .iter()
        .find(|cause| cause["signature"] == "etcd-nospace");
    let remedy = told.and_then(|cause| cause["remedy"].as_str());
    let commands = remedy.and_then(|remedy| remedy.split('`').nth(1));
    let script = format!(
        "cat >/root/room <<'END'\n{}\nEND\nbash /root/room <<'END'\n{}\nEND\n",
        commands.expect("commands"),
        lab.secret("etcd_root")
    );
    on(
        lab,
        second,
        "cp -a /root/etcd /etc/default/etcd; systemctl restart etcd",
    );
    await_that("etcd has room", Duration::from_secs(60), || {
        lab.on(second, &script).code == 0
    });
}

fn identity(lab: &TestLab, seen: &mut BTreeSet<&'static str>, nodes: [&str; 3]) {
    let [first, _, third] = nodes;
    round(
        lab,
        seen,
        &[Fault::new(
            third,
            "unit-directory-missing",
            "No such file or directory",
            "systemctl stop etcd; mv $etcd_data /root/data; systemctl start --no-block etcd",
        )],
    );
    round(
        lab,
        seen,
        &[
            Fault::new(
                third,
                "etcd-other-cluster",
                "cluster ID mismatch",
                "systemctl stop etcd; install -d -o etcd -g etcd -m 700 $etcd_data
                 sed -i 's/^\\(ETCD_INITIAL_CLUSTER_TOKEN=\\).*/\\1another/' /etc/default/etcd
                 systemctl start --no-block etcd",
            ),
            Fault::new(first, "etcd-other-cluster", "cluster ID mismatch", "true"),
        ],
    );
    round(
        lab,
        seen,
        &[Fault::new(
            third,
            "etcd-lost-data",
            "mahout replace",
            "systemctl stop etcd; rm -rf $etcd_data/*; cp -a /root/etcd /etc/default/etcd
             systemctl start --no-block etcd",
        )],
    );
    let etcdctl = etcdctl(lab, first);
    let remove = format!(
        "systemctl stop etcd; rm -rf $etcd_data; mv /root/data $etcd_data
         {etcdctl} member=$(etcdctl member list | sed -n 's/,.* {third},.*//p')
         export member
         timeout 60 sh -c 'until etcdctl member remove $member; do sleep 0.2; done'
         systemctl start --no-block etcd"
    );
    round(
        lab,
        seen,
        &[Fault::new(
            third,
            "etcd-member-removed",
            "mahout replace",
            &remove,
        )],
    );
    on_all(lab, &[(third, "systemctl stop etcd")]);
}
