//! A client that writes through HAProxy while a test does something to the cluster: which writes
//! failed, whether one that was acknowledged was lost, and for how long none went through.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::operator::TestLab;

/// How the client goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Every write has a connection of its own.
    Reconnecting,
    /// One connection for all of them; one that ends is made anew, and counts as a failure.
    OneSession,
}

/// A client at work: one row every 100 ms, each with its number.
pub(crate) struct Ledger<'a> {
    lab: &'a TestLab,
    node: String,
    table: String,
}

/// What a client saw.
#[derive(Debug)]
pub(crate) struct Figures {
    /// How many writes were acknowledged.
    pub(crate) writes: usize,
    /// What the failed ones were told.
    pub(crate) failed: Vec<String>,
    /// The numbers of the acknowledged writes that are not in the table.
    pub(crate) lost: Vec<u64>,
    /// The longest time from one acknowledged write to the next.
    pub(crate) longest_gap: Duration,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { writes, lost, .. } = self;
        let (failed, gap) = (self.failed.len(), self.longest_gap.as_secs_f64());
        write!(
            f,
            "{writes} writes, {failed} failed, {} lost, longest gap {gap:.1} s",
            lost.len()
        )
    }
}

const WRITER: &str = r#"#!/bin/bash
# writer.sh CLIENT TABLE FOLDER [PSQL…]: tells `MILLISECONDS NUMBER ok` or `MILLISECONDS NUMBER
# failed WHY` of each write.
client=$1 table=$2 folder=$3
shift 3
now() { date +%s%3N; }
next() {
	n=$(($(cat "$folder/number" 2>/dev/null) + 1))
	echo $n >"$folder/number"
}
reconnecting() {
	while [ ! -e "$folder/stop" ]; do
		next
		if said=$("$@" -c "insert into $table values ($n)" 2>&1); then
			echo "$(now) $n ok"
		else
			echo "$(now) $n failed $(echo "$said" | tr '\n' ' ')"
		fi
		sleep 0.1
	done
}
statements() {
	while [ ! -e "$folder/stop" ]; do
		next
		echo "insert into $table values ($n) returning n;" || return
		sleep 0.1
	done
}
one_session() {
	while [ ! -e "$folder/stop" ]; do
		statements 2>/dev/null | "$@" 2>"$folder/error" | while read -r done; do
			echo "$(now) $done ok"
		done
		[ -e "$folder/stop" ] || echo "$(now) - failed $(tr '\n' ' ' <"$folder/error")"
		sleep 0.1
	done
}
$client "$@" >"$folder/log"
touch "$folder/ended"
"#;

impl<'a> Ledger<'a> {
    /// Begins to write from `node` through the HAProxy on `through`, into a table of its own, as
    /// a role that is nobody's but the test's. Where the cluster has authorities, it trusts those
    /// of now, and no others before [`Ledger::is_given`] them.
    pub(crate) fn open(
        lab: &'a TestLab,
        leader: &str,
        (node, through): (&str, &str),
        client: Client,
    ) -> Self {
        let call = match client {
            Client::Reconnecting => "reconnecting",
            Client::OneSession => "one_session",
        };
        let target = format!("-h {} -p 5000 -U ledger -d postgres", lab.address(through));
        Self::begin(
            lab,
            leader,
            node,
            call,
            (&format!("ledger_{call}"), &target),
        )
    }

    /// As [`Ledger::open`] with [`Client::Reconnecting`], by a connection string of libpq, into a
    /// table that is called after `name`.
    pub(crate) fn open_by(
        lab: &'a TestLab,
        leader: &str,
        node: &str,
        (name, target): (&str, &str),
    ) -> Self {
        let table = format!("ledger_{name}");
        let target = format!("-d '{target}'");
        Self::begin(lab, leader, node, "reconnecting", (&table, &target))
    }

    /// `target` are the words by which psql knows where to connect.
    fn begin(
        lab: &'a TestLab,
        leader: &str,
        node: &str,
        call: &str,
        (table, target): (&str, &str),
    ) -> Self {
        let ledger = Self {
            lab,
            node: node.to_owned(),
            table: table.to_owned(),
        };
        lab.on(
            leader,
            &as_postgres(&format!(
                "do $$ begin if not exists (select from pg_roles where rolname = 'ledger') then \
                 create role ledger login password 'ledger'; end if; end $$; \
                 drop table if exists {table}; create table {table} (n bigint primary key); \
                 grant insert, select on {table} to ledger"
            )),
        )
        .succeeds();
        let folder = ledger.folder();
        lab.on(
            node,
            &format!(
                "rm -rf {folder}; mkdir -p {folder}; cat >{folder}/writer.sh <<'EOF'\n{WRITER}\nEOF\n\
                 export PGPASSWORD=ledger PGCONNECT_TIMEOUT=10\n\
                 if cp /etc/mahout/ca.crt {folder}/ca.crt 2>/dev/null; then \
                 export PGSSLMODE=verify-full PGSSLROOTCERT={folder}/ca.crt; fi\n\
                 psql=$(echo /usr/lib/postgresql/*/bin/psql)\n\
                 setsid bash {folder}/writer.sh {call} {table} {folder} $psql {target} \
                 -XAtq -v ON_ERROR_STOP=1 </dev/null >/dev/null 2>&1 &\n\
                 i=0; while [ $i -lt 100 ] && ! grep -q ok {folder}/log; do sleep 0.1; \
                 i=$((i + 1)); done; grep -q ok {folder}/log"
            ),
        )
        .succeeds();
        ledger
    }

    /// The client's file of authorities becomes the one that mahout has written.
    pub(crate) fn is_given(&self, authorities: &str) {
        let file = format!("{}/ca.crt", self.folder());
        let script = format!("cat >{file}.new <<'EOF'\n{authorities}\nEOF\nmv {file}.new {file}");
        self.lab.on(&self.node, &script).succeeds();
    }

    /// Awaits a write that is acknowledged, after all that have failed.
    pub(crate) fn goes_on(&self) {
        let log = format!("{}/log", self.folder());
        let script = format!(
            "i=0; while [ $i -lt 600 ] && ! tail -n 1 {log} | grep -q ' ok$'; do sleep 0.1; \
             i=$((i + 1)); done; tail -n 1 {log} | grep ' ok$'"
        );
        self.lab.on(&self.node, &script).succeeds();
    }

    fn folder(&self) -> String {
        format!("/run/{}", self.table)
    }

    /// Ends the client, and compares what it was told with what `leader` has.
    pub(crate) fn close(self, leader: &str) -> Figures {
        let folder = self.folder();
        let log = self.lab.on(
            &self.node,
            &format!(
                "touch {folder}/stop; i=0; while [ $i -lt 300 ] && [ ! -e {folder}/ended ]; do \
                 sleep 0.1; i=$((i + 1)); done; cat {folder}/log; test -e {folder}/ended"
            ),
        );
        log.succeeds();
        let rows = self.lab.on(
            leader,
            &as_postgres(&format!("select n from {}", self.table)),
        );
        rows.succeeds();
        let there: BTreeSet<&str> = rows.stdout.lines().collect();
        let mut figures = Figures {
            writes: 0,
            failed: Vec::new(),
            lost: Vec::new(),
            longest_gap: Duration::ZERO,
        };
        let mut last = None;
        for line in log.stdout.lines() {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            let [at, number, "ok"] = words[..] else {
                figures.failed.push(line.to_owned());
                continue;
            };
            figures.writes += 1;
            if !there.contains(number) {
                figures.lost.push(number.parse().expect("a number"));
            }
            let at: u64 = at.parse().expect("milliseconds");
            let gap = Duration::from_millis(at.saturating_sub(last.unwrap_or(at)));
            figures.longest_gap = figures.longest_gap.max(gap);
            last = Some(at);
        }
        figures
    }
}

/// A statement as the superuser, over the socket.
fn as_postgres(statement: &str) -> String {
    format!(
        "cd / && runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 <<'EOF'\n{statement};\nEOF\n"
    )
}
