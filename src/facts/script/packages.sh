# Packages, what an installation would bring, who holds the package manager's lock.
# shellcheck shell=sh disable=SC2154,SC2086

# By os-release first: a machine may have the other family's tools, too.
package_family() {
  family=$platform_family
  if [ -n "$family" ]; then return; fi
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

# The packages whose candidate is worth asking for: missing ones, a group of which none is
# installed, and those whose version the inventory demands.
wanted_candidates() {
  for package in $debian_packages; do
    case $installed in
      *"installed $package "*) ;;
      *) echo "$package" ;;
    esac
  done
  for group in $debian_groups; do
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
  printf '%s\n' $debian_pinned
}

# Keeps the lines about packages that are installed, in `installed`.
only_installed() {
  installed=
  for line in $1; do
    case $line in
      'installed '*) installed="$installed$line
" ;;
    esac
  done
  printf '%s' "$installed"
}

debian_packages() {
  IFS="$IFS "
  found=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' \
    $debian_packages $debian_groups)
  IFS='
'
  only_installed "$found"
  lists=
  set +f
  for list in /var/lib/apt/lists/*Packages*; do
    if [ -s "$list" ]; then lists=yes; fi
  done
  set -f
  if [ -n "$lists" ]; then echo 'lists yes'; fi
  package_lock /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock
  candidates=$(wanted_candidates)
  if [ -n "$lists" ] && [ -n "$candidates" ]; then
    echo @candidates
    # Without its caches in memory only, it would write them into /var/cache/apt.
    bounded 25 apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= policy $candidates
  fi
}

# No candidates: dnf keeps a log and caches whatever one says.
el_packages() {
  IFS="$IFS "
  found=$(rpm -q --qf 'installed %{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n' \
    $el_packages $el_groups)
  IFS='
'
  only_installed "$found"
  set +f
  for list in /var/cache/dnf/*/repodata/repomd.xml /var/cache/yum/*/*/*/repomd.xml; do
    if [ -s "$list" ]; then
      echo 'lists yes'
      break
    fi
  done
  set -f
  package_lock /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock
  set +f
  awk -F '[][]' '/^\[/ { name = $2 } /^state *= *disabled/ { print "module-off " name }' \
    /etc/dnf/modules.d/*.module
  set -f
  # yum and dnf leave their pid in a file, and not always take it away.
  set +f
  for file in /run/yum.pid /var/cache/dnf/*_lock.pid /var/lib/dnf/*_lock.pid; do
    if [ -r "$file" ] && read -r pid <"$file" && read -r name <"/proc/$pid/comm"; then
      case $name in
        yum* | dnf* | packagekitd* | python*) echo "lock $name (pid $pid)" ;;
      esac
    fi
  done
  set -f
}

# The sections of all repositories, a line each, as far as they are enabled or can be ours; a URL
# without what may be a password in it. There can be hundreds (subscription-manager).
el_repositories() {
  echo @repositories
  set +f
  awk '
    function section() {
      if (name != "" && (enabled || name ~ /^(pgdg|epel|mahout)/))
        print (enabled ? "enabled" : "disabled"), name, file, url
      name = url = ""
      enabled = 1
    }
    /^\[/ {
      section()
      file = FILENAME
      name = $0
      sub(/^\[/, "", name)
      sub(/\].*/, "", name)
      gsub(/[ \t]/, "_", name)
    }
    /^[a-z_]+[ \t]*=/ {
      key = value = $0
      sub(/[ \t]*=.*/, "", key)
      sub(/^[^=]*=[ \t]*/, "", value)
      sub(/[ \t,\r].*/, "", value)
      if (key == "enabled") enabled = value ~ /^(1|[Tt]rue|[Yy]es|[Oo]n)$/
      if (key ~ /^(baseurl|mirrorlist|metalink)$/ && url == "") {
        sub(/\/\/[^\/@]*@/, "//", value)
        url = value
      }
    }
    END { section() }' /etc/yum.repos.d/*.repo
  set -f
}

packages() {
  package_family
  echo "@packages $family"
  case $family in
    debian) debian_packages ;;
    el)
      el_packages
      el_repositories
      ;;
  esac
}

# /proc/locks tells who holds a lock by the file's inode: `1: POSIX ADVISORY WRITE 77 08:01:123 0 EOF`.
# A package manager has none of another kind.
package_lock() {
  held=
  while IFS=' ' read -r _ kind _ _ pid file _; do
    if [ "$kind" = POSIX ]; then
      held="$held$pid $file
"
    fi
  done </proc/locks
  if [ -z "$held" ]; then return; fi
  for inode in $(stat -c '%i' "$@"); do
    for lock in $held; do
      case $lock in
        *":$inode") read -r name <"/proc/${lock%% *}/comm" && echo "lock $name (pid ${lock%% *})" ;;
      esac
    done
  done
}
