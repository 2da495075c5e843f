# systemd's units, and who listens on TCP.
# shellcheck shell=sh disable=SC2154,SC2086

# The units of PostgreSQL that are on disk: systemd only lists those that it has loaded.
postgresql_units() {
  set +f
  for path in /etc/systemd/system/postgresql*.service /run/systemd/system/postgresql*.service \
    /lib/systemd/system/postgresql*.service /usr/lib/systemd/system/postgresql*.service; do
    case $path in
      *@.service) ;;
      *) if [ -e "$path" ]; then echo "${path##*/}"; fi ;;
    esac
  done
  set -f
}

# Where systemd looks for a unit, and where one is that runs without a file.
unit_places='/etc/systemd/system.control
/run/systemd/system.control
/run/systemd/transient
/run/systemd/generator.early
/etc/systemd/system
/etc/systemd/system.attached
/run/systemd/system
/run/systemd/system.attached
/run/systemd/generator
/usr/local/lib/systemd/system
/lib/systemd/system
/usr/lib/systemd/system
/run/systemd/generator.late
/sys/fs/cgroup/system.slice
/sys/fs/cgroup/systemd/system.slice'

# Sets which of the units there are. systemd is not asked about the others: it would look for each
# of them, and tell two hundred properties of nothing.
find_units() {
  there=
  for unit in $units; do
    found=
    for place in $unit_places; do
      if [ -e "$place/$unit" ] || [ -L "$place/$unit" ]; then
        found=yes
        there="$there$unit
"
        break
      fi
    done
    if [ -z "$found" ]; then
      printf '%s\n' "Id=$unit" "Names=$unit" LoadState=not-found ActiveState=inactive \
        SubState=dead Result=success ''
    fi
  done
}

units() {
  limits=
  if [ ! -d /run/systemd/system ]; then return; fi
  echo @manager
  virtualization=
  if [ -r /run/systemd/container ]; then
    read -r virtualization </run/systemd/container
  else
    virtualization=$(systemd-detect-virt)
  fi
  echo "Virtualization=$virtualization"
  echo @units
  find_units
  shown=$(systemctl show -p Id -p Names -p LoadState -p ActiveState -p SubState \
    -p UnitFileState -p FragmentPath -p NeedDaemonReload -p ActiveEnterTimestamp -p Result \
    -p MainPID $there $(postgresql_units) 'postgresql*.service')
  printf '%s\n' "$shown"
  id=
  pid=
  patroni_pid=
  etcd_pid=
  # One of each in every unit's properties, in whatever order.
  for line in $shown; do
    case $line in
      Id=*) id=${line#Id=} ;;
      MainPID=*) pid=${line#MainPID=} ;;
      *) continue ;;
    esac
    if [ -z "$id" ] || [ -z "$pid" ]; then continue; fi
    if [ "$pid" != 0 ]; then
      limits="$limits/proc/$pid/limits
"
      case $id in
        patroni.service) patroni_pid=$pid ;;
        etcd.service) etcd_pid=$pid ;;
      esac
    fi
    id=
    pid=
  done
  if [ -n "$patroni_pid" ]; then process patroni.service "$patroni_pid"; fi
  if [ -n "$etcd_pid" ]; then process etcd.service "$etcd_pid"; fi
}

# How the main process of a unit was started: with what words and what environment, and what its last
# word says, if that is a file of settings. Both may hold passwords.
process() {
  echo "@process $1"
  in_base64 words <"/proc/$2/cmdline"
  in_base64 variables <"/proc/$2/environ"
  # The shell reads all words as one.
  IFS= read -r words <"/proc/$2/cmdline"
  case $words in
    *.yml | *.yaml) ;;
    *) return ;;
  esac
  last=
  for word in $(tr '\0' '\n' <"/proc/$2/cmdline"); do last=$word; done
  case $last in
    /*) file=$(stat -L -c '%F|%s|%Y' "$last") ;;
    *) return ;;
  esac
  case $file in
    "regular "*) ;;
    *) return ;;
  esac
  modified=${file##*|}
  size=${file%|*}
  if [ "${size##*|}" -lt "$content_limit" ]; then in_base64 settings <"$last"; fi
  echo "modified $modified"
}

# Sockets in state 0A (LISTEN) and, by inode, the oldest process that has each of them open; in the
# same program the limits of the units' main processes.
ports() {
  echo @ports
  tables=/proc/net/tcp
  if [ -r /proc/net/tcp6 ]; then
    tables="$tables
/proc/net/tcp6"
  fi
  set +f
  ls -ln /proc/[0-9]*/fd | limits=$limits awk '
    from == "net" { if ($4 == "0A") { address[$10] = $2 } next }
    /^\/proc\// { split($0, part, "/"); pid = part[3]; next }
    / -> socket:\[/ {
      inode = $NF
      gsub(/[^0-9]/, "", inode)
      if (inode in address && (!(inode in owner) || pid + 0 < owner[inode] + 0)) owner[inode] = pid
    }
    END {
      for (inode in address) {
        pid = owner[inode] + 0
        if (!(pid in name)) {
          name[pid] = ""
          if (pid) getline name[pid] < ("/proc/" pid "/comm")
        }
        print " " address[inode], pid, name[pid]
      }
      print "@limits"
      count = split(ENVIRON["limits"], files, "\n")
      for (i = 1; i <= count; i++) {
        while (files[i] && (getline <files[i]) > 0) if (/^Max open files/) print files[i] ":" $0
      }
    }' from=net $tables from=fd -
  set -f
}
