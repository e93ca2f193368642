# Each ring by itself, for what the roads do not cover: TRUNCATE, DROP DATABASE, conversions, the guard itself, stored settings
# and what is warned of. Which of them sees what is said in the table below, and held to: what a ring does not see is as
# deliberate as what it does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('rings_alone', "wal_level = logical\n");
value($node, 'SELECT schema_guard.harden(); CREATE DATABASE victim');
my @rings = qw(event_trigger object_access utility);

# statement => the rings that see it. Each works on tables of its own; @ is their schema.
my @seen = (
	[ 'DROP TABLE @.t CASCADE', 'event_trigger object_access utility' ],
	[ 'ALTER TABLE @.t DROP COLUMN n CASCADE', 'event_trigger object_access utility' ],
	[ 'TRUNCATE @.t CASCADE', 'object_access utility' ],
	[ 'TRUNCATE @.ranges', 'object_access utility' ],
	[ 'DROP DATABASE victim', 'object_access utility' ],
	# A conversion, and every definition of the guard's, is known by its words only: there is no deletion to be seen.
	[ 'ALTER TABLE @.t ALTER n TYPE integer', 'event_trigger utility' ],
	[ 'ALTER TABLE schema_guard.audit ADD COLUMN note text', 'event_trigger utility' ],
	[ 'ALTER FUNCTION schema_guard.status() COST 5', 'event_trigger utility' ],
	[ 'GRANT INSERT ON schema_guard.approver TO app', 'event_trigger utility' ],
	[ 'CREATE SCHEMA made GRANT INSERT ON schema_guard.approver TO app', 'event_trigger utility' ],
	# No event trigger is fired for these.
	[ 'ALTER EVENT TRIGGER schema_guard_ddl_command_end DISABLE', 'utility' ],
	[ 'ALTER DATABASE postgres SET schema_guard.mode = off', 'utility' ],
	[ 'ALTER ROLE app SET schema_guard.mode = off', 'utility' ],
	[ 'ALTER SYSTEM SET schema_guard.mode = off', 'utility' ],
	[ 'GRANT SET ON PARAMETER schema_guard.mode TO app', 'utility' ],
	[ 'ALTER FUNCTION @.f() SET schema_guard.mode = off', 'event_trigger utility' ],
	# Rows are seen by what watches rows, whatever the rings.
	[ 'DELETE FROM schema_guard.audit', 'event_trigger object_access utility' ],
	[ 'DELETE FROM pg_event_trigger', 'event_trigger object_access utility' ],
	[ "COPY pg_db_role_setting FROM STDIN;\n\\.\n", 'utility' ],
	# A WARNING, and it passes.
	[ 'ALTER TABLE @.t RENAME TO x', 'event_trigger utility', 'warned' ],
	[ 'ALTER TABLE @.t RENAME n TO x', 'event_trigger utility', 'warned' ],
	[ 'ALTER TABLE @.t SET SCHEMA @_other', 'event_trigger utility', 'warned' ],
	[ 'ALTER TABLE @.t DROP CONSTRAINT t_pkey CASCADE', 'event_trigger utility', 'warned' ],
	[ 'ALTER TABLE @.alone SET UNLOGGED', 'event_trigger utility', 'warned' ],
	[ 'ALTER TABLE @.ranges DETACH PARTITION @.low', 'event_trigger utility', 'warned' ],
	[ 'DROP SEQUENCE @.q', 'event_trigger utility', 'warned' ],
	[ 'DROP MATERIALIZED VIEW @.m', 'event_trigger object_access utility', 'warned' ],
);

my $number = 0;
for my $each (@seen)
{
	my ($statement, $rings, $warned) = @$each;
	my %sees = map { $_ => 1 } split / /, $rings;
	for my $ring (@rings)
	{
		my $schema = sprintf 's_%d', ++$number;
		value($node, qq{SET schema_guard.mode = off; SET client_min_messages = error; CREATE SCHEMA $schema; CREATE SCHEMA ${schema}_other; SET search_path = $schema;
			CREATE TABLE t (i integer PRIMARY KEY, n numeric); INSERT INTO t VALUES (1, 1.5); CREATE TABLE refers (i integer REFERENCES t); INSERT INTO refers VALUES (1);
			CREATE TABLE alone (i integer); INSERT INTO alone VALUES (1);
			CREATE TABLE ranges (i integer) PARTITION BY RANGE (i); CREATE TABLE low PARTITION OF ranges FOR VALUES FROM (0) TO (10); INSERT INTO ranges VALUES (1);
			CREATE SEQUENCE q; CREATE MATERIALIZED VIEW m AS SELECT 1 AS one; CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'});
		# What cannot be rolled back is not run where nothing would see it.
		my $alone = $statement =~ /^(?:DROP DATABASE|ALTER SYSTEM)/;
		next if $alone && !$sees{$ring};
		my $sql = $statement =~ s/\@/$schema/gr;
		my $result = run_sql($node, $alone ? $sql : "BEGIN; $sql\n; ROLLBACK", role => 'superuser', settings => "-c schema_guard.debug_sensors=$ring");
		my $state = "@{ $result->{states} }" . ($result->{err} =~ /The rule is \w+/ ? 'warned' : '');
		my $expected = !$sees{$ring} ? qr/^$/ : $warned ? qr/^warned$/ : qr/^SG00[17]$/;
		like($state, $expected, "$ring alone " . ($sees{$ring} ? 'sees: ' : 'does not see: ') . $statement) or diag($result->{err});
	}
}
$node->stop;
done_testing();
