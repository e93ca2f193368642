# What psql cannot send: the extended query protocol, where a statement is parsed once and run later. And the roads'
# own book-keeping: names are unique, and none of the files is empty.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../roads";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Road;
use Test::More;

my %names;
for my $file (glob "$FindBin::RealBin/../roads/*.road")
{
	my @roads = Road::read_roads($file);
	ok(@roads > 0, "$file has roads");
	$names{ $_->{name} . (Road::is_harmless($_) ? ', harmless' : '') }++ for @roads;
}
is_deeply([ grep { $names{$_} > 1 } sort keys %names ], [], 'each road has a name of its own');
cmp_ok(scalar(grep { !/, harmless$/ } keys %names), '>=', 60, 'there are enough roads that lead to a loss');

my $node = PostgreSQL::Test::Cluster->new('roads_protocol');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION schema_guard;
	CREATE TABLE a (id int, t text);});

my $number = 0;
for my $statement ('DROP TABLE a;', 'ALTER TABLE a DROP COLUMN t;')
{
	for my $protocol ('simple', 'extended', 'prepared')
	{
		my $script = $node->basedir . '/' . ++$number . '.sql';
		append_to_file($script, "$statement\n");
		my @command = ('pgbench', '-n', '-t', '1', '-M', $protocol, '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres');
		my (undef, $err) = run_command(\@command);
		like($err, qr/ERROR:  cannot drop \w+ public\.a.* without an approval/, "$statement is refused, $protocol");
		is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_attribute WHERE attrelid = \'a\'::regclass AND attnum > 0 AND NOT attisdropped'),
			'2', "$statement has done nothing, $protocol");
		ok($node->poll_query_until('postgres',
				"SELECT count(*) = $number FROM schema_guard.blocked WHERE sensor = 'event_trigger' AND statement IS NOT NULL"),
			"$statement is on record, with its text, $protocol");
	}
}

$node->stop;
done_testing();
