# System catalogs written by hand, by every way that leads to a row: what a superuser does around DDL is refused as
# change_catalog, approved like anything else; reading, planning and statistics are nobody's business.
use strict;
use warnings;
use File::Spec;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('catalogs');
$node->safe_psql('postgres', q{
	SELECT schema_guard.harden();
	CREATE TABLE precious (i integer, t text); INSERT INTO precious SELECT i, i FROM generate_series(1, 10) i; ANALYZE precious;
	CREATE VIEW relations AS SELECT oid, relname, relkind FROM pg_class;
	CREATE VIEW odd AS SELECT 1 AS one;
	CREATE FUNCTION write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE pg_class SET relname = 'gone' WHERE relname = 'precious'; RETURN NEW; END $$;
	CREATE TRIGGER write INSTEAD OF UPDATE ON odd FOR EACH ROW EXECUTE FUNCTION write();
	CREATE FUNCTION by_sql() RETURNS void LANGUAGE sql AS $$ DELETE FROM pg_event_trigger $$;
	CREATE TABLE ruled (i integer); CREATE RULE also AS ON INSERT TO ruled DO ALSO DELETE FROM pg_event_trigger;
	SELECT lo_from_bytea(4711, 'x');});
my $since_17 = $node->pg_version->major >= 17;
my $file = File::Spec->rel2abs($node->basedir . '/rows');
append_to_file($file, "0\t0\t{schema_guard.mode=off}\n");

# What must not have happened.
my $everything = q{SELECT md5(concat(
	(SELECT string_agg(e::text, '|' ORDER BY oid) FROM pg_event_trigger e),
		(SELECT string_agg(s::text, '|' ORDER BY setdatabase, setrole) FROM pg_db_role_setting s),
	(SELECT string_agg(row(oid, tgenabled, tgfoid)::text, '|' ORDER BY oid) FROM pg_trigger),
		(SELECT string_agg(row(oid, relname, relkind)::text, '|' ORDER BY oid) FROM pg_class WHERE oid >= 16384),
	(SELECT string_agg(row(attrelid, attname)::text, '|' ORDER BY attrelid, attnum) FROM pg_attribute WHERE attrelid >= 16384),
		(SELECT count(*) FROM pg_depend),
	(SELECT string_agg(row(oid, proname, prosrc)::text, '|' ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
		(SELECT count(*) FROM pg_authid), (SELECT count(*) FROM pg_largeobject), (SELECT count(*) FROM precious)))};

my @refused = (
	[ 'DELETE FROM pg_event_trigger', 'pg_event_trigger' ],
	[ q{UPDATE pg_event_trigger SET evtenabled = 'D'}, 'pg_event_trigger' ],
	[ q{UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'protect_rows'}, 'pg_trigger' ],
	[ q{INSERT INTO pg_db_role_setting VALUES (0, 0, '{schema_guard.mode=off}')}, 'pg_db_role_setting' ],
	[ q{UPDATE pg_class SET relname = 'gone' WHERE relname = 'precious'}, 'pg_class' ],
	[ q{UPDATE pg_class SET relfilenode = 0 WHERE relname = 'precious'}, 'pg_class' ],
	[ q{DELETE FROM pg_attribute WHERE attrelid = 'precious'::regclass AND attname = 't'}, 'pg_attribute' ],
	[ q{UPDATE pg_attribute SET attisdropped = true WHERE attrelid = 'precious'::regclass AND attname = 't'}, 'pg_attribute' ],
	[ q{UPDATE pg_proc SET prosrc = 'nothing' WHERE pronamespace = 'schema_guard'::regnamespace}, 'pg_proc' ],
	[ 'DELETE FROM pg_depend', 'pg_depend' ],
	[ q{DELETE FROM pg_extension WHERE extname = 'schema_guard'}, 'pg_extension' ],
	[ q{UPDATE pg_database SET datallowconn = false WHERE datname = 'template1'}, 'pg_database' ],
	[ q{UPDATE pg_authid SET rolsuper = true WHERE rolname = 'app'}, 'pg_authid' ],
	[ 'DELETE FROM pg_largeobject', 'pg_largeobject' ],
	[ 'DELETE FROM ONLY pg_catalog.pg_shdepend', 'pg_shdepend' ],
	[ 'DELETE FROM pg_constraint USING pg_class c WHERE conrelid = c.oid', 'pg_constraint' ],
	[ 'UPDATE pg_event_trigger SET evtname = evtname WHERE false', 'pg_event_trigger' ],
	# by every way
	[ 'WITH gone AS (DELETE FROM pg_event_trigger RETURNING *) SELECT * FROM gone', 'pg_event_trigger' ],
	[ 'WITH gone AS (DELETE FROM pg_event_trigger RETURNING oid) INSERT INTO precious SELECT 1 FROM gone', 'pg_event_trigger' ],
	[ 'MERGE INTO pg_event_trigger e USING precious p ON false WHEN NOT MATCHED THEN DO NOTHING WHEN MATCHED THEN DELETE',
		'pg_event_trigger' ],
	[ q{UPDATE relations SET relname = 'gone' WHERE relname = 'precious'}, 'pg_class' ],
	[ 'UPDATE odd SET one = 2', 'pg_class' ],
	[ 'INSERT INTO ruled VALUES (1)', 'pg_event_trigger' ],
	[ 'SELECT by_sql()', 'pg_event_trigger' ],
	[ q{DO $$ BEGIN DELETE FROM pg_event_trigger; END $$}, 'pg_event_trigger' ],
	[ q{DO $$ BEGIN EXECUTE 'DELETE FROM pg_event_trigger'; END $$}, 'pg_event_trigger' ],
	[ 'PREPARE p AS DELETE FROM pg_event_trigger; EXECUTE p', 'pg_event_trigger' ],
	[ 'EXPLAIN ANALYZE DELETE FROM pg_event_trigger', 'pg_event_trigger' ],
	[ 'BEGIN; DECLARE c CURSOR FOR SELECT * FROM pg_event_trigger FOR UPDATE; MOVE c; DELETE FROM pg_event_trigger WHERE CURRENT OF c; COMMIT',
		'pg_event_trigger' ],
	[ "COPY pg_db_role_setting FROM '$file'", 'pg_db_role_setting' ],
	[ "COPY pg_db_role_setting (setdatabase, setrole, setconfig) FROM STDIN;\n0\t0\t{schema_guard.mode=off}\n\\.\n",
		'pg_db_role_setting' ],
	[ "\\copy pg_db_role_setting from '$file'", 'pg_db_role_setting' ],
	[ 'SET session_replication_role = replica; DELETE FROM pg_event_trigger', 'pg_event_trigger' ],
	[ 'SET allow_system_table_mods = on; DELETE FROM pg_event_trigger', 'pg_event_trigger' ],
	[ q{BEGIN; SAVEPOINT s; DELETE FROM pg_event_trigger; ROLLBACK TO s; COMMIT}, 'pg_event_trigger' ],
);
push @refused, [ 'SET event_triggers = off; DELETE FROM pg_event_trigger', 'pg_event_trigger' ] if $since_17;

my @passes = (
	'SELECT count(*) FROM pg_event_trigger',
	'SELECT 1 FROM pg_class WHERE relname = \'precious\' FOR UPDATE',
	'SELECT 1 FROM pg_event_trigger FOR SHARE',
	'EXPLAIN DELETE FROM pg_event_trigger',
	'PREPARE p AS DELETE FROM pg_event_trigger; DEALLOCATE p',
	q{DELETE FROM pg_statistic WHERE starelid = 'precious'::regclass},
	'DELETE FROM pg_statistic_ext_data',
	'COPY pg_class TO STDOUT',
	'COPY (SELECT * FROM pg_event_trigger) TO STDOUT',
	'UPDATE information_schema.sql_features SET comments = comments',
	'ANALYZE precious',
	'SELECT lo_unlink(4711)',
	'CREATE TABLE copied AS SELECT * FROM pg_class',
	'CREATE TEMPORARY TABLE pg_class (i integer); INSERT INTO pg_temp.pg_class VALUES (1)',
	'CREATE STATISTICS s ON i, t FROM precious; COMMENT ON TABLE precious IS \'x\'; ALTER TABLE precious ADD COLUMN more integer; CREATE EXTENSION tablefunc',
);

my $before = value($node, $everything);
for my $each (@refused)
{
	my ($statement, $catalog) = @$each;
	my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	my $result = run_sql($node, $statement, role => 'superuser', keep_going => 1);
	is("@{ $result->{states} }", 'SG001', "refused: $statement") or diag($result->{err});
	is(value($node, $everything), $before, "$statement: nothing has changed");
	settled($node, "SELECT rule || ' ' || (effects -> 0 ->> 'identity') FROM schema_guard.blocked WHERE id > $last",
		"change_catalog pg_catalog.$catalog", "$statement: on record");
}
for my $statement (@passes)
{
	my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	my $result = run_sql($node, "BEGIN; $statement; ROLLBACK", role => 'superuser');
	is("@{ $result->{states} }" . ($result->{err} =~ /(WARNING):/ ? $1 : ''), '', "passes: $statement") or diag($result->{err});
	is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE id > $last AND (verdict = 'blocked' OR rule = 'change_catalog')"),
		0, "$statement: nobody takes note");
}
for my $statement ('DELETE FROM pg_event_trigger', q{UPDATE pg_class SET relname = 'gone'},
	"COPY pg_db_role_setting FROM STDIN;\n\\.\n")
{
	my $requests = value($node, 'SELECT count(*) FROM schema_guard.request');
	refused($node, $statement, '42501', qr/permission denied/, "PostgreSQL refuses app: $statement");
	is(value($node, 'SELECT count(*) FROM schema_guard.request'), $requests, "$statement: and nobody is asked");
}

# Approved: that catalog, once; rehearsed, warned of, and with the guard off.
{
	my $statement = q{UPDATE pg_class SET relhastriggers = relhastriggers WHERE relname = 'precious'};
	my $token = approve($node, request_named(run_sql($node, $statement, role => 'superuser')));
	my $with = "SET schema_guard.approval_token = '$token';\n";
	refused($node, "${with}DELETE FROM pg_event_trigger", 'SG003', qr/does not cover it/,
		'an approval for one catalog is none for another', role => 'superuser');
	accepted($node, "${with}BEGIN; $statement; ROLLBACK", 'approved, and rolled back', role => 'superuser');
	accepted($node, $with . $statement, 'approved, and done', role => 'superuser');
	is(value($node, q{SELECT string_agg(verdict || ' ' || command_tag, ', ') FROM schema_guard.audit WHERE rule = 'change_catalog' AND verdict = 'approved'}),
		'approved UPDATE', 'on record, once');
	refused($node, $with . $statement, 'SG003', qr/used for it already/, 'once', role => 'superuser');
	refused($node, "BEGIN; SET LOCAL schema_guard.rehearse = on; $statement; DELETE FROM pg_depend WHERE false; COMMIT", 'SG006',
		qr/2 effects/, 'rehearsed', role => 'superuser');
	my $warned = accepted($node, "SET schema_guard.mode = warn; $statement", 'with a laxer mode', role => 'superuser');
	like($warned->{err}, qr/WARNING:.*pg_class/, 'with a WARNING');
	accepted($node, "SET schema_guard.mode = off; $statement", 'with the guard off', role => 'superuser');
}
is(value($node, $everything), $before, 'all is as it was');
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
