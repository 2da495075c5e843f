# What the named commands do to data: it is moved aside, never removed by us.

# move_aside PATH LABEL: to PATH.LABEL-TIME, beside it, so that nothing is copied.
move_aside() {
	local path=${1%/} aside pid=''
	[ -n "$(ls -A "$path" 2>/dev/null)" ] || return 0
	[ ! -L "$path" ] || die "$path is a symbolic link: move aside what it leads to, and make it anew"
	if have mountpoint && mountpoint -q "$path"; then
		die "$path is a file system of its own: move what is in it to a folder outside of it"
	fi
	{ read -r pid <"$path/postmaster.pid"; } 2>/dev/null
	case $(cat "/proc/${pid:-none}/comm" 2>/dev/null) in
	postgres* | postmaster*) die "a PostgreSQL (pid $pid) runs in $path" ;;
	esac
	aside=$path.$2-$(date -u +%Y%m%dT%H%M%SZ)
	if [ -e "$aside" ] || [ -L "$aside" ]; then die "$aside is there already"; fi
	mv -T "$path" "$aside" || exit 1
	warn "$path is now $aside; remove it when nobody needs it any more"
}

# reinitialize URL DATA_DIR: curl's options are on stdin, in base64. Patroni answers before it has
# begun; only when the first file of the database is another one is the old one gone.
reinitialize() {
	local options status body before until tls
	options=$(base64 -d) || exit 1
	tls=$(tls_options "$1")
	before=$(stat -c '%i %Z' "$2/PG_VERSION" 2>/dev/null)
	answer_of "$(printf '%s\n' "$options" | curl -sS -g --noproxy '*' $tls -m 30 -w '\n%{http_code}' -K - 2>&1)"
	case $status in
	200) ;;
	401) die "$1 refuses the user name or the password: answer 401" ;;
	*) die "Patroni refuses: $(printf '%s' "$body" | one_line)" ;;
	esac
	until=$(($(uptime_seconds) + 300))
	while [ -n "$before" ] && [ "$(stat -c '%i %Z' "$2/PG_VERSION" 2>/dev/null)" = "$before" ]; do
		[ "$(uptime_seconds)" -lt "$until" ] || die "Patroni has not begun to replace $2 within 300 s"
		nap 0.2
	done
}

# join_etcd DATA_DIR MEMBERS: a member without data looks once at whether its cluster is a new one,
# and compares who is in it: MEMBERS, if its settings name others, too.
join_etcd() {
	local until
	start_once 'ETCD_INITIAL_CLUSTER_STATE=existing' ${2:+"ETCD_INITIAL_CLUSTER=$2"}
	until=$(($(uptime_seconds) + 60))
	while [ -z "$(ls -A "$1/member/wal" 2>/dev/null)" ]; do
		[ "$(uptime_seconds)" -lt "$until" ] || die "etcd has not begun to keep data in $1 within 60 s"
		nap 0.2
	done
}

# survive_alone DATA_DIR: the member forgets the others, and whoever comes back with their data is
# none of them. What it has said so far is kept beside it. It is `active` once it leads itself.
survive_alone() {
	local path=${1%/} kept until
	# In order it would end whatever waits for a quorum with an error at which Patroni demotes; one
	# that is gone is merely out of reach.
	systemctl kill --signal=KILL etcd.service 2>/dev/null
	stop_unit etcd.service
	kept=$path.before-restore-$(date -u +%Y%m%dT%H%M%SZ)
	rm -rf "$path.before-restore-part"
	if ! cp -a "$path" "$path.before-restore-part" || ! mv -T "$path.before-restore-part" "$kept"; then
		rm -rf "$path.before-restore-part"
		die "$path cannot be copied to $kept"
	fi
	warn "a copy of $path is in $kept; remove it when nobody needs it any more"
	start_once 'ETCD_FORCE_NEW_CLUSTER=true'
	until=$(($(uptime_seconds) + 90))
	while [ "$(show etcd.service ActiveState)" != active ]; do
		[ "$(uptime_seconds)" -lt "$until" ] || die "etcd does not lead itself within 90 s"
		nap 0.2
	done
}

# start_once SETTING…: starts etcd with settings that are gone again at the end of the step.
start_once() {
	local folder=/run/systemd/system/etcd.service.d
	trap end_once EXIT
	trap 'exit 143' TERM
	mkdir -p "$folder" || exit 1
	printf '%s\n' "$@" >/run/mahout/once.env || exit 1
	printf '[Service]\nEnvironmentFile=/run/mahout/once.env\n' >"$folder/mahout-once.conf" || exit 1
	systemctl daemon-reload || exit 1
	start_unit etcd.service
}

# end_once: as it was before.
end_once() {
	rm -f /run/mahout/once.env /run/systemd/system/etcd.service.d/mahout-once.conf
	rmdir /run/systemd/system/etcd.service.d 2>/dev/null
	systemctl daemon-reload
}

# keep_wal_end TIMELINE BYTES: of the server that has just stopped. The facts believe it while it is
# newer than what a start of the server writes first.
keep_wal_end() {
	echo "$1 $2" >/run/mahout/wal-end || exit 1
}

# respawn_patroni: PostgreSQL runs on, since only Patroni gets the signal (KillMode=process).
respawn_patroni() {
	local before until
	until=$(($(uptime_seconds) + 60))
	before=$(show patroni.service MainPID)
	[ "$before" = 0 ] || systemctl kill --signal=KILL --kill-who=main patroni.service || exit 1
	while [ "$before" != 0 ] && [ "$(show patroni.service MainPID)" = "$before" ]; do
		[ "$(uptime_seconds)" -lt "$until" ] || die 'Patroni does not end'
		nap 0.1
	done
	start_unit patroni.service
}
