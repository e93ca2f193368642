# Approval tokens: every way for a tool to hand one over, every reason why one is no use, and that a token is nowhere
# to be read afterwards.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('token', "max_prepared_transactions = 2\n");
my @tokens;

# A table, a denied DROP of it and the token that an approver gives for it.
sub approved_drop
{
	my ($table, $valid_for) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	accepted($node, "CREATE TABLE $table (id integer); INSERT INTO $table VALUES (1)", "table $table");
	my $denial = refused($node, "DROP TABLE $table", 'SG001', qr/public\.$table/, "DROP TABLE $table is refused");
	push @tokens, approve($node, request_named($denial), $valid_for);
	return $tokens[-1];
}

sub gone
{
	my ($table, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($node, "SELECT to_regclass('public.$table') IS NULL"), 't', $name);
	is( value($node, "SELECT count(*) FROM schema_guard.approval_effect WHERE identity = 'public.$table' AND consumed_at IS NOT NULL"),
		1, "$name: the approval is used up");
}

# The message names what is wrong and the object, and never the token.
sub useless
{
	my ($token, $table, $state, $text, $name, %option) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $result = refused($node, "DROP TABLE $table", $state, $text, $name,
		settings => "-c schema_guard.approval_token=$token", %option);
	is(index($result->{err}, $token), -1, "$name: the token is not in the message");
	is(value($node, "SELECT count(*) FROM $table"), 1, "$name: the table has its row");
	return $result;
}

# The ways.
my $token = approved_drop('by_set');
accepted($node, "SET schema_guard.approval_token = '$token'; DROP TABLE by_set", 'SET');
gone('by_set', 'SET');

$token = approved_drop('by_set_local');
accepted($node, "BEGIN; SET LOCAL schema_guard.approval_token = '$token'; DROP TABLE by_set_local; COMMIT", 'SET LOCAL');
gone('by_set_local', 'SET LOCAL');
$token = approved_drop('after_set_local');
refused($node, "BEGIN; SET LOCAL schema_guard.approval_token = '$token'; COMMIT; DROP TABLE after_set_local",
	'SG001', qr/after_set_local/, 'SET LOCAL ends with its transaction');

$token = approved_drop('by_set_config');
accepted($node, "SELECT set_config('schema_guard.approval_token', '$token', false); DROP TABLE by_set_config", 'set_config()');
gone('by_set_config', 'set_config()');

$token = approved_drop('by_pgoptions');
accepted($node, 'DROP TABLE by_pgoptions', 'PGOPTIONS', settings => "-c schema_guard.approval_token=$token");
gone('by_pgoptions', 'PGOPTIONS');

$token = approved_drop('by_connection');
accepted($node, 'DROP TABLE by_connection', 'the connection string',
	connection => "options='-c schema_guard.approval_token=$token'");
gone('by_connection', 'the connection string');

$token = approved_drop('by_role');
value($node, "ALTER ROLE app SET schema_guard.approval_token = '$token'");
accepted($node, 'DROP TABLE by_role', 'ALTER ROLE SET');
gone('by_role', 'ALTER ROLE SET');
value($node, 'ALTER ROLE app RESET schema_guard.approval_token');

$token = approved_drop('by_one_string');
accepted($node, "SET schema_guard.approval_token = '$token'\\; DROP TABLE by_one_string;", 'a string with both statements');
gone('by_one_string', 'a string with both statements');

# Given back by a rollback, used up by a commit.
$token = approved_drop('twice');
accepted($node, "SET schema_guard.approval_token = '$token'; BEGIN; DROP TABLE twice; ROLLBACK; BEGIN; SAVEPOINT s; DROP TABLE twice; ROLLBACK TO s; COMMIT;",
	'rolled back, whole and in part');
is( value($node, "SELECT count(*) FROM schema_guard.approval_effect WHERE identity = 'public.twice' AND consumed_at IS NULL"),
	1, 'the approval is as good as new');
accepted($node, 'DROP TABLE twice', 'used at the third time', settings => "-c schema_guard.approval_token=$token");
gone('twice', 'used at the third time');
accepted($node, 'CREATE TABLE twice (id integer); INSERT INTO twice VALUES (1)', 'another table of the same name');
useless($token, 'twice', 'SG003', qr/approval \d+ does not cover it/, 'another table of the same name');

# Used for one effect, and wanted for it again: only a column that is still there can show that. Two columns, one kept.
accepted($node, 'CREATE TABLE shrinking (id integer, b integer, c integer); INSERT INTO shrinking VALUES (1)', 'a table with columns');
my $two = refused($node, 'ALTER TABLE shrinking DROP COLUMN b, DROP COLUMN c', 'SG001', qr/shrinking/, 'two columns are refused');
push @tokens, $token = approve($node, request_named($two));
accepted($node, 'ALTER TABLE shrinking DROP COLUMN b', 'one of them, with the token', settings => "-c schema_guard.approval_token=$token");
accepted($node, 'ALTER TABLE shrinking DROP COLUMN c', 'the other, in a transaction of its own', settings => "-c schema_guard.approval_token=$token");
is(value($node, q{SELECT count(*) FROM schema_guard.approval_effect WHERE identity LIKE 'public.shrinking.%' AND consumed_at IS NOT NULL}),
	2, 'both are used up, piece by piece');

# One effect more than approved.
accepted($node, 'CREATE TABLE parent (id integer PRIMARY KEY); INSERT INTO parent VALUES (1)', 'a parent');
my $alone = refused($node, 'DROP TABLE parent CASCADE', 'SG001', qr/parent/, 'its drop is refused');
push @tokens, $token = approve($node, request_named($alone));
accepted($node, 'CREATE MATERIALIZED VIEW child AS SELECT id FROM parent', 'then somebody adds a dependent');
my $more = refused($node, 'DROP TABLE parent CASCADE', 'SG003', qr/child.*does not cover it/, 'an effect more, and it is refused again',
	settings => "-c schema_guard.approval_token=$token");
like($more->{err}, qr/DETAIL:  materialized view public\.child/, 'naming the difference');
is(value($node, 'SELECT count(*) FROM parent'), 1, 'the parent has its row');

# The reasons.
accepted($node, 'CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1)', 'a table to keep');
my $unknown = 'sg_' . '0f' x 32;
push @tokens, $unknown;
useless($unknown, 'kept', 'SG002', qr/approval token is unknown/, 'an unknown token');

$token = approved_drop('too_late', '1 millisecond');
ok($node->poll_query_until('postgres', 'SELECT bool_and(valid_until < clock_timestamp()) FROM schema_guard.approval WHERE valid_until < approved_at + $$1 second$$'),
	'time goes by');
useless($token, 'too_late', 'SG002', qr/approval has expired/, 'an expired token');

$token = approved_drop('taken_back');
my $approval = value($node, 'SELECT max(id) FROM schema_guard.approval');
accepted($node, "SELECT schema_guard.revoke($approval, 'a mistake')", 'an approver takes it back', role => 'dba');
useless($token, 'taken_back', 'SG002', qr/approval has been revoked/, 'a revoked token');

$token = approved_drop('of_app');
value($node, 'CREATE ROLE colleague LOGIN; GRANT app TO colleague');
useless($token, 'of_app', 'SG002', qr/approval was given to another role/, 'a member of the role that asked', role => 'colleague');
useless($token, 'of_app', 'SG002', qr/approval was given to another role/, 'a superuser', role => 'superuser');
refused($node, "SET ROLE app; SET schema_guard.approval_token = '$token'; DROP TABLE of_app",
	'SG002', qr/another role/, 'SET ROLE makes nobody the one who asked', role => 'colleague');
accepted($node, 'DROP TABLE of_app', 'the role itself', settings => "-c schema_guard.approval_token=$token");
gone('of_app', 'the role itself');

# Revoked while a transaction is using it.
$token = approved_drop('under_way');
my $session = $node->background_psql('postgres', extra_params => [ '-U', 'app' ], on_error_stop => 0);
$session->query_safe("SET schema_guard.approval_token = '$token'; BEGIN; DROP TABLE under_way");
accepted($node, "SELECT schema_guard.revoke((SELECT max(id) FROM schema_guard.approval), 'just in time')",
	'an approver takes back what is in use', role => 'dba');
$session->query('COMMIT');
like($session->{stderr}, qr/was revoked while this transaction was using it/, 'the COMMIT fails');
is(value($node, 'SELECT count(*) FROM under_way'), 1, 'and the table is there');
$session->{stderr} = '';
$session->quit;

# Used by another transaction that has not ended.
$token = approved_drop('in_use');
my $first = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$first->query_safe("SET schema_guard.approval_token = '$token'; BEGIN; DROP TABLE in_use");
my $second = refused($node, "SET statement_timeout = '20s'; DROP TABLE in_use", 'SG003', qr/another transaction is using approval/,
	'a second session with the same token is refused and does not wait', settings => "-c schema_guard.approval_token=$token");
is(index($second->{err}, $token), -1, 'without the token in the message');
$first->query_safe('COMMIT');
$first->quit;
gone('in_use', 'the first one commits');

# Where the tokens are to be found. Everything that the guard has stored is searched, whatever is added one day.
settled($node, q{SELECT count(*) FROM schema_guard.blocked WHERE request_id IS NULL}, 0, 'every denial has been absorbed');
value($node, 'SELECT schema_guard.absorb_journal()');
my @tables = split /\n/, value($node, q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'schema_guard'::regnamespace AND relkind = 'r'});
my $stored = join "\n", map { value($node, "SELECT t::text FROM $_ AS t") } @tables;
my $on_disk = slurp_file(journal_file($node));
my $log = server_log($node);
my $shown = run_sql($node, 'SHOW ALL', settings => "-c schema_guard.approval_token=$tokens[0]")->{out};
for my $text ([ 'the guard\'s tables', $stored ], [ 'the journal', $on_disk ], [ 'the server log', $log ])
{
	my ($where, $content) = @$text;
	cmp_ok(length $content, '>', 1000, "$where: there is something to search");
	is(scalar(grep { index($content, $_) >= 0 } @tokens), 0, "$where: holds none of the tokens");
	is(scalar(grep { index($content, substr $_, 3) >= 0 } @tokens), 0, "$where: nor their digits");
}
is(index($shown, $tokens[0]), -1, 'SHOW ALL does not show it');

$node->stop;
done_testing();
