# The frame around a node's steps. Exit codes: 10 a step failed, 11 a guard no longer holds,
# 12 the lock is another's, 13 an earlier script does not end.

# begin_run SECONDS: takes the run lock, waiting for an earlier script of a run that has died.
begin_run() {
	ours || lost
	if have flock; then
		run_lock
		if ! flock -n 9; then
			mark wait "$(cat /run/mahout/running 2>/dev/null)"
			flock -w "$1" 9 || exit 13
		fi
	fi
	ours || lost
	beating </dev/null >/dev/null 2>&1 9>&- &
	beater=$!
	trap 'kill "$beater" 2>/dev/null; rm -f /run/mahout/running' EXIT
	trap 'exit 143' TERM
}

lost() {
	mark lost
	describe_holder
	exit 12
}

# begin_step NUMBER TITLE
begin_step() {
	ours || lost
	printf '%s\n' "$2" >/run/mahout/running
	mark begin "$1"
}

# end_step NUMBER CODE
end_step() {
	if [ "$2" != 0 ]; then
		mark fail "$1" "$2"
		exit 10
	fi
	mark ok "$1"
}

# refuse NUMBER TEXT: the guard of that step does not hold.
refuse() {
	mark guard "$1" "$2"
	exit 11
}
