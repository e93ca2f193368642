# What changes an object rather than taking it away can be approved too, and an approval is for that change: not for
# another one of the same object, nor for the same of another.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('exact_approval');
$node->safe_psql('postgres', q{
	SELECT schema_guard.harden();
	CREATE TABLE converted (a text, b text, n numeric(10, 4)); INSERT INTO converted VALUES ('hello', 'hello', 1.2345);
	CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';});
my $start = 'schema_guard_ddl_command_start';
my $end = 'schema_guard_ddl_command_end';

# What is approved, then what that is not good for. Everything is run as a superuser.
my @approved = (
	[ 'ALTER TABLE schema_guard.audit ADD COLUMN note text',
		'ALTER TABLE schema_guard.audit ADD COLUMN note integer',
			'ALTER TABLE schema_guard.audit ADD COLUMN note text, DISABLE TRIGGER ALL',
			'ALTER TABLE schema_guard.audit DISABLE TRIGGER ALL',
		'ALTER TABLE schema_guard.audit DROP COLUMN duration', 'DELETE FROM schema_guard.audit', 'TRUNCATE schema_guard.audit',
			'ALTER TABLE schema_guard.request ADD COLUMN note text',
		'CREATE RULE r AS ON INSERT TO schema_guard.audit DO INSTEAD NOTHING', 'DROP EXTENSION schema_guard',
			'DROP TABLE schema_guard.audit CASCADE' ],
	[ "ALTER EVENT TRIGGER $end RENAME TO other",
		"ALTER EVENT TRIGGER $end DISABLE", "ALTER EVENT TRIGGER $end RENAME TO another",
			"ALTER EVENT TRIGGER $start RENAME TO other", "ALTER EXTENSION schema_guard DROP EVENT TRIGGER $end" ],
	[ 'DROP EXTENSION schema_guard',
		'ALTER EXTENSION schema_guard DROP TABLE schema_guard.audit', "ALTER EXTENSION schema_guard DROP EVENT TRIGGER $end",
			'DELETE FROM schema_guard.audit', 'ALTER SCHEMA schema_guard RENAME TO other',
		'ALTER TABLE schema_guard.audit DISABLE TRIGGER ALL', 'DROP TABLE converted' ],
	[ q{CREATE FUNCTION schema_guard.more() RETURNS integer LANGUAGE sql AS 'SELECT 1'},
		q{CREATE FUNCTION schema_guard.more() RETURNS integer LANGUAGE sql AS 'SELECT 2'},
			q{CREATE FUNCTION schema_guard.more2() RETURNS integer LANGUAGE sql AS 'SELECT 1'},
		q{CREATE FUNCTION schema_guard.more() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'},
			'ALTER SCHEMA schema_guard RENAME TO other' ],
	[ q{DELETE FROM schema_guard.audit WHERE occurred_at < now() - interval '2 years'},
		'DELETE FROM schema_guard.audit', q{DELETE FROM schema_guard.audit WHERE occurred_at < now() - interval '1 year'},
			q{UPDATE schema_guard.audit SET verdict = 'allowed'}, 'TRUNCATE schema_guard.audit' ],
	[ 'GRANT INSERT ON schema_guard.audit TO app',
		'GRANT INSERT ON schema_guard.audit TO PUBLIC', 'GRANT ALL ON schema_guard.audit TO app',
			'GRANT INSERT ON schema_guard.request TO app' ],
	[ q{UPDATE pg_class SET relhastriggers = relhastriggers WHERE relname = 'converted'},
		q{UPDATE pg_class SET relname = 'gone' WHERE relname = 'converted'}, q{DELETE FROM pg_class WHERE relname = 'converted'},
			q{UPDATE pg_class SET relhastriggers = relhastriggers WHERE relname = 'audit'},
		'DELETE FROM pg_event_trigger' ],
	[ 'ALTER TABLE converted ALTER a TYPE varchar(100)',
		'ALTER TABLE converted ALTER a TYPE varchar(1)', q{ALTER TABLE converted ALTER a TYPE varchar(100) USING 'x'},
			'ALTER TABLE converted ALTER b TYPE varchar(100)', 'ALTER TABLE converted DROP COLUMN a',
		'ALTER TABLE converted ALTER a TYPE varchar(100), ALTER b TYPE varchar(100)' ],
	[ 'ALTER TABLE converted ALTER n TYPE numeric(10, 2) USING round(n, 2)',
		'ALTER TABLE converted ALTER n TYPE numeric(10, 2) USING 0', 'ALTER TABLE converted ALTER n TYPE numeric(10, 0)',
			'ALTER TABLE converted ALTER n TYPE integer', 'ALTER TABLE converted ALTER n TYPE numeric(10, 2)' ],
);

# All that must not have changed by what is refused.
my $everything = q{SELECT md5(concat((SELECT string_agg(e::text, '|' ORDER BY oid) FROM pg_event_trigger e), (SELECT string_agg(row(attrelid, attname, atttypid, atttypmod, attisdropped)::text, '|' ORDER BY attrelid, attnum)
	FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE attnum > 0 AND (relnamespace = 'schema_guard'::regnamespace OR relname = 'converted')),
	(SELECT string_agg(row(oid, relname, relacl)::text,
		'|' ORDER BY oid) FROM pg_class WHERE relnamespace = 'schema_guard'::regnamespace),
		(SELECT string_agg(row(oid, tgenabled)::text, '|' ORDER BY oid) FROM pg_trigger),
	(SELECT count(*) FROM pg_proc WHERE pronamespace = 'schema_guard'::regnamespace), (SELECT count(*) FROM pg_rewrite),
		(SELECT string_agg(c::text, '|') FROM converted c)))};

for my $each (@approved)
{
	my ($statement, @others) = @$each;
	my $denied = run_sql($node, $statement, role => 'superuser');
	my $request = request_named($denied);
	ok(defined $request, "an approval is wanted for: $statement") or diag($denied->{err}), next;
	my $token = approve($node, $request);
	my $with = "SET schema_guard.approval_token = '$token';\n";
	for my $other (@others)
	{
		my $before = value($node, $everything);
		my $result = run_sql($node, $with . $other, role => 'superuser', keep_going => 1);
		is("@{ $result->{states} }", 'SG003', "the approval for $statement is not for: $other") or diag($result->{err});
		is(value($node, $everything), $before, "$other: nothing has changed");
	}
	accepted($node, "${with}BEGIN;\n$statement;\nROLLBACK", "$statement: approved, and rolled back", role => 'superuser');
	# As another client sends it.
	my $written_anew = "\n  $statement\n  ";
	my $again = run_sql($node, "${with}BEGIN;\n$written_anew;\nROLLBACK", role => 'superuser', keep_going => 1);
	is("@{ $again->{states} }", '', "$statement: with white space around it") or diag($again->{err});
	next if $statement =~ /^DROP EXTENSION/;
	accepted($node, $with . $statement, "$statement: approved, and done", role => 'superuser');
	refused($node, $with . $statement, $statement =~ /TYPE/ ? 'SG003' : 'SG003', qr/used for it already/, "$statement: once",
		role => 'superuser')
	  if $statement =~ /^(?:DELETE|UPDATE|GRANT)/;
}
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
