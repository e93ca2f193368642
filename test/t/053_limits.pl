# What the README's section "What it does not do" says is so, as long as it says it: whoever changes one of these has to
# change the README with it.
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
	CREATE TABLE parent (id bigint PRIMARY KEY);
	CREATE TABLE kept (id integer, note text);
	INSERT INTO kept VALUES (1, 'one');
	SELECT lo_from_bytea(4711, 'bytes');
});

sub recorded
{
	return $node->safe_psql('postgres', 'SELECT count(*) FROM schema_guard.audit');
}

# What passes, and how many audit rows it leaves.
my @passing = (
	[ 'UPDATE kept SET note = NULL', 0 ],
	[ 'DELETE FROM kept', 0 ],
	[ 'SELECT lo_unlink(4711)', 0 ],
	[ 'ALTER TABLE kept ADD FOREIGN KEY (id) REFERENCES parent', 1 ],
	[ 'TRUNCATE kept', 0 ]);
for my $case (@passing)
{
	my ($statement, $rows) = @$case;
	my $before = recorded();
	is($node->psql('postgres', $statement), 0, "$statement: passes in a session's first statement");
	is(recorded() - $before, $rows, "$statement: audit rows");
}

# The last of them no longer once the session has the library, or every session.
my ($status, $output, $error) = $node->psql('postgres', 'CREATE TABLE another (id integer); INSERT INTO kept VALUES (NULL); TRUNCATE kept');
like($error, qr/cannot truncate table public\.kept without an approval/, 'TRUNCATE is refused after a schema change');
$node->safe_psql('postgres', 'SELECT schema_guard.harden(); INSERT INTO kept VALUES (NULL)');
($status, $output, $error) = $node->psql('postgres', 'TRUNCATE kept');
like($error, qr/cannot truncate table public\.kept without an approval/, 'and everywhere after harden()');

# The superuser's switch is kept in the log.
my $log = -s $node->logfile;
is($node->psql('postgres', 'SET schema_guard.mode = off; TRUNCATE kept'), 0, 'with the mode off, TRUNCATE passes');
like(slurp_file($node->logfile, $log), qr/schema_guard: mode changed from enforce to off/, 'and the log has it');

$node->stop;
done_testing();
