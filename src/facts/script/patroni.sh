# Patroni's REST API, by the first URL that answers. Of the two health checks only the codes count.
# shellcheck shell=sh disable=SC2154,SC2086
patroni() {
  if [ -z "$patroni_urls" ] || ! has curl; then return; fi
  echo @patroni
  for url in $patroni_urls; do
    said=$(fetch 3 $node_tls -o /dev/null -o /dev/null "$url/primary" "$url/replica" \
      "$url/patroni" "$url/cluster" "$url/config")
    case $said in
      *"@ 000 $url/primary"*) ;;
      *) break ;;
    esac
  done
  printf '%s\n' "$said" | quoted
}
