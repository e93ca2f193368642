# Extensions of others come, are brought up to date and go, as long as no column or table goes with them: those of
# PostgreSQL's own distribution.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

# In every version from 15 on. Each is made in the oldest version that it can be made in, and brought up to date.
my @extensions = qw(amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance
  file_fdw fuzzystrmatch hstore insert_username intagg intarray isn lo ltree moddatetime pageinspect pg_buffercache
  pg_freespacemap pg_prewarm pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto pgrowlocks
  pgstattuple postgres_fdw refint seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time unaccent xml2);

my $node = guarded_cluster('extensions');
for my $database (qw(plain preloaded))
{
	guard_database($node, database($node, $database));
}
ask($node, 'postgres', "ALTER DATABASE preloaded SET session_preload_libraries = 'schema_guard'");

# The oldest version of each, and whether an ordinary role may make it.
my %version = map { /^(\w+)\|([\d.]+)\|(\w)$/ ? ($1 => { oldest => $2, trusted => $3 eq 't' }) : () } split /\n/, ask($node, 'postgres', q{
	SELECT name, (array_agg(version ORDER BY string_to_array(version, '.')::integer[]))[1], bool_and(trusted)
	  FROM pg_available_extension_versions WHERE version ~ '^[\d.]+$' GROUP BY name});
my ($updates, $trusted) = (0, 0);
for my $database (qw(plain preloaded))
{
	my $from = log_size($node);
	for my $extension (@extensions)
	{
		my $oldest = $version{$extension}->{oldest} // '';
		for my $role ('superuser', $version{$extension}->{trusted} ? 'app' : ())
		{
			my $result = run_sql($node, qq{CREATE EXTENSION $extension VERSION '$oldest' CASCADE;
				ALTER EXTENSION $extension UPDATE;
				DROP EXTENSION $extension;
				DROP EXTENSION IF EXISTS cube}, role => $role, connection => "dbname=$database");
			silent($result, "$database: $extension from $oldest comes and goes as $role");
			$trusted++ if $role eq 'app';
		}
		$updates++ if ask($node, $database, "SELECT default_version <> '$oldest' FROM pg_available_extensions WHERE name = '$extension'") eq 't';
	}
	quiet_log($node, $from, "$database: the log is quiet");
}
cmp_ok($updates, '>=', 20, 'extensions that have an upgrade script were among them');
cmp_ok($trusted, '>=', 20, 'and such as an ordinary role may make');

# What goes with an extension: a column of its type, the table that somebody has made a member, the rows of elsewhere.
my $there = 'dbname=plain';
silent(run_sql($node, q{
		CREATE EXTENSION hstore;
		CREATE EXTENSION citext;
		CREATE TABLE person (id integer, mail citext, attributes hstore);
		INSERT INTO person VALUES (1, 'A@b.c', 'a=>1');
		CREATE INDEX ON person (lower(mail::text));}, connection => $there), 'tables that use extensions');
run_sql($node, 'ALTER EXTENSION hstore ADD TABLE person', role => 'superuser', connection => $there);
refused($node, 'DROP EXTENSION citext', '2BP01', qr/depend/, 'without CASCADE PostgreSQL says no', connection => $there);
my $refusal = refusal($node, 'plain', 'DROP EXTENSION citext CASCADE', qr/column public\.person\.mail/, 'the column of its type is refused');
pending_effects($node, 'plain', request_named($refusal), 'public.person.mail', 'and asked for');
my $token = approve_in($node, 'plain', request_named($refusal));
silent(run_sql($node, 'DROP EXTENSION citext CASCADE', connection => $there, settings => with_token($token)), 'it passes with the approval');
is(ask($node, 'plain', q{SELECT count(id) FROM person}), 1, 'the table is there');
refusal($node, 'plain', 'DROP EXTENSION hstore', qr/table public\.person/, 'a table that is a member is refused');
silent(run_sql($node, 'ALTER EXTENSION hstore DROP TABLE person', role => 'superuser', connection => $there), 'it is no member any more');
refusal($node, 'plain', 'DROP EXTENSION hstore CASCADE', qr/column public\.person\.attributes/, 'its column is refused');
silent(run_sql($node, 'ALTER TABLE person ADD COLUMN a text; UPDATE person SET a = attributes::text', connection => $there), 'the column is there');

# postgres_fdw: rows that are elsewhere stay there.
my $secret = 'hush-hush';
my ($host, $port) = ($node->host, $node->port);
silent(run_sql($node, qq{
		CREATE EXTENSION postgres_fdw;
		CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'preloaded');
		CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere OPTIONS (password '$secret');
		\\c "port=$port host=$host dbname=preloaded"
		CREATE TABLE far (id integer); INSERT INTO far VALUES (1);
		\\c "port=$port host=$host dbname=plain"
		IMPORT FOREIGN SCHEMA public LIMIT TO (far) FROM SERVER elsewhere INTO public;
		INSERT INTO far VALUES (2);}, role => 'superuser', connection => $there), 'a foreign table');
is(ask($node, 'plain', 'SELECT sum(id) FROM far'), 3, 'reads and writes');
silent(run_sql($node, 'DROP EXTENSION postgres_fdw CASCADE', role => 'superuser', connection => $there), 'it goes with its extension');
is(ask($node, 'preloaded', 'SELECT sum(id) FROM far'), 3, 'and the rows stay');
is(ask($node, 'plain', qq{SELECT count(*) FROM schema_guard.audit WHERE statement LIKE '%$secret%' OR effects::text LIKE '%$secret%'}),
	0, 'the password is not in the audit');

# With other libraries in the same hooks, whichever comes first.
for my $libraries ('pg_stat_statements, auto_explain, schema_guard', 'schema_guard, auto_explain, pg_stat_statements')
{
	$node->append_conf('postgresql.conf', "shared_preload_libraries = '$libraries'");
	$node->append_conf('postgresql.conf', "auto_explain.log_min_duration = 0\nauto_explain.log_nested_statements = on\n");
	$node->restart;
	ask($node, 'plain', 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()');
	guard_works($node, 'plain', $libraries);
	is(ask($node, 'plain', q{SELECT calls FROM pg_stat_statements WHERE query LIKE 'CREATE TABLE proof%'}), 1, "$libraries: statements are counted");
}

$node->stop;
done_testing();
