#!/bin/sh
# payload.sh RECIPE BUILD: the programs that the RPMs carry, unpacked into BUILD/RELEASE; nothing is
# installed. They come from the archive of the root's own sources.list, of other releases, too.
set -eu
build=$2

# fetch RELEASE PACKAGE...: each package's files below BUILD/RELEASE/PACKAGE.
fetch() {
  release=$1
  shift
  state=$build/apt/$release
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/debs"
  : >"$state/status"
  sed -n "s/ bookworm\(-security\)\{0,1\} main\$/ $release\1 main/p" /etc/apt/sources.list >"$state/sources.list"
  # An old release's lists say that they have expired.
  cat >"$state/apt.conf" <<CONF
Dir::Etc::sourcelist "$state/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
CONF
  export APT_CONFIG="$state/apt.conf"
  apt-get --quiet update || return 1
  (cd "$state/debs" && apt-get --quiet download "$@") || return 1
  mkdir -p "$build/$release"
  for package; do
    dpkg-deb --extract "$state/debs/${package}_"*.deb "$build/$release/$package" || return 1
  done
}

echo 'standin: fetching programs of bullseye, bookworm and trixie'
# Side by side: most of it is waiting for the archive.
fetch trixie etcd-server etcd-client patroni python3-ydiff >"$build/trixie.log" 2>&1 &
trixie=$!
# With the libraries that bookworm has no more.
fetch bullseye postgresql-13 postgresql-client-13 libpq5 libicu67 libssl1.1 libldap-2.4-2 \
  >"$build/bullseye.log" 2>&1 &
bullseye=$!
fetch bookworm postgresql-15 postgresql-client-15 libpq5 haproxy etcd-server etcd-client patroni chrony \
  selinux-policy-default
wait $trixie || {
  cat "$build/trixie.log"
  exit 1
}
mkdir -p /usr/share/standin
: >/usr/share/standin/skipped
if ! wait $bullseye; then
  rm -rf "$build/bullseye"
  echo 'PostgreSQL 13: the Debian archive does not have bullseye any more' >/usr/share/standin/skipped
  tail -n 3 "$build/bullseye.log"
  echo "standin: without $(cat /usr/share/standin/skipped)"
fi
