# Operating system, hardware, kernel settings, users, time, names.
# shellcheck shell=sh disable=SC2154,SC2086
system() {
  readable_settings
  # One program for all files: to start another one costs a millisecond.
  known=$(users=$users awk '
    function cpus(list, range, ends, count, i) {
      for (i = split(list, range, ","); i > 0; i--)
        count += split(range[i], ends, "-") == 2 ? ends[2] - ends[1] + 1 : 1
      return count
    }
    function tell(key, value) { told = told key " " value "\n" }
    function heard(file) {
      if (file == "/proc/meminfo") {
        if (/^(MemTotal|SwapTotal):/) print file ":" $0
      } else if (file == "/proc/self/status") {
        if ($1 == "Cpus_allowed_list:") tell("cpus", cpus($2))
      } else if (file == "/proc/sys/kernel/osrelease") {
        tell("kernel", $1)
      } else if (file == "/proc/sys/kernel/arch") {
        tell("architecture", $1)
      } else if (file == "/proc/1/maps") {
        # The library that systemd has loaded.
        if (!systemd && match($0, /libsystemd-shared-[0-9]+/)) {
          systemd = substr($0, RSTART + 18, RLENGTH - 18)
          tell("systemd", systemd)
        }
      } else if (file == "/etc/passwd") {
        sub(/:.*/, "")
        if (index(users, "\n" $0 "\n")) tell("user", $0)
      } else if (file == "/proc/net/if_inet6") {
        addresses = addresses " " $1 "\n"
      } else if (file == "/proc/net/fib_trie") {
        if (/\|--/) address = $2
        if (/\/32 host LOCAL/) addresses = addresses " " address "\n"
      } else print file ":" $0
    }
    BEGIN {
      users = "\n" ENVIRON["users"] "\n"
      for (i = 1; i < ARGC; i++) {
        while ((getline <ARGV[i]) > 0) heard(ARGV[i])
        close(ARGV[i])
      }
      printf "@addresses\n%s@system\n%s", addresses, told
    }' /etc/os-release /etc/machine-id /proc/sys/kernel/random/boot_id /proc/sys/kernel/hostname \
    /sys/fs/selinux/enforce /sys/kernel/mm/transparent_hugepage/enabled $readable /proc/meminfo \
    /proc/self/status /proc/sys/kernel/osrelease /proc/sys/kernel/arch /proc/1/maps /etc/passwd \
    /proc/net/if_inet6 /proc/net/fib_trie)
  echo @read
  if [ -n "$odd" ]; then grep -s '' /dev/null $odd; fi
  printf '%s\n' "$known"
  # What the files did not tell: kernels before 6.1, systemd before 231, users of a directory service.
  known="$known
"
  case $known in
    *"
architecture "*) ;;
    *) echo "architecture $(uname -m)" ;;
  esac
  if [ -d /run/systemd/system ]; then
    case $known in
      *"
systemd "*) ;;
      *)
        version=$(systemctl show -p Version)
        echo "systemd ${version#*=}"
        ;;
    esac
  fi
  unknown=
  for user in $users; do
    case $known in
      *"
user $user
"*) ;;
      *)
        unknown="$unknown$user
"
        ;;
    esac
  done
  if [ -n "$unknown" ]; then
    for user in $(bounded 2 getent passwd $unknown); do echo "user ${user%%:*}"; done
  fi
  # glibc decides the order of text.
  case $services in
    *postgresql*) libc=$(getconf GNU_LIBC_VERSION) && echo "libc $libc" ;;
  esac
  if [ -e /dev/watchdog ]; then echo 'watchdog yes'; fi
  if has getenforce || [ -e /etc/selinux/config ]; then echo 'selinux yes'; fi
  if [ -e /run/systemd/timesync/synchronized ]; then echo 'timesyncd yes'; fi
  # Opened for writing, not written: the only test that knows read-only mounts, name spaces and
  # security modules. `true`, because a failing redirection of `:` would end dash.
  for file in $kernel_files /sys/kernel/mm/transparent_hugepage/enabled; do
    if [ -e "$file" ] && { true >>"$file"; } 2>/dev/null; then echo "writable $file"; fi
  done
}

# Sets which kernel settings can be read. Some awk end at a file that cannot be; the shell does not,
# but it takes single bytes, of which /proc/sys gives only the first. Where it gets none, grep tells
# an empty setting from one that nobody can read.
readable_settings() {
  readable=
  odd=
  for file in $kernel_files; do
    byte=
    read -r byte <"$file"
    if [ -n "$byte" ]; then
      readable="$readable$file
"
    elif [ -e "$file" ]; then
      odd="$odd$file
"
    fi
  done
}

names() {
  echo @names
  # Whoever looks for a name's addresses is content with those in /etc/hosts. Only `getent hosts`
  # wants one for IPv6 first, and asks the name server about each name that the file has for IPv4.
  found=$(getent -s files hosts $names)
  printf '%s\n' "$found"
  missing=
  for name in $names; do
    case "$found
" in
      *" $name "* | *" $name
"*) ;;
      *)
        missing="$missing$name
"
        ;;
    esac
  done
  if [ -n "$missing" ]; then
    found=$(RES_OPTIONS='timeout:1 attempts:1' bounded 3 getent hosts $missing)
    printf '%s\n' "$found"
    # nss-myhostname gives the node's own name a link-local address, and then IPv4 is not asked for.
    case $found in
      *fe80:*) RES_OPTIONS='timeout:1 attempts:1' bounded 3 getent ahostsv4 $missing ;;
    esac
  fi
  if has chronyc && [ -d /run/chrony ]; then
    echo @chrony
    quoted_lines $(bounded 2 chronyc tracking)
  elif has ntpq; then
    echo @ntp
    quoted_lines $(bounded 2 ntpq -c rv)
  fi
}
