//! The node itself, and HAProxy's dealings with it.

use super::Signature;

/// What explains others.
pub(super) const CAUSES: &[Signature] = &[
    Signature {
        name: "disk-full",
        any: &[
            &["No space left on device"],
            &["no space left on device"],
            &["full: /"],
        ],
        // The kernel says the same of its own tables.
        without: &["semaphore", "shared memory", "semget", "shmget"],
        over: &[
            "database system is ready to accept",
            "ready to serve client requests",
        ],
        cause: "the disk is full",
        remedy: "make room on the file system that the evidence names",
        ..Signature::PLAIN
    },
    Signature {
        name: "memory-oom",
        any: &[
            &["killed by the OOM killer"],
            &["Out of memory: Killed process"],
            &["oom-kill:"],
            &["Failed with result 'oom-kill'"],
        ],
        cause: "the kernel has killed a process for want of memory",
        remedy: "lower `shared_buffers` and `work_mem`, give the node more memory, or set \
                 `system.strict_overcommit`",
        ..Signature::PLAIN
    },
    Signature {
        name: "selinux-bind",
        source: "selinux",
        any: &[&["denied", "name_bind"]],
        cause: "SELinux forbids a service to listen on its port",
        remedy: "`mahout deploy` tells SELinux what the cluster needs (for HAProxy \
                 `setsebool -P haproxy_connect_any 1`)",
        ..Signature::PLAIN
    },
    Signature {
        name: "selinux-connect",
        source: "selinux",
        any: &[&["denied", "name_connect"]],
        cause: "SELinux forbids a service to connect to a port",
        remedy: "`mahout deploy` tells SELinux what the cluster needs (for HAProxy \
                 `setsebool -P haproxy_connect_any 1`)",
        ..Signature::PLAIN
    },
    Signature {
        name: "clock-skew",
        any: &[
            &["skewed: "],
            &["clock difference against peer", "is too high"],
            &["prober found high clock drift"],
        ],
        cause: "the nodes' clocks differ",
        remedy: "see that a time service runs and is synchronised: `chronyc tracking`",
        ..Signature::PLAIN
    },
    Signature {
        name: "port-taken",
        any: &[&["address already in use"], &["Address already in use"]],
        over: &[
            "ready to serve client requests",
            "database system is ready to accept",
            "Started haproxy.service",
        ],
        cause: "a port is taken",
        remedy: "stop who listens there (`ss -ltnp` on the node) or choose another port",
        ..Signature::PLAIN
    },
    Signature {
        name: "vip-unfit",
        source: "journal keepalived.service",
        any: &[&["Entering FAULT STATE"]],
        over: &["Entering BACKUP STATE", "Entering MASTER STATE"],
        cause: "keepalived keeps the virtual address away from this node: HAProxy here does not answer, \
                or does not lead to the leader while another one does",
        remedy: "see to HAProxy: `systemctl status haproxy`, and whether NODE reaches the leader's REST \
                 API and PostgreSQL",
        ..Signature::PLAIN
    },
    Signature {
        name: "vip-twice",
        source: "journal keepalived.service",
        any: &[
            &[
                "Received advert from",
                "lower priority",
                "forcing new election",
            ],
            &["Master received advert from", "with higher priority"],
        ],
        cause: "two nodes held the virtual address at the same time",
        remedy: "VRRP (IP protocol 112) has to pass between the HAProxy nodes: look at the firewalls and \
                 the network between them",
        ..Signature::PLAIN
    },
    Signature {
        name: "haproxy-bind",
        any: &[&["cannot bind socket", "Permission denied"]],
        over: &["Started haproxy.service"],
        cause: "HAProxy may not bind its port",
        remedy: "with SELinux enforcing `setsebool -P haproxy_connect_any 1`; ports below 1024 \
                 need root",
        ..Signature::PLAIN
    },
    Signature {
        name: "haproxy-open-files",
        any: &[&["Cannot raise FD limit"]],
        over: &["Started haproxy.service"],
        cause: "the node allows fewer open files than HAProxy's `maxconn` needs",
        remedy: "lower `haproxy.maxconn` in the inventory, or raise the limit of the machine",
        ..Signature::PLAIN
    },
    Signature {
        name: "haproxy-unresolvable",
        any: &[&["could not resolve address"]],
        over: &["Started haproxy.service"],
        cause: "a server in haproxy.cfg has a name that does not resolve",
        remedy: "`mahout deploy` writes addresses; a name needs an entry in DNS or /etc/hosts",
        ..Signature::PLAIN
    },
    Signature {
        name: "haproxy-configuration",
        any: &[&["config : parsing ["]],
        without: &["could not resolve address", "[WARNING]"],
        over: &["Started haproxy.service"],
        cause: "HAProxy cannot read its configuration",
        remedy: "`mahout deploy` writes haproxy.cfg anew, and checks it before it takes its place",
        ..Signature::PLAIN
    },
    Signature {
        name: "name-unresolvable",
        any: &[
            &["Temporary failure in name resolution"],
            &["could not translate host name"],
            &["no such host"],
        ],
        over: &["no action. I am"],
        cause: "the name of another node does not resolve",
        remedy: "`system.hosts_entries` writes /etc/hosts; else mend the node's DNS",
        ..Signature::PLAIN
    },
];

/// What others cause, and says little by itself.
pub(super) const CONSEQUENCES: &[Signature] = &[
    Signature {
        name: "unit-directory-missing",
        any: &[
            &[
                "Failed to set up mount namespacing",
                "No such file or directory",
            ],
            &["status=226/NAMESPACE"],
        ],
        over: &["Started "],
        cause: "a directory that the service is to write to does not exist",
        remedy: "if a disk should be mounted there, mount it; if the data is gone for good, \
                 `mahout replace NODE`",
        ..Signature::PLAIN
    },
    Signature {
        name: "unit-start-limit",
        any: &[
            &["start-limit-hit"],
            &["Start request repeated too quickly"],
        ],
        over: &["Started "],
        cause: "the unit failed so often that systemd no longer starts it",
        remedy: "mend the cause, then `systemctl reset-failed` it and `mahout deploy`",
        ..Signature::PLAIN
    },
    Signature {
        name: "unit-masked",
        source: "units",
        any: &[&["masked: "]],
        cause: "somebody has masked the unit",
        remedy: "`systemctl unmask` it, then `mahout deploy`",
        ..Signature::PLAIN
    },
    Signature {
        name: "unit-stopped",
        source: "units",
        any: &[&["stopped: "]],
        cause: "the service was stopped",
        remedy: "`mahout deploy` starts it",
        ..Signature::PLAIN
    },
    Signature {
        name: super::LAST_RESORT,
        source: "units",
        any: &[&["failed: "]],
        cause: "the service has failed, for a reason that is not known here",
        remedy: "`mahout explain -v NODE` shows all that the node says; then `mahout deploy`",
        ..Signature::PLAIN
    },
];
