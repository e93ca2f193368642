# What the README's section "What it does not do yet" says is so, as long as it says it: whoever brings one of these has
# to change the README with it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('limits');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION schema_guard;
	CREATE DATABASE other;
	CREATE SCHEMA elsewhere;
	CREATE TABLE event (at integer, note text) PARTITION BY RANGE (at);
	CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (10);
	CREATE TABLE kept (id integer, note text);
});

# What passes, and how many audit rows it leaves.
my @passing = (
	[ 'TRUNCATE kept', 0 ],
	[ 'DELETE FROM kept', 0 ],
	[ 'UPDATE kept SET note = NULL', 0 ],
	[ 'DROP DATABASE other', 0 ],
	[ 'ALTER TABLE kept ALTER COLUMN note TYPE varchar(1) USING left(note, 1)', 1 ],
	[ 'ALTER TABLE event DETACH PARTITION event_1', 1 ],
	[ 'ALTER TABLE kept RENAME TO renamed', 1 ],
	[ 'ALTER TABLE renamed SET SCHEMA elsewhere', 1 ],
	[ 'ALTER EVENT TRIGGER schema_guard_ddl_command_start DISABLE', 0 ],
	[ 'ALTER EVENT TRIGGER schema_guard_ddl_command_end DISABLE', 0 ],
);

sub recorded
{
	return $node->safe_psql('postgres', 'SELECT count(*) FROM schema_guard.audit');
}

for my $case (@passing)
{
	my ($statement, $rows) = @$case;
	my $before = recorded();
	is($node->psql('postgres', $statement), 0, "$statement: passes");
	is(recorded() - $before, $rows, "$statement: audit rows");
}

# With the event triggers off, it depends on the library.
my $drop = 'BEGIN; DROP TABLE elsewhere.renamed; ROLLBACK';
is($node->psql('postgres', $drop), 0, 'without event triggers and library, DROP TABLE passes');
my ($status, $output, $error) = $node->psql('postgres', "LOAD 'schema_guard'; $drop");
like($error, qr/cannot drop table elsewhere\.renamed without an approval/, 'with the library it is refused');
$node->safe_psql('postgres', q{ALTER DATABASE postgres SET session_preload_libraries = 'schema_guard'});
($status, $output, $error) = $node->psql('postgres', $drop);
like($error, qr/cannot drop table elsewhere\.renamed without an approval/, 'also if new sessions load it by themselves');

# The superuser's switch is kept in the log.
my $log = -s $node->logfile;
is($node->psql('postgres', "SET schema_guard.mode = off; $drop"), 0, 'with the mode off, DROP TABLE passes');
like(slurp_file($node->logfile, $log), qr/schema_guard: mode changed from enforce to off/, 'and the log has it');

$node->stop;
done_testing();
