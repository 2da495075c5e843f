//! The times of failure detection: one word sets Patroni's and HAProxy's together.

use std::time::Duration;

/// Patroni's `ttl`, `loop_wait`, `retry_timeout` and HAProxy's health check, which together decide
/// how long a failover takes.
///
/// Rule: `loop_wait + 2 * retry_timeout <= ttl` (Patroni, "Dynamic configuration settings").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// The life of the leader key.
    pub ttl: Duration,
    /// Patroni's sleep between two rounds.
    pub loop_wait: Duration,
    /// How long Patroni retries the DCS and PostgreSQL before it demotes.
    pub retry_timeout: Duration,
    /// HAProxy: between two checks of a healthy server.
    pub inter: Duration,
    /// HAProxy: between two checks of a server in transition.
    pub fastinter: Duration,
    /// HAProxy: between two checks of a server that is down.
    pub downinter: Duration,
    /// HAProxy: failed checks until a server is down.
    pub fall: u32,
    /// HAProxy: good checks until a server is up.
    pub rise: u32,
}

impl Timings {
    /// `fast`: a reliable network, an RTO below half a minute.
    pub const FAST: Self = Self::new([20, 5, 5], 2, 1, 1, 2, 2);
    /// `normal`: Patroni's own defaults.
    pub const NORMAL: Self = Self::new([30, 10, 10], 3, 1, 1, 3, 2);
    /// `safe`: short outages of the network or of etcd's disks pass without a failover.
    pub const SAFE: Self = Self::new([60, 10, 20], 3, 1, 1, 3, 2);
    /// `wide`: nodes in different sites.
    pub const WIDE: Self = Self::new([120, 20, 30], 5, 2, 2, 4, 2);

    const fn new(
        patroni: [u64; 3],
        inter: u64,
        fastinter: u64,
        downinter: u64,
        fall: u32,
        rise: u32,
    ) -> Self {
        Self {
            ttl: Duration::from_secs(patroni[0]),
            loop_wait: Duration::from_secs(patroni[1]),
            retry_timeout: Duration::from_secs(patroni[2]),
            inter: Duration::from_secs(inter),
            fastinter: Duration::from_secs(fastinter),
            downinter: Duration::from_secs(downinter),
            fall,
            rise,
        }
    }

    /// How long writes may stop when the leader's machine is lost without a word.
    ///
    /// The leader key lives `ttl` after its last renewal; if the machine also led etcd, etcd's
    /// new leader gives every lease its full `ttl` again after its `election`; a replica notices
    /// at once (it watches the key) or at its next round, `loop_wait` at worst, and promotes
    /// within about two seconds; HAProxy needs `rise` good checks, the first up to `downinter`
    /// away.
    pub fn worst_failover(&self, election: Duration) -> Duration {
        const PROMOTION: Duration = Duration::from_secs(2);
        self.ttl
            + election
            + self.loop_wait
            + PROMOTION
            + self.downinter
            + self.fastinter * (self.rise - 1)
    }
}
