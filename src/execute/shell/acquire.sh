# Taking, renewing and giving back the lock. Exit codes: 12 it is another's, 14 somebody holds it.

# take_lock OWNER [DEAD]: OWNER describes us in lines of KEY=VALUE; DEAD is the token of a holder
# of whom the control machine knows that it no longer lives. A mutex keeps two that both want to
# take over a stale lock apart; without flock there is none, and no lock is taken over.
take_lock() {
	local silent held mutex=
	(umask 077 && mkdir -p /run/mahout) || exit 1
	chmod 700 /run/mahout
	if have flock; then
		exec 8>>/run/mahout/lock.mutex
		flock -w 20 8 || die 'another script does not let go of /run/mahout/lock.mutex'
		mutex=yes
	fi
	if ! mkdir /run/mahout/lock 2>/dev/null; then
		[ -d /run/mahout/lock ] || die '/run/mahout/lock could not be made'
		held=$(cat /run/mahout/lock/token 2>/dev/null)
		silent=$(describe_holder | sed -n 's/^silent=//p')
		# Under the mutex nobody is between mkdir and the token: a lock without one is dead.
		if [ -n "$mutex" ] && { [ -z "$held" ] || [ "$held" = "${2-}" ] || [ "$silent" -ge 30 ]; }; then
			mark taken
			describe_holder
			record_unended
			remove_lock
			mkdir /run/mahout/lock || exit 1
		else
			mark held
			describe_holder
			exit 14
		fi
	fi
	printf '%s\nsince=%s\n' "$1" "$(uptime_seconds)" >/run/mahout/lock/owner || exit 1
	uptime_seconds >/run/mahout/lock/beat || exit 1
	printf '%s\n' "$token" >/run/mahout/lock/token || exit 1
	[ -z "$mutex" ] || exec 8>&-
}

# await_scripts SECONDS: a script of a run that has died goes on to its end. What is planned
# before that would be out of date.
await_scripts() {
	local code=0
	have flock || return 0
	run_lock
	if ! flock -n 9; then
		mark wait "$(cat /run/mahout/running 2>/dev/null)"
		beating </dev/null >/dev/null 2>&1 9>&- &
		flock -w "$1" 9 || code=13
		kill $! 2>/dev/null
	fi
	exec 9>&-
	[ "$code" = 0 ] || exit "$code"
}

# renew_lock: a beat that could not be written is not yet a lost lock.
renew_lock() {
	beat && return 0
	ours && return 0
	mark lost
	describe_holder
	exit 12
}

release_lock() {
	if have flock; then
		exec 8>>/run/mahout/lock.mutex
		flock -w 20 8 || exit 1
	fi
	ours || exit 0
	remove_lock
}

# look_at_lock: who holds it and what runs, if somebody does.
look_at_lock() {
	[ -d /run/mahout/lock ] || return 0
	describe_holder
	printf 'running=%s\n' "$(cat /run/mahout/running 2>/dev/null)"
}

# break_lock TOKEN LINE: takes the lock away from whoever holds it by that token, and says so in
# the log. A script of that holder ends with the step that it is at.
break_lock() {
	local held=
	if have flock; then
		exec 8>>/run/mahout/lock.mutex
		flock -w 20 8 || exit 1
	fi
	[ -d /run/mahout/lock ] || exit 0
	{ read -r held </run/mahout/lock/token; } 2>/dev/null
	if [ "$held" != "$1" ]; then
		mark held
		describe_holder
		exit 14
	fi
	record_unended
	record "$2"
	remove_lock
}

remove_lock() {
	rm -rf /run/mahout/lock.old
	mv -T /run/mahout/lock /run/mahout/lock.old && rm -rf /run/mahout/lock.old
}
