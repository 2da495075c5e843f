//! Images: root file systems that nodes are overlays of, made once and kept.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::Progress;
use super::error::LabError;
use super::sources::Sources;
use super::store::{Lock, Store, create_folder};
use super::{bake, mounts, stand_in};

/// What nodes run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Suite {
    /// Debian 12: PostgreSQL 15, Patroni 3.0, etcd 3.4, HAProxy 2.6.
    #[default]
    Bookworm,
    /// Debian 13: PostgreSQL 17, Patroni 4.0, etcd 3.5, HAProxy 3.0.
    Trixie,
    /// A stand-in for Enterprise Linux 9: dnf, and PGDG's packages rebuilt from Debian's programs:
    /// PostgreSQL 15 and 13, Patroni 4.0, etcd 3.5, HAProxy 2.6.
    El9,
}

impl Suite {
    /// The release of Debian that its root file system is made from.
    pub(super) fn release(self) -> &'static str {
        match self {
            Self::Bookworm | Self::El9 => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// What an installer leaves in /etc/hosts of a node called `name`.
    pub(super) fn hosts(self, name: &str) -> String {
        match self {
            Self::Bookworm | Self::Trixie => format!("127.0.0.1\tlocalhost\n127.0.1.1\t{name}\n"),
            Self::El9 => stand_in::HOSTS.to_owned(),
        }
    }

    /// The major version of PostgreSQL that its inventory has to name; none where the default will
    /// do.
    pub(super) fn postgresql(self) -> Option<u16> {
        match self {
            Self::Bookworm | Self::Trixie => None,
            Self::El9 => Some(15),
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::El9 => "el9",
        })
    }
}

/// How much is on a node before the first deploy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// systemd and an SSH server.
    Bare,
    /// Bare, with the package lists and the packages of the stack in apt's cache; the same as bare
    /// for a stand-in, which serves its packages itself.
    #[default]
    Prepared,
    /// Bare, with the packages of the stack installed, nothing configured, nothing started.
    Installed,
}

impl ImageKind {
    /// The image that this one is made from.
    fn base(self) -> Option<Self> {
        match self {
            Self::Bare => None,
            Self::Prepared => Some(Self::Bare),
            Self::Installed => Some(Self::Prepared),
        }
    }
}

impl fmt::Display for ImageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bare => "bare",
            Self::Prepared => "prepared",
            Self::Installed => "installed",
        })
    }
}

/// An image as this machine would make it.
pub(super) struct Image<'a> {
    store: &'a Store,
    suite: Suite,
    kind: ImageKind,
    sources: &'a Sources,
}

impl<'a> Image<'a> {
    pub(super) fn new(
        store: &'a Store,
        suite: Suite,
        kind: ImageKind,
        sources: &'a Sources,
    ) -> Self {
        let kind = match (suite, kind) {
            (Suite::El9, ImageKind::Prepared) => ImageKind::Bare,
            _ => kind,
        };
        Self {
            store,
            suite,
            kind,
            sources,
        }
    }

    /// Where it is or will be. The name tells what goes into it, so that an image that was made
    /// otherwise is not taken for this one.
    pub(super) fn folder(&self) -> PathBuf {
        let fingerprint = match self.suite {
            Suite::Bookworm | Suite::Trixie => bake::fingerprint(self.sources),
            Suite::El9 => stand_in::fingerprint(self.sources),
        };
        self.store
            .images()
            .join(format!("{}-{}-{fingerprint}", self.suite, self.kind))
    }

    /// Makes it where it is not there yet.
    ///
    /// It is made in a temporary folder and renamed when it is whole, under a lock: a build that
    /// was killed leaves a folder that the next one removes, and two builds do not collide.
    pub(super) fn ensure(&self, progress: Progress) -> Result<(), LabError> {
        if self.folder().is_dir() {
            return Ok(());
        }
        let _lock = Lock::take(&self.store.images(), "the images", progress)?;
        self.make(progress)
    }

    fn make(&self, progress: Progress) -> Result<(), LabError> {
        let folder = self.folder();
        if folder.is_dir() {
            return Ok(());
        }
        let base = self
            .kind
            .base()
            .map(|kind| Self::new(self.store, self.suite, kind, self.sources));
        if let Some(base) = &base {
            base.make(progress)?;
        }
        let started = Instant::now();
        progress(&format!(
            "making the image {} {}; it is kept for later labs",
            self.suite, self.kind
        ));
        let images = self.store.images();
        let workshop = images.join(format!(".{}-{}", self.suite, self.kind));
        mounts::remove_folder(&workshop)?;
        create_folder(&workshop)?;
        let root = workshop.join("root");
        if let Some(base) = &base {
            mounts::copy(&base.folder(), &root)?;
        }
        match (self.suite, self.kind) {
            (Suite::El9, ImageKind::Bare) => stand_in::bare(&root, self.sources, progress)?,
            (Suite::El9, _) => stand_in::installed(&root, progress)?,
            (suite, ImageKind::Bare) => {
                bake::bare(&root, suite.release(), self.sources, progress)?;
            }
            (_, ImageKind::Prepared) => bake::prepared(&root, progress)?,
            (_, ImageKind::Installed) => bake::installed(&root, progress)?,
        }
        std::fs::rename(&root, &folder).map_err(LabError::file(&folder))?;
        progress(&format!(
            "made the image {} {} in {} s",
            self.suite,
            self.kind,
            started.elapsed().as_secs()
        ));
        // Those of this kind that were made otherwise are of no more use.
        remove(
            self.store,
            &format!("{}-{}-", self.suite, self.kind),
            &folder,
        )
    }
}

/// Removes what a killed build left.
pub(super) fn remove_unfinished(store: &Store) -> Result<(), LabError> {
    // Who holds the images is making one.
    match Lock::try_take(&store.images())? {
        Some(_lock) => remove(store, ".", Path::new("")),
        None => Ok(()),
    }
}

/// Removes the images that no lab stands on.
pub(super) fn remove_unused(store: &Store, progress: Progress) -> Result<(), LabError> {
    let _lock = Lock::take(&store.images(), "the images", progress)?;
    remove(store, "", Path::new(""))
}

fn remove(store: &Store, prefix: &str, but: &Path) -> Result<(), LabError> {
    let mut used = BTreeSet::from([but.to_owned()]);
    for name in store.names()? {
        used.extend(store.claims(&name)?.map(|claims| claims.image_folder));
    }
    let images = store.images();
    for entry in std::fs::read_dir(&images).map_err(LabError::file(&images))? {
        let entry = entry.map_err(LabError::file(&images))?;
        let named_so = entry.file_name().to_string_lossy().starts_with(prefix);
        if named_so && !used.contains(&entry.path()) {
            mounts::remove_folder(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_source_makes_another_image() {
        let store = Store::at("/nowhere".into());
        let folder = |entry: &str| {
            let sources = Sources {
                entries: [entry.to_owned()].into(),
                settings: Vec::new(),
            };
            let image = Image::new(&store, Suite::Trixie, ImageKind::Bare, &sources);
            image.folder().to_string_lossy().into_owned()
        };
        assert_eq!(folder("deb a"), folder("deb a"));
        assert_ne!(folder("deb a"), folder("deb b"));
        assert!(folder("deb a").starts_with("/nowhere/images/trixie-bare-"));
    }

    #[test]
    fn a_stand_in_serves_its_packages_itself_and_needs_no_image_prepared() {
        let store = Store::at("/nowhere".into());
        let sources = Sources {
            entries: ["deb a".to_owned()].into(),
            settings: Vec::new(),
        };
        let folder = |suite, kind| Image::new(&store, suite, kind, &sources).folder();
        let bare = folder(Suite::El9, ImageKind::Bare);
        assert_eq!(folder(Suite::El9, ImageKind::Prepared), bare);
        assert_ne!(folder(Suite::El9, ImageKind::Installed), bare);
        assert_ne!(
            folder(Suite::Bookworm, ImageKind::Prepared),
            folder(Suite::Bookworm, ImageKind::Bare)
        );
    }
}
