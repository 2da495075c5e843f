# Packages, what an installation would bring, who holds the package manager's lock.
# shellcheck shell=sh disable=SC2154,SC2086

# By os-release first: a machine may have the other family's tools, too.
package_family() {
  family=
  while read -r line; do
    case $line in
      ID=* | ID_LIKE=*)
        case $line in
          *debian* | *ubuntu*) family=debian ;;
          *rhel* | *centos* | *fedora* | *rocky* | *almalinux*) family=el ;;
        esac
        ;;
    esac
  done </etc/os-release
  if [ -z "$family" ] && has dpkg-query; then family=debian; fi
  if [ -z "$family" ] && has rpm; then family=el; fi
}

# Prints the packages whose candidate is worth asking for: missing ones, one of a group of which
# none is installed, and those whose version the inventory demands.
wanted_candidates() {
  for package in $packages; do
    case $installed in
      *"installed $package "*) ;;
      *) echo "$package" ;;
    esac
  done
  for group in $package_groups; do
    found=
    IFS=' '
    for package in $group; do
      case $installed in
        *"installed $package "*) found=yes ;;
      esac
    done
    if [ -z "$found" ]; then printf '%s\n' $group; fi
    IFS='
'
  done
  printf '%s\n' $pinned_packages
}

packages() {
  lists=
  package_family
  echo "@packages $family"
  all="$packages
$grouped_packages
$pinned_packages"
  set +f
  if [ "$family" = debian ]; then
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' $all)
    locks='/var/lib/dpkg/lock-frontend
/var/lib/dpkg/lock'
    for list in /var/lib/apt/lists/*Packages*; do
      if [ -s "$list" ]; then lists=yes; fi
    done
  else
    installed=$(rpm -q --qf 'installed %{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n' $all)
    locks='/var/lib/rpm/.rpm.lock
/usr/lib/sysimage/rpm/.rpm.lock'
    for list in /var/cache/dnf/*/repodata/repomd.xml /var/cache/yum/*/*/*/repomd.xml; do
      if [ -s "$list" ]; then lists=yes; fi
    done
  fi
  set -f
  printf '%s\n' "$installed"
  if [ -n "$lists" ]; then echo 'lists yes'; fi
  package_lock
  # Without its two caches in memory only, apt-cache would write them into /var/cache/apt. dnf
  # keeps a log and caches whatever one says, so that it is not asked.
  if [ "$family" = debian ] && [ -n "$lists" ]; then
    candidates=$(wanted_candidates)
    if [ -n "$candidates" ]; then
      echo @candidates
      bounded 8 apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        policy $candidates
    fi
  fi
}

# /proc/locks tells who holds a lock by the file's inode: `1: POSIX ADVISORY WRITE 77 08:01:123 0 EOF`.
package_lock() {
  inodes=$(stat -c '%i' $locks)
  for inode in $inodes; do
    while IFS=' ' read -r _ _ _ _ pid file _; do
      case $file in
        *":$inode") read -r name <"/proc/$pid/comm" && echo "lock $name (pid $pid)" ;;
      esac
    done </proc/locks
  done
  if [ -r /run/yum.pid ] && read -r pid </run/yum.pid && [ -r "/proc/$pid/comm" ]; then
    read -r name <"/proc/$pid/comm" && echo "lock $name (pid $pid)"
  fi
}
