# PostgreSQL: data directories, postmasters, and one session of queries over the socket.
# shellcheck shell=sh disable=SC2154,SC2086

# Prints the directory that holds a program of this major version.
postgresql_bin() {
  for bin in $postgresql_bin_dir "/usr/lib/postgresql/$2/bin" "/usr/pgsql-$2/bin"; do
    if [ -x "$bin/$1" ]; then
      echo "$bin"
      return
    fi
  done
  if has "$1"; then dirname "$(command -v "$1")"; fi
}

# A postmaster is a postgres process whose parent is none; it works in its data directory. Those
# of containers are in another pid name space.
postmasters() {
  servers=
  pairs=
  set +f
  for comm in /proc/[0-9]*/comm; do
    # The shell reads byte by byte: the long line only of those that it is about.
    read -r name <"$comm" || continue
    case $name in
      postgres | postmaster)
        IFS=' ' read -r pid _ _ parent _ <"${comm%comm}stat" || continue
        servers="$servers $pid "
        pairs="$pairs$pid $parent
"
        ;;
    esac
  done
  set -f
  for pair in $pairs; do
    case $servers in
      *" ${pair#* } "*) ;;
      *)
        pid=${pair% *}
        if [ "/proc/$pid/ns/pid" -ef /proc/self/ns/pid ]; then
          cwd=$(readlink "/proc/$pid/cwd")
          # One whose directory was removed beneath it runs for up to a minute more.
          echo "postmaster $pid ${cwd% (deleted)}"
        fi
        ;;
    esac
  done
}

# What a server is that runs in none of the directories that were asked for.
stranger() {
  for data in $postgresql_data_dirs; do
    if [ "${data%/}" = "$1" ]; then return; fi
  done
  if [ ! -r "$1/PG_VERSION" ] || [ ! -r "$1/postmaster.pid" ]; then return; fi
  read -r major <"$1/PG_VERSION"
  bin=$(postgresql_bin pg_controldata "$major")
  if [ -z "$bin" ]; then return; fi
  "$bin/pg_controldata" "$1" | sed -n "s|^Database |control $1 |p"
  {
    read -r _ && read -r _ && read -r _ && read -r port && read -r directory
  } <"$1/postmaster.pid"
  owner=$(stat -c %U "$1")
  if has setpriv; then
    set -- "$1" setpriv "--reuid=$(id -u "$owner")" "--regid=$(id -g "$owner")" --clear-groups
  else
    set -- "$1" runuser -u "$owner" --
  fi
  stranger=$1
  shift
  PGCONNECT_TIMEOUT=2 PGOPTIONS='-c statement_timeout=3000' bounded 6 "$@" "$bin/psql" -XAtqw \
    -h "$directory" -p "$port" -U "$owner" -d postgres \
    -c "select datname from pg_database where not datistemplate and datname <> 'postgres' order by 1" |
    sed "s|^|database $stranger |"
}

# Sets where the server listens: what it says itself, else the usual places.
find_socket() {
  socket=
  for data in $postgresql_data_dirs; do
    if [ -r "$data/postmaster.pid" ]; then
      {
        read -r _ && read -r _ && read -r _ && read -r port && read -r directory
      } <"$data/postmaster.pid"
      if [ -S "$directory/.s.PGSQL.$port" ]; then
        socket=$directory
        return
      fi
    fi
  done
  port=$postgresql_port
  for directory in /var/run/postgresql /run/postgresql /tmp; do
    if [ -S "$directory/.s.PGSQL.$port" ]; then
      socket=$directory
      return
    fi
  done
}

postgresql() {
  echo @postgresql
  servers=$(postmasters)
  printf '%s\n' "$servers"
  for line in $servers; do
    line=${line#postmaster }
    stranger "${line#* }"
  done
  major=$postgresql_major
  databases=
  for data in $postgresql_data_dirs; do
    if [ ! -d "$data" ] || is_empty "$data"; then continue; fi
    echo "in-use $data"
    if [ ! -f "$data/PG_VERSION" ]; then continue; fi
    read -r major <"$data/PG_VERSION"
    echo "version $major $data"
    databases="$databases$data
"
  done
  find_socket
  bin=$(postgresql_bin psql "$major")
  said=
  if [ -n "$socket" ] && [ -n "$bin" ]; then said=$(server); fi
  for data in $databases; do
    # A server that answers has told what its files would.
    case $said in
      *'"system_identifier"'*"\"data_directory\" : \"$data\""*) continue ;;
    esac
    read -r major <"$data/PG_VERSION"
    bin=$(postgresql_bin pg_controldata "$major")
    if [ -n "$bin" ]; then
      "$bin/pg_controldata" "$data" | sed -n "s|^Database |control $data |p
        s|^Latest checkpoint's TimeLineID|control $data timeline|p"
    fi
    # Written when a run of mahout stopped the server, which has not been started since.
    if [ /run/mahout/wal-end -nt "$data/global/pg_control" ]; then
      read -r end </run/mahout/wal-end
      echo "control $data wal end: $end"
    fi
  done
  echo @psql
  printf '%s\n' "$said"
}

# What the server says. setpriv runs psql without PAM, which would leave a line in the log.
server() {
  if has setpriv; then
    ids=$(getent passwd postgres)
    ids=${ids#*:*:}
    gid=${ids#*:}
    set -- setpriv "--reuid=${ids%%:*}" "--regid=${gid%%:*}" --clear-groups
  else
    set -- runuser -u postgres --
  fi
  printf '%s\n' "$postgresql_queries" | PGCONNECT_TIMEOUT=2 \
    PGOPTIONS='-c statement_timeout=3000' bounded 6 "$@" "$bin/psql" -XAtqw -h "$socket" \
    -p "$port" -U "$postgresql_superuser" -d postgres
}
