# Patroni's REST API, by the first URL that answers. Of the two health checks only the codes count.
# shellcheck shell=sh disable=SC2154,SC2086
patroni() {
  if ! has curl; then return; fi
  for url in $patroni_urls; do
    said=$(patroni_at_once "$url")
    section=@patroni-at-once
    if [ -z "$said" ]; then
      said=$(patroni_in_turn "$url" | quoted)
      section=@patroni
    fi
    case $said in
      *"@ 000 $url/primary"* | *"@ 000 0 $url/primary"*) ;;
      *) break ;;
    esac
  done
  echo "$section"
  printf '%s\n' "$said"
}

patroni_in_turn() {
  fetch $node_tls -o /dev/null -o /dev/null "$1/primary" "$1/replica" "$1/patroni" "$1/cluster" \
    "$1/config"
}

# All questions at once: each answer of Patroni's waits 40 ms for the other side's delayed
# acknowledgement. The body of each comes through a pipe of its own, and is held back until the
# one before it is complete: /config, /cluster, /replica (which says what /patroni says), codes.
# Nothing is printed by a curl before 7.68, which does not know the options.
patroni_at_once() {
  {
    {
      {
        curl -q -sS --noproxy '*' --connect-timeout 2 --max-time 3 $node_tls \
          --parallel --parallel-immediate \
          -w '\n@ %{http_code} %{size_download} %{url_effective}\n' \
          -o /dev/null "$1/primary" -o /proc/self/fd/3 "$1/replica" \
          -o /proc/self/fd/4 "$1/cluster" -o /proc/self/fd/5 "$1/config" | hold_back
      } 3>&1 | hold_back
    } 4>&1 | hold_back
  } 5>&1 | quoted
}

# Prints its input once that has ended.
hold_back() { sed -n 'H;${x;s/\n//;p;}'; }
