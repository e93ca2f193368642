# shellcheck shell=bash
# Where the tests with a server run: a copy of them in a temporary folder. initdb refuses root, and the
# server's user may not be able to read the source tree, so as root the copy belongs to that user and the
# runner steps down to it. To have one way only, it is a copy for everyone.

# An operating system user that may run a server; only used by root.
server_user=${SERVER_USER:-postgres}

open_stage() {
  find_postgres
  stage=$(mktemp -d "${TMPDIR:-/tmp}/schema_guard.XXXXXX")
  trap close_stage EXIT
  trap 'exit 143' INT TERM
  chmod 755 "$stage"
  cp -R "$top/test" "$top/sql" "$top/expected" "$top/docs" "$top/README.md" "$stage"
  if [ "$(id -u)" = 0 ]; then
    chown -R "$server_user:" "$stage"
  fi
}

# A runner that was killed leaves its server behind. Only servers that live in the stage are ours to stop.
close_stage() {
  local pidfile
  find "$stage" -name postmaster.pid 2>/dev/null | while IFS= read -r pidfile; do
    kill -QUIT "$(head -n 1 "$pidfile")" 2>/dev/null || true
  done
  rm -rf "$stage"
}

# Runs a command in the stage, as somebody whom initdb accepts.
in_stage() {
  local step_down=() user
  user=$(id -un)
  if [ "$(id -u)" = 0 ]; then
    user=$server_user
    step_down=(runuser -u "$user" --)
  fi
  # TESTDATADIR and TESTLOGDIR are for PostgreSQL 16 and later; 15 uses the same folders unasked.
  (cd "$stage" && "${step_down[@]}" env PATH="$pg_bin:$PATH" HOME="$stage" TMPDIR="$stage" USER="$user" \
    LOGNAME="$user" PERL5LIB="$pg_test/perl" PG_REGRESS="$pg_test/regress/pg_regress" \
    TESTDATADIR="$stage/tmp_check" TESTLOGDIR="$stage/tmp_check/log" "$@")
}

# Output worth reading after the stage is gone: build/test/<kind>.
keep() { # kind, paths in the stage
  local kept=$build/test/$1 path
  shift
  rm -rf "$kept"
  mkdir -p "$kept"
  for path in "$@"; do
    [ ! -e "$stage/$path" ] || cp -R "$stage/$path" "$kept"
  done
}
