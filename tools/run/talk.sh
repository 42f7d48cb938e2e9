# How the scripts speak: one line each on standard error, so that standard output stays the program's own.
# Sourced by `run` and the tools; needs $root.
: "${root:?the script that sources this sets it}"

say() { printf 'run: %s\n' "$*" >&2; }

fail() { say "$*"; exit 1; }

usage_error() { say "$*"; say "\`./run help\` lists the commands"; exit 2; }

on_terminal() { [ -t 2 ]; }

# One line that replaces itself on a terminal; nothing elsewhere.
progress() {
  if on_terminal; then printf '\r\033[Krun: %s' "$*" >&2; fi
}
progress_done() {
  if on_terminal; then printf '\r\033[K' >&2; fi
}

# What is run: the commit, with a plus when the tree holds changes besides the outcomes of claims.
commit() {
  local hash
  hash=$(git -C "$root" rev-parse --short=10 HEAD 2>/dev/null) || { echo unknown; return; }
  git -C "$root" diff --quiet HEAD -- . ':!docs/claims.json' ':!docs/claims.md' 2>/dev/null || hash+=+
  echo "$hash"
}

# Every C++ source of ours, NUL-separated, absolute.
sources() {
  local folder folders=()
  for folder in src apps fuzz benchmarks python examples; do
    [ ! -d "$root/$folder" ] || folders+=("$root/$folder")
  done
  find "${folders[@]}" \( -name '*.cc' -o -name '*.h' \) -type f -print0 | sort -z
}

# Compilers of this tree take up to 1.2 GB: as many at once as cores and free memory allow.
jobs_for_memory() {
  local cores free
  cores=$(nproc 2>/dev/null || echo 2)
  free=$(awk '/^MemAvailable:/ {print int($2 / 1200000)}' /proc/meminfo 2>/dev/null || echo "$cores")
  [ "$free" -ge 1 ] || free=1
  if [ "$free" -lt "$cores" ]; then echo "$free"; else echo "$cores"; fi
}
