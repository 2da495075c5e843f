# dnf, or yum on release 7, and rpm.

# el WORD…: dnf, again for as long as somebody else holds its lock (200: see dnf.conf,
# `exit_on_lock`), which dnf would wait for without an end. What it says is shown and kept.
el() {
	local manager=yum code until told=
	have dnf && manager=dnf
	until=$(($(uptime_seconds) + 300))
	while :; do
		code=1
		{
			LC_ALL=C "$manager" -y --setopt=exit_on_lock=True --setopt=timeout=20 \
				--setopt=retries=3 "$@"
			echo $? >/run/mahout/dnf.code
		} 2>&1 | tee /run/mahout/dnf.said
		read -r code </run/mahout/dnf.code
		# The end of the other's transaction takes away what was fetched for ours.
		if [ "$code" = 1 ] && [ "$told" = yes ] &&
			grep -q "No such file or directory: '.*\.rpm'" /run/mahout/dnf.said; then
			told=twice
			continue
		fi
		[ "$code" = 200 ] || return "$code"
		[ "$(uptime_seconds)" -lt "$until" ] ||
			die "$manager: Could not get lock: another program holds it for more than 300 s"
		[ -n "$told" ] || {
			warn "waits for $manager's lock"
			told=yes
		}
		nap 1
	done
}

# failed: ends the step with the line of dnf's that says most; its last one seldom does.
failed() {
	local words
	for words in 'is not signed' 'not correct for this package' 'Public key for .* is not installed' \
		'GPG check FAILED' 'modular filtering' 'nothing provides' 'Requires: ' \
		'Unknown repo' 'Cannot find a valid baseurl' 'Failed to download metadata' \
		'Status code: ' 'HTTP Error' 'No match for argument' 'No package .* available' 'conflicts with' \
		'Error: .'; do
		if grep -m 1 -e "$words" /run/mahout/dnf.said; then exit 1; fi
	done
	exit 1
}

# tidy: nothing is left behind in /run/mahout.
tidy() {
	trap 'rm -f /run/mahout/dnf.said /run/mahout/dnf.code /run/mahout/key' EXIT
	trap 'exit 143' TERM
}

# refresh_enterprise_linux OPTIONS
refresh_enterprise_linux() {
	tidy
	repair_rpm
	# Options hold no white space; a `*` in them is dnf's.
	set -f
	# shellcheck disable=SC2086
	el $1 makecache || failed
}

# add_repository URL KEY NAME: the package NAME at URL. Its key comes first, over https: dnf then
# checks the package with it. No repository is asked.
add_repository() {
	local proxy
	tidy
	repair_rpm
	# By the way that dnf itself takes.
	proxy=$(sed -n 's/^proxy *= *//p' /etc/dnf/dnf.conf 2>/dev/null | tail -n 1)
	[ -z "$proxy" ] || export https_proxy="$proxy"
	curl -q -fsSL --proto '=https' --connect-timeout 20 --max-time 120 --retry 2 -o /run/mahout/key "$2" ||
		die "the key $2 cannot be fetched"
	rpm --import /run/mahout/key || die "$2 is no key"
	el '--disablerepo=*' --setopt=localpkg_gpgcheck=True install "$1" || failed
	rpm -q --quiet "$3" || die "$3 was not installed"
}

# disable_module NAME OPTIONS: where there is no such module (1), there is nothing to disable.
disable_module() {
	tidy
	set -f
	# shellcheck disable=SC2086
	el -q $2 module disable "$1" && return 0
	grep -q -i 'missing groups or modules' /run/mahout/dnf.said || failed
}

# install_enterprise_linux OPTIONS [NAME VERSION pinned|free]…
install_enterprise_linux() {
	local options=$1 targets
	shift
	tidy
	repair_rpm
	{ targets=$(enterprise_linux_targets "$@"); } 3>&1
	[ -n "$targets" ] || return 0
	# Names and versions hold no white space.
	set -f
	# shellcheck disable=SC2086
	if ! el $options install $targets; then
		grep -q -e 'Status code: 404 for .*\.rpm' -e 'rpm: \[Errno 14\] HTTP.* 404' /run/mahout/dnf.said || failed
		echo 'what is known of the repositories may be out of date: it is fetched again'
		el -q $options clean expire-cache || failed
		el $options install $targets || failed
	fi
	# yum ends well if only some of the names were found.
	while [ $# -ge 3 ]; do
		rpm -q --quiet --whatprovides "$1" || die "$1 was not installed"
		shift 3
	done
}

# enterprise_linux_targets [NAME VERSION pinned|free]…: NAME-VERSION each. What is there by now
# stays: dnf would downgrade it without a word. Warnings go to 3.
enterprise_linux_targets() {
	local version there
	while [ $# -ge 3 ]; do
		version=${2#"(none):"}
		if there=$(rpm -q "$1"); then
			warn "$there was installed meanwhile, and stays" >&3
		else
			echo "$1${version:+-$version}"
		fi
		shift 3
	done
}

# repair_rpm: a database that an interrupted transaction left behind.
repair_rpm() {
	rpm -q --quiet --whatprovides rpm && return 0
	warn 'the RPM database does not answer: rpm --rebuilddb'
	rpm --rebuilddb || exit 1
}
