# One writer. /run/mahout/lock is made with mkdir; in it `token` says whose it is, `owner` who
# that is, `beat` when the holder last showed a sign of life, in seconds since the node booted
# (the wall clock may jump while a time service is being set up).

# run_lock: opens the lock that a changing script holds while it runs, as descriptor 9.
run_lock() {
	exec 9>>/run/mahout/run.lock
}

# ours: whether the lock is still this run's.
ours() {
	local held=
	{ read -r held </run/mahout/lock/token; } 2>/dev/null
	[ "$held" = "$token" ]
}

# beat: a sign of life. A file of its own for each process: the run and its scripts beat side by
# side.
beat() {
	ours || return 1
	uptime_seconds >"/run/mahout/lock/beat.$$" &&
		mv -f "/run/mahout/lock/beat.$$" /run/mahout/lock/beat
} 2>/dev/null

# beating: shows signs of life as long as the script runs, also when nobody is left at the other
# end of its connection.
beating() {
	while ours && kill -0 $$ 2>/dev/null; do
		beat
		sleep 5
	done
}

# record LINE: to the node's log of runs, for root's eyes. That it cannot be written ends no run.
record() {
	[ -n "$1" ] || return 0
	(
		umask 077
		mkdir -p /var/log/mahout && printf '%s\n' "$1" >>/var/log/mahout/audit.log
	) || warn '/var/log/mahout/audit.log could not be written'
}

# record_unended: what the holder that did not give its lock back has said of itself, to the log.
record_unended() {
	record "$(sed -n 's/^record=//p' /run/mahout/lock/owner 2>/dev/null)"
}

# describe_holder: who holds the lock, as lines of KEY=VALUE.
describe_holder() {
	grep -v '^record=' /run/mahout/lock/owner 2>/dev/null
	local held='' at='' now
	{ read -r held </run/mahout/lock/token; } 2>/dev/null
	{ read -r at </run/mahout/lock/beat; } 2>/dev/null
	now=$(uptime_seconds)
	printf 'token=%s\nsilent=%s\nnow=%s\n' "$held" "$((now - ${at:-$now}))" "$now"
}
