# shellcheck shell=bash disable=SC2154 # run sets what they share
# The throw-away cluster: a directory that holds everything, a server on a socket in it, and its end. Sourced by `run`.

# Whom root steps down to.
server_user=${SERVER_USER:-postgres}

# move_to_own_directory <arguments of run...>: starts `run` again from a copy in a directory of its own. As root it
# also becomes the server's user there: initdb refuses root, and that user may not be able to read the source tree.
# Always under /tmp: a socket's path has little room, and root's TMPDIR may be closed to others.
move_to_own_directory() {
  local directory
  directory=$(mktemp -d /tmp/schema_guard_demo.XXXXXX)
  cp -R "$demo" "$directory/demo"
  export DEMO_DIRECTORY=$directory
  if [[ $EUID != 0 ]]; then
    exec bash "$directory/demo/run" "$@"
  fi
  if ! id "$server_user" >/dev/null 2>&1; then
    rm -rf "$directory"
    fail "running as root, and there is no user $server_user to run the server as"
  fi
  chown -R "$server_user:" "$directory"
  # Elsewhere than in root's folder, where that user may not even look for a configuration file.
  cd "$directory" || exit
  DEMO_RUNUSER=$(command -v runuser)
  export DEMO_RUNUSER
  exec runuser -u "$server_user" -- env HOME="$directory" bash "$directory/demo/run" "$@"
}

# The person's own settings, a PGHOST or a PGOPTIONS, are for other servers.
forget_connection_settings() {
  local name
  for name in "${!PG@}"; do
    if [[ $name != PG_CONFIG ]]; then
      unset "$name"
    fi
  done
  export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
}

start_cluster() {
  "$bindir/initdb" -D "$directory/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C \
    >"$directory/initdb.log" 2>&1 || { cat "$directory/initdb.log"; return 1; }
  # No TCP, so no port that anything else could hold: the number only names the socket in our own directory,
  # which nobody else can enter. That is what makes trust safe here.
  cat >>"$directory/data/postgresql.conf" <<CONFIGURATION
listen_addresses = ''
unix_socket_directories = '$directory'
port = 5432
log_line_prefix = '%m [%p] %q%e %u@%d '
CONFIGURATION
  "$bindir/pg_ctl" -D "$directory/data" -l "$directory/log" -w start >/dev/null
  export PGHOST=$directory PGPORT=5432
}

# end_cluster <status>: on EXIT. The cluster outlives a success, for the person to go on with, unless told otherwise.
end_cluster() {
  local status=$1
  if [[ $status == 0 && -z $stop_at_end ]]; then
    return
  fi
  if [[ $status != 0 && -s $directory/log ]]; then
    printf '\n%sThe demonstration failed. The end of the server log:%s\n' "$bold" "$plain"
    tail -n 40 "$directory/log"
  fi
  cd /
  if [[ -e $directory/data/postmaster.pid ]]; then
    "$bindir/pg_ctl" -D "$directory/data" -m fast stop >/dev/null || true
  fi
  rm -rf "$directory"
  if [[ $status == 0 ]]; then
    say '' 'The cluster is stopped and deleted.'
  fi
}

# What a person types, in the shell that they called us from, to get into that directory: sudo if that got us here.
sudo=${SUDO_USER:+sudo }

psql_command() { say "${sudo}psql -h $directory -p 5432 -U $1 production"; }

stop_command() {
  local stop="$bindir/pg_ctl -D $directory/data -m fast stop"
  if [[ -n ${DEMO_RUNUSER:-} ]]; then
    stop="$sudo$DEMO_RUNUSER -u $server_user -- $stop"
  fi
  say "$stop && ${sudo}rm -rf $directory"
}
