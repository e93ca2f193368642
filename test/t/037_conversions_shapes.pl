# ALTER COLUMN … TYPE wherever a column may be (test/conversions/shapes*): inheritance, partitions, typed tables, what depends
# on the column, names that stand for something else, and other work in the same statement or transaction.
use strict;
use warnings;
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @keys = ('setup', 'statement', 'as', 'verdict');

sub read_shapes
{
	my ($path) = @_;
	my @shapes;
	my $number = 0;
	for my $line (split /\n/, slurp_file($path))
	{
		$number++;
		next if $line =~ /^\s*(#.*)?$/;
		if ($line =~ /^shape: (.*)$/) { push @shapes, { name => $1, setup => '' }; }
		elsif (@shapes && $line =~ /^  (\w+): (.*)$/ && grep { $_ eq $1 } @keys) { $shapes[-1]{$1} = $2; }
		else { die "$path:$number: not understood: $line"; }
	}
	return @shapes;
}

my $node = PostgreSQL::Test::Cluster->new('conversions_shapes');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_min_messages = panic");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE conversion_user; CREATE EXTENSION schema_guard');

# All in one session: each shape's schema, then its statement without the guard and with it. @ stands for the schema.
my @shapes = map { read_shapes($_) } sort glob "$FindBin::Bin/../conversions/shapes*";
my $script = "SET client_min_messages = warning;\n";
my $place = 0;
for my $shape (@shapes)
{
	my $schema = $shape->{schema} = sprintf 's_%d', ++$place;
	my ($setup, $statement) = map { s/@/$schema/gr } @$shape{qw(setup statement)};
	my $role = $shape->{as} ? "SET LOCAL ROLE $shape->{as};" : '';
	$script .= "SET schema_guard.mode = off; DISCARD TEMP; CREATE SCHEMA $schema; GRANT ALL ON SCHEMA $schema TO conversion_user;\n"
	  . "SET search_path = $schema; SET TimeZone = 'UTC';\n$setup\n";
	for my $mode ('off', 'enforce')
	{
		$script .= "\\warn -- $place $mode\nSET schema_guard.mode = $mode; BEGIN;\n$role\n$statement\nROLLBACK;\n";
	}
}
my ($out, $err) = ('', '');
IPC::Run::run([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-f', '-' ],
	'<', \$script, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
$err =~ s/^psql:<stdin>:\d+: //mg;
my (undef, %said) = split /^-- (\d+ \w+)\n/m, $err;

# What was said, in the words of the file: the first error is the statement's, the others are of what follows it.
sub state_of { my ($said) = @_; return $said =~ /ERROR:  (\w{5}):/ ? $1 : 'passes'; }

sub verdict
{
	my ($schema, $bare, $guarded) = map { $_ // '' } @_;
	my ($without, $with) = (state_of($bare), state_of($guarded));
	return $with eq $without && $bare eq $guarded ? $with : "$with, but $without without the guard" if $with ne 'SG001';
	my ($detail) = $guarded =~ /^DETAIL:  ((?:.*\n)*?)(?:HINT|LOCATION|CONTEXT):/m;
	my @columns = map { /^column \Q$schema\E\.(\S.*?)(?: \(.*)?$/ ? $1 : "not understood: $_" } split /\n/, $detail // '';
	return join ' ', $without eq 'passes' ? 'blocks' : "hides $without", @columns;
}

for my $number (1 .. @shapes)
{
	my $shape = $shapes[ $number - 1 ];
	is(verdict($shape->{schema}, $said{"$number off"}, $said{"$number enforce"}), $shape->{verdict}, $shape->{name})
	  or diag("without the guard: $said{\"$number off\"}\nwith it: $said{\"$number enforce\"}");
}
is($said{1} // '', '', 'nothing is said elsewhere');

$node->stop;
done_testing();
