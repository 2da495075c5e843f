# Conditions under which a step was planned. Each prints why it no longer holds, and nothing if it
# does. One that asks over the network asks a few times: a lost packet is no reason to stop.

# patient_guard CONDITION ARGUMENT…
patient_guard() {
	local until why
	until=$(($(uptime_seconds) + 5))
	while :; do
		why=$("$@")
		[ -n "$why" ] || return 0
		[ "$(uptime_seconds)" -lt "$until" ] || break
		nap 0.3
	done
	printf '%s' "$why"
}

# leader_is NODE URL
leader_is() {
	local leader
	http "$2/leader"
	[ "$status" != 200 ] || return 0
	if [ "$status" = 000 ]; then
		echo "patroni on \`$1\`, the leader, does not answer: $body"
		return
	fi
	http "$2/cluster"
	leader=$(printf '%s' "$body" | tr '{}' '\n\n' |
		grep -E '"role": *"(leader|standby_leader|master)"' | head -n 1 |
		sed -n 's/.*"name": *"\([^"]*\)".*/\1/p')
	if [ -n "$leader" ]; then
		echo "the leader is now \`$leader\`"
	else
		echo "\`$1\` is no longer the leader, and nobody else is"
	fi
}

# hands_over NODE URL CANDIDATE: one that follows has the state `running`, from Patroni 3.1 on
# `streaming`; without a candidate one of the others is enough.
hands_over() {
	local why followers
	why=$(leader_is "$1" "$2")
	if [ -n "$why" ]; then
		echo "$why"
		return
	fi
	http "$2/cluster"
	case $body in *'"pause": true'* | *'"pause":true'*)
		echo 'Patroni has been paused'
		return
		;;
	esac
	followers=$(printf '%s' "$body" | tr '{}' '\n\n' |
		grep -E '"state": *"(running|streaming)"' | grep -v -E "\"name\": *\"$1\"")
	if [ -n "$3" ]; then
		followers=$(printf '%s' "$followers" | grep -E "\"name\": *\"$3\"")
	fi
	if [ -n "$followers" ]; then return; fi
	if [ -n "$3" ]; then
		echo "\`$3\` does not follow \`$1\` any more"
	else
		echo "nobody follows \`$1\` any more"
	fi
}

# etcd_quorum_without NODE NEEDED [MEMBER URL]…
etcd_quorum_without() {
	local node=$1 needed=$2 healthy=0 ill='' url
	shift 2
	while [ $# -gt 1 ]; do
		url=$2
		http "$url/health"
		case $body in
		*'"health":"true"'* | *'"health": "true"'* | *'"health":true'*) healthy=$((healthy + 1)) ;;
		*) ill="${ill:+$ill, }\`$1\` ($url)" ;;
		esac
		shift 2
	done
	[ "$healthy" -lt "$needed" ] || return 0
	echo "etcd would lose its quorum without \`$node\`: not healthy: $ill"
}

# data_directory_empty PATH
data_directory_empty() {
	[ -n "$(ls -A "$1" 2>/dev/null)" ] || return 0
	echo "there are files in $1 now"
}
