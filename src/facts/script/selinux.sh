# SELinux: what it has been told, how its policy labels our directories, and what it denied.
# shellcheck shell=sh disable=SC2154,SC2086
selinux() {
  echo @selinux
  if [ -e /etc/selinux/config ]; then sed -n 's/^SELINUX=/config /p' /etc/selinux/config; fi
  if [ ! -e /sys/fs/selinux/enforce ]; then return; fi
  # The kernel ends it without a newline, for which `read` returns an error.
  now=
  IFS=' ' read -r now _ <"/sys/fs/selinux/booleans/$selinux_boolean"
  if [ -n "$now" ]; then echo "boolean $now"; fi
  for path in $labels; do
    echo "label $(matchpathcon -n "$path")|$(stat -c %C "$path")|$path"
  done
  echo @denials
  denials | grep -E 'avc: +denied' \
    | grep -E 'comm="(haproxy|postgres|postmaster|etcd|patroni)|:(haproxy|postgresql)_t:' \
    | tail -n 50 | quoted
}

# Where there is no audit daemon, the journal has the kernel's records.
denials() {
  if [ -r /var/log/audit/audit.log ]; then
    tail -c 1000000 /var/log/audit/audit.log
  else
    bounded 5 journalctl -q --no-pager -o short-unix -n 2000 --since -1h _TRANSPORT=audit \
      + _TRANSPORT=kernel
  fi
}
