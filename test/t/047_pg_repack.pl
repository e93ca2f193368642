# pg_repack under the standing policy that the documents name. Its work tables are tables: without the policy it can't
# drop them, and does not take no for an answer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('repack');
my $major = ask($node, 'postgres', q{SELECT current_setting('server_version_num')::integer / 10000});
needs(ask($node, 'postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_repack'}), "postgresql-$major-repack");

my $tables = q{
	CREATE TABLE customer (id serial PRIMARY KEY, name text, picture text);
	INSERT INTO customer (name, picture) SELECT i, repeat(md5(i::text), 200) FROM generate_series(1, 2000) AS i;
	DELETE FROM customer WHERE id % 2 = 0;
	CREATE INDEX customer_name ON customer (name);
	CREATE TABLE purchase (id integer PRIMARY KEY, customer integer REFERENCES customer);
	INSERT INTO purchase VALUES (1, 1), (2, 3);
	CREATE VIEW names AS SELECT name FROM customer;};
my $rows = q{SELECT (SELECT count(*) || md5(string_agg(name || picture, '' ORDER BY id)) FROM customer), count(*) FROM purchase};
my $left = q{SELECT count(*) FROM pg_class WHERE relnamespace = 'repack'::regnamespace AND relkind = 'r'};
my $policy = q{
	SELECT schema_guard.set_policy('drop_table', 'record', 'repack.log\_%', reason => 'work tables of pg_repack');
	SELECT schema_guard.set_policy('drop_table', 'record', 'repack.table\_%', reason => 'work tables of pg_repack');};

# In a database of its own, made ready with or without the policy.
sub prepared
{
	my ($database, $with_policy) = @_;
	guard_database($node, database($node, $database));
	ask($node, $database, 'CREATE EXTENSION pg_repack');
	ask($node, $database, $policy) if $with_policy;
	silent(run_sql($node, $tables, connection => "dbname=$database"), "$database: tables");
	return ask($node, $database, $rows);
}

sub repacked
{
	my ($database, $before, @options) = @_;
	my $from = log_size($node);
	my $file = ask($node, $database, q{SELECT pg_relation_filepath('customer'), pg_relation_filepath('customer_name')});
	silent(run_tool($node, [ 'pg_repack', @options, '-d', $database ]), "$database: pg_repack @options");
	quiet_log($node, $from, "$database: the log is quiet");
	isnt(ask($node, $database, q{SELECT pg_relation_filepath('customer'), pg_relation_filepath('customer_name')}), $file, "$database: it has rewritten");
	is(ask($node, $database, $rows), $before, "$database: every row is there");
	is(ask($node, $database, $left), 0, "$database: nothing is left behind");
}

for my $database (qw(plain preloaded))
{
	my $before = prepared($database, 1);
	ask($node, $database, "ALTER DATABASE $database SET session_preload_libraries = 'schema_guard'") if $database eq 'preloaded';
	repacked($database, $before, @$_) for
	  [ '-t', 'customer' ], [ '-t', 'customer', '--no-order' ], [ '-t', 'customer', '-o', 'name', '-j', '2' ], ['--only-indexes', '-t', 'customer'],
	  [ '--exclude-extension', 'schema_guard' ];
	is(ask($node, $database, q{SELECT DISTINCT verdict, rule FROM schema_guard.audit WHERE verdict <> 'allowed'}), 'exempt|drop_table',
		"$database: what it drops is on record as exempt");
	unlike(ask($node, $database, q{SELECT e ->> 'identity' FROM schema_guard.audit, jsonb_array_elements(effects) AS e WHERE verdict = 'exempt'}),
		qr/^(?!repack\.)/m, "$database: and is of its own schema");
	guard_works($node, $database, $database);
	refusal($node, $database, 'DROP TABLE customer CASCADE', qr/customer/, "$database: the table is guarded as before");

	# A whole database: the guard's own tables have primary keys too, but are not for others to put triggers on.
	my $result = run_tool($node, [ 'pg_repack', '-d', $database ]);
	isnt($result->{status}, 0, "$database: all tables, and the guard's among them, fails");
	like($result->{err}, qr/cannot change or drop table schema_guard\.\w+ without an approval/, "$database: which is said");
	is(ask($node, $database, $rows) . ask($node, $database, $left), "${before}0", "$database: and leaves nothing behind");
}

# Without the policy. It has to be stopped.
my $before = prepared('unprepared', 0);
my $from = log_size($node);
my ($out, $err) = ('', '');
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port);
	my $process = IPC::Run::start([ 'pg_repack', '-t', 'customer', '-d', 'unprepared' ], '>', \$out, '2>', \$err);
	ok(wait_until(sub { $process->pump_nb; $err =~ /cannot drop table repack\.\w+ without an approval/ }), 'without the policy it is refused, and says so');
	$process->kill_kill;
}
is(ask($node, 'unprepared', $rows), $before, 'every row is there');
like(substr(server_log($node), $from), qr/SG001 \S+ ERROR:  cannot drop table repack\./, 'the log has it');
cmp_ok(ask($node, 'unprepared', $left), '>', 0, 'its work tables are left');
# What it recommends for that itself, with the policy set now.
ask($node, 'unprepared', $policy);
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pg_repack'});
silent(run_sql($node, 'DROP EXTENSION pg_repack CASCADE; CREATE EXTENSION pg_repack', role => 'superuser', connection => 'dbname=unprepared'),
	'made anew under the policy');
repacked('unprepared', $before, '-t', 'customer');

$node->stop;
done_testing();
