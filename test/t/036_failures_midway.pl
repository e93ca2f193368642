# Failures at an awkward moment: between a statement and its COMMIT, before what no transaction takes back, in a
# rehearsal, by a session that is in its own way; and the guard's other tables.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('failures_midway', 'max_prepared_transactions = 2');
$node->safe_psql('postgres', 'SELECT schema_guard.harden()');

sub off { my ($sql) = @_; $node->safe_psql('postgres', "SET schema_guard.mode = off;\n$sql"); return; }
sub as_superuser { my ($sql) = @_; return run_sql($node, $sql, role => 'superuser', keep_going => 1); }
sub tables { my (@names) = @_; run_sql($node, join ';', map { "CREATE TABLE $_ AS SELECT 1 AS i" } @names); return; }
sub token_for { my ($sql, %option) = @_; return approve($node, request_named(run_sql($node, $sql, %option))); }
sub with { my ($token, $sql) = @_; return "SET schema_guard.approval_token = '$token';\n$sql"; }

# Nothing can be written where a folder stands, whoever the server is.
my $journal = journal_file($node);
sub break_journal { rename $journal, "$journal.kept"; mkdir $journal or die; return; }
sub mend_journal { rmdir $journal or die; rename "$journal.kept", $journal; return; }
my $holder;
sub lock_audit { $holder = $node->background_psql('postgres'); $holder->query_safe('BEGIN; LOCK TABLE schema_guard.audit IN ACCESS EXCLUSIVE MODE'); return; }
sub free_audit { $holder->quit; return; }

# Between the statement and its COMMIT.
{
	tables('midway');
	my $token = token_for('DROP TABLE midway');
	for my $statement ('DROP TABLE midway', 'CREATE TABLE begun (i integer)')
	{
		lock_audit();
		my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
		$session->query_safe(with($token, "BEGIN; $statement"));
		break_journal();
		$session->query('COMMIT');
		like($session->{stderr}, qr/ERROR:  .*could not record.*DETAIL:  The journal cannot be used: .*HINT:  .*schema_guard\.status\(\)/s,
			"$statement, and then the journal breaks: COMMIT fails");
		mend_journal();
		free_audit();
		$session->{stderr} = '';
		$session->quit;
		is(value($node, q{SELECT to_regclass('midway') IS NOT NULL, to_regclass('begun') IS NULL}), 't|t',
			"$statement: it has not happened");
		is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE statement = '$statement' AND verdict IN ('approved', 'allowed')"),
			0, "$statement: nor is it on record as done");
	}
	accepted($node, with($token, 'DROP TABLE midway'), 'afterwards the approval is good');
}

# What commits on its way has to be sure of its record before that.
{
	tables('indexed');
	lock_audit();
	break_journal();
	refused($node, 'CREATE INDEX CONCURRENTLY half_done ON indexed (i)', '58030', qr/could not record/,
		'CREATE INDEX CONCURRENTLY with no record to be kept');
	mend_journal();
	free_audit();
}

# What no transaction takes back.
{
	$node->safe_psql('postgres', 'CREATE DATABASE shop OWNER app');
	$node->safe_psql('shop', 'CREATE TABLE kept AS SELECT 42 AS i');
	my $token = token_for('DROP DATABASE shop');
	my $system = token_for('ALTER SYSTEM SET schema_guard.mode = observe', role => 'superuser');
	for my $which ('the journal', 'the audit and the journal')
	{
		lock_audit() if $which =~ /audit/;
		break_journal();
		if ($which =~ /audit/)
		{
			refused($node, with($token, 'DROP DATABASE shop'), '58030', qr/could not record/,
				'DROP DATABASE, approved, with no record to be kept');
			refused($node, with($system, 'ALTER SYSTEM SET schema_guard.mode = observe'), '58030', qr/could not record/,
				'ALTER SYSTEM, approved, with no record to be kept', role => 'superuser');
		}
		refused($node, 'DROP DATABASE shop', 'SG001', qr/could not be recorded/, "without $which: DROP DATABASE");
		mend_journal();
		free_audit() if $which =~ /audit/;
	}
	is($node->safe_psql('shop', 'SELECT i FROM kept'), 42, 'the database works');
	is(value($node, q{SELECT count(*) FROM pg_file_settings WHERE name = 'schema_guard.mode'}), 0, 'the setting is not stored');
	lock_audit();
	accepted($node, with($token, 'DROP DATABASE shop'), 'with the journal, it is done');
	free_audit();
	run_sql($node, 'SELECT schema_guard.absorb_journal()', role => 'superuser');
	settled($node, q{SELECT string_agg(verdict, ' ') FROM schema_guard.audit WHERE statement = 'DROP DATABASE shop' AND verdict <> 'blocked'},
		'approved', 'and is on record, once');
}

# Rehearsals, PREPARE TRANSACTION, errors that are swallowed.
{
	tables(qw(rehearsed prepared swallowed));
	break_journal();
	refused($node, 'BEGIN; SET LOCAL schema_guard.rehearse = on; DROP TABLE rehearsed; COMMIT', 'SG006',
		qr/could not be recorded, and no request was filed/, 'a rehearsal ends as one, and says that nobody was asked');
	refused($node, q{DO $$ BEGIN DROP TABLE swallowed; EXCEPTION WHEN SQLSTATE 'SG001' THEN CREATE TABLE instead (i integer); END $$; SELECT 1/0},
		'22012', qr/division/, 'a swallowed refusal');
	mend_journal();
	lock_audit();
	accepted($node, q{BEGIN; CREATE TABLE two_phase (i integer); PREPARE TRANSACTION 'guard'},
		'a prepared transaction, with the audit locked');
	free_audit();
	accepted($node, q{COMMIT PREPARED 'guard'}, 'and committed');
	run_sql($node, 'SELECT schema_guard.absorb_journal()', role => 'superuser');
	settled($node, q{SELECT count(*) FROM schema_guard.audit WHERE statement LIKE 'CREATE TABLE two\_phase%' AND verdict = 'allowed'},
		1, 'is on record, once');
	is(value($node, q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname IN ('rehearsed', 'prepared', 'swallowed', 'instead', 'two_phase')}),
		'instead prepared rehearsed swallowed two_phase', 'nothing has gone');
}

# A session that is in its own way does not wait for itself.
{
	tables('own_way');
	my $seconds = elapsed(sub {
		my $result = as_superuser('BEGIN; LOCK TABLE schema_guard.audit, schema_guard.request, schema_guard.journal_position, schema_guard.approval, schema_guard.standing_policy IN ACCESS EXCLUSIVE MODE;
			SAVEPOINT s; DROP TABLE own_way; ROLLBACK TO s; CREATE TABLE by_the_way (i integer); COMMIT');
		is("@{ $result->{states} }", 'SG001',
			'a session that has locked the guard\'s tables is refused as any other') or diag($result->{err});
	});
	cmp_ok($seconds, '<', 15, 'and does not hang');
	run_sql($node, 'SELECT schema_guard.absorb_journal()', role => 'superuser');
	settled($node, q{SELECT count(*) FROM schema_guard.blocked WHERE statement = 'DROP TABLE own_way'}, 1,
		'its refusal is on record');
	is(value($node, q{SELECT count(*) FROM schema_guard.audit WHERE statement LIKE 'CREATE TABLE by\_the\_way%'}), 1,
		'and what it did besides');
}

# The guard's other tables, altered by a superuser who has turned it off: refused is refused, DML goes on, and there is a way out.
for my $each (
	[ 'standing_policy', 'ALTER TABLE schema_guard.standing_policy RENAME action TO deed',
		'ALTER TABLE schema_guard.standing_policy RENAME deed TO action' ],
	[ 'request', 'ALTER TABLE schema_guard.request RENAME status TO state',
		'ALTER TABLE schema_guard.request RENAME state TO status' ],
	[ 'approval', 'ALTER TABLE schema_guard.approval RENAME granted_to TO whom',
		'ALTER TABLE schema_guard.approval RENAME whom TO granted_to' ],
	[ 'approval_effect', 'ALTER TABLE schema_guard.approval_effect RENAME ordinal TO place',
		'ALTER TABLE schema_guard.approval_effect RENAME place TO ordinal' ],
	[ 'journal_position', 'ALTER TABLE schema_guard.journal_position RENAME byte_offset TO place',
		'ALTER TABLE schema_guard.journal_position RENAME place TO byte_offset' ],
	[ 'approver', 'ALTER TABLE schema_guard.approver RENAME role TO who',
		'ALTER TABLE schema_guard.approver RENAME who TO role' ])
{
	my ($table, $break, $mend) = @$each;
	tables("by_$table", "lost_$table");
	my $token = token_for("DROP TABLE lost_$table");
	off($break);
	my $seconds = elapsed(sub {
		my $result = as_superuser("DROP TABLE by_$table");
		isnt("@{ $result->{states} }", '', "$table altered: DROP TABLE is refused");
		run_sql($node, with($token, "DROP TABLE by_$table"));
		is(value($node, "SELECT to_regclass('by_$table') IS NOT NULL"), 't',
			"$table altered: with a token for another table as well");
	});
	cmp_ok($seconds, '<', 15, "$table altered: it does not hang");
	accepted($node, 'CREATE TEMPORARY TABLE t AS SELECT 1 AS i; INSERT INTO t VALUES (2)',
		"$table altered: DML goes on") if $table ne 'standing_policy';
	accepted($node, "SET schema_guard.mode = off; DROP TABLE by_$table", "$table altered: there is a way out",
		role => 'superuser');
	off($mend);
	accepted($node, with($token, "DROP TABLE lost_$table"), "$table mended: the approval is good");
}
is(value($node, 'SELECT count(*) - count(DISTINCT event_id) FROM schema_guard.audit'), 0, 'no event is there twice');
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
