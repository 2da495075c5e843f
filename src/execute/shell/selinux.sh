# SELinux: it stays on, and is told what it does not know.

# selinux_boolean NAME
selinux_boolean() {
	local said
	said=$(setsebool -P "$1" 1 2>&1) ||
		die "SELinux takes no $1: $(printf '%s' "$said" | one_line)"
}

# selinux_label PATH PATTERN TYPE: PATTERN is the path as a regular expression.
selinux_label() {
	local said
	have semanage || die "semanage is not installed: it gives $1 its label"
	# With the same pattern in the policy already, adding fails; so does modifying without one.
	said=$(semanage fcontext -a -t "$3" "$2(/.*)?" 2>&1) ||
		said=$(semanage fcontext -m -t "$3" "$2(/.*)?" 2>&1) ||
		die "SELinux takes no label for $1: $(printf '%s' "$said" | one_line)"
	[ ! -d "$1" ] || restorecon -RF "$1" || die "$1 could not be labelled for SELinux"
}

# selinux_permissive: now, and after a boot. Where it is off altogether, that stays.
selinux_permissive() {
	local config=/etc/selinux/config
	if grep -q '^SELINUX=enforcing' "$config" 2>/dev/null; then
		# Written in place: the file keeps its owner, mode and label.
		sed 's/^SELINUX=enforcing/SELINUX=permissive/' "$config" >"$config.mahout" &&
			cat "$config.mahout" >"$config" || die "$config could not be written"
		rm -f "$config.mahout"
		to_disk "$config"
	fi
	if [ "$(cat /sys/fs/selinux/enforce 2>/dev/null)" = 1 ]; then
		setenforce 0 || die 'SELinux could not be made permissive'
	fi
}
