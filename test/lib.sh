# shellcheck shell=bash
# What the scripts of this folder share. Each of them can be run by hand; each ends with the line
# "N passed, N failed", which is what test/run-all adds up.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Everything that a run leaves behind is in here.
build=$top/build

# Output is parsed, so it has to be in English; databases are UTF-8 wherever the tests run.
unset LC_ALL LC_MESSAGES LANGUAGE
export LANG=C.UTF-8
# A developer's PGHOST or PGSERVICE must not lead a test to a cluster that is not its own.
for variable in ${!PG*}; do
  case $variable in PG_CONFIG | PG_MAJOR) ;; *) unset "$variable" ;; esac
done

die() {
  echo "$0: $*" >&2
  exit 1
}

# Debian's default major version, unless PG_MAJOR says otherwise. Empty where apt has no lists yet.
pg_major() {
  echo "${PG_MAJOR:-$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]\+\)$/\1/p' | head -n 1)}"
}

# Sets PG_CONFIG and the three paths that depend on it.
find_postgres() {
  export PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/$(pg_major)/bin/pg_config}
  "$PG_CONFIG" --version >/dev/null 2>&1 || die "no pg_config at $PG_CONFIG; test/install-packages brings it"
  pg_bin=$("$PG_CONFIG" --bindir)
  pg_include=$("$PG_CONFIG" --includedir-server)
  # pg_regress, isolationtester and the Perl modules of the TAP tests are installed beside PGXS.
  pg_test=$(realpath "$(dirname "$("$PG_CONFIG" --pgxs)")/../test")
  export pg_bin pg_include pg_test
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "need root or sudo for: $*"
  fi
}

# Runs a command, in a pipeline, for so many seconds at most. timeout leads a process group of its own, which Ctrl-C at the
# terminal would miss.
run_limited() { # seconds, command
  local child
  timeout --kill-after=60 "$@" </dev/null &
  child=$!
  trap 'kill "$child"' INT TERM
  wait "$child"
}

# The end of every script: the count, and an exit status that tells failure, or nothing done at all.
report() {
  echo "$1 passed, $2 failed"
  [ "$2" = 0 ] && [ "$1" -gt 0 ]
}

jobs=$(nproc)
export jobs
