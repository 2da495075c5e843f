# The virtual address: which networks the node is in, and whether another machine answers for it.
# shellcheck shell=sh disable=SC2154,SC2086
vip() {
  echo @vip
  # Routes without a gateway, other than the default one.
  awk 'NR > 1 && $2 != "00000000" && $3 == "00000000" { print "network", $1, $2, $8 }' /proc/net/route
  set +f
  grep -hs '[1-9a-f]' /sys/class/net/*/address | sed 's/^/hardware /'
  set -f
  own=$(awk -v address="$vip_address" '
    /\|--/ { last = $2 } /\/32 host LOCAL/ && last == address { print; exit }' /proc/net/fib_trie)
  if [ -z "$own" ]; then answerer; fi
}

# The kernel asks for the hardware address of whomever something is sent to: an empty datagram to
# the port `discard` will do. What it has been told is awaited for a second at most.
answerer() {
  bounded 2 bash -c 'printf x >"/dev/udp/$1/9"' - "$vip_address"
  tries=0
  while [ $tries -lt 10 ]; do
    answer=$(awk -v address="$vip_address" '
      $1 == address { print $3, $4; exit }' /proc/net/arp)
    case $answer in
      '' | '0x0 '*) ;;
      *)
        echo "answers ${answer#* }"
        return
        ;;
    esac
    tries=$((tries + 1))
    sleep 0.1
  done
}
