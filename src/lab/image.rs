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
use super::{bake, mounts};

/// The release of Debian that nodes run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Suite {
    /// Debian 12: PostgreSQL 15, Patroni 3.0, etcd 3.4, HAProxy 2.6.
    #[default]
    Bookworm,
    /// Debian 13: PostgreSQL 17, Patroni 4.0, etcd 3.5, HAProxy 3.0.
    Trixie,
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        })
    }
}

/// How much is on a node before the first deploy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// systemd and an SSH server.
    Bare,
    /// Bare, with the package lists and the packages of the stack in apt's cache.
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
        self.store.images().join(format!(
            "{}-{}-{}",
            self.suite,
            self.kind,
            bake::fingerprint(self.sources)
        ))
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
        match self.kind {
            ImageKind::Bare => bake::bare(&root, self.suite, self.sources, progress)?,
            ImageKind::Prepared => bake::prepared(&root, progress)?,
            ImageKind::Installed => bake::installed(&root, progress)?,
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
}
