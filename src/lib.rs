//! One inventory file takes bare Linux nodes to a verified, highly available PostgreSQL cluster
//! (etcd, Patroni, PostgreSQL, HAProxy) over plain SSH.
//!
//! An **inventory** is what the operator wrote. Validated, it is a **cluster**: complete,
//! consistent, deployable. **Facts** are what the nodes say. A **plan** is the difference, as
//! data: phases of steps, each step one **action** on one node. **Execute** carries a plan out
//! over a **transport** and makes no decisions. **Verify** judges fresh facts against the
//! cluster. **Explain** turns
//! the records of a failure into its cause. **Report** turns events into words, pictures and JSON.
//!
//! ```text
//! inventory -> cluster --+--> render --+--> plan -> execute -> transport
//!                        |             |     ^
//!                        +--> facts ---+-----+--> verify -> report
//! ```
//!
//! The plan that `deploy --dry-run` shows is the very value that `deploy` carries out. The
//! cluster itself is the state: there is no state file, and a first deploy, a second run and the
//! resumption of an interrupted one are the same path.

pub mod cli;
pub mod cluster;
pub mod commands;
pub mod error;
pub mod execute;
pub mod explain;
pub mod facts;
pub mod inventory;
pub mod lab;
pub mod plan;
pub mod platform;
pub mod render;
pub mod report;
pub mod secret;
pub mod template;
pub mod transport;
pub mod vault;
pub mod verify;
pub mod x509;
