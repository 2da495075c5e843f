#!/bin/bash
# rpms.sh RECIPE BUILD: builds the RPMs of what payload.sh fetched, signs them and publishes them
# below /srv/repo, a folder a host name; and the variants of `standin.sh` below /srv/variants.
set -eu
recipe=$1 build=$2
rpms=$build/rpms
arch=$(uname -m)

# Debian keeps root's database in root's home.
mkdir -p /etc/rpm
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros
rpm --initdb

export GNUPGHOME=$build/gnupg GPG_TTY=none
mkdir -p -m 700 "$GNUPGHOME" "$rpms"
for who in distribution pgdg foreign; do
  gpg --batch --quiet --passphrase '' --quick-gen-key "$who (test stand-in) <$who@standin.invalid>" rsa3072 sign never
  gpg --armor --export "$who@standin.invalid" >"$build/$who.asc"
done

# sign WHO FILE...: takes away what signature there is and puts that one in its place.
sign() {
  local who=$1
  shift
  rpmsign --delsign "$@" >/dev/null
  rpmsign --addsign --define '__gpg /usr/bin/gpg' --define "_gpg_name $who@standin.invalid" \
    --define "_gpg_path $GNUPGHOME" "$@" >/dev/null
}

# build SPEC MACRO=VALUE...
build() {
  local spec=$1 top defines=()
  shift
  top=$(mktemp -d -p "$build")
  for define; do defines+=(--define "${define%%=*} ${define#*=}"); done
  # The programs as Debian built them: nothing stripped, no second package with their symbols.
  rpmbuild -bb --quiet --define "_topdir $top" --define '_binary_payload w3.zstdio' \
    --define '_buildhost standin' --define '_build_id_links none' --define 'debug_package %{nil}' \
    --define '__os_install_post %{nil}' "${defines[@]}" "$recipe/specs/$spec.spec"
  mv "$top"/RPMS/*/*.rpm "$rpms/"
  rm -rf "$top"
}

# version RELEASE PACKAGE: Debian's, without epoch and revision.
version() {
  dpkg-deb --field "$build/apt/$1/debs/$2"_*.deb Version | sed 's/^[0-9]*://; s/[-+~].*//'
}

echo 'standin: building RPMs'
postgresql() {
  build postgresql major="$1" ver="$(version "$2" "postgresql-$1")" payload="$build/$2"
}
postgresql 15 bookworm &
[ ! -d "$build/bullseye" ] || postgresql 13 bullseye
wait $!
for release in bookworm trixie; do
  build etcd ver="$(version $release etcd-server)" payload="$build/$release"
  build patroni ver="$(version $release patroni)" payload="$build/$release"
done
build haproxy ver="$(version bookworm haproxy)" payload="$build/bookworm"
build chrony ver="$(version bookworm chrony)" payload="$build/bookworm"
build ydiff ver="$(version trixie python3-ydiff)" payload="$build/trixie"
build decoy ver=16.8 rel=1.module+el9.standin label=postgresql:16:1:deadbeef
build decoy ver=13.22 rel=1.el9.standin
build release
build python
build slow
build repo rel=60 key="$build/pgdg.asc"
build repo rel=50 key="$build/pgdg.asc" stale=1
cd "$rpms"
sign distribution ./*.rpm
# All of PGDG's.
sign pgdg etcd-* patroni-* pgdg-* postgresql1[0-9]* ydiff-* \
  python3.12-{click,dateutil,dns,etcd,prettytable,psutil,psycopg2,six,wcwidth}-*

# publish WHO FOLDER: metadata, that of modules.yaml included, and its signature.
publish() {
  createrepo_c --quiet "$2"
  gpg --batch --quiet --yes --armor --local-user "$1@standin.invalid" --detach-sign "$2/repodata/repomd.xml"
}

# repository WHO FOLDER RPM...
repository() {
  local who=$1 folder=$2
  shift 2
  mkdir -p "$folder"
  [ $# = 0 ] || ln "$@" "$folder/"
  publish "$who" "$folder"
}

echo 'standin: publishing repositories'
distribution=/srv/repo/dl.rockylinux.org/pub/rocky/9
pgdg=/srv/repo/download.postgresql.org/pub/repos/yum
mkdir -p $distribution/AppStream/"$arch"/os
cp "$recipe/modules.yaml" $distribution/AppStream/"$arch"/os/
repository distribution $distribution/AppStream/"$arch"/os chrony-* haproxy-* postgresql-server-* \
  python3.12-{3,cryptography,pyyaml,urllib3}* standin-slow-*
repository distribution $distribution/CRB/"$arch"/os
# The Debian user space in RPM's names, and who the node is.
base=()
for rpm in ./*-9-1.standin.el9.noarch.rpm; do base+=("$rpm"); done
repository distribution $distribution/BaseOS/"$arch"/os rocky-release-* "${base[@]}"

folder() {
  echo "$pgdg/$1/redhat/rhel-9-$arch"
}
repository pgdg "$(folder extras)" etcd-*
repository pgdg "$(folder 15)" postgresql15*
for major in 16 17 18; do repository pgdg "$(folder $major)"; done
# A major version after its end.
[ ! -d "$build/bullseye" ] || repository pgdg /srv/repo/yum-archive.postgresql.org/13/redhat/rhel-9-"$arch" postgresql13*

# What can be broken is a link to one of its variants.
variants=/srv/variants
variant() {
  echo "$variants/common/$1/redhat/rhel-9-$arch"
}
repository pgdg "$(variant good)" patroni-* ydiff-* python3.12-{click,dateutil,dns,etcd,prettytable,psutil,psycopg2,six,wcwidth}-*
repo_rpm=pgdg-redhat-repo-42.0-60PGDG.standin.noarch.rpm
reporpms=$variants/reporpms/good/EL-9-$arch
mkdir -p "$reporpms"
ln pgdg-redhat-repo-* "$reporpms/"
ln $repo_rpm "$reporpms/pgdg-redhat-repo-latest.noarch.rpm"
mkdir -p $variants/keys/{good,foreign-key}
cp "$build/pgdg.asc" $variants/keys/good/PGDG-RPM-GPG-KEY-RHEL
cp "$build/foreign.asc" $variants/keys/foreign-key/PGDG-RPM-GPG-KEY-RHEL

# spoil VARIANT FILE
spoil() {
  case $1 in
    unsigned) rpmsign --delsign "$2" >/dev/null ;;
    foreign-key) sign foreign "$2" ;;
    # One byte of its payload, after it was signed.
    tampered) printf X | dd of="$2" bs=1 seek=$(($(stat -c %s "$2") - 64)) conv=notrunc status=none ;;
  esac
}
newest=$(cd "$(variant good)" && printf '%s\n' patroni-[0-9]* | sort -V | tail -n 1)
for fault in unsigned tampered foreign-key; do
  cp -r $variants/common/good $variants/common/$fault
  spoil $fault "$(variant $fault)/$newest"
  publish pgdg "$(variant $fault)"
  cp -r $variants/reporpms/good $variants/reporpms/$fault
  spoil $fault "$variants/reporpms/$fault/EL-9-$arch/pgdg-redhat-repo-latest.noarch.rpm"
done
cp -r $variants/common/good $variants/common/unsigned-metadata
rm "$(variant unsigned-metadata)/repodata/repomd.xml.asc"
cp -r $variants/common/good $variants/common/foreign-metadata
publish foreign "$(variant foreign-metadata)"

mkdir -p /srv/repo/yum.postgresql.org
ln -s $variants/common/good $pgdg/common
ln -s $variants/reporpms/good $pgdg/reporpms
ln -s $variants/keys/good $pgdg/keys
ln -s $pgdg/keys $pgdg/reporpms /srv/repo/yum.postgresql.org/
