# The audit: a row for every definition, with who, what, when and the verdict; what failed; no secret; and rows that
# nobody alters.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('audit', "wal_level = logical\n");
my $superuser = value($node, "SELECT rolname FROM pg_roles WHERE oid = 10"); # whoever runs this

# One row each. The drops of this list are none that a rule blocks; some warn.
for my $line (grep { /\S/ && !/^#/ } split /\n/, slurp_file("$FindBin::RealBin/data/ddl_statements"))
{
	my ($tag, $statement) = split /\|/, $line, 2;
	my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	my $result = run_sql($node, $statement, role => 'superuser');
	is("@{ $result->{states} }", '', "$tag passes") or diag($result->{err});
	# CREATE EXTENSION runs a script, whose statements have rows of their own.
	my $rows = "FROM schema_guard.audit WHERE id > $last" . ($tag eq 'CREATE EXTENSION' ? " AND command_tag = '$tag'" : '');
	is( value($node, "SELECT string_agg(concat_ws(' / ', command_tag, session_role, effective_role, backend_pid > 0, transaction_id IS NOT NULL,
				occurred_at > now() - interval '1 minute', duration > interval '0', verdict IN ('allowed', 'warned')), '; ') $rows"),
		"$tag / $superuser / $superuser / t / t / t / t / t", "$tag: one row, with who, what and when");
	is( value($node, "SELECT count(*) $rows AND (statement LIKE '(redacted%' OR statement = \$x\$$statement\$x\$)"),
		1, "$tag: with its text, or without any of it");
	is( value($node, "SELECT count(*) $rows AND jsonb_array_length(effects) > 0"), 1, "$tag: with its objects")
	  unless $tag eq 'ALTER DEFAULT PRIVILEGES';
}

# Who: the session's role and the one in effect.
value($node, 'CREATE ROLE owner_of_things; GRANT owner_of_things TO app; GRANT CREATE ON SCHEMA public TO owner_of_things');
accepted($node, "SET application_name = 'deployment'; SET ROLE owner_of_things; CREATE TABLE thing (id integer)", 'SET ROLE');
is( value($node, q{SELECT session_role, effective_role, application_name FROM schema_guard.audit WHERE statement LIKE 'CREATE TABLE thing%'}),
	'app|owner_of_things|deployment', 'both roles and the application are on record');

# What failed.
accepted($node, 'CREATE TABLE kept (id integer)', 'a table to keep');
sub failures { return value($node, q{SELECT count(*) FROM schema_guard.audit WHERE verdict = 'failed'}) }
my $failed = 0;
sub failed_once
{
	my ($name, $mention) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	settled($node, q{SELECT count(*) FROM schema_guard.audit WHERE verdict = 'failed'}, ++$failed, "$name: one row as failed");
	is(value($node, q{SELECT session_role FROM schema_guard.audit WHERE verdict = 'failed' ORDER BY id DESC LIMIT 1}), 'app', "$name: with who");
	like(value($node, q{SELECT effects FROM schema_guard.audit WHERE verdict = 'failed' ORDER BY id DESC LIMIT 1}), $mention, "$name: with what");
}
refused($node, 'CREATE TABLE thing (id integer)', '42P07', qr/already exists/, 'a definition that fails');
failed_once('a definition that fails', qr/CREATE TABLE/);
run_sql($node, 'BEGIN; CREATE TABLE never (id integer); CREATE INDEX ON never (id); ROLLBACK');
failed_once('a transaction that is rolled back', qr/CREATE TABLE never.*CREATE INDEX/);
refused($node, 'BEGIN; CREATE TABLE never (id integer); SELECT 1 / 0', '22012', qr/zero/, 'a transaction that fails later');
failed_once('a transaction that fails later', qr/CREATE TABLE never/);
# The session has the library already: before that, the text of a statement within a block is not to be had.
accepted($node, q{COMMENT ON TABLE kept IS ''; DO $$ BEGIN CREATE TABLE thing (id integer); EXCEPTION WHEN duplicate_table THEN NULL; END $$}, 'a failure that is swallowed');
failed_once('a failure that is swallowed', qr/CREATE TABLE thing/);
run_sql($node, 'BEGIN; CREATE TABLE stays (id integer); SAVEPOINT s; CREATE TABLE goes (id integer); ROLLBACK TO s; COMMIT');
failed_once('a savepoint that is rolled back', qr/CREATE TABLE goes/);
is(value($node, q{SELECT count(*) FROM schema_guard.audit WHERE verdict = 'allowed' AND statement LIKE 'CREATE TABLE %s (id integer)' AND statement ~ 'stays|goes|never'}),
	1, 'as allowed there is only what was committed');
accepted($node, 'BEGIN; SELECT 1; ROLLBACK', 'a transaction without definitions');
is(failures(), $failed, 'is nothing to record when it is rolled back');

# Secrets.
my $secret = 'hunter2hunter2';
run_sql($node, "CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$secret')", role => 'superuser');
for my $statement (
	"CREATE USER MAPPING FOR app SERVER far OPTIONS (user 'me', password '$secret')",
	"ALTER USER MAPPING FOR app SERVER far OPTIONS (SET password '$secret')",
	"ALTER SERVER far OPTIONS (ADD dbname '$secret')",
	"CREATE FOREIGN TABLE remote (id integer) SERVER far OPTIONS (table_name '$secret')",
	"CREATE SUBSCRIPTION feed CONNECTION 'host=none password=$secret' PUBLICATION p WITH (connect = false)",
	"ALTER SUBSCRIPTION feed CONNECTION 'host=none password=$secret'",
	"SET schema_guard.approval_token = '$secret'\\; CREATE TABLE with_token (id integer);",
	"SET schema_guard.approval_token = '$secret'\\; DROP TABLE thing;",
	"DO \$\$ BEGIN PERFORM set_config('schema_guard.approval_token', '$secret', false); CREATE TABLE in_block (id integer); END \$\$",
	"CREATE SCHEMA with_parts CREATE TABLE part (id integer)",
	"CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$secret')",
	"BEGIN; CREATE USER MAPPING FOR dba SERVER far OPTIONS (password '$secret'); ROLLBACK")
{
	my $last = value($node, 'SELECT max(id) FROM schema_guard.audit');
	my $result = run_sql($node, $statement, role => 'superuser');
	(my $name = substr $statement, 0, 40) =~ s/\s+/ /g;
	settled($node, "SELECT count(*) >= 1 FROM schema_guard.audit WHERE id > $last", 't', "$name: on record");
	is(value($node, "SELECT count(*) FROM schema_guard.audit AS a WHERE a::text LIKE '%$secret%'"), 0, "$name: without the secret");
}
value($node, 'SELECT schema_guard.absorb_journal()');
is(index(slurp_file(journal_file($node)), $secret), -1, 'the journal on disk has no secret either');
is(scalar(grep { index($_, $secret) >= 0 } log_documents($node)), 0, 'nor have the guard\'s lines of the server log');

# Nobody writes. What the table of statements does to each of the guard's tables; %s is the table.
my $request = request_named(refused($node, 'DROP TABLE kept', 'SG001', qr/kept/, 'a request'));
approve($node, $request);
my @tables = split /\n/, value($node, q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'schema_guard'::regnamespace AND relkind = 'r' ORDER BY 1});
cmp_ok(scalar @tables, '>', 5, 'the guard has tables');
my @attempts = (
	'INSERT INTO %s OVERRIDING SYSTEM VALUE SELECT * FROM %s', 'INSERT INTO %s DEFAULT VALUES', 'UPDATE %s SET %c = %c', 'DELETE FROM %s', 'TRUNCATE %s CASCADE',
	'WITH gone AS (DELETE FROM %s RETURNING 1) SELECT count(*) FROM gone',
	'MERGE INTO %s AS t USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE',
	'BEGIN; CREATE VIEW public.window_to AS SELECT * FROM %s; DELETE FROM public.window_to; COMMIT',
	'ALTER TABLE %s DISABLE TRIGGER protect_rows', 'ALTER TABLE %s DISABLE TRIGGER ALL', 'ALTER TABLE %s ENABLE REPLICA TRIGGER protect_rows',
	'DROP TRIGGER protect_rows ON %s', 'ALTER TRIGGER protect_rows ON %s RENAME TO harmless',
	'CREATE RULE quiet AS ON INSERT TO %s DO INSTEAD NOTHING', 'ALTER TABLE %s RENAME TO elsewhere', 'ALTER TABLE %s SET SCHEMA public',
	'ALTER TABLE %s RENAME COLUMN %c TO harmless', 'ALTER TABLE %s OWNER TO app', 'ALTER TABLE %s ADD COLUMN more integer',
	'ALTER TABLE %s ENABLE ROW LEVEL SECURITY', 'CREATE POLICY nothing ON %s USING (false)',
	'CREATE TRIGGER mine BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'BEGIN; CREATE TABLE public.below () INHERITS (%s); ROLLBACK',
	'BEGIN; CREATE TABLE public.below (LIKE %s INCLUDING ALL); ALTER TABLE public.below INHERIT %s; ROLLBACK', 'ALTER TABLE %s DROP COLUMN %c CASCADE',
	'BEGIN; ALTER EXTENSION schema_guard DROP TABLE %s; ROLLBACK');
for my $table (@tables)
{
	my $column = value($node, "SELECT attname FROM pg_attribute WHERE attrelid = '$table'::regclass AND attnum = 2");
	my $rows = "SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM $table AS t" . ($table eq 'schema_guard.audit' ? ' WHERE id <= 50' : '');
	for my $replica ('', 'SET session_replication_role = replica; ')
	{
		value($node, 'SELECT schema_guard.absorb_journal()');
		# The attempts file requests, move the journal's position and are audited: those change by the guard's own hand.
		my $guarded = $table =~ /\.(approver|approval|approval_effect|standing_policy|audit)$/;
		my $before = value($node, $rows);
		for my $attempt (@attempts)
		{
			(my $statement = $attempt) =~ s/%s/$table/g;
			$statement =~ s/%c/$column/g;
			refused($node, "$replica$statement", 'SG007', qr/schema_guard/, "$replica$statement", role => 'superuser');
		}
		# PostgreSQL itself refuses to take a table out of an extension in this way, should the guard leave that to it.
		my $dropped = run_sql($node, "${replica}DROP TABLE $table CASCADE", role => 'superuser');
		like("@{ $dropped->{states} }", qr/^(?:SG007|2BP01)$/, "${replica}DROP TABLE $table CASCADE");
		refused($node, "${replica}COPY $table FROM stdin;\n\\.\n", 'SG007', qr/schema_guard/, "${replica}COPY into $table", role => 'superuser');
		is(value($node, $rows), $before, "$table: its rows are what they were") if $guarded;
	}
	for my $attempt ('INSERT INTO %s DEFAULT VALUES', "UPDATE %s SET $column = $column", 'DELETE FROM %s', 'TRUNCATE %s', 'DROP TABLE %s', 'ALTER TABLE %s DISABLE TRIGGER ALL')
	{
		(my $statement = $attempt) =~ s/%s/$table/g;
		refused($node, $statement, '42501', qr/permission denied|must be owner/, "as a normal role: $statement");
	}
}
my $expected = 2 * @tables * (@attempts + 1);
settled($node, qq{SELECT count(*) FROM schema_guard.blocked WHERE rule = 'guard_tampering' AND session_role = '$superuser' AND command_tag <> 'DROP TABLE'}, $expected, "all $expected attempts are on record");

# The rest of the guard: its functions, views, sequences, schema and event triggers.
for my $attempt (
	'DROP EXTENSION schema_guard', 'DROP EXTENSION schema_guard CASCADE', 'DROP SCHEMA schema_guard CASCADE',
	'ALTER SCHEMA schema_guard RENAME TO elsewhere', 'ALTER SCHEMA schema_guard OWNER TO app',
	'ALTER EXTENSION schema_guard DROP EVENT TRIGGER schema_guard_ddl_command_start',
	'ALTER EXTENSION schema_guard DROP FUNCTION schema_guard.protect_rows()',
	'ALTER FUNCTION schema_guard.protect_rows() RENAME TO harmless', 'ALTER FUNCTION schema_guard.protect_rows() OWNER TO app',
	'ALTER FUNCTION schema_guard.protect_rows() SET SCHEMA public',
	q{CREATE OR REPLACE FUNCTION schema_guard.protect_rows() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'},
	'CREATE OR REPLACE VIEW schema_guard.rule AS SELECT name, default_action, summary FROM schema_guard.rules() LIMIT 0',
	'ALTER VIEW schema_guard.pending RENAME TO harmless',
	'ALTER SEQUENCE schema_guard.request_id_seq RESTART',
	'ALTER INDEX schema_guard.request_pending RENAME TO harmless', 'DROP INDEX schema_guard.request_pending')
{
	$expected++;
	refused($node, "BEGIN; $attempt; ROLLBACK", 'SG007', qr/schema_guard/, "$attempt is refused", role => 'superuser');
}
settled($node, qq{SELECT count(*) FROM schema_guard.blocked WHERE rule = 'guard_tampering' AND session_role = '$superuser' AND command_tag <> 'DROP TABLE'}, $expected, 'these are on record as well');

# A foreign key that would take rows along.
refused($node, 'CREATE TABLE public.leash (id bigint REFERENCES schema_guard.request ON DELETE CASCADE); DELETE FROM schema_guard.request',
	'SG007', qr/schema_guard/, 'not by way of a foreign key', role => 'superuser');

# With an approval it works, once.
my $denial = refused($node, 'DELETE FROM schema_guard.audit WHERE id = 1', 'SG007', qr/cannot change the rows of table schema_guard\.audit without an approval: it belongs to schema_guard/, 'a row is to go', role => 'superuser');
my $token = approve($node, request_named($denial));
accepted($node, "SET schema_guard.approval_token = '$token'; DELETE FROM schema_guard.audit WHERE id = 1", 'with an approval it goes', role => 'superuser');
is(value($node, 'SELECT count(*) FROM schema_guard.audit WHERE id = 1'), 0, 'it is gone');
is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE verdict = 'approved' AND command_tag = 'DELETE'"), 1, 'and that is on record');
refused($node, "SET schema_guard.approval_token = '$token'; DELETE FROM schema_guard.audit WHERE id = 1", 'SG003', qr/has been used/, 'only once', role => 'superuser');

$node->stop;
done_testing();
