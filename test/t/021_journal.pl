# The journal on disk. No worker can be had in this cluster, so what is denied stays there until it is absorbed by
# hand: across crashes, and with every kind of damage, each entry comes into the audit once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('journal', "max_worker_processes = 0\nmax_logical_replication_workers = 0\n");
accepted($node, 'CREATE TABLE first (id integer); CREATE TABLE second (id integer); CREATE TABLE third (id integer)',
	'tables to keep');
my $journal = journal_file($node);

sub deny
{
	my ($table) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return refused($node, "DROP TABLE $table", 'SG001', qr/public\.$table/, "DROP TABLE $table is refused");
}

sub absorb { return value($node, 'SELECT absorbed, damaged_bytes, damaged_at FROM schema_guard.absorb_journal()') }

# The blocked tables in the order of the audit.
sub blocked
{
	return value($node, q{SELECT string_agg(effects -> 0 ->> 'identity', ' ' ORDER BY id)
		FROM schema_guard.audit WHERE verdict = 'blocked'});
}

sub write_journal
{
	my ($bytes) = @_;
	open my $file, '>:raw', $journal or die "could not write $journal: $!";
	print $file $bytes;
	close $file;
}

# Crashes, at each point.
deny($_) for qw(first second third);
is(blocked(), '', 'without a worker nothing is absorbed yet');
$node->stop('immediate');
$node->start;
my $under_way = $node->background_psql('postgres');
is($under_way->query_safe('BEGIN; SELECT absorbed FROM schema_guard.absorb_journal()'),
	3, 'a session absorbs the three entries that were denied before the crash');
$node->stop('immediate');
eval { $under_way->quit };
$node->start;
is(blocked(), '', 'its transaction did not outlive the next crash');
is(absorb(), '3|0|', 'so the entries are absorbed again');
$node->stop('immediate');
$node->start;
is(blocked(), 'public.first public.second public.third', 'and once that is committed, a crash loses nothing');
is(absorb(), '0|0|', 'and repeats nothing');
is(value($node, 'SELECT count(*), count(DISTINCT event_id) FROM schema_guard.audit WHERE verdict = $$blocked$$'),
	'3|3', 'each is in the audit once');
is(value($node, q{SELECT count(*), sum(attempts) FROM schema_guard.request WHERE status = 'pending'}),
	'3|3', 'and each filed its request once');
deny('first');
$node->safe_psql('postgres', 'BEGIN; SELECT schema_guard.absorb_journal(); ROLLBACK');
is(absorb(), '1|0|', 'an absorption that is rolled back is none');

# Damage. Each case: three denials, then the file is changed, then what is left is absorbed.
sub damaged
{
	my ($name, $change, $absorbed, $left, $bytes, $at) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $known = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	my $length = -s $journal;
	deny($_) for qw(first second third);
	my $content = slurp_file($journal);
	my @entry = journal_entries($content, $length);
	write_journal($change->($content, @entry));
	my $log = length server_log($node);
	is(absorb(), join('|', $absorbed, $bytes->(@entry), $at->(@entry)), "$name: how much, and where, is reported");
	is( value($node, "SELECT string_agg(effects -> 0 ->> 'identity', ' ' ORDER BY id)
			FROM schema_guard.audit WHERE verdict = 'blocked' AND id > $known"),
		$left, "$name: everything else is absorbed, in its order");
	like(substr(server_log($node), $log), qr/WARNING:.*journal ".*" is damaged/, "$name: the server log says so");
	is(absorb(), '0|0|', "$name: it is reported once");
	deny('second');
	is(absorb(), '1|0|', "$name: the next denial is recorded");
	return;
}

my $payload = 20;    # a byte of an entry's payload, well behind the entry's header
damaged('a torn tail',
	sub { my ($content) = @_; substr $content, 0, -10 },
	2, 'public.first public.second', sub { $_[2][1] - 10 }, sub { $_[2][0] });
damaged('a tail torn within an entry\'s header',
	sub { my ($content, @entry) = @_; substr $content, 0, $entry[2][0] + 7 },
	2, 'public.first public.second', sub { 7 }, sub { $_[2][0] });
damaged('garbage at the end',
	sub { my ($content) = @_; $content . 'x' x 37 },
	3, 'public.first public.second public.third', sub { 37 }, sub { $_[2][0] + $_[2][1] });
damaged('garbage that looks like an entry',
	sub { my ($content) = @_; $content . pack('LSSLL', 0x53474a45, 1, 0, 5, 0) . 'hello' },
	3, 'public.first public.second public.third', sub { 21 }, sub { $_[2][0] + $_[2][1] });
damaged('zeroes at the end, as a file system leaves them',
	sub { my ($content) = @_; $content . "\0" x 4096 },
	3, 'public.first public.second public.third', sub { 4096 }, sub { $_[2][0] + $_[2][1] });
damaged('a wrong byte in the middle',
	sub { my ($content, @entry) = @_; substr($content, $entry[1][0] + $payload, 1) ^= "\x01"; $content },
	2, 'public.first public.third', sub { $_[1][1] }, sub { $_[1][0] });
damaged('a wrong length',
	sub { my ($content, @entry) = @_; substr($content, $entry[1][0] + 10, 1) ^= "\x7f"; $content },
	2, 'public.first public.third', sub { $_[1][1] }, sub { $_[1][0] });
damaged('a wrong mark',
	sub { my ($content, @entry) = @_; substr($content, $entry[0][0], 1) ^= "\x01"; $content },
	2, 'public.second public.third', sub { $_[0][1] }, sub { $_[0][0] });
damaged('a version from the future',
	sub { my ($content, @entry) = @_; substr($content, $entry[1][0] + 4, 1) = "\x63"; $content },
	2, 'public.first public.third', sub { $_[1][1] }, sub { $_[1][0] });

# The file's own header, and the file itself. Its entries have checksums of their own, so they can be had.
{
	my $known = value($node, 'SELECT max(id) FROM schema_guard.audit');
	deny($_) for qw(first second);
	my $content = slurp_file($journal);
	substr($content, 9, 1) ^= "\x01";
	write_journal($content);
	my $result = run_sql($node, 'SELECT absorbed, damaged_bytes >= 28, damaged_at FROM schema_guard.absorb_journal()',
		role => 'superuser');
	is($result->{out}, '2|t|0', 'a damaged header: reported, and the entries behind it are absorbed')
	  or diag($result->{err});
	deny('third');
	run_sql($node, 'SELECT schema_guard.absorb_journal()', role => 'superuser');
	is( value($node, "SELECT string_agg(effects -> 0 ->> 'identity', ' ' ORDER BY id)
			FROM schema_guard.audit WHERE verdict = 'blocked' AND id > $known"),
		'public.first public.second public.third', 'a damaged header: nothing is lost and nothing repeated');
	like(server_log($node), qr/could not read the header|header .*damaged|is damaged/, 'and the server log says so');
}
for my $case ([ 'an empty file', sub { write_journal('') } ], [ 'no file', sub { unlink $journal or die } ])
{
	my ($name, $change) = @$case;
	absorb();
	$change->();
	is(absorb(), '0|0|', "$name: there is nothing to absorb");
	my $known = value($node, 'SELECT max(id) FROM schema_guard.audit');
	deny('first');
	is(absorb(), '1|0|', "$name: the journal is begun anew");
	is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE id > $known"), 1, "$name: nothing is repeated");
}

# What has been absorbed already does not come back when the file gets shorter than the place that was noted.
{
	deny($_) for qw(first second);
	absorb();
	my $known = value($node, 'SELECT max(id) FROM schema_guard.audit');
	write_journal(substr slurp_file($journal), 0, -10);
	run_sql($node, 'SELECT schema_guard.absorb_journal()', role => 'superuser');
	is(value($node, "SELECT count(*) FROM schema_guard.audit WHERE id > $known"), 0, 'a torn end that was absorbed before: nothing is repeated');
	deny('third');
	run_sql($node, 'SELECT schema_guard.absorb_journal()', role => 'superuser');
	is( value($node, "SELECT string_agg(effects -> 0 ->> 'identity', ' ') FROM schema_guard.audit WHERE id > $known"),
		'public.third', 'and the next denial is recorded, once');
}
is(value($node, 'SELECT count(*) - count(DISTINCT event_id) FROM schema_guard.audit'), 0, 'after all this no event is there twice');

# A journal that can't be written does not open the door.
SKIP:
{
	skip 'root may write everywhere', 8 if $> == 0;
	my $known = value($node, 'SELECT max(id) FROM schema_guard.audit');
	chmod 0, $journal or die;
	my $result = deny('first');
	like($result->{err}, qr/WARNING:.*could not open the schema_guard journal ".*": Permission denied/, 'a WARNING says why there is no record');
	like($result->{err}, qr/HINT:  The attempt could not be recorded/, 'and the HINT says that there is none');
	my $harmless = accepted($node, 'CREATE TABLE harmless (id integer)', 'harmless statements pass meanwhile');
	is(value($node, "SELECT verdict FROM schema_guard.audit WHERE id > $known"), 'allowed', 'and are on record');
	refused($node, 'CREATE TABLE harmless (id integer)', '42P07', qr/already exists/, 'a failing one fails as always');
	chmod 0600, $journal or die;
	rename $journal, "$journal.kept" or die;
	chmod 0500, $node->data_dir . '/pg_schema_guard' or die;
	my $other = deny('first');
	like($other->{err}, qr/WARNING:.*could not \w+ the schema_guard journal ".*": Permission denied/, 'the same if the folder is read-only');
	chmod 0700, $node->data_dir . '/pg_schema_guard' or die;
	rename "$journal.kept", $journal or die;
	$known = value($node, 'SELECT max(id) FROM schema_guard.audit');
	deny('first');
	is(absorb(), '1|0|', 'and once it can be written again, it is');
}

# Rotation, which is the worker's: with workers, and more than a megabyte of entries.
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
my $before = value($node, 'SELECT journal_id FROM schema_guard.journal_position');
refused($node, 'DROP TABLE /* ' . 'x' x 700_000 . ' */ first', 'SG001', qr/public\.first/, 'a long statement is refused') for 1, 2;
ok(wait_until(sub { -s $journal < 1024 * 1024 }), 'a journal of more than a megabyte is begun anew once it is absorbed');
my $rotated_at = value($node, 'SELECT count(*) FROM schema_guard.blocked');
deny('second');
settled($node, 'SELECT count(*) FROM schema_guard.blocked', $rotated_at + 1, 'denials go on being recorded behind it');
isnt(value($node, 'SELECT journal_id FROM schema_guard.journal_position'), $before, 'in another journal');
is(value($node, 'SELECT count(*) - count(DISTINCT event_id) FROM schema_guard.audit'), 0, 'and nothing is repeated');
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');

$node->stop;
done_testing();
