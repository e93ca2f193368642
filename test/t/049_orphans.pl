# Temporary objects that nobody owns any more, since their session was killed, are removed by the next session in the
# same place or by autovacuum, without the guard.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $temporary = q{
	CREATE TEMP TABLE basket (id serial PRIMARY KEY, picture text, gone integer);
	INSERT INTO basket (picture) SELECT repeat(md5(i::text), 200) FROM generate_series(1, 100) AS i;
	CREATE INDEX ON basket (md5(picture));
	CREATE TEMP TABLE child (more text) INHERITS (basket);
	CREATE TEMP TABLE part (at date) PARTITION BY RANGE (at);
	CREATE TEMP TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TEMP VIEW seen AS SELECT id FROM basket;
	CREATE TEMP SEQUENCE ticket;
	CREATE TYPE pg_temp.pair AS (x integer, y integer);
	CREATE TEMP TABLE typed (p pg_temp.pair);
	CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';};
# Autovacuum leaves partitioned tables to the next session, since they hold nothing.
my $left = q{SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'};

my $node = guarded_cluster('orphans', "autovacuum = off\nautovacuum_naptime = 1s\nrestart_after_crash = on\nlog_autovacuum_min_duration = -1\n");
accepted($node, 'CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1)', 'a table');

# A session is killed, and the server begins again.
sub killed
{
	my ($name, $role) = @_;
	my $log = log_size($node);
	my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => $role ? [ '-U', $role ] : []);
	$session->query_safe($temporary);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	kill 'KILL', $pid;
	ok(wait_until(sub { substr(server_log($node), $log) =~ /database system is ready to accept connections/ }), "$name: the server is back");
	eval { $session->quit };
	$node->poll_query_until('postgres', 'SELECT true');
}

sub gone
{
	my ($name, $from) = @_;
	quiet_log($node, $from, "$name: the log is quiet");
	is(value($node, 'SELECT count(*) FROM kept'), 1, "$name: lasting tables last");
	is(value($node, q{SELECT count(*) FROM schema_guard.audit WHERE verdict = 'blocked'}), 0, "$name: nothing was refused");
}

for my $library ('', "shared_preload_libraries = 'schema_guard'\n")
{
	my $name = $library ? 'preloaded' : 'plain';
	$node->append_conf('postgresql.conf', $library);
	$node->restart;

	# Sessions that come after it take the same place sooner or later, and tidy up before they use it.
	killed("$name, a session", 'app');
	cmp_ok(value($node, $left), '>', 0, "$name: temporary tables are left");
	my $from = log_size($node);
	ok(wait_until(sub { run_sql($node, 'CREATE TEMP TABLE mine (id integer)')->{status} == 0 && value($node, $left) == 0 }),
		"$name: a session in the same place removes them");
	gone("$name, a session", $from);

	killed("$name, autovacuum", undef);
	cmp_ok(value($node, $left), '>', 0, "$name: temporary tables are left again");
	$from = log_size($node);
	$node->append_conf('postgresql.conf', "autovacuum = on\n");
	$node->reload;
	arrived($node, 'postgres', $left, 0, "$name: autovacuum removes them");
	like(substr(server_log($node), $from), qr/autovacuum: dropping orphan temp table "postgres\.pg_temp_\d+\.basket"/, "$name: as it says");
	gone("$name, autovacuum", $from);
	$node->append_conf('postgresql.conf', "autovacuum = off\n");
	$node->reload;
}
guard_works($node, 'postgres', 'afterwards');

$node->stop;
done_testing();
