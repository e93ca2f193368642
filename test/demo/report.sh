# shellcheck shell=bash disable=SC2154 # run sets what they share
# What the person sees: headings, commands with their output, and checks. Sourced by `run`.

bold='' green='' red='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

checks_passed=0
output=''        # of the last command, as shown
command_status=0 # and what it ended with

heading() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }

say() { printf '%s\n' "$@"; }

fail() {
  printf '  %s✗ %s%s\n' "$red" "$1" "$plain"
  exit 1
}

# check <what should be true> <command...>: a step that did not do what it should ends the demonstration,
# because each one builds on the one before.
check() {
  local claim=$1
  shift
  if ! "$@"; then
    fail "$claim"
  fi
  printf '  %s✓%s %s\n' "$green" "$plain" "$claim"
  checks_passed=$((checks_passed + 1))
}

# show <command as a person would type it> <command...>: runs it and keeps its output and status for the checks.
show() {
  printf '\n  $ %s\n' "$1"
  shift
  command_status=0
  output=$("$@" 2>&1) || command_status=$?
  # Alembic's greeting, psql's source locations, row counts and empty rows say nothing here.
  output=$(grep -vE '^INFO (Context impl|Will assume)|^LOCATION: |^\([0-9]+ rows?\)$|^ *$' <<<"$output") || true
  printf '    %s\n\n' "${output//$'\n'/$'\n'    }"
}

# alembic_as_app <settings for the session, or nothing> <arguments of alembic...>
alembic_as_app() {
  local settings=$1 typed
  shift
  typed="alembic $*"
  if [[ -n $settings ]]; then
    typed="PGOPTIONS='$settings' $typed"
  fi
  show "$typed" env --chdir="$demo/alembic" PGOPTIONS="$settings" alembic "$@"
}

# psql_as <role> <settings for the session, or nothing> <SQL>
psql_as() {
  local role=$1 settings=$2 sql=$3 typed
  typed="psql -U $role production -c \"$sql\""
  if [[ -n $settings ]]; then
    typed="PGOPTIONS='$settings' $typed"
  fi
  # Verbose, for the SQLSTATE in front of an error.
  show "$typed" env PGOPTIONS="$settings" "$bindir/psql" -X -U "$role" -v VERBOSITY=verbose production -c "$sql"
}

succeeded() { [[ $command_status == 0 ]]; }

# The SQLSTATE as env.py prints it, or as a verbose psql does.
refused_with() { [[ $command_status != 0 && $output =~ (SQLSTATE|ERROR):\ +$1(:|$'\n') ]]; }

output_has() { [[ $output == *"$1"* ]]; }
