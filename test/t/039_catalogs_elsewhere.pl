# Catalogs that a cluster's databases share, written by hand: from a database that the extension is not installed in, they
# reach those that it is. And what runs within CREATE EXTENSION is not all of it the extension's.
use strict;
use warnings;
use File::Spec;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('catalogs_elsewhere', "shared_preload_libraries = 'schema_guard'\n");
$node->safe_psql('postgres', q{
	SELECT schema_guard.harden();
	CREATE DATABASE elsewhere; CREATE DATABASE victim;});
$node->safe_psql('elsewhere', q{
	CREATE TABLE precious (i integer); INSERT INTO precious VALUES (1);
	CREATE VIEW settings AS SELECT * FROM pg_db_role_setting;
	CREATE FUNCTION by_sql() RETURNS void LANGUAGE sql AS $$ DELETE FROM pg_db_role_setting $$;});
my $file = File::Spec->rel2abs($node->basedir . '/rows');
append_to_file($file, "0\t0\t{schema_guard.mode=off}\n");

my $everything = q{SELECT md5(concat((SELECT string_agg(d::text, '|' ORDER BY oid) FROM pg_database d),
	(SELECT string_agg(s::text, '|' ORDER BY setdatabase, setrole) FROM pg_db_role_setting s), (SELECT string_agg(p::text, '|') FROM pg_parameter_acl p)))};
sub elsewhere { my ($sql, %option) = @_; return run_sql($node, $sql, role => 'superuser', connection => 'dbname=elsewhere', %option); }

my @refused = (
	[ q{DELETE FROM pg_database WHERE datname = 'victim'}, 'pg_database' ],
	[ q{UPDATE pg_database SET datname = 'gone' WHERE datname = 'victim'}, 'pg_database' ],
	[ q{UPDATE pg_database SET datallowconn = false WHERE datname = 'template1'}, 'pg_database' ],
	[ q{INSERT INTO pg_db_role_setting VALUES (0, 0, '{schema_guard.mode=off}')}, 'pg_db_role_setting' ],
	[ q{UPDATE pg_db_role_setting SET setconfig = '{schema_guard.mode=off}'}, 'pg_db_role_setting' ],
	[ 'DELETE FROM pg_db_role_setting', 'pg_db_role_setting' ],
	[ q{INSERT INTO pg_parameter_acl (oid, parname, paracl) VALUES (9999, 'schema_guard.mode', '{app=s/app}')}, 'pg_parameter_acl' ],
	[ 'MERGE INTO pg_db_role_setting s USING pg_database ON true WHEN MATCHED THEN DELETE', 'pg_db_role_setting' ],
	[ 'WITH gone AS (DELETE FROM pg_db_role_setting RETURNING *) SELECT count(*) FROM gone', 'pg_db_role_setting' ],
	[ 'DELETE FROM settings', 'pg_db_role_setting' ],
	[ 'SELECT by_sql()', 'pg_db_role_setting' ],
	[ 'PREPARE p AS DELETE FROM pg_db_role_setting; EXECUTE p', 'pg_db_role_setting' ],
	[ 'SET session_replication_role = replica; DELETE FROM pg_db_role_setting', 'pg_db_role_setting' ],
	[ "COPY pg_db_role_setting FROM '$file'", 'pg_db_role_setting' ],
	[ "COPY pg_db_role_setting FROM STDIN;\n0\t0\t{schema_guard.mode=off}\n\\.\n", 'pg_db_role_setting' ],
	[ "\\copy pg_db_role_setting from '$file'", 'pg_db_role_setting' ],
	[ 'SET allow_system_table_mods = on; TRUNCATE pg_db_role_setting', 'pg_db_role_setting' ],
	[ 'SET allow_system_table_mods = on; TRUNCATE pg_database', 'pg_database' ],
);

# The rights to settings are shared as well, also where they are an element of something else.
{
	my $before = value($node, $everything);
	my $result = elsewhere('CREATE SCHEMA s GRANT SET ON PARAMETER schema_guard.mode TO app', keep_going => 1);
	is("@{ $result->{states} }", 'SG007', 'refused: an element of CREATE SCHEMA') or diag($result->{err});
	is(value($node, $everything), $before, 'an element of CREATE SCHEMA: nothing has changed');
}

# What concerns that database alone, and what nothing is changed by.
my @passes = (
	q{DELETE FROM pg_description WHERE false},
	q{UPDATE pg_class SET relhastriggers = relhastriggers WHERE relname = 'precious'},
	q{DELETE FROM pg_attribute WHERE attrelid = 'precious'::regclass},
	'DELETE FROM pg_event_trigger',
	'SELECT 1 FROM pg_database FOR UPDATE',
	'EXPLAIN DELETE FROM pg_database',
	'COPY pg_db_role_setting TO STDOUT',
	'DELETE FROM precious',
	'CREATE TABLE pg_database (i integer); INSERT INTO public.pg_database VALUES (1)',
	'TRUNCATE precious; DROP TABLE precious',
);

my $before = value($node, $everything);
for my $each (@refused)
{
	my ($statement, $catalog) = @$each;
	my $place = -s $node->logfile;
	my $result = elsewhere($statement, keep_going => 1);
	is("@{ $result->{states} }", 'SG001', "refused: $statement") or diag($result->{err});
	like($result->{err}, qr/\Q$catalog\E.*\n?.*not installed in this database/, "$statement: it says why") or diag($result->{err});
	is(value($node, $everything), $before, "$statement: nothing has changed");
	$before = value($node, $everything);
	my $logged = substr server_log($node), $place;
	like($logged, qr/schema_guard: \{.*(?:change_catalog|truncate_table).*\Q$catalog\E/, "$statement: the server log has it");
}
for my $statement (@passes)
{
	my $place = -s $node->logfile;
	my $result = elsewhere("BEGIN; $statement; ROLLBACK");
	is("@{ $result->{states} }" . ($result->{err} =~ /(WARNING):/ ? $1 : ''), '', "passes: $statement") or diag($result->{err});
	unlike(substr(server_log($node), $place), qr/schema_guard: \{/, "$statement: nobody takes note");
}
my $harmless = q{UPDATE pg_database SET datconnlimit = datconnlimit WHERE datname = 'victim'};
my $warned = elsewhere("SET schema_guard.mode = warn; $harmless");
is($warned->{status}, 0, 'with a laxer mode');
like($warned->{err}, qr/WARNING:.*pg_database/, 'with a WARNING');
is(elsewhere("SET schema_guard.mode = off; $harmless")->{err}, '', 'with the guard off');

# An extension's script comes with the server's files. What an event trigger does meanwhile does not, and neither of them
# has anything to do in the catalogs that the guard itself rests on.
for my $each (
	[ 'DELETE FROM pg_event_trigger', 'pg_event_trigger' ],
	[ q{UPDATE pg_event_trigger SET evtenabled = 'D' WHERE evtname LIKE 'schema_guard%'}, 'pg_event_trigger' ],
	[ q{INSERT INTO pg_db_role_setting VALUES (0, 0, '{schema_guard.mode=off}')}, 'pg_db_role_setting' ],
	[ q{DELETE FROM pg_database WHERE datname = 'victim'}, 'pg_database' ])
{
	my ($statement, $catalog) = @$each;
	value($node, qq{SET schema_guard.mode = off; DROP EVENT TRIGGER IF EXISTS zzz; DROP FUNCTION IF EXISTS ev();
		CREATE FUNCTION ev() RETURNS event_trigger LANGUAGE plpgsql AS \$\$ BEGIN IF tg_tag = 'CREATE FUNCTION' THEN $statement; END IF; END \$\$;
		CREATE EVENT TRIGGER zzz ON ddl_command_end EXECUTE FUNCTION ev()});
	my $watches = value($node, $everything) . value($node, 'SELECT string_agg(e::text, \'|\' ORDER BY oid) FROM pg_event_trigger e');
	refused($node, 'CREATE EXTENSION citext', 'SG001', qr/\Q$catalog\E/, "within CREATE EXTENSION: $statement", role => 'superuser');
	is(value($node, $everything) . value($node, 'SELECT string_agg(e::text, \'|\' ORDER BY oid) FROM pg_event_trigger e'), $watches,
		"within CREATE EXTENSION: $statement: nothing has changed");
}
value($node, 'SET schema_guard.mode = off; DROP EVENT TRIGGER zzz');
accepted($node, 'CREATE EXTENSION citext', 'an extension is created', role => 'superuser');
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
