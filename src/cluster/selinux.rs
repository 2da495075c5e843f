//! What SELinux has to be told of a node: the labels of data directories that its policy does not
//! know.

use super::{Node, Role};

/// HAProxy may connect to any port, and bind to any: the policy's own lists know neither Patroni's
/// REST API on another port than 8008 nor PostgreSQL.
pub const HAPROXY_BOOLEAN: &str = "haproxy_connect_any";

/// Where the policies of the distributions have PostgreSQL's data.
const POSTGRESQL: [&str; 2] = ["/var/lib/pgsql/", "/var/lib/postgresql/"];
/// etcd has no policy of its own; its directory has the label of whatever is in /var/lib.
const ETCD: &str = "/var/lib/";

impl Node {
    /// The data directories for which the policy needs a rule, each with the type of its label.
    pub fn labelled_directories(&self) -> Vec<(&str, &'static str)> {
        let data_dir = self.postgresql.data_dir.as_deref();
        let postgresql = data_dir
            .filter(|_| self.has(Role::Postgresql))
            .filter(|path| !POSTGRESQL.iter().any(|known| path.starts_with(known)))
            .map(|path| (path, "postgresql_db_t"));
        let etcd = Some(self.etcd_data_dir.as_str())
            .filter(|path| self.has(Role::Etcd) && !path.starts_with(ETCD))
            .map(|path| (path, "var_lib_t"));
        postgresql.into_iter().chain(etcd).collect()
    }
}
