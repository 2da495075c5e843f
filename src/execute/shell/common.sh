# Functions that every script has. $mahout is the mark that only this execution knows.

# mark WORD TEXT: a line for mahout among the output of the steps.
mark() {
	printf '%s %s\n' "$mahout" "$*"
}

# warn TEXT: to be told to the operator; the step goes on.
warn() {
	mark warn "$*"
}

# die TEXT: ends the step with its reason.
die() {
	printf '%s\n' "$*"
	exit 1
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# Seconds since the node booted: a clock that no time service moves.
uptime_seconds() {
	local up rest
	read -r up rest </proc/uptime
	echo "${up%%.*}"
}

# nap SECONDS: whole seconds where `sleep` knows no fractions.
nap() {
	sleep "$1" 2>/dev/null || sleep 1
}

# as_user USER SECONDS SCRIPT: setpriv leaves no session behind in the log, as su does.
as_user() {
	local uid gid
	if have setpriv && uid=$(id -u "$1") && gid=$(id -g "$1"); then
		timeout "$2" setpriv --reuid "$uid" --regid "$gid" --init-groups sh -c "$3"
	else
		timeout "$2" su -s /bin/sh "$1" -c "$3"
	fi
}

# one_line: stdin as one line of text.
one_line() {
	tr -s '\n\t ' ' ' | sed 's/ *$//'
}
