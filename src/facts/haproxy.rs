//! HAProxy's own view of its servers.

use serde::{Deserialize, Serialize};

/// What the statistics page says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaproxyFacts {
    /// One for each server of each listener.
    pub servers: Vec<HaproxyServer>,
}

/// A server as the statistics page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaproxyServer {
    /// `pxname`: the listener.
    pub proxy: String,
    /// `svname`: the server, a node's name.
    pub server: String,
    /// `status`: `UP`, `DOWN`, `UP 1/3`, `MAINT`, …
    pub status: String,
    /// `check_status` and `last_chk`: `L7OK`, `L7STS/503`, `L4CON`, …
    pub check: String,
}
