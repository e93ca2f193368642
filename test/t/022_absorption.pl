# Absorption without being asked, and without waiting for anybody: in the next session's own transaction where no
# worker can be had, and later where the audit is locked, be it by the denied transaction itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

# A wait for a lock that the waiting session holds would end with the server only; half a second is what the guard
# allows itself. The bound leaves room for slow machines.
my $bound = 10;
my $node = guarded_cluster('absorption', "max_worker_processes = 0\nmax_logical_replication_workers = 0\n");

sub count_of
{
	my ($verdict) = @_;
	return "SELECT count(*) FROM schema_guard.audit WHERE verdict = '$verdict'";
}

# The locks below must delay nothing for longer than the bound.
sub timely
{
	my ($work, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return cmp_ok(elapsed($work), '<', $bound, "$name: in time");
}

# Without workers.
accepted($node, 'CREATE TABLE kept (id integer); CREATE TABLE too (id integer)', 'tables to keep');
refused($node, 'DROP TABLE kept', 'SG001', qr/kept/, 'a denial while no worker can be had');
is(value($node, count_of('blocked')), 0, 'its row is not there yet');
accepted($node, 'SELECT 1; INSERT INTO too VALUES (1)', 'statements that define nothing');
is(value($node, count_of('blocked')), 0, 'absorb nothing');
accepted($node, 'CREATE TABLE next (id integer)', 'the next statement that defines something, by a role without any right to the audit');
is(value($node, count_of('blocked')), 1, 'absorbs it');
accepted($node, 'CREATE TABLE after_next (id integer)', 'the one behind it');
is(value($node, count_of('blocked')), 1, 'does not repeat it');
refused($node, 'BEGIN; CREATE TABLE never (id integer); SELECT 1 / 0', '22012', qr/division by zero/, 'a transaction with a definition in it fails');
is(value($node, count_of('failed')), 0, 'the row for it waits as well');
refused($node, 'DROP TABLE kept; ', 'SG001', qr/kept/, 'another denial') for 1 .. 3;
accepted($node, 'BEGIN; CREATE TABLE one (id integer); CREATE TABLE two (id integer); COMMIT', 'a transaction of several definitions');
is(value($node, count_of('blocked')), 4, 'absorbs all that were denied');
is(value($node, count_of('failed')), 1, 'and what failed');
is( value($node, q{SELECT status, attempts FROM schema_guard.request}),
	'pending|4', 'four attempts at the same are one request');
refused($node, 'DROP TABLE too', 'SG001', qr/too/, 'a denial before an absorption that is rolled back');
run_sql($node, 'BEGIN; CREATE TABLE undone (id integer); ROLLBACK');
is(value($node, count_of('blocked')), 4, 'a transaction that is rolled back absorbs nothing for good');
accepted($node, 'CREATE TABLE done (id integer)', 'one that commits');
is(value($node, 'SELECT count(*), count(DISTINCT event_id) FROM schema_guard.audit WHERE verdict = $$blocked$$'),
	'5|5', 'absorbs it once');

# The session that would absorb does not wait for the audit either.
my $other = $node->background_psql('postgres');
$other->query_safe('BEGIN; LOCK TABLE schema_guard.audit IN ACCESS EXCLUSIVE MODE');
refused($node, 'DROP TABLE too', 'SG001', qr/too/, 'a denial while the audit is locked');
timely(
	sub {
		accepted($node, "SET statement_timeout = '30s'; CREATE TABLE passing (id integer)",
			'a harmless statement, which would absorb it, passes');
	},
	'without a worker');
$other->query_safe('ROLLBACK');
$other->quit;
accepted($node, 'CREATE TABLE passed (id integer)', 'the next one absorbs it');
is(value($node, count_of('blocked')), 6, 'the denial is on record');
is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE verdict = 'allowed' AND statement LIKE 'CREATE TABLE pass%'"),
	2, 'and so are both statements that passed');

# With workers.
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;

my $blocked = 6;
for my $table (qw(audit journal_position request))
{
	timely(
		sub {
			refused($node, "BEGIN; LOCK TABLE schema_guard.$table IN ACCESS EXCLUSIVE MODE; SET LOCAL statement_timeout = '30s'; DROP TABLE kept",
				'SG001', qr/kept/, "denied while the same transaction has locked $table", role => 'superuser');
		},
		$table);
	$blocked++;
	# The failed transaction's own end sees to it; nobody has to do anything.
	settled($node, count_of('blocked'), $blocked, "$table: the denial is on record, once");
}

# Locked by somebody else, in the two modes that keep a writer out.
for my $mode ('SHARE', 'ACCESS EXCLUSIVE')
{
	my $other = $node->background_psql('postgres');
	$other->query_safe("BEGIN; LOCK TABLE schema_guard.audit IN $mode MODE");
	(my $name = lc "made_under_$mode") =~ tr/ /_/;
	timely(sub { accepted($node, "CREATE TABLE $name (id integer)", "a harmless statement passes while another session holds $mode") }, $mode);
	timely(sub { refused($node, "DROP TABLE $name", 'SG001', qr/$name/, 'a destructive one is refused') }, $mode);
	refused($node, "BEGIN; CREATE TABLE un$name (id integer); SELECT 1 / 0", '22012', qr/division/, 'a harmless one fails with its transaction');
	$blocked++;
	$other->query_safe('COMMIT');
	$other->quit;
	accepted($node, "COMMENT ON TABLE kept IS '$mode'", 'the lock is gone');
	settled($node, count_of('blocked'), $blocked, "$mode: the denial is on record");
	settled($node, "SELECT count(*) FROM schema_guard.audit WHERE verdict = 'allowed' AND statement = 'CREATE TABLE $name (id integer)'",
		1, "$mode: so is the harmless statement, once");
	settled($node, "SELECT count(*) FROM schema_guard.audit WHERE verdict = 'allowed' AND statement LIKE '%un$name%'",
		0, "$mode: the one that was rolled back is not there as allowed");
	settled($node, "SELECT count(*) FROM schema_guard.audit WHERE verdict = 'failed' AND effects::text LIKE '%un$name%'",
		1, "$mode: but as failed");
}

# An absorption by hand does not wait for ever either.
$other = $node->background_psql('postgres');
$other->query_safe('BEGIN; LOCK TABLE schema_guard.journal_position IN ACCESS EXCLUSIVE MODE');
timely(
	sub {
		refused($node, 'SELECT schema_guard.absorb_journal()', '55P03', qr/holds a lock/, 'absorb_journal() gives up', role => 'superuser');
	},
	'absorb_journal()');
$other->query_safe('ROLLBACK');
$other->query_safe('BEGIN; LOCK TABLE schema_guard.audit IN ACCESS EXCLUSIVE MODE');
refused($node, 'DROP TABLE too', 'SG001', qr/too/, 'one more denial while the audit is locked');
timely(
	sub {
		refused($node, "SET statement_timeout = '30s'; SELECT schema_guard.absorb_journal()", '55P03', qr/lock/,
			'absorb_journal() gives up on the audit as well', role => 'superuser');
	},
	'absorb_journal()');
$other->query_safe('ROLLBACK');
$other->quit;
value($node, 'SELECT schema_guard.absorb_journal()');
settled($node, count_of('blocked'), $blocked + 1, 'nothing was lost');

# Two sessions absorbing at once: each entry once.
refused($node, 'DROP TABLE kept', 'SG001', qr/kept/, 'a denial') for 1 .. 5;
accepted($node, 'CREATE TABLE last (id integer)', 'an absorption');
value($node, 'SELECT schema_guard.absorb_journal()');
settled($node, 'SELECT count(*) - count(DISTINCT event_id) FROM schema_guard.audit', 0, 'no event is there twice');
is(value($node, count_of('blocked')), $blocked + 6, 'and none is missing');
my @hung = server_log($node) =~ /^.*(?:PANIC|deadlock detected|due to statement timeout).*$/mg;
is("@hung", '', 'nothing hung');

$node->stop;
done_testing();
