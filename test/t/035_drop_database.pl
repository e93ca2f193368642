# DROP DATABASE, which no transaction takes back: refused, or approved and done, where the extension is installed in the
# database that the command runs in, or where only the library is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('drop_database');
$node->safe_psql('postgres', q{
	SELECT schema_guard.harden();
	CREATE ROLE other LOGIN;
	CREATE DATABASE bare;
	CREATE DATABASE model IS_TEMPLATE true OWNER app;});

# A database with something in it.
sub victim
{
	my ($name, $owner) = @_;
	my $quoted = $name =~ s/"/""/gr;
	$node->safe_psql('postgres', qq{CREATE DATABASE "$quoted" OWNER } . ($owner // 'app'));
	$node->safe_psql($name, 'CREATE TABLE kept AS SELECT 42 AS i');
	return;
}

sub there { my ($name) = @_; return value($node, "SELECT count(*) FROM pg_database WHERE datname = '$name'"); }

sub works
{
	my ($name, $test) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->safe_psql($name, 'SELECT i FROM kept'), 42, $test);
}

sub requests { return value($node, 'SELECT count(*) FROM schema_guard.request'); }
sub last_record { return value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit'); }
sub records_since { my ($last) = @_; return value($node,
	"SELECT string_agg(verdict || ' ' || rule, ', ' ORDER BY id) FROM schema_guard.audit WHERE id > $last"); }

sub token_for
{
	my ($sql, $role) = @_;
	return approve($node, request_named(run_sql($node, $sql, role => $role)));
}

sub with { my ($token, $sql) = @_; return "SET schema_guard.approval_token = '$token';\n$sql"; }

my $odd = q{O'Neill "x"; --};
victim($_) for 'shop', $odd;

# However it is written, and whoever sends it.
for my $role ('superuser', 'app')
{
	for my $each (
		[ 'DROP DATABASE shop', 'shop' ],
		[ 'DROP DATABASE IF EXISTS shop', 'shop' ],
		[ 'DROP DATABASE shop WITH (FORCE)', 'shop' ],
		[ 'DROP DATABASE IF EXISTS "shop" (FORCE)', 'shop' ],
		[ q{DROP DATABASE "O'Neill ""x""; --"}, $odd ])
	{
		my ($statement, $name) = @$each;
		my $last = last_record();
		refused($node, $statement, 'SG001', qr/cannot drop database .* without an approval/, "$role: $statement", role => $role);
		works($name, "$role: $statement: it is as it was");
		settled($node, "SELECT rule || ' ' || sensor || ' ' || (effects -> 0 ->> 'object_type') || ' ' || (effects -> 0 ->> 'identity') || ' ' || statement
			FROM schema_guard.blocked WHERE id > $last", "drop_database utility database " . ($name eq 'shop' ? 'shop' : q{"O'Neill ""x""; --"}) . " $statement", "$role: $statement: on record");
	}
}
for my $options ([], ['--if-exists'], ['--force'])
{
	$node->command_fails_like([ 'dropdb', '-U', 'app', @$options, 'shop' ], qr/cannot drop database shop without an approval/,
		"dropdb @$options");
}
works('shop', 'dropdb: it is as it was');

# What PostgreSQL refuses by itself.
for my $each (
	[ other => 'DROP DATABASE shop', '42501' ],
	[ other => 'DROP DATABASE IF EXISTS shop WITH (FORCE)', '42501' ],
	[ app => 'DROP DATABASE nosuch', '3D000' ],
	[ app => 'BEGIN; DROP DATABASE shop', '25001' ],
	[ app => 'SELECT 1\; DROP DATABASE shop', '25001' ],
	[ app => q{DO $$ BEGIN DROP DATABASE shop; END $$}, '25001' ],
	[ app => 'BEGIN READ ONLY; DROP DATABASE shop', '25006' ],
	[ app => 'SET default_transaction_read_only = on; DROP DATABASE shop', '25006' ],
	[ superuser => 'DROP DATABASE postgres', '55006' ],
	[ app => 'DROP DATABASE model', '42809' ])
{
	my ($role, $statement, $state) = @$each;
	my $requests = requests();
	my $result = refused($node, $statement, $state, qr/ERROR/, "PostgreSQL refuses $role: $statement", role => $role);
	unlike($result->{err}, qr/approval|Request/, "$statement: without a word of the guard's");
	is(requests(), $requests, "$statement: nobody is asked");
}
accepted($node, 'DROP DATABASE IF EXISTS nosuch', 'a database that is not there is no loss');

# Rehearsed: nothing happens to it, with an approval or without.
my $token = token_for('DROP DATABASE shop', 'app');
for my $rehearsed ('DROP DATABASE shop', 'DROP DATABASE IF EXISTS shop WITH (FORCE)')
{
	my $result = run_sql($node, "SET schema_guard.rehearse = on; $rehearsed", keep_going => 1);
	like("@{ $result->{states} }", qr/^(?:SG001|0A000)$/, "a rehearsal is no way to drop it: $rehearsed") or diag($result->{err});
}
refused($node, with($token, "SET schema_guard.rehearse = on;\nDROP DATABASE shop"), '0A000',
	qr/cannot rehearse DROP DATABASE, which cannot be rolled back/, 'with an approval, it cannot be rehearsed');
works('shop', 'it is as it was');

# Approved: that one, by that role, once.
refused($node, with($token, q{DROP DATABASE "O'Neill ""x""; --"}), 'SG003', qr/does not cover it/,
	'an approval for one database is none for another');
refused($node, with($token, 'DROP DATABASE shop'), 'SG002', qr/another role/, 'nor for another role', role => 'superuser');
my $visitor = $node->background_psql('shop');
my $last = last_record();
refused($node, with($token, 'DROP DATABASE shop'), '55006', qr/being accessed by other users/,
	'an approved DROP DATABASE fails while somebody is in there');
works('shop', 'it is as it was');
settled($node, "SELECT string_agg(verdict, ' ') FROM schema_guard.audit WHERE id > $last", 'failed',
	'the failure is on record, and no approval as used');

# While it waits for the visitor to leave, nobody can take the approval back.
{
	my $dropping = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	$dropping->query_until(qr/dropping/, "\\echo dropping\n" . with($token, "DROP DATABASE shop;\n"));
	ok(wait_until(sub { value($node,
		q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DROP DATABASE shop%' AND state = 'active'}) }),
		'it is under way');
	my $approval = value($node, "SELECT id FROM schema_guard.approval WHERE token_hash = sha256('$token')");
	my $revoked;
	my $seconds = elapsed(sub { $revoked = run_sql($node, "SELECT schema_guard.revoke($approval, 'changed my mind')",
		role => 'dba'); });
	isnt("@{ $revoked->{states} }", '', 'the approval cannot be revoked while it is in use');
	cmp_ok($seconds, '<', 20, 'whoever tries does not hang');
	$dropping->quit;
}
$visitor->quit;
ok(wait_until(sub { value($node, q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'}) eq '0' }),
	'the visitor has left');
$last = last_record();
accepted($node, with($token, 'DROP DATABASE shop'), 'the approval has been given back, and it is dropped');
is(there('shop'), 0, 'it has gone');
is(value($node, "SELECT string_agg(verdict || ' ' || rule || ' ' || statement || ' ' || (approval_id IS NOT NULL), ', ') FROM schema_guard.audit WHERE id > $last"),
	'approved drop_database DROP DATABASE shop true', 'on record, once');
victim('shop');
refused($node, with($token, 'DROP DATABASE shop'), 'SG003', qr/does not cover it/, 'another database of that name is another');
works('shop', 'and stays');
$token = token_for('DROP DATABASE shop', 'superuser');
$visitor = $node->background_psql('shop');
accepted($node, with($token, 'DROP DATABASE shop WITH (FORCE)'), 'with FORCE it goes, whoever is in there', role => 'superuser');
$visitor->{run}->kill_kill; # its server process is gone, and it can't quit in peace

# Modes and policies, as a superuser: what is done, and the verdict on record.
my @laxer = (
	[ 'mode warn', 'SET schema_guard.mode = warn', 'WARNING', 'warned drop_database' ],
	[ 'mode observe', 'SET schema_guard.mode = observe', '', 'allowed drop_database' ],
	[ 'mode off', 'SET schema_guard.mode = off', '', '' ],
	[ 'another list', 'SET schema_guard.protect_databases = \'keep, "Keep too"\'', '', '' ],
	[ 'an empty list', q{SET schema_guard.protect_databases = ''}, '', '' ],
	[ 'a policy to record', q{SELECT schema_guard.set_policy('drop_database', 'record', 'scratch%', reason => 'as always')}, '',
		'exempt drop_database' ],
	[ 'a policy to allow', q{SELECT schema_guard.set_policy('drop_database', 'allow', 'scratch%', reason => 'as always')}, '',
		'' ],
);
for my $each (@laxer)
{
	my ($name, $how, $word, $record) = @$each;
	victim('scratch');
	my $before = last_record();
	my $result = accepted($node, "$how;\nDROP DATABASE scratch", "$name: it passes", role => 'superuser');
	is($result->{err} =~ /(WARNING):/ ? $1 : '', $word, "$name: with the word that it should have");
	is(there('scratch'), 0, "$name: it has gone");
	is(records_since($before), $record, "$name: on record, or not");
}
$node->safe_psql('postgres', "SELECT schema_guard.set_policy('drop_database', 'default', '$_', reason => 'done')") for 'scratch%';

# The list of those that are protected.
victim('keep');
for my $list (q{keep}, q{other, keep}, q{"keep"}, q{'*'}, q{other, '*'})
{
	refused($node, "SET schema_guard.protect_databases = $list;\nDROP DATABASE keep", 'SG001', qr/cannot drop database keep/,
		"protected by the list $list", role => 'superuser');
}
refused($node, q{SET schema_guard.protect_databases = ''}, '42501', qr/permission denied/, 'nobody else may change the list');
refused($node, q{SET schema_guard.protect_databases = 'a,,b'}, '22023', qr/invalid value/, 'what is no list is an error',
	role => 'superuser');
works('keep', 'it is as it was');
my $renamed = run_sql($node, "SET schema_guard.protect_databases = keep;\nALTER DATABASE keep RENAME TO loose;\nDROP DATABASE loose",
	role => 'superuser', keep_going => 1);
like("@{ $renamed->{states} }", qr/^SG00[17]/, 'nor does another name let it go') or diag($renamed->{err});
is(there('keep'), 1, 'it has its name') or victim('keep');

# From a database that the extension is not installed in, with the library in every session of the server.
$node->append_conf('postgresql.conf', 'shared_preload_libraries = schema_guard');
$node->restart;

sub logged { my @documents = log_documents($node); return scalar @documents; }

sub in_bare { my ($sql, $role) = @_; return run_sql($node, $sql, role => $role // 'superuser', connection => 'dbname=bare',
	keep_going => 1); }

for my $role ('superuser', 'app')
{
	for my $statement ('DROP DATABASE keep', 'DROP DATABASE IF EXISTS "keep" WITH (FORCE)')
	{
		my $before = logged();
		my $result = in_bare($statement, $role);
		is("@{ $result->{states} }", 'SG001', "without the extension, $role: $statement") or diag($result->{err});
		like($result->{err}, qr/Extension schema_guard is not installed in this database, so nobody can approve it here\./,
			"$role: $statement: the error says why");
		my @documents = log_documents($node);
		is(logged() - $before, 1, "$role: $statement: one line in the server log");
		like($documents[-1], qr/^\{.*"verdict":"blocked","rule":"drop_database".*"objects":\["keep"\]\}$/,
			"$role: $statement: with what it is about");
	}
}
works('keep', 'it is as it was');
$node->command_fails_like([ 'dropdb', '-U', 'app', '--maintenance-db', 'bare', 'keep' ],
	qr/cannot drop database keep without an approval/, 'dropdb from there');
for my $each (
	[ other => 'DROP DATABASE keep', '42501' ],
	[ app => 'DROP DATABASE nosuch', '3D000' ],
	[ app => 'BEGIN; DROP DATABASE keep', '25001' ],
	[ app => 'BEGIN READ ONLY; DROP DATABASE keep', '25006' ],
	[ superuser => 'DROP DATABASE bare', '55006' ],
	[ app => 'DROP DATABASE model', '42809' ])
{
	my ($role, $statement, $state) = @$each;
	my $before = logged();
	my $result = in_bare($statement, $role);
	is("@{ $result->{states} }", $state, "without the extension, PostgreSQL refuses $role: $statement") or diag($result->{err});
	is(logged(), $before, "$statement: the guard says nothing in the log");
}
for my $rehearsed ('DROP DATABASE keep', 'DROP DATABASE IF EXISTS keep WITH (FORCE)')
{
	my $result = in_bare("SET schema_guard.rehearse = on;\n$rehearsed");
	like("@{ $result->{states} }", qr/^(?:SG001|0A000)$/, "without the extension, a rehearsal is no way either: $rehearsed") or diag($result->{err});
	works('keep', 'it is as it was');
}
for my $each (@laxer[0 .. 4])
{
	my ($name, $how, $word, $record) = @$each;
	victim('scratch');
	my $before = logged();
	my $result = in_bare("$how;\nDROP DATABASE scratch");
	is("@{ $result->{states} }" . ($result->{err} =~ /(WARNING):/ ? $1 : ''), $word,
		"without the extension, $name: it passes") or diag($result->{err});
	is(there('scratch'), 0, "$name: it has gone");
	my @documents = log_documents($node);
	is(logged() - $before, $record eq '' ? 0 : 1, "$name: a line in the server log, or none");
	my ($verdict) = split ' ', $record;
	like($documents[-1], qr/"verdict":"$verdict"/, "$name: with the verdict $verdict") if $verdict;
}

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
