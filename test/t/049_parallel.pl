# Parallel query, forced on everything: workers load the library and are left alone, and the guard's own queries run
# under it as any others.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('parallel', join "\n", 'max_worker_processes = 16', 'max_parallel_workers = 8', 'max_parallel_workers_per_gather = 4',
	'max_parallel_maintenance_workers = 4', 'parallel_setup_cost = 0', 'parallel_tuple_cost = 0', 'min_parallel_table_scan_size = 0',
	'min_parallel_index_scan_size = 0', "maintenance_work_mem = '256MB'", '');
# PostgreSQL 16 has given it another name.
my $force = value($node, q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});

sub workers { my ($explained) = @_; return $explained =~ /Workers Launched: ([1-9]\d*)/ ? $1 : 0; }

for my $library ('', "shared_preload_libraries = 'schema_guard'\n")
{
	my $name = $library ? 'preloaded' : 'plain';
	$node->append_conf('postgresql.conf', "$library$force = off\n");
	$node->restart;
	accepted($node, q{CREATE TABLE big (id integer, name text); INSERT INTO big SELECT i, md5(i::text) FROM generate_series(1, 20000) AS i}, "$name: a table");
	value($node, 'ANALYZE big');

	# In a session that has the library, whatever it runs next.
	my $from = log_size($node);
	my $result = silent(run_sql($node, q{COMMENT ON TABLE big IS 'big'; EXPLAIN (ANALYZE, COSTS off) SELECT count(*) FROM big WHERE name LIKE '%a%'}),
		"$name: a parallel query");
	cmp_ok(workers($result->{out}), '>=', 1, "$name: has workers");
	silent(run_sql($node, q{CREATE INDEX ON big (name); CREATE INDEX CONCURRENTLY ON big (id);
		CREATE TABLE copy AS SELECT DISTINCT name FROM big; CREATE MATERIALIZED VIEW total AS SELECT count(*) FROM big; REFRESH MATERIALIZED VIEW total}),
		"$name: definitions with workers");
	silent(run_sql($node, 'SET client_min_messages = warning; VACUUM (PARALLEL 2) big; VACUUM FULL big'), "$name: a parallel VACUUM");
	quiet_log($node, $from, "$name: the log is quiet");
	refused($node, 'DROP TABLE big CASCADE', 'SG001', qr/big/, "$name: guarded");
	is(value($node, 'SELECT count(*) FROM big'), 20_000, "$name: no row is lost");

	# A worker can define nothing, and PostgreSQL says so.
	accepted($node, q{CREATE OR REPLACE FUNCTION lying() RETURNS integer LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN DROP TABLE big CASCADE; RETURN 1; END $$},
		"$name: a function that says it is parallel safe");
	for my $mode ('on', 'regress')
	{
		$node->append_conf('postgresql.conf', "$force = $mode\n");
		$node->reload;
		ok($node->poll_query_until('postgres', "SELECT current_setting('$force') = '$mode'"), "$name: everything in parallel, $mode");
		refused($node, "COMMENT ON TABLE big IS 'x'; SELECT lying()", '25000', qr/during a parallel operation/, "$name, $mode: PostgreSQL refuses its DROP");
		$from = log_size($node);
		silent(run_sql($node, 'CREATE TABLE small (id integer, gone integer); INSERT INTO small VALUES (1, 2); SELECT count(*) FROM small'), "$name, $mode: harmless work");
		quiet_log($node, $from, "$name, $mode: the log is quiet");
		my $token = approve($node, request_named(refused($node, q{COMMENT ON TABLE small IS 'x'; TRUNCATE small}, 'SG001', qr/small/, "$name, $mode: TRUNCATE")));
		silent(run_sql($node, q{COMMENT ON TABLE small IS 'y'; TRUNCATE small}, settings => with_token($token)), "$name, $mode: approved");
		my $rehearsal = refused($node, 'ALTER TABLE small DROP COLUMN gone; ', 'SG006', qr/1 effect/, "$name, $mode: a rehearsal", settings => '-c schema_guard.rehearse=on');
		silent(run_sql($node, 'DROP TABLE small', settings => with_token(approve($node,
			request_named(refused($node, 'DROP TABLE small', 'SG001', qr/small/, "$name, $mode: DROP TABLE"))))), "$name, $mode: approved as well");
		guard_works($node, 'postgres', "$name, $mode");
		silent(run_sql($node, 'SELECT count(*) FROM schema_guard.pending; SELECT * FROM schema_guard.rule; SELECT * FROM schema_guard.audit', role => 'dba'),
			"$name, $mode: the audit can be read");
	}
	is(scalar(() = server_log($node) =~ /terminated by signal|PANIC/g), 0, "$name: no process crashed");
	$node->append_conf('postgresql.conf', "$force = off\n");
	$node->reload;
	value($node, 'SET schema_guard.mode = off; DROP TABLE big, copy CASCADE');
}

$node->stop;
done_testing();
