//! keepalived, by the names that it has on every distribution.

/// Its package.
pub const KEEPALIVED_PACKAGE: &str = "keepalived";
/// Its unit.
pub const KEEPALIVED_UNIT: &str = "keepalived.service";
/// Its configuration.
pub const KEEPALIVED_CONFIG: &str = "/etc/keepalived/keepalived.conf";
/// What we add to its unit.
pub const KEEPALIVED_DROP_IN: &str = "/etc/systemd/system/keepalived.service.d/mahout.conf";
/// The program by which it judges HAProxy. In this folder the policy of the RHEL family lets its
/// programs connect (keepalived_selinux(8): keepalived_unconfined_script_exec_t).
pub const KEEPALIVED_CHECK: &str = "/usr/libexec/keepalived/mahout-check";
