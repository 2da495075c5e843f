# HTTP on the node, and the one field of its answer that matters.

# tls_options URL: curl's options for https, as words: the node shows a certificate of its own,
# since etcd asks every client for one and Patroni whoever wants to change something.
tls_options() {
	local file
	case $1 in https://*) ;; *) return 0 ;; esac
	printf '%s' '--cacert /etc/mahout/ca.crt'
	for file in /etc/mahout/patroni.pem /etc/mahout/etcd-server.pem; do
		if [ -r "$file" ]; then
			printf ' --cert %s' "$file"
			return 0
		fi
	done
}

# http URL [BODY]: leaves $status (000 without an answer) and $body (else the reason).
http() {
	local answer tls
	tls=$(tls_options "$1")
	status=000 body='curl is not installed'
	have curl || return 1
	if [ $# -gt 1 ]; then
		answer=$(curl -sS -g --noproxy '*' $tls -m 4 -w '\n%{http_code}' -d "$2" "$1" 2>&1)
	else
		answer=$(curl -sS -g --noproxy '*' $tls -m 4 -w '\n%{http_code}' "$1" 2>&1)
	fi
	answer_of "$answer"
}

# answer_of TEXT: what curl printed, the code in a line of its own at the end; as http leaves it.
answer_of() {
	status=${1##*
}
	body=${1%
*}
	# curl prints the code before or after its complaint, by version.
	case $status in [0-9][0-9][0-9]) ;; *) status=000 ;; esac
	[ "$status" != 000 ] || body=$(printf '%s' "$1" | sed -n 's/^curl: ([0-9]*) *//p' | head -n 1)
}

# json FIELD: leaves in $value the first value of that name in $body.
json() {
	case $body in
	*"\"$1\":"*) ;;
	*)
		value=
		return 1
		;;
	esac
	value=${body#*"\"$1\":"}
	value=${value# }
	case $value in
	\"*)
		value=${value#\"}
		value=${value%%\"*}
		;;
	*) value=${value%%[,\}\]]*} ;;
	esac
}
