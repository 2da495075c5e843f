# apt and dpkg. Services are started by later steps, never by a package.

policy=/usr/sbin/policy-rc.d

apt_get() {
	DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 NEEDRESTART_MODE=l \
		APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFOLD=1 \
		apt-get -q -y \
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
		-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 \
		-o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=2 \
		"$@"
}

# patiently COMMAND…: again for as long as somebody else (unattended-upgrades) holds a lock that
# apt does not wait for by itself. What it said is in $said.
patiently() {
	local code until told=
	until=$(($(uptime_seconds) + 300))
	while :; do
		said=$("$@" 2>&1)
		code=$?
		if [ "$code" = 0 ]; then return 0; fi
		case $said in
		*"Could not get lock"* | *"was locked by another process"* | *"Unable to lock"*) ;;
		*) return "$code" ;;
		esac
		[ "$(uptime_seconds)" -lt "$until" ] || return "$code"
		[ -n "$told" ] || warn "waits for the package manager's lock: $(printf '%s\n' "$said" | grep -i -m 1 lock)"
		told=yes
		nap 1
	done
}

# refresh_debian: a repository that does not answer is only fatal if nothing is known at all.
refresh_debian() {
	local complaints
	patiently apt_get -o APT::Update::Error-Mode=any update && return 0
	complaints=$(printf '%s\n' "$said" | grep -E '^(E|W|Err):?')
	if have_lists; then
		warn "apt-get update: $(printf '%s\n' "$complaints" | grep -v '^E: Some index files' | head -n 1)"
		return 0
	fi
	printf '%s\n' "${complaints:-$said}"
	return 1
}

have_lists() {
	local list
	for list in /var/lib/apt/lists/*_Packages*; do
		[ ! -e "$list" ] || return 0
	done
	return 1
}

# install_debian [NAME VERSION pinned|free]…
install_debian() {
	deny_service_starts || exit 1
	repair_dpkg || exit 1
	try_install "$@" && return 0
	# The lists are older than the repository: they name versions that it no longer has.
	grep -q -e '404 *Not Found' -e 'was not found' -e 'has no installation candidate' \
		-e 'Unable to locate package' /run/mahout/apt.said || exit 1
	echo 'the package lists may be out of date: apt-get update, and once more'
	refresh_debian || exit 1
	try_install "$@" || exit 1
}

try_install() {
	local targets code=1
	{ targets=$(debian_targets "$@"); } 3>&1
	# What apt says is shown as it comes, and kept. Names and versions hold no white space.
	# shellcheck disable=SC2086
	{
		apt_get --no-install-recommends install -- $targets
		echo $? >/run/mahout/apt.code
	} 2>&1 | tee /run/mahout/apt.said
	read -r code </run/mahout/apt.code
	return "$code"
}

# debian_targets [NAME VERSION pinned|free]…: NAME=VERSION each; the newest one of a package that
# no longer comes in the version of the plan, if nobody demanded that one. Warnings go to 3.
debian_targets() {
	while [ $# -ge 3 ]; do
		if [ -z "$2" ]; then
			echo "$1"
		elif [ "$3" = pinned ] || apt-cache madison "$1" | grep -qF "| $2 |"; then
			echo "$1=$2"
		else
			warn "$1 $2 is no longer to be had, the newest is installed" >&3
			echo "$1"
		fi
		shift 3
	done
}

# repair_dpkg: finishes what an interrupted installation left half-done.
repair_dpkg() {
	local update
	for update in /var/lib/dpkg/updates/[0-9]*; do
		[ -e "$update" ] || update=
		break
	done
	if [ -z "$update" ] && [ -z "$(dpkg --audit 2>/dev/null)" ]; then return 0; fi
	warn 'an installation was interrupted: dpkg --configure -a'
	DEBIAN_FRONTEND=noninteractive patiently dpkg --force-confdef --force-confold --configure -a ||
		die "$said"
}

# deny_service_starts: for as long as this script runs. The file does not deny anything once the
# script is gone, be it killed or its node without power.
deny_service_starts() {
	allow_service_starts
	if [ -e "$policy" ] || [ -L "$policy" ]; then
		mv -fT "$policy" "$policy.before-mahout" || return 1
	fi
	trap 'allow_service_starts; rm -f /run/mahout/apt.said /run/mahout/apt.code' EXIT
	trap 'exit 143' TERM
	echo $$ >/run/mahout/installing || return 1
	(
		umask 022
		cat >"$policy.mahout" <<-'END'
			#!/bin/sh
			# managed by mahout, while it installs packages: a later step starts the services
			{ read -r pid </run/mahout/installing; } 2>/dev/null && [ -d "/proc/$pid" ] && exit 101
			exit 0
		END
		chmod 755 "$policy.mahout" && mv -fT "$policy.mahout" "$policy"
	)
}

allow_service_starts() {
	if [ -f "$policy" ] && grep -q 'managed by mahout' "$policy"; then rm -f "$policy"; fi
	if [ ! -e "$policy" ] && [ -e "$policy.before-mahout" ]; then
		mv -fT "$policy.before-mahout" "$policy"
	fi
	rm -f /run/mahout/installing
}
