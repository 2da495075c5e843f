# HAProxy's statistics page, as CSV.
# shellcheck shell=sh disable=SC2154,SC2086
haproxy() {
  if ! has curl; then return; fi
  echo @haproxy
  quoted_lines $(fetch "$haproxy_url")
}
