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
        cause: "a package repository's signature is not one that the node trusts",
        remedy: "install the repository's current key on the node",
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
                 sources",
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
        remedy: "check the node's package sources, its DNS and its proxy",
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
        remedy: "check the node's package sources",
        ..Signature::PLAIN
    },
];
