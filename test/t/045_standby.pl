# A standby is quiet and can be read; promoted, it guards as its primary did. What the primary's journal held when the
# base backup was taken is absorbed by the primary alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $streaming = "wal_level = replica\nmax_wal_senders = 5\nhot_standby = on\n";
my $all = 'SELECT count(*), count(DISTINCT event_id) FROM schema_guard.audit';
my $blocked = 'SELECT count(*), count(DISTINCT event_id) FROM schema_guard.audit WHERE verdict = $$blocked$$';

# Entries of the journal that are not absorbed, since the audit is locked meanwhile.
sub leave_unabsorbed
{
	my ($node, $count, $name) = @_;
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN; LOCK TABLE schema_guard.audit IN ACCESS EXCLUSIVE MODE');
	refused($node, 'DROP TABLE kept', 'SG001', qr/kept/, "$name: a refusal while the audit is locked") for 1 .. $count;
	return $holder;
}

sub foreign_journals
{
	my ($node) = @_;
	return scalar(() = glob($node->data_dir . '/pg_schema_guard/*.foreign*'));
}

for my $preload ('', "shared_preload_libraries = 'schema_guard'\n")
{
	my $name = $preload ? 'preloaded' : 'plain';
	my $primary = guarded_cluster("${name}_primary", $streaming . $preload);
	accepted($primary, 'CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1); CREATE TABLE spare (id integer)', "$name: tables");
	my $token = approve($primary, request_named(refused($primary, 'DROP TABLE spare', 'SG001', qr/spare/, "$name: a refusal")));

	# A backup while the journal is ahead of the audit.
	my $holder = leave_unabsorbed($primary, 3, $name);
	is(journal_entries_waiting($primary), 3, "$name: three entries wait in the journal");
	$primary->backup('running');
	my $standby = PostgreSQL::Test::Cluster->new("${name}_standby");
	$standby->init_from_backup($primary, 'running', has_streaming => 1);
	$standby->start;
	ok(-e journal_file_of($standby), "$name: the backup has brought the journal along");

	# Absorbed by the primary, the rows come with the write-ahead log.
	$holder->query_safe('COMMIT');
	$holder->quit;
	ask($primary, 'postgres', 'SELECT schema_guard.absorb_journal()');
	is(ask($primary, 'postgres', $blocked), '4|4', "$name: the primary has absorbed them");
	$primary->wait_for_catchup($standby);
	# The absorber does not wait for its commits to be flushed: the journal is on disk.
	arrived($standby, 'postgres', $blocked, '4|4', "$name: the standby has the rows");

	# As a standby.
	my $from = log_size($standby);
	silent(run_sql($standby, 'SELECT id FROM kept; BEGIN; SELECT count(*) FROM kept; COMMIT'), "$name: the standby can be read");
	silent(run_sql($standby, 'SELECT id, statement FROM schema_guard.pending; SELECT count(*) FROM schema_guard.audit', role => 'dba'),
		"$name: also what the guard keeps");
	for my $statement ('DROP TABLE kept', 'CREATE TABLE new (id integer)', 'DO $$ BEGIN DROP TABLE kept; END $$')
	{
		refused($standby, "LOAD 'schema_guard'; $statement", '25006', qr/in a read-only transaction|during recovery/,
			"$name: $statement on the standby is PostgreSQL's to refuse", role => 'superuser');
	}
	my @said = grep { /schema_guard|SG0/ && !/STATEMENT:/ } split /\n/, substr(server_log($standby), $from);
	is("@said", '', "$name: the standby's log is quiet");
	for my $call (q{absorb_journal()}, q{request_approval('DROP TABLE kept', 'no')}, q{approve(1, 'no')})
	{
		my $result = run_sql($standby, "SELECT schema_guard.$call", role => $call =~ /^approve/ ? 'dba' : 'superuser');
		like($result->{err}, qr/^psql:\S+ ERROR:  (?:25006|55000): .*(?:recovery|read-only)/, "$name: $call on the standby says why not");
	}
	silent(run_sql($standby, 'SET schema_guard.rehearse = on; SELECT 1; BEGIN; SELECT count(*) FROM kept; COMMIT'), "$name: a rehearsal of reading");
	is(foreign_journals($standby), 0, "$name: and its files are left alone");

	# Something happens on the primary, and it is lost.
	silent(run_sql($primary, 'CREATE TABLE late (id integer)'), "$name: a last change");
	$primary->wait_for_catchup($standby);
	$primary->stop('immediate');
	my $rows = ask($standby, 'postgres', $all);
	$from = log_size($standby);
	$standby->promote;
	quiet_log($standby, $from, "$name: promotion is quiet");
	silent(run_sql($standby, 'INSERT INTO late VALUES (1); CREATE TABLE after_promotion (id integer)'), "$name: it can be written");
	is(ask($standby, 'postgres', $blocked), '4|4', "$name: nothing is absorbed twice");
	is(ask($standby, 'postgres', $all), join('|', map { $_ + 1 } split /\|/, $rows), "$name: one row more than before");
	silent(run_sql($standby, 'DROP TABLE spare', settings => with_token($token)), "$name: what was approved before is approved");
	my $repeat = refused($standby, 'DROP TABLE kept', 'SG001', qr/is pending for this already/, "$name: a repeat joins its request");
	arrived($standby, 'postgres', $blocked, '5|5', "$name: and is on record, once");
	is(foreign_journals($standby), 1, "$name: the primary's journal is set aside");
	guard_works($standby, 'postgres', "$name, promoted");
	is(ask($standby, 'postgres', 'SELECT count(*) - count(DISTINCT event_id) FROM schema_guard.audit'), 0, "$name: no event is there twice");
	is(ask($standby, 'postgres', 'SELECT absorbed, damaged_bytes FROM schema_guard.absorb_journal()'), '0|0', "$name: nothing is left over");
	unlike(server_log($standby), qr/PANIC:|terminated by signal/, "$name: no process crashed");

	$standby->stop;
}

# Where a cluster keeps the journal of the database postgres, whatever state it is in.
sub journal_file_of
{
	my ($node) = @_;
	return $node->data_dir . '/pg_schema_guard/' . ask($node, 'postgres', q{SELECT oid FROM pg_database WHERE datname = 'postgres'}) . '.journal';
}

# Behind what the audit has.
sub journal_entries_waiting
{
	my ($node) = @_;
	my $position = ask($node, 'postgres', 'SELECT byte_offset FROM schema_guard.journal_position');
	return scalar journal_entries(slurp_file(journal_file_of($node)), $position);
}

done_testing();
