//! What records say, turned into cause and remedy. Data: a signature matches if one line holds
//! all its words.

/// A known cause.
#[derive(Debug)]
pub(super) struct Signature {
    /// All of them stand in one line.
    words: &'static [&'static str],
    /// The cause.
    cause: &'static str,
    /// What to do.
    pub(super) remedy: &'static str,
}

/// A signature and the line that it was found in.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// The signature.
    pub(super) signature: &'static Signature,
    /// That line.
    pub(super) line: &'a str,
}

impl Found<'_> {
    /// The cause, and the line that says so.
    pub(super) fn cause(&self) -> String {
        format!("{}: \"{}\"", self.signature.cause, self.line.trim())
    }
}

/// In the order of certainty: what stands further up explains what stands below it.
const SIGNATURES: &[Signature] = &[
    Signature {
        words: &["No space left on device"],
        cause: "the disk is full",
        remedy: "make room on the file system that the evidence names",
    },
    Signature {
        words: &["system ID mismatch"],
        cause: "its data directory comes from another cluster",
        remedy: "move the data directory aside; Patroni then copies the leader's",
    },
    Signature {
        words: &["has already been bootstrapped"],
        cause: "the etcd member lost its data, but the other members still know it",
        remedy: "remove the member (`etcdctl member remove ID`), add it again, and start it with \
                 `initial-cluster-state: existing`",
    },
    Signature {
        words: &["cluster ID mismatch"],
        cause: "the etcd member belongs to another etcd cluster",
        remedy: "compare the members' data directories and `etcd.token`; the one that is foreign \
                 must be moved aside",
    },
    Signature {
        words: &["permanently removed from the cluster"],
        cause: "the etcd member was removed from its cluster",
        remedy: "move its data directory aside and add it as a new member",
    },
    Signature {
        words: &["mvcc: database space exceeded"],
        cause: "etcd's database has reached its quota",
        remedy: "compact, `etcdctl defrag` one member at a time, then `etcdctl alarm disarm`",
    },
    Signature {
        words: &["CommonName of client sending a request against gateway"],
        cause: "etcd's gateway refuses a client certificate that has a common name",
        remedy: "issue it without one",
    },
    Signature {
        words: &["Etcd3 authentication failed"],
        cause: "etcd refuses Patroni's user or its password",
        remedy: "deploy again: etcd's users come before patroni.yml",
    },
    Signature {
        words: &["x509: certificate signed by unknown authority"],
        cause: "a certificate was issued by an authority that is not trusted here",
        remedy: "deploy again; if an authority is being changed, `mahout rotate ca` ends that",
    },
    Signature {
        words: &["certificate verify failed", "unable to get local issuer"],
        cause: "a certificate was issued by an authority that is not trusted here",
        remedy: "deploy again; if an authority is being changed, `mahout rotate ca` ends that",
    },
    Signature {
        words: &["certificate has expired"],
        cause: "a certificate has expired, or is not valid yet",
        remedy: "compare the node's clock with the certificate's days; \
                 `mahout rotate certificates` issues new ones",
    },
    Signature {
        words: &["x509: certificate is valid for", ", not "],
        cause: "a certificate does not carry the address that it is shown for",
        remedy: "deploy: a changed address is issued a new certificate",
    },
    Signature {
        words: &["certificate is not valid for"],
        cause: "a certificate does not carry the name or address that it is shown for",
        remedy: "deploy: a changed address is issued a new certificate",
    },
    Signature {
        words: &["authentication handshake failed"],
        cause: "etcd's gateway cannot reach etcd itself",
        remedy: "its server certificate must be for clients, too (clientAuth), and in date",
    },
    Signature {
        words: &["404", "/v2/"],
        cause: "Patroni talks to etcd's API v2, which etcd has switched off",
        remedy: "patroni.yml must say `etcd3:`; let mahout write it",
    },
    Signature {
        words: &["address already in use"],
        cause: "a port is taken",
        remedy: "see who listens (`ss -ltnp` on the node), stop it or choose another port",
    },
    Signature {
        words: &["Address already in use"],
        cause: "a port is taken",
        remedy: "see who listens (`ss -ltnp` on the node), stop it or choose another port",
    },
    Signature {
        words: &["cannot bind socket"],
        cause: "HAProxy cannot bind its port",
        remedy: "see who listens (`ss -ltnp` on the node); with SELinux enforcing, \
                 `setsebool -P haproxy_connect_any 1`",
    },
    Signature {
        words: &["Cannot raise FD limit"],
        cause: "the node allows fewer open files than HAProxy's `maxconn` needs",
        remedy: "lower `haproxy.maxconn` in the inventory, or raise the limit of the machine",
    },
    Signature {
        words: &["could not resolve address"],
        cause: "a server in haproxy.cfg has a name that does not resolve",
        remedy: "use addresses, or mend the hosts entries",
    },
    Signature {
        words: &["No module named", "psycopg"],
        cause: "Patroni's database driver is missing",
        remedy: "install psycopg for the Python that Patroni uses (`python3-psycopg2`)",
    },
    Signature {
        words: &["Can not find suitable configuration of distributed configuration store"],
        cause: "Patroni lacks its driver for etcd",
        remedy: "install it: `python3-etcd` on Debian, `patroni-etcd` on the RHEL family",
    },
    Signature {
        words: &["No such file or directory", "/bin/postgres"],
        cause: "`bin_dir` does not hold PostgreSQL's binaries",
        remedy: "correct `postgresql.bin_dir` or `postgresql.version` in the inventory",
    },
    Signature {
        words: &["No such file or directory", "initdb"],
        cause: "`bin_dir` does not hold PostgreSQL's binaries",
        remedy: "correct `postgresql.bin_dir` or `postgresql.version` in the inventory",
    },
    Signature {
        words: &["has invalid permissions"],
        cause: "the data directory may be read by others",
        remedy: "give it to postgres with mode 0700",
    },
    Signature {
        words: &["invalid locale name"],
        cause: "the locale is not installed",
        remedy: "install it, or set `patroni.initdb` to one that is: C.UTF-8",
    },
    Signature {
        words: &["no pg_hba.conf entry"],
        cause: "pg_hba.conf refuses a connection",
        remedy: "add a line for that user and address to `postgresql.pg_hba`",
    },
    Signature {
        words: &["password authentication failed"],
        cause: "a password is not the one that the database knows",
        remedy: "bring back the secrets file that the cluster was made with",
    },
    Signature {
        words: &["waiting for leader to bootstrap"],
        cause: "the DCS says that the cluster is being made, and nobody leads it",
        remedy: "if no member bootstraps, the `initialize` key is stale: `patronictl remove`",
    },
    Signature {
        words: &["start-limit-hit"],
        cause: "the unit failed so often that systemd no longer starts it",
        remedy: "mend the cause, then `systemctl reset-failed` it",
    },
    Signature {
        words: &["Start request repeated too quickly"],
        cause: "the unit failed so often that systemd no longer starts it",
        remedy: "mend the cause, then `systemctl reset-failed` it",
    },
    Signature {
        words: &["Could not get lock"],
        cause: "another program holds the package manager's lock",
        remedy: "wait until it has ended (unattended upgrades run after a boot)",
    },
    Signature {
        words: &["Unable to locate package"],
        cause: "the package is in none of the node's repositories",
        remedy: "check the node's package sources",
    },
    Signature {
        words: &["Temporary failure resolving"],
        cause: "the package repository's name does not resolve",
        remedy: "check the node's DNS, or its proxy",
    },
    Signature {
        words: &["is not signed"],
        cause: "a package carries no signature; nothing was installed",
        remedy: "see where it comes from; a mirror must serve the packages as they are",
    },
    Signature {
        words: &["GPG check FAILED"],
        cause: "a package is not signed with a key that the node trusts; nothing was installed",
        remedy: "see where it comes from (`gpgkey` of its repository, a proxy in between); never \
                 install it unchecked",
    },
    Signature {
        words: &["modular filtering"],
        cause: "a module of the distribution hides the package",
        remedy: "`dnf -qy module disable postgresql` on the node",
    },
    Signature {
        words: &["nothing provides"],
        cause: "a package needs another one that no enabled repository has",
        remedy: "enable the repository that has it (CRB, EPEL) on the node, or name all of them under \
                 `repositories`",
    },
    Signature {
        words: &["Failed to download metadata for repo"],
        cause: "a repository of the node does not answer, and dnf gives up for its sake",
        remedy: "mend that section, or disable it: `dnf config-manager --set-disabled NAME` on the \
                 node",
    },
    Signature {
        words: &["Cannot find a valid baseurl for repo"],
        cause: "a repository of the node is gone, and yum gives up for its sake",
        remedy: "name repositories that answer under `repositories`",
    },
    Signature {
        words: &["Unknown repo"],
        cause: "the node has no repository of that name",
        remedy: "`dnf repolist --all` on the node shows the names; `dnf remove pgdg-redhat-repo` has \
                 the next deploy fetch PGDG's newest",
    },
    Signature {
        words: &["No match for argument"],
        cause: "no enabled repository has that package, or that version of it",
        remedy: "`dnf list --showduplicates NAME` on the node shows what there is; PGDG drops old \
                 versions",
    },
    Signature {
        words: &["Status code: 404"],
        cause: "a repository has moved, or no longer has that version",
        remedy: "`dnf remove pgdg-redhat-repo` on the node has the next deploy fetch PGDG's newest",
    },
    Signature {
        words: &["404", "Not Found"],
        cause: "the repository no longer has that version",
        remedy: "refresh the package lists on the node (`apt-get update`)",
    },
    Signature {
        words: &["Cannot allocate memory"],
        cause: "the kernel gives no more memory",
        remedy: "check `shared_buffers`, huge pages and vm.overcommit_memory against the memory",
    },
];

/// The first signature that one of the lines has.
pub(super) fn find<'a>(lines: &[&'a str]) -> Option<Found<'a>> {
    SIGNATURES.iter().find_map(|signature| {
        let line = lines
            .iter()
            .rfind(|line| signature.words.iter().all(|word| line.contains(word)))?;
        Some(Found { signature, line })
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn records_of_real_failures_are_recognised() {
        for (line, cause) in [
            (
                "CRITICAL: system ID mismatch, node pg-3 belongs to a different cluster: 7412 != 7399",
                "another cluster",
            ),
            (
                "member 8211f1d0f64f3269 has already been bootstrapped",
                "lost its data",
            ),
            (
                "listen tcp 10.0.0.11:2380: bind: address already in use",
                "a port is taken",
            ),
            (
                "[ALERT]    (612) : Binding [/etc/haproxy/haproxy.cfg:30] for proxy rw: cannot bind socket (Permission denied) for [10.0.0.11:5000]",
                "cannot bind",
            ),
            (
                "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (apt-get)",
                "lock",
            ),
            (
                "FATAL:  data directory \"/var/lib/postgresql/15/patroni\" has invalid permissions",
                "read by others",
            ),
            (
                "rejected connection from \"10.0.0.12:4711\" (error \"remote error: tls: bad certificate\", ServerName \"\"): x509: certificate is valid for 10.0.0.11, 127.0.0.1, not 10.0.0.12",
                "does not carry",
            ),
            (
                "ERROR: Failed to get list of machines from https://10.0.0.11:2379/v3: <Unknown error: 'CommonName of client sending a request against gateway will be ignored and not used as expected', code: 2>",
                "common name",
            ),
            (
                "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:992)",
                "not trusted",
            ),
            (
                "ModuleNotFoundError: No module named 'psycopg2'",
                "driver is missing",
            ),
            (
                "Package etcd-3.5.16-1PGDG.el9.x86_64.rpm is not signed",
                "no signature",
            ),
            ("Error: GPG check FAILED", "not signed with a key"),
            (
                "All matches were filtered out by modular filtering for argument: postgresql16-server",
                "hides the package",
            ),
            (
                "  - nothing provides python3.12-click >= 7.0 needed by patroni-4.1.0-3PGDG.rhel9.noarch",
                "needs another one",
            ),
            (
                "Error: Failed to download metadata for repo 'pgdg13': Cannot prepare internal mirrorlist: No URLs in mirrorlist",
                "'pgdg13'",
            ),
            (
                "Error: Unknown repo: 'pgdg-rhel9-extras'",
                "no repository of that name",
            ),
            ("No match for argument: patroni-3.3.1", "that version of it"),
            (
                "yum: Could not get lock: another program holds it for more than 300 s",
                "package manager's lock",
            ),
        ] {
            let found = find(&["INFO: all is well", line]).expect(line);
            assert!(found.cause().contains(cause), "{}", found.cause());
            assert!(!found.signature.remedy.is_empty());
        }
    }

    #[test]
    fn near_misses_are_not() {
        for line in [
            "INFO: no action. I am (pg-1), the leader with the lock",
            "INFO: system ID 7412 matches",
            "No module named 'yaml'",
            "listening on 10.0.0.11:2380",
        ] {
            assert!(find(&[line]).is_none(), "{line}");
        }
    }
}
