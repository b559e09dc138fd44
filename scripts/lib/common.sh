# Sourced by the scripts: where things are, and how they speak.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${CHANCERY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/chancery}
JOBS=$(nproc)

# The time of day says afterwards which step took how long.
say() { printf '\033[1m%(%H:%M:%S)T  %s\033[0m\n' -1 "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The header comment of a script is its --help.
help_of() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$1"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    die "needs root to run: $*"; fi
}

# locked FOLDER COMMAND…: the command, while nobody else runs one with this folder. What it starts does not have the lock.
locked() {
  exec 9<"$1"
  flock 9
  "${@:2}" 9<&-
  exec 9<&-
}

# build NAME [meson options]: configures build directory NAME once and builds it whole. Who comes while it is built waits.
build() {
  mkdir -p "$ROOT/$1"
  locked "$ROOT/$1" build_alone "$@"
}
build_alone() {
  local name=$1; shift
  [ -f "$ROOT/$name/build.ninja" ] || meson setup "$ROOT/$name" "$ROOT" "$@" >&2
  say "building $name"
  # A first build takes minutes: ninja's own progress line is the progress line.
  ninja -C "$ROOT/$name" -j "$JOBS" >&2
  [ ! -f "$ROOT/$name/http/chancery" ] || ln -sfn http/chancery "$ROOT/$name/chancery"
}

# Adds up the "N passed, M failed" lines of standard input.
sum_counts() {
  awk '/^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3 } END { printf "%d passed, %d failed\n", p, f }'
}
