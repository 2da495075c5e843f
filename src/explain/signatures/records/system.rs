//! Records of the node itself: disks, memory, ports, packages, units.

use super::Known;

pub(super) const KNOWN: &[Known] = &[
    Known {
        name: "disk-full",
        source: "journal etcd.service",
        records: &[
            "cannot commit tx (write /var/lib/etcd/demo/member/snap/db: no space left on device)",
            "2026-11-25 16:41:50.012 UTC [7210] PANIC:  could not write to file \"pg_wal/xlogtemp.7210\": No space left on device",
            "full: /var/lib/etcd has 0 of 129024 KiB left",
        ],
        near_misses: &[
            "FATAL:  could not resize shared memory segment \"/PostgreSQL.1568952070\" to 1048576 bytes: No space left on device",
            "FATAL:  could not create semaphores: No space left on device",
        ],
    },
    Known {
        name: "memory-oom",
        source: "journal patroni.service",
        // systemd.exec(5), and the kernel's own words.
        records: &[
            "patroni.service: A process of this unit has been killed by the OOM killer.",
            "Out of memory: Killed process 1242 (postgres) total-vm:6412344kB, anon-rss:11840kB",
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,task=postgres,pid=1242,uid=105",
        ],
        near_misses: &[
            "ERROR:  out of memory",
            "patroni.service: Failed with result 'exit-code'.",
        ],
    },
    Known {
        name: "selinux-bind",
        source: "selinux",
        // Red Hat, Using SELinux, 8: troubleshooting.
        records: &[
            "type=AVC msg=audit(1764000000.123:411): avc:  denied  { name_bind } for  pid=1594 comm=\"haproxy\" src=5000 scontext=system_u:system_r:haproxy_t:s0 tcontext=system_u:object_r:commplex_main_port_t:s0 tclass=tcp_socket permissive=0",
        ],
        near_misses: &[
            "type=AVC msg=audit(1764000000.123:411): avc:  granted  { name_bind } for  pid=1594 comm=\"haproxy\"",
            "type=AVC msg=audit(1764000000.123:412): avc:  denied  { read } for  pid=1594 comm=\"haproxy\" name=\"keep\"",
        ],
    },
    Known {
        name: "selinux-connect",
        source: "selinux",
        // Red Hat, Using SELinux, 8: troubleshooting.
        records: &[
            "type=AVC msg=audit(1764000000.200:415): avc:  denied  { name_connect } for  pid=1594 comm=\"haproxy\" dest=8008 scontext=system_u:system_r:haproxy_t:s0 tcontext=system_u:object_r:http_port_t:s0 tclass=tcp_socket permissive=0",
        ],
        near_misses: &[
            "type=AVC msg=audit(1764000000.123:411): avc:  denied  { name_bind } for  pid=1594 comm=\"haproxy\" src=5000",
        ],
    },
    Known {
        name: "clock-skew",
        source: "journal etcd.service",
        // etcd's source, rafthttp/probing_status.go, 3.4 and 3.5.
        records: &[
            "the clock difference against peer b24c26a9c151e0d9 is too high [3.011s > 1s]",
            r#"{"level":"warn","msg":"prober found high clock drift","round-tripper-name":"ROUND_TRIPPER_RAFT_MESSAGE","clock-drift":"3.011s"}"#,
            "skewed: pg-3 is 3.0 s ahead of pg-1",
        ],
        near_misses: &["health check for peer b24c26a9c151e0d9 could not connect: EOF"],
    },
    Known {
        name: "port-taken",
        source: "journal haproxy.service",
        records: &[
            "[ALERT]    (3917) : Binding [/etc/haproxy/haproxy.cfg:41] for proxy demo_read_write: cannot bind socket (Address already in use) for [0.0.0.0:5000]",
            "listen tcp 10.0.0.11:2380: bind: address already in use",
            "2026-11-25 16:41:49.896 UTC [7202] LOG:  could not bind IPv4 address \"10.0.0.12\": Address already in use",
        ],
        near_misses: &[
            "listening on 10.0.0.11:2380",
            "cannot bind socket (Permission denied) for [0.0.0.0:443]",
        ],
    },
    Known {
        name: "vip-unfit",
        source: "journal keepalived.service",
        records: &["(main) Entering FAULT STATE"],
        near_misses: &[
            "VRRP_Script(leader) failed (exited with status 1)",
            "(main) Entering BACKUP STATE",
        ],
    },
    Known {
        name: "vip-twice",
        source: "journal keepalived.service",
        // The second from keepalived's source, vrrp/vrrp.c, 2.2.
        records: &[
            "(main) Received advert from 10.0.0.12 with lower priority 200, ours 250, forcing new election",
            "(main) Master received advert from 10.0.0.11 with higher priority 250, ours 200",
        ],
        near_misses: &["(main) Backup received priority 0 advertisement"],
    },
    Known {
        name: "haproxy-bind",
        source: "journal haproxy.service",
        records: &[
            "[ALERT]    (612) : Binding [/etc/haproxy/haproxy.cfg:30] for proxy rw: cannot bind socket (Permission denied) for [10.0.0.11:5000]",
        ],
        near_misses: &[
            "Binding [/etc/haproxy/haproxy.cfg:30] for proxy rw: cannot bind socket (Address already in use) for [10.0.0.11:5000]",
        ],
    },
    Known {
        name: "haproxy-open-files",
        source: "journal haproxy.service",
        records: &[
            "[ALERT]    (640) : [haproxy.main()] Cannot raise FD limit to 20043, limit is 1024.",
        ],
        near_misses: &["[NOTICE]   (640) : haproxy version is 2.6.12-1+deb12u4"],
    },
    Known {
        name: "haproxy-unresolvable",
        source: "journal haproxy.service",
        records: &[
            "[ALERT]    (4219) : config : [/etc/haproxy/haproxy.cfg:53] : 'server demo_read_write/pg-2' : could not resolve address 'nowhere.invalid'.",
        ],
        near_misses: &["Server demo_read_write/pg-2 is DOWN, reason: Layer4 timeout"],
    },
    Known {
        name: "haproxy-configuration",
        source: "journal haproxy.service",
        records: &[
            "[ALERT]    (7316) : config : parsing [/etc/haproxy/haproxy.cfg:76] : unknown keyword 'nonsense' in 'listen' section",
        ],
        near_misses: &[
            "[WARNING]  (7316) : config : parsing [/etc/haproxy/haproxy.cfg:12] : 'option httplog' not usable",
            "[WARNING]  (3939) : config : config: Can't open global server state file '/run/haproxy.servers': No such file or directory",
        ],
    },
    Known {
        name: "name-unresolvable",
        source: "journal patroni.service",
        records: &[
            "socket.gaierror: [Errno -3] Temporary failure in name resolution",
            "could not translate host name \"pg-1\" to address: Name or service not known",
            "health check for peer b24c26a9c151e0d9 could not connect: dial tcp: lookup pg-3: no such host",
        ],
        near_misses: &["WARN: reverse lookup of 10.0.0.12 failed"],
    },
    Known {
        name: "unit-directory-missing",
        source: "journal etcd.service",
        records: &[
            "etcd.service: Failed to set up mount namespacing: /run/systemd/unit-root/var/lib/etcd/demo: No such file or directory",
            "etcd.service: Main process exited, code=exited, status=226/NAMESPACE",
        ],
        near_misses: &["etcd.service: Main process exited, code=exited, status=1/FAILURE"],
    },
    Known {
        name: "unit-start-limit",
        source: "journal haproxy.service",
        records: &[
            "haproxy.service: Start request repeated too quickly.",
            "haproxy.service: Failed with result 'start-limit-hit'.",
        ],
        near_misses: &["haproxy.service: Scheduled restart job, restart counter is at 1."],
    },
    Known {
        name: "unit-masked",
        source: "units",
        records: &["masked: haproxy.service"],
        near_misses: &["haproxy.service: Result=success LoadState=loaded ActiveState=active"],
    },
    Known {
        name: "unit-stopped",
        source: "units",
        records: &["stopped: etcd.service (success, exit code 0)"],
        near_misses: &["failed: etcd.service (exit-code, exit code 1)"],
    },
    Known {
        name: "unit-failed",
        source: "units",
        records: &[
            "failed: patroni.service (exit-code, exit code 1)",
            "failed: etcd.service again and again (exit-code, exit code 226)",
        ],
        near_misses: &["stopped: etcd.service (success, exit code 0)"],
    },
    Known {
        name: "package-lock",
        source: "output",
        records: &[
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (apt-get)",
            "Waiting for process with pid 811 to finish.",
        ],
        near_misses: &[
            "lock: gave up on /run/lock/backup",
            "Reading state information...",
        ],
    },
    Known {
        name: "package-held",
        source: "output",
        records: &[
            "E: Held packages were changed and -y was used without --allow-change-held-packages.",
            "E: Unable to correct problems, you have held broken packages.",
        ],
        near_misses: &["haproxy set on hold."],
    },
    Known {
        name: "package-module",
        source: "output",
        records: &[
            "All matches were filtered out by modular filtering for argument: postgresql16-server",
        ],
        near_misses: &["All matches were filtered out by exclude filtering for argument: etcd"],
    },
    Known {
        name: "package-dependency",
        source: "output",
        records: &[
            "  - nothing provides python3.12-click >= 7.0 needed by patroni-4.1.0-3PGDG.rhel9.noarch",
        ],
        near_misses: &["the package patroni provides nothing else"],
    },
    Known {
        name: "repository-unknown",
        source: "output",
        records: &["Error: Unknown repo: 'pgdg-rhel9-extras'"],
        near_misses: &["Unknown repository option: protect"],
    },
    Known {
        name: "repository-signature",
        source: "output",
        // apt-secure(8), dnf.conf(5).
        records: &[
            "W: GPG error: http://apt.example.org bookworm-pgdg InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 7FCC7D46ACCC4CF8",
            "E: The repository 'http://apt.example.org bookworm-pgdg InRelease' is not signed.",
            "Error: GPG check FAILED",
        ],
        near_misses: &["Get:1 http://apt.example.org bookworm-pgdg InRelease [129 kB]"],
    },
    Known {
        name: "repository-not-found",
        source: "output",
        records: &[
            "  404  Not Found [IP: 10.0.0.1 80]",
            "E: Failed to fetch http://deb.example.org/debian/pool/main/h/haproxy/haproxy_2.6.12-1_amd64.deb  404  File not found [IP: 127.0.0.1 80]",
            "Status code: 404 for http://rpm.example.org/repodata/repomd.xml (IP: 10.0.0.1)",
        ],
        near_misses: &[
            "EtcdException('Bad response : 404 page not found\\n') from https://10.0.0.11:2379/v2/machines Not Found",
            "Get:404 http://deb.example.org/debian bookworm/main amd64 zlib1g",
        ],
    },
    Known {
        name: "repository-unreachable",
        source: "output",
        records: &[
            "  Temporary failure resolving 'deb.example.org'",
            "  Could not connect to deb.example.org:80 (127.0.0.1). - connect (111: Connection refused)",
            "Error: Failed to download metadata for repo 'pgdg15': Cannot download repomd.xml",
        ],
        near_misses: &["Hit:1 http://deb.example.org/debian bookworm InRelease"],
    },
    Known {
        name: "package-unknown",
        source: "output",
        records: &[
            "E: Unable to locate package patroni",
            "E: Package 'patroni' has no installation candidate",
            "Error: Unable to find a match: patroni",
        ],
        near_misses: &["patroni is already the newest version (3.0.2-1)."],
    },
];
