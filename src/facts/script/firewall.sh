# Firewalls: which are there, what they let in by our rules, and what a plain ruleset does. Whether
# firewalld runs is told by its unit.
# shellcheck shell=sh disable=SC2154,SC2086
firewall() {
  echo @firewall
  if has firewall-cmd; then echo 'firewalld yes'; fi
  if [ -d /usr/lib/firewalld/policies ]; then echo 'policies yes'; fi
  if [ -e "$firewalld_policy" ]; then
    # What it is not asked by is its permanent configuration.
    rules=$(bounded 5 firewall-cmd --policy=mahout --list-rich-rules) && echo 'live yes'
    printf '%s\n' "$rules" | sed 's/^/live-rule /'
  fi
  if [ -r /etc/ufw/ufw.conf ]; then
    sed -n 's/^ENABLED=/ufw /p' /etc/ufw/ufw.conf
    sed -n 's/^DEFAULT_INPUT_POLICY=/ufw-input /p' /etc/default/ufw
    sed -n 's/^### tuple ### /ufw-rule /p' /etc/ufw/user.rules /etc/ufw/user6.rules
    if grep -qsF "'vrrp'" /usr/lib/python3/dist-packages/ufw/util.py; then echo 'ufw-vrrp yes'; fi
  fi
  # nft would load the kernel's part of it.
  if has nft && [ -e /sys/module/nf_tables ]; then
    bounded 3 nft list chains | awk '
      $1 == "table" { table = $2 " " $3 }
      $1 == "chain" { chain = $2 }
      / hook input / && /policy drop/ { print table " " chain }' | head -n 4 | dropping_chains
  fi
}

# Of each chain that drops what no rule accepts: the rules about ports.
dropping_chains() {
  while read -r chain; do
    echo "@nftables $chain"
    IFS=' '
    bounded 3 nft -n list chain $chain | grep -e dport -e 'protocol 112' | head -n 200 | quoted
    IFS='
'
  done
}
