#!/bin/sh
# The part of a kernel that enforces SELinux, played for a test: what it shows in /sys/fs/selinux, and
# the tools that would ask it, as which this file is called. The policy store behind is real. Nothing
# is enforced, and what is made new has no label until restorecon gives it one.
set -eu
kernel=/sys/fs/selinux
real=/usr/share/standin/selinux

enforce() {
  printf %s "$1" >$kernel/enforce
}

# Its booleans, as they are in the store.
show_booleans() {
  mkdir -p $kernel/booleans
  semanage boolean --list --noheading | sed -n 's/^\([a-z0-9_]*\) *(\([a-z]*\) .*/\1 \2/p' |
    while read -r name value; do
      [ "$value" = on ] && value='1 1' || value='0 0'
      printf %s "$value" >"$kernel/booleans/$name"
    done
}

case ${0##*/} in
  getenforce)
    [ "$(cat $kernel/enforce)" = 1 ] && echo Enforcing || echo Permissive
    ;;
  setenforce)
    case ${1:-} in
      1 | [Ee]nforcing) enforce 1 ;;
      *) enforce 0 ;;
    esac
    ;;
  getsebool)
    read -r now _ <"$kernel/booleans/$1" || [ -n "$now" ]
    [ "$now" = 1 ] && echo "$1 --> on" || echo "$1 --> off"
    ;;
  setsebool)
    $real/setsebool "$@"
    show_booleans
    ;;
  restorecon)
    # It does nothing without such a kernel; setfiles does the same, and always all below.
    flags=
    while getopts FRrvi flag; do
      case $flag in F | v) flags="$flags -$flag" ;; esac
    done
    shift $((OPTIND - 1))
    # shellcheck disable=SC2086
    setfiles $flags /etc/selinux/targeted/contexts/files/file_contexts "$@"
    ;;
  *)
    # The node boots.
    if [ ! -d $real ]; then
      mkdir $real
      for tool in getenforce getsebool restorecon setenforce setsebool; do
        path=$(command -v $tool)
        mv "$path" $real/
        ln -s /usr/share/standin/selinux.sh "$path"
      done
    fi
    mount -t tmpfs -o mode=755 standin $kernel
    enforce 0
    if grep -q '^SELINUX=enforcing' /etc/selinux/config; then enforce 1; fi
    show_booleans
    ;;
esac
