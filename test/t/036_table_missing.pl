# The guard with one of its tables missing: nothing can be approved and nothing recorded but in the server log, and what is
# destructive is refused with the reason all the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('table_missing');
$node->safe_psql('postgres', 'SELECT schema_guard.harden()');
run_sql($node, q{CREATE TABLE kept (i integer, n numeric); INSERT INTO kept VALUES (1, 1.5); CREATE TABLE empty (i integer);
	CREATE VIEW seen AS SELECT i FROM kept; CREATE INDEX indexed ON kept (i); CREATE MATERIALIZED VIEW made AS SELECT 1 AS one;});
$node->safe_psql('postgres', 'CREATE DATABASE victim');

# [role, statement, SQLSTATE]
my @refused = (
	[ 'app', 'DROP TABLE kept CASCADE', 'SG001' ],
	[ 'app', 'ALTER TABLE kept DROP COLUMN n', 'SG001' ],
	[ 'app', 'ALTER TABLE kept ALTER n TYPE integer', 'SG001' ],
	[ 'app', 'TRUNCATE kept', 'SG001' ],
	[ 'app', 'DO $$ BEGIN DROP TABLE kept CASCADE; END $$', 'SG001' ],
	[ 'superuser', 'DROP OWNED BY app', 'SG001' ],
	[ 'superuser', 'DROP DATABASE victim', 'SG001' ],
	[ 'superuser', 'DELETE FROM pg_event_trigger', 'SG001' ],
	[ 'superuser', 'SET session_replication_role = replica; DROP TABLE kept CASCADE', 'SG001' ],
	[ 'superuser', 'ALTER EVENT TRIGGER schema_guard_ddl_command_end DISABLE', 'SG007' ],
	[ 'superuser', 'ALTER DATABASE postgres SET schema_guard.mode = off', 'SG007' ],
	[ 'superuser', 'DROP EXTENSION schema_guard CASCADE', 'SG007' ],
	[ 'superuser', 'ALTER FUNCTION schema_guard.status() RENAME TO renamed', 'SG007' ],
);
my @passes = (
	[ 'app', 'CREATE TABLE more (i integer); INSERT INTO more VALUES (1); DROP TABLE more' ],
	[ 'app', 'ALTER TABLE kept ADD COLUMN more integer; COMMENT ON TABLE kept IS \'x\'' ],
	[ 'app', 'ALTER TABLE empty ALTER i TYPE bigint' ],
	[ 'app', 'DROP VIEW seen; DROP INDEX indexed' ],
	[ 'app', 'TRUNCATE empty; INSERT INTO kept VALUES (2); DELETE FROM kept WHERE i = 2' ],
	[ 'app', 'CREATE TEMPORARY TABLE passing AS SELECT 1 AS i; DROP TABLE passing' ],
	[ 'superuser', 'CREATE ROLE somebody; DROP ROLE somebody; ANALYZE kept; LOCK TABLE kept' ],
);

sub everything
{
	return value($node, q{SET schema_guard.mode = off; SELECT concat((SELECT string_agg(k::text, '|') FROM kept k), (SELECT count(*) FROM pg_event_trigger WHERE evtenabled = 'A'),
		(SELECT count(*) FROM pg_database), (SELECT count(*) FROM pg_extension), (SELECT string_agg(setconfig::text, '|') FROM pg_db_role_setting), to_regproc('schema_guard.status'))});
}

sub stands
{
	my ($table, $how) = @_;
	my $name = "$table $how";
	my $before = everything();
	for my $each (@refused)
	{
		my ($role, $statement, $state) = @$each;
		my $place = -s $node->logfile;
		my $result = run_sql($node, $statement, role => $role, keep_going => 1);
		is("@{ $result->{states} }", $state, "$name: refused: $statement") or diag($result->{err});
		like($result->{err}, qr/DETAIL:  .*\b$table\b.* missing/, "$name: $statement: and why");
		unlike($result->{err}, qr/Request \d/, "$name: $statement: nobody is asked");
		like(substr(server_log($node), $place), qr/schema_guard: \{.*"blocked"/, "$name: $statement: in the server log");
	}
	is(everything(), $before, "$name: nothing has changed");
	for my $each (@passes)
	{
		my ($role, $statement) = @$each;
		my $result = accepted($node, "BEGIN; $statement; ROLLBACK", "$name: passes: $statement", role => $role);
		unlike($result->{err}, qr/WARNING/, "$name: $statement: in silence");
	}
	my $warned = accepted($node, 'BEGIN; DROP MATERIALIZED VIEW made; ROLLBACK', "$name: what is warned of");
	like($warned->{err}, qr/WARNING:.*made/, "$name: with a WARNING");
	$warned = accepted($node, 'SET schema_guard.mode = warn; BEGIN; DROP TABLE kept CASCADE; ROLLBACK', "$name: with a laxer mode", role => 'superuser');
	like($warned->{err}, qr/WARNING:.*kept/, "$name: with a WARNING");
	my $status = run_sql($node, 'SELECT layer, condition, state, detail, remedy FROM schema_guard.status()', role => 'superuser');
	like($status->{out}, qr/^extension\|tables\|error\|.*\b$table\b.*\|\S/m, "$name: status() says so") or diag("$status->{out}$status->{err}");
	return;
}

for my $table (qw(audit request approval approval_effect standing_policy journal_position approver))
{
	value($node, "SET schema_guard.mode = off; ALTER TABLE schema_guard.$table RENAME TO renamed");
	stands($table, 'renamed');
	value($node, "SET schema_guard.mode = off; ALTER TABLE schema_guard.renamed RENAME TO $table");
}
value($node, 'SET schema_guard.mode = off; CREATE SCHEMA elsewhere; ALTER TABLE schema_guard.approval SET SCHEMA elsewhere');
stands('approval', 'in another schema');
value($node, 'SET schema_guard.mode = off; ALTER TABLE elsewhere.approval SET SCHEMA schema_guard');

# A session that has it is told as soon as it is gone, and as soon as it is back.
{
	my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	my $said = sub { $session->{stderr} = ''; $session->query('DROP TABLE kept CASCADE'); return $session->{stderr}; };
	like($said->(), qr/Request \d+ /, 'with all of them: a request');
	value($node, 'SET schema_guard.mode = off; ALTER TABLE schema_guard.request RENAME TO renamed');
	like($said->(), qr/"request" of extension schema_guard is missing/, 'without one: the reason');
	value($node, 'SET schema_guard.mode = off; ALTER TABLE schema_guard.renamed RENAME TO request');
	like($said->(), qr/Request \d+ /, 'with all of them: a request again');
	$session->{stderr} = '';
	$session->quit;
}
like(value($node, 'SELECT layer, condition, state FROM schema_guard.status()'), qr/^extension\|tables\|ok$/m, 'status() says so');
settled($node, q{SELECT DISTINCT verdict FROM schema_guard.audit WHERE id = (SELECT max(id) FROM schema_guard.audit)}, 'blocked', 'and it is on record');

# Gone for good: the way back is to make the guard anew.
value($node, 'SET schema_guard.mode = off; ALTER EXTENSION schema_guard DROP TABLE schema_guard.approval_effect; DROP TABLE schema_guard.approval_effect CASCADE');
stands('approval_effect', 'dropped');
value($node, 'SET schema_guard.mode = off; DROP EXTENSION schema_guard CASCADE; DROP SCHEMA IF EXISTS schema_guard; CREATE EXTENSION schema_guard');
refused($node, 'DROP TABLE kept CASCADE', 'SG001', qr/Request \d+ was filed/, 'the guard, made anew');
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
