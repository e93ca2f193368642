# Who may store a setting that turns the guard down: nobody whom PostgreSQL would not let, and everybody else with an
# approval, which is for that setting, value and place, and once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('stored_settings_approval');
$node->safe_psql('postgres', q{
	SELECT schema_guard.harden();
	CREATE DATABASE owned OWNER app;
	CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
	CREATE ROLE granted LOGIN;
	GRANT CREATE ON SCHEMA public TO granted;
	CREATE SCHEMA closed;
	CREATE DATABASE of_granted OWNER granted;
	CREATE ROLE creator LOGIN CREATEROLE;
	CREATE ROLE made;
	GRANT made TO creator WITH ADMIN OPTION;
	CREATE ROLE boss SUPERUSER;
	SET schema_guard.mode = off;
	GRANT SET ON PARAMETER schema_guard.mode TO granted, creator;
	GRANT ALTER SYSTEM ON PARAMETER schema_guard.four_eyes TO granted;});

# From PostgreSQL 16 on, CREATEROLE without ADMIN OPTION reaches nobody else.
my $since_16 = $node->pg_version->major >= 16;

sub requests { return value($node, 'SELECT count(*) FROM schema_guard.request'); }

# A superuser with another name than the one that approves nothing.
sub as_superuser { my ($sql) = @_; return run_sql($node, $sql, role => 'superuser', keep_going => 1); }
sub off { my ($sql) = @_; return $node->safe_psql('postgres', "SET schema_guard.mode = off;\n$sql"); }

# PostgreSQL refuses these by itself: role, statement, SQLSTATE.
for my $each (
	[ app => 'ALTER DATABASE postgres SET schema_guard.mode = off', '42501' ],
	[ app => 'ALTER DATABASE owned SET schema_guard.mode = off', '42501' ],
	[ app => 'ALTER DATABASE owned SET session_preload_libraries = auto_explain', '42501' ],
	[ app => 'ALTER ROLE app SET schema_guard.mode = off', '42501' ],
	[ app => 'ALTER ROLE app SET schema_guard.four_eyes = off', '42501' ],
	[ app => 'ALTER ROLE app IN DATABASE postgres SET session_preload_libraries = auto_explain', '42501' ],
	[ app => 'ALTER ROLE dba SET schema_guard.mode = off', '42501' ],
	[ app => 'ALTER ROLE ALL SET schema_guard.mode = off', '42501' ],
	[ app => 'ALTER SYSTEM SET schema_guard.mode = off', '42501' ],
	[ app => 'ALTER SYSTEM RESET ALL', '42501' ],
	[ app => q{CREATE FUNCTION g() RETURNS integer LANGUAGE sql SET schema_guard.mode = off AS 'SELECT 1'}, '42501' ],
	[ app => 'ALTER FUNCTION f() SET schema_guard.mode = off', '42501' ],
	[ app => 'GRANT SET ON PARAMETER schema_guard.mode TO app', '42501' ],
	[ granted => 'ALTER ROLE app SET schema_guard.mode = off', '42501' ],
	[ granted => 'ALTER DATABASE postgres SET schema_guard.mode = off', '42501' ],
	[ granted => 'ALTER SYSTEM SET schema_guard.mode = off', '42501' ],
	[ granted => 'ALTER ROLE ALL SET schema_guard.mode = off', '42501' ],
	[ granted => 'ALTER ROLE ALL RESET ALL', '42501' ],
	[ granted => 'ALTER ROLE ALL IN DATABASE owned SET schema_guard.mode = off', '42501' ],
	[ granted => 'ALTER FUNCTION f() SET schema_guard.mode = off', '42501' ],
	[ granted => q{CREATE FUNCTION closed.g() RETURNS integer LANGUAGE sql SET schema_guard.mode = off AS 'SELECT 1'}, '42501' ],
	[ creator => 'ALTER ROLE boss SET schema_guard.mode = off', '42501' ],
	[ creator => 'ALTER ROLE boss IN DATABASE postgres SET schema_guard.mode = off', '42501' ],
	[ creator => 'ALTER ROLE ALL SET schema_guard.mode = off', '42501' ],
	[ creator => 'ALTER ROLE ALL IN DATABASE postgres SET schema_guard.mode = off', '42501' ],
	[ creator => 'ALTER ROLE made SET schema_guard.four_eyes = off', '42501' ],
	$since_16 ? [ creator => 'ALTER ROLE app SET schema_guard.mode = off', '42501' ] : (),
	[ superuser => 'ALTER ROLE pg_monitor SET schema_guard.mode = off', '42939' ],
	[ superuser => 'ALTER DATABASE nosuch SET schema_guard.mode = off', '3D000' ],
	[ superuser => 'ALTER ROLE nosuch SET schema_guard.mode = off', '42704' ],
	[ superuser => 'ALTER ROLE app IN DATABASE nosuch SET schema_guard.mode = off', '3D000' ],
	[ superuser => q{ALTER DATABASE postgres SET schema_guard.mode = 'loud'}, '22023' ],
	[ superuser => 'ALTER DATABASE postgres SET schema_guard.four_eyes = sometimes', '22023' ],
	[ superuser => 'BEGIN; ALTER SYSTEM SET schema_guard.mode = off', '25001' ],
	[ superuser => q{DO $$ BEGIN ALTER SYSTEM SET schema_guard.mode = off; END $$}, '25001' ],
	[ superuser => 'BEGIN READ ONLY; ALTER DATABASE postgres SET schema_guard.mode = off', '25006' ])
{
	my ($role, $statement, $state) = @$each;
	my $requests = requests();
	my $result = refused($node, $statement, $state, qr/ERROR/, "PostgreSQL refuses $role: $statement", role => $role);
	unlike($result->{err}, qr/would turn schema_guard down|Request/, "$statement: without a word of the guard's");
	is(requests(), $requests, "$statement: nobody is asked");
}

# Whom PostgreSQL would let is asked for an approval, whatever the session's own mode and role.
for my $each (
	[ granted => 'ALTER ROLE granted SET schema_guard.mode = off' ],
	[ granted => 'ALTER ROLE ALL IN DATABASE of_granted SET schema_guard.mode = off' ],
	[ creator => 'ALTER ROLE made SET schema_guard.mode = off' ],
	[ creator => 'ALTER ROLE CURRENT_USER SET schema_guard.mode = off' ],
	$since_16 ? () : [ creator => 'ALTER ROLE app SET schema_guard.mode = off' ],
	[ superuser => 'ALTER ROLE boss SET schema_guard.mode = off' ],
	[ granted => q{CREATE FUNCTION g() RETURNS integer LANGUAGE sql SET schema_guard.mode = off AS 'SELECT 1'} ],
	[ granted => 'ALTER SYSTEM SET schema_guard.four_eyes = off' ],
	[ superuser => 'SET schema_guard.mode = warn; ALTER DATABASE postgres SET schema_guard.mode = off' ],
	[ superuser => 'SET schema_guard.mode = observe; ALTER ROLE app SET schema_guard.mode = off' ],
	[ superuser => 'SET session_replication_role = replica; ALTER ROLE app SET schema_guard.mode = off' ])
{
	my ($role, $statement) = @$each;
	refused($node, $statement, 'SG007', qr/it would turn schema_guard down/, "an approval is wanted of $role: $statement",
		role => $role);
}

# What is approved, and what is not for that.
my $sql_function = q{LANGUAGE sql SET schema_guard.mode = off AS 'SELECT 1'};
my @approved = (
	[ 'ALTER DATABASE postgres SET schema_guard.mode = warn',
		'ALTER DATABASE postgres SET schema_guard.mode = off', 'ALTER DATABASE owned SET schema_guard.mode = warn',
			'ALTER ROLE ALL SET schema_guard.mode = warn',
		'ALTER ROLE app SET schema_guard.mode = warn', 'ALTER SYSTEM SET schema_guard.mode = warn',
			'ALTER DATABASE postgres SET schema_guard.four_eyes = off',
		'ALTER DATABASE postgres RESET session_preload_libraries', 'ALTER FUNCTION f() SET schema_guard.mode = warn',
			'DROP EXTENSION schema_guard' ],
	[ 'ALTER ROLE app IN DATABASE postgres SET schema_guard.mode = off',
		'ALTER ROLE app SET schema_guard.mode = off', 'ALTER ROLE app IN DATABASE owned SET schema_guard.mode = off',
			'ALTER ROLE dba IN DATABASE postgres SET schema_guard.mode = off',
		'ALTER ROLE ALL IN DATABASE postgres SET schema_guard.mode = off' ],
	[ 'ALTER ROLE ALL SET schema_guard.four_eyes = off', 'ALTER ROLE app SET schema_guard.four_eyes = off',
		'ALTER DATABASE postgres SET schema_guard.four_eyes = off',
		'ALTER SYSTEM SET schema_guard.four_eyes = off' ],
	[ q{ALTER DATABASE postgres SET session_preload_libraries = 'auto_explain'},
		'ALTER DATABASE postgres RESET session_preload_libraries',
			q{ALTER DATABASE postgres SET session_preload_libraries = 'passwordcheck'}, 'ALTER DATABASE postgres RESET ALL' ],
	[ "CREATE FUNCTION approved() RETURNS integer $sql_function",
		"CREATE FUNCTION other() RETURNS integer $sql_function",
			"CREATE FUNCTION approved(integer) RETURNS integer $sql_function",
		"CREATE FUNCTION approved() RETURNS integer SECURITY DEFINER $sql_function",
		q{CREATE FUNCTION approved() RETURNS integer LANGUAGE sql SET schema_guard.mode = off AS 'SELECT 2'},
		q{CREATE FUNCTION approved() RETURNS integer LANGUAGE sql SET schema_guard.mode = off SET schema_guard.four_eyes = off AS 'SELECT 1'},
		'ALTER FUNCTION f() SET schema_guard.mode = off' ],
	[ 'ALTER FUNCTION f() SET schema_guard.mode = observe', 'ALTER FUNCTION f() SET schema_guard.mode = off',
		'ALTER FUNCTION f() SECURITY DEFINER SET schema_guard.mode = observe' ],
	[ 'GRANT SET ON PARAMETER schema_guard.mode TO app',
		'GRANT SET ON PARAMETER schema_guard.mode TO PUBLIC', 'GRANT SET ON PARAMETER schema_guard.mode TO app, dba',
			'GRANT ALL ON PARAMETER schema_guard.mode TO app',
		'GRANT SET ON PARAMETER schema_guard.mode TO app WITH GRANT OPTION',
			'GRANT SET ON PARAMETER schema_guard.mode, schema_guard.four_eyes TO app',
		'GRANT SET ON PARAMETER schema_guard.four_eyes, schema_guard.mode TO app',
			'GRANT SET ON PARAMETER schema_guard.four_eyes TO app' ],
);
for my $each (@approved)
{
	my ($statement, @others) = @$each;
	my $token = approve($node, request_named(as_superuser($statement)));
	my $with = "SET schema_guard.approval_token = '$token';\n";
	for my $other (@others)
	{
		my $result = as_superuser($with . $other);
		is("@{ $result->{states} }", 'SG003', "the approval for $statement is not for: $other") or diag($result->{err});
	}
	my $last = value($node, 'SELECT max(id) FROM schema_guard.audit');
	accepted($node, "${with}BEGIN;\n$statement;\nROLLBACK", "$statement: rolled back", role => 'superuser');
	accepted($node, $with . $statement, "$statement: done", role => 'superuser');
	is(value($node, "SELECT string_agg(rule || ' ' || statement, ', ') FROM schema_guard.audit WHERE id > $last AND verdict = 'approved'"),
		"guard_tampering $statement", "$statement: on record, once");
	off('ALTER DATABASE postgres RESET ALL; ALTER ROLE ALL RESET ALL; ALTER ROLE app RESET ALL; ALTER ROLE app IN DATABASE postgres RESET ALL;
		DROP FUNCTION IF EXISTS approved(); ALTER FUNCTION f() RESET ALL; REVOKE ALL ON PARAMETER schema_guard.mode FROM app; SELECT schema_guard.harden()');
	refused($node, $with . $statement, 'SG003', qr/has been used for it already/, "$statement: once", role => 'superuser');
}

# ALTER SYSTEM, which no rollback takes back: approved, it is really done; rehearsed, it is not.
{
	my $statement = 'ALTER SYSTEM SET schema_guard.mode = observe';
	my $in_file = q{SELECT setting FROM pg_file_settings WHERE name = 'schema_guard.mode'};
	my $token = approve($node, request_named(as_superuser($statement)));
	refused($node, "SET schema_guard.rehearse = on; $statement", 'SG007', qr/turn schema_guard down/,
		'without an approval, a rehearsal is no way', role => 'superuser');
	refused($node, "SET schema_guard.approval_token = '$token';\nSET schema_guard.rehearse = on;\n$statement", '0A000',
		qr/cannot rehearse ALTER SYSTEM, which cannot be rolled back/,
		'with one, it cannot be rehearsed', role => 'superuser');
	is(value($node, $in_file), '', 'nothing is in the file');
	accepted($node, "SET schema_guard.approval_token = '$token';\n$statement", 'approved, it passes', role => 'superuser');
	is(value($node, $in_file), 'observe', 'and is in the file');
	$node->reload;
	ok(wait_until(sub { value($node, 'SHOW schema_guard.mode') eq 'observe' }), 'new sessions have it');
	like(value($node, q{SELECT detail FROM schema_guard.status() WHERE condition = 'mode'}), qr/observe/, 'and status() says so');
	is(value($node, q{SELECT count(*) FROM schema_guard.audit WHERE verdict = 'approved' AND command_tag = 'ALTER SYSTEM'}), 1,
		'it is on record, once');
	refused($node, "SET schema_guard.approval_token = '$token';\nALTER SYSTEM SET schema_guard.mode = off", 'SG003',
		qr/does not cover it/, 'nothing else is covered', role => 'superuser');
	accepted($node, 'ALTER SYSTEM RESET schema_guard.mode', 'back again: that needs no approval', role => 'superuser');
	$node->reload;
	ok(wait_until(sub { value($node, 'SHOW schema_guard.mode') eq 'enforce' }), 'and the guard enforces');
}

# A rehearsal of what can be rolled back.
{
	my $rehearsal = refused($node,
		'BEGIN; SET LOCAL schema_guard.rehearse = on; ALTER DATABASE postgres SET schema_guard.mode = off; ALTER ROLE app SET schema_guard.four_eyes = off; COMMIT',
		'SG006', qr/an approval for 2 effects/, 'settings can be rehearsed', role => 'superuser');
	is(value($node, q{SELECT count(*) FROM pg_db_role_setting WHERE setconfig::text LIKE '%schema_guard.%'}), 0,
		'and are not stored by that');
}

# What could be a secret is not in the audit, nor in a request.
as_superuser(q{ALTER ROLE app SET my.secret = 'hush'; ALTER DATABASE postgres SET schema_guard.mode = off; ALTER ROLE app PASSWORD 'hush'});
as_superuser(q{CREATE FUNCTION g() RETURNS integer LANGUAGE sql SET schema_guard.mode = off SET schema_guard.approval_token = 'hush' AS 'SELECT 1'});
settled($node, q{SELECT count(*) FROM schema_guard.blocked WHERE statement LIKE '(redacted%'}, 1,
	'a function with a token in it: redacted');
is(value($node, q{SELECT count(*) FROM schema_guard.audit WHERE statement || coalesce(effects::text, '') LIKE '%hush%'})
	  . value($node, q{SELECT count(*) FROM schema_guard.request WHERE statement || effects::text LIKE '%hush%'}), '00',
		'no secret is kept');
unlike(join('', log_documents($node)), qr/hush/, 'nor written to the server log by the guard');

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
