# An approved TRUNCATE: exactly the tables that the approval lists, once, whatever came in between and whoever else has
# the token. And a refused one keeps nobody waiting.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('truncate_approval');
$node->safe_psql('postgres', 'SELECT schema_guard.harden(); CREATE ROLE other LOGIN');

# Each part has its own tables, made anew, each with one row.
sub tables
{
	my ($sql) = @_;
	my $result = run_sql($node, "SET client_min_messages = error; $sql");
	die $result->{err} if $result->{status} != 0;
	return;
}

sub request_for
{
	my ($sql, %option) = @_;
	my $request = request_named(run_sql($node, $sql, %option));
	die "no request for $sql" unless defined $request;
	return $request;
}

sub token_for { my ($sql, %option) = @_; return approve($node, request_for($sql, %option)); }

sub with { my ($token, $sql) = @_; return "SET schema_guard.approval_token = '$token'; $sql"; }

sub rows { my ($table) = @_; return value($node, "SELECT count(*) FROM $table"); }

sub unused
{
	my ($token) = @_;
	return value($node, qq{SELECT count(*) FROM schema_guard.approval_effect e JOIN schema_guard.approval a ON a.id = e.approval_id
		WHERE token_hash = sha256('$token') AND consumed_at IS NULL});
}

# The list, with what the cascade brings.
{
	tables(q{CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (id integer PRIMARY KEY REFERENCES a); CREATE TABLE c (id integer);
		INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); INSERT INTO c VALUES (1)});
	my $token = token_for('TRUNCATE a, c CASCADE');
	tables('CREATE TABLE d (id integer PRIMARY KEY REFERENCES b); INSERT INTO d VALUES (1)');
	my $more = refused($node, with($token, 'TRUNCATE a, c CASCADE'), 'SG003',
		qr/cannot truncate table public\.d without an approval: approval \d+ does not cover it/,
		'one table more that refers to them, and the approval does not do');
	unlike($more->{err}, qr/DETAIL:.*public\.[abc]/, 'DETAIL names the difference only');
	is(join(' ', map { rows($_) } qw(a b c d)), '1 1 1 1', 'nothing has gone');
	is(unused($token), 3, 'and nothing of the approval is used');
	tables('ALTER TABLE d DROP CONSTRAINT d_id_fkey');
	my $last = value($node, 'SELECT max(id) FROM schema_guard.audit');
	accepted($node, with($token, 'TRUNCATE a, c CASCADE'), 'without that reference it does');
	is(join(' ', map { rows($_) } qw(a b c d)), '0 0 0 1', 'the tables are empty, and no other');
	is(value($node, "SELECT string_agg(verdict || ' ' || statement || ' ' || (approval_id IS NOT NULL), '') FROM schema_guard.audit WHERE id > $last"),
		'approved TRUNCATE a, c CASCADE true', 'on record with the approval');
	tables('INSERT INTO a VALUES (2)');
	refused($node, with($token, 'TRUNCATE a, c CASCADE'), 'SG003', qr/has been used for it already/, 'once');
	is(rows('a'), 1, 'the new row stays');
}

# Less than what is approved, in pieces, and the wrong deed.
{
	tables('CREATE TABLE one AS SELECT 1 AS i; CREATE TABLE two AS SELECT 1 AS i; CREATE TABLE three AS SELECT 1 AS i');
	my $token = token_for('TRUNCATE one, two');
	refused($node, with($token, 'DROP TABLE one'), 'SG003', qr/does not cover it/, 'an approval for TRUNCATE is none for DROP');
	refused($node, with($token, 'TRUNCATE one, three'), 'SG003', qr/truncate table public\.three/,
		'nor for another table beside it');
	refused($node, with($token, 'TRUNCATE one'), 'SG002', qr/another role/, 'nor for another role', role => 'superuser');
	accepted($node, with($token, 'TRUNCATE one; TRUNCATE two'), 'what is approved together can be done one by one');
	my $dropping = token_for('DROP TABLE three');
	refused($node, with($dropping, 'TRUNCATE three'), 'SG003', qr/does not cover it/,
		'an approval for DROP is none for TRUNCATE');
}

# What no approval needs to list: temporary tables, and those of the same transaction, are others in each session.
{
	tables('CREATE TABLE lasting AS SELECT 1 AS i');
	my $script = 'CREATE TEMPORARY TABLE passing (i integer); BEGIN; CREATE TABLE young (i integer); TRUNCATE passing, young, lasting; COMMIT';
	my $token = token_for($script);
	is(unused($token), 1, 'temporary and new tables are no part of an approval');
	accepted($node, with($token, $script), 'and it is good for a session with others of that name');
	is(rows('lasting'), 0, 'done');
}

# Partitions: one more, and it is another statement.
{
	tables(q{CREATE TABLE p (i integer) PARTITION BY RANGE (i); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); INSERT INTO p VALUES (1)});
	my $token = token_for('TRUNCATE p');
	tables('CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20); INSERT INTO p VALUES (11)');
	refused($node, with($token, 'TRUNCATE p'), 'SG003', qr/truncate table public\.p2/, 'a partition more is not covered');
	is(rows('p'), 2, 'every row is there');
	accepted($node, with($token, 'TRUNCATE p1'), 'the partition that was approved, by its own name');
	is(rows('p'), 1, 'only that');
}

# Savepoints and rollbacks give back; a rehearsal asks for the whole transaction.
{
	tables('CREATE TABLE saved AS SELECT 1 AS i; CREATE TABLE spared AS SELECT 1 AS i');
	my $rehearsal = refused($node,
		'BEGIN; SET LOCAL schema_guard.rehearse = on; TRUNCATE saved; SELECT count(*) FROM saved; TRUNCATE spared; COMMIT',
		'SG006', qr/2 effects/, 'a rehearsal runs to its end');
	is($rehearsal->{out}, 0, 'within it, the table is empty');
	is(rows('saved') . rows('spared'), 11, 'after it, nothing has gone');
	my $token = approve($node, request_named($rehearsal));
	accepted($node, with($token, 'BEGIN; TRUNCATE saved; ROLLBACK'), 'rolled back');
	is(unused($token), 2, 'the approval is given back');
	accepted($node, with($token, 'BEGIN; SAVEPOINT s; TRUNCATE saved; ROLLBACK TO s; TRUNCATE saved; ROLLBACK TO s; TRUNCATE spared; COMMIT'),
		'and after a savepoint, within the same transaction');
	is(rows('saved') . rows('spared'), 10, 'only what was not rolled back has happened');
	is(unused($token), 1, 'and only that is used');
	tables('INSERT INTO spared VALUES (2)');
	refused($node, with($token, 'BEGIN; TRUNCATE saved; SAVEPOINT s; TRUNCATE spared; COMMIT'), 'SG003', qr/used for it already/,
		'a used effect spoils the transaction');
	is(rows('saved'), 1, 'all of it');
}

# Triggers BEFORE TRUNCATE do more: each statement in them is judged for itself.
{
	tables(q{CREATE TABLE watched AS SELECT 1 AS i; CREATE TABLE victim AS SELECT 1 AS i;
		CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE TG_ARGV[0]; RETURN NULL; END';
		CREATE TRIGGER more BEFORE TRUNCATE ON watched EXECUTE FUNCTION more('SELECT 1')});
	my $token = token_for('TRUNCATE watched');
	my $change = sub { tables("CREATE OR REPLACE TRIGGER more BEFORE TRUNCATE ON watched EXECUTE FUNCTION more('$_[0]')"); };
	$change->('TRUNCATE victim');
	refused($node, with($token, 'TRUNCATE watched'), 'SG003', qr/truncate table public\.victim/,
		'a trigger that empties another table');
	$change->('DROP TABLE victim');
	refused($node, with($token, 'TRUNCATE watched'), 'SG003', qr/drop table public\.victim/, 'a trigger that drops one');
	$change->('SELECT 1/0');
	refused($node, with($token, 'TRUNCATE watched'), '22012', qr/division by zero/, 'a trigger that fails');
	is(rows('watched') . rows('victim') . unused($token), 111, 'nothing has gone, the approval neither');
	$change->('CREATE TABLE byproduct (i integer)');
	accepted($node, with($token, 'TRUNCATE watched'), 'a trigger that does harmless things');
	is(rows('watched') . rows('victim') . rows('byproduct') . unused($token), '0100', 'the approved table is empty');
}

# As drivers send it: parsed, bound and executed.
SKIP:
{
	my $pgbench = $node->config_data('--bindir') . '/pgbench';
	skip 'there is no pgbench', 4 unless -x $pgbench;
	tables('CREATE TABLE bound AS SELECT 1 AS i');
	my $script = $node->basedir . '/truncate.sql';
	append_to_file($script, "TRUNCATE bound;\n");
	for my $protocol (qw(extended prepared))
	{
		$node->command_checks_all([ 'pgbench', '-n', '-t', 1, '-M', $protocol, '-f', $script, '-U', 'app', 'postgres' ],
			2, [], [ qr/cannot truncate table public\.bound without an approval/ ], "the $protocol protocol");
	}
	is(rows('bound'), 1, 'the row is there');
}

# Two sessions with one token: the second neither waits nor passes.
{
	tables('CREATE TABLE shared AS SELECT 1 AS i');
	my $token = token_for('TRUNCATE shared');
	my $first = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
	$first->query_safe(with($token, 'BEGIN; TRUNCATE shared'));
	my $seconds = elapsed(sub {
		refused($node, with($token, "SET lock_timeout = '20s'; TRUNCATE shared"), 'SG003',
			qr/another transaction is using approval/, 'while another transaction uses the approval');
	});
	cmp_ok($seconds, '<', 10, 'it is told so at once');
	$first->query_safe('ROLLBACK');
	accepted($node, with($token, 'TRUNCATE shared'), 'once that is rolled back, it may');
	$first->quit;
}

# A refused TRUNCATE takes no lock, so that it waits for no reader, and no reader for it.
{
	tables('CREATE TABLE busy AS SELECT 1 AS i; CREATE TABLE busy_too AS SELECT 1 AS i');
	my $reader = $node->background_psql('postgres');
	$reader->query_safe('BEGIN; SELECT * FROM busy');
	my $seconds = elapsed(sub { refused($node, "SET lock_timeout = '20s'; TRUNCATE busy_too, busy", 'SG001', qr/busy/,
		'refused while a reader is at the table'); });
	cmp_ok($seconds, '<', 10, 'it does not wait for the reader');
	my $refused = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	$refused->query('BEGIN; SAVEPOINT s; TRUNCATE busy_too, busy');
	is(value($node, q{SELECT count(*) FROM pg_locks WHERE relation IN ('busy'::regclass, 'busy_too'::regclass) AND mode <> 'AccessShareLock'}),
		0, 'it holds no lock in its failed transaction');
	$refused->{stderr} = ''; # of the refusal; query_safe() would take it for its own
	$refused->query_safe('ROLLBACK TO s');
	is(value($node, q{SELECT count(*) FROM pg_locks WHERE relation = 'busy_too'::regclass}), 0, 'nor after that is mended');
	accepted($node, "SET lock_timeout = '20s'; SELECT * FROM busy_too, busy", 'readers pass');
	$refused->quit;
	$reader->quit;
}

# A table that is empty is truncated freely, unless somebody may be putting rows into it just now.
{
	tables('CREATE TABLE filling (i integer)');
	my $other = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
	$other->query_safe('BEGIN; INSERT INTO filling VALUES (1)');
	my $seconds = elapsed(sub {
		refused($node, "SET lock_timeout = '20s'; TRUNCATE filling", 'SG001', qr/filling/, 'refused while another transaction puts a row into it');
	});
	cmp_ok($seconds, '<', 10, 'without a wait');
	$other->query_safe('COMMIT');
	# It may still be empty when TRUNCATE begins to wait for its lock, and not any more when it has it.
	run_sql($node, 'SET schema_guard.mode = off; TRUNCATE filling', role => 'superuser');
	$other->query_safe('BEGIN; LOCK TABLE filling IN ROW EXCLUSIVE MODE');
	my $waiting = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	$waiting->query_until(qr/begun/, "\\echo begun\nTRUNCATE filling;\n");
	ok(wait_until(sub { value($node, q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'TRUNCATE filling%' AND (wait_event_type = 'Lock' OR state LIKE 'idle%')}) ne '0' }),
		'another one waits for its lock, or has been refused');
	$other->query_safe('INSERT INTO filling VALUES (1); COMMIT');
	$waiting->query('SELECT 1');
	like($waiting->{stderr}, qr/cannot truncate table public\.filling without an approval/, 'it is refused, having got it');
	$waiting->quit;
	$other->quit;
	is(rows('filling'), 1, 'the row that came in is there');
	tables('CREATE TABLE asked_about (i integer)');
	my $asking = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	$asking->query_safe(q{BEGIN; SELECT schema_guard.request_approval('TRUNCATE asked_about; DROP TABLE filling', 'tidy up')});
	is(value($node, q{SELECT count(*) FROM pg_locks WHERE relation = 'asked_about'::regclass AND mode = 'AccessExclusiveLock'}),
		0, 'to ask for an approval locks nothing');
	$asking->quit;
}

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
