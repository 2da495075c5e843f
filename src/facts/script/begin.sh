# One read-only POSIX sh script; facts/script.rs puts the variables that it uses in front.
#
# What it prints: lines that begin with `@` open a section, every other line belongs to the
# section above it. What a node says can never begin with `@`: such a line begins with a path, a
# word of ours or a blank.
#
# It writes nothing on the node: no temporary files, no here-documents (bash keeps those in /tmp),
# no program that keeps a log or a cache.
# shellcheck shell=sh disable=SC2154,SC2086,SC2317
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
LC_ALL=C
TZ=UTC
export PATH LC_ALL TZ
unset CDPATH ENV BASH_ENV
# Lists hold one word a line.
IFS='
'
set -f
cd /

# The node's clock, before anything else.
date '+@facts 1 %s.%N'

# Runs a program that could hang for so many seconds at most.
if command -v timeout >/dev/null 2>&1; then
  bounded() { timeout "$@"; }
else
  bounded() {
    shift
    "$@"
  }
fi

has() { command -v "$1" >/dev/null 2>&1; }

# Runs functions at the same time, and prints what each says, whole and in their order, without a
# file.
side_by_side() {
  if [ $# -eq 1 ]; then
    "$1"
    return
  fi
  "$1" &
  shift
  others=$(side_by_side "$@")
  wait
  printf '%s\n' "$others"
}

# Whether a directory holds nothing.
is_empty() {
  set +f
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$entry" ] || [ -L "$entry" ]; then
      set -f
      return 1
    fi
  done
  set -f
}

# curl without the user's configuration and proxies; each answer is bounded. Two seconds to connect:
# what finds the queue of a busy Patroni full (five places) is sent again after one.
fetch() {
  curl -q -sS --noproxy '*' --connect-timeout 2 --max-time 3 \
    -w '\n@ %{http_code} %{url_effective}\n' "$@"
}

# curl's options for https among the nodes, which show each other their certificates; a plain URL
# makes no use of them.
node_tls='--cacert
/etc/mahout/ca.crt'
for file in /etc/mahout/patroni.pem /etc/mahout/etcd-server.pem; do
  if [ -r "$file" ]; then
    node_tls="$node_tls
--cert
$file"
    break
  fi
done

# What a service says could begin with `@`.
quoted() { sed 's/^/ /'; }

# The same without a program, of lines of which none that is empty matters.
quoted_lines() { if [ $# -gt 0 ]; then printf ' %s\n' "$@"; fi; }

# In one line: without quotes the shell takes base64's lines for words.
in_base64() {
  printf '%s ' "$1"
  printf '%s' $(base64)
  echo
}
