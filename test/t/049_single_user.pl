# Single-user mode is for repairs: with the library preloaded it works as without, and the guard is silent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('single_user');
accepted($node, join(' ', map { "CREATE TABLE $_ (id integer, note text); INSERT INTO $_ VALUES (1, 'n');" } qw(kept dropped truncated narrowed)), 'tables');
refused($node, 'DROP TABLE kept', 'SG001', qr/kept/, 'a refusal');
arrived($node, 'postgres', 'SELECT count(*) FROM schema_guard.blocked', 1, 'on record');

# Each line is a statement; results and errors go to the terminal.
sub single_user
{
	my ($name, $options, @statements) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $result = run_tool($node, [ 'postgres', '--single', '-D', $node->data_dir, @$options, 'postgres' ], input => join("\n", @statements) . "\n");
	$result->{err} = join "\n", grep { !/STATEMENT:/ } split /\n/, $result->{err};
	silent($result, "$name: works in silence");
	unlike($result->{err}, qr/(?:ERROR|WARNING|FATAL|PANIC):/, "$name: without an error");
	return $result->{out};
}

my $audit = 'SELECT count(*) FROM schema_guard.audit';
for my $options ([], [ '-c', 'shared_preload_libraries=schema_guard' ], [ '-c', 'session_preload_libraries=schema_guard' ])
{
	my $name = $options->[1] // 'plain';
	my ($rows, $journal) = (value($node, $audit), -s journal_file($node));
	$node->stop;
	like(single_user($name, $options, 'SELECT id FROM kept', 'SELECT count(*) AS requests FROM schema_guard.request'), qr/id = "1".*requests = "\d+"/s,
		"$name: it reads");
	single_user($name, $options, 'CREATE TABLE made (id integer, gone integer)', 'ALTER TABLE made DROP COLUMN gone', 'CREATE INDEX made_id ON made (id)',
		'CREATE TEMP TABLE passing (id integer)', 'DROP TABLE passing', 'VACUUM FULL kept', 'REINDEX SYSTEM postgres', 'REINDEX TABLE schema_guard.audit');
	# Whoever is here has the files in hand, and repairs something.
	single_user($name, $options, 'TRUNCATE truncated', 'ALTER TABLE narrowed DROP COLUMN note', 'DROP TABLE dropped', 'DROP TABLE made');
	$node->start;
	is(value($node, q{SELECT (SELECT count(*) FROM truncated), (SELECT count(*) FROM information_schema.columns WHERE table_name = 'narrowed'),
		to_regclass('dropped') IS NULL, to_regclass('made') IS NULL}), '0|1|t|t', "$name: it is done");
	is(-s journal_file($node), $journal, "$name: the journal is as it was");
	is(value($node, $audit), $rows, "$name: so is the audit");
	guard_works($node, 'postgres', "$name, afterwards");
	accepted($node, q{CREATE TABLE dropped (id integer); INSERT INTO truncated VALUES (1, 'n'); ALTER TABLE narrowed ADD COLUMN note text}, "$name: as before");
}

# A guarded cluster whose library is missing or mistyped can still be entered, which is what single-user mode is for.
$node->append_conf('postgresql.conf', "session_preload_libraries = 'schema_guard'");
$node->restart;
value($node, q{SET schema_guard.mode = off; ALTER DATABASE postgres SET session_preload_libraries = 'schema_gard'});
my $result = run_sql($node, 'SELECT 1');
isnt($result->{status}, 0, 'with a library that does not exist nobody can connect');
$node->stop;
single_user('a mistyped library', [ '-c', 'session_preload_libraries=' ], 'ALTER DATABASE postgres RESET session_preload_libraries');
$node->start;
guard_works($node, 'postgres', 'mended');

$node->stop;
done_testing();
