# Everything at the same time; the end shows that nothing was cut off.
# shellcheck shell=sh
system </dev/null 2>/dev/null | beside packages | beside files | beside disks | beside units \
  | beside ports | beside names | beside etcd | beside patroni | beside postgresql | beside haproxy \
  | beside firewall | beside selinux | beside vip
echo @end
