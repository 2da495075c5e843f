# Packages that one node downloads for others (`packages: relay`). Nothing here fails: what does not
# come this way, the installation downloads by itself, and it tells why it cannot.

# debian_archives [NAME VERSION pinned|free]…: `SHA256 FILE` of each archive that the installation
# needs, as the lists have it, whose signatures apt has checked.
debian_archives() {
	local targets packages line name version architecture
	targets=$(debian_targets "$@" 3>/dev/null)
	# With an empty cache, since apt leaves out what it has. Names and versions hold no white space.
	# shellcheck disable=SC2086
	packages=$(apt_get -o Dir::Cache::archives=/nonexistent/ --no-install-recommends \
		--print-uris install -- $targets 2>/dev/null |
		sed -n "s/^'[^']*' \([^ _]*\)_\([^ _]*\)_[^ _]*\.deb .*/\1=\2/p" | sed 's/%3a/:/')
	[ -n "$packages" ] || return 0
	# shellcheck disable=SC2086
	apt-cache show $packages 2>/dev/null | while IFS= read -r line; do
		case $line in
		'Package: '*) name=${line#* } ;;
		'Version: '*) version=${line#* } ;;
		'Architecture: '*) architecture=${line#* } ;;
		'SHA256: '*) printf '%s %s_%s_%s.deb\n' "${line#* }" "$name" "$version" "$architecture" ;;
		esac
	done | sed 's/:/%3a/'
}

# debian_cache: the folder of the archives, with a slash.
debian_cache() {
	local cache=
	eval "$(apt-config shell cache Dir::Cache::archives/d)"
	printf '%s' "${cache:-/var/cache/apt/archives/}"
}

# fetch_debian [NAME VERSION pinned|free]…
fetch_debian() {
	local targets
	{ targets=$(debian_targets "$@"); } 3>&1
	# shellcheck disable=SC2086
	apt_get --no-install-recommends --download-only install -- $targets ||
		warn 'not every package could be downloaded: the installation tries again'
}

# give_debian [NAME VERSION pinned|free]…: the archives as text.
give_debian() {
	local hash file
	cd "$(debian_cache)" || exit 1
	debian_archives "$@" | while read -r hash file; do
		[ ! -f "$file" ] || echo "$file"
	done | tar -c -f - -T - 2>/dev/null | base64
}

# take_debian FROM [NAME VERSION pinned|free]…: archives from stdin. Of one that lies in its cache
# apt compares nothing but the size: so each gets there only with the hash that the lists have.
take_debian() {
	local from=$1 cache hash file all=0 lacking=0
	shift
	cache=$(debian_cache)
	# Not local: the trap needs it when the function has returned.
	into=${cache}mahout
	trap 'rm -rf "$into"' EXIT
	trap 'exit 143' TERM
	rm -rf "$into"
	mkdir -p -m 700 "$into" && tar -x -f - -C "$into" --no-same-owner 2>/dev/null
	cat >/dev/null
	debian_archives "$@" >"$into/needed"
	while read -r hash file; do
		all=$((all + 1))
		if [ -f "$into/$file" ] && [ ! -L "$into/$file" ] &&
			printf '%s  %s\n' "$hash" "$into/$file" | sha256sum -c --status -; then
			mv -f "$into/$file" "$cache"
		fi
		[ -f "$cache$file" ] || lacking=$((lacking + 1))
	done <"$into/needed"
	echo "$((all - lacking)) of $all packages are here"
	if [ "$all" = 0 ]; then
		warn 'apt does not say which packages are needed: they are downloaded here'
	elif [ "$lacking" != 0 ]; then
		warn "$lacking of $all packages did not come from $from: they are downloaded here"
	fi
}

# dnf compares a package that lies in its cache with the repository's checksum, and then checks its
# signature as ever.
dnf_cache=/var/cache/dnf

# fetch_enterprise_linux OPTIONS [NAME VERSION pinned|free]…
fetch_enterprise_linux() {
	local options=$1 targets
	shift
	tidy
	repair_rpm
	{ targets=$(enterprise_linux_targets "$@"); } 3>&1
	[ -n "$targets" ] || return 0
	set -f
	# In a shell of its own, which it ends where dnf's lock does not become free.
	# shellcheck disable=SC2086
	(el $options install --downloadonly $targets) ||
		warn 'not every package could be downloaded: the installation tries again'
}

# give_enterprise_linux: what dnf keeps until its next installation, as text.
give_enterprise_linux() {
	cd "$dnf_cache" || exit 1
	find . -path '*/packages/*.rpm' | tar -c -f - -T - 2>/dev/null | base64
}

# take_enterprise_linux FROM: packages from stdin, and nothing else that the cache holds.
take_enterprise_linux() {
	local came
	mkdir -p "$dnf_cache"
	came=$(tar -x -v -f - -C "$dnf_cache" --no-same-owner --wildcards '*/packages/*.rpm' 2>/dev/null | wc -l)
	cat >/dev/null
	echo "$((came)) packages came from $1"
	[ "$came" -gt 0 ] || warn "no package came from $1: they are downloaded here"
}
