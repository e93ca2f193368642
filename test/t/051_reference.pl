# The tables of docs/reference.md and docs/tables.md say what the installed extension is.
use strict;
use warnings;
use utf8;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/../tools';
use Documentation qw(read_document table);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $documents = dirname(__FILE__) . '/../../docs';
my $reference = read_document("$documents/reference.md");
my $tables = read_document("$documents/tables.md");
my $node = PostgreSQL::Test::Cluster->new('reference');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION schema_guard');

# Rows of text, as arrays.
sub query
{
	my ($sql) = @_;
	return map { [ split /\|/, $_, -1 ] } split /\n/, $node->safe_psql('postgres', $sql);
}

sub pick
{
	my ($rows, @columns) = @_;
	return [ map { my $row = $_; [ @$row[@columns] ] } @$rows ];
}

is_deeply([ table($reference, 'Rules') ], [ query('SELECT * FROM schema_guard.rule') ], 'rules');

# The last statement's session has the library loaded, and with it the settings.
my @settings = sort { $a->[0] cmp $b->[0] } table($reference, 'Settings');
my ($token) = grep { $_->[0] eq 'schema_guard.approval_token' } @settings;
is_deeply(
	pick([ grep { $_ != $token } @settings ], 0, 1, 2),
	[ query(q{LOAD 'schema_guard';
		SELECT name, boot_val, context FROM pg_settings WHERE name LIKE 'schema\_guard.%' ORDER BY 1}) ],
	'settings, but the one that pg_settings does not show');
is_deeply([ query("LOAD 'schema_guard'; SHOW schema_guard.approval_token") ], [], 'the token is empty by default');

is_deeply(
	pick([ sort { $a->[0] cmp $b->[0] } table($reference, 'Functions') ], 0, 1),
	[ sort { $a->[0] cmp $b->[0] } query(q{
		SELECT format('%s(%s)', proname,
		              (SELECT string_agg(name, ', ' ORDER BY place)
		               FROM unnest(proargnames[1:pronargs]) WITH ORDINALITY AS argument (name, place))),
		       pg_get_function_result(oid)
		FROM pg_proc WHERE pronamespace = 'schema_guard'::regnamespace
		AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)}) ],
	'functions and what they return');
my %callers = map { $_->[0] =~ /^(\w+)/; $1 => $_->[2] } table($reference, 'Functions');
$node->safe_psql('postgres', q{CREATE ROLE dba; SELECT schema_guard.grant_approver('dba'); CREATE ROLE other});
for my $row (query(q{
	SELECT proname, has_function_privilege('other', oid, 'EXECUTE'), has_function_privilege('dba', oid, 'EXECUTE')
	FROM pg_proc WHERE pronamespace = 'schema_guard'::regnamespace
	AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)}))
{
	my ($name, $anyone, $approver) = @$row;
	is($callers{$name}, $anyone eq 't' ? 'anyone' : $approver eq 't' ? 'approvers' : 'superusers',
		"who may call $name()");
}

my @relations = grep { $_ ne 'Verdicts' } $tables =~ /^## (\w+)$/mg;
is_deeply(
	[ sort @relations ],
	[ map { $_->[0] } query(q{
		SELECT relname FROM pg_class WHERE relnamespace = 'schema_guard'::regnamespace
		AND relkind IN ('r', 'v', 'm', 'p', 'f') ORDER BY relname COLLATE "C"}) ],
	'tables and views');
for my $relation (@relations)
{
	is_deeply(
		[ map { $_->[0] } table($tables, $relation) ],
		[ map { $_->[0] } query(qq{
			SELECT attname FROM pg_attribute WHERE attrelid = 'schema_guard.$relation'::regclass
			AND attnum > 0 AND NOT attisdropped ORDER BY attnum}) ],
		"columns of $relation");
}

my ($verdicts) = $node->safe_psql('postgres',
	q{SELECT col_description('schema_guard.audit'::regclass, attnum) FROM pg_attribute
	  WHERE attrelid = 'schema_guard.audit'::regclass AND attname = 'verdict'});
is_deeply([ sort map { $_->[0] } table($tables, 'Verdicts') ], [ sort split /, | or /, $verdicts ], 'verdicts');

$node->stop;
done_testing();
