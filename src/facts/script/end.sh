# What waits for others at the same time; the end shows that nothing was cut off.
# shellcheck shell=sh disable=SC2154,SC2086
here() {
  system
  files
  disks
  units
  ports
  firewall
  selinux
  if [ -n "$vip_address" ]; then vip; fi
}

around() {
  names
  packages
  if [ -n "$haproxy_url" ]; then haproxy; fi
}

side_by_side here around $services </dev/null 2>/dev/null
echo @end
