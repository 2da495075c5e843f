# Patroni's REST API and PostgreSQL behind it.

# patch_dynamic_configuration URL: curl's options (address, credentials, body) are on stdin, in
# base64. 409 means that somebody else was quicker, 503 that the DCS or its configuration is not
# there yet.
patch_dynamic_configuration() {
	local options answer status body until tls
	options=$(base64 -d) || exit 1
	tls=$(tls_options "$1")
	until=$(($(uptime_seconds) + 30))
	while :; do
		answer=$(printf '%s\n' "$options" | curl -sS -g --noproxy '*' $tls -m 15 -w '\n%{http_code}' -K - 2>&1)
		status=${answer##*
}
		body=${answer%
*}
		case $status in
		200) return 0 ;;
		000 | 409 | 5??) ;;
		401) die "$1 refuses the user name or the password: answer 401" ;;
		[0-9][0-9][0-9]) die "$1 answers $status: $(printf '%s' "$body" | one_line)" ;;
		esac
		[ "$(uptime_seconds)" -lt "$until" ] ||
			die "$1 answers $status: $(printf '%s' "$body" | one_line)"
		nap 0.5
	done
}

# wake_leader URL MEMBER…: curl's options for a PATCH that changes nothing are on stdin, in base64.
# A member that does not register in time is a gate's business.
wake_leader() {
	local url=$1 members member until tls
	tls=$(tls_options "$1")
	shift
	until=$(($(uptime_seconds) + 15))
	for member in "$@"; do
		while [ "$(uptime_seconds)" -lt "$until" ]; do
			members=$(curl -sS -g --noproxy '*' $tls -m 4 "$url/cluster" 2>/dev/null)
			case $members in *"\"name\": \"$member\""* | *"\"name\":\"$member\""*) break ;; esac
			nap 0.1
		done
	done
	patch_dynamic_configuration "$url/config"
}

# switch_over URL SECONDS: curl's options are on stdin, in base64. Never asked twice: the second
# request could undo the first. An answer that is lost or late says nothing, a gate looks who leads.
switch_over() {
	local options answer status body tls
	options=$(base64 -d) || exit 1
	tls=$(tls_options "$1")
	answer=$(printf '%s\n' "$options" | curl -sS -g --noproxy '*' $tls --connect-timeout 5 -m "$2" -w '\n%{http_code}' -K - 2>&1)
	case $? in 0 | 28 | 52 | 56) ;; *) die "$(printf '%s' "$answer" | sed -n 's/^curl: ([0-9]*) *//p' | head -n 1)" ;; esac
	status=${answer##*
}
	body=${answer%
*}
	case $status in
	200) printf '%s\n' "$body" ;;
	401) die "$1 refuses the user name or the password: answer 401" ;;
	4?? | 5??)
		case $body in *'status unknown'*) return 0 ;; esac
		die "Patroni refuses: $(printf '%s' "$body" | one_line)"
		;;
	esac
}

# psql_as_postgres BIN_DIR PORT SUPERUSER [OPTION]…: over the socket, SQL on stdin, errors without
# the statement that they are about (it may hold a password).
psql_as_postgres() {
	PSQL=$1/psql PGPORT=$2 PGUSER=$3 PGDATABASE=postgres PGCONNECT_TIMEOUT=5 PGOPTIONS='' \
		as_user postgres 60 \
		'cd / && exec "$PSQL" -X -q -w -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=terse -f -'
}

# psql_quietly BIN_DIR PORT SUPERUSER: the statements are on stdin, in base64.
psql_quietly() {
	base64 -d | psql_as_postgres "$@" 2>&1 || exit 1
}
