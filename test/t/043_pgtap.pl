# pgTAP, whose tests are transactions that are rolled back, on a guarded database: nothing gets in their way, and
# they can test the guard itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('pgtap');
my $major = ask($node, 'postgres', q{SELECT current_setting('server_version_num')::integer / 10000});
needs(ask($node, 'postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pgtap'}), "postgresql-$major-pgtap");
ask($node, 'postgres', "ALTER DATABASE " . guard_database($node, database($node, 'preloaded')) . " SET session_preload_libraries = 'schema_guard'");
ask($node, $_, 'CREATE EXTENSION pgtap; CREATE SCHEMA t AUTHORIZATION app') for 'postgres', 'preloaded';

my $script = q{
BEGIN;
SELECT plan(9);
CREATE TABLE customer (id serial PRIMARY KEY, name text);
SELECT has_table('customer');
SELECT has_column('customer', 'name');
SELECT lives_ok('ALTER TABLE customer DROP COLUMN name', 'what the transaction has made it may drop');
SELECT hasnt_column('customer', 'name');
SELECT throws_ok('DROP TABLE kept', 'SG001', NULL, 'what was there before it may not');
SELECT throws_ok('TRUNCATE kept, nothing_of_the_kind', '42P01');
SELECT results_eq('SELECT id FROM kept', ARRAY[1]);
PREPARE expected AS SELECT 1;
SELECT set_eq('SELECT id FROM kept', 'expected');
SELECT performs_ok('SELECT 1', 10000);
SELECT * FROM finish();
ROLLBACK;};

# runtests() runs each function in a subtransaction that it then rolls back.
my $functions = q{
CREATE FUNCTION t.setup_table() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN CREATE TABLE t.prepared (id integer); RETURN NEXT has_table('t', 'prepared', 'set up'); END $$;
CREATE FUNCTION t.test_drop() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN DROP TABLE t.prepared; RETURN NEXT hasnt_table('t', 'prepared', 'dropped'); END $$;
CREATE FUNCTION t.test_guard() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN RETURN NEXT has_table('t', 'prepared', 'there again');
RETURN NEXT throws_ok('ALTER TABLE kept DROP COLUMN id', 'SG001', NULL, 'guarded'); END $$;
CREATE FUNCTION t.teardown_table() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN DROP TABLE IF EXISTS t.prepared; RETURN NEXT pass('torn down'); END $$;};

for my $database (qw(postgres preloaded))
{
	silent(run_sql($node, "CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1); $functions", connection => "dbname=$database"),
		"$database: what is to be tested");
	my $blocked = ask($node, $database, 'SELECT count(*) FROM schema_guard.blocked');
	my @psql = ('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1');
	my $result = silent(run_tool($node, [@psql], role => 'app', database => $database, input => $script), "$database: a script runs");
	is(scalar(() = $result->{out} =~ /^ok /mg), 9, "$database: its tests are good");
	unlike($result->{out}, qr/^not ok|^# /m, "$database: all of them") or diag($result->{out});
	$result = silent(run_tool($node, [@psql], role => 'app', database => $database, input => q{SELECT * FROM runtests('t'::name)}), "$database: runtests()");
	is(scalar(() = $result->{out} =~ /^ok \d+ - t\.test_/mg), 2, "$database: runs them all");
	unlike($result->{out}, qr/^\s*not ok|died/m, "$database: all are good") or diag($result->{out});
	is(ask($node, $database, q{SELECT count(*) FROM kept}), 1, "$database: nothing is lost");
	is(ask($node, $database, q{SELECT to_regclass('public.customer') IS NULL AND to_regclass('t.prepared') IS NULL}), 't', "$database: nothing is left");
	arrived($node, $database, 'SELECT count(*) FROM schema_guard.blocked', $blocked + 2, "$database: the refusals are on record");
}

$node->stop;
done_testing();
