# Patroni told to read its files again, and a restart of it that PostgreSQL does not notice.

# reload_patroni URL: curl's options for a PATCH that changes nothing are on stdin, in base64. It
# wakes Patroni; one that refuses it reads its files at the end of its round, which a gate awaits.
reload_patroni() {
	local options tls
	options=$(base64 -d) || exit 1
	tls=$(tls_options "$1")
	reload_unit patroni.service
	printf '%s\n' "$options" |
		curl -sS -g --noproxy '*' $tls -m 10 -o /dev/null -K - >/dev/null 2>&1 || :
}

# restart_patroni URL: curl's options for the pause and for its end are on stdin, each in base64,
# and both once more. PostgreSQL goes on without Patroni only while the cluster is paused, which
# every member knows for itself at its next round.
restart_patroni() {
	local both pause resume paused='' until
	both=$(base64 -d) || exit 1
	pause=${both% *} resume=${both#* }
	http "$1/config"
	case $body in
	# What a restart has left whose node lost its power: no person's, and ended with this one.
	*'"mahout_pause": true'* | *'"mahout_pause":true'*) paused=ours ;;
	*'"pause": true'* | *'"pause":true'*) paused=before ;;
	esac
	if [ -z "$paused" ]; then
		# What it knows of an earlier pause must be over.
		await_pause "$1" no
		printf %s "$pause" | patch_dynamic_configuration "$1/config" || exit 1
	fi
	await_pause "$1" yes
	restart_unit patroni.service
	# One that does not come back must not lose its leader key to another: it could not stop its
	# PostgreSQL then.
	until=$(($(uptime_seconds) + 300))
	while :; do
		http "$1/health"
		[ "$status" != 200 ] || break
		[ "$(uptime_seconds)" -lt "$until" ] ||
			die "Patroni does not come back after its restart ($1: $status), and the cluster is left paused: \`journalctl -u patroni\` says why; then \`patronictl resume\`"
		nap 0.3
	done
	[ "$paused" = before ] || printf %s "$resume" | patch_dynamic_configuration "$1/config"
}

# await_pause URL yes|no: until Patroni there has read that the cluster is paused, or is not.
await_pause() {
	local until now
	until=$(($(uptime_seconds) + 60))
	while :; do
		http "$1/patroni"
		case $body in
		*'"pause": true'* | *'"pause":true'*) now=yes ;;
		*) now=no ;;
		esac
		if [ "$status" != 000 ] && [ "$now" = "$2" ]; then return 0; fi
		[ "$(uptime_seconds)" -lt "$until" ] || die "$1: Patroni does not notice that the cluster is paused, or no longer is"
		nap 0.2
	done
}
