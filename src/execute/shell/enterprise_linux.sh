# dnf, or yum on release 7, and rpm.

# el COMMAND…: again for as long as somebody else holds the lock (200: see dnf.conf,
# `exit_on_lock`), which dnf would wait for without an end.
el() {
	local manager=yum code until told=
	have dnf && manager=dnf
	until=$(($(uptime_seconds) + 300))
	while :; do
		"$manager" -y --setopt=exit_on_lock=True --setopt=timeout=20 --setopt=retries=3 "$@"
		code=$?
		if [ "$code" != 200 ] || [ "$(uptime_seconds)" -ge "$until" ]; then return "$code"; fi
		[ -n "$told" ] || warn "waits for $manager's lock"
		told=yes
		nap 1
	done
}

refresh_enterprise_linux() {
	repair_rpm
	el makecache || exit 1
}

# install_enterprise_linux [NAME VERSION pinned|free]…
install_enterprise_linux() {
	local targets
	repair_rpm
	targets=$(enterprise_linux_targets "$@")
	# Names and versions hold no white space.
	# shellcheck disable=SC2086
	el install $targets || exit 1
	# yum ends well if only some of the names were found.
	while [ $# -ge 3 ]; do
		rpm -q --quiet "$1" || die "$1 was not installed"
		shift 3
	done
}

# enterprise_linux_targets [NAME VERSION pinned|free]…: NAME-VERSION each.
enterprise_linux_targets() {
	local version
	while [ $# -ge 3 ]; do
		version=${2#"(none):"}
		echo "$1${version:+-$version}"
		shift 3
	done
}

# repair_rpm: a database that an interrupted transaction left behind.
repair_rpm() {
	rpm -q --quiet rpm && return 0
	warn 'the RPM database does not answer: rpm --rebuilddb'
	rpm --rebuilddb || exit 1
}
