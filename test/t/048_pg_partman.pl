# pg_partman: its retention is refused, and fails loudly, until there is a standing policy for the partitions; under it
# it passes in silence and on record, by the maintenance function, the procedure and the background worker alike.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('partman');
my $major = ask($node, 'postgres', q{SELECT current_setting('server_version_num')::integer / 10000});
my $partman = ask($node, 'postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'pg_partman'});
needs($partman, "postgresql-$major-partman");
# Native partitioning has another name since version 5, which knows nothing else.
my $type = $partman =~ /^4\./ ? 'native' : 'range';

ask($node, 'postgres', q{
	CREATE SCHEMA partman;
	CREATE EXTENSION pg_partman SCHEMA partman;
	GRANT ALL ON SCHEMA partman TO app;
	GRANT ALL ON ALL TABLES IN SCHEMA partman TO app;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA partman TO app;
	GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA partman TO app;});

my $partitions = q{SELECT count(*) FROM pg_inherits WHERE inhparent = '%1$s'::regclass};
my $old = q{SELECT count(*) FROM %1$s WHERE at < CURRENT_DATE - 5};

sub of { my ($query, $table) = @_; return value($node, sprintf $query, "public.$table"); }

# A table with partitions for each of the last ten days and rows in them, that is to keep five.
sub partitioned
{
	my ($table, $keep) = @_;
	silent(run_sql($node, qq{
		CREATE TABLE $table (at timestamptz NOT NULL, value integer) PARTITION BY RANGE (at);
		SELECT partman.create_parent(p_parent_table => 'public.$table', p_control => 'at', p_type => '$type', p_interval => '1 day',
			p_premake => 2, p_start_partition => (CURRENT_DATE - 10)::text);
		INSERT INTO $table SELECT CURRENT_DATE - i, i FROM generate_series(0, 10) AS i;
		UPDATE partman.part_config SET retention = '5 days', retention_keep_table = $keep WHERE parent_table = 'public.$table';}),
		"$table: created and filled");
	cmp_ok(of($partitions, $table), '>=', 13, "$table: there are partitions");
	is(of($old, $table), 5, "$table: with rows that are old");
}

sub maintained
{
	my ($table, $how) = @_;
	my $from = log_size($node);
	silent(run_sql($node, $how), "$table: $how");
	quiet_log($node, $from, "$table: the log is quiet");
	is(of($old, $table), 0, "$table: the old rows are gone");
	is(of('SELECT count(*) FROM %1$s', $table), 6, "$table: the others are there");
}

# Without a policy.
partitioned('event', 'false');
my $before = of($partitions, 'event');
my $refusal = run_sql($node, q{SELECT partman.run_maintenance('public.event')});
# Later versions 5 go on with the next table, after a warning.
like($refusal->{err}, qr/(?:ERROR|WARNING): .*cannot drop table public\.event_p\d+.* without an approval/, 'without a policy the maintenance says why not');
like(server_log($node), qr/(?:ERROR|WARNING): .*cannot drop table public\.event_p\d+/, 'in the log too');
is(of($old, 'event'), 5, 'no row is lost');
is(of($partitions, 'event'), $before, 'no partition is');
arrived($node, 'postgres', q{SELECT count(*) FROM schema_guard.pending, jsonb_array_elements(effects) AS e
	WHERE e ->> 'rule' = 'drop_table' AND e ->> 'identity' LIKE 'public.event\_p%'}, 1, 'a request is filed for the partition');
like(run_sql($node, 'CALL partman.run_maintenance_proc()')->{err}, qr/cannot drop table public\.event_p/, 'the procedure fails as well');

# Detaching only, which by itself warns.
partitioned('event_warned', 'true');
my $warned = run_sql($node, q{SELECT partman.run_maintenance('public.event_warned')});
is($warned->{status}, 0, 'partitions that are only detached pass');
is(scalar(() = $warned->{err} =~ /WARNING: .*table public\.event_warned_p\w+ is detached/g), 5, 'with a warning for each');
is(of($old, 'event_warned'), 0, 'event_warned: the old rows are not in the table any more');

# With policy.
value($node, q{
	SELECT schema_guard.set_policy('drop_table', 'record', 'public.event%\_p%', role => 'app', reason => 'retention by pg_partman');
	SELECT schema_guard.set_policy('detach_partition', 'record', 'public.event%\_p%', role => 'app', reason => 'retention by pg_partman');});
maintained('event', q{SELECT partman.run_maintenance('public.event')});
is(of($partitions, 'event'), $before - 5, 'five partitions are gone');
is(value($node, q{SELECT count(DISTINCT e ->> 'identity') FROM schema_guard.audit, jsonb_array_elements(effects) AS e
	WHERE verdict = 'exempt' AND e ->> 'rule' = 'drop_table'}), 5, 'each is on record as exempt');
partitioned('event_kept', 'true');
maintained('event_kept', 'CALL partman.run_maintenance_proc()');
is(value($node, q{SELECT count(*) FROM pg_class WHERE relname LIKE 'event\_kept\_p%' AND relkind = 'r' AND NOT relispartition}), 5,
	'event_kept: what was only detached is there');

# The policy is for the partitions and for the role that maintains them.
refused($node, 'DROP TABLE event', 'SG001', qr/public\.event\b/, 'the table itself is guarded');
my $partition = value($node, q{SELECT min(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'public.event'::regclass AND inhrelid::regclass::text LIKE '%\_p%'});
refused($node, "DROP TABLE $partition", 'SG001', qr/$partition/, 'and its partitions from everybody else', role => 'superuser');

# Rows that went to the default partition, and the way back to one table.
silent(run_sql($node, q{INSERT INTO event SELECT CURRENT_DATE + 30 + i, i FROM generate_series(1, 3) AS i; CALL partman.partition_data_proc('public.event')}),
	'rows of the default partition get partitions of their own');
is(value($node, q{SELECT count(*) FROM ONLY event_default}), 0, 'all of them');
is(of('SELECT count(*) FROM %1$s', 'event'), 9, 'and none is lost');

# The background worker, as whom the policy is for.
partitioned('event_background', 'false');
my $from = log_size($node);
$node->append_conf('postgresql.conf', qq{
	shared_preload_libraries = 'pg_partman_bgw, schema_guard'
	pg_partman_bgw.interval = 1
	pg_partman_bgw.dbname = 'postgres'
	pg_partman_bgw.role = 'app'});
$node->restart;
arrived($node, 'postgres', 'SELECT count(*) FROM event_background', 6, 'the background worker does it too');
# PostgreSQL 17.12 ends the worker of pg_partman 5.2 with this one after each CALL, guarded or not.
my @said = grep { /ERROR|WARNING|SG0/ && !/cannot drop portal ".*" while it is being set up/ } split /\n/, substr(server_log($node), $from);
is("@said", '', 'and the log is quiet');

# The configuration is an extension's table, but rows all the same.
refused($node, 'DROP EXTENSION pg_partman CASCADE', 'SG001', qr/partman\.part_config/, 'DROP EXTENSION would take the configuration along', role => 'superuser');

$node->stop;
done_testing();
