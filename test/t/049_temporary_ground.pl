# Nothing lasting that holds rows may come to depend on a temporary object, which takes it along when the session ends.
# Every way there is refused; each is also gone with the guard off, to see that something is really lost.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('temporary_ground');
my $version = value($node, q{SELECT current_setting('server_version_num')::integer / 10000});
value($node, 'GRANT TEMPORARY ON DATABASE postgres TO app');
# pg_temp is no name for everything that has a schema.
my $my_schema = q{quote_ident((SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()))};

# What the ways are founded on, by a word that they begin with. @ is a number of the way's own, since what a session
# leaves goes only after its client has.
my %grounds = (
	domain => 'CREATE DOMAIN pg_temp.d AS text',
	table => 'CREATE TEMP TABLE pair (x integer, y integer)',
	function => q{CREATE FUNCTION pg_temp.f(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'},
	number => q{CREATE FUNCTION pg_temp.n(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1'},
	compare => q{CREATE FUNCTION pg_temp.compare(integer, integer) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp'},
	collation => 'CREATE COLLATION pg_temp.c FROM "C"',
	nothing => 'SELECT 1',
	schema => 'CREATE TEMP TABLE first (id integer)');

# The last statement of each is the one that must not pass. Options: role, from (the first major version that has it),
# object (named by the error).
my @ways = (
	# Types.
	[ domain => 'CREATE TABLE t@ (a pg_temp.d)' ],
	[ domain => 'CREATE TABLE t@ (id integer); ALTER TABLE t@ ADD COLUMN a pg_temp.d', object => 'column public.t@.a' ],
	[ domain => 'CREATE TABLE t@ (a text); ALTER TABLE t@ ALTER COLUMN a TYPE pg_temp.d', object => 'column public.t@.a' ],
	[ domain => 'CREATE TABLE t@ (a pg_temp.d[])' ],
	[ domain => 'CREATE UNLOGGED TABLE t@ (a pg_temp.d)' ],
	[ domain => 'CREATE TABLE t@ AS SELECT $$x$$::pg_temp.d AS a' ],
	[ domain => 'SELECT $$x$$::pg_temp.d AS a INTO t@' ],
	[ domain => 'PREPARE p AS SELECT $$x$$::pg_temp.d AS a; CREATE TABLE t@ AS EXECUTE p' ],
	[ domain => 'CREATE TEMP TABLE like_me (a pg_temp.d); CREATE TABLE t@ (LIKE like_me)' ],
	[ domain => 'CREATE SCHEMA s@ CREATE TABLE t (a pg_temp.d)' ],
	[ domain => 'DO $$ BEGIN CREATE TABLE t@ (a pg_temp.d); END $$' ],
	[ domain => 'CREATE TABLE t@ (id integer); CREATE TABLE u@ (a pg_temp.d) INHERITS (t@)' ],
	[ domain => 'CREATE TABLE t@ (id integer) PARTITION BY RANGE (id); ALTER TABLE t@ ADD COLUMN a pg_temp.d' ],
	# More in one statement than is kept for the record.
	[ domain => 'CREATE TABLE t@ (id integer); ALTER TABLE t@ ' . join(', ', map { "ADD COLUMN c$_ integer" } 1 .. 1200) . ', ADD COLUMN a pg_temp.d' ],
	[ nothing => q{CREATE TYPE pg_temp.mood AS ENUM ('good'); CREATE TABLE t@ (a pg_temp.mood)} ],
	[ nothing => 'CREATE TYPE pg_temp.pair AS (x integer); CREATE TABLE t@ (a pg_temp.pair)' ],
	[ nothing => 'CREATE TYPE pg_temp.span AS RANGE (subtype = integer); CREATE TABLE t@ (a pg_temp.span)' ],
	[ nothing => 'CREATE TYPE pg_temp.span AS RANGE (subtype = integer, multirange_type_name = pg_temp.spans); CREATE TABLE t@ (a pg_temp.spans)' ],
	[ nothing => 'CREATE TYPE pg_temp.pair AS (x integer); CREATE TABLE t@ OF pg_temp.pair', object => 'table public.t@' ],
	[ nothing => 'CREATE TYPE pg_temp.pair AS (x integer); CREATE TABLE t@ (x integer); ALTER TABLE t@ OF pg_temp.pair', object => 'table public.t@' ],
	[ table => 'CREATE TABLE t@ (a pair)' ],
	[ table => 'CREATE TABLE t@ (a pair[])' ],
	[ table => 'CREATE TEMP VIEW seen AS SELECT 1 AS x; CREATE TABLE t@ (a seen)' ],
	[ collation => 'CREATE TABLE t@ (a text COLLATE pg_temp.c)' ],
	[ collation => 'CREATE TABLE t@ (a text); ALTER TABLE t@ ALTER COLUMN a TYPE text COLLATE pg_temp.c' ],

	# By way of lasting types.
	[ domain => 'CREATE DOMAIN d@ AS pg_temp.d; CREATE TABLE t@ (a d@)' ],
	[ domain => 'CREATE DOMAIN d@ AS pg_temp.d; CREATE DOMAIN e@ AS d@; CREATE TABLE t@ (a e@[])' ],
	[ domain => 'CREATE TYPE c@ AS (x integer, y pg_temp.d); CREATE TABLE t@ (id integer); ALTER TABLE t@ ADD COLUMN a c@', object => 'column public.t@.a' ],
	[ domain => 'CREATE TYPE c@ AS (x pg_temp.d); CREATE TABLE t@ (a c@)' ],
	[ domain => 'CREATE TYPE c@ AS (x pg_temp.d); CREATE TYPE o@ AS (y c@[]); CREATE DOMAIN w@ AS o@; CREATE TABLE t@ (a w@)' ],
	[ domain => 'CREATE TYPE c@ AS (x pg_temp.d); CREATE TABLE t@ OF c@' ],
	[ domain => 'CREATE TYPE c@ AS (x integer); CREATE TABLE t@ (a c@); ALTER TYPE c@ ADD ATTRIBUTE y pg_temp.d', object => 'composite type column public.c@.y' ],
	[ domain => 'CREATE TYPE c@ AS (x integer); CREATE DOMAIN w@ AS c@; CREATE TABLE t@ (a w@[]); ALTER TYPE c@ ADD ATTRIBUTE y pg_temp.d' ],
	[ domain => 'CREATE TYPE i@ AS (x integer); CREATE TYPE c@ AS (y i@); CREATE TABLE t@ (a c@); ALTER TYPE i@ ADD ATTRIBUTE z pg_temp.d' ],
	[ domain => 'CREATE TYPE c@ AS (x integer); CREATE TABLE t@ OF c@; ALTER TYPE c@ ADD ATTRIBUTE y pg_temp.d CASCADE', object => 'composite type column public.c@.y' ],
	[ domain => 'CREATE TYPE r@ AS RANGE (subtype = pg_temp.d); CREATE TABLE t@ (a r@)' ],
	[ domain => 'CREATE VIEW v@ AS SELECT $$x$$::pg_temp.d AS x; CREATE TABLE t@ (a v@)' ],
	[ function => 'CREATE DOMAIN d@ AS text DEFAULT pg_temp.f($$x$$); CREATE TABLE t@ (a d@)' ],
	[ function => 'CREATE DOMAIN d@ AS text; CREATE TABLE t@ (a d@); ALTER DOMAIN d@ SET DEFAULT pg_temp.f($$x$$)', object => 'column public.t@.a' ],
	[ function => 'CREATE DOMAIN d@ AS text; CREATE TYPE c@ AS (x d@); CREATE TABLE t@ (a c@); ALTER DOMAIN d@ SET DEFAULT pg_temp.f($$x$$)' ],
	[ function => 'CREATE VIEW v@ AS SELECT $$x$$ AS x; CREATE TABLE t@ (a v@); CREATE OR REPLACE VIEW v@ AS SELECT pg_temp.f($$x$$) AS x', object => 'column public.t@.a' ],
	[ nothing => q{CREATE FUNCTION pg_temp.readin(cstring) RETURNS text LANGUAGE internal IMMUTABLE STRICT AS 'textin'; CREATE TYPE b@;
		CREATE FUNCTION pg_temp.readin@(cstring) RETURNS b@ LANGUAGE internal IMMUTABLE STRICT AS 'textin';
		CREATE FUNCTION pg_temp.write@(b@) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
		CREATE TYPE b@ (INPUT = pg_temp.readin@, OUTPUT = pg_temp.write@, LIKE = text); CREATE TABLE t@ (a b@)}, role => 'superuser' ],

	# Generated columns.
	[ function => 'CREATE TABLE t@ (a text, b text GENERATED ALWAYS AS (pg_temp.f(a)) STORED)', object => 'column public.t@.b' ],
	[ function => 'CREATE TABLE t@ (a text); ALTER TABLE t@ ADD COLUMN b text GENERATED ALWAYS AS (pg_temp.f(a)) STORED', object => 'column public.t@.b' ],
	[ function => 'CREATE TABLE t@ (a text, b text GENERATED ALWAYS AS (a) STORED); ALTER TABLE t@ ALTER COLUMN b SET EXPRESSION AS (pg_temp.f(a))', from => 17 ],
	[ function => 'CREATE TEMP TABLE g (a text, b text GENERATED ALWAYS AS (pg_temp.f(a)) STORED); CREATE TABLE t@ (LIKE g INCLUDING GENERATED)' ],
	[ function => 'CREATE TABLE t@ (a text) PARTITION BY LIST (a); CREATE TABLE u@ (a text, b text GENERATED ALWAYS AS (pg_temp.f(a)) STORED)' ],
	[ function => 'CREATE OPERATOR pg_temp.!!! (RIGHTARG = text, FUNCTION = pg_temp.f); CREATE TABLE t@ (a text, b text GENERATED ALWAYS AS (OPERATOR(pg_temp.!!!) a) STORED)' ],
	[ function => 'CREATE OPERATOR public.%op (RIGHTARG = text, FUNCTION = pg_temp.f); CREATE TABLE t@ (a text, b text GENERATED ALWAYS AS (%op a) STORED)' ],
	[ function => 'CREATE FUNCTION f@(text) RETURNS text LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT pg_temp.f($1); END; CREATE TABLE t@ (a text, b text GENERATED ALWAYS AS (f@(a)) STORED)' ],
	[ function => q{CREATE FUNCTION f@(a text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'; CREATE TABLE t@ (a text, b text GENERATED ALWAYS AS (f@(a)) STORED);
		CREATE OR REPLACE FUNCTION f@(a text) RETURNS text LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT pg_temp.f(a); END}, object => 'column public.t@.b' ],
	[ domain => q{CREATE FUNCTION f@(a text, b pg_temp.d DEFAULT NULL) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'; CREATE TABLE t@ (a text, b text GENERATED ALWAYS AS (f@(a)) STORED)} ],
	[ domain => 'CREATE TABLE t@ (a text, b text GENERATED ALWAYS AS (a::pg_temp.d) STORED)' ],
	[ collation => 'CREATE TABLE t@ (a text, b boolean GENERATED ALWAYS AS (a < $$x$$ COLLATE pg_temp.c) STORED)' ],
	[ table => q{CREATE TABLE t@ (a integer, b regclass GENERATED ALWAYS AS ('pair'::regclass) STORED)} ],
	[ schema => qq{DO \$do\$ BEGIN EXECUTE format('CREATE TABLE t@ (a integer, b regnamespace GENERATED ALWAYS AS (%L::regnamespace) STORED)', $my_schema); END \$do\$} ],
	[ schema => q{CREATE TEXT SEARCH CONFIGURATION pg_temp.ts (COPY = simple); CREATE TABLE t@ (a text, b tsvector GENERATED ALWAYS AS (to_tsvector('pg_temp.ts', a)) STORED)} ],
	[ schema => q{CREATE TEXT SEARCH DICTIONARY pg_temp.words (TEMPLATE = simple); CREATE TEXT SEARCH CONFIGURATION ts@ (COPY = simple);
		CREATE TABLE t@ (a text, b tsvector GENERATED ALWAYS AS (to_tsvector('ts@', a)) STORED);
		ALTER TEXT SEARCH CONFIGURATION ts@ ALTER MAPPING FOR asciiword WITH pg_temp.words}, object => 'column public.t@.b' ],
	[ nothing => q{CREATE FUNCTION pg_temp.handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'; CREATE LANGUAGE l@ HANDLER pg_temp.handler;
		CREATE FUNCTION f@(text) RETURNS text LANGUAGE l@ IMMUTABLE AS 'BEGIN RETURN $1; END'; CREATE TABLE t@ (a text, b text GENERATED ALWAYS AS (f@(a)) STORED)}, role => 'superuser' ],

	# Whole tables: partition keys, access methods, parents, extensions.
	[ number => 'CREATE TABLE t@ (a integer) PARTITION BY RANGE (pg_temp.n(a))', object => 'table public.t@' ],
	[ collation => 'CREATE TABLE t@ (a text) PARTITION BY LIST (a COLLATE pg_temp.c)', object => 'table public.t@' ],
	[ compare => q{CREATE OPERATOR CLASS pg_temp.oc FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);
		CREATE TABLE t@ (a integer) PARTITION BY RANGE (a pg_temp.oc)}, role => 'superuser' ],
	[ compare => q{CREATE OPERATOR CLASS oc@ FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 pg_temp.compare(integer, integer);
		CREATE TABLE t@ (a integer) PARTITION BY RANGE (a oc@)}, role => 'superuser' ],
	[ number => 'SET schema_guard.mode = off; CREATE TABLE t@ (a integer) PARTITION BY RANGE (pg_temp.n(a)); RESET schema_guard.mode;
		CREATE TABLE u@ (a integer); ALTER TABLE t@ ATTACH PARTITION u@ FOR VALUES FROM (1) TO (2)', role => 'superuser', object => 'table public.u@' ],
	[ number => 'SET schema_guard.mode = off; CREATE TABLE t@ (a integer) PARTITION BY RANGE (pg_temp.n(a)); RESET schema_guard.mode;
		CREATE TABLE u@ PARTITION OF t@ FOR VALUES FROM (1) TO (2)', role => 'superuser', object => 'table public.u@' ],
	[ nothing => 'SET schema_guard.mode = off; CREATE TYPE pg_temp.pair AS (x integer); CREATE TABLE t@ OF pg_temp.pair; RESET schema_guard.mode;
		CREATE TABLE u@ (x integer); ALTER TABLE u@ INHERIT t@', role => 'superuser', object => 'table public.u@' ],
	[ nothing => q{CREATE FUNCTION pg_temp.heap(internal) RETURNS table_am_handler LANGUAGE internal AS 'heap_tableam_handler'; CREATE ACCESS METHOD am@ TYPE TABLE HANDLER pg_temp.heap;
		CREATE TABLE t@ (a integer) USING am@}, role => 'superuser', object => 'table public.t@' ]);

# A materialized view holds rows, but the rule that guards it warns.
my @warned = (
	[ function => 'CREATE MATERIALIZED VIEW m@ AS SELECT pg_temp.f($$x$$) AS a' ],
	[ domain => 'CREATE MATERIALIZED VIEW m@ AS SELECT $$x$$::pg_temp.d AS a' ]);

# What goes with a temporary object and holds no rows, and what does not depend on it.
my @harmless = (
	[ function => 'CREATE TABLE t@ (a text DEFAULT pg_temp.f($$x$$), CHECK (pg_temp.f(a) <> $$y$$))' ],
	[ function => 'CREATE TABLE t@ (a text); ALTER TABLE t@ ALTER COLUMN a SET DEFAULT pg_temp.f($$x$$), ADD CHECK (pg_temp.f(a) <> $$y$$)' ],
	[ function => 'CREATE TABLE t@ (a text); CREATE INDEX ON t@ (pg_temp.f(a)); CREATE UNIQUE INDEX ON t@ (a) WHERE pg_temp.f(a) = $$x$$; CREATE STATISTICS s@ ON (pg_temp.f(a)), a FROM t@' ],
	[ function => 'CREATE TABLE t@ (a text); CREATE RULE r AS ON INSERT TO t@ DO ALSO SELECT pg_temp.f($$x$$); CREATE POLICY p ON t@ USING (pg_temp.f(a) = a)' ],
	[ function => q{CREATE FUNCTION pg_temp.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TABLE t@ (a text); CREATE TRIGGER t BEFORE INSERT ON t@ EXECUTE FUNCTION pg_temp.t()} ],
	[ function => 'CREATE DOMAIN d@ AS text CHECK (pg_temp.f(value) = value); CREATE TABLE t@ (a d@)' ],
	[ function => 'CREATE VIEW v@ AS SELECT pg_temp.f($$x$$) AS a; CREATE VIEW w@ AS SELECT * FROM v@' ],
	[ function => 'CREATE TEMP TABLE g (a text, b text GENERATED ALWAYS AS (pg_temp.f(a)) STORED) ; CREATE TABLE t@ (LIKE g)' ],
	[ number => 'CREATE TEMP TABLE p (a integer) PARTITION BY RANGE (pg_temp.n(a)); CREATE TEMP TABLE q PARTITION OF p FOR VALUES FROM (1) TO (2)' ],
	[ domain => 'CREATE DOMAIN d@ AS pg_temp.d; CREATE TYPE c@ AS (x pg_temp.d, y d@); ALTER TYPE c@ ADD ATTRIBUTE z pg_temp.d' ],
	[ domain => q{CREATE FUNCTION f@(pg_temp.d) RETURNS text LANGUAGE sql AS 'SELECT 1'; CREATE TEMP TABLE u (a pg_temp.d); ALTER TABLE u ADD COLUMN b pg_temp.d[]} ],
	[ domain => 'CREATE TEMP TABLE u (a pg_temp.d); INSERT INTO u VALUES ($$x$$); CREATE TABLE t@ AS SELECT a::text FROM u; CREATE TABLE w@ (id serial PRIMARY KEY, a text UNIQUE REFERENCES w@ (a))' ],
	[ schema => 'CREATE TEMP SEQUENCE s; CREATE TABLE t@ (a integer DEFAULT nextval($$s$$))' ],
	# A table on temporary ground already: what does not make it worse passes, above all what makes it better.
	[ domain => 'SET schema_guard.mode = off; CREATE TABLE t@ (a pg_temp.d, b pg_temp.d); RESET schema_guard.mode; ALTER TABLE t@ ADD COLUMN c integer; CREATE INDEX ON t@ (c);
		ALTER TABLE t@ SET (fillfactor = 50); CREATE VIEW v@ AS SELECT a FROM t@; DROP VIEW v@; ALTER TABLE t@ ALTER COLUMN a TYPE text; ALTER TABLE t@ ALTER COLUMN b TYPE text', role => 'superuser' ]);

my $number = 0;

# The role, the text of the way, and the object that the error names, each with the number in place.
sub prepared
{
	my ($way) = @_;
	my ($ground, $script, %option) = @$way;
	++$number;
	my $operator = sprintf('%b', $number) =~ tr/01/~#/r;
	my @texts = ("$grounds{$ground}; $script", $option{object} // '');
	s/\@/$number/g, s/%op/$operator/g for @texts;
	return ($texts[0], $texts[1], $option{role} // 'app', substr("$number. $ground, $script", 0, 130) =~ s/\s+/ /gr);
}

# Lasting columns, with the attributes of composite types or without, before and after the temporary objects have gone.
sub lost
{
	my ($way, $kinds) = @_;
	my ($script, undef, undef, $name) = prepared($way);
	my $count = qq{SELECT 'columns ' || count(*) FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
		WHERE relkind IN ($kinds) AND relpersistence <> 't' AND attnum > 0 AND NOT attisdropped};
	my $result = run_sql($node, "$script; $count; DISCARD TEMP; $count", role => 'superuser', settings => '-c schema_guard.mode=off');
	my ($before, $after) = $result->{out} =~ /columns (\d+)/g;
	is($result->{err} =~ /ERROR.*/ ? $& : '', '', "$name: PostgreSQL allows it") or return 0;
	return $before - $after;
}

for my $way (grep { my (undef, undef, %option) = @$_; $version >= ($option{from} // 0) } @ways)
{
	my ($script, $object, $role, $name) = prepared($way);
	$object = "$object must not" if length $object;
	refused($node, $script, 'SG001', qr/\Q$object\E.*(?:must not)? depend on a temporary object/s, $name, role => $role);
	cmp_ok(lost($way, q{'r', 'p', 'm', 'c'}), '>', 0, 'and without the guard something is lost');
}
for my $way (@warned)
{
	my ($script, undef, $role, $name) = prepared($way);
	my $result = accepted($node, $script, $name, role => $role);
	like($result->{err}, qr/WARNING:  01000: materialized view public\.m\d+ must not depend on a temporary object/, 'with a warning');
	cmp_ok(lost($way, q{'m'}), '>', 0, 'and without the guard it is lost');
}
for my $way (@harmless)
{
	my ($script, undef, $role, $name) = prepared($way);
	silent(accepted($node, $script, $name, role => $role), 'in silence');
	is(lost($way, q{'r', 'p', 'm'}), 0, 'and without the guard nothing is lost');
}

# The temporary object may be another session's, which has made something lasting of it that holds no rows.
my $other = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$other->query_safe('CREATE DOMAIN pg_temp.d AS text; CREATE DOMAIN over_there AS pg_temp.d');
refused($node, 'CREATE TABLE over_here (a over_there)', 'SG001', qr/column public\.over_here\.a must not depend/, 'another session\'s temporary type');
my $schema = value($node, q{SELECT nspname FROM pg_namespace JOIN pg_type ON typnamespace = pg_namespace.oid WHERE typname = 'd' AND nspname LIKE 'pg\_temp%'});
refused($node, "CREATE TABLE over_here (a $schema.d)", 'SG001', qr/column public\.over_here\.a must not depend/, 'and by its name', role => 'superuser');
$other->quit;

# Modes that let a drop pass let this pass, with a word.
like(accepted($node, 'SET schema_guard.mode = warn; CREATE DOMAIN pg_temp.d AS text; CREATE TABLE warned (a pg_temp.d)', 'mode warn', role => 'superuser')->{err},
	qr/WARNING:  01000: column public\.warned\.a must not depend on a temporary object/, 'warns');
silent(accepted($node, 'SET schema_guard.mode = observe; CREATE DOMAIN pg_temp.d AS text; CREATE TABLE observed (a pg_temp.d)', 'mode observe', role => 'superuser'), 'is silent');

$node->stop;
done_testing();
