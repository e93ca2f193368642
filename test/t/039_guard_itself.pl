# The guard guards itself: whatever would take a piece of it away, alter it or speak in its place, by any statement, is
# refused as guard_tampering; what PostgreSQL refuses by itself it refuses; and what only looks after it passes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('guard_itself');
$node->safe_psql('postgres', q{
	SELECT schema_guard.harden();
	CREATE ROLE second LOGIN SUPERUSER;
	CREATE TABLE heir (LIKE schema_guard.audit);
	CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE DATABASE owned;});
my $since_17 = $node->pg_version->major >= 17;
my $trigger = 'schema_guard_ddl_command_start';

# What the guard consists of, to be compared: members, definitions, triggers, privileges and owners.
my $everything = q{
	SELECT md5(string_agg(t, E'\n' ORDER BY t)) FROM (
		SELECT pg_describe_object(classid, objid,
			objsubid) AS t FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'schema_guard')
		UNION ALL SELECT e::text FROM pg_event_trigger e
		UNION ALL SELECT row(p.oid, proname, proowner, prosrc, proconfig, proacl, procost,
			prosecdef)::text FROM pg_proc p WHERE pronamespace = 'schema_guard'::regnamespace
		UNION ALL SELECT row(c.oid, relname, relowner, relacl, relrowsecurity, relpersistence, relhasrules,
			reloptions)::text FROM pg_class c WHERE relnamespace = 'schema_guard'::regnamespace
		UNION ALL SELECT row(attrelid, attname, atttypid, attisdropped,
			attnotnull)::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE relnamespace = 'schema_guard'::regnamespace
		UNION ALL SELECT row(t.oid, tgname,
			tgenabled)::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE relnamespace = 'schema_guard'::regnamespace
		UNION ALL SELECT row(inhrelid,
			inhparent)::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent WHERE relnamespace = 'schema_guard'::regnamespace
		UNION ALL SELECT n::text FROM pg_namespace n WHERE nspname LIKE 'schema\_guard%'
		UNION ALL SELECT pg_get_viewdef(c.oid) FROM pg_class c WHERE relnamespace = 'schema_guard'::regnamespace AND relkind = 'v') everything (t)};

# What is the guard's own is refused, to a superuser. Where it fails for PostgreSQL's own reasons first, that is told: a SQLSTATE.
my $status = 'CREATE OR REPLACE FUNCTION schema_guard.status(OUT layer text, OUT condition text, OUT state text, OUT detail text, OUT remedy text) RETURNS SETOF record LANGUAGE sql';
my @refused = (
	# event triggers
	"ALTER EVENT TRIGGER $trigger DISABLE",
	"ALTER EVENT TRIGGER $trigger ENABLE",
	"ALTER EVENT TRIGGER $trigger ENABLE REPLICA",
	"ALTER EVENT TRIGGER $trigger RENAME TO harmless",
	"ALTER EVENT TRIGGER $trigger OWNER TO second",
	"SET session_replication_role = replica; ALTER EVENT TRIGGER $trigger DISABLE",
	"DO \$\$ BEGIN EXECUTE 'ALTER EVENT TRIGGER $trigger DISABLE'; END \$\$",
	[ "DROP EVENT TRIGGER $trigger", '2BP01' ],
	[ "DROP EVENT TRIGGER IF EXISTS $trigger CASCADE", '2BP01' ],
	# extension and schema
	'DROP EXTENSION schema_guard',
	'DROP EXTENSION IF EXISTS nosuch, schema_guard CASCADE',
	'SET session_replication_role = replica; DROP EXTENSION schema_guard CASCADE',
	"ALTER EXTENSION schema_guard DROP EVENT TRIGGER $trigger",
	'ALTER EXTENSION schema_guard DROP TABLE schema_guard.audit',
	'ALTER EXTENSION schema_guard DROP FUNCTION schema_guard.protect_rows()',
	'ALTER EXTENSION schema_guard DROP SCHEMA schema_guard',
	'ALTER EXTENSION schema_guard ADD TABLE heir',
	'DROP SCHEMA schema_guard CASCADE',
	[ 'DROP SCHEMA schema_guard', '2BP01' ],
	'ALTER SCHEMA schema_guard RENAME TO schema_guard_once',
	'ALTER SCHEMA schema_guard OWNER TO second',
	# tables and their parts
	'ALTER TABLE schema_guard.audit ADD COLUMN more integer',
	'ALTER TABLE schema_guard.audit DROP COLUMN duration',
	'ALTER TABLE schema_guard.audit DROP COLUMN statement CASCADE',
	[ 'ALTER TABLE schema_guard.audit DROP COLUMN statement', '2BP01' ],
	'ALTER TABLE ONLY schema_guard.audit ALTER verdict DROP NOT NULL',
	'ALTER TABLE schema_guard.approval ALTER valid_until SET DEFAULT now()',
	'ALTER TABLE schema_guard.audit ALTER duration TYPE text',
	'ALTER TABLE schema_guard.audit RENAME TO audited',
	'ALTER TABLE schema_guard.audit RENAME verdict TO outcome',
	'ALTER TABLE schema_guard.audit SET SCHEMA public',
	'ALTER TABLE schema_guard.audit OWNER TO second',
	'ALTER TABLE schema_guard.audit SET UNLOGGED',
	'ALTER TABLE schema_guard.audit SET (autovacuum_enabled = off)',
	'ALTER TABLE schema_guard.audit ENABLE ROW LEVEL SECURITY',
	'ALTER TABLE schema_guard.audit DISABLE TRIGGER ALL',
	'ALTER TABLE schema_guard.audit DISABLE TRIGGER USER',
	'ALTER TABLE schema_guard.audit DISABLE TRIGGER protect_rows',
	'ALTER TABLE schema_guard.audit ENABLE TRIGGER protect_rows',
	'ALTER TABLE schema_guard.audit ENABLE REPLICA TRIGGER skip_replicated_rows',
	'ALTER TABLE heir INHERIT schema_guard.audit',
	'ALTER TABLE schema_guard.audit INHERIT heir',
	'ALTER TABLE schema_guard.approval_effect DROP CONSTRAINT approval_effect_pkey',
	'ALTER TABLE schema_guard.approval_effect ADD CHECK (ordinal > 0)',
	'ALTER INDEX schema_guard.approver_current RENAME TO other',
	'ALTER SEQUENCE schema_guard.audit_id_seq RESTART',
	'ALTER VIEW schema_guard.blocked RENAME TO other',
	'ALTER TRIGGER protect_rows ON schema_guard.audit RENAME TO other',
	'DROP TRIGGER protect_rows ON schema_guard.audit',
	'DROP INDEX schema_guard.approver_current',
	'DROP TABLE schema_guard.audit CASCADE',
	[ 'DROP TABLE schema_guard.audit', '2BP01' ],
	[ 'DROP VIEW schema_guard.blocked', '2BP01' ],
	'CREATE TRIGGER swallow BEFORE INSERT ON schema_guard.request FOR EACH ROW EXECUTE FUNCTION nothing()',
	'CREATE RULE swallow AS ON INSERT TO schema_guard.audit DO INSTEAD NOTHING',
	'CREATE POLICY hide ON schema_guard.audit USING (false)',
	'CREATE INDEX ON schema_guard.audit (lower(statement))',
	'CREATE TABLE below () INHERITS (schema_guard.audit)',
	q{CREATE OR REPLACE VIEW schema_guard.blocked AS SELECT id, occurred_at, rule, command_tag, statement, effects, session_role, effective_role, application_name, client_address, request_id, sensor FROM schema_guard.audit WHERE false},
	# rows
	'DELETE FROM schema_guard.audit',
	q{UPDATE schema_guard.request SET status = 'approved'},
	q{INSERT INTO schema_guard.approver (role, role_name, granted_by) VALUES (1, 'a', 'b')},
	'TRUNCATE schema_guard.audit',
	'TRUNCATE heir, schema_guard.request CASCADE',
	'WITH gone AS (DELETE FROM schema_guard.audit RETURNING *) SELECT count(*) FROM gone',
	'COPY schema_guard.audit FROM PROGRAM \'true\'',
	'MERGE INTO schema_guard.approval USING heir ON false WHEN NOT MATCHED THEN DO NOTHING WHEN MATCHED THEN DELETE',
	'SET session_replication_role = replica; DELETE FROM schema_guard.audit',
	# functions
	"$status AS 'SELECT NULL, NULL, NULL, NULL, NULL'",
	"SET search_path = schema_guard, public; CREATE FUNCTION approve(integer) RETURNS text LANGUAGE sql AS 'SELECT NULL'",
	"CREATE PROCEDURE schema_guard.do_it() LANGUAGE sql AS 'SELECT 1'",
	'ALTER FUNCTION schema_guard.approve(bigint, text, interval, boolean) RENAME TO other',
	'ALTER FUNCTION schema_guard.protect_rows() OWNER TO second',
	'ALTER FUNCTION schema_guard.protect_rows() SET SCHEMA public',
	'ALTER FUNCTION schema_guard.protect_rows() COST 1000',
	'ALTER FUNCTION schema_guard.status() RESET search_path',
	'ALTER FUNCTION schema_guard.status() SECURITY DEFINER',
	'ALTER FUNCTION schema_guard.status() DEPENDS ON EXTENSION plpgsql',
	[ 'DROP FUNCTION schema_guard.protect_rows() CASCADE', '2BP01' ],
	# privileges
	'GRANT ALL ON SCHEMA schema_guard TO app',
	'GRANT INSERT ON schema_guard.audit TO app',
	'GRANT SELECT, UPDATE (verdict) ON schema_guard.audit TO app',
	'GRANT TRIGGER ON schema_guard.request TO app',
	'GRANT ALL ON ALL TABLES IN SCHEMA schema_guard TO PUBLIC',
	'GRANT CREATE ON SCHEMA schema_guard TO app',
);
push @refused, 'SET event_triggers = off; DROP EXTENSION schema_guard',
	'SET event_triggers = off; ALTER TABLE schema_guard.audit DISABLE TRIGGER ALL' if $since_17;
if ($node->safe_psql('postgres',
	q{SELECT pronargs FROM pg_proc WHERE proname = 'approve' AND pronamespace = 'schema_guard'::regnamespace}) == 3)
{
	s/\(bigint, text, interval, boolean\)/(bigint, text, interval)/ for grep { !ref } @refused;
}

# What looks after it, or at it, passes.
my @passes = (
	"ALTER EVENT TRIGGER $trigger ENABLE ALWAYS",
	'SELECT count(*) FROM schema_guard.audit',
	'SELECT 1 FROM schema_guard.request FOR UPDATE',
	'LOCK TABLE schema_guard.audit IN SHARE MODE',
	'ANALYZE schema_guard.audit',
	'REINDEX TABLE schema_guard.approval',
	'CLUSTER schema_guard.approval USING approval_pkey',
	'CREATE TABLE copied AS SELECT * FROM schema_guard.audit',
	'CREATE TABLE likeness (LIKE schema_guard.audit INCLUDING ALL)',
	'CREATE VIEW seen AS SELECT * FROM schema_guard.audit',
	q{COMMENT ON DATABASE postgres IS 'guarded'},
	'EXPLAIN DELETE FROM schema_guard.audit',
	'GRANT SELECT ON schema_guard.audit TO app',
	'GRANT USAGE ON SCHEMA schema_guard TO app',
	'GRANT EXECUTE ON FUNCTION schema_guard.harden() TO app',
	'GRANT ALL ON ALL FUNCTIONS IN SCHEMA schema_guard TO app',
	q{SELECT schema_guard.set_policy('drop_table', 'record', 'scratch.%', reason => 'x')},
	q{SELECT schema_guard.grant_approver('second')},
	'CREATE EVENT TRIGGER another ON ddl_command_end WHEN TAG IN (\'DROP CAST\') EXECUTE FUNCTION schema_guard.on_ddl_command_end()',
	'CREATE SCHEMA schema_guard_too; CREATE FUNCTION schema_guard_too.status() RETURNS integer LANGUAGE sql AS \'SELECT 1\'; DROP SCHEMA schema_guard_too CASCADE',
);

sub requests { return value($node, 'SELECT count(*) FROM schema_guard.request'); }

my $whole = value($node, $everything);
my $rows = q{SELECT (SELECT count(*) FROM schema_guard.approver), (SELECT count(*) FROM schema_guard.approval)};
my $count = value($node, $rows);
for my $each (@refused)
{
	my ($statement, $state) = ref $each ? @$each : ($each, 'SG007');
	my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	my $requests = requests();
	my $result = run_sql($node, $statement, role => 'superuser', keep_going => 1);
	is("@{ $result->{states} }", $state, "$state: $statement") or diag($result->{err});
	is(value($node, $everything) . value($node, $rows), $whole . $count, "$statement: nothing has changed");
	if ($state eq 'SG007')
	{
		settled($node, "SELECT rule FROM schema_guard.blocked WHERE id > $last", 'guard_tampering', "$statement: on record");
	}
	else
	{
		is(requests(), $requests, "$statement: nobody is asked");
	}
	# Whoever is no superuser gets PostgreSQL's own answer.
	next if $statement =~ /^SET |FROM PROGRAM|^DO /;
	$requests = requests();
	$result = run_sql($node, $statement, keep_going => 1);
	# GRANT and REVOKE only warn that nothing was granted.
	like("@{ $result->{states} }", $statement =~ /^(?:GRANT|REVOKE)/ ? qr/^$|^42501$/ : qr/^(?:42501|2BP01|42704)$/,
		"$statement: app may not anyway") or diag($result->{err});
	is(value($node, $everything), $whole, "$statement: nothing has changed by it");
	is(requests(), $requests, "$statement: and nobody is asked");
}

for my $statement (@passes)
{
	my $result = run_sql($node, "BEGIN; $statement; ROLLBACK", role => 'superuser');
	is("@{ $result->{states} }" . ($result->{err} =~ /(WARNING):/ ? $1 : ''), '', "passes: $statement") or diag($result->{err});
}
is(value($node, $everything), $whole, 'all is as it was');
accepted($node, 'VACUUM schema_guard.audit; VACUUM FULL schema_guard.approver; REINDEX TABLE CONCURRENTLY schema_guard.approval',
	'maintenance passes', role => 'superuser');

# Whom a superuser has given a foothold, with the guard off, is asked as any owner is.
$node->safe_psql('postgres', q{SET schema_guard.mode = off;
	GRANT USAGE, CREATE ON SCHEMA schema_guard TO app; GRANT ALL ON ALL TABLES IN SCHEMA schema_guard TO app; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA schema_guard TO app});
for my $statement (
	'CREATE TRIGGER swallow BEFORE INSERT ON schema_guard.request FOR EACH ROW EXECUTE FUNCTION nothing()',
	q{CREATE FUNCTION schema_guard.approve(bigint) RETURNS text LANGUAGE sql AS 'SELECT NULL'},
	q{INSERT INTO schema_guard.approver (role, role_name, granted_by) VALUES (1, 'a', 'b')},
	'UPDATE schema_guard.approval SET revoked_at = NULL', 'DELETE FROM schema_guard.audit', 'TRUNCATE schema_guard.audit')
{
	refused($node, $statement, 'SG007', qr/it belongs to schema_guard/, "with every privilege: $statement");
}
refused($node, $_, '42501', qr/permission|superuser|owner|approver/i, "with every privilege: $_")
  for q{SELECT schema_guard.harden()}, q{SELECT schema_guard.grant_approver('app')}, q{SELECT schema_guard.approve(1, 'x')},
	q{SELECT schema_guard.absorb_journal()},
  q{SELECT schema_guard.set_policy('drop_table', 'allow', '%', reason => 'x')};

# Where somebody else than the bootstrap superuser owns it, what is done to all that somebody has.
$node->safe_psql('owned', q{SET SESSION AUTHORIZATION second; CREATE EXTENSION schema_guard; SELECT schema_guard.grant_approver('dba'); SELECT schema_guard.harden();
	CREATE TABLE seconds AS SELECT 1 AS i});
for my $statement ('REASSIGN OWNED BY second TO postgres', 'DROP OWNED BY second', 'DROP OWNED BY second CASCADE',
	'REASSIGN OWNED BY app, second TO dba')
{
	my $before = $node->safe_psql('owned', $everything);
	my $result = run_sql($node, "RESET SESSION AUTHORIZATION;\n$statement", role => 'superuser', connection => 'dbname=owned',
		keep_going => 1);
	is("@{ $result->{states} }", 'SG007', "$statement, who owns the guard") or diag($result->{err});
	is($node->safe_psql('owned', $everything), $before, "$statement: nothing has changed");
}
my $result = run_sql($node, 'DROP ROLE second', role => 'superuser', keep_going => 1);
is("@{ $result->{states} }", '2BP01', 'DROP ROLE of who owns the guard is refused by PostgreSQL');

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
