# Another extension can keep the event triggers' functions from running, with nothing in a catalog to show for it: as some do
# for roles that they trust. What is loaded here does that to every event trigger. Rings 2 and 3 stand without ring 1.
use strict;
use warnings;
use File::Spec;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $source = q{
#include "postgres.h"
#include "fmgr.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;
void _PG_init(void);

static needs_fmgr_hook_type next_needs;
static fmgr_hook_type next_hook;

static Datum nothing(PG_FUNCTION_ARGS) { PG_RETURN_NULL(); }

static bool needs(Oid function)
{
	return get_func_rettype(function) == EVENT_TRIGGEROID || (next_needs && next_needs(function));
}

/* What is about to be called for an event trigger does nothing. */
static void started(FmgrHookEventType event, FmgrInfo *info, Datum *argument)
{
	if (event == FHET_START && get_func_rettype(info->fn_oid) == EVENT_TRIGGEROID)
		info->fn_addr = nothing;
	if (next_hook)
		next_hook(event, info, argument);
}

void _PG_init(void)
{
	next_needs = needs_fmgr_hook;
	needs_fmgr_hook = needs;
	next_hook = fmgr_hook;
	fmgr_hook = started;
}
};
my $folder = File::Spec->rel2abs("$PostgreSQL::Test::Utils::tmp_check/skips");
mkdir $folder or die "$folder: $!";
append_to_file("$folder/skips.c", $source);
chomp(my $include = `pg_config --includedir-server`);
command_ok([ 'cc', '-O1', '-fPIC', '-shared', '-w', "-I$include", '-o', "$folder/skips.so", "$folder/skips.c" ], 'the other extension');

my $node = guarded_cluster('skipped_event_triggers');
value($node, q{CREATE TABLE fired (tag text); CREATE FUNCTION fires() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.fired VALUES (tg_tag); END $$;
	CREATE EVENT TRIGGER fires ON ddl_command_start EXECUTE FUNCTION fires()});
run_sql($node, q{CREATE TABLE t (i integer PRIMARY KEY, n numeric); INSERT INTO t VALUES (1, 1.5); CREATE VIEW v AS SELECT i FROM t}, role => 'superuser');
is(value($node, 'SELECT count(*) FROM fired'), 2, 'event triggers run');
$node->append_conf('postgresql.conf', "session_preload_libraries = 'schema_guard, $folder/skips.so'\n");
$node->reload;
wait_until(sub { value($node, 'SHOW session_preload_libraries') =~ /skips/ });
my $fired = value($node, 'SELECT count(*) FROM fired');
value($node, 'CREATE TABLE another (i integer)');
is(value($node, 'SELECT count(*) FROM fired'), $fired, 'and with the other extension, none does');

for my $each (
	[ 'DROP TABLE t CASCADE', 'SG001', 'drop_table' ],
	[ 'ALTER TABLE t DROP COLUMN n', 'SG001', 'drop_column' ],
	[ 'ALTER TABLE t ALTER n TYPE integer', 'SG001', 'lossy_type_change' ],
	[ 'TRUNCATE t', 'SG001', 'truncate_table' ],
	[ 'ALTER TABLE schema_guard.audit ADD COLUMN note text', 'SG007', 'guard_tampering' ],
	[ 'DROP EXTENSION schema_guard CASCADE', 'SG007', 'guard_tampering' ],
	[ 'GRANT INSERT ON schema_guard.approver TO app', 'SG007', 'guard_tampering' ],
	[ 'CREATE OR REPLACE FUNCTION schema_guard.status() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$', 'SG007', 'guard_tampering' ],
	[ 'ALTER DATABASE postgres SET schema_guard.mode = off', 'SG007', 'guard_tampering' ])
{
	my ($statement, $state, $rule) = @$each;
	my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	refused($node, $statement, $state, qr/without an approval/, "refused: $statement", role => 'superuser');
	settled($node, "SELECT rule FROM schema_guard.blocked WHERE id > $last", $rule, "$statement: on record");
}
for my $each ([ 'ALTER TABLE t RENAME n TO m', 'rename_column' ], [ 'ALTER TABLE t DROP CONSTRAINT t_pkey', 'drop_primary_key' ], [ 'ALTER TABLE t SET UNLOGGED', 'set_unlogged' ])
{
	my ($statement, $rule) = @$each;
	my $result = accepted($node, "BEGIN; $statement; ROLLBACK", "passes: $statement", role => 'superuser');
	is(join(' ', $result->{err} =~ /The rule is (\w+)/g), $rule, "$statement: with one WARNING");
}
accepted($node, 'CREATE TABLE more (i integer); ALTER TABLE more ADD COLUMN j integer; CREATE INDEX ON more (i); DROP VIEW v', 'the rest passes', role => 'superuser');
is(value($node, q{SELECT string_agg(command_tag, ', ' ORDER BY id) FROM schema_guard.audit WHERE verdict = 'allowed' AND id > (SELECT max(id) FROM schema_guard.blocked)}),
	'CREATE TABLE, ALTER TABLE, CREATE INDEX, DROP VIEW', 'and is on record, once');
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
