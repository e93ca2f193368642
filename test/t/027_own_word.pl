# approve(), reject() and revoke() take an approver's own word. What PostgreSQL runs in an approver's session as somebody
# else, so that it has none of the approver's rights, has none of these either.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('own_word');
# boss may do everything with app's tables, and approves. app has got what it takes to call the functions.
value($node, q{
	SET schema_guard.mode = off;
	SELECT schema_guard.harden();
	CREATE ROLE boss LOGIN SUPERUSER;
	SELECT schema_guard.grant_approver('boss');
	GRANT USAGE ON SCHEMA schema_guard TO app;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA schema_guard TO app;
	GRANT SELECT ON schema_guard.pending TO app;});

# deputy() is what PostgreSQL takes for immutable, and calls; what it does is up to work().
accepted($node, q{
	CREATE TABLE gold (i integer); INSERT INTO gold VALUES (1);
	CREATE TABLE loot (word text);
	CREATE FUNCTION work() RETURNS integer LANGUAGE sql AS 'SELECT 1';
	CREATE FUNCTION deputy(i integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.work(); END';
	CREATE TABLE indexed (i integer); INSERT INTO indexed VALUES (1);
	CREATE INDEX indexed_deputy ON indexed (deputy(i));
	CREATE TABLE partial (i integer); INSERT INTO partial VALUES (1);
	CREATE INDEX partial_deputy ON partial (i) WHERE deputy(i) > 0;
	CREATE TABLE later (i integer); INSERT INTO later VALUES (1);
	CREATE TABLE with_statistics (i integer); INSERT INTO with_statistics VALUES (1);
	CREATE STATISTICS deputies ON (deputy(i)), i FROM with_statistics;
	CREATE MATERIALIZED VIEW seen AS SELECT deputy(i) FROM later;
	CREATE FUNCTION as_app() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT deputy(1)';
	CREATE FUNCTION as_app_within() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE 'SELECT public.deputy(1)'; RETURN 1; END $$;
	CREATE FUNCTION with_settings() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT deputy(1)';
	CREATE PROCEDURE proceed() LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM public.deputy(1); END $$;}, "app's objects");

my @ways = (
	[ 'an index expression, by ANALYZE' => 'ANALYZE indexed' ],
	[ 'an index expression, by VACUUM' => 'VACUUM (ANALYZE) indexed' ],
	[ 'an index expression, by REINDEX' => 'REINDEX TABLE indexed' ],
	[ 'an index expression, by REINDEX CONCURRENTLY' => 'REINDEX TABLE CONCURRENTLY indexed' ],
	[ 'an index expression, by CLUSTER' => 'CLUSTER indexed USING indexed_deputy' ],
	[ 'the predicate of an index' => 'REINDEX INDEX partial_deputy' ],
	[ 'a new index' => 'CREATE INDEX ON later (public.deputy(i))' ],
	[ 'extended statistics' => 'ANALYZE with_statistics' ],
	[ 'a materialized view' => 'REFRESH MATERIALIZED VIEW seen' ],
	[ 'SECURITY DEFINER' => 'SELECT as_app()' ],
	[ 'SECURITY DEFINER, within' => 'SELECT as_app_within()' ],
	[ 'SECURITY DEFINER, with settings' => 'SELECT with_settings()' ],
	[ 'a procedure with SECURITY DEFINER' => 'CALL proceed()' ],
	[ 'SECURITY DEFINER, in a DO block' => 'DO $$ BEGIN PERFORM as_app(); END $$' ]);

sub decisions
{
	return value($node, q{SELECT concat((SELECT string_agg(id || status, ' ' ORDER BY id) FROM schema_guard.request),
		(SELECT string_agg(coalesce(revoked_by, '-'), ' ') FROM schema_guard.approval))});
}

# One request to be decided, and one approval to be revoked.
my $request = request_named(refused($node, 'DROP TABLE gold', 'SG001', qr/gold/, 'a request of app\'s'));
my $revocable = request_named(refused($node, 'ALTER TABLE gold DROP COLUMN i', 'SG001', qr/gold/, 'and another'));
approve($node, $revocable);
my $approval = value($node, "SELECT id FROM schema_guard.approval WHERE request_id = $revocable");
my $before = decisions();

my %calls = (
	approve => "schema_guard.approve($request, 'thanks')",
	reject => "schema_guard.reject($request, 'no')::text",
	revoke => "schema_guard.revoke($approval, 'no')::text");
for my $function (sort keys %calls)
{
	for my $handler ('', 'EXCEPTION WHEN OTHERS THEN RETURN 1;')
	{
		my $swallowed = $handler ne '';
		value($node, qq{CREATE OR REPLACE FUNCTION work() RETURNS integer LANGUAGE plpgsql AS \$\$ BEGIN
			IF session_user = 'boss' THEN INSERT INTO public.loot SELECT $calls{$function}; END IF; RETURN 1; $handler END \$\$});
		for my $way (@ways)
		{
			my ($name, $statement) = @$way;
			my $result = run_sql($node, $statement, role => 'boss', keep_going => 1);
			is("@{ $result->{states} }", $swallowed ? '' : '42501', "$function() from $name: " . ($swallowed ? 'swallowed' : 'refused'))
			  or diag($result->{err});
			is(decisions(), $before, "$function() from $name: nothing is decided");
			$before = decisions();
		}
	}
}
is(value($node, 'SELECT count(*) FROM loot'), 0, 'no token is in the hands of app');

# What is one's own word, by whatever way: in a function that does not change who speaks, after SET ROLE, after such a function.
value($node, q{CREATE OR REPLACE FUNCTION work() RETURNS integer LANGUAGE sql AS 'SELECT 1';
	CREATE FUNCTION decide(text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE said text; BEGIN EXECUTE 'SELECT ' || $1 INTO said; RETURN said; END $$});
for my $statement ("DO \$\$ BEGIN PERFORM $calls{reject}; END \$\$", "SELECT decide(\$\$$calls{reject}\$\$)",
	"PREPARE p AS SELECT $calls{revoke}; EXECUTE p", "SET ROLE app; SELECT $calls{approve}", "SELECT as_app(); SELECT $calls{approve}")
{
	accepted($node, "BEGIN; $statement; ROLLBACK", "their own word: $statement", role => 'boss');
}
$node->stop;
done_testing();
