# Live kernel settings and the watchdog. A container may not change what it shares with its host:
# that is told, and is no failure.

# set_sysctl [KEY VALUE]…
set_sysctl() {
	local file said
	while [ $# -ge 2 ]; do
		file=/proc/sys/$(printf '%s' "$1" | tr . /)
		if [ ! -e "$file" ]; then
			warn "this kernel has no $1"
		elif ! said=$(printf '%s\n' "$2" | tee "$file" 2>&1 >/dev/null); then
			case $said in
			*"Invalid argument"* | *"out of range"*) die "$1 = $2: $said" ;;
			*) warn "$1 cannot be set here: ${said##*: }" ;;
			esac
		elif [ "$(one_line <"$file")" != "$(printf '%s' "$2" | one_line)" ]; then
			warn "$1 is $(one_line <"$file") and not $2, although it was set"
		fi
		shift 2
	done
}

# enable_watchdog: udev gives the device to postgres by the rule that was written before; a chown
# of ours would be undone by it.
enable_watchdog() {
	local said
	if ! said=$(modprobe softdog 2>&1); then
		warn "softdog cannot be loaded here: $(printf '%s' "$said" | one_line)"
		return 0
	fi
	udevadm control --reload
	udevadm trigger --action=change --sysname-match='watchdog*'
	udevadm settle --timeout=10
	if [ ! -e /dev/watchdog ]; then
		warn 'softdog is loaded, but there is no /dev/watchdog'
	elif ! as_user postgres 5 'test -w /dev/watchdog'; then
		warn 'postgres may not write to /dev/watchdog'
	fi
}
