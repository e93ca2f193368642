# shellcheck shell=bash disable=SC2154 # run sets what they share
# The production database, and how to see whether anything in it has changed. Sourced by `run`.

superuser() { "$bindir/psql" -XAtq -v ON_ERROR_STOP=1 -U postgres "$@"; }

production() { superuser -d production "$@"; }

value() { production -c "$1"; }

create_production() {
  superuser -d postgres -c 'CREATE ROLE app LOGIN' -c 'CREATE ROLE dba LOGIN' -c 'CREATE DATABASE production'
  production -c 'GRANT CREATE ON SCHEMA public TO app'
  "$bindir/psql" -Xq -v ON_ERROR_STOP=1 -1 -U app -d production -f "$demo/production.sql" -f "$demo/rows.sql"
  production -c 'ANALYZE'
}

# One line a column: its name, the number of its values, and a digest of them in the order of the table's first column,
# which is its key. Two of these are equal if and only if no column is missing and no value differs or has moved.
# Alembic's own bookkeeping moves with each migration and is looked at by itself.
contents() {
  production -F ' ' <<'SQL'
SELECT format('SELECT %L, count(%I), md5(string_agg(quote_nullable(%I), chr(10) ORDER BY %I)) FROM public.%I',
              table_name || '.' || column_name, column_name, column_name,
              first_value(column_name) OVER (PARTITION BY table_name ORDER BY ordinal_position), table_name)
FROM information_schema.columns
WHERE table_schema = 'public' AND table_name <> 'alembic_version'
ORDER BY table_name || '.' || column_name
\gexec
SQL
}

# unchanged_since <file of contents>
unchanged_since() { diff "$1" <(contents); }

revision_is() { [[ $(value 'SELECT version_num FROM alembic_version') == "$1" ]]; }

table_count() { value "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"; }

column_count() { value "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public'"; }

# The objects of a request or of an audit row.
effect_identities="jsonb_path_query(effects, '\$[*].identity') #>> '{}'"

# without_schema: the columns as `twelve` has them.
without_schema() { sed 's/^public\.//' | sort; }

# The request that the hint of the last output names.
request_number() {
  if [[ $output =~ Request\ ([0-9]+)\  ]]; then
    printf '%s\n' "${BASH_REMATCH[1]}"
  fi
}

columns_of_request() { value "SELECT $effect_identities FROM schema_guard.request WHERE id = $1" | without_schema; }

columns_recorded() {
  value "SELECT $effect_identities FROM schema_guard.audit WHERE verdict = '$1' AND rule = 'drop_column'" | without_schema
}

recorded() { value "SELECT count(*) FROM schema_guard.audit WHERE verdict = '$1'"; }

# wait_for <SQL condition>: what a refusal leaves behind is normally in the tables when the client has the error, but
# the server bounds that wait. A slow machine gets five seconds; the check that follows says what is missing then.
wait_for() {
  local try
  for ((try = 0; try < 50; try++)); do
    if [[ $(value "SELECT $1") == t ]]; then
      return
    fi
    sleep 0.1
  done
}

# request_for_reading <number>
request_for_reading() {
  cat <<SQL
SELECT id, requested_by, attempts, $effect_identities AS would_destroy
FROM schema_guard.pending WHERE id = $1
SQL
}

audit_for_reading() {
  cat <<'SQL'
SELECT id, verdict, rule, session_role AS role, application_name AS application, request_id AS request,
       approval_id AS approval, left(regexp_replace(btrim(statement, E'\n '), '\s+', ' ', 'g'), 52) AS statement
FROM schema_guard.audit WHERE verdict IN ('blocked', 'rehearsed', 'approved') ORDER BY id
SQL
}
