# Many clients denied at once: each attempt is in the audit once, whether there is room for one worker or for many.
# STORM_DENIALS sets how many there are.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use List::Util qw(max);
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $clients = 16;
my $each = int(($ENV{STORM_DENIALS} // 1000) / $clients) + 1;
my $total = $clients * $each;

# Clients come in pairs that want the same table: their attempts are to join one request a table and role.
my $tables = $clients / 2;

sub storm
{
	my ($name, $configuration) = @_;
	my $node = guarded_cluster($name, "max_connections = 40\n$configuration");
	accepted($node, join('', map { "CREATE TABLE kept_$_ (id integer);" } 1 .. $tables), "$name: tables to keep");

	my @runs;
	my @out = ('') x $clients;
	my @err = ('') x $clients;
	for my $client (0 .. $clients - 1)
	{
		my $table = "kept_" . ($client % $tables + 1);
		my $script = "\\timing on\n" . "DROP TABLE $table;\n" x $each;
		push @runs, IPC::Run::start(
			[ $node->installed_command('psql'), '-XAtq', '-v', 'VERBOSITY=sqlstate',
				'-d', $node->connstr('postgres') . ' user=app', '-f', '-' ],
			'<', \$script, '>', \$out[$client], '2>', \$err[$client],
			IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default * 3));
	}
	$_->finish for @runs;

	my @states = map { /ERROR:  (\S+)/g } @err;
	is(scalar @states, $total, "$name: every attempt ended with an error");
	is(scalar(grep { $_ ne 'SG001' } @states), 0, "$name: and with no other than SG001");
	my $longest = max(map { /^Time: ([\d.]+) ms/mg } @out);
	# Half a second is the wait for the record, half a second the one for the file. The rest is room for slow machines.
	cmp_ok($longest, '<', 10_000, "$name: no client waited long ($longest ms at most)");

	# What is left is taken along by the definitions that follow: by a worker, or a part of it by each of them.
	for (1 .. $total / 100 + 2)
	{
		my $result = run_sql($node, "COMMENT ON TABLE kept_1 IS 'the storm is over'");
		die $result->{err} if $result->{status} != 0;
	}
	settled($node, "SELECT count(*), count(DISTINCT event_id) FROM schema_guard.audit WHERE verdict = 'blocked'",
		"$total|$total", "$name: all $total are in the audit, each once");
	is( value($node, q{SELECT absorbed, damaged_bytes FROM schema_guard.absorb_journal()}),
		'0|0', "$name: nothing is left in the journal");
	is( value($node, q{SELECT count(*), count(DISTINCT request_key), sum(attempts) FROM schema_guard.request WHERE status = 'pending'}),
		"$tables|$tables|$total", "$name: one request a table, and the attempts add up");
	is( value($node, q{SELECT count(*) FROM schema_guard.audit AS a WHERE verdict = 'blocked' AND NOT EXISTS
			(SELECT FROM schema_guard.request AS r WHERE r.id = a.request_id)}),
		0, "$name: each row names a request that exists");
	my @documents = log_documents($node);
	is(scalar @documents, $total, "$name: each is one line of the server log");

	my @errors = grep { !/ SG001 / } server_log($node) =~ /^(.*(?:ERROR|FATAL|PANIC|WARNING): .*)$/mg;
	is("@errors", '', "$name: the server log has no other error");
	$node->stop;
	return;
}

storm('one_worker', "max_worker_processes = 1\nmax_logical_replication_workers = 0\n");
storm('no_worker', "max_worker_processes = 0\nmax_logical_replication_workers = 0\n");
storm('default_workers', '');
done_testing();
