# What the guard can't do its work with: its tables locked or altered, its journal out of reach, or both. Whatever it is,
# nothing is destroyed without an approval and a record; what is harmless passes if a record can be kept, and DML in any
# case; a superuser gets out; and after the repair each record is there, once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('failures');
$node->safe_psql('postgres', 'SELECT schema_guard.harden(); CREATE TABLE busy (i integer); GRANT ALL ON busy TO app');
my $longest = 15; # seconds, for a statement on a slow machine: a hang is longer

sub off { my ($sql) = @_; $node->safe_psql('postgres', "SET schema_guard.mode = off;\n$sql"); return; }

my $holder;
sub hold
{
	my (@tables) = @_;
	$holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN; LOCK TABLE ' . join(', ', map { "schema_guard.$_" } @tables) . ' IN ACCESS EXCLUSIVE MODE');
	return;
}
sub let_go { $holder->quit; return; }

# In the journal's place comes something else, and it itself again later.
sub instead { my ($work) = @_; my $file = journal_file($node); rename $file, "$file.kept" or die; $work->($file); return; }
sub itself { my $file = journal_file($node); -d $file ? rmdir $file : unlink $file; rename "$file.kept", $file or die; return; }
sub folder { return journal_file($node) =~ s{/[^/]+$}{}r; }
sub limit { my ($bytes) = @_; system('prlimit', '--pid', $node->{_pid}, "--fsize=$bytes:") == 0 or die 'prlimit'; return; }

# What keeps the guard from its work, and how it is mended.
my %audit = (
	'the audit is locked' => [ sub { hold('audit') }, \&let_go ],
	'the audit and its sequence are locked' => [ sub { hold('audit', 'journal_position') }, \&let_go ],
	'a column of the audit is dropped' => [ sub { off('ALTER TABLE schema_guard.audit DROP COLUMN duration') },
		sub { off('ALTER TABLE schema_guard.audit ADD COLUMN duration interval') } ],
	'a column has another type' => [ sub { off('ALTER TABLE schema_guard.audit ALTER transaction_id TYPE text USING transaction_id::text') },
		sub { off('ALTER TABLE schema_guard.audit ALTER transaction_id TYPE xid8 USING transaction_id::xid8') } ],
	'a column has a type that nothing fits' => [ sub { off('ALTER TABLE schema_guard.audit ALTER approval_id TYPE point USING NULL') },
		
		sub { off('ALTER TABLE schema_guard.audit ALTER approval_id TYPE bigint USING NULL') } ],
	'a column has another name' => [ sub { off('ALTER TABLE schema_guard.audit RENAME duration TO lasted') },
		sub { off('ALTER TABLE schema_guard.audit RENAME lasted TO duration') } ],
	'a column more, that must be filled' => [ sub { off('ALTER TABLE schema_guard.audit ADD COLUMN more integer NOT NULL DEFAULT 7; ALTER TABLE schema_guard.audit ALTER more DROP DEFAULT') },
		sub { off('ALTER TABLE schema_guard.audit DROP COLUMN more') } ],
);
my %journal = (
	'the journal cannot be opened' => [ sub { chmod 0, journal_file($node) or die },
		sub { chmod 0600, journal_file($node) or die } ],
	'the folder cannot be written' => [ sub { instead(sub { chmod 0500, folder() or die }) },
		sub { chmod 0700, folder() or die; itself() } ],
	'the folder cannot be searched' => [ sub { chmod 0, folder() or die }, sub { chmod 0700, folder() or die } ],
	'the journal is a folder' => [ sub { instead(sub { mkdir $_[0] or die }) }, \&itself ],
	'the journal is on a full device' => [ sub { instead(sub { symlink '/dev/full', $_[0] or die }) }, \&itself ],
	'the journal points nowhere' => [ sub { instead(sub { symlink '/nowhere/at/all', $_[0] or die }) }, \&itself ],
	'the journal has reached a limit' => [ sub { instead(sub { PostgreSQL::Test::Utils::append_to_file($_[0], ''); truncate $_[0],
		40_000_000 }); limit(32_000_000) },
		sub { limit('unlimited'); itself() } ],
);
if ($> == 0)
{
	delete @journal{ grep { /opened|written|searched/ } keys %journal };
	note('root may write everywhere, so three ways of forbidding it are not tried');
}
if (system('prlimit --fsize >/dev/null 2>&1') != 0)
{
	delete $journal{'the journal has reached a limit'};
	note('there is no prlimit, so limits are not tried');
}

my @obstacles = (
	(map { { name => $_, audit => 1, journal => 0, ways => [ $journal{$_} ] } } sort keys %journal),
	(map { { name => $_, audit => 0, journal => 1, ways => [ $audit{$_} ] } } sort keys %audit),
	# what somebody adds for purposes of their own is none of these
	{ name => 'a column more', audit => 1, journal => 1,
		ways => [ [ sub { off('ALTER TABLE schema_guard.audit ADD COLUMN more integer DEFAULT 7') },
			sub { off('ALTER TABLE schema_guard.audit DROP COLUMN more') } ] ] });
for my $pair ([ 'the audit is locked', 'the journal is on a full device' ],
	[ 'a column of the audit is dropped', 'the journal is a folder' ],
	[ 'a column has another name', 'the folder cannot be searched' ],
		[ 'a column has another type', 'the journal has reached a limit' ])
{
	my ($table, $file) = @$pair;
	push @obstacles, { name => "$table, $file", audit => 0, journal => 0,
		ways => [ $audit{$table}, $journal{$file} ] } if $journal{$file};
}

# How often a statement is in the audit, with which verdict.
sub record { my ($statement) = @_; return value($node,
	"SELECT coalesce(string_agg(verdict, ' '), '') FROM schema_guard.audit WHERE statement = '$statement' AND verdict <> 'rehearsed'"); }

sub tried
{
	my ($name, $sql, $state, $text, %option) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $result;
	my $seconds = elapsed(sub { $result = run_sql($node, $sql, %option); });
	my ($last_line) = $sql =~ /(.*)\Z/;
	is("@{ $result->{states} }", $state, "$name: $last_line: " . ($state || 'passes')) or diag($result->{err});
	like($result->{err}, $text, "$name: with the reason");
	cmp_ok($seconds, '<', $longest, "$name: at once");
	return $result;
}

my $case = 0;
for my $obstacle (@obstacles)
{
	my $name = $obstacle->{name};
	my $n = ++$case;
	my $kept = $obstacle->{audit} || $obstacle->{journal};
	my $tables = run_sql($node, join ';',
		map { "CREATE TABLE $_$n AS SELECT 1 AS i" } qw(victim emptied approved approved_emptied way_out));
	my $token = approve($node, request_named(run_sql($node,
		"BEGIN; SET LOCAL schema_guard.rehearse = on; DROP TABLE approved$n; TRUNCATE approved_emptied$n; COMMIT")));
	my $with = "SET schema_guard.approval_token = '$token';\n";
	$_->[0]->() for @{ $obstacle->{ways} };

	my $hint = $obstacle->{journal} ? qr/HINT:  Request \d+ was filed/ : qr/WARNING:.*could not .*journal.*HINT:  The attempt could not be recorded, and no request was filed/s;
	tried($name, "DROP TABLE victim$n", 'SG001', $hint);
	tried($name, "TRUNCATE emptied$n", 'SG001', $hint);
	my $no_record = qr/could not record.*DETAIL:  .*journal.*HINT:  .*schema_guard\.status\(\).*schema_guard\.mode/s;
	my ($state, $reason) = $kept ? ('', qr/^(?!.*schema_guard)/s) : ('58030', $no_record);
	tried($name, "${with}DROP TABLE approved$n", $state, $reason);
	tried($name, "${with}TRUNCATE approved_emptied$n", $state, $reason);
	tried($name, "CREATE TABLE harmless$n (i integer)", $state, $reason);
	tried($name, "INSERT INTO busy SELECT generate_series(1, 3); UPDATE busy SET i = 0; DELETE FROM busy; SELECT count(*) FROM busy",
		'', qr/^$/);
	tried($name, 'CREATE TABLE busy (i integer)', '42P07', qr/already exists/);
	is(value($node, "SELECT to_regclass('victim$n') IS NULL, (SELECT count(*) FROM emptied$n)"), 'f|1',
		"$name: what was not approved is there");
	is(value($node, "SELECT to_regclass('approved$n') IS NULL, to_regclass('harmless$n') IS NOT NULL"), $kept ? 't|t' : 'f|f',
		"$name: what passed has been done, and nothing else");
	is(value($node, "SELECT count(*) FROM approved_emptied$n"), $kept ? 0 : 1, "$name: to the rows as well");

	# A look at it, and the way out.
	my $status = run_sql($node, q{SELECT string_agg(layer || '/' || condition, ', ') FROM schema_guard.status() WHERE state = 'error'},
		role => 'superuser');
	is("@{ $status->{states} }", '', "$name: status() tells") or diag($status->{err});
	like($status->{out}, qr{audit/table}, "$name: of the table") if !$obstacle->{audit};
	like($status->{out}, qr{journal/file}, "$name: of the journal") if !$obstacle->{journal};
	my $log = length server_log($node);
	tried($name, "SET schema_guard.mode = off;\nDROP TABLE way_out$n", '', qr/^$/, role => 'superuser');
	like(substr(server_log($node), $log), qr/schema_guard: mode changed from enforce to off/, "$name: the server log has that");

	$_->[1]->() for reverse @{ $obstacle->{ways} };
	run_sql($node, 'SELECT schema_guard.absorb_journal()', role => 'superuser');
	settled($node, "SELECT count(*) FROM schema_guard.audit WHERE statement = 'DROP TABLE victim$n'",
		$obstacle->{journal} ? 1 : 0, "$name: mended, the refusal is on record") ;
	my %expected = (
		"DROP TABLE victim$n" => $obstacle->{journal} ? 'blocked' : '',
			"TRUNCATE emptied$n" => $obstacle->{journal} ? 'blocked' : '',
		"DROP TABLE approved$n" => $kept ? 'approved' : '', "TRUNCATE approved_emptied$n" => $kept ? 'approved' : '',
			"CREATE TABLE harmless$n (i integer)" => $kept ? 'allowed' : '',
		"DROP TABLE way_out$n" => '');
	is_deeply({ map { $_ => record($_) } keys %expected }, \%expected, "$name: what could be recorded is, once");
	is(value($node, "SELECT count(*) FROM schema_guard.pending WHERE statement IN ('DROP TABLE victim$n', 'TRUNCATE emptied$n')"),
		$obstacle->{journal} ? 2 : 0, "$name: the requests as well");
	accepted($node, "${with}DROP TABLE approved$n; TRUNCATE approved_emptied$n", "$name: mended, the approval is good") if !$kept;
	is(value($node, q{SELECT string_agg(layer || '/' || condition, ', ') FROM schema_guard.status() WHERE state = 'error'}), '',
		"$name: mended, status() is content");
	my $request = request_named(run_sql($node, "DROP TABLE victim$n"));
	accepted($node, "SET schema_guard.approval_token = '" . approve($node, $request) . "'; DROP TABLE victim$n",
		"$name: mended, all goes its way");
}
is(value($node, 'SELECT count(*) - count(DISTINCT event_id) FROM schema_guard.audit'), 0, 'no event is there twice');
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
