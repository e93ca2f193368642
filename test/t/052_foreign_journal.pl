# A journal that another installation of the extension began, or another life of the server, is not absorbed into the
# tables of this one: no entry arrives twice, and no request number means two things.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $approver = q{
	CREATE EXTENSION schema_guard;
	SELECT schema_guard.grant_approver('dba');
};

# Tries a DROP TABLE as app. Returns the number of the request that the error names.
sub denied
{
	my ($node, $table) = @_;
	my ($status, $output, $error) = $node->psql('postgres', "DROP TABLE $table", extra_params => [ '-U', 'app' ]);
	like($error, qr/cannot drop table public\.$table without an approval/, "DROP TABLE $table is refused");
	$node->poll_query_until('postgres', 'SELECT absorbed >= 0 FROM schema_guard.absorb_journal()')
	  or die 'the journal is not absorbed';
	return $error =~ /Request (\d+)/ ? $1 : 0;
}

sub count_audit
{
	my ($node) = @_;
	return $node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT event_id) FROM schema_guard.audit');
}

sub requested
{
	my ($node, $request) = @_;
	return $node->safe_psql('postgres', "SELECT statement FROM schema_guard.request WHERE id = $request");
}

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->safe_psql('postgres', q{CREATE ROLE app LOGIN; CREATE ROLE dba LOGIN; GRANT CREATE ON SCHEMA public TO app});
$primary->safe_psql('postgres', 'CREATE TABLE one (); CREATE TABLE two (); CREATE TABLE three ()',
	extra_params => [ '-U', 'app' ]);

$primary->safe_psql('postgres', $approver);
is(requested($primary, denied($primary, 'one')), 'DROP TABLE one', 'the first installation: the request is for table one');
$primary->safe_psql('postgres', 'SET schema_guard.mode = off; DROP EXTENSION schema_guard');
$primary->safe_psql('postgres', $approver);
is(requested($primary, denied($primary, 'two')), 'DROP TABLE two', 'the second: its request is for table two');
is($primary->safe_psql('postgres', 'SELECT count(*) FROM schema_guard.pending'),
	'1', 'what waited in the first one is not pending in the second');

# Further refusals after the backup: the standby's tables are ahead of its copy of the journal.
$primary->backup('base');
denied($primary, 'two') for 1 .. 3;
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
my ($rows) = split /\|/, count_audit($primary);
$standby->promote;
my $request = denied($standby, 'three');
is(requested($standby, $request), 'DROP TABLE three', 'the standby, promoted: its request is for table three');
is(count_audit($standby), join('|', $rows + 1, $rows + 1), 'and no entry has been absorbed twice');
denied($standby, 'three');
is(count_audit($standby), join('|', $rows + 2, $rows + 2), 'nor lost later on');

$standby->stop;
$primary->stop;
done_testing();
