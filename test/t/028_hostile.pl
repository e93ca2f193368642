# What hostile and hurried users did to the guard: roads around it, and harmless work that it once broke.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('hostile', 'max_prepared_transactions = 2');
run_sql($node, q{CREATE TABLE customer (id integer, name text); INSERT INTO customer SELECT i, 'x' FROM generate_series(1, 10) i});

# Temporary objects go without a statement, and take what depends on them along. A lasting table may not.
my %foundations = (
	'a table of a temporary type' => q{CREATE TYPE pg_temp.kind AS (id integer, name text); ALTER TABLE customer OF pg_temp.kind; DISCARD TEMP},
	'a column of a temporary domain' => q{CREATE DOMAIN pg_temp.words AS text; ALTER TABLE customer ALTER COLUMN name TYPE pg_temp.words; DISCARD TEMP},
	'a column of a temporary table' =>
	  q{BEGIN; CREATE TEMP TABLE pair (x integer) ON COMMIT DROP; ALTER TABLE customer ADD COLUMN extra pair; COMMIT},
	'by way of a lasting domain' =>
	  q{CREATE DOMAIN pg_temp.words AS text; CREATE DOMAIN lasting AS pg_temp.words; ALTER TABLE customer ADD COLUMN extra lasting},
	'a new table' => q{CREATE TYPE pg_temp.kind AS (id integer); CREATE TABLE made OF pg_temp.kind},
);
refused($node, $foundations{$_}, 'SG001', qr/temporary object/, "$_ is refused") for sort keys %foundations;
is(value($node, 'SELECT count(name) FROM customer'), 10, 'every value is there');

# Tied to it while the guard was off, it is still not let go.
run_sql($node, q{SET schema_guard.mode = off; CREATE DOMAIN pg_temp.words AS text; ALTER TABLE customer ALTER COLUMN name TYPE pg_temp.words;
	RESET schema_guard.mode; DISCARD TEMP; ALTER TABLE customer ALTER COLUMN name TYPE text}, role => 'superuser', keep_going => 1);
is(value($node, 'SELECT count(name) FROM customer'), 10, 'nor when the guard was off at the time');

# Lists of names where a type is expected: these once ended the server.
accepted($node, q{CREATE TYPE mood AS ENUM ('good'); CREATE DOMAIN natural_number AS integer; CREATE SCHEMA other;
	ALTER TYPE mood OWNER TO app; ALTER TYPE mood RENAME TO humour; ALTER TYPE humour SET SCHEMA other;
	ALTER DOMAIN natural_number OWNER TO app; ALTER DOMAIN natural_number SET SCHEMA other;
	ALTER DOMAIN other.natural_number RENAME TO n}, 'types are owned, renamed and moved', role => 'superuser');

# What the application sees of itself is what it would see without the guard.
my $last = run_sql($node, q{CREATE TABLE counted (id serial); INSERT INTO counted VALUES (41); INSERT INTO counted DEFAULT VALUES;
	CREATE TEMP TABLE passing (i integer); SELECT lastval()});
is($last->{out}, 1, 'lastval() is the application\'s own');
my ($status, $out, $err) = ('', '', '');
$status = IPC::Run::run(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' user=app', '-c', q{SET standard_conforming_strings = off; CREATE TABLE quoted (a text DEFAULT 'x\\')} ],
	'>', \$out, '2>', \$err);
unlike($err, qr/ERROR/, 'a text that parses only as it was sent passes');

# The guard's own rows, by every road but the plain ones.
for my $attempt (
	'ALTER TABLE schema_guard.audit DISABLE TRIGGER protect_rows, DROP COLUMN IF EXISTS nothing',
	'ALTER TRIGGER protect_rows ON schema_guard.audit DEPENDS ON EXTENSION plpgsql',
	'CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE below () INHERITS (schema_guard.audit) SERVER s',
	'SET schema_guard.mode = observe; DELETE FROM schema_guard.audit', 'SET schema_guard.mode = warn; DELETE FROM schema_guard.audit')
{
	refused($node, $attempt, 'SG007', qr/schema_guard/, "$attempt is refused", role => 'superuser');
}

# Indexes and publications that a DBA adds.
run_sql($node, q{SET schema_guard.mode = off; CREATE INDEX ON schema_guard.audit (lower(verdict)); CREATE PUBLICATION everything FOR ALL TABLES}, role => 'superuser');
accepted($node, 'CREATE TABLE indexed (id integer)', 'the audit may have an index on an expression');
settled($node, q{SELECT count(*) FROM schema_guard.audit WHERE statement = 'CREATE TABLE indexed (id integer)'}, 1, 'and the row is there, over the journal');
my $denial = refused($node, 'DROP TABLE indexed', 'SG001', qr/indexed/, 'a denial while all tables are published');
settled($node, 'SELECT count(*) FROM schema_guard.request WHERE id = ' . request_named($denial), 1, 'its request is filed');

# Settings of the database are not the absorber's.
run_sql($node, 'ALTER DATABASE postgres SET default_transaction_read_only = on', role => 'superuser');
$denial = refused($node, 'SET default_transaction_read_only = off; DROP TABLE counted', 'SG001', qr/counted/, 'a denial in a read-only database');
settled($node, 'SELECT count(*) FROM schema_guard.request WHERE id = ' . request_named($denial), 1, 'its request is filed too');
run_sql($node, 'SET default_transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only', role => 'superuser');

# A passing secret.
run_sql($node, q{SELECT schema_guard.request_approval('CREATE SERVER t FOREIGN DATA WRAPPER w OPTIONS (password ''hush''); DROP TABLE quoted', 'x')});
run_sql($node, q{CREATE FUNCTION f() RETURNS integer LANGUAGE sql SET schema_guard.approval_token = 'hush' AS 'SELECT 1'});
is(value($node, q{SELECT count(*) FROM schema_guard.request WHERE statement LIKE '%hush%'}), 0, 'no secret in a request');
is(value($node, q{SELECT count(*) FROM schema_guard.audit WHERE statement LIKE '%hush%' OR effects::text LIKE '%hush%'}), 0, 'nor in the audit');

# Nobody waits for a table of the guard's that somebody else has locked.
my $other = $node->background_psql('postgres');
$other->query_safe('BEGIN; LOCK TABLE schema_guard.request, schema_guard.standing_policy, schema_guard.approval IN ACCESS EXCLUSIVE MODE');
refused($node, q{SET schema_guard.approval_token = 'sg_none'; SET statement_timeout = '20s'; DROP TABLE quoted}, 'SG002', qr/locked/, 'refused while the guard\'s tables are locked');
accepted($node, q{SET statement_timeout = '20s'; CREATE TABLE meanwhile (id integer)}, 'harmless work goes on');
$other->query_safe('COMMIT');
$other->quit;

# An installation that is rolled back leaves its predecessor's journal alone.
my $before = value($node, 'SELECT count(*) FROM schema_guard.blocked');
run_sql($node, q{BEGIN; SET LOCAL schema_guard.mode = off; DROP EXTENSION schema_guard; CREATE EXTENSION schema_guard; SET LOCAL schema_guard.mode = enforce;
	CREATE TABLE never (i integer); ROLLBACK}, role => 'superuser');
refused($node, 'DROP TABLE quoted', 'SG001', qr/quoted/, 'the guard is as before');
settled($node, 'SELECT count(*) FROM schema_guard.blocked', $before + 1, 'and nothing is lost');
is(scalar(glob($node->data_dir . '/pg_schema_guard/*.foreign*')) // '', '', 'no journal was set aside');

# Without a free worker, a cancelled absorption must not leave the session in pieces.
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
run_sql($node, join(";\n", ('DROP TABLE quoted') x 300), keep_going => 1);
run_sql($node, q{DO $$ BEGIN PERFORM schema_guard.absorb_journal(); RAISE EXCEPTION 'x'; EXCEPTION WHEN OTHERS THEN NULL; END $$}, role => 'superuser');
my $path = run_sql($node, q{SET statement_timeout = '3ms'; DO $$ BEGIN CREATE TABLE q1 (a integer); COMMIT; PERFORM 1; END $$;
	RESET statement_timeout; SHOW search_path; SELECT current_user}, keep_going => 1);
like($path->{out}, qr/^"\$user", public\napp$/m, 'the session is itself again');
accepted($node, 'CREATE TABLE q2 (a integer)', 'and the server goes on');
unlike(server_log($node), qr/terminated by signal/, 'no server process has crashed');

$node->stop;
done_testing();
