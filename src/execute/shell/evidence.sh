# What a person would look at after a failure. Changes nothing; every question is bounded.

# section NAME: what follows belongs to it.
section() {
	mark section "$1"
}

# value FILE KEY: of the first line `key: value` of a YAML file, wherever it stands.
value() {
	sed -n "s/^ *$2: *//p" "$1" 2>/dev/null | head -n 1 | tr -d "\"'"
}

# journal UNIT SECONDS: its lines of the last SECONDS; those of a unit that does not run may be
# older: its last ones. `-n` beside `--since` would give the first lines.
journal() {
	local lines
	lines=$(timeout 10 journalctl -q --no-pager -o cat --since "@$(($(date +%s) - $2))" -u "$1" 2>/dev/null | tail -n 200)
	[ -n "$lines" ] || [ "$(systemctl is-active "$1" 2>/dev/null)" = active ] ||
		lines=$(timeout 10 journalctl -q --no-pager -o cat -n 40 -u "$1" 2>/dev/null)
	printf '%s\n' "$lines"
}

# unit_state UNIT: one line, if there is such a unit.
unit_state() {
	timeout 10 systemctl show "$1" -p LoadState -p ActiveState -p SubState -p Result \
		-p ExecMainStatus -p NRestarts -p UnitFileState 2>/dev/null | one_line |
		grep -v 'LoadState=not-found' | sed "s/^/$1: /"
	echo
}

# recent_log SECONDS DIRECTORY…: the lines of the newest file in any of them that are not older.
# A line without a time goes with the one above it.
recent_log() {
	local newest since
	since=$(date -d "@$(($(date +%s) - $1))" '+%Y-%m-%d %H:%M:%S' 2>/dev/null)
	shift
	newest=$(find "$@" -maxdepth 1 -type f ! -name '*.gz' -exec ls -t {} + 2>/dev/null | head -n 1)
	[ -z "$newest" ] || tail -n 200 "$newest" |
		awk -v since="$since" '/^[0-9]+-[0-9]+-[0-9]+ [0-9:]+/ { old = substr($0, 1, 19) < since } !old'
}

# environment KEY: the first URL of etcd's setting.
environment() {
	sed -n "s/^ETCD_$1=//p" /etc/default/etcd /etc/etcd/etcd.conf 2>/dev/null | head -n 1 | tr -d "\"'" | cut -d , -f 1
}

# ask_etcd WHAT URL OPTION…: its answer or curl's complaint, all at once: others write beside it.
# Without HTTP/2, which the peer port breaks off; an old curl speaks none and knows no such option.
ask_etcd() {
	local what=$1 url=$2 alpn=--no-alpn answer
	shift 2
	curl -q $alpn --version >/dev/null 2>&1 || alpn=
	answer=$(timeout 10 curl -q $alpn -sS -g --noproxy '*' "$@" -m 3 "$url" 2>&1)
	case $what in
	metrics)
		answer=$(printf '%s\n' "$answer" | grep -E '^(etcd_server_has_leader|etcd_server_is_leader|etcd_server_slow_apply_total|etcd_server_quota_backend_bytes|etcd_mvcc_db_total_size_in_bytes) ')
		;;
	*) answer="$what $url: $(printf '%s' "$answer" | one_line)" ;;
	esac
	printf '%s\n' "$answer"
}

# etcd_health: what the member of this node says of itself and of the others. One that knows no
# leader takes its time.
etcd_health() {
	local client peer
	have curl || return 0
	client=$(environment ADVERTISE_CLIENT_URLS)
	peer=$(environment INITIAL_ADVERTISE_PEER_URLS)
	[ -n "$client" ] || return 0
	# tls_options are words.
	ask_etcd health "$client/health" $(tls_options "$client") &
	ask_etcd metrics "$client/metrics" $(tls_options "$client") &
	ask_etcd members "$peer/members" --cacert /etc/mahout/ca.crt --cert /etc/mahout/etcd-peer.pem &
	wait
}

# data_directory: what the data directory and the binaries of patroni.yml are.
data_directory() {
	local bin_dir
	[ -n "$data_dir" ] || return 0
	bin_dir=$(value /etc/patroni/patroni.yml bin_dir)
	if [ -d "$data_dir" ]; then
		echo "data_dir $data_dir: owner $(stat -c '%U mode %a' "$data_dir")"
		if [ -e "$data_dir/PG_VERSION" ]; then
			echo "data_dir $data_dir: PG_VERSION $(head -n 1 "$data_dir/PG_VERSION")"
		elif [ -n "$(ls -A "$data_dir" 2>/dev/null)" ]; then
			echo "data_dir $data_dir: holds no PG_VERSION, but $(ls -A "$data_dir" | head -n 5 | one_line)"
		fi
	else
		echo "data_dir $data_dir: does not exist"
	fi
	[ -z "$bin_dir" ] || [ -x "$bin_dir/postgres" ] || echo "bin_dir $bin_dir: holds no postgres"
}

# watchdog: what patroni.yml wants and what there is.
watchdog() {
	local mode device
	mode=$(sed -n '/^watchdog:/,/^[^ ]/s/^ *mode: *//p' /etc/patroni/patroni.yml 2>/dev/null | tr -d "\"'")
	device=$(sed -n '/^watchdog:/,/^[^ ]/s/^ *device: *//p' /etc/patroni/patroni.yml 2>/dev/null | tr -d "\"'")
	device=${device:-/dev/watchdog}
	[ -n "$mode" ] || return 0
	if [ ! -e "$device" ]; then
		echo "watchdog mode $mode: $device does not exist"
	else
		echo "watchdog mode $mode: $device is of $(stat -c '%U mode %a' "$device")"
	fi
}

# name_resolution: every name (not address) of a server in haproxy.cfg and patroni.yml.
name_resolution() {
	local name
	{
		sed -n 's/^[[:space:]]*server [^ ]* \([^ ]*\).*/\1/p' /etc/haproxy/haproxy.cfg
		sed -n 's/^ *\(connect_address: *\|- *\)\([^ ]*:[0-9][0-9]*\)$/\2/p' /etc/patroni/patroni.yml
	} 2>/dev/null | tr -d "\"'" | sed -n 's/^\([A-Za-z0-9._-]*[A-Za-z][A-Za-z0-9._-]*\):[0-9]*$/\1/p' |
		sort -u | head -n 20 | while read -r name; do
		echo "$name: $(timeout 5 getent hosts "$name" || echo 'does not resolve')"
	done
}

# certificates: those of the files of ours, without their keys.
certificates() {
	local file
	for file in /etc/mahout/ca.crt /etc/mahout/*.pem; do
		[ -r "$file" ] || continue
		echo "file $file"
		awk '/-----BEGIN /{ shown = /-----BEGIN CERTIFICATE-----/ } shown; /-----END /{ shown = 0 }' "$file"
	done
}

# room: the file systems that matter, as df shows them.
room() {
	local etcd_dir
	etcd_dir=$(environment DATA_DIR)
	set -- / /var "${etcd_dir:-/var/lib}" "${data_dir:-/var/lib}" "${data_dir:-/var/lib}/pg_wal"
	timeout 10 df -P "$@" 2>/dev/null | sed 1d | sort -u
	timeout 10 df -Pi "$@" 2>/dev/null | sed 1d | sort -u | sed 's/^/inodes /'
}

# memory SECONDS
memory() {
	grep -E '^(MemTotal|MemAvailable|SwapFree|CommitLimit|Committed_AS):' /proc/meminfo
	(
		cd /proc/sys || exit
		grep . vm/overcommit_memory vm/overcommit_ratio kernel/sem kernel/shmall kernel/shmmax kernel/shmmni
		df -P /dev/shm | sed 1d
		timeout 10 journalctl -q -k --no-pager -o cat --since "@$(($(date +%s) - $1))" |
			grep -i -e 'out of memory' -e 'oom-kill'
	) 2>/dev/null
}

# selinux SECONDS: audit lines carry the seconds since the epoch: `msg=audit(1764000000.123:4)`.
selinux() {
	! have getenforce || getenforce
	timeout 10 tail -n 2000 /var/log/audit/audit.log 2>/dev/null | grep -e 'avc: *denied' |
		awk -v since="$(($(date +%s) - $1))" '{ at = $0; sub(/.*audit\(/, "", at); if (at + 0 >= since) print }' |
		tail -n 20
}

# collect SECONDS UNIT…: everything since so long ago.
collect() {
	local seconds=$1 unit data_dir
	shift
	section clock
	date -u '+now %s.%N'
	timeout 10 timedatectl show -p NTPSynchronized 2>/dev/null
	data_dir=$(value /etc/patroni/patroni.yml data_dir)
	section units
	for unit in "$@"; do unit_state "$unit"; done
	for unit in "$@"; do
		section "journal $unit"
		journal "$unit" "$seconds"
	done
	section 'patroni log'
	recent_log "$seconds" /var/log/patroni
	section 'postgresql log'
	recent_log "$seconds" "${data_dir:-/nowhere}/log" "${data_dir:-/nowhere}/pg_log" /var/log/postgresql
	section etcd
	etcd_health
	section listening
	timeout 10 ss -ltnp 2>/dev/null
	section disk
	room
	section memory
	memory "$seconds"
	section 'data directory'
	data_directory
	section watchdog
	watchdog
	section names
	name_resolution
	section certificates
	certificates
	section selinux
	selinux "$seconds"
	section end
}
