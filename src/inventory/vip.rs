//! The section `vip`.

use std::net::IpAddr;
use std::time::Duration;

use super::section::section;

section! {
    /// The virtual address: where clients go in, whichever HAProxy is well.
    pub struct Vip {
        /// The address: IPv4, nobody's yet, in the HAProxy nodes' own network.
        Cluster address: IpAddr = Required;
        /// The interface that carries it; else the one in whose network it is.
        Cluster interface: String = Unset;
        /// VRRP's virtual router, from 1 to 255, unique on its network; else the address's last number.
        Cluster virtual_router_id: u32;
        /// Between two signs of life of the node that holds it.
        Cluster advert_interval: Duration;
    }
}
