//! The sections `patroni` and `timings`.

use std::time::Duration;

use serde_json::json;

use super::decode::{Decode, Decoder};
use super::free::{Free, FreeList, Setting};
use super::problem::Spanned;
use super::quantity::Size;
use super::reference::SecretRef;
use super::scalar::{Listen, Port};
use super::section::{Key, Level, Table, section, words};
use super::value::{Kind, Value};

words! {
    /// What `connect_address` and the etcd hosts are written as.
    pub enum ConnectBy {
        /// The node's address.
        Address = "address";
        /// The node's name, found through the hosts entries.
        Name = "name";
    }

    /// `synchronous_mode`.
    pub enum SynchronousMode {
        /// Asynchronous replication.
        Off = "off" | "false" | "no";
        /// Named synchronous standbys.
        On = "on" | "true" | "yes";
        /// Any of several standbys (Patroni 4.0 and newer).
        Quorum = "quorum";
    }

    /// `watchdog.mode`.
    pub enum Watchdog {
        /// Not used.
        Off = "off" | "false" | "no";
        /// Used where the device is there.
        Automatic = "automatic";
        /// No leader without the device.
        Required = "required";
    }

    /// The unit's `Restart=`.
    pub enum Restart {
        /// Started again after a crash.
        OnFailure = "on-failure";
        /// Started again after any end.
        Always = "always";
        /// Left as it is.
        No = "no" | "off" | "false";
    }

    /// A set of timings that fit together.
    pub enum Base {
        /// A reliable network, failover within half a minute.
        Fast = "fast";
        /// Patroni's own defaults.
        Normal = "normal";
        /// Short outages pass without a failover.
        Safe = "safe";
        /// Nodes in different sites.
        Wide = "wide";
    }
}

section! {
    /// Patroni.
    pub struct Patroni {
        /// The REST API's port.
        Cluster port: Port;
        /// The address that the REST API listens on: address (the node's own), * or an IP address.
        Node listen: Listen;
        /// Whether connect_address and the etcd hosts are addresses or node names.
        Cluster connect_by: ConnectBy;
        /// The user of the REST API's unsafe verbs.
        Cluster rest_username: String;
        /// That user's password: generated, env:, file: or command:.
        Cluster rest_password: SecretRef;
        /// Tags: nofailover, noloadbalance, clonefrom, nosync, nostream, replicatefrom, failover_priority, or your own.
        Node tags: Table<Setting>;
        /// off, automatic or required; the device is set up by system.watchdog.
        Node watchdog: Watchdog;
        /// A replica that lags by more is not promoted.
        Cluster maximum_lag_on_failover: Size;
        /// off, on or quorum (Patroni 4.0 and newer).
        Cluster synchronous_mode: SynchronousMode;
        /// Whether writes wait when no synchronous standby is left.
        Cluster synchronous_mode_strict: bool;
        /// How many synchronous standbys there are.
        Cluster synchronous_node_count: u32;
        /// A synchronous standby that lags by more is replaced.
        Cluster maximum_lag_on_syncnode: Size = Unset;
        /// Whether the leader goes on while etcd is lost, as long as it reaches all members.
        Cluster failsafe_mode: bool;
        /// Whether an old primary is rewound instead of copied anew.
        Cluster use_pg_rewind: bool;
        /// Whether replicas have replication slots.
        Cluster use_slots: bool;
        /// Whether only members of the newest timeline may be promoted.
        Cluster check_timeline: bool = Unset;
        /// How long the primary may take to start before a failover.
        Cluster primary_start_timeout: Duration = Unset;
        /// How long the primary may take to stop in synchronous mode.
        Cluster primary_stop_timeout: Duration = Unset;
        /// How long the slot of a missing member is kept (Patroni 4.0 and newer).
        Cluster member_slots_ttl: Duration = Unset;
        /// How many timelines the DCS remembers.
        Cluster max_timelines_history: u32 = Unset;
        /// Permanent replication slots.
        Cluster slots: Free = Unset;
        /// Slots that Patroni leaves alone.
        Cluster ignore_slots: FreeList = Unset;
        /// The cluster that this one follows, as Patroni takes it.
        Cluster standby_cluster: Free = Unset;
        /// Options of initdb.
        Cluster initdb: FreeList;
        /// Patroni's systemd unit.
        Cluster service: Service;
        /// A pinned package version; else the repository's newest.
        Cluster version: String = Unset;
        /// Further dynamic settings, passed through as they are.
        Cluster dynamic: Free;
        /// Further keys of patroni.yml, passed through as they are and merged over ours.
        Node extra: Free;
    }

    /// Patroni's systemd unit.
    pub struct Service {
        /// Restart=: on-failure, always or no.
        Cluster restart: Restart;
        /// TimeoutStopSec=: long enough for PostgreSQL's last checkpoint.
        Cluster stop_timeout: Duration;
    }

    /// The times of failure detection, one by one.
    pub struct TimingsMap {
        /// fast, normal, safe or wide: where the others come from.
        Cluster base: Base;
        /// The life of the leader key.
        Cluster ttl: Duration;
        /// Patroni's sleep between two rounds.
        Cluster loop_wait: Duration;
        /// How long Patroni retries before it demotes.
        Cluster retry_timeout: Duration;
        /// HAProxy: between two checks of a healthy server.
        Cluster inter: Duration;
        /// HAProxy: between two checks of a server in transition.
        Cluster fastinter: Duration;
        /// HAProxy: between two checks of a server that is down.
        Cluster downinter: Duration;
        /// HAProxy: failed checks until a server is down.
        Cluster fall: u32;
        /// HAProxy: good checks until a server is up.
        Cluster rise: u32;
    }
}

/// `timings`: a word, or a map over one.
#[derive(Clone, Debug, Default)]
pub struct TimingsEntry(pub TimingsMap);

impl Decode for TimingsEntry {
    fn schema(level: Level) -> serde_json::Value {
        json!({"anyOf": [Base::schema(level), TimingsMap::schema(level)]})
    }

    fn keys() -> Option<&'static [Key]> {
        Some(TimingsMap::KEYS)
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        if matches!(value.kind, Kind::Map(_)) {
            return TimingsMap::decode(value, decoder).map(Self);
        }
        let base = Base::decode(value, decoder)?;
        let base = Some(Spanned {
            value: base,
            span: value.span,
        });
        Some(Self(TimingsMap {
            base,
            ..TimingsMap::default()
        }))
    }
}
