# Patroni's REST API. Of the two health checks only the codes count.
# shellcheck shell=sh disable=SC2154,SC2086
patroni() {
  if [ -z "$patroni_url" ] || ! has curl; then return; fi
  echo @patroni
  fetch 3 $node_tls -o /dev/null -o /dev/null "$patroni_url/primary" "$patroni_url/replica" \
    "$patroni_url/patroni" "$patroni_url/cluster" "$patroni_url/config" | quoted
}
