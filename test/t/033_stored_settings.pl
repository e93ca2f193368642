# Settings that are stored for later sessions: what would turn the guard down there is refused, whatever way it is said;
# what leaves it as it is, or makes it stricter, passes without a word. As data, walked by a superuser in a database with
# the library in each session.
use strict;
use warnings;
use Cwd ();
use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::RealBin/lib";
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('stored_settings');
$node->safe_psql('postgres', q{
	SELECT schema_guard.harden();
	CREATE ROLE "Odd role" LOGIN;
	CREATE DATABASE "Other one";
	CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
	CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';});
my $since_17 = $node->pg_version->major >= 17;

# The guard's library by its file, and by another way to it; and another library of that name.
my $library = $node->config_data('--pkglibdir') . '/schema_guard';
my ($alias, $decoy) = map { Cwd::abs_path($node->basedir) . "/$_" } 'alias.so', 'schema_guard';
symlink "$library.so", $alias or die;
copy($node->config_data('--pkglibdir') . '/auto_explain.so', "$decoy.so") or die;

# What is refused: the statement, and the setting that the error names. With `stored`, that is there before.
my @refused = (
	# the mode, wherever it can be stored
	[ 'ALTER DATABASE postgres SET schema_guard.mode = off', 'schema_guard.mode = off of database postgres' ],
	[ 'ALTER DATABASE postgres SET schema_guard.mode TO observe', 'schema_guard.mode = observe of database postgres' ],
	[ q{ALTER DATABASE postgres SET schema_guard.mode = 'warn'}, 'schema_guard.mode = warn of database postgres' ],
	[ 'ALTER DATABASE "Other one" SET schema_guard.mode = off', 'schema_guard.mode = off of database "Other one"' ],
	[ 'ALTER ROLE app SET schema_guard.mode = off', 'schema_guard.mode = off of role app' ],
	[ 'ALTER USER app SET schema_guard.mode = off', 'schema_guard.mode = off of role app' ],
	[ 'ALTER ROLE CURRENT_USER SET schema_guard.mode = off', 'schema_guard.mode = off of role \w+' ],
	[ 'ALTER ROLE "Odd role" SET schema_guard.mode = off', 'schema_guard.mode = off of role "Odd role"' ],
	[ 'ALTER ROLE app IN DATABASE postgres SET schema_guard.mode = off',
		'schema_guard.mode = off of role app in database postgres' ],
	[ 'ALTER ROLE ALL SET schema_guard.mode = off', 'schema_guard.mode = off of all roles' ],
	[ 'ALTER ROLE ALL IN DATABASE postgres SET schema_guard.mode = off',
		'schema_guard.mode = off of all roles in database postgres' ],
	# however it is written
	[ 'ALTER DATABASE postgres SET "Schema_Guard.Mode" = off', 'schema_guard.mode = off' ],
	[ 'ALTER DATABASE postgres SET SCHEMA_GUARD.MODE = OFF', 'schema_guard.mode = off' ],
	[ q{ALTER DATABASE postgres SET schema_guard.mode = 'Off'}, 'schema_guard.mode = off' ],
	[ 'SET LOCAL schema_guard.mode = observe; ALTER DATABASE postgres SET schema_guard.mode FROM CURRENT',
		'schema_guard.mode = observe of database postgres' ],
	[ 'SET LOCAL schema_guard.mode = warn; ALTER DATABASE postgres SET schema_guard.mode = warn', 'schema_guard.mode = warn' ],
	[ 'ALTER DATABASE postgres SET schema_guard.mode = observe', 'schema_guard.mode = observe',
		stored => 'ALTER DATABASE postgres SET schema_guard.mode = warn' ],
	[ q{DO $$ BEGIN EXECUTE 'ALTER DATABASE postgres SET schema_guard.mode = off'; END $$}, 'schema_guard.mode = off' ],
	# a reset, where something laxer is below
	[ 'ALTER DATABASE postgres RESET schema_guard.mode', 'schema_guard.mode, reset, of database postgres',
		stored => 'ALTER ROLE ALL SET schema_guard.mode = observe; ALTER DATABASE postgres SET schema_guard.mode = enforce' ],
	[ 'ALTER ROLE app RESET ALL', 'all, reset, of role app',
		stored => 'ALTER DATABASE postgres SET schema_guard.mode = observe; ALTER ROLE app SET schema_guard.mode = warn' ],
	[ 'ALTER ROLE app IN DATABASE postgres SET schema_guard.four_eyes TO DEFAULT',
		'schema_guard.four_eyes, reset, of role app in database postgres',
		stored => 'ALTER ROLE app SET schema_guard.four_eyes = off; ALTER ROLE app IN DATABASE postgres SET schema_guard.four_eyes = on' ],
	[ 'ALTER DATABASE postgres RESET schema_guard.protect_databases',
		'schema_guard.protect_databases, reset, of database postgres',
		stored => q{ALTER ROLE ALL SET schema_guard.protect_databases = 'shop'; ALTER DATABASE postgres SET schema_guard.protect_databases = '*'} ],
	# the other settings of its own
	[ 'ALTER DATABASE postgres SET schema_guard.four_eyes = off', 'schema_guard.four_eyes = off of database postgres' ],
	[ q{ALTER ROLE dba SET schema_guard.four_eyes = 'f'}, 'schema_guard.four_eyes = f of role dba' ],
	[ 'ALTER ROLE ALL SET schema_guard.four_eyes = 0', 'schema_guard.four_eyes = 0 of all roles' ],
	[ 'SET LOCAL schema_guard.four_eyes = no; ALTER ROLE ALL SET schema_guard.four_eyes FROM CURRENT',
		'schema_guard.four_eyes = off of all roles' ],
	[ q{ALTER DATABASE postgres SET schema_guard.protect_databases = ''}, 'schema_guard.protect_databases = ' ],
	[ 'ALTER ROLE app SET schema_guard.protect_databases = shop, archive',
		'schema_guard.protect_databases = shop, archive of role app' ],
	[ q{SET LOCAL schema_guard.protect_databases = ''; ALTER DATABASE postgres SET schema_guard.protect_databases FROM CURRENT},
		'schema_guard.protect_databases' ],
	[ 'ALTER DATABASE postgres SET schema_guard.debug_sensors = utility',
		'schema_guard.debug_sensors = utility of database postgres' ],
	# the library
	[ 'ALTER DATABASE postgres RESET session_preload_libraries', 'session_preload_libraries, reset, of database postgres' ],
	[ 'ALTER DATABASE postgres SET session_preload_libraries TO DEFAULT',
		'session_preload_libraries, reset, of database postgres' ],
	[ 'ALTER DATABASE postgres RESET ALL', 'all, reset, of database postgres' ],
	[ q{ALTER DATABASE postgres SET session_preload_libraries = ''}, 'session_preload_libraries = "" of database postgres' ],
	[ q{ALTER DATABASE postgres SET session_preload_libraries = 'auto_explain'},
		'session_preload_libraries = auto_explain of database postgres' ],
	[ q{ALTER DATABASE postgres SET session_preload_libraries = 'schema_guard_too', 'no_schema_guard'},
		'session_preload_libraries' ],
	[ q{ALTER DATABASE postgres SET session_preload_libraries = 'schema_guard/auto_explain'}, 'session_preload_libraries' ],
	[ q{ALTER DATABASE postgres SET session_preload_libraries = ' schema_guard '}, 'session_preload_libraries' ],
		# a file of that name
	[ 'ALTER DATABASE postgres SET SESSION_PRELOAD_LIBRARIES = "Schema_Guard"', 'session_preload_libraries = "Schema_Guard"' ],
	[ q{ALTER ROLE app SET session_preload_libraries = 'auto_explain'}, 'session_preload_libraries = auto_explain of role app' ],
	[ q{ALTER ROLE app IN DATABASE postgres SET session_preload_libraries = 'auto_explain'},
		'session_preload_libraries = auto_explain of role app in database postgres' ],
	[ 'ALTER ROLE app RESET session_preload_libraries', 'session_preload_libraries, reset, of role app',
		stored => 'ALTER DATABASE postgres RESET session_preload_libraries; ALTER ROLE app SET session_preload_libraries = schema_guard' ],
	[ 'ALTER ROLE app RESET session_preload_libraries', 'session_preload_libraries, reset, of role app',
		stored => 'ALTER ROLE app SET session_preload_libraries = schema_guard' ],
		# this database has it, but not all have
	[ 'ALTER ROLE ALL RESET ALL', 'all, reset, of all roles',
		stored => q{ALTER ROLE ALL SET session_preload_libraries = auto_explain, 'schema_guard'} ],
	[ q{ALTER DATABASE "Other one" SET session_preload_libraries = 'auto_explain'},
		'session_preload_libraries = auto_explain of database "Other one"',
		stored => q{ALTER DATABASE "Other one" SET session_preload_libraries = '$libdir/schema_guard.so'} ],
	# another library of that name, and where one would be found
	[ q{ALTER DATABASE postgres SET session_preload_libraries = '/nowhere/schema_guard'},
		'session_preload_libraries = "/nowhere/schema_guard" of database postgres' ],
	[ q{ALTER DATABASE postgres SET session_preload_libraries = '$libdir/plugins/schema_guard', 'lib/schema_guard.so'},
		'session_preload_libraries' ],
	[ qq{ALTER ROLE app SET session_preload_libraries = '$decoy'}, 'session_preload_libraries' ],
	[ q{ALTER DATABASE postgres SET dynamic_library_path = '/nowhere:$libdir'},
		'dynamic_library_path = /nowhere:\$libdir of database postgres' ],
	[ q{ALTER ROLE app SET dynamic_library_path = ''}, 'dynamic_library_path =  of role app' ],
	[ 'ALTER DATABASE postgres RESET dynamic_library_path', 'dynamic_library_path, reset, of database postgres',
		stored => q{ALTER ROLE ALL SET dynamic_library_path = '/nowhere'; ALTER DATABASE postgres SET dynamic_library_path = '$libdir'} ],
	# functions, for whoever calls them
	[ q{CREATE FUNCTION g() RETURNS integer LANGUAGE sql SET schema_guard.mode = off AS 'SELECT 1'},
		'schema_guard.mode = off of function public\.g\(\)' ],
	[ q{CREATE FUNCTION "G h"(integer, OUT x text, INOUT y "char"[] = NULL, VARIADIC numeric(5, 2)[] = NULL) LANGUAGE sql SET schema_guard.mode = off AS 'SELECT NULL, $2'},
		'schema_guard.mode = off of function public\."G h"\(integer,pg_catalog\."char"\[\],numeric\[\]\)' ],
	[ q{CREATE OR REPLACE PROCEDURE public.p() LANGUAGE sql SET schema_guard.mode = observe AS 'SELECT 1'},
		'schema_guard.mode = observe of procedure public\.p\(\)' ],
	[ q{CREATE FUNCTION g() RETURNS integer LANGUAGE sql SET work_mem = '5MB' SET schema_guard.four_eyes = off AS 'SELECT 1'},
		'schema_guard.four_eyes = off of function public\.g\(\)' ],
	[ 'ALTER FUNCTION f() SET schema_guard.mode = off', 'schema_guard.mode = off of function public\.f\(\)' ],
	[ 'ALTER PROCEDURE p() SET schema_guard.debug_sensors = utility', 'schema_guard.debug_sensors = utility of procedure public\.p\(\)' ],
	[ 'ALTER ROUTINE f() SET work_mem = 64 SET "SCHEMA_GUARD.mode" FROM CURRENT', 'schema_guard.mode = warn of function public\.f\(\)',
		session => 'SET LOCAL schema_guard.mode = warn' ],
	# the right to do it
	[ 'GRANT SET ON PARAMETER schema_guard.mode TO app', 'SET on parameter "schema_guard.mode" to app' ],
	[ 'GRANT ALL ON PARAMETER work_mem, schema_guard.mode TO app WITH GRANT OPTION',
		'ALL on parameter "work_mem", "schema_guard.mode" to app with grant option' ],
	[ 'GRANT ALTER SYSTEM ON PARAMETER session_preload_libraries TO PUBLIC',
		'ALTER SYSTEM on parameter "session_preload_libraries" to PUBLIC' ],
	[ 'GRANT SET, ALTER SYSTEM ON PARAMETER "Schema_Guard.Four_Eyes" TO app, dba',
		'SET, ALTER SYSTEM on parameter "schema_guard.four_eyes" to app, dba' ],
);
push @refused, [ 'ALTER DATABASE postgres SET event_triggers = off', 'event_triggers = off of database postgres' ],
  [ 'ALTER ROLE app SET event_triggers = false', 'event_triggers = false of role app' ]
  if $since_17;

# The same for ALTER SYSTEM, which no transaction takes back. `undo` is run with the guard off.
my @refused_of_system = (
	[ 'ALTER SYSTEM SET schema_guard.mode = off', 'schema_guard.mode = off of the cluster' ],
	[ 'ALTER SYSTEM SET "Schema_guard.Mode" TO observe', 'schema_guard.mode = observe of the cluster' ],
	[ 'ALTER SYSTEM SET schema_guard.four_eyes = off', 'schema_guard.four_eyes = off of the cluster' ],
	[ q{ALTER SYSTEM SET schema_guard.protect_databases = 'a'}, 'schema_guard.protect_databases = a of the cluster' ],
	[ 'ALTER SYSTEM SET schema_guard.debug_sensors = object_access',
		'schema_guard.debug_sensors = object_access of the cluster' ],
	[ q{ALTER SYSTEM SET session_preload_libraries = 'auto_explain'}, 'session_preload_libraries = auto_explain of the cluster',
		stored => q{ALTER SYSTEM SET session_preload_libraries = 'schema_guard'} ],
	[ 'ALTER SYSTEM RESET session_preload_libraries', 'session_preload_libraries, reset, of the cluster',
		stored => q{ALTER SYSTEM SET session_preload_libraries = 'schema_guard'} ],
	[ 'ALTER SYSTEM RESET ALL', 'all, reset, of the cluster',
		stored => q{ALTER SYSTEM SET session_preload_libraries = 'auto_explain', 'schema_guard'} ],
);
push @refused_of_system, [ 'ALTER SYSTEM SET event_triggers = off', 'event_triggers = off of the cluster' ] if $since_17;

# What passes: it turns nothing down.
my @passes = (
	[ q{ALTER DATABASE postgres SET work_mem = '8MB'} ],
	[ 'ALTER ROLE app RESET ALL' ],
	[ 'ALTER ROLE ALL SET statement_timeout = 0' ],
	[ 'ALTER DATABASE postgres SET schema_guard.mode = enforce' ],
	[ 'ALTER DATABASE postgres RESET schema_guard.mode' ],
	[ 'ALTER DATABASE postgres RESET schema_guard.mode', stored => 'ALTER DATABASE postgres SET schema_guard.mode = off' ],
	[ 'ALTER ROLE app SET schema_guard.mode TO DEFAULT', stored => 'ALTER ROLE app SET schema_guard.mode = warn' ],
	[ 'ALTER DATABASE postgres SET schema_guard.mode = warn',
		stored => 'ALTER DATABASE postgres SET schema_guard.mode = observe' ],
	[ 'ALTER DATABASE postgres SET schema_guard.four_eyes = on' ],
	[ 'ALTER ROLE app SET schema_guard.rehearse = on' ],
	[ 'ALTER DATABASE postgres SET schema_guard.protect_databases = "*"' ],
	[ 'ALTER DATABASE postgres RESET schema_guard.protect_databases',
		stored => q{ALTER DATABASE postgres SET schema_guard.protect_databases = ''} ],
	[ 'ALTER DATABASE postgres SET schema_guard.debug_sensors = "all"' ],
	[ q{ALTER DATABASE postgres SET session_preload_libraries = 'auto_explain', 'schema_guard'} ],
	[ q{ALTER DATABASE postgres SET session_preload_libraries = '$libdir/schema_guard'} ],
	[ q{ALTER DATABASE postgres SET session_preload_libraries = 'schema_guard.so', auto_explain} ],
	[ 'ALTER DATABASE postgres SET session_preload_libraries FROM CURRENT' ],
	[ qq{ALTER DATABASE postgres SET session_preload_libraries = '$library'} ],
	[ qq{ALTER DATABASE postgres SET session_preload_libraries = '$library.so'} ],
	[ qq{ALTER DATABASE postgres SET session_preload_libraries = '$alias'} ],
	[ q{ALTER DATABASE postgres SET dynamic_library_path = '$libdir'} ],
	[ 'ALTER DATABASE postgres RESET dynamic_library_path', stored => q{ALTER DATABASE postgres SET dynamic_library_path = '/nowhere'} ],
	[ q{ALTER ROLE app SET dynamic_library_path = '/nowhere'}, stored => q{ALTER ROLE app SET dynamic_library_path = '/nowhere'} ],
	[ q{ALTER ROLE app SET session_preload_libraries = 'schema_guard'} ],
	[ q{ALTER ROLE app RESET session_preload_libraries},
		stored => 'ALTER ROLE app SET session_preload_libraries = auto_explain' ],
	[ 'ALTER ROLE app IN DATABASE postgres RESET session_preload_libraries',
		stored => 'ALTER ROLE app IN DATABASE postgres SET session_preload_libraries = schema_guard' ],
		# the database has it
	[ q{ALTER ROLE ALL SET session_preload_libraries = 'auto_explain'} ], # which the database does not care for
	[ q{ALTER DATABASE "Other one" SET session_preload_libraries = 'auto_explain'} ],
	[ q{ALTER ROLE app IN DATABASE "Other one" SET session_preload_libraries = 'auto_explain'} ],
	[ q{CREATE FUNCTION g() RETURNS integer LANGUAGE sql SET schema_guard.rehearse = on SET work_mem = '5MB' AS 'SELECT 1'} ],
	[ 'ALTER FUNCTION f() RESET ALL' ],
	[ 'ALTER FUNCTION f() SET schema_guard.mode = enforce' ],
	[ 'GRANT SET ON PARAMETER work_mem TO app' ],
	[ 'REVOKE ALL ON PARAMETER schema_guard.mode FROM app', stored => 'GRANT SET ON PARAMETER schema_guard.mode TO app' ],
);
my @passes_of_system = (
	[ q{ALTER SYSTEM SET work_mem = '8MB'} ], [ 'ALTER SYSTEM RESET ALL' ],
	[ 'ALTER SYSTEM SET schema_guard.mode = enforce' ], [ 'ALTER SYSTEM SET schema_guard.four_eyes = on' ],
	[ q{ALTER SYSTEM SET session_preload_libraries = 'auto_explain'} ],
	[ q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'schema_guard'} ],
	[ 'ALTER SYSTEM RESET schema_guard.mode', stored => 'ALTER SYSTEM SET schema_guard.mode = off' ],
);

sub requests { return value($node, 'SELECT count(*) FROM schema_guard.request'); }
sub last_record { return value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit'); }

sub stored
{
	return value($node, q{SELECT (SELECT string_agg(s::text, ' ' ORDER BY setdatabase, setrole) FROM pg_db_role_setting s), (SELECT string_agg(p::text, ' ' ORDER BY parname) FROM pg_parameter_acl p)})
	  . PostgreSQL::Test::Utils::slurp_file($node->data_dir . '/postgresql.auto.conf');
}

sub with_guard_off { my ($sql) = @_; return "SET LOCAL schema_guard.mode = off; $sql; SET LOCAL schema_guard.mode = enforce;"; }

sub refused_setting
{
	my ($sql, $statement, $setting, $before) = @_;
	my $last = last_record();
	my $result = run_sql($node, $sql, role => 'superuser', keep_going => 1);
	is("@{ $result->{states} }", 'SG007', "refused: $statement") or diag($result->{err});
	my $what = $statement =~ /^GRANT/ ? qr/grant (?i:\Q$setting\E) without an approval$/m
	  : qr/store setting (?i:$setting).* without an approval: it would turn schema_guard down/;
	like($result->{err}, qr/cannot $what/, "$statement: the error names the setting");
	is(stored(), $before, "$statement: nothing is stored");
	# No secret, so the text stays; a DO block's is the one of the statement in it.
	my ($text) = $statement =~ /EXECUTE '(.*)'/ ? $1 : $sql =~ /((?:ALTER|CREATE|GRANT) [^;]*)(?:; ROLLBACK;)?$/;
	settled($node, qq{SELECT rule || ' ' || statement || ' ' || sensor FROM schema_guard.blocked WHERE id > $last},
		"guard_tampering $text " . ($text =~ /^CREATE|^ALTER (?:FUNC|PROC|ROUT)/ ? 'event_trigger' : 'utility'),
			"$statement: on record, with its text");
	return;
}

# Each in a transaction that is rolled back in any case.
for my $each (@refused)
{
	my ($statement, $setting, %option) = @$each;
	my $before = stored();
	my $stored = $option{stored} ? with_guard_off($option{stored}) : '';
	my $session = $option{session} ? "$option{session};" : '';
	refused_setting("BEGIN; $stored $session $statement; ROLLBACK;", $statement, $setting, $before);
}
for my $each (@refused_of_system)
{
	my ($statement, $setting, %option) = @$each;
	$node->safe_psql('postgres', "SET schema_guard.mode = off;\n$option{stored};\n") if $option{stored};
	$node->reload;
	refused_setting($statement, $statement, $setting, stored());
	$node->safe_psql('postgres', "SET schema_guard.mode = off;\nALTER SYSTEM RESET ALL;\n");
	$node->reload;
}

for my $each (@passes, @passes_of_system)
{
	my ($statement, %option) = @$each;
	my $system = $statement =~ /^ALTER SYSTEM/;
	my $requests = requests();
	my $last = last_record();
	my $stored = $option{stored} // 'SELECT';
	my $sql = $system ? "SET schema_guard.mode = off;\n$stored;\nRESET schema_guard.mode;\n$statement;" : 'BEGIN; ' . with_guard_off($stored) . " $statement; ROLLBACK;";
	my $result = run_sql($node, $sql, role => 'superuser');
	is("@{ $result->{states} }" . ($result->{err} =~ /(WARNING|NOTICE):/ ? $1 : ''), '',
		"passes: $statement") or diag($result->{err});
	is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE id > $last AND verdict = 'blocked'") . (requests() - $requests),
		'00', "$statement: nobody is asked");
	$node->safe_psql('postgres', "SET schema_guard.mode = off;\nALTER SYSTEM RESET ALL;\n") if $system;
}

# What the server itself loads, by its configuration file or by ALTER SYSTEM.
my $with = q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'schema_guard'};
for my $each (
	# where it stands: in the file, by ALTER SYSTEM; the statement, and the setting if it is refused
	[ 'schema_guard', '', q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain'},
		'shared_preload_libraries = auto_explain of the cluster' ],
	[ 'schema_guard', '', q{ALTER SYSTEM SET shared_preload_libraries = ''}, 'shared_preload_libraries = "" of the cluster' ],
	[ 'schema_guard', '', q{ALTER SYSTEM SET shared_preload_libraries = auto_explain, '$libdir/schema_guard'} ],
	[ 'schema_guard', '', 'ALTER SYSTEM RESET shared_preload_libraries' ],
	[ 'schema_guard', $with, 'ALTER SYSTEM RESET ALL' ],
	[ '', $with, 'ALTER SYSTEM RESET shared_preload_libraries', 'shared_preload_libraries, reset, of the cluster' ],
	[ '', $with, 'ALTER SYSTEM SET shared_preload_libraries TO DEFAULT', 'shared_preload_libraries, reset, of the cluster' ],
	[ '', $with, 'ALTER SYSTEM RESET ALL', 'all, reset, of the cluster' ],
	[ '', $with, q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain'},
		'shared_preload_libraries = auto_explain of the cluster' ],
	[ '', '', q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain'} ])
{
	my ($in_file, $by_system, $statement, $setting) = @$each;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = '$in_file'");
	$node->safe_psql('postgres', "SET schema_guard.mode = off;\n$by_system") if $by_system;
	$node->restart;
	my $name = "$statement, with '$in_file' in the file" . ($by_system && ' and another by ALTER SYSTEM');
	if ($setting)
	{
		refused_setting($statement, $name, $setting, stored());
	}
	else
	{
		accepted($node, $statement, "passes: $name", role => 'superuser');
	}
	$node->safe_psql('postgres', "SET schema_guard.mode = off;\nALTER SYSTEM RESET ALL");
}

# With the library in every session of the server, also from where the extension is not installed; nobody can approve it there.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'schema_guard'");
$node->restart;
for my $statement (
	'ALTER SYSTEM SET schema_guard.mode = off',
	'ALTER DATABASE postgres SET schema_guard.mode = off',
	'ALTER DATABASE postgres RESET session_preload_libraries',
	'ALTER ROLE app SET schema_guard.mode = off',
	'ALTER ROLE ALL SET schema_guard.four_eyes = off',
	q{ALTER SYSTEM SET shared_preload_libraries = 'auto_explain'},
	'GRANT SET ON PARAMETER schema_guard.mode TO app',
	'SET schema_guard.mode = observe; ALTER SYSTEM SET schema_guard.mode = observe',
	'SET schema_guard.four_eyes = off; ALTER ROLE ALL SET schema_guard.four_eyes = off')
{
	my $before = stored();
	my $result = run_sql($node, $statement, role => 'superuser', connection => q{dbname='Other one'}, keep_going => 1);
	is("@{ $result->{states} }", 'SG007', "without the extension: $statement") or diag($result->{err});
	like($result->{err}, qr/not installed in this database, so nobody can approve it here/, "$statement: the error says why");
	is(stored(), $before, "$statement: nothing is stored");
}
for my $statement (q{ALTER DATABASE "Other one" SET work_mem = '8MB'}, 'ALTER ROLE ALL SET schema_guard.mode = enforce', q{ALTER DATABASE "Other one" SET session_preload_libraries = 'auto_explain'})
{
	my $result = run_sql($node, $statement, role => 'superuser', connection => q{dbname='Other one'}, keep_going => 1);
	is("@{ $result->{states} }", '', "without the extension, it passes: $statement") or diag($result->{err});
}

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
