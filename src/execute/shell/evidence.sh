# What a person would look at after a failure. Changes nothing; every question is bounded.

# section NAME: what follows belongs to it.
section() {
	mark section "$1"
}

# journal UNIT SECONDS: its last lines of the last SECONDS, else its last lines. `-n` beside
# `--since` would give the first lines.
journal() {
	local lines
	lines=$(timeout 10 journalctl -q --no-pager -o cat --since "@$(($(date +%s) - $2))" -u "$1" 2>/dev/null | tail -n 40)
	[ -n "$lines" ] || lines=$(timeout 10 journalctl -q --no-pager -o cat -n 40 -u "$1" 2>/dev/null)
	printf '%s\n' "$lines"
}

# unit_state UNIT: one line.
unit_state() {
	timeout 10 systemctl show "$1" -p LoadState -p ActiveState -p SubState -p Result \
		-p ExecMainStatus -p NRestarts -p ConditionResult 2>/dev/null | one_line | sed "s/^/$1: /"
	echo
}

# newest_log DIRECTORY…: the last lines of the newest file in any of them.
newest_log() {
	local newest
	newest=$(find "$@" -maxdepth 1 -type f ! -name '*.gz' -exec ls -t {} + 2>/dev/null | head -n 1)
	[ -z "$newest" ] || tail -n 40 "$newest"
}

# collect SECONDS UNIT…: everything since so long ago.
collect() {
	local seconds=$1 unit data_dir
	shift
	data_dir=$(sed -n 's/^ *data_dir: *//p' /etc/patroni/patroni.yml 2>/dev/null | head -n 1 | tr -d "\"'")
	section units
	for unit in "$@"; do unit_state "$unit"; done
	for unit in "$@"; do
		section "journal $unit"
		journal "$unit" "$seconds"
	done
	section 'patroni log'
	newest_log /var/log/patroni
	section 'postgresql log'
	newest_log "${data_dir:-/nowhere}/log" "${data_dir:-/nowhere}/pg_log" /var/log/postgresql
	section listening
	timeout 10 ss -ltnp 2>/dev/null
	section disk
	df -P / /var /var/lib/etcd "$data_dir" 2>/dev/null | sed 1d | sort -u
	df -Pi / /var /var/lib/etcd "$data_dir" 2>/dev/null | sed 1d | sort -u | sed 's/^/inodes /'
	section memory
	grep -E '^(MemTotal|MemAvailable|SwapFree|CommitLimit|Committed_AS):' /proc/meminfo
	timeout 10 journalctl -q -k --no-pager -o cat --since "@$(($(date +%s) - seconds))" 2>/dev/null |
		grep -i -e 'out of memory' -e 'oom-kill'
	section selinux
	timeout 10 tail -n 2000 /var/log/audit/audit.log 2>/dev/null |
		grep -e 'avc: *denied' | tail -n 10
	section clock
	date -u '+%Y-%m-%dT%H:%M:%SZ'
	timeout 10 timedatectl show -p NTPSynchronized 2>/dev/null
}
