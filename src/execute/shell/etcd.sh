# Who is let in to etcd, by its JSON gateway, as Patroni speaks to it.

# etcd_ask PATH BODY: BODY quoted as curl's options are; the token and the body are secret, and so
# they go by stdin. What was asked once may be asked again: a member that is busy is asked for a
# while, and whoever changes root's password logs in anew. Leaves $status and $body.
etcd_ask() {
	local until
	until=$(($(uptime_seconds) + 30))
	while :; do
		answer_of "$(
			{
				[ -z "$token" ] || printf 'header = "Authorization: %s"\n' "$token"
				printf 'data-binary = %s\n' "$2"
			} | curl -sS -g --noproxy '*' $tls -m 8 -w '\n%{http_code}' -K - "$url/$api/$1" 2>&1
		)"
		case $status:$body in
		200:*) return 0 ;;
		*'invalid auth token'*)
			token=
			etcd_login
			;;
		000:* | 503:* | 504:* | *'revision of auth store is old'* | *'unhealthy cluster'*) ;;
		*) return 0 ;;
		esac
		[ "$(uptime_seconds)" -lt "$until" ] || return 0
		nap 0.5
	done
}

# etcd_must TOLERATED: what was asked went well, or ended in the error that is tolerated.
etcd_must() {
	[ "$status" != 200 ] || return 0
	case $body in
	*"${1:-?nothing?}"*) return 0 ;;
	*'user name is empty'*) die "$url refuses root's password" ;;
	esac
	json error || json message || value=$(printf '%s' "$body" | one_line)
	die "$url answers $status: $value"
}

# etcd_login: leaves $token, by the first of $login and $login_before that opens; none where nobody
# has to log in, or neither of them opens.
etcd_login() {
	local body_of
	for body_of in "$login" "$login_before"; do
		[ -n "$body_of" ] || continue
		etcd_ask auth/authenticate "$body_of"
		case $body in
		*'invalid user ID or password'*) continue ;;
		esac
		etcd_must 'authentication is not enabled'
		if [ "$status" = 200 ]; then
			json token
			token=$value
		fi
		return 0
	done
}

# etcd_user BODY: makes the user, or gives it the password, unless it has it: whoever is logged in
# by a password is logged out by its change.
etcd_user() {
	etcd_ask auth/user/add "$1"
	etcd_must 'already exists'
	[ "$status" != 200 ] || return 0
	etcd_ask auth/authenticate "$1"
	[ "$status" != 200 ] || return 0
	etcd_ask auth/user/changepw "$1"
	etcd_must
}

# etcd_access URL: what is asked is on stdin, in base64, a word and its argument a line.
etcd_access() {
	local url=$1 api=v3 token='' login='' login_before='' tls lines word rest rounds=0
	lines=$(base64 -d) || exit 1
	tls=$(tls_options "$url")
	http "$url/version"
	case $body in *'"etcdserver":"3.3.'*) api=v3beta ;; esac
	printf '%s\n' "$lines" | {
		members=
		while read -r word rest; do
			case $word in
			rounds) rounds=$rest ;;
			member) members="$members $rest" ;;
			login) login=$rest ;;
			login_before) login_before=$rest ;;
			begin)
				# Whoever is told to use another user must have done so before the old one goes.
				[ -z "$members" ] || await_rounds "$rounds" $members
				etcd_login
				;;
			user) etcd_user "$rest" ;;
			*)
				etcd_ask "$word" "$rest"
				case $word in
				auth/role/add) etcd_must 'already exists' ;;
				auth/role/revoke) etcd_must 'not granted' ;;
				auth/user/delete) etcd_must 'user name not found' ;;
				cluster/member/remove) etcd_must 'member not found' ;;
				cluster/member/add) etcd_must 'Peer URLs already exists' ;;
				*) etcd_must ;;
				esac
				;;
			esac
		done
	}
}

# last_round URL: leaves in $value when Patroni there last read the DCS, in seconds of its clock.
last_round() {
	http "$1/patroni"
	json dcs_last_seen || value=
}

# await_rounds SECONDS URL…: until each Patroni has read the DCS so long after now. It acts upon a
# reload at the beginning of a round, and tells nobody when.
await_rounds() {
	local rounds=$1 until url later=''
	shift
	until=$(($(uptime_seconds) + 3 * rounds + 30))
	for url in "$@"; do
		last_round "$url"
		[ -n "$value" ] || die "$url does not say when Patroni last read the DCS: $body"
		later="$later $((value + rounds))"
	done
	for url in "$@"; do
		later=${later# }
		while :; do
			last_round "$url"
			[ "${value:-0}" -lt "${later%% *}" ] || break
			[ "$(uptime_seconds)" -lt "$until" ] || die "$url: Patroni does not go on reading the DCS"
			nap 0.5
		done
		later=${later#* }
	done
}

# etcd_peer_url URL BODY
etcd_peer_url() {
	local url=$1 until
	until=$(($(uptime_seconds) + 30))
	while :; do
		http "$url/v3/cluster/member/update" "$2"
		[ "$status" != 200 ] || return 0
		[ "$(uptime_seconds)" -lt "$until" ] || break
		nap 0.5
	done
	json error || json message || value=$body
	die "$url answers $status: $value"
}
