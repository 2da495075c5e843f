//! Changes that an action is made of.

use std::time::Duration;

use crate::facts::etcd::EtcdPermission;
use crate::secret::Secret;

/// What is changed about who is let in to etcd.
#[derive(Clone, Debug, PartialEq)]
pub enum EtcdChange {
    /// Make the role, give it this right, and take others away.
    Role {
        /// Its name.
        name: String,
        /// What it may do.
        grant: EtcdPermission,
        /// What it may no longer do.
        revoke: Vec<EtcdPermission>,
    },
    /// Make the user, or give an existing one this password, and the role.
    User {
        /// Its name.
        name: String,
        /// Its password.
        password: Secret,
        /// Its role.
        role: String,
    },
    /// Give a user another password.
    Password {
        /// Its name.
        name: String,
        /// Its password.
        password: Secret,
    },
    /// From now on, let in nobody who does not log in.
    RequireLogin,
    /// Remove a user, once no Patroni uses it any more.
    RemoveUser {
        /// Its name.
        name: String,
        /// The REST APIs of the members that may still be about to use another one.
        members: Vec<String>,
        /// After so long a member has acted upon what it was told before.
        rounds: Duration,
    },
}

/// A package to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageChange {
    /// Its name.
    pub name: String,
    /// What is installed now.
    pub installed: Option<String>,
    /// What will be; `None` if the lists are missing: `(newest)`.
    pub version: Option<String>,
    /// Whether the inventory demands this very version.
    pub pinned: bool,
}

impl PackageChange {
    /// `etcd-server 3.4.23`, `etcd-server (newest)`, `etcd-server 3.4.23 -> 3.4.24`.
    pub fn title(&self) -> String {
        let version = self.version.as_deref().unwrap_or("(newest)");
        match &self.installed {
            Some(installed) => format!("{} {installed} -> {version}", self.name),
            None => format!("{} {version}", self.name),
        }
    }
}
