# The guard's own objects under names that stood for others when the statement was judged: somebody else's event trigger
# changes search_path before PostgreSQL looks the names up, or a table gets out of the way while the statement waits.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('guard_meanwhile');
$node->safe_psql('postgres', q{
	CREATE TABLE public.approver (i integer);
	CREATE TRIGGER protect_rows BEFORE INSERT ON public.approver FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
	CREATE FUNCTION public.approve(bigint, text, interval) RETURNS text LANGUAGE sql AS 'SELECT NULL';
	CREATE FUNCTION public.other_path() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM set_config('search_path', 'schema_guard, public', false); END $$;
	CREATE EVENT TRIGGER zzzz ON ddl_command_start WHEN TAG IN ('ALTER TABLE', 'ALTER FUNCTION', 'CREATE TRIGGER', 'DROP TRIGGER', 'CREATE RULE', 'CREATE POLICY', 'CREATE INDEX')
		EXECUTE FUNCTION public.other_path();});

# What there is to be lost.
my $everything = q{SELECT md5(concat(
	(SELECT string_agg(concat(relname, relowner, relkind, relrowsecurity, relhasrules, relnatts), '|' ORDER BY oid) FROM pg_class WHERE relnamespace = 'schema_guard'::regnamespace),
	(SELECT string_agg(concat(tgrelid, tgname, tgenabled), '|' ORDER BY oid) FROM pg_trigger WHERE tgrelid = 'schema_guard.approver'::regclass),
	(SELECT string_agg(concat(proname, proowner, prosecdef, proconfig), '|' ORDER BY oid) FROM pg_proc WHERE pronamespace = 'schema_guard'::regnamespace)))};
my $whole = value($node, $everything);

for my $statement (
	'ALTER TABLE approver DISABLE TRIGGER ALL',
	'ALTER TABLE approver ENABLE REPLICA TRIGGER protect_rows',
	'ALTER TABLE approver ADD COLUMN more integer',
	'ALTER TABLE approver OWNER TO app',
	'ALTER TABLE approver ADD CHECK (false) NOT VALID',
	'ALTER TABLE approver RENAME TO gone',
	'DROP TRIGGER protect_rows ON approver',
	'CREATE TRIGGER swallow BEFORE INSERT ON approver FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'CREATE RULE swallow AS ON INSERT TO approver DO INSTEAD NOTHING',
	'CREATE POLICY hide ON approver USING (false)',
	'ALTER FUNCTION approve(bigint, text, interval) OWNER TO app',
	'ALTER FUNCTION approve(bigint, text, interval) SECURITY DEFINER')
{
	my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	refused($node, "SET search_path = public, schema_guard; $statement", 'SG007', qr/it belongs to schema_guard/, $statement,
		role => 'superuser');
	is(value($node, $everything), $whole, "$statement: nothing has changed");
	# While a table of the guard's has another name, there is only the server log.
	settled($node, "SELECT rule FROM schema_guard.blocked WHERE id > $last", 'guard_tampering', "$statement: on record")
	  unless $statement =~ /RENAME/;
}

# Where the names mean what they meant, nobody minds.
for my $statement ('ALTER TABLE public.approver ADD COLUMN more integer', 'DROP TRIGGER protect_rows ON public.approver',
	'ALTER FUNCTION public.approve(bigint, text, interval) OWNER TO app', 'CREATE INDEX ON public.approver (more)')
{
	is(accepted($node, $statement, "passes: $statement", role => 'superuser')->{err}, '', "$statement: without a word");
}

# Two sessions: the decoy goes while the statement waits for it.
value($node, 'SET schema_guard.mode = off; DROP EVENT TRIGGER zzzz');
{
	my $path = 'SET search_path = public, schema_guard;';
	my $first = $node->background_psql('postgres', on_error_stop => 0);
	my $second = $node->background_psql('postgres', on_error_stop => 0);
	$first->query('BEGIN; SET LOCAL client_min_messages = error; ALTER TABLE public.approver RENAME TO away');
	$second->query_safe($path);
	$second->query_until(qr/waiting/, "\\echo waiting\nALTER TABLE approver DISABLE TRIGGER ALL;\n");
	ok(wait_until(sub { value($node, q{SELECT count(*) FROM pg_locks WHERE NOT granted}) }), 'it waits for the decoy');
	$first->query('COMMIT');
	$second->query('SELECT 1');
	like($second->{stderr}, qr/without an approval: it belongs to schema_guard/, 'it comes to the table itself, and is refused');
	is(value($node, $everything), $whole, 'nothing has changed');
	$_->{stderr} = '', $_->quit for $first, $second;
}
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
