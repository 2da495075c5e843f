# etcd: this node's member, or the first of somebody else's that answers. Asked through its JSON
# gateway, as Patroni does; all but /health is answered by the member alone, without a quorum.
# shellcheck shell=sh disable=SC2154,SC2086

# What holds for each request, in the words of curl's configuration.
etcd_options='silent
show-error
noproxy = "*"
connect-timeout = 1
max-time = 3
write-out = "\n@ %{http_code} %{url_effective}\n"'

# Sends requests over one connection, by one curl: to begin with TLS costs more than an answer. One
# that gets none is the last. Each argument is a request in curl's words; they go by stdin, for
# passwords and tokens are among them.
etcd_send() {
  if [ -n "$etcd_one_by_one" ]; then
    for request; do
      printf '%s\n' "$etcd_options" "$request" | bounded 10 curl -q -K -
    done
    return
  fi
  next=
  for request; do
    printf '%s' "$next"
    printf '%s\n' "$etcd_options" "$request"
    next='next
'
  done | curl -q --fail-early -K -
}

# A request that posts. 1: path, 2: body.
etcd_post() {
  post="url = \"$api/$1\"
data = \"$2\"
$etcd_token"
}

# The part of the answer that is between these two texts.
between() {
  rest=${1#*"$2"}
  if [ "$rest" = "$1" ]; then return; fi
  printf '%s' "${rest%%"$3"*}"
}

etcd() {
  echo @etcd
  if [ -n "$etcd_data_dir" ] && [ -d "$etcd_data_dir/member" ]; then
    echo 'member yes'
    set +f
    set -- "$etcd_data_dir"/member/wal/*.wal
    set -f
    if [ -f "$1" ]; then head -c "$etcd_log_bytes" "$1" | in_base64 log; fi
  fi
  if ! has curl; then
    echo 'error curl is not installed'
    return
  fi
  set -- ${etcd_tls:-$node_tls}
  while [ $# -gt 1 ]; do
    etcd_options="$etcd_options
${1#--} = \"$2\""
    shift 2
  done
  etcd_one_by_one=
  for url in $etcd_urls; do
    etcd_greet "$url"
    case $answer in
      *'"etcdserver"'*)
        etcd_ask "$url"
        return
        ;;
    esac
    printf '%s\n' "$answer" | sed -n 's/^curl: ([0-9]*) /error /p'
  done
}

# Where TLS is not turned on yet nobody has to log in, and no password goes over the network.
etcd_logs_in() {
  case "$1 $etcd_urls" in
    http://*https://*) return 1 ;;
  esac
  [ -n "$etcd_logins" ]
}

# Sets what the member says of itself, and what it says to the first login: that is sent in the
# same breath, and not at all if the member does not answer the questions before it.
etcd_greet() {
  api=$1/v3
  etcd_token=
  set -- "$1" "url = \"$1/version\"" "url = \"$1/health\""
  if etcd_logs_in "$1"; then
    for login in $etcd_logins; do break; done
    etcd_post auth/authenticate "$login"
    set -- "$@" "$post"
  fi
  url=$1
  shift
  said=$(etcd_send "$@" 2>&1)
  # curl before 7.52 does not know the option, nor may it know `next`.
  if [ $? -eq 2 ] && [ -z "$etcd_one_by_one" ]; then
    etcd_one_by_one=yes
    said=$(etcd_send "$@" 2>&1)
  fi
  first_login=
  case $said in
    *" $url/health
"*)
      answer="${said%%" $url/health
"*} $url/health"
      first_login=${said#*" $url/health
"}
      ;;
    *) answer=$said ;;
  esac
}

etcd_ask() {
  echo "url $1"
  keys=$etcd_keys_stale
  case $answer in
    *'"etcdserver":"3.3.'*)
      api=$1/v3beta
      first_login=
      ;;
  esac
  case $answer in
    *'"health":"true"'* | *'"health":true'*)
      keys=$etcd_keys
      etcd_login "$1"
      ;;
  esac
  echo @etcd-answers
  quoted_lines $answer $(etcd_questions)
}

# A login is a proposal to the cluster, so that without a quorum there is none.
etcd_login() {
  if ! etcd_logs_in "$1"; then
    if [ -n "$etcd_logins" ]; then echo 'login off'; fi
    return
  fi
  number=0
  for login in $etcd_logins; do
    number=$((number + 1))
    said=$first_login
    first_login=
    if [ -z "$said" ]; then
      etcd_post auth/authenticate "$login"
      said=$(etcd_send "$post" 2>&1)
    fi
    case $said in
      *'"token":"'*)
        etcd_token="header = \"Authorization: $(between "$said" '"token":"' '"')\""
        echo "login $number"
        return
        ;;
      *'authentication is not enabled'*)
        echo 'login off'
        return
        ;;
      *'invalid user ID or password'*) ;;
      *) return ;;
    esac
  done
  echo 'login refused'
}

# The member, its keys, the role of ours, and every user: the answers about each come in the order
# of the list. Who is expected in it is asked about in the same breath.
etcd_questions() {
  set --
  for path in maintenance/status cluster/member/list; do
    etcd_post "$path" '{}'
    set -- "$@" "$post"
  done
  etcd_post kv/txn "$keys"
  set -- "$@" "$post"
  expected=
  if [ -n "$etcd_role" ]; then
    etcd_post auth/role/get "$etcd_role"
    set -- "$@" "$post"
    etcd_post auth/user/list '{}'
    set -- "$@" "$post"
    for name in $etcd_users; do
      etcd_post_user "$name"
      set -- "$@" "$post"
      expected="$expected,\"$name\""
    done
  fi
  said=$(etcd_send "$@")
  users=$(between "$said" '"users":[' ']')
  if [ "$users" = "${expected#,}" ]; then
    printf '%s\n' "$said"
    return
  fi
  case $said in
    *" $api/auth/user/list
"*)
      said="${said%%" $api/auth/user/list
"*} $api/auth/user/list"
      ;;
  esac
  printf '%s\n' "$said"
  set --
  IFS=,
  for name in $users; do
    name=${name#\"}
    name=${name%\"}
    case $name in
      *\\*) name=$(printf '%s' "$name" | sed 's/\\/\\\\/g') ;;
    esac
    etcd_post_user "$name"
    set -- "$@" "$post"
    if [ $# -eq 50 ]; then break; fi
  done
  IFS='
'
  if [ $# -gt 0 ]; then etcd_send "$@"; fi
}

etcd_post_user() { etcd_post auth/user/get "{\\\"name\\\":\\\"$1\\\"}"; }
