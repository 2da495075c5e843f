//! Rendered files: as they are to look, and as the programs that read them judge them.

mod clusters;
mod encrypted;
mod etcd;
mod inventories;
mod programs;
mod sample;
mod snapshots;
mod templates;
mod vip;
