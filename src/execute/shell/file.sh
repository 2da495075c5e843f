# Directories and files.

# create_directory PATH MODE OWNER GROUP
create_directory() {
	local path=$1 mode=$2 owner=$3 group=$4
	if [ -e "$path" ] && [ ! -d "$path" ]; then
		die "$path is there and is not a directory"
	fi
	if [ ! -d "$path" ]; then
		(umask 022 && mkdir -p "${path%/*}/") || exit 1
		(umask 077 && mkdir "$path") || exit 1
	fi
	chown "$owner:$group" "$path" || exit 1
	chmod "$mode" "$path" || exit 1
	label "$path"
}

# write_file PATH MODE OWNER GROUP CHECK keep|forget: the content is on stdin, in base64. Nobody but root can
# read it before it has its owner and mode, and nobody sees a part of it: it is written beside
# its place, checked, and renamed.
write_file() {
	local path=$1 mode=$2 owner=$3 group=$4 check=$5 replaced=$6
	local dir=${1%/*} name=${1##*/}
	if [ -d "$path" ] && [ ! -L "$path" ]; then
		die "$path is a directory"
	fi
	(umask 022 && mkdir -p "$dir/") || exit 1
	umask 077
	# What a run left behind whose node lost its power.
	rm -f "$dir/.$name.mahout-"??????
	temporary=$(mktemp "$dir/.$name.mahout-XXXXXX") || exit 1
	trap 'rm -f "$temporary"' EXIT
	trap 'exit 143' TERM
	base64 -d >"$temporary" || die "$path could not be written"
	chown "$owner:$group" "$temporary" || exit 1
	chmod "$mode" "$temporary" || exit 1
	"check_$check" "$temporary" "$name" "$owner" || exit 1
	to_disk "$temporary" || exit 1
	keep_foreign "$path" || "keep_replaced_$replaced" "$path" "$temporary" || exit 1
	# A symbolic link is replaced and not followed: what it leads to was never ours to write.
	mv -fT "$temporary" "$path" || exit 1
	trap - EXIT
	to_disk "$dir/"
	label "$path"
}

# remove_file PATH
remove_file() {
	keep_foreign "$1" || :
	rm -f "$1" || exit 1
	to_disk "${1%/*}/"
}

# keep_foreign PATH: what somebody else put there is kept beside it, once, for root's eyes only.
# False if there is nothing of that kind.
keep_foreign() {
	local path=$1 kept=$1.before-mahout
	if [ ! -e "$path" ] && [ ! -L "$path" ]; then return 1; fi
	# All of that folder is ours, and a key cannot say so: no older one stays.
	case $path in
	*/etc/mahout/*)
		rm -f "$kept"
		return 1
		;;
	esac
	if [ -e "$kept" ] || [ -L "$kept" ]; then return 1; fi
	if [ ! -L "$path" ] && grep -q 'managed by mahout' "$path"; then return 1; fi
	keep_as "$path" "$kept"
}

# keep_replaced_keep PATH NEW: what NEW is to replace is kept for a person to read: the last five.
keep_replaced_keep() {
	[ -f "$1" ] && [ ! -L "$1" ] || return 0
	if cmp -s "$1" "$2" 2>/dev/null; then return 0; fi
	keep_as "$1" "$1.replaced-$(date -u +%Y%m%dT%H%M%SZ)"
	set -- "$1".replaced-*
	while [ $# -gt 5 ]; do
		rm -f "$1"
		shift
	done
}

# keep_replaced_forget PATH: a secret in it has changed, so that no older one stays either.
keep_replaced_forget() {
	rm -f "$1".replaced-*
}

# keep_as PATH KEPT
keep_as() {
	rm -f "$2.part"
	(umask 077 && cp -P "$1" "$2.part") || die "$1 could not be kept as $2"
	if [ ! -L "$2.part" ]; then chmod 600 "$2.part" || exit 1; fi
	mv -fT "$2.part" "$2" || exit 1
}

# to_disk PATH: coreutils before 8.24 take no argument and write everything.
to_disk() {
	sync "$1" 2>/dev/null || sync
}

# label PATH: its SELinux context by the policy.
label() {
	if [ -e /sys/fs/selinux/enforce ] && have restorecon; then
		restorecon "$1" || warn "$1 could not be labelled for SELinux"
	fi
}
