# TRUNCATE, statement by statement, as data: what is refused, with every table that it would empty; what PostgreSQL
# refuses by itself, of which nobody is told; and what passes without a trace. The library is in each session from its
# start, as harden() has it, since TRUNCATE fires no event trigger.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('truncate');
$node->safe_psql('postgres', q{
	SELECT schema_guard.harden();
	CREATE ROLE other LOGIN;
	CREATE EXTENSION postgres_fdw;
	GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO app;
	CREATE DATABASE elsewhere;
	SET check_function_bodies = off;
	CREATE FUNCTION rows_in(schema text) RETURNS bigint LANGUAGE sql AS $$
		SELECT coalesce(sum((xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM ONLY %I.%I', schema, relname),
		                         false, true, '')))[1]::text::bigint), 0)
		  FROM pg_class WHERE relnamespace = schema::regnamespace AND relkind = 'r' $$;});
$node->safe_psql('elsewhere', 'CREATE TABLE far AS SELECT 1 AS i');

my $tables = q{
	CREATE TABLE one AS SELECT i FROM generate_series(1, 3) i;
	CREATE TABLE two AS SELECT i FROM generate_series(1, 4) i;};
my $family = q{
	CREATE TABLE parent (id integer PRIMARY KEY);
	CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent);
	CREATE TABLE grandchild (child integer REFERENCES child);
	INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1); INSERT INTO grandchild VALUES (1);};
my $partitions = q{
	CREATE TABLE p (i integer) PARTITION BY RANGE (i);
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
	CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (i);
	CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (10) TO (20);
	INSERT INTO p VALUES (1), (11);};
my $heirs = q{
	CREATE TABLE base (i integer);
	CREATE TABLE heir () INHERITS (base);
	INSERT INTO base VALUES (1); INSERT INTO heir VALUES (2);};
my $foreign = q{
	CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'elsewhere', host '%s', port '%s');
	CREATE USER MAPPING FOR CURRENT_USER SERVER far;
	CREATE FOREIGN TABLE far (i integer) SERVER far OPTIONS (schema_name 'public');};
$foreign = sprintf $foreign, $node->host, $node->port;
my $stranger = q{
	CREATE TABLE stranger (i integer); INSERT INTO stranger VALUES (1);
	GRANT USAGE ON SCHEMA CURRENT_SCHEMA TO other;};

# Name, tables, statement, effects (+ for what the statement does not name). Roles are app, unless `role` says otherwise.
my @refused = (
	[ 'a table', $tables, 'TRUNCATE one', 'one' ],
	[ 'a list', $tables, 'TRUNCATE TABLE one, two', 'one two' ],
	[ 'a table named twice', $tables, 'TRUNCATE one, two, ONLY one', 'one two' ],
	[ 'RESTART IDENTITY', $tables, 'TRUNCATE one RESTART IDENTITY', 'one' ],
	[ 'a quoted name', q{CREATE TABLE "One; two" AS SELECT 1 AS i}, 'TRUNCATE "One; two"', '"One; two"' ],
	[ 'an unlogged table', 'CREATE UNLOGGED TABLE one AS SELECT 1 AS i', 'TRUNCATE one', 'one' ],
	[ 'a table whose rows are all deleted, but not vacuumed', "$tables DELETE FROM one;", 'TRUNCATE one', 'one' ],
	[ 'beside an empty table', "$tables CREATE TABLE three (i integer);", 'TRUNCATE three, one', 'one' ],
	[ 'CASCADE', $family, 'TRUNCATE parent CASCADE', 'child+ grandchild+ parent' ],
	[ 'CASCADE from the middle', $family, 'TRUNCATE child CASCADE', 'child grandchild+' ],
	[ 'all that refers, in the list', $family, 'TRUNCATE grandchild, child, parent', 'child grandchild parent' ],
	[ 'a table that refers to itself',
		'CREATE TABLE me (id integer PRIMARY KEY, me integer REFERENCES me); INSERT INTO me VALUES (1, 1)', 'TRUNCATE me', 'me' ],
	[ 'a partitioned table', $partitions, 'TRUNCATE p', 'p1+ p21+' ],
	[ 'a partition', $partitions, 'TRUNCATE p1', 'p1' ],
	[ 'a partition alone', $partitions, 'TRUNCATE ONLY p1', 'p1' ],
	[ 'a part of the tree, and a leaf of it', $partitions, 'TRUNCATE p21, p2', 'p21' ],
	[ 'partitions that something refers to', q{
		CREATE TABLE p (i integer PRIMARY KEY) PARTITION BY RANGE (i);
		CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
		CREATE TABLE ref (i integer REFERENCES p); INSERT INTO p VALUES (1); INSERT INTO ref VALUES (1)},
		'TRUNCATE p1 CASCADE', 'p1 ref+' ],
	[ 'a parent', $heirs, 'TRUNCATE base', 'base heir+' ],
	[ 'a parent *', $heirs, 'TRUNCATE base *', 'base heir+' ],
	[ 'a parent alone', $heirs, 'TRUNCATE ONLY base', 'base' ],
	[ 'a parent and its heir', $heirs, 'TRUNCATE base, heir', 'base heir' ],
	[ 'a heir of somebody else\'s', "$heirs RESET SESSION AUTHORIZATION; ALTER TABLE heir OWNER TO other", 'TRUNCATE base',
		'base heir+' ],
	[ 'in a DO block', $tables, 'DO $$ BEGIN TRUNCATE one; END $$', 'one' ],
	[ 'by EXECUTE', $tables, q{DO $$ BEGIN EXECUTE 'TRUNCATE ' || 'on' || 'e'; END $$}, 'one' ],
	[ 'in a function', "$tables CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN TRUNCATE one; END'", 'SELECT f()',
		'one' ],
	[ 'in a function in SQL', "$tables CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'TRUNCATE one'", 'SELECT f()', 'one' ],
	[ 'in a procedure', "$tables CREATE PROCEDURE f() LANGUAGE plpgsql AS 'BEGIN COMMIT; TRUNCATE one; END'", 'CALL f()', 'one' ],
	[ 'in a function of the owner\'s', "$tables CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN TRUNCATE one; END';
		GRANT USAGE ON SCHEMA CURRENT_SCHEMA TO other", 'SELECT f()', 'one', role => 'other' ],
	[ 'in a trigger', "$tables CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN TRUNCATE one; RETURN NULL; END';
		CREATE TRIGGER t AFTER INSERT ON two FOR EACH ROW EXECUTE FUNCTION f()", 'INSERT INTO two VALUES (9)', 'one' ],
	[ 'beside a temporary table', $tables, 'CREATE TEMPORARY TABLE passing (i integer); TRUNCATE passing, one', 'one' ],
	[ 'beside a new table', $tables, 'BEGIN; CREATE TABLE young (i integer); TRUNCATE young, one; COMMIT', 'one' ],
	[ 'a table that was made in a transaction before', '', 'CREATE TABLE young AS SELECT 1 AS i; TRUNCATE young', 'young',
		left => 1 ],
	[ 'by a member of the owner', $tables, 'TRUNCATE one', 'one', role => 'other',
		before => 'GRANT app TO other', after => 'REVOKE app FROM other' ],
	[ 'with the privilege', "$tables GRANT USAGE ON SCHEMA CURRENT_SCHEMA TO other; GRANT TRUNCATE ON one TO other",
		'TRUNCATE one', 'one', role => 'other' ],
	[ 'with SET ROLE', $tables, 'SET ROLE app; TRUNCATE one', 'one', role => 'superuser' ],
	[ 'as a superuser', $tables, 'TRUNCATE one', 'one', role => 'superuser' ],
	[ 'as a superuser, as a replica', $tables, 'SET session_replication_role = replica; TRUNCATE one', 'one',
		role => 'superuser' ],
	[ 'in a simple query of several statements', $tables, 'SELECT 1\; TRUNCATE one\; SELECT 2', 'one' ],
	[ 'a foreign table', $foreign, 'TRUNCATE far', 'far', role => 'superuser', by_superuser => 1 ],
);

# Name, tables, statement, PostgreSQL's SQLSTATE.
my @postgresql_refuses = (
	[ 'a table that something refers to', $family, 'TRUNCATE parent', '0A000' ],
	[ 'half of what refers', $family, 'TRUNCATE parent, child', '0A000' ],
	[ 'no such table', $tables, 'TRUNCATE one, nosuch', '42P01' ],
	[ 'no such schema', $tables, 'TRUNCATE nosuch.one', '3F000' ],
	[ 'a view', 'CREATE VIEW one AS SELECT 1 AS i', 'TRUNCATE one', '42809' ],
	[ 'a materialized view', 'CREATE MATERIALIZED VIEW one AS SELECT 1 AS i', 'TRUNCATE one', '42809' ],
	[ 'a sequence', 'CREATE SEQUENCE one', 'TRUNCATE one', '42809' ],
	[ 'an index', "$tables CREATE INDEX three ON one (i)", 'TRUNCATE three', '42809' ],
	[ 'a partitioned table alone', $partitions, 'TRUNCATE ONLY p', '42809' ],
	[ 'no privilege', $stranger, 'TRUNCATE stranger', '42501', role => 'other' ],
	[ 'no privilege on the schema', $tables, 'TRUNCATE case_schema.one', '42501', role => 'other' ],
	[ 'every privilege but this', "$stranger GRANT SELECT, INSERT, UPDATE, DELETE, REFERENCES, TRIGGER ON stranger TO other",
		'TRUNCATE stranger', '42501', role => 'other' ],
	[ 'no privilege for one of the list', "$stranger $tables GRANT TRUNCATE ON one TO other", 'TRUNCATE one, stranger', '42501',
		role => 'other' ],
	[ 'no privilege on what the cascade brings',
		"$family GRANT USAGE ON SCHEMA CURRENT_SCHEMA TO other; GRANT TRUNCATE ON parent TO other",
		'TRUNCATE parent CASCADE', '42501', role => 'other' ],
	[ 'a system catalog', '', 'TRUNCATE pg_class', '42501', role => 'superuser' ],
	[ 'a read-only transaction', $tables, 'BEGIN READ ONLY; TRUNCATE one', '25006' ],
	[ 'after an error', $tables, 'BEGIN; SELECT 1/0; TRUNCATE one', '22012 25P02' ],
);

# Name, tables, statement; and how many audit rows it leaves, if any.
my @silent = (
	[ 'a temporary table', '', 'CREATE TEMPORARY TABLE passing AS SELECT 1 AS i; TRUNCATE passing; SELECT count(*) FROM passing' ],
	[ 'a temporary table that hides a lasting one', $tables,
		'CREATE TEMPORARY TABLE one AS SELECT 1 AS i; TRUNCATE one; SELECT count(*) FROM one' ],
	[ 'temporary tables that refer to each other', '', 'CREATE TEMPORARY TABLE a (i integer PRIMARY KEY); CREATE TEMPORARY TABLE b (i integer REFERENCES a);
		TRUNCATE a CASCADE; SELECT count(*) FROM b' ],
	[ 'ON COMMIT DELETE ROWS', '',
		'CREATE TEMPORARY TABLE passing (i integer) ON COMMIT DELETE ROWS; BEGIN; INSERT INTO passing VALUES (1); COMMIT; SELECT count(*) FROM passing' ],
	[ 'a table of the same transaction', '',
		'BEGIN; CREATE TABLE young AS SELECT 1 AS i; TRUNCATE young; SELECT count(*) FROM young; COMMIT' ],
	[ 'a table of a savepoint before', '',
		'BEGIN; SAVEPOINT s; CREATE TABLE young AS SELECT 1 AS i; RELEASE s; TRUNCATE young; SELECT count(*) FROM young; COMMIT' ],
	[ 'in the DO block that made it', '',
		q{DO $$ BEGIN CREATE TABLE young AS SELECT 1 AS i; TRUNCATE young; END $$; SELECT count(*) FROM young} ],
	[ 'partitions of the same transaction', '', "BEGIN; $partitions TRUNCATE p; SELECT count(*) FROM p; COMMIT" ],
	[ 'an empty table', 'CREATE TABLE one (i integer)', 'TRUNCATE one; SELECT count(*) FROM one' ],
	[ 'empty tables that refer to each other',
		q{CREATE TABLE one (i integer PRIMARY KEY); CREATE TABLE two (i integer REFERENCES one)},
		'TRUNCATE one CASCADE; SELECT count(*) FROM two' ],
	[ 'empty partitions', 'CREATE TABLE p (i integer) PARTITION BY RANGE (i); CREATE TABLE p1 PARTITION OF p DEFAULT',
		'TRUNCATE p; SELECT count(*) FROM p' ],
	[ 'DELETE', $tables, 'DELETE FROM one; SELECT count(*) FROM one' ],
);

my $case = 0;

# A schema for each case, and in it what the case needs. Returns its name.
sub prepare
{
	my ($name, $setup, %option) = @_;
	my $schema = 'case_' . ++$case;
	my $authorization = $option{by_superuser} ? '' : 'SET SESSION AUTHORIZATION app;';
	$setup =~ s/CURRENT_SCHEMA/$schema/g;
	$node->safe_psql('postgres', qq{
		SET client_min_messages = error;
		CREATE SCHEMA $schema AUTHORIZATION app;
		SET search_path = $schema;
		$authorization
		$setup;});
	$node->safe_psql('postgres', $option{before}) if $option{before};
	return $schema;
}

sub rows_in { my ($schema) = @_; return value($node, "SELECT rows_in('$schema')"); }

sub state_of_record { return value($node,
	'SELECT (SELECT max(id) FROM schema_guard.audit), (SELECT count(*) FROM schema_guard.request)'); }

sub run_case
{
	my ($schema, $statement, %option) = @_;
	$statement =~ s/case_schema/$schema/g;
	return run_sql($node, "SET search_path = $schema, pg_catalog;\n$statement", role => $option{role} // 'app', keep_going => 1);
}

for my $each (@refused)
{
	my ($name, $setup, $statement, $effects, %option) = @$each;
	my $schema = prepare($name, $setup, %option);
	my $before = rows_in($schema);
	my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	my $result = run_case($schema, $statement, %option);
	is("@{ $result->{states} }", 'SG001', "$name: refused") or diag($result->{err});
	ok(defined request_named($result), "$name: a request is filed");
	is(rows_in($schema), $before + ($option{left} // 0), "$name: every row is there");
	settled($node, qq{SELECT string_agg(replace(e ->> 'identity', '$schema.', '') || CASE WHEN (e ->> 'cascaded')::bool THEN '+' ELSE '' END, ' '
			ORDER BY replace(e ->> 'identity', '$schema.', '') COLLATE "C")
		FROM schema_guard.blocked, jsonb_array_elements(effects) e WHERE id > $last AND blocked.rule = 'truncate_table' AND sensor = 'utility'
		   AND e ->> 'action' = 'block'
		   AND (e ->> 'object_id')::oid NOT IN (SELECT oid FROM pg_class WHERE relkind = 'p')},
		$effects, "$name: the audit names what would have been emptied");
	$node->safe_psql('postgres', $option{after}) if $option{after};
}

for my $each (@postgresql_refuses)
{
	my ($name, $setup, $statement, $states, %option) = @$each;
	my $schema = prepare($name, $setup, %option);
	my $before = rows_in($schema);
	my $record = state_of_record();
	my $result = run_case($schema, $statement, %option);
	is("@{ $result->{states} }", $states, "PostgreSQL refuses $name by itself") or diag($result->{err});
	unlike($result->{err}, qr/schema_guard|approv/, "$name: without a word of the guard's");
	is(rows_in($schema), $before, "$name: every row is there");
	# PostgreSQL's own refusals are on record as failures; none as a denial with a request.
	is(value($node, 'SELECT count(*) FROM schema_guard.request'), (split /\|/, $record)[1], "$name: nobody is asked");
}

for my $each (@silent)
{
	my ($name, $setup, $statement) = @$each;
	my $schema = prepare($name, $setup);
	my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	my $result = run_case($schema, $statement);
	is("@{ $result->{states} }", '', "$name: passes");
	unlike($result->{err}, qr/WARNING|schema_guard/, "$name: without a word");
	like($result->{out}, qr/^0$/m, "$name: and does what it says");
	is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE id > $last AND command_tag NOT LIKE 'CREATE TABLE%' AND command_tag <> 'SELECT INTO'"),
		0,
		"$name: there is no record of it");
}

# An error that is swallowed is a refusal all the same.
{
	my $schema = prepare('swallowed', $tables);
	accepted($node, qq{SET search_path = $schema; DO \$\$ BEGIN TRUNCATE one; EXCEPTION WHEN OTHERS THEN NULL; END \$\$},
		'swallowed: the client sees no error');
	is(rows_in($schema), 7, 'swallowed: every row is there');
	settled($node, "SELECT count(*) FROM schema_guard.blocked WHERE effects::text LIKE '%$schema.one%'", 1,
		'swallowed: it is on record');
}

# What passes by policy, or in a laxer mode, does what it says, and says so.
for my $each (
	[ 'a policy to record', "SELECT schema_guard.set_policy('truncate_table', 'record', 'case_schema.%', reason => 'staging')",
		'exempt', '' ],
	[ 'a policy to warn', "SELECT schema_guard.set_policy('truncate_table', 'warn', 'case_schema.%', reason => 'staging')",
		'warned', 'WARNING' ],
	[ 'a policy to allow', "SELECT schema_guard.set_policy('truncate_table', 'allow', 'case_schema.%', reason => 'staging')", '',
		'' ],
	[ 'mode warn', 'SET schema_guard.mode = warn', 'warned', 'WARNING' ],
	[ 'mode observe', 'SET schema_guard.mode = observe', 'allowed', '' ],
	[ 'mode off', 'SET schema_guard.mode = off', '', '' ])
{
	my ($name, $how, $verdict, $word) = @$each;
	my $schema = prepare($name, 'CREATE TABLE counted (id serial, t text); INSERT INTO counted (t) VALUES (1), (2)');
	$how =~ s/case_schema/$schema/;
	my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	my $result = run_sql($node, "$how; TRUNCATE $schema.counted RESTART IDENTITY", role => 'superuser');
	is($result->{err} =~ /(ERROR|WARNING):/ ? $1 : '', $word, "$name: passes") or diag($result->{err});
	is(rows_in($schema), 0, "$name: the rows are gone");
	is(value($node, "SELECT nextval('$schema.counted_id_seq')"), 1, "$name: the sequence begins anew");
	is(value($node, "SELECT string_agg(verdict || ' ' || rule || ' ' || command_tag, ', ') FROM schema_guard.audit WHERE id > $last"),
		$verdict && "$verdict truncate_table TRUNCATE TABLE", "$name: on record, or not");
}

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
