# Programs on the node that judge a file before it takes its place. Arguments: the temporary
# file, its name-to-be, its owner.

check_none() {
	return 0
}

check_haproxy() {
	local said
	have haproxy || return 0
	said=$(timeout 30 haproxy -c -f "$1" 2>&1) && return 0
	printf '%s\n' "$said"
	return 1
}

# keepalived 2.2 kills itself at the end of a test that found nothing, so that its words count and not
# its code. Before 2.0 there is no such test.
check_keepalived() {
	local said
	have keepalived || return 0
	said=$(timeout 30 keepalived --config-test --use-file "$1" 2>&1) && return 0
	said=$(printf '%s\n' "$said" | grep -v -e NOTICE -e WARNING -e '^Terminated' -e 'option.*config-test' \
		-e '^Usage:' -e '^  -' -e '^[[:space:]]*$' | sed "s|$1|$2|g")
	[ -n "$said" ] || return 0
	printf '%s\n' "$said"
	return 1
}

# systemd knows the kind of a unit by its name, so that a copy is judged under that name.
# Complaints about other units are not about this file.
check_unit() {
	local dir said code
	have systemd-analyze || return 0
	case $2 in *.service | *.timer | *.socket | *.target | *.path | *.mount) ;; *) return 0 ;; esac
	dir=$(mktemp -d /run/mahout/unit-XXXXXX) || return 1
	cp "$1" "$dir/$2" && chmod 644 "$dir/$2"
	said=$(timeout 30 systemd-analyze verify --man=no "$dir/$2" 2>&1)
	code=$?
	rm -rf "$dir"
	if [ "$code" = 0 ] || [ "$code" = 124 ]; then return 0; fi
	case $said in *"$2:"*) ;; *) return 0 ;; esac
	printf '%s\n' "$said" | grep -F "$2:" | sed "s|$dir/||g"
	return 1
}

# Patroni's own validator, as the user that Patroni runs as. It tries the ports (which Patroni
# itself may hold: before 4.0 it cannot be told so) and etcd's hosts (one of which may be down):
# neither says anything about the file. A validator that breaks down is no judge.
check_patroni() {
	local said code rest
	have patroni || return 0
	said=$(validate_patroni "$1" "$3" --ignore-listen-port)
	code=$?
	case $said in *"unrecognized arguments"*)
		said=$(validate_patroni "$1" "$3")
		code=$?
		;;
	esac
	[ "$code" != 0 ] || return 0
	case $said in
	*"unrecognized arguments"*) return 0 ;;
	*"Traceback (most recent call last)"*)
		warn "patroni --validate-config broke down: $(printf '%s\n' "$said" | tail -n 1)"
		return 0
		;;
	esac
	if [ "$code" = 124 ]; then
		warn "patroni --validate-config did not end within 30 s"
		return 0
	fi
	rest=$(printf '%s\n' "$said" | grep -v -e 'Port [0-9]* is already in use' -e 'is not reachable' -e '^[[:space:]]*$')
	[ -n "$rest" ] || return 0
	printf '%s\n' "$rest"
	return 1
}

# validate_patroni FILE OWNER [OPTION]
validate_patroni() {
	FILE=$1 OPTION=${3-} as_user "$2" 30 \
		'cd / && exec patroni --validate-config $OPTION "$FILE"' 2>&1
}
