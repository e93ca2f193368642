# Two-phase commit: a prepared transaction carries its definitions and its use of an approval, whoever ends it, and
# however long after.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('two_phase', "max_prepared_transactions = 10\n");
my @tables = qw(dropped truncated narrowed kept);
my $unused = q{SELECT count(*) FROM schema_guard.approval_effect WHERE consumed_at IS NULL};

sub existing
{
	return value($node, q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'});
}

for my $name (qw(plain preloaded))
{
	value($node, "ALTER DATABASE postgres SET session_preload_libraries = 'schema_guard'") if $name eq 'preloaded';
	accepted($node, join(' ', map { "CREATE TABLE $_ (id integer, note text); INSERT INTO $_ VALUES (1, 'n');" } @tables), "$name: tables");
	my $from = log_size($node);

	# Definitions.
	silent(run_sql($node, q{BEGIN; CREATE TABLE made (id integer); CREATE INDEX ON made (id); CREATE TABLE passing (id integer); DROP TABLE passing;
		PREPARE TRANSACTION 'made'}), "$name: definitions are prepared");
	silent(run_sql($node, q{COMMIT PREPARED 'made'}, role => 'superuser'), "$name: and committed by somebody else");
	is(existing(), 'dropped kept made narrowed truncated', "$name: they are there");
	is(value($node, q{SELECT count(*) FROM schema_guard.audit WHERE statement = 'CREATE TABLE made (id integer)' AND verdict = 'allowed' AND session_role = 'app'}),
		$name eq 'plain' ? 1 : 2, "$name: on record, as who did it");
	silent(run_sql($node, q{BEGIN; CREATE TABLE never (id integer); PREPARE TRANSACTION 'never'}), "$name: others are prepared");
	silent(run_sql($node, q{ROLLBACK PREPARED 'never'}), "$name: and rolled back");
	quiet_log($node, $from, "$name: the log is quiet");

	# A refusal is one before it can be prepared.
	refused($node, q{BEGIN; CREATE TABLE never (id integer); TRUNCATE truncated; PREPARE TRANSACTION 'refused'}, 'SG001', qr/truncated/, "$name: a refusal");
	is(value($node, 'SELECT count(*) FROM pg_prepared_xacts'), 0, "$name: leaves nothing prepared");

	# An approved transaction, from its rehearsal on.
	my $transaction = q{DROP TABLE dropped; TRUNCATE truncated; ALTER TABLE narrowed DROP COLUMN note;};
	my $rehearsal = refused($node, "BEGIN; $transaction PREPARE TRANSACTION 'rehearsed'", 'SG006', qr/3 effects/, "$name: a rehearsal",
		settings => '-c schema_guard.rehearse=on');
	my $token = with_token(approve($node, request_named($rehearsal)));
	silent(run_sql($node, "BEGIN; $transaction PREPARE TRANSACTION 'approved'", settings => $token), "$name: approved, and prepared");
	$node->stop('immediate');
	$node->start;
	is(value($node, $unused), 3, "$name: behind a crash it has used nothing yet");
	silent(run_sql($node, q{ROLLBACK PREPARED 'approved'}, role => 'superuser'), "$name: rolled back");
	is(existing(), 'dropped kept made narrowed truncated', "$name: everything is there");
	silent(run_sql($node, "BEGIN; $transaction PREPARE TRANSACTION 'approved'", settings => $token), "$name: prepared again with the same token");
	refused($node, q{BEGIN; SET LOCAL lock_timeout = '20s'; DROP TABLE kept; COMMIT}, 'SG003', qr/kept/, "$name: the token opens nothing else meanwhile", settings => $token);
	silent(run_sql($node, q{COMMIT PREPARED 'approved'}, role => 'superuser'), "$name: committed");
	is(existing(), 'kept made narrowed truncated', "$name: it has happened");
	is(value($node, 'SELECT (SELECT count(*) FROM truncated), (SELECT count(id) FROM narrowed), (SELECT count(*) FROM kept)'), '0|1|1', "$name: all of it, and no more");
	is(value($node, $unused), 0, "$name: the approval is used up");
	is( value($node, q{SELECT string_agg(DISTINCT rule, ' ' ORDER BY rule) FROM schema_guard.audit WHERE verdict = 'approved'
			AND approval_id = (SELECT max(id) FROM schema_guard.approval)}),
		'drop_column drop_table truncate_table', "$name: and on record");
	value($node, 'SET schema_guard.mode = off; DROP TABLE made, kept, narrowed, truncated');
}

$node->stop;
done_testing();
