# Firewalls. Nothing in here closes what is open, SSH least of all.

# start_firewalld PORT…: sshd listens on these.
start_firewalld() {
	local said
	keeps_ssh_open "$@"
	said=$(timeout 60 firewall-offline-cmd --check-config 2>&1) ||
		die "firewalld refuses its configuration: $(printf '%s' "$said" | one_line)"
	systemctl start firewalld.service || exit 1
}

# keeps_ssh_open PORT…: the default zone lets them in. A zone that accepts everything does, too.
keeps_ssh_open() {
	local zone port
	zone=$(timeout 60 firewall-offline-cmd --get-default-zone) || die "firewalld names no default zone"
	case $(timeout 60 firewall-offline-cmd --zone="$zone" --get-target 2>/dev/null) in
	ACCEPT) return 0 ;;
	esac
	for port in "$@"; do
		if [ "$port" = 22 ] && firewall-offline-cmd --zone="$zone" --query-service=ssh >/dev/null 2>&1; then
			continue
		fi
		firewall-offline-cmd --zone="$zone" --query-port="$port/tcp" >/dev/null 2>&1 ||
			die "firewalld would close SSH: its zone $zone does not let in port $port; first run: firewall-offline-cmd --zone=$zone --add-port=$port/tcp"
	done
}

# reload_firewalld: when it was asked to is kept, as by reload_unit.
reload_firewalld() {
	local said lost
	said=$(timeout 60 firewall-cmd --check-config 2>&1) ||
		die "firewalld refuses its configuration: $(printf '%s' "$said" | one_line)"
	lost=$(only_at_run_time) || exit 1
	[ -z "$lost" ] ||
		die "a reload of firewalld would close what is open at run time alone: $(printf '%s' "$lost" | one_line); \`firewall-cmd --runtime-to-permanent\` keeps it, \`firewall-cmd --reload\` drops it"
	: >/run/mahout/firewalld.service.reload
	said=$(timeout 120 firewall-cmd --reload 2>&1) ||
		die "firewalld could not be reloaded: $(printf '%s' "$said" | one_line)"
	mv -f /run/mahout/firewalld.service.reload /run/mahout/firewalld.service.reloaded
}

# only_at_run_time: what is let in now and would not be after a reload, one a line. Interfaces stay
# in their zones. Our own policy is what the reload is for.
only_at_run_time() {
	local now kept
	now=$(let_in) && kept=$(let_in --permanent) || die "firewalld does not answer"
	{
		printf '%s\n' "$kept" | sed 's/^/kept /'
		printf '%s\n' "$now" | sed 's/^/now /'
	} | awk '
		{ what = substr($0, index($0, " ") + 1) }
		$1 == "kept" { kept[what] = 1; next }
		what != "" && !(what in kept) { print what ";" }'
}

# let_in [--permanent]: zone or policy, kind, and what it lets in, one a line.
let_in() {
	local said
	said=$(timeout 60 firewall-cmd "$@" --list-all-zones) || return 1
	printf '%s\n' "$said" | openings
	# Before 0.9 there are none.
	timeout 60 firewall-cmd "$@" --list-all-policies 2>/dev/null | openings
}

openings() {
	awk '
		/^[^ \t]/ { place = $1; next }
		/^  (services|ports|protocols|source-ports|sources|forward-ports):/ {
			for (i = 2; i <= NF; i++) if (place != "mahout") print place " " $1 " " $i
			next
		}
		/^[ \t]+rule / && / accept/ && place != "mahout" { sub(/^[ \t]+/, ""); print place " " $0 }'
}

# ufw_rules [allow|delete SOURCE PORTS]…: what is there already, or gone already, is as good.
ufw_rules() {
	local said
	while [ $# -ge 3 ]; do
		case $1:$3 in
		allow:vrrp) said=$(timeout 60 ufw allow proto vrrp from "$2" comment mahout 2>&1) ;;
		delete:vrrp) said=$(timeout 60 ufw delete allow proto vrrp from "$2" 2>&1) ;;
		allow:*) said=$(timeout 60 ufw allow proto tcp from "$2" to any port "$3" comment mahout 2>&1) ;;
		delete:*)
			said=$(timeout 60 ufw delete allow proto tcp from "$2" to any port "$3" 2>&1)
			;;
		esac || die "ufw: $(printf '%s' "$said" | one_line)"
		shift 3
	done
}
