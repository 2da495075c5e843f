#!/bin/sh
# The stack's packages, installed as PGDG's own pages say, and nothing else. It runs in a network of
# its own: the repositories answer as they do in a node.
set -eu
exec unshare --net sh -euc '
  ip link set lo up
  # As systemd hands the socket over: number 3.
  python3 -c "
import os, socket
listener = socket.create_server((\"127.0.0.1\", 443))
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
if os.fork() == 0:
    os.execv(\"/usr/bin/python3\", [\"python3\", \"/usr/share/standin/repository.py\"])
" 2>/dev/null
  install() { dnf --quiet --assumeyes "$@"; }
  install install "https://download.postgresql.org/pub/repos/yum/reporpms/EL-9-$(uname -m)/pgdg-redhat-repo-latest.noarch.rpm"
  install module disable postgresql
  install --enablerepo=pgdg-rhel9-extras install chrony etcd haproxy patroni-etcd postgresql15-contrib postgresql15-server
  dnf --quiet clean all
  rpm --query --all | grep --count --invert-match "^gpg-pubkey" | sed "s/.*/standin: & packages installed/"
'
