# Several subcommands of one ALTER TABLE: each is judged, also beside one that PostgreSQL might be expected to refuse, and
# under a policy that makes more of a rule than a warning.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('several_subcommands');
$node->safe_psql('postgres', 'SELECT schema_guard.harden()');

# The table child inherits its column a, which nobody may drop there; its identity, DROP IDENTITY may.
my $tables = q{SET client_min_messages = error; SET search_path = @;
	CREATE TABLE parent (a integer NOT NULL);
	CREATE TABLE child (a integer GENERATED ALWAYS AS IDENTITY, b numeric, c text, CONSTRAINT key PRIMARY KEY (a)) INHERITS (parent);
	INSERT INTO child (b, c) VALUES (1.5, 'x');};

# The statement; the rules that warn, with what PostgreSQL gives up by each; or the rule that blocks.
my @cases = (
	[ 'ALTER TABLE child ALTER a DROP IDENTITY', 'drop_sequence' ],
	[ 'ALTER TABLE child ALTER a DROP IDENTITY, SET UNLOGGED', 'drop_sequence set_unlogged' ],
	[ 'ALTER TABLE child SET UNLOGGED, ALTER a DROP IDENTITY', 'drop_sequence set_unlogged' ],
	[ 'ALTER TABLE child ALTER a DROP IDENTITY, DROP CONSTRAINT key', 'drop_primary_key drop_sequence' ],
	[ 'ALTER TABLE child DROP CONSTRAINT key, ALTER a DROP IDENTITY IF EXISTS, SET UNLOGGED', 'drop_primary_key drop_sequence set_unlogged' ],
	[ 'ALTER TABLE child DROP CONSTRAINT key, SET UNLOGGED', 'drop_primary_key set_unlogged' ],
	[ 'ALTER TABLE child ALTER b SET NOT NULL, DROP CONSTRAINT key', 'drop_primary_key' ],
	[ 'ALTER TABLE child DROP CONSTRAINT IF EXISTS nosuch, DROP CONSTRAINT key', 'drop_primary_key' ],
	[ 'ALTER TABLE child ALTER a DROP IDENTITY, DROP COLUMN b', '', 'drop_column' ],
	[ 'ALTER TABLE child DROP COLUMN IF EXISTS nosuch, DROP COLUMN b', '', 'drop_column' ],
	[ 'ALTER TABLE child ALTER a DROP IDENTITY, ALTER b TYPE integer', '', 'lossy_type_change' ],
	[ 'ALTER TABLE child ADD COLUMN d integer, ALTER b TYPE integer, DROP CONSTRAINT key', '', 'lossy_type_change' ],
	[ 'ALTER TABLE child ALTER c TYPE varchar, DROP COLUMN b, SET UNLOGGED', '', 'drop_column' ],
	[ 'ALTER TABLE child NO INHERIT parent, DROP CONSTRAINT key', 'drop_primary_key' ],
	[ 'ALTER TABLE child ALTER c TYPE varchar, ADD COLUMN d integer, ALTER b SET DEFAULT 0', '' ],
);

# What is left of the table, for the rules above to be held to.
my $left = q{SELECT concat_ws(' ', (SELECT 'drop_primary_key' WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = '@.child'::regclass AND contype = 'p')),
	(SELECT 'drop_sequence' WHERE to_regclass('@.child_a_seq') IS NULL), (SELECT 'set_unlogged' FROM pg_class WHERE oid = '@.child'::regclass AND relpersistence = 'u'))};

my $number = 0;
for my $case (@cases)
{
	my ($statement, $warned, $blocked) = @$case;
	my $schema = sprintf 's_%d', ++$number;
	my $in = sub { return $_[0] =~ s/\@/$schema/gr; };
	my $made = run_sql($node, $in->("CREATE SCHEMA \@; $tables"));
	die $made->{err} if $made->{status} != 0;
	my $last = value($node, 'SELECT max(id) FROM schema_guard.audit');
	my $result = run_sql($node, "SET search_path = $schema;\n$statement");
	is("@{ $result->{states} }", $blocked ? 'SG001' : '', "$statement: " . ($blocked ? 'refused' : 'passes')) or diag($result->{err});
	if ($blocked)
	{
		settled($node, "SELECT rule FROM schema_guard.blocked WHERE id > $last", $blocked, "$statement: by $blocked");
		is(value($node, "SELECT b, c, a FROM $schema.child"), '1.5|x|1', "$statement: nothing has changed");
		next;
	}
	is(join(' ', sort $result->{err} =~ /The rule is (\w+)/g), $warned, "$statement: the warnings") or diag($result->{err});
	is(value($node, $in->($left)), $warned, "$statement: what has gone");
	# The same, where a policy says that each of these takes an approval.
	for my $rule (split / /, $warned)
	{
		my $again = sprintf 's_%d', ++$number;
		run_sql($node, "CREATE SCHEMA $again; " . $tables =~ s/\@/$again/gr);
		value($node, "SELECT schema_guard.set_policy('$rule', 'block', '%$again.child%', reason => 'it matters here')");
		refused($node, "SET search_path = $again;\n$statement", 'SG001', qr/DETAIL/, "$statement: refused where $rule blocks");
		is(value($node, $left =~ s/\@/$again/gr), '', "$statement: and nothing has gone");
	}
}
$node->stop;
done_testing();
