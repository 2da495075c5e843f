# Operating system, hardware, kernel settings, time, names.
# shellcheck shell=sh disable=SC2154,SC2086
system() {
  echo @system
  machine=$(uname -rm)
  echo "kernel ${machine% *}"
  echo "architecture ${machine##* }"
  echo "cpus $(nproc)"
  libc=$(getconf GNU_LIBC_VERSION) && echo "libc $libc"
  if [ -e /dev/watchdog ]; then echo 'watchdog yes'; fi
  if has getenforce || [ -e /etc/selinux/config ]; then echo 'selinux yes'; fi
  if [ -e /run/systemd/timesync/synchronized ]; then echo 'timesyncd yes'; fi
  # Opened for writing, not written: the only test that knows read-only mounts, name spaces and
  # security modules. `true`, because a failing redirection of `:` would end dash.
  for file in $kernel_files /sys/kernel/mm/transparent_hugepage/enabled; do
    if [ -e "$file" ] && { true >>"$file"; } 2>/dev/null; then echo "writable $file"; fi
  done

  # grep reads a file of /proc at one go; the shell's own `read` takes single bytes, of which
  # /proc/sys only gives the first. /dev/null makes it print names even if there is one file.
  echo @read
  grep -s '' /dev/null /etc/os-release /etc/machine-id /proc/sys/kernel/random/boot_id \
    /proc/sys/kernel/hostname /sys/fs/selinux/enforce \
    /sys/kernel/mm/transparent_hugepage/enabled $kernel_files /proc/meminfo

  echo @addresses
  tables=/proc/net/fib_trie
  if [ -r /proc/net/if_inet6 ]; then
    tables="$tables
/proc/net/if_inet6"
  fi
  awk '
    FILENAME ~ /if_inet6/ { print " " $1 }
    /\|--/ { address = $2 }
    /\/32 host LOCAL/ { print " " address }' $tables
}

names() {
  echo @users
  for user in $(bounded 2 getent passwd $users); do echo "${user%%:*}"; done
  echo @names
  found=$(RES_OPTIONS='timeout:1 attempts:1' bounded 3 getent hosts $names)
  printf '%s\n' "$found"
  # nss-myhostname gives the node's own name a link-local address, and then IPv4 is not asked for.
  case $found in
    *fe80:*) RES_OPTIONS='timeout:1 attempts:1' bounded 3 getent ahostsv4 $names ;;
  esac
  if has chronyc && [ -d /run/chrony ]; then
    echo @chrony
    bounded 2 chronyc tracking | quoted
  elif has ntpq; then
    echo @ntp
    bounded 2 ntpq -c rv | quoted
  fi
}
