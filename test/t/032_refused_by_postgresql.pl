# What PostgreSQL refuses by itself is left to it: its own error comes, with no warning
# before it; nobody is asked, and the audit has no refusal. (What asks for rows or types is in 037_conversions_shapes.)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('refused_by_postgresql', "wal_level = logical\n");
$node->safe_psql('postgres', q{SELECT schema_guard.harden(); CREATE ROLE other LOGIN CREATEROLE;
	CREATE SCHEMA hers AUTHORIZATION other; CREATE TABLE hers.t (i integer); INSERT INTO hers.t VALUES (1);});
run_sql($node, q{SET client_min_messages = error;
	CREATE TABLE t (i integer PRIMARY KEY, n numeric); INSERT INTO t VALUES (1, 1.5);
	CREATE TABLE refers (i integer REFERENCES t); INSERT INTO refers VALUES (1);
	CREATE VIEW v AS SELECT n FROM t;
	CREATE TABLE parent (i integer); CREATE TABLE child (j numeric) INHERITS (parent); INSERT INTO child VALUES (1, 1.5);
	CREATE TABLE ranges (i integer, n numeric) PARTITION BY RANGE (i); CREATE TABLE low PARTITION OF ranges FOR VALUES FROM (0) TO (10); INSERT INTO ranges VALUES (1);
	CREATE TYPE pair AS (a integer, b numeric); CREATE TABLE typed OF pair; INSERT INTO typed VALUES (1, 1.5);
	CREATE TABLE watched (i integer); CREATE INDEX ON watched (i); CREATE SCHEMA mine; CREATE SEQUENCE q; CREATE TABLE identity (i integer GENERATED ALWAYS AS IDENTITY);});

# [role, statement]
my @refused = (
	# not there, or not theirs
	[ app => 'DROP TABLE nosuch' ], [ app => 'TRUNCATE nosuch' ], [ app => 'ALTER TABLE nosuch DROP COLUMN i' ],
	[ app => 'ALTER TABLE t DROP COLUMN nosuch' ], [ app => 'ALTER TABLE t ALTER nosuch TYPE text' ], [ app => 'ALTER TABLE t RENAME nosuch TO x' ],
	[ app => 'DROP TABLE hers.t' ], [ app => 'TRUNCATE hers.t' ], [ app => 'ALTER TABLE hers.t DROP COLUMN i' ], [ app => 'ALTER TABLE hers.t RENAME TO x' ],
	[ app => 'ALTER TABLE hers.t SET SCHEMA public' ], [ app => 'ALTER TABLE hers.t SET UNLOGGED' ], [ app => 'DROP SCHEMA hers CASCADE' ],
	[ app => 'DROP EXTENSION schema_guard' ], [ app => 'ALTER EVENT TRIGGER schema_guard_ddl_command_start DISABLE' ],
	[ app => 'ALTER SYSTEM SET schema_guard.mode = off' ], [ app => 'DROP OWNED BY other' ], [ app => 'DELETE FROM pg_class' ],
	# because of something else
	[ app => 'DROP TABLE t' ], [ app => 'DROP SCHEMA public' ], [ app => 'TRUNCATE t' ], [ app => 'ALTER TABLE t DROP COLUMN n' ], [ app => 'DROP TYPE pair' ],
	[ app => 'ALTER TABLE t ALTER n TYPE integer' ], [ app => 'ALTER TABLE child DROP COLUMN i' ], [ app => 'ALTER TABLE child RENAME i TO x' ],
	[ app => 'ALTER TABLE low DROP COLUMN n' ], [ app => 'ALTER TABLE typed DROP COLUMN b' ], [ app => 'ALTER TABLE t DROP CONSTRAINT t_pkey' ],
	[ app => 'DROP VIEW t' ], [ app => 'DROP SEQUENCE t' ], [ app => 'DROP INDEX t_pkey' ], [ app => 'DROP MATERIALIZED VIEW t' ],
	[ app => 'ALTER TABLE ranges DETACH PARTITION t' ], [ app => 'ALTER TABLE t DETACH PARTITION low' ],
	# in a place where it cannot be
	[ app => 'BEGIN READ ONLY; DROP TABLE refers' ], [ app => 'BEGIN READ ONLY; TRUNCATE refers' ], [ app => 'BEGIN READ ONLY; ALTER TABLE refers RENAME TO x' ],
	[ app => 'BEGIN; SELECT 1/0; DROP TABLE refers' ],
	[ superuser => 'BEGIN; ALTER SYSTEM SET schema_guard.mode = off' ],
	# a table is made a view by its rule, where it is empty and has nothing that a view has not
	[ app => 'CREATE RULE "_RETURN" AS ON SELECT TO refers DO INSTEAD SELECT 1 AS i' ],
	[ app => 'CREATE RULE "_RETURN" AS ON SELECT TO t DO INSTEAD SELECT 1 AS i, 1::numeric AS n' ],
	[ app => 'CREATE RULE "_RETURN" AS ON SELECT TO hers.t DO INSTEAD SELECT 1 AS i' ],
	# at once with others
	[ app => 'ALTER TABLE t DROP COLUMN nosuch, ALTER n TYPE integer' ], [ app => 'DROP TABLE refers, nosuch' ], [ app => 'TRUNCATE refers, nosuch' ],
	[ app => 'CREATE SCHEMA made GRANT SELECT ON nosuch TO app' ],
);

sub requests
{
	return value($node, q{SELECT concat((SELECT count(*) FROM schema_guard.request), ' requests, ',
		(SELECT count(*) FROM schema_guard.audit WHERE verdict IN ('blocked', 'warned')), ' refusals')});
}

for my $each (@refused)
{
	my ($role, $statement) = @$each;
	my $before = requests();
	my $with = run_sql($node, $statement, role => $role);
	like("@{ $with->{states} }", qr/^(?!SG)\w{5}( |$)/, "PostgreSQL refuses: $statement") or diag($with->{err});
	unlike($with->{err}, qr/WARNING|schema_guard\.approve|Request \d/, "$statement: without a word of the guard's");
	is(requests(), $before, "$statement: nobody is asked");
}
$node->stop;
done_testing();
