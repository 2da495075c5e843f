# What waits for others at the same time; the end shows that nothing was cut off.
# shellcheck shell=sh
here() {
  system
  files
  disks
  units
  ports
  firewall
  selinux
  vip
}

around() {
  names
  packages
  haproxy
}

here </dev/null 2>/dev/null | beside around | beside etcd | beside patroni | beside postgresql
echo @end
