# harden(): every new session of the database has the library from its start, and whatever else was to be loaded as well.
# And each ring of sensors by itself, with the others off.
use strict;
use warnings;
use Cwd ();
use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('harden');
$node->safe_psql('postgres', q{
	CREATE ROLE "Odd ""role" LOGIN;
	CREATE ROLE second LOGIN SUPERUSER;
	CREATE DATABASE other;
	CREATE TABLE precious AS SELECT 1 AS i;
	ALTER TABLE precious OWNER TO app;});
my $decoy = Cwd::abs_path($node->basedir) . '/schema_guard';
copy($node->config_data('--pkglibdir') . '/auto_explain.so', "$decoy.so") or die;
my $configuration = $node->data_dir . '/postgresql.conf';
my $unchanged = slurp_file($configuration);

# What is stored for session_preload_libraries, in order of database and role.
my $stored = q{SELECT string_agg(coalesce(quote_ident(datname), '*') || '/' || coalesce(quote_ident(rolname), '*') || ': ' || substr(c, 27), E'\n' ORDER BY datname, rolname)
	FROM pg_db_role_setting s CROSS JOIN unnest(setconfig) c LEFT JOIN pg_database d ON d.oid = setdatabase LEFT JOIN pg_roles r ON r.oid = setrole
	WHERE c LIKE 'session\_preload\_libraries=%'};

sub configure
{
	my ($lines) = @_;
	open my $file, '>', $configuration or die;
	print $file $unchanged, $lines;
	close $file;
	$node->reload;
	return;
}

sub forget
{
	configure('');
	$node->safe_psql('postgres', qq{SET schema_guard.mode = off;
		ALTER SYSTEM RESET ALL;
		ALTER DATABASE postgres RESET ALL; ALTER ROLE ALL RESET ALL;
		ALTER ROLE app RESET ALL; ALTER ROLE app IN DATABASE postgres RESET ALL; ALTER ROLE app IN DATABASE other RESET ALL;
		ALTER ROLE "Odd ""role" IN DATABASE postgres RESET ALL; ALTER ROLE "Odd ""role" RESET ALL;});
	$node->reload;
	return;
}

# Without it, a session's first TRUNCATE is seen by nobody; with it, it is.
accepted($node, 'TRUNCATE precious', 'before: TRUNCATE as the first statement passes');
$node->safe_psql('postgres', 'INSERT INTO precious VALUES (1)');
my $session = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
is(value($node, 'SELECT schema_guard.harden()'), 'schema_guard', 'harden() says what is loaded from now on');
refused($node, 'TRUNCATE precious', 'SG001', qr/precious/,
	'TRUNCATE as the first statement of a new session is refused, with no restart');
refused($node, 'TRUNCATE precious', 'SG001', qr/precious/, 'whatever role it is', role => $_) for qw(superuser second);
$session->query_safe('BEGIN; TRUNCATE precious; ROLLBACK');
pass('a session from before goes on as before');
$session->quit;
forget();

# Name, what is there before, what harden() returns, and what is stored then.
for my $each (
	[ 'nothing', '', '', 'schema_guard', 'postgres/*: schema_guard' ],
	[ 'the configuration file', q{session_preload_libraries = 'auto_explain'}, '', 'auto_explain, schema_guard',
		'postgres/*: auto_explain, schema_guard' ],
	[ 'its last word', qq{session_preload_libraries = 'passwordcheck'\nSession_Preload_Libraries = auto_explain}, '',
		'auto_explain, schema_guard', 'postgres/*: auto_explain, schema_guard' ],
	[ 'ALTER SYSTEM', q{session_preload_libraries = 'passwordcheck'},
		q{ALTER SYSTEM SET session_preload_libraries = 'auto_explain'}, 'auto_explain, schema_guard',
		'postgres/*: auto_explain, schema_guard' ],
	[ 'all roles', q{session_preload_libraries = 'passwordcheck'},
		q{ALTER ROLE ALL SET session_preload_libraries = 'auto_explain'},
		'auto_explain, schema_guard', "postgres/*: auto_explain, schema_guard\n*/*: auto_explain" ],
	[ 'the database', q{session_preload_libraries = 'passwordcheck'},
		q{ALTER ROLE ALL SET session_preload_libraries = 'passwordcheck'; ALTER DATABASE postgres SET session_preload_libraries = '$libdir/auto_explain'},
		'"$libdir/auto_explain", schema_guard', qq{postgres/*: "\$libdir/auto_explain", schema_guard\n*/*: passwordcheck} ],
	[ 'several', '', q{ALTER DATABASE postgres SET session_preload_libraries = 'auto_explain', '$libdir/auto_explain.so'},
		'auto_explain, "$libdir/auto_explain.so", schema_guard',
		'postgres/*: auto_explain, "$libdir/auto_explain.so", schema_guard' ],
	[ 'the guard itself', '', q{ALTER DATABASE postgres SET session_preload_libraries = '$libdir/schema_guard', auto_explain},
		'"$libdir/schema_guard", auto_explain',
		'postgres/*: "$libdir/schema_guard", auto_explain' ],
	[ 'another library of its name', '', qq{ALTER DATABASE postgres SET session_preload_libraries = '$decoy'},
		qq{"$decoy", schema_guard}, qq{postgres/*: "$decoy", schema_guard} ],
	[ 'the guard for all roles', '', 'ALTER ROLE ALL SET session_preload_libraries = schema_guard', 'schema_guard',
		'*/*: schema_guard' ],
	[ 'a role', '', 'ALTER ROLE app SET session_preload_libraries = auto_explain', 'schema_guard',
		"postgres/app: auto_explain, schema_guard\npostgres/*: schema_guard\n*/app: auto_explain" ],
	[ 'roles in the database', '', q{ALTER ROLE app SET session_preload_libraries = 'passwordcheck'; ALTER ROLE app IN DATABASE postgres SET session_preload_libraries = auto_explain;
			ALTER ROLE "Odd ""role" IN DATABASE postgres SET session_preload_libraries = schema_guard, auto_explain},
		'schema_guard', qq{postgres/"Odd ""role": schema_guard, auto_explain\npostgres/app: auto_explain, schema_guard\npostgres/*: schema_guard\n*/app: passwordcheck} ],
	[ 'a role in another database', '', 'ALTER ROLE app IN DATABASE other SET session_preload_libraries = auto_explain',
		'schema_guard', "other/app: auto_explain\npostgres/*: schema_guard" ],
  )
{
	my ($name, $lines, $sql, $returned, $left) = @$each;
	configure("$lines\n");
	$node->safe_psql('postgres', "SET schema_guard.mode = off;\n" . join(";\n", split /;\s*/, $sql));
	$node->reload;
	ok(wait_until(sub { value($node, q{SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL}) eq '0' }),
		"$name: the server has read it");
	$node->safe_psql('postgres', 'ALTER DATABASE postgres SET work_mem = 4444');
	is(value($node, 'SELECT schema_guard.harden()'), $returned, "$name: what is there is kept");
	is(value($node, $stored), $left, "$name: and stored where it should be");
	is(value($node, 'SELECT schema_guard.harden()') . "\n" . value($node, $stored), "$returned\n$left",
		"$name: again, and nothing changes");
	is(value($node, 'SHOW work_mem'), '4444kB', "$name: other settings stay");
	refused($node, 'TRUNCATE precious', 'SG001', qr/precious/, "$name: a new session has the guard",
		role => $_) for qw(app superuser);
	is(value($node, q{SELECT string_agg(state, ' ') FROM schema_guard.status() WHERE condition IN ('in new sessions', 'for all roles')}),
		'ok ok', "$name: status() is content");
	like(run_sql($node, 'SHOW auto_explain.log_min_duration', role => 'app')->{out}, qr/-1/,
		"$name: and the rest is loaded as well") if $left =~ m{postgres/(?:app|\*): .*auto_explain};
	forget();
}

# Names that need quotes, in a database of its own.
my $odd = q{O'Neill "x"; --};
$node->safe_psql('postgres', q{CREATE DATABASE "O'Neill ""x""; --" OWNER app});
$node->safe_psql($odd, q{CREATE EXTENSION schema_guard; CREATE TABLE kept AS SELECT 1 AS i; ALTER ROLE "Odd ""role" IN DATABASE "O'Neill ""x""; --" SET session_preload_libraries = auto_explain;
	SELECT schema_guard.harden()});
is(value($node, $stored), qq{"O'Neill ""x""; --"/"Odd ""role": auto_explain, schema_guard\n"O'Neill ""x""; --"/*: schema_guard},
	'a database and a role that need quotes');
my ($status, undef, $err) = $node->psql($odd, 'TRUNCATE kept');
like($err, qr/cannot truncate table public\.kept without an approval/, 'its new sessions have the guard');

# Only superusers; and it can be rolled back.
refused($node, 'SELECT schema_guard.harden()', '42501', qr/harden/, "$_ may not harden", role => $_) for qw(app dba);
refused($node, 'BEGIN READ ONLY; SELECT schema_guard.harden()', '25006', qr/read-only/, 'not in a read-only transaction',
	role => 'superuser');
accepted($node, 'SELECT schema_guard.harden()', 'another superuser may', role => 'second');
forget();
accepted($node, 'BEGIN; SELECT schema_guard.harden(); ROLLBACK', 'rolled back', role => 'superuser');
unlike(value($node, $stored), qr{^postgres/}m, 'it is not done');
$node->safe_psql('postgres', 'SELECT schema_guard.harden()');

# Each ring alone: what it refuses. Those that see nothing of it let it happen, in a transaction that is rolled back.
my $tables = q{CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 'long'::text AS a, 1 AS i; CREATE TYPE s.pair AS (x integer); CREATE TABLE s.typed OF s.pair;
	CREATE FUNCTION s.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE ROLE owner_of_some SUPERUSER};
$node->safe_psql('postgres', $tables);
my $every = 'event_trigger object_access utility';
for my $each (
	[ 'DROP TABLE s.t', $every ],
	[ 'DROP TABLE IF EXISTS s.t CASCADE', $every ],
	[ 'ALTER TABLE s.t DROP COLUMN a', $every ],
	[ 'DROP SCHEMA s CASCADE', $every ],
	[ 'ALTER TYPE s.pair DROP ATTRIBUTE x CASCADE', $every ],
	[ q{DO $$ BEGIN EXECUTE 'DROP TABLE s.t'; END $$}, $every ],
	[ 'TRUNCATE s.t', 'object_access utility' ],
	[ 'DROP DATABASE victim', 'object_access utility' ],
	[ 'ALTER TABLE s.t ALTER a TYPE varchar(2) USING left(a, 2)', 'event_trigger utility' ],
	[ 'ALTER EVENT TRIGGER schema_guard_ddl_command_end DISABLE', 'utility' ],
	[ 'ALTER EVENT TRIGGER schema_guard_ddl_command_end OWNER TO second', 'utility' ],
	[ 'ALTER DATABASE postgres SET schema_guard.mode = off', 'utility' ],
	[ 'ALTER SYSTEM SET schema_guard.mode = off', 'utility' ],
	[ 'DROP EXTENSION schema_guard', $every ],
	[ 'ALTER EXTENSION schema_guard DROP TABLE schema_guard.audit', 'event_trigger utility' ],
	[ q{CREATE OR REPLACE FUNCTION schema_guard.status(OUT layer text, OUT condition text, OUT state text, OUT detail text, OUT remedy text) RETURNS SETOF record LANGUAGE sql AS 'SELECT NULL, NULL, NULL, NULL, NULL'},
		'event_trigger utility' ],
	[ q{CREATE FUNCTION g() RETURNS integer LANGUAGE sql SET schema_guard.mode = off AS 'SELECT 1'}, 'event_trigger utility' ],
	# by no ring: these have sensors of their own, always at work
	[ 'DELETE FROM pg_event_trigger', $every ],
	[ 'DELETE FROM schema_guard.audit', $every ],
	# and what nobody minds
	[ 'CREATE TABLE s.another (i integer)', '' ],
	[ 'DROP FUNCTION s.f()', '' ])
{
	my ($statement, $rings) = @$each;
	my $alone = $statement =~ /^(DROP DATABASE|ALTER SYSTEM)/;
	for my $ring (split ' ', $every)
	{
		$node->safe_psql('postgres', "SET schema_guard.mode = off;\nDROP DATABASE IF EXISTS victim;\nCREATE DATABASE victim") if $statement =~ /victim/;
		my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
		my $result = run_sql($node, $alone ? $statement : "BEGIN;\n$statement;\nROLLBACK", role => 'superuser',
			settings => "-c schema_guard.debug_sensors=$ring -c client_min_messages=error");
		my $expected = $rings =~ /\b$ring\b/ ? 'refused' : 'passes';
		is("@{ $result->{states} }" =~ /^SG00[17]$/ ? 'refused' : "@{ $result->{states} }" || 'passes', $expected,
			"$ring alone: $statement: $expected") or diag($result->{err});
		settled($node, "SELECT string_agg(DISTINCT sensor, ' ') FROM schema_guard.blocked WHERE id > $last",
			$statement =~ /pg_event_trigger/ ? 'catalog_rows' : $statement =~ /^DELETE/ ? 'row_protection' : $ring,
				"$ring alone: $statement: on record") if $expected eq 'refused';
		$node->safe_psql('postgres', "SET schema_guard.mode = off;\nALTER SYSTEM RESET ALL") if $statement =~ /^ALTER SYSTEM/;
	}
}
refused($node, 'SET schema_guard.debug_sensors = utility', '42501', qr/permission denied/,
	'nobody but a superuser may switch sensors off');
refused($node, 'SET schema_guard.debug_sensors = nose', '22023', qr/The sensors are: all, event_trigger, object_access, utility/,
	'what is no sensor is an error', role => 'superuser');
accepted($node, 'SET schema_guard.debug_sensors = utility, object_access', 'a superuser may', role => 'superuser');
like(server_log($node), qr/schema_guard: debug_sensors changed to "utility, object_access"/, 'the server log has it');

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
