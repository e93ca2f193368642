# What is done to the guard as it should be: an update by its own script, which needs no approval and leaves no moment
# without it; and an uninstall that somebody has approved, after which it can be installed anew.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('update_and_uninstall');
$node->safe_psql('postgres', 'SELECT schema_guard.harden()');

sub version { return value($node, q{SELECT extversion FROM pg_extension WHERE extname = 'schema_guard'}); }
sub there { my ($table) = @_; return value($node, "SELECT to_regclass('$table') IS NOT NULL"); }
sub complaints { return value($node,
	q{SELECT string_agg(layer || '/' || condition, ', ') FROM schema_guard.status() WHERE state = 'error'}); }

# The update.
run_sql($node, "CREATE TABLE $_ AS SELECT 1 AS i") for qw(precious approved emptied);
my $token = approve($node, request_named(run_sql($node, 'DROP TABLE approved')));
my $pending = request_named(run_sql($node, 'DROP TABLE precious'));
my $old = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
$old->query_safe('CREATE TEMPORARY TABLE t (i integer)');

my $update = q{ALTER EXTENSION schema_guard UPDATE TO '1.0test'};
my $is_installed = value($node,
	q{SELECT count(*) FROM pg_extension_update_paths('schema_guard') WHERE source = '1.0' AND target = '1.0test' AND path IS NOT NULL});
is($is_installed, 1, 'there is a script to update to (test/install-extension installs it)');
refused($node, $update, '42501', qr/must be owner of extension/, 'not by everyone');
refused($node, q{ALTER EXTENSION schema_guard UPDATE TO 'nosuch'}, '22023', qr/no update path/, 'not to everything',
	role => 'superuser');
{
	my $updating = $node->background_psql('postgres', on_error_stop => 0);
	$updating->query_safe("BEGIN; $update");
	my $seconds = elapsed(sub {
		refused($node, 'DROP TABLE precious', 'SG001', qr/precious/, 'while it is under way, others are refused as before');
		refused($node, 'TRUNCATE emptied', 'SG001', qr/emptied/, 'whatever they do');
		accepted($node, 'CREATE TABLE meanwhile (i integer)', 'and what is harmless passes');
	});
	cmp_ok($seconds, '<', 20, 'without waiting for it');
	$updating->query('SAVEPOINT s; DROP TABLE precious');
	like($updating->{stderr}, qr/cannot drop table public\.precious without an approval/,
		'the session that updates is no exception');
	$updating->{stderr} = '';
	$updating->query_safe('ROLLBACK');
	$updating->quit;
	is(version(), '1.0', 'rolled back');
	run_sql($node, 'SELECT schema_guard.absorb_journal()', role => 'superuser');
	settled($node, q{SELECT string_agg(verdict, ' ') FROM schema_guard.audit WHERE statement = 'CREATE TABLE meanwhile (i integer)'},
		'allowed', 'what passed meanwhile is on record, once');
	settled($node, q{SELECT count(*) FROM schema_guard.blocked WHERE statement = 'TRUNCATE emptied'}, 1, 'what was refused too');
}
my $last = value($node, 'SELECT max(id) FROM schema_guard.audit');
accepted($node, $update, 'the update needs no approval', role => 'superuser');
is(version(), '1.0test', 'it is done');
is(value($node, q{SELECT schema_guard.test_version(), (SELECT test_note FROM schema_guard.approver), (SELECT count(*) FROM schema_guard.test_table)}),
	'1.0test|dba|1', 'all of it');
is(value($node, "SELECT string_agg(verdict || ' ' || command_tag, ', ') FROM schema_guard.audit WHERE id > $last"),
	'allowed ALTER EXTENSION', 'and is on record, as one statement');
is(complaints(), '', 'status() is content');
refused($node, 'DROP TABLE precious', 'SG001', qr/Request $pending is pending/,
	'the guard enforces, and knows the requests from before');
$old->query('DROP TABLE emptied');
like($old->{stderr}, qr/cannot drop table public\.emptied without an approval/, 'in sessions from before the update as well');
$old->quit;
settled($node, q{SELECT count(*) FROM schema_guard.blocked WHERE statement LIKE 'DROP TABLE emptied%'}, 1, 'and it is on record');
accepted($node, "SET schema_guard.approval_token = '$token'; DROP TABLE approved", 'an approval from before is good');
accepted($node, "SET schema_guard.approval_token = '" . approve($node, $pending) . "'; DROP TABLE precious",
	'and a request from before can be approved');
refused($node, 'DELETE FROM schema_guard.test_table', 'SG007', qr/test_table/, 'what the update has brought is the guard\'s own',
	role => 'superuser');
refused($node, 'DROP EXTENSION schema_guard', 'SG007', qr/extension schema_guard/, 'the extension is not for everybody to drop',
	role => 'superuser');

# The uninstall.
refused($node, 'DROP EXTENSION schema_guard', '42501', qr/must be owner/, 'nor for its users');
refused($node, 'BEGIN; SET LOCAL schema_guard.rehearse = on; DROP EXTENSION schema_guard; COMMIT', 'SG006', qr/./,
	'it can be rehearsed', role => 'superuser');
is(version(), '1.0test', 'and is still there');
my $request = request_named(run_sql($node, 'DROP EXTENSION schema_guard', role => 'superuser'));
$token = approve($node, $request);
my $with = "SET schema_guard.approval_token = '$token';\n";
refused($node, "${with}ALTER EXTENSION schema_guard DROP TABLE schema_guard.audit", 'SG003', qr/does not cover it/,
	'an approval to drop it is none to take it to pieces', role => 'superuser');
refused($node, "${with}DROP TABLE emptied", 'SG003', qr/does not cover it/, 'nor to drop anything else', role => 'superuser');
accepted($node, "${with}BEGIN; DROP EXTENSION schema_guard; CREATE TABLE unseen (i integer); DROP TABLE unseen; ROLLBACK",
	'dropped, and rolled back', role => 'superuser');
refused($node, 'DROP TABLE emptied', 'SG001', qr/emptied/, 'the guard is as before');
my $before = scalar(my @documents = log_documents($node));
my $again = run_sql($node, "${with}DROP EXTENSION schema_guard;\nDROP TABLE emptied;\nCREATE TABLE anew AS SELECT 1 AS i;\nCREATE EXTENSION schema_guard;\nRESET schema_guard.approval_token;\nDROP TABLE anew;\nTRUNCATE anew;\nSELECT count(*) FROM schema_guard.request",
	role => 'superuser', keep_going => 1);
is("@{ $again->{states} }", 'SG001 SG001',
	'dropped with an approval, and created in the same session: from then on it refuses') or diag($again->{err});
ok(grep({ /"verdict":"approved".*DROP EXTENSION/ } log_documents($node)),
	'the server log has that it was dropped, since the audit has gone');
is(there('emptied'), 'f', 'in between, nothing was guarded');
is(there('anew'), 't', 'after it, everything is');
is(version(), '1.0', 'the extension is a new one');
is(value($node, 'SELECT count(*) FROM schema_guard.approver'), 0, 'with no approvers');
settled($node, q{SELECT string_agg(statement, ', ' ORDER BY id) FROM schema_guard.blocked}, 'DROP TABLE anew, TRUNCATE anew',
	'and an audit of its own');
is(scalar(my @aside = glob($node->data_dir . '/pg_schema_guard/*.foreign.*')), 1,
	'the journal of its predecessor has been set aside');
$node->safe_psql('postgres', q{SELECT schema_guard.grant_approver('dba')});
is(complaints(), '', 'status() is content');
refused($node, "${with}DROP TABLE anew", 'SG002', qr/unknown/, 'a token of the old one is none of the new one\'s',
	role => 'superuser');

# In one transaction.
$token = approve($node, request_named(run_sql($node, 'DROP EXTENSION schema_guard CASCADE', role => 'superuser')));
$with = "SET schema_guard.approval_token = '$token';\n";
my $both = run_sql($node, "${with}BEGIN;\nDROP EXTENSION schema_guard CASCADE;\nCREATE EXTENSION schema_guard;\nRESET schema_guard.approval_token;\nSAVEPOINT s;\nDROP TABLE anew;\nROLLBACK TO s;\nCREATE TABLE harmless (i integer);\nCOMMIT",
	role => 'superuser', keep_going => 1);
is("@{ $both->{states} }", 'SG001',
	'dropped and created in one transaction: the new one refuses within it') or diag($both->{err});
is(there('anew') . there('harmless'), 'tt', 'and what is harmless passes');
refused($node, 'DROP TABLE anew', 'SG001', qr/anew/, 'afterwards as well', role => 'superuser');
$node->safe_psql('postgres', q{SELECT schema_guard.grant_approver('dba')});
is(complaints(), '', 'status() is content');

# For good; sessions that have the library are as if it were not there.
$token = approve($node, request_named(run_sql($node, 'DROP EXTENSION schema_guard', role => 'superuser')));
$old = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$old->query_safe('CREATE TABLE own AS SELECT 1 AS i');
accepted($node, "SET schema_guard.approval_token = '$token'; DROP EXTENSION schema_guard", 'dropped for good',
	role => 'superuser');
$old->query_safe('DROP TABLE own');
pass('a session from before drops what it likes');
$old->quit;
accepted($node, 'TRUNCATE anew; DROP TABLE anew', 'and a new one', role => 'superuser');
is(value($node, q{SELECT (SELECT count(*) FROM pg_event_trigger), (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'schema\_guard%'), (SELECT count(*) FROM pg_proc WHERE prosrc LIKE 'schema\_guard%')}),
	'0|0|0', 'nothing of it is left');
accepted($node, 'ALTER DATABASE postgres RESET session_preload_libraries', 'nor is anything in the way of clearing up',
	role => 'superuser');

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
