# What keeps a database in shape makes new files of tables and drops old ones, and is nobody's loss: it passes in
# silence, by statement and by PostgreSQL's own programs, on the guard's own tables too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('maintenance');
my $tables = q{
	CREATE TABLE customer (id serial PRIMARY KEY, name text, picture text, tags text[] DEFAULT '{}');
	INSERT INTO customer (name, picture) SELECT 'c' || i, repeat(md5(i::text), 100) FROM generate_series(1, 500) AS i;
	DELETE FROM customer WHERE id % 5 = 0;
	CREATE INDEX customer_name ON customer (name);
	CREATE TABLE purchase (id integer PRIMARY KEY, customer integer REFERENCES customer);
	INSERT INTO purchase VALUES (1, 1), (2, 2);
	CREATE MATERIALIZED VIEW per_name AS SELECT name, count(*) AS n FROM customer GROUP BY name;
	CREATE UNIQUE INDEX ON per_name (name);
	CREATE TABLE event (at date, value integer) PARTITION BY RANGE (at);
	CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
	INSERT INTO event VALUES ('2026-01-05', 1), ('2026-02-05', 2);
	CREATE INDEX event_at ON event (at);};
my $rows = q{SELECT count(*), md5(string_agg(name || picture, '' ORDER BY id)), (SELECT sum(n) FROM per_name), (SELECT sum(value) FROM event) FROM customer};

# Each in a session of its own, where it is the first statement.
my @statements = (
	'VACUUM', 'VACUUM FULL customer', 'VACUUM FULL', 'VACUUM (FULL, ANALYZE) event', 'VACUUM FREEZE', 'ANALYZE',
	'CLUSTER customer USING customer_pkey', 'CLUSTER customer', 'CLUSTER',
	'REFRESH MATERIALIZED VIEW per_name', 'REFRESH MATERIALIZED VIEW CONCURRENTLY per_name',
	'REINDEX TABLE customer', 'REINDEX INDEX CONCURRENTLY customer_name', 'REINDEX TABLE CONCURRENTLY customer',
	'REINDEX TABLE CONCURRENTLY event', 'REINDEX SCHEMA public', 'REINDEX SCHEMA CONCURRENTLY public', 'REINDEX (VERBOSE) TABLE purchase',
	'CREATE INDEX CONCURRENTLY customer_picture ON customer (md5(picture))', 'DROP INDEX CONCURRENTLY customer_picture',
	'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS customer_id_name ON customer (id, name)', 'DROP INDEX customer_id_name',
	'ALTER TABLE customer ALTER COLUMN name SET STATISTICS 500', 'ALTER TABLE customer SET (fillfactor = 80)',
	'ALTER TABLE customer CLUSTER ON customer_pkey', 'CHECKPOINT');
# A superuser's, or good for one time only.
my %not_twice = map { $_ => 1 } 'CHECKPOINT', 'VACUUM', 'VACUUM FULL', 'VACUUM FREEZE', 'ANALYZE', 'CLUSTER', 'REINDEX SCHEMA public', 'REINDEX SCHEMA CONCURRENTLY public',
  grep { /^(?:CREATE|DROP)/ } @statements;
my @programs = (
	[ 'vacuumdb', '--full', '--analyze' ], [ 'vacuumdb', '-j', '2', '--freeze' ], ['clusterdb'], ['reindexdb'],
	[ 'reindexdb', '--concurrently', '-j', '2' ], ['vacuumlo'], [ 'pg_amcheck', '--install-missing', '--heapallindexed' ]);

for my $database (qw(plain preloaded))
{
	guard_database($node, database($node, $database));
	ask($node, $database, 'ALTER SCHEMA public OWNER TO app');
	ask($node, $database, "ALTER DATABASE $database SET session_preload_libraries = 'schema_guard'") if $database eq 'preloaded';
	accepted($node, $tables, "$database: tables", connection => "dbname=$database");
	my $before = ask($node, $database, $rows);
	my $from = log_size($node);
	for my $statement (@statements)
	{
		for my $role ('superuser', $not_twice{$statement} ? () : 'app')
		{
			# VERBOSE is PostgreSQL's to be.
			silent(run_sql($node, "SET client_min_messages = warning; $statement", role => $role, connection => "dbname=$database"),
				"$database: $statement as $role");
		}
	}
	for my $program (@programs)
	{
		silent(run_tool($node, [ @$program, $database ]), "$database: @$program");
	}
	quiet_log($node, $from, "$database: the log is quiet");
	is(ask($node, $database, $rows), $before, "$database: every row is there");
	is(ask($node, $database, q{SELECT count(*) FROM schema_guard.audit WHERE verdict NOT IN ('allowed')}), 0, "$database: and nothing on record as anything but allowed");

	# The guard's own tables.
	my $records = ask($node, $database, 'SELECT count(*) FROM schema_guard.audit');
	for my $statement ('VACUUM FULL schema_guard.audit', 'VACUUM (FULL) schema_guard.request', 'REINDEX TABLE schema_guard.approval', 'ANALYZE schema_guard.audit')
	{
		silent(run_sql($node, $statement, role => 'superuser', connection => "dbname=$database"), "$database: $statement");
	}
	cmp_ok(ask($node, $database, 'SELECT count(*) FROM schema_guard.audit'), '>=', $records, "$database: the audit is whole");
	guard_works($node, $database, $database);

	# Detaching warns, in either way, and destroys nothing.
	for my $way ('', ' CONCURRENTLY')
	{
		my $result = run_sql($node, "ALTER TABLE event DETACH PARTITION event_2$way", connection => "dbname=$database");
		is($result->{status}, 0, "$database: DETACH PARTITION$way passes");
		like($result->{err}, qr/WARNING:.*table public\.event_2 is detached/, "$database: with a warning");
		is(ask($node, $database, 'SELECT sum(value) FROM event_2'), 2, "$database: its rows are there");
		accepted($node, q{ALTER TABLE event ATTACH PARTITION event_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')}, "$database: attached again",
			connection => "dbname=$database");
	}
	ask($node, $database, q{SELECT schema_guard.set_policy('detach_partition', 'record', 'public.event%', reason => 'retention')});
	silent(run_sql($node, 'ALTER TABLE event DETACH PARTITION event_2 CONCURRENTLY', connection => "dbname=$database"), "$database: under a policy it is silent");
	refusal($node, $database, 'DROP TABLE event_2', qr/event_2/, "$database: what was detached is still guarded");

	# What commits on its way has nothing behind it when a rehearsal ends it.
	refused($node, 'CREATE INDEX CONCURRENTLY rehearsed ON customer (tags)', 'SG006', qr/nothing in this transaction/, "$database: a rehearsal of what commits on its way",
		connection => "dbname=$database", settings => '-c schema_guard.rehearse=on');
	is(ask($node, $database, q{SELECT count(*) FROM pg_index WHERE NOT indisvalid}), 0, "$database: leaves no invalid index");
}

$node->stop;
done_testing();
