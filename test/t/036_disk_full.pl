# A full disk, for real: the journal's folder is a small file system, in a mount namespace of the test's own, which needs
# no root where the kernel lets users have one.
use strict;
use warnings;

# Before the modules below turn standard output away from us.
BEGIN
{
	my @namespace = qw(unshare --user --map-current-user --keep-caps --mount);
	my $within = 'SCHEMA_GUARD_TEST_NAMESPACE';
	if (!$ENV{$within})
	{
		if (system("@namespace sh -c 'mount -t tmpfs -o size=64k none \"\$(mktemp -d)\"' >/dev/null 2>&1") != 0)
		{
			print "ok 1 # skip no namespaces here: the kernel or the container does not let users mount, or unshare is missing\n1..1\n";
			exit 0;
		}
		$ENV{$within} = 1;
		exec @namespace, $^X, $0 or die "could not run unshare: $!";
	}
}

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('disk_full');
$node->safe_psql('postgres', q{SELECT schema_guard.harden(); SET client_min_messages = error; CREATE TABLE busy (i integer); GRANT ALL ON busy TO app;});
sub off { my ($sql) = @_; $node->safe_psql('postgres', "SET schema_guard.mode = off;\n$sql"); return; }

my $folder = $node->data_dir . '/pg_schema_guard';
$node->stop;
mkdir $folder;
chmod 0700, $folder;
system('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'none', $folder) == 0 or die "could not mount on $folder";
$node->start;
run_sql($node, "CREATE TABLE $_ AS SELECT 1 AS i") for qw(victim approved way_out);
my $token = approve($node, request_named(run_sql($node, 'DROP TABLE approved')));

# Fills the disk to its last byte; something else than the journal has used it.
sub fill { open my $file, '>', "$folder/ballast" or die; while (syswrite $file, 'x' x 512) { } close $file; return; }
sub relieve { unlink "$folder/ballast" or die; return; }
sub record { my ($statement) = @_; return value($node,
	"SELECT string_agg(verdict, ' ' ORDER BY id) FROM schema_guard.audit WHERE statement = '$statement'"); }

# Grows the journal to the end of its block, so that no byte more has a place.
sub use_up_the_block
{
	my $journal = journal_file($node);
	for (1 .. 200)
	{
		my $room = 4096 - (-s $journal) % 4096;
		last if $room < 1000 || $room == 4096;
		run_sql($node, 'DROP TABLE /* ' . 'x' x 300 . " */ victim");
	}
	return;
}

use_up_the_block();
fill();
my $before = value($node, 'SELECT max(id) FROM schema_guard.audit');
my $refusal = refused($node, 'DROP TABLE ' . "/* " . 'y' x 3000 . " */ victim", 'SG001',
	qr/WARNING:.*No space left on device.*HINT:  The attempt could not be recorded/s, 'a refusal with a full disk');
accepted($node, 'CREATE TABLE harmless (i integer)', 'the audit is there: what is harmless passes');
is(record('CREATE TABLE harmless (i integer)'), 'allowed', 'and is on record');

my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE schema_guard.audit IN ACCESS EXCLUSIVE MODE');
refused($node, 'CREATE TABLE ' . "/* " . 'y' x 3000 . " */ refused (i integer)", '58030',
	qr/could not record.*No space left on device/s, 'with the audit locked as well, what is harmless has to wait');
refused($node, "SET schema_guard.approval_token = '$token'; DROP TABLE " . "/* " . 'y' x 3000 . " */ approved", '58030',
	qr/No space left on device/, 'and what is approved');
accepted($node, 'INSERT INTO busy VALUES (1); UPDATE busy SET i = 2; DELETE FROM busy', 'DML notices nothing');
like(value($node, q{SELECT state || ' ' || detail FROM schema_guard.status() WHERE condition = 'file'}),
	qr/^error .*No space left on device/, 'status() tells');
accepted($node, "SET schema_guard.mode = off; DROP TABLE way_out", 'a superuser gets out', role => 'superuser');
relieve();
accepted($node, 'CREATE TABLE later (i integer)', 'with space again it passes, by way of the journal');
$holder->quit;
run_sql($node, 'SELECT schema_guard.absorb_journal()', role => 'superuser');
settled($node, q{SELECT count(*) FROM schema_guard.audit WHERE statement = 'CREATE TABLE later (i integer)'}, 1,
	'and is on record, once');
accepted($node, "SET schema_guard.approval_token = '$token'; DROP TABLE approved", 'the approval has not been used');
is(value($node, q{SELECT count(*) FROM pg_class WHERE relname = 'victim'}), 1, 'nothing has gone that was not approved');
is(value($node, 'SELECT damaged_bytes FROM schema_guard.absorb_journal()'), 0, 'no torn entry was left');
is(value($node, 'SELECT count(*) - count(DISTINCT event_id) FROM schema_guard.audit'), 0, 'no event is there twice');
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal|is damaged/g), 0, 'nothing crashed');
$node->stop;
system('umount', $folder);
done_testing();
