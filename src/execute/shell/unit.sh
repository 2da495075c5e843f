# systemd's units.

# show UNIT PROPERTY
show() {
	systemctl show -p "$2" "$1" | sed -n "s/^$2=//p"
}

enable_unit() {
	systemctl --quiet enable "$1" || exit 1
}

# disable_unit UNIT: not there, or masked by somebody, is as good.
disable_unit() {
	case $(show "$1" LoadState) in
	not-found) return 0 ;;
	masked) systemctl stop "$1" || exit 1 ;;
	*) systemctl --quiet disable --now "$1" || exit 1 ;;
	esac
}

# start_unit UNIT: does not wait until it is up; a gate does that, and says what it waits for. A
# unit that gave up after too many attempts gets another one.
start_unit() {
	systemctl reset-failed "$1" 2>/dev/null
	systemctl start --no-block "$1" || exit 1
}

stop_unit() {
	systemctl stop "$1" || exit 1
}

# restart_unit UNIT: waits until the old process has gone, or a gate would ask that one. The unit
# has left `inactive` anew, or nothing more is to be done about it.
restart_unit() {
	local before until
	systemctl reset-failed "$1" 2>/dev/null
	before=$(show "$1" InactiveExitTimestampMonotonic)
	until=$(($(uptime_seconds) + 600))
	systemctl restart --no-block "$1" || exit 1
	while [ "$(show "$1" InactiveExitTimestampMonotonic)" = "$before" ]; do
		case $(show "$1" Job) in '' | 0) break ;; esac
		[ "$(uptime_seconds)" -lt "$until" ] || die "$1 did not stop within 600 s"
		nap 0.1
	done
}

# reload_unit UNIT: when it was asked to is kept, to know that a file was read, and to see when.
reload_unit() {
	: >"/run/mahout/$1.reload"
	systemctl reload "$1" || exit 1
	mv -f "/run/mahout/$1.reload" "/run/mahout/$1.reloaded"
}

reload_systemd() {
	systemctl daemon-reload || exit 1
}
