//! Package managers, in what a step printed.

use super::Signature;

pub(super) const ALL: &[Signature] = &[
    Signature {
        name: "package-lock",
        any: &[
            &["Could not get lock"],
            &["Unable to lock"],
            &["was locked by another process"],
            &["Waiting for process with pid", "to finish"],
            &["Another app is currently holding the yum lock"],
        ],
        cause: "another program holds the package manager's lock",
        remedy: "wait until it has ended (unattended upgrades run after a boot)",
        ..Signature::PLAIN
    },
    Signature {
        name: "package-held",
        any: &[
            &["Held packages were changed"],
            &["you have held broken packages"],
            &["All matches were filtered out by exclude filtering"],
        ],
        cause: "a package is held in its version, or needs one that is",
        remedy: "`apt-mark showhold` on the node names it, `apt-mark unhold` releases it; or give \
                 that version in the inventory",
        ..Signature::PLAIN
    },
    Signature {
        name: "package-module",
        any: &[&["modular filtering"]],
        cause: "a module of the distribution hides the package",
        remedy: "`dnf -qy module disable postgresql` on the node",
        ..Signature::PLAIN
    },
    Signature {
        name: "package-dependency",
        any: &[&["nothing provides"]],
        cause: "a package needs another one that no enabled repository has",
        remedy: "enable the repository that has it (CRB, EPEL) on the node, or name all of them under \
                 `repositories`",
        ..Signature::PLAIN
    },
    Signature {
        name: "repository-unknown",
        any: &[&["Unknown repo: "]],
        cause: "the node has no repository of that name",
        remedy: "`dnf repolist --all` on the node shows the names; `dnf remove pgdg-redhat-repo` has \
                 the next deploy fetch PGDG's newest",
        ..Signature::PLAIN
    },
    Signature {
        name: "repository-signature",
        any: &[
            &["NO_PUBKEY"],
            &["EXPKEYSIG"],
            &["is not signed"],
            &["signatures couldn't be verified"],
            &["BADSIG"],
            &["GPG check FAILED"],
            &["Public key for", "is not installed"],
        ],
        cause: "a package, or its repository, is not signed with a key that the node trusts; nothing \
                was installed",
        remedy: "see where it comes from (the repository's current key, `gpgkey`, a proxy in \
                 between); never install it unchecked",
        ..Signature::PLAIN
    },
    Signature {
        name: "repository-not-found",
        any: &[
            &["404", "Not Found"],
            &["Failed to fetch", " 404 "],
            &["Status code: 404"],
            &["does not have a Release file"],
        ],
        without: &["/v2/"],
        cause: "the repository does not have that file, or no longer",
        remedy: "refresh the package lists on the node (`apt-get update`), check its package \
                 sources; where it is PGDG's, `dnf remove pgdg-redhat-repo` on the node has the next \
                 deploy fetch the newest",
        ..Signature::PLAIN
    },
    Signature {
        name: "repository-unreachable",
        any: &[
            &["Temporary failure resolving"],
            &["Could not connect to", "connect ("],
            &["Could not resolve '"],
            &["Unable to connect to", ":"],
            &["Failed to download metadata for repo"],
            &["Cannot download repomd.xml"],
            &["Cannot find a valid baseurl for repo"],
            &["Could not resolve host"],
        ],
        cause: "a package repository cannot be reached",
        remedy: "check the node's package sources, its DNS and its proxy; a section that is gone for \
                 good is disabled with `dnf config-manager --set-disabled NAME` on the node",
        ..Signature::PLAIN
    },
    Signature {
        name: "package-unknown",
        any: &[
            &["Unable to locate package"],
            &["has no installation candidate"],
            &["No match for argument"],
            &["Unable to find a match"],
        ],
        cause: "the package is in none of the node's repositories",
        remedy: "check the node's package sources (`apt-cache policy NAME`, `dnf list \
                 --showduplicates NAME`); old versions are dropped from them",
        ..Signature::PLAIN
    },
];
