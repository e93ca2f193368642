# A denied statement: it takes no lock and waits for nobody, and it is on record exactly once however the client sent
# it and whatever became of the error.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('denial');
accepted($node, q{
	CREATE TABLE kept (id integer PRIMARY KEY, content text);
	INSERT INTO kept SELECT i, 'row' FROM generate_series(1, 100) AS i;
	CREATE SCHEMA rooms;
	CREATE TABLE rooms.desk (id integer);
	CREATE FUNCTION drop_it() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE kept; END $$;
	CREATE PROCEDURE drop_it_too() LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DROP TABLE kept'; END $$;},
	'tables to keep');

# With the library absent the first of these would wait for the lock, and end with 57014.
for my $lock ('ACCESS SHARE', 'ROW EXCLUSIVE', 'ACCESS EXCLUSIVE')
{
	my $other = $node->background_psql('postgres');
	$other->query_safe("BEGIN; LOCK TABLE kept, rooms.desk IN $lock MODE");
	for my $statement (
		'DROP TABLE kept',
		'DROP TABLE kept CASCADE',
		'ALTER TABLE kept DROP COLUMN content',
		'DROP SCHEMA rooms CASCADE',
		'DROP OWNED BY app')
	{
		my $seconds = elapsed(
			sub {
				refused($node, "SET statement_timeout = '20s'; $statement",
					'SG001', qr/without an approval/, "$statement is refused while another session holds $lock");
			});
		cmp_ok($seconds, '<', 10, 'and at once');
	}
	is( value($node, q{SELECT count(*) FROM pg_locks WHERE NOT granted}),
		0, "nobody waits for a lock behind $lock");
	$other->query_safe('ROLLBACK');
	$other->quit;
}

# Three locks and five statements. From here on each statement adds one.
my $recorded = 15;
settled($node, 'SELECT count(*) FROM schema_guard.blocked', $recorded, 'each of them is on record, once');

# Checks that one run added exactly one blocked row of this tag, and that the table is still there.
sub recorded_once
{
	my ($name, $tag) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$recorded++;
	settled($node, 'SELECT count(*) FROM schema_guard.blocked', $recorded, "$name: on record once");
	is( value($node, q{SELECT command_tag || ' ' || session_role FROM schema_guard.blocked ORDER BY occurred_at DESC LIMIT 1}),
		"$tag app", "$name: what and who");
	is(value($node, 'SELECT count(*) FROM kept'), 100, "$name: the table has its rows");
}

my @swallowed = (
	[ 'a DO block with an exception handler',
		q{DO $$ BEGIN DROP TABLE kept; EXCEPTION WHEN OTHERS THEN NULL; END $$} ],
	[ 'a handler for this very condition',
		q{DO $$ BEGIN DROP TABLE kept; EXCEPTION WHEN SQLSTATE 'SG001' THEN RAISE NOTICE '%', SQLERRM; END $$} ],
	[ 'nested handlers',
		q{DO $$ BEGIN BEGIN DROP TABLE kept; EXCEPTION WHEN OTHERS THEN RAISE; END; EXCEPTION WHEN OTHERS THEN NULL; END $$} ]);
for my $case (@swallowed)
{
	my ($name, $sql) = @$case;
	accepted($node, $sql, "$name: the client sees no error");
	recorded_once($name, 'DROP TABLE');
}

my $savepoint = run_sql($node,
	'BEGIN; SAVEPOINT s; DROP TABLE kept; ROLLBACK TO s; INSERT INTO kept VALUES (101); DELETE FROM kept WHERE id = 101; COMMIT;',
	keep_going => 1);
is("@{ $savepoint->{states} }", 'SG001', 'a savepoint: the transaction goes on behind it');
recorded_once('a savepoint', 'DROP TABLE');

my @raised = (
	[ 'a transaction that is rolled back', "BEGIN;\nSET LOCAL work_mem = '1MB';\nDROP TABLE kept;\nROLLBACK;" ],
	[ 'a function', 'SELECT drop_it()' ],
	[ 'a procedure with dynamic SQL', 'CALL drop_it_too()' ],
	[ 'a DO block', q{DO $$ BEGIN DROP TABLE kept; END $$} ],
	[ 'a string of several statements', 'SELECT 1\; DROP TABLE kept\; SELECT 2;' ],
	[ 'a replica role', 'DROP TABLE kept' ]);
for my $case (@raised)
{
	my ($name, $sql) = @$case;
	refused($node, $sql, 'SG001', qr/cannot drop table public\.kept/, "$name: the error arrives");
	recorded_once($name, 'DROP TABLE');
}
refused($node, 'SET session_replication_role = replica; SET SESSION AUTHORIZATION app; DROP TABLE kept',
	'SG001', qr/public\.kept/, 'session_replication_role = replica changes nothing', role => 'superuser');
recorded_once('session_replication_role = replica', 'DROP TABLE');

# The extended protocol: psql has no way to it, pgbench has two.
my $script = $node->basedir . '/drop.sql';
append_to_file($script, "DROP TABLE kept;\n");
for my $protocol (qw(simple extended prepared))
{
	$node->command_checks_all(
		[ 'pgbench', '-n', '-t', '1', '-c', '1', '-M', $protocol, '-U', 'app', '-f', $script, 'postgres' ],
		2, [qr/processed: 0\/1/], [qr/cannot drop table public\.kept/], "pgbench -M $protocol is refused");
	recorded_once("the $protocol protocol", 'DROP TABLE');
}

# Not only at their first count: after everything has been absorbed by hand the rows are as many.
value($node, 'SELECT schema_guard.absorb_journal()');
is(value($node, 'SELECT count(*), count(DISTINCT event_id) FROM schema_guard.audit WHERE verdict = \'blocked\''),
	"$recorded|$recorded", 'no attempt is there twice');

# The server log. A name with everything that could break a line or a string.
my $secret = 'sg_' . 'feed' x 16;
run_sql($node, qq{CREATE TABLE "odd ""\n\ttable \\ é" (id integer);});
refused($node, qq{SET schema_guard.approval_token = '$secret'\\; DROP TABLE "odd ""\n\ttable \\ é";},
	'SG002', qr/approval token is unknown/, 'a name with line breaks and quotes is refused');
my @documents = log_documents($node);
is(scalar @documents, $recorded + 1, 'each denial is one line in the server log');
my @read = grep { defined } map { my $text = $_; eval { decode_json($text) } } @documents;
is(scalar @read, scalar @documents, 'each of the lines is valid JSON by itself');
my $events = join ',', map { "'$_->{event_id}'" } @read;
is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE verdict = 'blocked' AND event_id IN ($events)"),
	scalar @read, 'each names the audit row of the same event');
my $last = $read[-1];
is_deeply(
	[ @$last{qw(verdict rule command_tag session_role effect_count)} ],
	[ 'blocked', 'drop_table', 'DROP TABLE', 'app', 1 ],
	'it says what, by which rule and by whom');
is($last->{objects}[0], qq{public."odd ""\n\ttable \\ \x{e9}"}, 'it names the object');
is(index(server_log($node), $secret), -1, 'the token that came in the same string is not in the log');
is(scalar(() = server_log($node) =~ /(?:PANIC|FATAL):/g), 0, 'no session was lost');

$node->stop;
done_testing();
