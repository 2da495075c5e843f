//! What can be broken, and what is said of it.

use mahout::cluster::ExternalEtcd;
use mahout::facts::etcd::{EtcdLogin, EtcdMember, EtcdPermission};
use mahout::facts::{DirectoryFacts, FileFacts};
use mahout::secret::{Secret, scram};
use mahout::verify::Severity;
use mahout::verify::doors::{Door, Outcome};
use mahout::verify::probe::ProbeKind;
use serde_json::json;

use crate::sample::{Sample, certificates, unit_facts};

const DAY: i64 = 24 * 3600;

pub(super) type Break = fn(&mut Sample);

#[rustfmt::skip] // one line a case
/// The check, how bad, a word of what is said, and what is broken.
pub(super) const BROKEN: &[(&str, Severity, &str, Break)] = &[
    ("etcd.members_healthy", Severity::Error, "it commits no proposal", |s| s.etcd(3).healthy = false),
    ("etcd.members_healthy", Severity::Error, "not reachable", |s| s.lose(3)),
    ("etcd.members", Severity::Error, "pg-3 is not a member", |s| { for number in 1..=3 { s.etcd(number).members.pop(); } }),
    ("etcd.members", Severity::Error, "old-1 is a member and not", |s| {
        s.etcd(1).members.push(EtcdMember {
            name: "old-1".to_owned(),
            ..EtcdMember::default()
        });
    }),
    ("etcd.members", Severity::Warning, "never started", |s| {
        s.etcd(1).members.push(EtcdMember::default());
    }),
    ("etcd.members", Severity::Warning, "learner", |s| {
        s.etcd(1).members[2].is_learner = true
    }),
    ("etcd.one_leader", Severity::Error, "knows no leader", |s| {
        s.etcd(3).leader_id.clear()
    }),
    ("etcd.one_leader", Severity::Error, "different leaders", |s| s.etcd(3).leader_id = "id-pg-3".to_owned()),
    ("etcd.one_leader", Severity::Error, "no member answers", |s| { for number in 1..=3 { s.node(number).etcd = None; } }),
    ("etcd.one_cluster_id", Severity::Error, "c2 on pg-3", |s| {
        s.etcd(3).cluster_id = "c2".to_owned()
    }),
    ("etcd.alarms", Severity::Error, "NOSPACE", |s| {
        s.etcd(1).alarms = vec!["NOSPACE on id-pg-1".to_owned()]
    }),
    ("etcd.database_size", Severity::Warning, "1.5 GiB of 2.0 GiB", |s| s.etcd(1).db_size_bytes = 3 << 29),
    ("etcd.database_size", Severity::Error, "refuses writes", |s| s.etcd(1).db_size_bytes = 2 << 30),
    ("etcd.applied", Severity::Warning, "2000 committed", |s| {
        s.etcd(1).raft_index = 2900
    }),
    ("etcd.applied", Severity::Error, "8000 committed", |s| {
        s.etcd(1).raft_index = 8900
    }),
    ("etcd.versions", Severity::Warning, "3.5.16 on pg-3", |s| {
        s.etcd(3).server_version = "3.5.16".to_owned()
    }),
    ("etcd.versions", Severity::Error, "is 3.0.0", |s| {
        s.etcd(1).cluster_version = "3.0.0".to_owned()
    }),
    ("etcd.access", Severity::Error, "nobody has to log in", |s| s.access(1).login = EtcdLogin::NotNeeded),
    ("etcd.access", Severity::Error, "refuses the vault's password", |s| s.access(2).login = EtcdLogin::Refused),
    ("etcd.access", Severity::Error, "beside `root`, mallory", |s| {
        s.access(1).users.insert("mallory".to_owned(), vec!["root".to_owned()]);
    }),
    ("etcd.access", Severity::Error, "reaches beyond /service/demo/: /", |s| {
        s.access(1).permissions.as_mut().expect("a role").push(EtcdPermission {
            kind: "READ".to_owned(),
            key: "/".to_owned(),
            range_end: "0".to_owned(),
        });
    }),
    ("etcd.access", Severity::Error, "Patroni has no user", |s| s.access(1).permissions = None),
    ("etcd.access", Severity::Warning, "the password of before", |s| s.access(1).login = EtcdLogin::Previous),
    ("etcd.access", Severity::Warning, "more than one user in etcd: mahout-demo-00000000, mahout-demo-0a1b2c3d", |s| {
        s.access(1).users.insert("mahout-demo-00000000".to_owned(), vec!["mahout-demo".to_owned()]);
    }),
    ("etcd.access", Severity::Warning, "does not say who is let in", |s| s.etcd(3).access = None),
    ("etcd.closed", Severity::Error, "without a certificate: answer 200", |s| {
        s.door(2, Door::EtcdClientCertificate, Outcome::Open("answer 200".to_owned()));
    }),
    ("etcd.closed", Severity::Warning, "not known: etcd-peer-plain", |s| s.doors.retain(|knock| knock.door != Door::EtcdPeerPlain)),
    ("patroni.closed", Severity::Error, "from anybody: answer 200", |s| {
        s.door(3, Door::RestPatch, Outcome::Open("answer 200".to_owned()));
    }),
    ("postgresql.closed", Severity::Error, "without TLS: it asks", |s| {
        s.door(1, Door::PostgresqlPlain, Outcome::Open("it asks for a password".to_owned()));
    }),
    ("haproxy.closed", Severity::Warning, "haproxy-superuser (refused)", |s| {
        s.door(1, Door::HaproxySuperuser, Outcome::Unknown("refused".to_owned()));
    }),
    ("haproxy.closed", Severity::Error, "page is open: answer 200", |s| {
        s.door(1, Door::HaproxyStatistics, Outcome::Open("answer 200".to_owned()));
    }),
    ("system.reachable", Severity::Error, "`Alpine Linux` (ID=alpine, VERSION_ID=12) is not a distribution", |s| {
        let os = &mut s.node(2).system.os;
        (os.id, os.id_like, os.pretty_name) = ("alpine".to_owned(), Vec::new(), "Alpine Linux".to_owned());
        s.rendered.remove(&crate::sample::name(2));
    }),
    ("system.tls", Severity::Warning, "clear text", |s| s.cluster.tls.enabled = false),
    ("system.tls", Severity::Warning, "the external etcd is spoken to in clear text", |s| {
        s.cluster.etcd.external = Some(ExternalEtcd {
            endpoints: vec!["10.0.9.1:2379".to_owned()],
            protocol: "http".to_owned(),
            ca_file: None,
            cert_file: None,
            key_file: None,
            username: None,
        });
    }),
    ("patroni.answers", Severity::Error, "port 8008", |s| {
        s.node(2).patroni = None
    }),
    ("patroni.one_leader", Severity::Error, "no member leads", |s| s.patroni(1).primary_status = 503),
    ("patroni.one_leader", Severity::Error, "pg-1, pg-3", |s| {
        s.patroni(3).primary_status = 200
    }),
    ("patroni.one_leader", Severity::Error, "does not hold the leader key", |s| { s.patroni(3).role = "primary".to_owned(); }),
    ("patroni.one_leader", Severity::Error, "different leaders", |s| {
        s.patroni(3).members[1].role = "leader".to_owned();
        s.patroni(3).members[0].role = "replica".to_owned();
    }),
    ("patroni.members", Severity::Error, "pg-3 is not a member", |s| { s.patroni(1).members.pop(); }),
    ("patroni.members", Severity::Error, "pg-9 is a member and not", |s| { s.patroni(1).members[2].name = "pg-9".to_owned(); }),
    ("patroni.members", Severity::Error, "scope `other`", |s| {
        s.patroni(1).scope = "other".to_owned()
    }),
    ("patroni.running", Severity::Error, "start failed", |s| {
        s.patroni(3).state = "start failed".to_owned()
    }),
    ("patroni.replicas_streaming", Severity::Error, "state `catchup`", |s| { s.postgresql(1).replication[0].state = "catchup".to_owned(); }),
    ("patroni.replicas_streaming", Severity::Error, "state `running`", |s| { s.postgresql(1).replication.remove(0); }),
    ("patroni.replicas_streaming", Severity::Error, "timeline 2, the leader pg-1 on 1", |s| { s.patroni(3).timeline = Some(2); }),
    ("patroni.replicas_streaming", Severity::Error, "without a leader", |s| s.patroni(1).primary_status = 503),
    ("patroni.replicas_streaming", Severity::Error, "no replica answers", |s| { s.lose(2); s.lose(3); }),
    ("patroni.lag", Severity::Warning, "2.0 MiB behind", |s| {
        s.postgresql(1).replication[1].lag_bytes = Some(2 << 20);
    }),
    ("patroni.lag", Severity::Warning, "not known", |s| {
        s.postgresql(1).replication[1].lag_bytes = None;
        s.patroni(1).members[2].lag_bytes = None;
    }),
    ("patroni.synchronous", Severity::Error, "nobody could take over", |s| {
        s.patroni(1).config.insert("synchronous_mode".to_owned(), json!("quorum"));
    }),
    ("patroni.pending_restart", Severity::Warning, "a setting waits", |s| s.patroni(3).pending_restart = true),
    ("patroni.pending_restart", Severity::Warning, "max_connections wait", |s| {
        s.postgresql(3).pending_restart = vec!["max_connections".to_owned()];
    }),
    ("patroni.paused", Severity::Warning, "no automatic failover", |s| s.patroni(2).paused = true),
    ("patroni.dynamic_configuration", Severity::Error, "ttl: is 20, wanted 30", |s| { s.patroni(1).config["ttl"] = json!(20); }),
    ("patroni.dynamic_configuration", Severity::Error, "max_connections: is not set, wanted 100", |s| {
        s.patroni(1).config["postgresql"]["parameters"] = json!({});
    }),
    ("patroni.dynamic_configuration", Severity::Error, "no member shows", |s| { for number in 1..=3 { s.patroni(number).config.clear(); } }),
    ("postgresql.answers", Severity::Error, "does not answer", |s| s.postgresql(3).answers = false),
    ("postgresql.one_writable", Severity::Error, "two histories", |s| s.postgresql(3).in_recovery = Some(false)),
    ("postgresql.one_writable", Severity::Error, "takes no writes", |s| s.postgresql(1).in_recovery = Some(true)),
    ("postgresql.durability", Severity::Error, "fsync is off", |s| set(s, "fsync")),
    ("postgresql.durability", Severity::Error, "full_page_writes is off", |s| set(s, "full_page_writes")),
    ("postgresql.durability", Severity::Error, "synchronous_commit is off", |s| set(s, "synchronous_commit")),
    ("postgresql.system_identifier", Severity::Error, "of another cluster: 99", |s| {
        s.postgresql(3).system_identifier = Some("99".to_owned());
        s.patroni(3).system_identifier = Some("99".to_owned());
    }),
    ("postgresql.system_identifier", Severity::Error, "its Patroni serves 99", |s| { s.patroni(3).system_identifier = Some("99".to_owned()); }),
    ("postgresql.system_identifier", Severity::Error, "the DCS knows no", |s| { for number in 1..=3 { s.etcd(number).initialize = None; } }),
    ("postgresql.passwords", Severity::Error, "the role postgres has a password that is tried first", |s| guessed(s, "postgres", "zalando")),
    ("postgresql.passwords", Severity::Error, "the role app has a password that is tried first", |s| guessed(s, "app", "app")),
    ("postgresql.versions_equal", Severity::Warning, "15.14 on pg-1, pg-2; 15.9 on pg-3", |s| { s.postgresql(3).server_version = Some(150_009); }),
    ("postgresql.versions_equal", Severity::Error, "major versions differ", |s| { s.postgresql(3).server_version = Some(160_001); }),
    ("postgresql.versions_equal", Severity::Error, "the inventory says 16", |s| { s.cluster.postgresql.version = Some(16); }),
    ("postgresql.stray", Severity::Error, "pid 99 on /var/lib/postgresql/15/main", |s| {
        s.postgresql(2)
            .postmasters
            .insert("/var/lib/postgresql/15/main".to_owned(), 99);
    }),
    ("postgresql.stray", Severity::Error, "outside Patroni", |s| {
        let only = [("/srv/other".to_owned(), 99)];
        s.postgresql(2).postmasters = only.into();
    }),
    ("postgresql.hba", Severity::Error, "line 3: end-of-line", |s| {
        s.postgresql(2).hba_errors =
            vec!["line 3: end-of-line before authentication method".to_owned()];
    }),
    ("postgresql.hba_rules", Severity::Error, "has `host all all all trust`", |s| s.postgresql(2).hba_rules.insert(0, "host all all all trust".to_owned())),
    ("postgresql.hba_rules", Severity::Error, "lacks `local all postgres peer`", |s| { s.postgresql(2).hba_rules.remove(0); }),
    ("postgresql.hba_rules", Severity::Error, "another order", |s| s.postgresql(2).hba_rules.reverse()),
    ("postgresql.hba_rules", Severity::Error, "scram-sha-256`, which is not", |s| {
        // Without the certificate.
        s.postgresql(2).hba_rules[1] =
            "hostssl all,replication postgres,replicator 10.0.0.0 255.255.255.0 scram-sha-256".to_owned();
    }),
    ("postgresql.encryption", Severity::Error, "speaks no TLS", |s| set(s, "ssl")),
    ("postgresql.encryption", Severity::Error, "streams in clear text", |s| s.postgresql(1).replication[0].encrypted = Some(false)),
    ("postgresql.passwords", Severity::Error, "kept as md5", |s| {
        let md5 = Some(Secret::new("md5d41d8cd98f00b204e9800998ecf8427e"));
        s.postgresql(1).verifiers.insert("replicator".to_owned(), md5);
    }),
    ("postgresql.passwords", Severity::Error, "has no password", |s| { s.postgresql(1).verifiers.insert("replicator".to_owned(), None); }),
    ("postgresql.distribution_units", Severity::Error, "starts at boot", |s| { s.unit(1, "postgresql.service").enabled = "enabled".to_owned(); }),
    ("postgresql.distribution_units", Severity::Error, "postgresql@15-main.service runs", |s| {
        *s.unit(1, "postgresql@15-main.service") =
            unit_facts("active", "running", "enabled-runtime");
    }),
    ("haproxy.answers", Severity::Error, "port 7000", |s| {
        s.node(2).haproxy = None
    }),
    ("haproxy.servers", Severity::Error, "demo_read_write leads to pg-1, pg-2, not to pg-1", |s| {
        s.haproxy(3).servers[2].status = "UP".to_owned();
    }),
    ("haproxy.servers", Severity::Error, "leads to nobody", |s| {
        s.haproxy(3).servers[0].status = "DOWN".to_owned()
    }),
    ("haproxy.servers", Severity::Error, "does not lead to pg-3 (L4CON)", |s| {
        s.haproxy(1).servers[5].status = "DOWN".to_owned();
        s.haproxy(1).servers[5].check = "L4CON".to_owned();
    }),
    ("haproxy.servers", Severity::Error, "pg-1, which is no replica", |s| { s.haproxy(1).servers[1].status = "UP 1/2".to_owned(); }),
    ("haproxy.read", Severity::Error, "no pg_hba.conf entry", |s| s.probe(2, ProbeKind::Read, Err("FATAL:  no pg_hba.conf entry for host"))),
    ("haproxy.write", Severity::Error, "did not come through: refused", |s| s.probe(2, ProbeKind::Write, Err("refused"))),
    ("haproxy.write", Severity::Error, "a standby, which refused it", |s| {
        s.probe(2, ProbeKind::Write, Err("ERROR:  cannot assign TransactionIds during recovery"));
    }),
    ("haproxy.write", Severity::Error, "pg-2, a standby", |s| {
        s.probe(2, ProbeKind::Write, Ok(("10.0.0.12", true)))
    }),
    ("haproxy.write", Severity::Error, "pg-3, which is not the leader", |s| { s.probe(2, ProbeKind::Write, Ok(("10.0.0.13", false))); }),
    ("haproxy.write", Severity::Error, "10.9.9.9, which is not the leader", |s| { s.probe(2, ProbeKind::Write, Ok(("10.9.9.9", false))); }),
    ("haproxy.write", Severity::Warning, "no write was tried", |s| s.probes.clear()),
    ("haproxy.read", Severity::Error, "did not come through", |s| s.probe(1, ProbeKind::Read, Err("refused"))),
    ("haproxy.read", Severity::Error, "pg-1, which is no replica", |s| { s.probe(1, ProbeKind::Read, Ok(("10.0.0.11", false))); }),
    ("haproxy.read", Severity::Error, "10.9.9.9, which is no node", |s| { s.probe(1, ProbeKind::Read, Ok(("10.9.9.9", true))); }),
    ("haproxy.read", Severity::Warning, "no read was tried", |s| s.probes.clear()),
    ("vip.held", Severity::Error, "nobody holds 10.0.0.100", |s| { s.node(2).system.addresses.pop(); }),
    ("vip.held", Severity::Error, "pg-1, pg-2 all hold 10.0.0.100", |s| {
        s.node(1).system.addresses.push("10.0.0.100".to_owned());
    }),
    ("vip.held", Severity::Warning, "one that cannot may do so", |s| s.lose(2)),
    ("vip.write", Severity::Error, "10.0.0.100 did not come through: refused", |s| s.probe(1, ProbeKind::Vip, Err("refused"))),
    ("vip.write", Severity::Error, "landed on pg-3, which is not the leader", |s| { s.probe(1, ProbeKind::Vip, Ok(("10.0.0.13", false))); }),
    ("vip.write", Severity::Warning, "no write was tried", |s| s.probes.clear()),
    ("system.units", Severity::Error, "keepalived.service is failed", |s| {
        *s.unit(3, "keepalived.service") = unit_facts("failed", "failed", "enabled");
    }),
    ("system.reachable", Severity::Error, "connection timed out", |s| s.lose(2)),
    ("system.units", Severity::Error, "is failed (exit-code)", |s| {
        *s.unit(2, "etcd.service") = unit_facts("failed", "failed", "enabled");
        s.unit(2, "etcd.service").result = "exit-code".to_owned();
    }),
    ("system.units", Severity::Error, "does not start at boot (disabled)", |s| { s.unit(2, "haproxy.service").enabled = "disabled".to_owned(); }),
    ("system.units", Severity::Error, "does not exist", |s| {
        s.unit(2, "patroni.service").load = "not-found".to_owned()
    }),
    ("system.units", Severity::Warning, "has not read it again", |s| { s.unit(2, "patroni.service").needs_daemon_reload = true; }),
    ("system.files", Severity::Error, "is missing", |s| {
        s.node(2).files.clear();
    }),
    ("system.files", Severity::Error, "the content differs, mode 644, not 600", |s| {
        let file = s
            .node(2)
            .files
            .get_mut("/etc/patroni/patroni.yml")
            .expect("the file");
        file.sha256 = "00".to_owned();
        file.mode = "644".to_owned();
    }),
    ("system.files", Severity::Error, "owner root:root, not postgres:postgres", |s| {
        let file = s
            .node(2)
            .files
            .get_mut("/etc/patroni/patroni.yml")
            .expect("the file");
        (file.owner, file.group) = ("root".to_owned(), "root".to_owned());
    }),
    ("system.files", Severity::Error, "symbolic link to /tmp/x", |s| {
        let file = s
            .node(2)
            .files
            .get_mut("/etc/haproxy/haproxy.cfg")
            .expect("the file");
        file.link = Some("/tmp/x".to_owned());
    }),
    ("system.files", Severity::Warning, "60-mahout-watchdog.rules is ours, and the inventory no longer asks", |s| {
        let path = "/etc/udev/rules.d/60-mahout-watchdog.rules";
        let file = s.file(2, "/etc/haproxy/haproxy.cfg").clone();
        let ours = Secret::new("# managed by mahout; ...\n");
        s.node(2).files.insert(path.to_owned(), FileFacts { content: Some(ours), ..file });
        s.rendered.values_mut().for_each(|it| it.files.retain(|file| file.path != path));
    }),
    ("system.certificates", Severity::Error, "/etc/mahout/patroni.pem: is not the one", |s| {
        let other = s.file(1, "/etc/mahout/patroni.pem").content.clone();
        s.file(2, "/etc/mahout/patroni.pem").content = other;
    }),
    ("system.certificates", Severity::Error, "no authority in /etc/mahout/ca.crt", |s| {
        let other = certificates::made(&s.cluster).ca_bundle;
        s.file(2, "/etc/mahout/ca.crt").content = Some(Secret::new(other));
    }),
    ("system.certificates", Severity::Error, "holds no certificate", |s| s.file(2, "/etc/mahout/patroni.pem").content = Some(Secret::new("x"))),
    ("system.certificates", Severity::Warning, "patroni.pem: not known", |s| s.file(2, "/etc/mahout/patroni.pem").content = None),
    ("system.certificates", Severity::Warning, "patroni.pem expires in 65 days", |s| s.now += 300 * DAY),
    ("system.certificates", Severity::Error, "patroni.pem: expired 5 days ago", |s| s.now += 370 * DAY),
    ("system.certificates", Severity::Warning, "expires in 250 days, and with it", |s| s.now += 3400 * DAY),
    ("system.certificates", Severity::Error, "others than root could replace", |s| {
        s.node(1).directories.insert("/etc/mahout".to_owned(), DirectoryFacts {
            owner: "root".to_owned(),
            mode: "777".to_owned(),
            ..DirectoryFacts::default()
        });
    }),
    ("system.sysctl", Severity::Error, "vm.swappiness is 60, wanted 1", |s| sysctl(s, true)),
    ("system.sysctl", Severity::Warning, "cannot be set in this container", |s| sysctl(s, false)),
    ("system.transparent_huge_pages", Severity::Error, "are `always`", |s| { s.node(1).system.transparent_huge_pages = Some("always".to_owned()); }),
    ("system.transparent_huge_pages", Severity::Warning, "cannot switch them off", |s| {
        s.node(1).system.transparent_huge_pages = Some("madvise".to_owned());
        s.node(1).system.transparent_huge_pages_writable = false;
    }),
    ("system.limits", Severity::Warning, "may open 1024 files", |s| { s.unit(1, "patroni.service").limit_nofile = Some(1024); }),
    ("system.watchdog", Severity::Warning, "no /dev/watchdog", |s| s.node(1).system.watchdog_device = false),
    ("system.watchdog", Severity::Error, "requires one", |s| {
        s.cluster.nodes[0].patroni.watchdog = "required".to_owned();
        s.node(1).system.watchdog_device = false;
    }),
    ("system.time", Severity::Error, "no time service", |s| {
        s.node(1).system.time_service = None
    }),
    ("system.time", Severity::Warning, "not synchronised", |s| {
        s.node(1).system.clock_synchronized = Some(false)
    }),
    ("system.clocks", Severity::Warning, "0.8 s ahead of pg-1", |s| s.node(3).system.clock_offset = Some(0.81)),
    ("system.clocks", Severity::Error, "3.0 s ahead of pg-1", |s| s.node(3).system.clock_offset = Some(3.01)),
    ("system.disk", Severity::Warning, "(8 %)", |s| {
        s.node(2).disks[0].free_bytes = 8 << 30
    }),
    ("system.disk", Severity::Error, "(2 %)", |s| {
        s.node(2).disks[0].free_bytes = 2 << 30
    }),
    ("system.disk", Severity::Error, "512.0 MiB of 2.0 GiB", |s| {
        s.node(2).disks[0].size_bytes = 2 << 30;
        s.node(2).disks[0].free_bytes = 512 << 20;
    }),
    ("system.disk", Severity::Warning, "5000 inodes", |s| {
        s.node(2).disks[0].free_inodes = Some(5000)
    }),
    ("system.disk", Severity::Error, "500 inodes", |s| {
        s.node(2).disks[0].free_inodes = Some(500)
    }),
    ("system.machine_ids", Severity::Error, "pg-1, pg-2 have one", |s| { s.node(2).system.machine_id = "machine-pg-1".to_owned(); }),
    ("system.hostname", Severity::Warning, "is called `localhost`", |s| { s.node(2).system.hostname = "localhost.local".to_owned(); }),
    ("system.hostname", Severity::Error, "is called `localhost`", |s| {
        s.cluster.nodes[1].system.check_hostname = true;
        s.node(2).system.hostname = "localhost".to_owned();
    }),
    ("system.resolves", Severity::Warning, "pg-1 resolves to 127.0.1.1, not to 10.0.0.11", |s| {
        s.node(1)
            .system
            .resolves
            .insert("pg-1".to_owned(), "127.0.1.1".to_owned());
    }),
    ("system.resolves", Severity::Error, "resolves to nothing", |s| { s.cluster.patroni.connect_by_name = true; s.node(1).system.resolves.clear(); }),
    ("system.versions", Severity::Warning, "Patroni differs: 3.0.2-1 on pg-1, pg-2; 4.0.7-1 on pg-3", |s| { package(s, "patroni", "4.0.7-1"); }),
    ("system.versions", Severity::Warning, "etcd differs", |s| {
        package(s, "etcd-server", "3.5.16-1")
    }),
    ("system.versions", Severity::Warning, "HAProxy differs", |s| package(s, "haproxy", "3.0.11-1")),
    ("system.libc", Severity::Warning, "glibc 2.36 on pg-1, pg-2; 2.41 on pg-3", |s| { s.node(3).system.libc = "2.41".to_owned(); }),
];

/// The role's verifier is of this password; one round is enough for that.
fn guessed(sample: &mut Sample, role: &str, password: &str) {
    let verifier = scram::verifier(&Secret::new(password), b"salt", 1);
    let verifiers = &mut sample.postgresql(1).verifiers;
    verifiers.insert(role.to_owned(), Some(verifier));
}

fn set(sample: &mut Sample, setting: &str) {
    let settings = &mut sample.postgresql(2).settings;
    settings.insert(setting.to_owned(), "off".to_owned());
}

fn sysctl(sample: &mut Sample, writable: bool) {
    let live = sample
        .node(2)
        .sysctl
        .get_mut("vm.swappiness")
        .expect("the key");
    (live.value, live.writable) = ("60".to_owned(), writable);
}

fn package(sample: &mut Sample, name: &str, version: &str) {
    let package = sample.node(3).packages.get_mut(name).expect("the package");
    package.installed = Some(version.to_owned());
}
