# etcd: this node's member, or the first of somebody else's that answers. Asked through its JSON
# gateway, as Patroni does; all but /health is answered by the member alone, without a quorum.
# shellcheck shell=sh disable=SC2154,SC2086

# POST to the gateway; the token is secret, and so it goes by stdin.
etcd_post() {
  body=$1
  shift
  printf '%s' "$etcd_headers" | fetch 3 $etcd_tls -K - -d "$body" "$@"
}

# The part of the answer that is between these two texts.
between() {
  rest=${1#*"$2"}
  if [ "$rest" = "$1" ]; then return; fi
  printf '%s' "${rest%%"$3"*}"
}

etcd() {
  etcd_tls=${etcd_tls:-$node_tls}
  if [ -z "$etcd_urls$etcd_data_dir" ]; then return; fi
  echo @etcd
  if [ -n "$etcd_data_dir" ] && [ -d "$etcd_data_dir/member" ]; then
    echo 'member yes'
    set +f
    set -- "$etcd_data_dir"/member/wal/*.wal
    set -f
    if [ -f "$1" ]; then echo "log $(head -c "$etcd_log_bytes" "$1" | base64 | tr -d '\n')"; fi
  fi
  if ! has curl; then
    echo 'error curl is not installed'
    return
  fi
  for url in $etcd_urls; do
    answer=$(fetch 3 $etcd_tls "$url/version" "$url/health" 2>&1)
    case $answer in
      *'"etcdserver"'*)
        etcd_ask "$url"
        return
        ;;
    esac
    printf '%s\n' "$answer" | sed -n 's/^curl: ([0-9]*) /error /p'
  done
}

etcd_ask() {
  echo "url $1"
  api=$1/v3
  keys=$etcd_keys_stale
  etcd_headers=
  case $answer in
    *'"etcdserver":"3.3.'*) api=$1/v3beta ;;
  esac
  case $answer in
    *'"health":"true"'* | *'"health":true'*)
      keys=$etcd_keys
      etcd_login "$1"
      ;;
  esac
  echo @etcd-answers
  {
    printf '%s\n' "$answer"
    etcd_post '{}' "$api/maintenance/status" "$api/cluster/member/list"
    etcd_post "$keys" "$api/kv/txn"
    if [ -n "$etcd_role" ]; then etcd_users; fi
  } | quoted
}

# Who is let in. A login is a proposal to the cluster, so that without a quorum there is none.
etcd_login() {
  # Where TLS is not turned on yet nobody has to log in, and no password goes over the network.
  case "$1 $etcd_urls" in
    http://*https://*)
      if [ -n "$etcd_logins" ]; then echo 'login off'; fi
      return
      ;;
  esac
  number=0
  for login in $etcd_logins; do
    number=$((number + 1))
    said=$(printf '%s' "$login" | fetch 3 $etcd_tls -d @- "$api/auth/authenticate" 2>&1)
    case $said in
      *'"token":"'*)
        etcd_headers="header = \"Authorization: $(between "$said" '"token":"' '"')\""
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
  if [ "$number" -gt 0 ]; then echo 'login refused'; fi
}

# The role of ours, and every user: the answers about each come in the order of the list.
etcd_users() {
  etcd_post "$etcd_role" "$api/auth/role/get"
  said=$(etcd_post '{}' "$api/auth/user/list")
  printf '%s\n' "$said"
  for name in $(between "$said" '"users":[' ']' | tr ',' '\n' | head -n 50); do
    etcd_post "{\"name\":$name}" "$api/auth/user/get"
  done
}
