# A physical backup that is started by itself, without a new timeline: the journal that it brought along and the audit
# that it holds were not copied at the same moment, and may be apart either way. Nothing is absorbed twice, and nothing
# that comes later is lost.
use strict;
use warnings;
use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $primary = guarded_cluster('source', "wal_level = replica\nmax_wal_senders = 5\n");
my $blocked = q{SELECT count(*), count(DISTINCT event_id) FROM schema_guard.audit WHERE verdict = 'blocked'};
accepted($primary, 'CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1)', 'a table');

sub denied
{
	my ($node, $count, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	refused($node, 'DROP TABLE kept', 'SG001', qr/kept/, "$name: refused") for 1 .. $count;
}

# Starts what was copied, and looks whether it goes on from there. $rows: what its audit is to hold of refusals.
sub goes_on
{
	my ($name, $rows) = @_;
	my $copy = PostgreSQL::Test::Cluster->new($name);
	$copy->init_from_backup($primary, $name);
	# No part of it is to talk to the source.
	$copy->start;
	my $from = log_size($copy);
	denied($copy, 1, "$name: the copy, at once");
	$rows++;
	arrived($copy, 'postgres', $blocked, "$rows|$rows", "$name: what the copy knows of and its own refusal, once");
	silent(run_sql($copy, 'CREATE TABLE made_here (id integer)'), "$name: a change");
	denied($copy, 2, "$name: the copy");
	$rows += 2;
	arrived($copy, 'postgres', $blocked, "$rows|$rows", "$name: its own refusals are on record, once");
	silent(run_sql($copy, 'DROP TABLE kept', settings => with_token(approve($copy, ask($copy, 'postgres', 'SELECT max(id) FROM schema_guard.pending')))),
		"$name: and can be approved");
	guard_works($copy, 'postgres', $name);
	is(ask($copy, 'postgres', 'SELECT count(*) - count(DISTINCT event_id) FROM schema_guard.audit'), 0, "$name: no event is there twice");
	$copy->restart;
	guard_works($copy, 'postgres', "$name, after a restart");
	$copy->stop;
}

# The journal ahead of the audit.
denied($primary, 2, 'absorbed');
arrived($primary, 'postgres', $blocked, '2|2', 'on record');
my $holder = $primary->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE schema_guard.audit IN ACCESS EXCLUSIVE MODE');
denied($primary, 3, 'not absorbed');
$primary->backup('journal_ahead');
$holder->query_safe('COMMIT');
$holder->quit;
ask($primary, 'postgres', 'SELECT schema_guard.absorb_journal()');
is(ask($primary, 'postgres', $blocked), '5|5', 'the source absorbs what waited');
goes_on('journal_ahead', 5);

# The audit ahead of the journal: the file is copied, and what happens until the backup ends comes by the write-ahead log.
sub low_level_backup
{
	my ($name, $meanwhile) = @_;
	my $session = $primary->background_psql('postgres');
	my $major = ask($primary, 'postgres', q{SELECT current_setting('server_version_num')::integer / 10000});
	$session->query_safe("SELECT pg_backup_start('$name', true)");
	my $target = $primary->backup_dir . "/$name";
	PostgreSQL::Test::RecursiveCopy::copypath($primary->data_dir, $target,
		filterfn => sub { my ($path) = @_; return $path !~ m{^(?:postmaster\.(?:pid|opts)|pg_wal/.*|pg_stat_tmp/.*|log)$}; });
	$meanwhile->();
	my $label = $session->query_safe(q{SELECT labelfile FROM pg_backup_stop(false)});
	$session->quit;
	PostgreSQL::Test::Utils::append_to_file("$target/backup_label", $label =~ s/\n*\z/\n/r);
	ask($primary, 'postgres', 'SELECT pg_switch_wal()');
	for my $segment (glob $primary->data_dir . '/pg_wal/0*')
	{
		copy($segment, "$target/pg_wal") or die "$segment: $!";
	}
}
low_level_backup('audit_ahead', sub { denied($primary, 4, 'during the backup'); arrived($primary, 'postgres', $blocked, '9|9', 'absorbed'); });
goes_on('audit_ahead', 9);

# The journal was begun anew meanwhile.
low_level_backup('begun_anew', sub {
	my $long = 'x' x 60_000;
	run_sql($primary, join(";\n", ("/* $long */ DROP TABLE kept") x 20), keep_going => 1);
	arrived($primary, 'postgres', $blocked, '29|29', 'absorbed');
	my $journal = journal_file($primary);
	ok(wait_until(sub { -s $journal < 1024 * 1024 }), 'the journal is begun anew');
	denied($primary, 1, 'into the new one');
	arrived($primary, 'postgres', $blocked, '30|30', 'absorbed as well'); });
goes_on('begun_anew', 30);

$primary->stop;
done_testing();
