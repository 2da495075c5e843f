# HAProxy's statistics page, as CSV.
# shellcheck shell=sh disable=SC2154,SC2086
haproxy() {
  if [ -z "$haproxy_url" ] || ! has curl; then return; fi
  echo @haproxy
  fetch "$haproxy_url" | quoted
}
