# Holds test/doors/statements to the parse nodes that the server's own header names, and to the doors: each statement
# that PostgreSQL knows is there once, each door is there under the nodes that it names, and the lists are long enough.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../doors";
use Door;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = "$FindBin::RealBin/../doors";
my $newest_known = 18;

# [node, from, until, { list => [door ...] }, why there are none], in the order of the file.
sub read_statements
{
	my ($path) = @_;
	my (@statements, $list);
	for my $line (split /\n/, slurp_file($path))
	{
		next if $line =~ /^\s*(#.*)?$/;
		if ($line =~ /^(\w+)(?: from (\d+))?(?: until (\d+))?$/)
		{
			push @statements, { node => $1, from => $2, until => $3, text => {} };
			undef $list;
		}
		elsif (@statements && $line =~ /^  (\w+): (.+)$/) { $list = $1; $statements[-1]{text}{$list} = $2; }
		elsif ($list && $line =~ /^    (\S.*)$/) { $statements[-1]{text}{$list} .= " $1"; }
		else { die "$path: not understood: $line"; }
	}
	return @statements;
}

# What the header calls a statement, and what it calls a subcommand of ALTER TABLE.
sub nodes_of_header
{
	my ($text) = @_;
	my @nodes = $text =~ /^\} (\w+Stmt);/mg;
	my ($subcommands) = $text =~ /^typedef enum AlterTableType\s*\{(.*?)^\} AlterTableType;/ms;
	$subcommands =~ s{/\*.*?\*/}{}gs;
	push @nodes, $subcommands =~ /\b(AT_\w+)/g;
	return @nodes;
}

my @statements = read_statements("$directory/statements");
my %listed;
$listed{ $_->{node} }++ for @statements;
is_deeply([ grep { $listed{$_} > 1 } sort keys %listed ], [], 'no node is listed twice');

my ($major) = `pg_config --version` =~ /(\d+)/;
chomp(my $include = `pg_config --includedir-server`);
my @named = nodes_of_header(slurp_file("$include/nodes/parsenodes.h"));
cmp_ok(scalar @named, '>', 150, 'the header names nodes');
my @missing = grep { !$listed{$_} } @named;
if ($major > $newest_known)
{
	note("not listed, and of a version that is not known yet: @missing");
}
else
{
	is_deeply(\@missing, [], 'every node of the header is listed');
}
my %exists = map { $_ => 1 } @named;
is_deeply(
	[ map { $_->{node} } grep { !$exists{ $_->{node} } && Door::exists_in($_, $major) } @statements ],
	[], 'every node listed is in the header');

# The same pairs of a node and a door from both sides.
my (%from_statements, %from_doors, %count);
for my $statement (@statements)
{
	my $text = $statement->{text};
	ok(defined $text->{none} ? keys %$text == 1 : keys %$text > 0, "$statement->{node} has doors or a reason");
	for my $list (grep { $_ ne 'none' } keys %$text)
	{
		$from_statements{"$statement->{node}: $list: $_"}++ for split / \| /, $text->{$list};
	}
}
for my $list (Door::lists())
{
	my %names;
	for my $door (Door::read_list($directory, $list))
	{
		$names{ $door->{name} }++;
		$count{$list}++;
		$from_doors{"$_: $list: $door->{name}"}++ for @{ $door->{nodes} };
		like($door->{$_}, qr/\S/, "$door->{place}: $_ has a reason")
		  for grep { defined $door->{$_} } 'swallowed', 'unseen', 'unseen preloaded', 'only superuser',
		  'only owner', 'only preloaded';
	}
	is_deeply([ grep { $names{$_} > 1 } sort keys %names ], [], "$list: each door has a name of its own");
}
is_deeply([ sort keys %from_statements ], [ sort keys %from_doors ],
	'the statements name the doors, and the doors the statements');
is_deeply([ grep { $from_statements{$_} > 1 } sort keys %from_statements ], [], 'no statement names a door twice');

cmp_ok($count{damage}, '>=', 90, "$count{damage} doors that do damage");
cmp_ok($count{harmless}, '>=', 90, "$count{harmless} harmless doors");
cmp_ok($count{warned}, '>=', 15, "$count{warned} doors that pass with a warning");
done_testing();
