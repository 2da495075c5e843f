# Conditions that are awaited. Each leaves in $missing what is missing yet; nothing if it holds.

# await SECONDS UNIT CONDITION ARGUMENT…: asks until the condition holds (0), the time is up (20),
# or the unit has failed for good (21); tells what is missing whenever that changes.
await() {
	local until unit=$2 began now last=- failed=0
	began=$(uptime_seconds)
	until=$((began + $1))
	shift 2
	while :; do
		missing=
		"$@"
		missing=$(printf '%s' "$missing" | one_line)
		[ -n "$missing" ] || exit 0
		if [ -n "$unit" ] && systemctl is-failed --quiet "$unit" 2>/dev/null; then
			failed=$((failed + 1))
		else
			failed=0
		fi
		[ "$missing" = "$last" ] || mark missing "$missing"
		last=$missing
		# Twice: a unit that is about to be restarted is not failed in between, but its state
		# may be read while a job changes it.
		[ "$failed" -lt 2 ] || exit 21
		now=$(uptime_seconds)
		[ "$now" -lt "$until" ] || exit 20
		if [ $((now - began)) -lt 3 ]; then nap 0.1; else nap 0.3; fi
	done
}

# no_answer URL: in words, from http's result.
no_answer() {
	missing="no answer from $1: $body"
}

# etcd_member URL MEMBERS. A freshly made cluster calls itself 3.0.0 until every initial member
# has joined, and Patroni takes it at its word.
etcd_member() {
	local url=$1 api count
	http "$url/health" || return
	if [ "$status" = 000 ]; then
		no_answer "$url"
		return
	fi
	case $body in
	*'"health":"true"'* | *'"health": "true"'* | *'"health":true'*) ;;
	*)
		json reason
		missing="$url is not healthy${value:+: $value}"
		return
		;;
	esac
	http "$url/version"
	json etcdcluster
	case $value in
	'' | not_decided | 3.0.*)
		missing="not every member has joined: the cluster's version is \`${value:-unknown}\`"
		return
		;;
	esac
	for api in v3 v3beta; do
		http "$url/$api/maintenance/status" '{}'
		[ "$status" = 404 ] || break
	done
	json leader
	case $status:$value in 200: | 200:0)
		missing="$url knows no leader"
		return
		;;
	esac
	http "$url/$api/cluster/member/list" '{}'
	if [ "$status" = 200 ]; then
		count=$(printf '%s' "$body" | grep -o '"ID"' | wc -l)
		if [ "$count" -ne "$2" ]; then
			missing="$url knows $((count)) of $2 members"
			return
		fi
	fi
	etcd_reads "$url" "$api"
}

# etcd_reads URL API: whether the gateway, by which Patroni comes, reads a key. It is a client of
# the member itself, and can fail where everything else is well. Whom the member asks for a login
# has been let through by it, and has had the quorum's answer.
etcd_reads() {
	http "$1/$2/kv/range" '{"key":"AA=="}'
	case $status:$body in
	200:* | *'user name is empty'*) return ;;
	esac
	json error || json message || value="answer $status"
	missing="the gateway of $1 does not read: $value"
}

# patroni_state URL: leaves $status of GET /health and its $body; false without an answer.
patroni_state() {
	http "$1/health"
	[ "$status" != 000 ] && return 0
	no_answer "$1"
	return 1
}

# state_in_words: what /health said.
state_in_words() {
	json role
	local role=$value
	json state
	missing="PostgreSQL is \`${value:-unknown}\`${role:+ as $role}"
	json cluster_unlocked && missing="$missing, nobody holds the leader key"
}

# patroni_leader URL
patroni_leader() {
	patroni_state "$1" || return
	state_in_words
	local state=$missing
	http "$1/primary"
	if [ "$status" != 200 ]; then
		missing=$state
		[ "$status" = 503 ] || missing="$1/primary answers $status"
		return
	fi
	http "$1/patroni"
	json database_system_identifier
	missing=
	[ -n "$value" ] || missing='the system identifier is not known yet'
}

# patroni_replica URL BIN_DIR PORT SUPERUSER. Not by /replica, which says 503 for ever on a
# member that has the tag `noloadbalance`.
patroni_replica() {
	local url=$1 receiver
	shift
	patroni_state "$url" || return
	json role
	if [ "$status" != 200 ] || [ "$value" != replica ]; then
		state_in_words
		return
	fi
	receiver=$(echo 'select status from pg_stat_wal_receiver' | psql_as_postgres "$@" 2>&1)
	case $receiver in
	streaming) ;;
	'') missing='PostgreSQL receives no WAL: it is not connected to the primary' ;;
	*) missing="the WAL receiver is not streaming: $receiver" ;;
	esac
}

# patroni_member URL
patroni_member() {
	patroni_state "$1" || return
	[ "$status" = 200 ] || state_in_words
}

# haproxy_rows URL: leaves in $rows `listener,server,status` of each server; else false.
haproxy_rows() {
	http "$1"
	if [ "$status" = 000 ]; then
		no_answer "$1"
		return 1
	fi
	if [ "$status" != 200 ]; then
		missing="$1 answers $status"
		return 1
	fi
	rows=$(printf '%s\n' "$body" | cut -d, -f1,2,18 | grep -v -e ',FRONTEND,' -e ',BACKEND,')
}

# haproxy_leader URL LISTENER FORMER: one server is up, and it is not the former leader.
haproxy_leader() {
	local rows up
	haproxy_rows "$1" || return
	up=$(printf '%s\n' "$rows" | sed -n "s/^$2,\(.*\),UP.*/\1/p" | tr '\n' ' ')
	up=${up% }
	case $up in
	'') missing="\`$2\` has no server up" ;;
	"$3") missing="\`$2\` still leads to $3" ;;
	*' '*) missing="\`$2\` leads to several servers: $up" ;;
	esac
}

# patroni_reloaded URL BIN_DIR PORT SUPERUSER. Patroni has PostgreSQL reload at the end of its own
# reload.
patroni_reloaded() {
	local url=$1 asked loaded
	shift
	patroni_member "$url"
	[ -z "$missing" ] || return
	asked=$(stat -c %Y /run/mahout/patroni.service.reloaded 2>/dev/null) || return
	loaded=$(echo 'select floor(extract(epoch from pg_conf_load_time()))::bigint' | psql_as_postgres "$@" 2>&1)
	case $loaded in
	'' | *[!0-9]*) missing="PostgreSQL does not say when it was reloaded: $loaded" ;;
	*) [ "$loaded" -ge "$asked" ] || missing='Patroni has not read its files again yet' ;;
	esac
}

# haproxy_servers URL [LISTENER COUNT]…: after a start every server counts as up until its first
# checks have failed, so that more is not enough either.
haproxy_servers() {
	local rows up
	haproxy_rows "$1" || return
	shift
	while [ $# -ge 2 ]; do
		up=$(printf '%s\n' "$rows" | grep -c "^$1,.*,UP")
		[ "$up" -eq "$2" ] || missing="${missing:+$missing, }\`$1\` has $up servers up, $2 expected"
		shift 2
	done
}

# vip_held ADDRESS PORT: keepalived runs, and somebody takes connections at the address: this node, or
# another one that held it before.
vip_held() {
	if ! systemctl is-active --quiet keepalived.service; then
		missing='keepalived does not run yet'
		return
	fi
	timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null ||
		missing="nobody takes connections at $1, port $2"
}
