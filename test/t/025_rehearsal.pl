# A rehearsal: everything runs, nothing stays, and one request says what would have gone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('rehearsal', "max_prepared_transactions = 5\n");
my $rehearse = '-c schema_guard.rehearse=on';
accepted($node, q{
	CREATE TABLE project (id integer PRIMARY KEY, lead text, hours integer, note text);
	INSERT INTO project SELECT i, 'a', i FROM generate_series(1, 10) AS i;
	CREATE TABLE todo (id integer PRIMARY KEY, project integer REFERENCES project DEFERRABLE INITIALLY DEFERRED);
	CREATE TABLE other (id integer);
	CREATE VIEW leads AS SELECT lead FROM project;}, 'a schema');

sub state_of_schema
{
	return value($node, q{SELECT string_agg(format('%s.%s %s', attrelid::regclass, attname, atttypid::regtype), ' ' ORDER BY attrelid, attnum)
		FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)})
	  . value($node, 'SELECT count(*), sum(hours) FROM project')
	  . value($node, 'SELECT count(*) FROM todo');
}
my $before = state_of_schema();

# Checks the newest request: what it is for, and that the rehearsal changed nothing.
sub requested
{
	my ($result, $objects, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $request = request_named($result) // 0;
	settled($node, "SELECT string_agg(e ->> 'identity', ' ' ORDER BY e ->> 'identity')
			FROM schema_guard.request, jsonb_array_elements(effects) AS e WHERE id = $request AND e ->> 'action' = 'block'",
		$objects, "$name: the request lists exactly what would go");
	is(value($node, "SELECT source FROM schema_guard.request WHERE id = $request"), 'rehearsal', "$name: it says where it is from");
	is(state_of_schema(), $before, "$name: nothing has changed");
	return $request;
}

# One statement by itself, and a transaction.
my $result = refused($node, 'DROP TABLE other', 'SG006', qr/rehearsal complete.*1 effect/, 'a statement by itself fails as its transaction ends', settings => $rehearse);
requested($result, 'public.other', 'by itself');

my $migration = q{
	BEGIN;
	ALTER TABLE project ADD COLUMN owner text;
	UPDATE project SET owner = lead, hours = 0;
	DROP VIEW leads;
	ALTER TABLE project DROP COLUMN lead;
	ALTER TABLE project DROP COLUMN hours;
	DROP TABLE other;
	CREATE TABLE fresh (id integer);
	DROP TABLE fresh;
	COMMIT;};
$result = refused($node, $migration, 'SG006', qr/rehearsal complete/, 'a transaction runs to its end and fails there', settings => $rehearse);
my $request = requested($result, 'public.other public.project.hours public.project.lead', 'a transaction');
settled($node, "SELECT count(*) FROM schema_guard.audit WHERE verdict = 'rehearsed'", 2, 'each rehearsal is on record once');
is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE verdict = 'blocked'"), 0, 'and nothing is on record as blocked');
is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE verdict = 'allowed' AND statement LIKE '%fresh%'"), 0, 'nor as allowed');

# What the approval of a rehearsal is good for.
my $token = approve($node, $request);
accepted($node, "BEGIN; SAVEPOINT all_of_it; $migration" =~ s/BEGIN;\s+ALTER/ALTER/r =~ s/COMMIT;\s*$/ROLLBACK;/r,
	'with the approval the same transaction runs', settings => "-c schema_guard.approval_token=$token");
is(state_of_schema(), $before, 'and, rolled back, leaves everything as it was');
refused($node, $migration, 'SG006', qr/nothing in this transaction needs an approval/, 'a rehearsal with the approval: there is nothing left to approve',
	settings => "$rehearse -c schema_guard.approval_token=$token");
is(state_of_schema(), $before, 'that too leaves everything as it was');
is(value($node, 'SELECT count(*) FROM schema_guard.approval_effect WHERE consumed_at IS NOT NULL'), 0, 'and uses nothing up');

# By whom, and how it is switched.
refused($node, 'BEGIN; SET LOCAL schema_guard.rehearse = on; DROP TABLE other; COMMIT', 'SG006', qr/rehearsal/, 'SET LOCAL rehearses one transaction');
refused($node, 'BEGIN; SET schema_guard.rehearse = on; DROP TABLE other; SET schema_guard.rehearse = off; COMMIT',
	'SG006', qr/rehearsal/, 'switched off before COMMIT it still fails');
refused($node, 'DROP TABLE other', 'SG006', qr/rehearsal/, 'a superuser may rehearse', role => 'superuser', settings => $rehearse);
value($node, 'CREATE ROLE guest LOGIN');
refused($node, 'DROP TABLE other', '42501', qr/must be owner/, 'whoever may not drop gets the usual error', role => 'guest', settings => $rehearse);
is(state_of_schema(), $before, 'nothing has changed');

# What is not in the transaction at its end is not asked for.
$result = refused($node, 'BEGIN; DROP TABLE other; SAVEPOINT s; ALTER TABLE project DROP COLUMN note; ROLLBACK TO s; COMMIT',
	'SG006', qr/1 effect/, 'a part that was rolled back', settings => $rehearse);
requested($result, 'public.other', 'a part that was rolled back');
$result = refused($node, 'BEGIN; SAVEPOINT s; ALTER TABLE project DROP COLUMN note; RELEASE s; COMMIT',
	'SG006', qr/1 effect/, 'a part that was released', settings => $rehearse);
requested($result, 'public.project.note', 'a part that was released');
$result = refused($node, q{DO $$ BEGIN DROP TABLE other; BEGIN ALTER TABLE project DROP COLUMN note; RAISE 'no'; EXCEPTION WHEN OTHERS THEN NULL; END; END $$},
	'SG006', qr/1 effect/, 'a DO block', settings => $rehearse);
requested($result, 'public.other', 'a DO block');

# Nothing to approve.
refused($node, 'BEGIN; CREATE TABLE fresh (id integer); COMMIT', 'SG006', qr/nothing in this transaction needs an approval/, 'only harmless statements', settings => $rehearse);
is(state_of_schema(), $before, 'they leave nothing behind either');
my $requests = value($node, 'SELECT count(*) FROM schema_guard.request');
accepted($node, 'INSERT INTO project (id) VALUES (11); BEGIN; DELETE FROM project WHERE id = 11; COMMIT; SELECT 1;', 'without definitions transactions commit as usual', settings => $rehearse);
accepted($node, 'BEGIN; DROP TABLE other; ROLLBACK', 'one that is rolled back anyway just ends', settings => $rehearse);
is(value($node, 'SELECT count(*) FROM schema_guard.request'), $requests, 'and files nothing');

# What fails at COMMIT by itself.
refused($node, 'BEGIN; INSERT INTO todo VALUES (1, 99); DROP TABLE other; COMMIT', '23503', qr/violates foreign key/,
	'a deferred constraint that is violated says so itself', settings => $rehearse);
refused($node, 'BEGIN; INSERT INTO todo VALUES (1, 1); DROP TABLE other; COMMIT', 'SG006', qr/rehearsal/,
	'one that is kept does not stand in the way', settings => $rehearse);
is(state_of_schema(), $before, 'nothing has changed');

# Two phases.
$result = refused($node, q{BEGIN; DROP TABLE other; PREPARE TRANSACTION 'rehearsed'}, 'SG006', qr/rehearsal complete/, 'PREPARE TRANSACTION is an end as well', settings => $rehearse);
requested($result, 'public.other', 'PREPARE TRANSACTION');
is(value($node, 'SELECT count(*) FROM pg_prepared_xacts'), 0, 'nothing was left prepared');

$token = approve($node, request_named($result));
my $approval = "-c schema_guard.approval_token=$token";
my $unused = 'SELECT count(*) FROM schema_guard.approval_effect WHERE consumed_at IS NULL AND approval_id = (SELECT max(id) FROM schema_guard.approval)';
accepted($node, q{BEGIN; DROP TABLE other; PREPARE TRANSACTION 'approved'}, 'an approved transaction can be prepared', settings => $approval);
is(value($node, $unused), 1, 'prepared, it has used nothing yet');
refused($node, q{SET statement_timeout = '20s'; DROP TABLE other}, 'SG003', qr/another transaction is using/, 'but nobody else can use it meanwhile', settings => $approval);
value($node, q{ROLLBACK PREPARED 'approved'});
is(value($node, $unused), 1, 'rolled back, it has used nothing');
is(state_of_schema(), $before, 'and nothing has changed');
accepted($node, q{BEGIN; DROP TABLE other; PREPARE TRANSACTION 'approved'}, 'prepared again', settings => $approval);
$node->restart;
value($node, q{COMMIT PREPARED 'approved'});
is(value($node, $unused), 0, 'committed, behind a restart, it has used it');
is(value($node, q{SELECT to_regclass('public.other') IS NULL}), 't', 'and the table is gone');
is( value($node, "SELECT count(*) FROM schema_guard.audit WHERE verdict = 'approved' AND approval_id = (SELECT max(id) FROM schema_guard.approval)"),
	1, 'it is on record once');
accepted($node, 'CREATE TABLE other (id integer)', 'a table of that name again');
refused($node, 'DROP TABLE other', 'SG003', qr/does not cover/, 'for which the approval is not good', settings => $approval);

# The mode is a superuser's to change, but what has been let pass as a rehearsal stays one.
accepted($node, 'CREATE TABLE last_one (id integer)', 'one more table');
refused($node, 'SET schema_guard.rehearse = on; BEGIN; DROP TABLE last_one; SET schema_guard.mode = off; COMMIT',
	'SG006', qr/rehearsal/, 'switching the guard off comes too late as well', role => 'superuser');
is(value($node, q{SELECT to_regclass('public.last_one') IS NOT NULL}), 't', 'and the table is there');

$node->stop;
done_testing();
