# Brings what the build needs and is not there: Debian packages, and DuckDB through npm. Sourced by `run`; needs $root.
# All of it is found out before anything is changed; when it cannot all be had, nothing is changed.
: "${root:?the script that sources this sets it}"

# setup GROUP…: the packages of the groups, and DuckDB.
setup() {
  local group missing=()
  for group in "$@"; do
    grep -q "^$group " "$root/tools/packages.txt" ||
      usage_error "there is no group '$group' in tools/packages.txt; there are $(package_groups)"
  done
  duckdb_is_laid || refuse_other_machines
  mapfile -t missing < <(missing_packages "$@"; duckdb_is_laid || missing_by_probe fetch)
  if [ ${#missing[@]} -gt 0 ]; then
    if command -v apt-get >/dev/null; then install_packages "${missing[@]}"; else name_missing "${missing[@]}"; fi
  fi
  duckdb_is_laid || lay_duckdb
}

package_groups() { awk '!/^#/ && NF {print $1}' "$root/tools/packages.txt" | uniq | xargs; }

packages_of() { awk -v group="$1" '$1 == group {print $2}' "$root/tools/packages.txt"; }

# Packages of the groups that the system does not hold, one a line.
missing_packages() {
  local group
  if ! command -v dpkg-query >/dev/null; then
    for group in "$@"; do missing_by_probe "$group"; done
    return
  fi
  for group in "$@"; do packages_of "$group"; done | sort -u >"$(log_folder)/wanted"
  # shellcheck disable=SC2046  # package names hold no blanks
  { dpkg-query -W -f '${Package} ${db:Status-Status}\n' $(cat "$(log_folder)/wanted") 2>/dev/null || true; } |
    awk 'NF == 2 {if ($2 == "installed") held[$1] = 1; next} !($1 in held)' - "$(log_folder)/wanted"
}

# The same where no dpkg can tell, or where another source of the program will do.
missing_by_probe() {
  local name probe
  while read -r _ name probe; do
    case "$probe" in
      cmd:*) command -v "${probe#cmd:}" >/dev/null || echo "$name" ;;
      file:*) [ -e "${probe#file:}" ] || echo "$name" ;;
      header:*) header_exists "${probe#header:}" || echo "$name" ;;
    esac
  done < <(grep "^$1 " "$root/tools/packages.txt")
}

header_exists() {
  local folder
  for folder in ${CPATH:+"$CPATH"} /usr/include /usr/local/include "/usr/include/$(uname -m)-linux-gnu" /opt/homebrew/include; do
    [ ! -e "$folder/$1" ] || return 0
  done
  return 1
}

refuse_other_machines() {
  local machine
  machine="$(uname -s) $(uname -m)"
  [ "$machine" = "Linux x86_64" ] ||
    fail "DuckDB's library is pinned for Linux x86_64 (tools/duckdb.lock) and this is $machine; nothing was changed"
}

name_missing() {
  say "this system has no apt-get, and these are missing (by their Debian 12 names):"
  printf '  %s\n' "$@" >&2
  fail "install them by your system's own means and try again; nothing was changed"
}

install_packages() {
  local as_root=() log
  log="$(log_folder)/setup.log"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      say "these Debian packages are missing:"; printf '  %s\n' "$@" >&2
      fail "this user is not root and there is no sudo; as root run: apt-get install --no-install-recommends $*"
    }
    as_root=(sudo)
    say "installing $# Debian packages through sudo: $*"
  else
    say "installing $# Debian packages: $*"
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8)
  local options=(-y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=120)
  local started=$SECONDS
  progress "apt-get update"
  "${as_root[@]}" apt-get update -q >"$log" 2>&1 ||
    install_failed "$log" "apt-get update failed, so nothing was installed"
  "${as_root[@]}" apt-get install -s "${options[@]}" "$@" >>"$log" 2>&1 ||
    install_failed "$log" "apt-get cannot install these packages together here (Attune is built on Debian 12); nothing was installed"
  progress "apt-get install"
  "${as_root[@]}" apt-get install -q "${options[@]}" "$@" >>"$log" 2>&1 ||
    install_failed "$log" "apt-get install failed; running the same command again takes it up where it stopped"
  progress_done
  say "installed in $((SECONDS - started)) s"
}

install_failed() {
  progress_done
  { grep -E '^(E|W|Err):|unmet|Depends|Unable' "$1" || tail -n 15 "$1"; } | tail -n 15 >&2
  fail "$2 (log: $1)"
}

duckdb_is_laid() { cmp -s "$root/tools/duckdb.lock" "$root/.deps/duckdb/lock"; }

# Fetches what tools/duckdb.lock names, checks it, and puts the folder in place by one rename.
lay_duckdb() {
  local work started=$SECONDS spec integrity member target log
  log="$(log_folder)/duckdb.log"
  say "fetching DuckDB through npm"
  mkdir -p "$root/.deps"
  work=$(mktemp -d "$root/.deps/fetch.XXXXXX")
  # shellcheck disable=SC2064  # the folder's name is fixed now
  trap "rm -rf -- '${work//\'/\'\\\'\'}'" EXIT
  while read -r spec integrity member target; do
    case "$spec" in ''|\#*) continue ;; esac
    mkdir -p "$work/tarball" "$work/duckdb/$(dirname "$target")"
    (cd "$work/tarball" && npm pack --ignore-scripts --loglevel=error --no-update-notifier "$spec") >>"$log" 2>&1 </dev/null ||
      { tail -n 8 "$log" >&2; fail "npm could not fetch $spec; nothing was changed (log: $log)"; }
    [ "$(integrity_of "$work"/tarball/*.tgz)" = "$integrity" ] ||
      fail "$spec is not the file that tools/duckdb.lock pins (its sha512 differs); nothing was changed"
    tar -xzf "$work"/tarball/*.tgz -O "$member" >"$work/duckdb/$target"
    rm -rf "$work/tarball"
  done <"$root/tools/duckdb.lock"
  cp "$root/tools/duckdb.lock" "$work/duckdb/lock"
  if [ -e "$root/.deps/duckdb" ]; then mv "$root/.deps/duckdb" "$work/old"; fi
  mv "$work/duckdb" "$root/.deps/duckdb"
  rm -rf "$work"
  trap - EXIT
  say "DuckDB is in .deps/duckdb after $((SECONDS - started)) s"
}

# Subresource Integrity of a file with coreutils alone.
integrity_of() {
  local hex
  hex=$(sha512sum -- "$1"); hex=${hex%% *}
  # shellcheck disable=SC2059  # the format is the bytes
  printf 'sha512-%s' "$(printf "$(sed 's/../\\x&/g' <<<"${hex#\\}")" | base64 -w0)"
}
