# PgBouncer: in transaction mode the token and the rehearsal are SET LOCAL, in session mode DISCARD ALL takes them back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Bouncer;
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

needs(defined Bouncer::program(), 'pgbouncer');
my $node = guarded_cluster('pooled');
my $tables = join ' ', map { "CREATE TABLE $_ (id integer); INSERT INTO $_ VALUES (1);" } qw(one two three);

sub denied
{
	my ($bouncer, $sql, $state, $text, $name, %option) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $result = $bouncer->run($sql, %option);
	ok("@{ $result->{states} }" eq $state && $result->{err} =~ $text, $name) or diag($result->{err});
	return $result;
}

# The approver comes by the pool as well.
sub approved
{
	my ($bouncer, $refusal) = @_;
	my $request = request_named($refusal) // 0;
	wait_until(sub { value($node, "SELECT count(*) FROM schema_guard.request WHERE id = $request") });
	return $bouncer->run("SELECT schema_guard.approve($request, 'the test wants it')", role => 'dba')->{out};
}

for my $name ('plain', 'preloaded')
{
	value($node, q{ALTER DATABASE postgres SET session_preload_libraries = 'schema_guard'}) if $name eq 'preloaded';
	my $bouncer = Bouncer->start($node, 'transaction', 'ignore_startup_parameters = options');
	my $from = log_size($node);
	silent($bouncer->run($tables), "$name: tables");
	my ($first, $second) = map { $bouncer->run('SELECT pg_backend_pid()')->{out} } 1 .. 2;
	is($first, $second, "$name: clients share a connection");
	quiet_log($node, $from, "$name: the log is quiet");

	my $token = approved($bouncer, denied($bouncer, 'DROP TABLE one', 'SG001', qr/public\.one/, "$name: a refusal"));
	like($token, qr/^sg_/, "$name: approved by the pool");
	denied($bouncer, "BEGIN; SET LOCAL schema_guard.approval_token = '$token'; DROP TABLE two; COMMIT", 'SG003', qr/does not cover/,
		"$name: the token is for what was approved");
	silent($bouncer->run("BEGIN; SET LOCAL schema_guard.approval_token = '$token'; DROP TABLE one; COMMIT"), "$name: which passes with SET LOCAL");
	is($bouncer->run(q{SELECT current_setting('schema_guard.approval_token', true)})->{out}, '', "$name: and leaves no token behind");
	denied($bouncer, 'DROP TABLE two', 'SG001', qr/public\.two/, "$name: nor does the next client have one");

	my $rehearsed = denied($bouncer, 'BEGIN; SET LOCAL schema_guard.rehearse = on; DROP TABLE two; DROP TABLE three; COMMIT',
		'SG006', qr/2 effects/, "$name: a rehearsal with SET LOCAL");
	silent($bouncer->run('CREATE TABLE four (id integer)'), "$name: the next client does not rehearse");
	$token = approved($bouncer, $rehearsed);
	silent($bouncer->run("BEGIN; SET LOCAL schema_guard.approval_token = '$token'; DROP TABLE two; DROP TABLE three; COMMIT"), "$name: approved");

	# What PgBouncer does not pass on does not arrive, and then it is refused.
	denied($bouncer, 'DROP TABLE four', 'SG001', qr/public\.four/, "$name: PGOPTIONS don't come through",
		settings => '-c schema_guard.approval_token=sg_any');
	# A token set for the session stays with the connection, as any setting does. It opens what was approved, and nothing else.
	$token = approved($bouncer, denied($bouncer, 'DROP TABLE four', 'SG001', qr/public\.four/, "$name: one more"));
	$bouncer->run("CREATE TABLE five (id integer); SET schema_guard.approval_token = '$token'");
	denied($bouncer, 'DROP TABLE five', 'SG003', qr/public\.five/, "$name: a token that somebody left behind opens nothing of the next client's");
	silent($bouncer->run('RESET schema_guard.approval_token'), "$name: it can be taken back");
	denied($bouncer, 'DROP TABLE four', 'SG001', qr/public\.four/, "$name: then it is gone");
	is(value($node, q{SELECT count(*) FROM schema_guard.audit WHERE session_role NOT IN ('app', 'dba', current_user)}), 0, "$name: the audit has who it was");
	$bouncer->stop;
	value($node, 'SET schema_guard.mode = off; DROP TABLE four, five');
}

# The first statement of a session, where no event trigger has loaded the library.
my $bouncer = Bouncer->start($node, 'transaction');
$bouncer->run('CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1)');
$bouncer->stop;
$bouncer = Bouncer->start($node, 'transaction');
denied($bouncer, 'TRUNCATE kept', 'SG001', qr/kept/, 'session_preload_libraries guard the pool\'s first statement');
$bouncer->stop;

# Session mode: each client gets the connection as DISCARD ALL has left it.
$bouncer = Bouncer->start($node, 'session', 'server_reset_query = DISCARD ALL');
my $from = log_size($node);
silent($bouncer->run(q{CREATE TEMP TABLE mine (id serial PRIMARY KEY); INSERT INTO mine DEFAULT VALUES;
	SET schema_guard.approval_token = 'sg_none'; SET schema_guard.rehearse = on}), 'a client with settings and a temporary table');
silent($bouncer->run('CREATE TABLE later (id integer); INSERT INTO later VALUES (1)'), 'the next one does not rehearse');
is($bouncer->run(q{SELECT current_setting('schema_guard.approval_token', true), to_regclass('mine')})->{out}, '|', 'nor has the token, nor the table');
quiet_log($node, $from, 'the log is quiet');
denied($bouncer, 'DROP TABLE later', 'SG001', qr/public\.later/, 'and is guarded');
$bouncer->stop;

# The same without a pool.
silent(run_sql($node, q{CREATE TEMP TABLE mine (id serial PRIMARY KEY, t text); CREATE TEMP VIEW v AS SELECT id FROM mine;
	SET schema_guard.approval_token = 'sg_none'; DISCARD TEMP; DISCARD PLANS; DISCARD SEQUENCES; DISCARD ALL}), 'DISCARD');
refused(
	$node, q{SET schema_guard.approval_token = 'sg_none'; DISCARD ALL; DROP TABLE later}, 'SG001', qr/public\.later/,
	'DISCARD ALL takes back a token');
refused($node, 'DISCARD ALL; TRUNCATE later', 'SG001', qr/public\.later/, 'and nothing of the guard');

$node->stop;
done_testing();
