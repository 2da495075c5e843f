//! Plans as data: what is planned from which facts, and what is refused.

mod adopt;
mod adopt_words;
mod care;
mod case;
mod converge;
mod enterprise_linux;
mod etcd;
mod etcd_access;
mod firewall;
mod foreign;
mod haproxy;
mod leftovers;
mod members;
mod packages;
mod passwords;
mod patroni;
mod preflight;
mod refused_etcd;
mod restore;
mod restore_again;
mod selinux;
mod settle;
mod show;
mod stages;
mod switchover;
mod vip;
