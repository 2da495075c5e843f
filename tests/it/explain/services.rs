//! Patroni, PostgreSQL and HAProxy, broken one by one.

use std::collections::BTreeSet;

use super::{Fault, for_people, on_all, round};
use crate::operator::TestLab;

/// Puts HAProxy back as it was.
const MEND_HAPROXY: &str = "
systemctl stop squatter 2>/dev/null
cp -a /root/haproxy.cfg /etc/haproxy/haproxy.cfg
systemctl unmask --runtime haproxy 2>/dev/null
systemctl reset-failed haproxy 2>/dev/null
systemctl restart haproxy
";

/// Puts Patroni back as it was.
const MEND_PATRONI: &str = r#"
[ ! -d /root/psycopg2 ] || mv /root/psycopg2 /usr/lib/python3/dist-packages/
mount -o remount,size=256m /dev/shm
cp -a /root/patroni.yml "$patroni_yml"
systemctl restart patroni
"#;

pub(super) fn faults(lab: &TestLab, seen: &mut BTreeSet<&'static str>, nodes: [&str; 3]) {
    let [first, second, third] = nodes;
    let fault = |node, signature, says, script: &str| {
        let mend = if node == first {
            MEND_HAPROXY
        } else {
            MEND_PATRONI
        };
        Fault::new(node, signature, says, &format!("{mend}\n{script}"))
    };
    round(
        lab,
        seen,
        &[
            Fault::new(
                first,
                "port-taken",
                r#"held by \"python3\""#,
                "systemctl stop haproxy
                 systemd-run --quiet --unit squatter python3 -m http.server 5000
                 until ss -ltn | grep -q ':5000 '; do sleep 0.1; done
                 systemctl start --no-block haproxy",
            ),
            Fault::new(
                second,
                "patroni-bin-dir",
                "pg_controldata",
                "sed -i 's#bin_dir: .*#bin_dir: /usr/lib/postgresql/99/bin#' $patroni_yml
                 systemctl restart patroni",
            ),
            Fault::new(
                third,
                "patroni-system-id",
                "mahout reinit",
                "systemctl stop patroni; mv $data /var/lib/postgresql/15/kept
                 install -d -o postgres -g postgres -m 700 $data
                 runuser -u postgres -- /usr/lib/postgresql/15/bin/initdb -N -D $data >/dev/null
                 systemctl start patroni",
            ),
        ],
    );
    round(
        lab,
        seen,
        &[
            fault(
                first,
                "haproxy-unresolvable",
                "nowhere.invalid",
                "sed -i 's/\\(server [^ ]* \\)[0-9.]*:/\\1nowhere.invalid:/' /etc/haproxy/haproxy.cfg
                 systemctl restart --no-block haproxy",
            ),
            fault(
                second,
                "patroni-psycopg",
                "No module named",
                "mv /usr/lib/python3/dist-packages/psycopg2 /root/; systemctl restart patroni",
            ),
            Fault::new(
                third,
                "patroni-data-not-empty",
                "system ID is invalid",
                "systemctl stop patroni; rm -rf $data
                 install -d -o postgres -g postgres -m 700 $data; touch $data/notes.txt
                 systemctl start patroni",
            ),
        ],
    );
    round(
        lab,
        seen,
        &[
            fault(
                first,
                "unit-start-limit",
                "repeated too quickly",
                "echo '  nonsense' >>/etc/haproxy/haproxy.cfg; systemctl restart --no-block haproxy",
            ),
            Fault::new(first, "haproxy-configuration", "unknown keyword", "true"),
            fault(
                second,
                "etcd-v2-api",
                "404 page not found",
                "sed -i 's/^etcd3:/etcd:/' $patroni_yml; systemctl restart patroni",
            ),
            Fault::new(
                third,
                "postgresql-other-major",
                "initialized by PostgreSQL version 14",
                "systemctl stop patroni; rm -rf $data; mv /var/lib/postgresql/15/kept $data
                 echo 14 >$data/PG_VERSION; systemctl start patroni",
            ),
        ],
    );
    round(
        lab,
        seen,
        &[
            fault(
                first,
                "unit-masked",
                "haproxy.service",
                "systemctl stop haproxy; systemctl mask --runtime haproxy",
            ),
            fault(
                second,
                "postgresql-memory",
                "Cannot allocate memory",
                "sed -i 's/shared_buffers: .*/shared_buffers: 8TB/' $patroni_yml
                 systemctl restart patroni",
            ),
            Fault::new(
                third,
                "postgresql-data-permissions",
                "has invalid permissions",
                "systemctl stop patroni; echo 15 >$data/PG_VERSION; chmod 755 $data
                 systemctl start patroni",
            ),
        ],
    );
    round(
        lab,
        seen,
        &[
            fault(
                second,
                "postgresql-shared-memory",
                "could not resize shared memory segment",
                "systemctl stop patroni; mount -o remount,size=64k /dev/shm
                 systemctl start patroni",
            ),
            Fault::new(
                third,
                "patroni-watchdog",
                "/dev/watchdog does not exist",
                "chmod 700 $data; sed -i '/^watchdog/,$s/mode: .*/mode: required/' $patroni_yml
                 systemctl restart patroni",
            ),
        ],
    );
    for_people(lab, third);
    let mends = [
        (first, MEND_HAPROXY),
        (second, MEND_PATRONI),
        (third, MEND_PATRONI),
    ];
    on_all(lab, &mends);
}

/// The DCS knows the cluster, and no member has its data.
pub(super) fn lost_everywhere(lab: &TestLab, seen: &mut BTreeSet<&'static str>, nodes: [&str; 3]) {
    on_all(
        lab,
        &nodes.map(|node| {
            (
                node,
                "systemctl stop patroni; mv $data /var/lib/postgresql/15/kept",
            )
        }),
    );
    let faults = nodes.map(|node| {
        Fault::new(
            node,
            "patroni-stale-initialize",
            "waiting for leader to bootstrap",
            "systemctl start patroni",
        )
    });
    round(lab, seen, &faults);
}
