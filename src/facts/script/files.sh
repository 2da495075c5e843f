# Files, directories, file systems.
# shellcheck shell=sh disable=SC2154,SC2086
files() {
  echo @stat
  set +f
  # Links are not followed: an unexpected link is a fact.
  found=$(stat -c '%F|%U|%G|%a|%Y|%s|%n' $files $directories /run/mahout/*.reloaded /run/mahout/lock)
  set -f
  printf '%s\n' "$found"
  small=
  large=
  for line in $found; do
    path=${line##*|}
    case $line in
      "regular "*)
        size=${line%|*}
        if [ "${size##*|}" -lt "$content_limit" ]; then
          small="$small$path
"
        else
          large="$large$path
"
        fi
        ;;
      "symbolic link"*)
        echo "@link $path"
        quoted_lines $(readlink "$path")
        if [ -f "$path" ]; then
          echo "@content $path"
          head -c "$content_limit" "$path" | base64
        fi
        ;;
    esac
  done
  # One program for all: head puts a line with its name in front of each.
  if [ -n "$small" ]; then
    echo @contents
    head -v -c "$content_limit" $small | base64
  fi
  if [ -n "$large" ]; then
    echo @sha256
    sha256sum $large
  fi
  echo @empty
  for directory in $directories; do
    if [ -d "$directory" ] && is_empty "$directory"; then echo "$directory"; fi
  done
}

# The nearest parent that exists.
existing() {
  existing=$1
  while [ ! -d "$existing" ]; do
    existing=${existing%/*}
    existing=${existing:-/}
  done
}

disks() {
  echo @disks
  parents=
  for path in $disks; do
    existing "$path"
    echo "$existing|$path"
    parents="$parents$existing
"
  done
  echo @mounts
  stat -c '%m|%n' $parents
  echo @filesystems
  stat -f -c '%S|%b|%a|%c|%d|%n' $parents
}
