//! Who is not let in: replication, clients of HAProxy, a password of somebody else's.

use std::collections::BTreeSet;

use super::{Fault, on, round};
use crate::operator::TestLab;

pub(super) fn faults(lab: &TestLab, seen: &mut BTreeSet<&'static str>, nodes: [&str; 3]) {
    let [first, second, third] = nodes;
    let entrance = lab.address(second);
    let password = lab.secret("user.app");
    on(
        lab,
        first,
        "cp -a $data/pg_hba.conf /root/pg_hba.conf
         grep -v -e replication -e '^hostssl all all' /root/pg_hba.conf >$data/pg_hba.conf
         sql 'select pg_reload_conf()'; sql 'select pg_terminate_backend(pid) from pg_stat_replication'",
    );
    let knock = format!(
        "PGPASSWORD='{password}' psql -h {entrance} -p 5000 -U app -d postgres -c 'select 1' && exit 1
         true"
    );
    let refused = "no pg_hba.conf entry for replication";
    round(
        lab,
        seen,
        &[
            Fault::new(third, "postgresql-hba-replication", refused, &knock),
            Fault::new(second, "postgresql-hba-replication", refused, "true"),
            Fault::new(first, "postgresql-hba-haproxy", &entrance, "true"),
        ],
    );

    let wrong = "cat /root/pg_hba.conf >$data/pg_hba.conf
         sql \"alter role replicator password 'of another cluster altogether'\"
         sql 'select pg_reload_conf()'; sql 'select pg_terminate_backend(pid) from pg_stat_replication'";
    on(lab, first, wrong);
    let says = "password authentication failed";
    round(
        lab,
        seen,
        &[
            Fault::new(second, "postgresql-password", says, "true"),
            Fault::new(third, "postgresql-password", says, "true"),
        ],
    );
    let password = lab.secret("replication");
    let right = format!("sql \"alter role replicator password '{password}'\"");
    on(lab, first, &right);
}
