#!/bin/sh
# node.sh RECIPE BUILD: makes an Enterprise Linux node of the Debian root, with the repositories that
# rpms.sh published.
set -eu
recipe=$1 build=$2
share=/usr/share/standin

echo 'standin: making an Enterprise Linux node of the root'
mkdir -p /etc/sysconfig
# dnf: the distribution's settings, and none of what Debian adds.
cat >/etc/dnf/dnf.conf <<'U'
[main]
gpgcheck=1
installonly_limit=3
clean_requirements_on_remove=True
best=True
skip_if_unavailable=False
U
for plugin in local show-leaves show_leaves; do
  printf '[main]\nenabled = 0\n' >/etc/dnf/plugins/$plugin.conf
done
rm -f /etc/dnf/aliases.d/zypper.conf /usr/lib/python3/dist-packages/dnf-plugins/show_leaves.py
ln -s dnf-3 /usr/bin/yum
# 26 is the number of postgres there, of tape here.
groupmod -g 1998 tape
localedef -i en_US -f UTF-8 en_US.UTF-8

# The repositories answer at their production addresses, by a certificate that the node trusts.
cp "$recipe/hosts" /etc/hosts
install -m 644 "$recipe/repository.py" $share/
install -m 644 "$recipe/repository.socket" /etc/systemd/system/standin-repository.socket
install -m 644 "$recipe/repository.service" /etc/systemd/system/standin-repository.service
install -m 755 "$recipe/standin.sh" /usr/local/sbin/standin
install -m 755 "$recipe/selinux.sh" $share/
install -m 644 "$recipe/selinux.service" /etc/systemd/system/standin-selinux.service
names=$(sed -n 's/^127.0.0.1 *\(download.*\)/\1/p' /etc/hosts | sed 's/\([^ ]*\)/DNS:\1/g; s/ /,/g')
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=test stand-in' \
  -addext basicConstraints=critical,CA:true -keyout "$build/ca.key" -out "$build/ca.crt" 2>/dev/null
openssl req -new -newkey rsa:2048 -nodes -subj '/CN=repositories of the test stand-in' \
  -keyout $share/repository.key -out "$build/repository.csr" 2>/dev/null
echo "subjectAltName=$names" >"$build/repository.ext"
openssl x509 -req -days 3650 -in "$build/repository.csr" -CA "$build/ca.crt" -CAkey "$build/ca.key" \
  -CAcreateserial -extfile "$build/repository.ext" -out $share/repository.crt 2>/dev/null
cp "$build/ca.crt" /usr/local/share/ca-certificates/standin.crt
update-ca-certificates >/dev/null
mkdir -p /etc/pki/tls/certs /etc/pki/rpm-gpg /etc/yum.repos.d
ln -s /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt

cp "$build/distribution.asc" /etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9
# As rocky.repo of there; its mirror lists are this one address.
for section in BaseOS=1 AppStream=1 CRB=0; do
  name=${section%=*}
  cat <<U
[$(echo "$name" | tr '[:upper:]' '[:lower:]')]
name=Rocky Linux \$releasever - $name (test stand-in)
baseurl=https://dl.rockylinux.org/pub/rocky/\$releasever/$name/\$basearch/os/
gpgcheck=1
enabled=${section#*=}
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9

U
done >/etc/yum.repos.d/rocky.repo

# A policy store of the name that it has there, of Debian's policy and the names that the stack needs.
# It is built once, which Debian's package and a module after it would do twice.
policy=$build/bookworm/selinux-policy-default
mkdir -p /etc/selinux /var/lib/selinux
cp -a "$policy/etc/selinux/default" /etc/selinux/targeted
printf 'SELINUX=enforcing\nSELINUXTYPE=targeted\n' >/etc/selinux/config
semodule --noreload $(printf -- '--install=%s ' "$policy"/usr/share/selinux/default/*.pp.bz2) --install="$recipe/selinux.cil"

# Identity and the names of the base system. os-release is the RPM's.
rm -f /etc/os-release
rpm --install --nosignature /srv/repo/dl.rockylinux.org/pub/rocky/9/BaseOS/*/os/*.rpm 2>"$build/rpm.log" || {
  cat "$build/rpm.log"
  exit 1
}
# The presets of that RPM disable everything.
systemctl enable ssh.service systemd-networkd.service firewalld.service standin-repository.socket 2>/dev/null
# dnf's own timer would take its lock at a random minute.
systemctl mask apt-daily.timer apt-daily-upgrade.timer dnf-makecache.timer dpkg-db-backup.timer 2>/dev/null

# There is no dpkg there, and nothing may ask it. update-alternatives is there, too.
mkdir -p $share/debian
for program in apt apt-cache apt-cdrom apt-config apt-get apt-key apt-mark dpkg dpkg-deb dpkg-divert \
  dpkg-query dpkg-split dpkg-statoverride dpkg-trigger; do
  if [ -e /usr/bin/$program ]; then mv /usr/bin/$program $share/debian/; fi
done
rm -rf /etc/apt /var/lib/apt/lists/* /var/cache/apt/*
