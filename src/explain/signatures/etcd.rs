//! etcd, and Patroni's way to it.

use super::Signature;

pub(super) const ALL: &[Signature] = &[
    Signature {
        name: "etcd-lost-data",
        any: &[&["has already been bootstrapped"]],
        over: &["ready to serve client requests"],
        cause: "the etcd member lost its data, but the other members still know it",
        remedy: "`mahout replace NODE` takes the member out and brings it in again, empty; its \
                 data comes from the others",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-other-cluster",
        any: &[&["cluster ID mismatch"]],
        over: &["established a TCP streaming connection", "removed peer"],
        cause: "an etcd member belongs to another etcd cluster",
        remedy: "`mahout verify` shows each member's cluster id: the node that differs from the \
                 others is the foreign one, and `mahout replace` takes it in anew",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-old-data",
        any: &[&["tocommit(", "is out of range"]],
        over: &["ready to serve client requests"],
        cause: "the etcd member's data is older than what it has told the others: a copy was put back",
        remedy: "`mahout replace NODE` takes the member out and brings it in again, empty",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-member-removed",
        any: &[
            &["permanently removed from the cluster"],
            &["the member has been removed from the cluster"],
        ],
        over: &["ready to serve client requests"],
        cause: "the etcd member was removed from its cluster",
        remedy: "`mahout replace NODE` moves its old data aside and adds it as a new member",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-nospace",
        any: &[
            &["database space exceeded"],
            &["NOSPACE"],
            &["full: the database has"],
        ],
        over: &["alarm disarmed", "disarmed alarm"],
        cause: "etcd's database has reached its quota: it refuses every write",
        remedy: "compact, defragment one member after the other, and take the alarm back, {room}",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-no-quorum",
        any: &[
            &["is starting a new election at term"],
            &["etcdserver: no leader"],
            &["leaderless: "],
            &["etcdserver: request timed out, possibly due to connection lost"],
        ],
        over: &["elected leader", "became leader at term"],
        cause: "this etcd member finds no leader: it is cut off, or most of the members are away",
        remedy: "`mahout status` shows who is away; start `etcd.service` there, or mend what keeps \
                 the members apart; machines that are gone for good: take them out of the inventory, \
                 then `mahout restore-dcs`",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-slow-disk",
        any: &[
            &["slow fdatasync"],
            &["sync duration of", "expected less than"],
            &["overloaded likely from slow disk"],
        ],
        cause: "the disk beneath etcd is too slow",
        remedy: "give etcd a disk of its own, or a faster one; `etcd.heartbeat_interval` and \
                 `etcd.election_timeout` buy time at the price of a later failover",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-v2-api",
        any: &[
            &["404", "/v2/"],
            &["/v2/machines", "bad response"],
            &["Failed to get list of machines from", "/v2"],
        ],
        over: &["no action. I am"],
        cause: "Patroni talks to etcd's API v2, which etcd has switched off",
        remedy: "patroni.yml must say `etcd3:`; `mahout deploy` writes it",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-version-undecided",
        any: &[&["Etcd version", "is lower than 3.1.0"]],
        over: &["no action. I am"],
        cause: "etcd calls itself 3.0.0 until every initial member has joined",
        remedy: "start etcd on the members that are missing, then Patroni",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-gateway-common-name",
        any: &[&["CommonName of client sending a request against gateway"]],
        over: &["no action. I am"],
        cause: "etcd's gateway refuses a client certificate that has a common name",
        remedy: "issue it without one",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-login",
        any: &[
            &["Etcd3 authentication failed"],
            &["etcdserver: authentication failed, invalid user ID or password"],
        ],
        over: &["no action. I am"],
        cause: "etcd refuses Patroni's user or its password",
        remedy: "`mahout deploy`: etcd's users come before patroni.yml",
        ..Signature::PLAIN
    },
    Signature {
        name: "etcd-gateway-handshake",
        any: &[&["authentication handshake failed"]],
        over: &["no action. I am"],
        cause: "etcd's gateway cannot reach etcd itself",
        remedy: "its server certificate must be for clients, too (clientAuth), and in date",
        ..Signature::PLAIN
    },
];
