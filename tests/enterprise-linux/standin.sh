#!/bin/sh
# standin: breaks the repositories of this stand-in node for a test, and mends them; plays what it does
# not have. It is no part of what is tested.
set -eu
served=/srv/repo/download.postgresql.org/pub/repos/yum
variants=/srv/variants

usage() {
  cat <<'U'
standin common VARIANT    what PGDG's common repository serves: the newest Patroni `unsigned`, `tampered`
                          or with a `foreign-key`; `unsigned-metadata`, `foreign-metadata`; `gone`
standin reporpms VARIANT  the repository RPM: `unsigned`, `tampered`, `foreign-key`, `gone`
standin keys VARIANT      PGDG's key as it is served: `foreign-key`, `gone`
standin good              all of them as they should be
standin stale             installs a repository RPM of before, whose section pgdg13 is gone from the server
standin selinux           from now on a kernel seems to enforce SELinux; see selinux.sh
standin lock, unlock      dnf is busy with another transaction until `unlock`
U
}

# point WHAT VARIANT
point() {
  if [ "$2" != gone ] && [ ! -d "$variants/$1/$2" ]; then
    usage >&2
    exit 2
  fi
  ln -sfn "$variants/$1/$2" "$served/$1"
  dnf --quiet clean all
}

# await WHAT: until the command after it succeeds, for a minute.
await() {
  tries=600
  until "$@"; do
    tries=$((tries - 1))
    if [ $tries = 0 ]; then
      echo "standin: in vain: $*" >&2
      exit 1
    fi
    sleep 0.1
  done
}

case "${1:-}" in
  common | reporpms | keys) point "$1" "${2:-}" ;;
  good) for what in common reporpms keys; do point $what good; done ;;
  stale)
    rpm --upgrade --oldpackage --nosignature "$served"/reporpms/EL-9-*/pgdg-redhat-repo-42.0-50*.rpm
    dnf --quiet clean all
    ;;
  selinux) systemctl --quiet enable --now standin-selinux.service ;;
  lock)
    touch /run/standin-lock
    systemd-run --quiet --unit=standin-lock dnf --assumeyes --disablerepo='*' --enablerepo=appstream install standin-slow
    await test -e /run/standin-locked
    ;;
  unlock)
    rm -f /run/standin-lock
    await test ! -e /run/standin-locked
    # Its transaction ends after its script.
    while systemctl --quiet is-active standin-lock; do sleep 0.1; done
    rpm --erase --nosignature standin-slow
    ;;
  *)
    usage
    exit 2
    ;;
esac
