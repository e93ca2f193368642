# Has doors walked by two processes with a server each, since walking is mostly waiting: for psql, for new databases.
# Prints what they found as one stream of tests, in the order of the doors, and the table at the end.
package DoorCrew;

use strict;
use warnings;
use Door;
use DoorWalk;
use Exporter 'import';
use POSIX ();
use PostgreSQL::Test::Utils;
use Storable ();
use Test::More;

our @EXPORT = qw(walk_doors walk_unseen_doors);

my $crew = 2;

# All doors of one list that are in files of these names.
sub walk_doors
{
	my ($directory, $list, @files) = @_;
	return walk_together("doors_${list}_$files[0]", $list, 0,
		map { Door::read_doors("$directory/$list/$_.door", $list) } @files);
}

# The damage doors that nothing sees without a preloaded library: with shared_preload_libraries there are none of them.
sub walk_unseen_doors
{
	my ($directory) = @_;
	return walk_together('doors_unseen', 'damage', 1,
		grep { $_->{unseen} || $_->{'unseen preloaded'} } Door::read_list($directory, 'damage'));
}

sub walk_together
{
	my ($name, $list, $shared, @all) = @_;
	my ($major) = `pg_config --version` =~ /(\d+)/;
	my @doors = grep { Door::exists_in($_, $major) } @all;
	die 'no doors' unless @doors;
	my @running;
	for my $member (0 .. $crew - 1)
	{
		my $path = "$PostgreSQL::Test::Utils::tmp_check/$name.$member";
		my @share = grep { $_ % $crew == $member } 0 .. $#doors;
		my $pid = fork // die "fork: $!";
		if ($pid == 0)
		{
			my $fine = eval { walk_share("${name}_$member", $path, $shared, \@doors, @share); 1 };
			print STDERR $@ unless $fine;
			# Not exit: the END blocks of the test modules are the parent's.
			POSIX::_exit($fine ? 0 : 1);
		}
		push @running, { pid => $pid, path => $path };
	}
	my %found;
	for my $member (@running)
	{
		waitpid $member->{pid}, 0;
		is($?, 0, 'the walk came to its end');
		my $share = -e $member->{path} ? Storable::retrieve($member->{path}) : {};
		%found = (%found, %$share);
	}
	my @tallies;
	for my $number (0 .. $#doors)
	{
		ok($found{$number}, "$doors[$number]{name}: was walked") or next;
		for my $result (@{ $found{$number} })
		{
			push @tallies, $result->{tally} if $result->{tally};
			next if $result->{tally};
			ok($result->{ok}, $result->{name}) or diag($result->{detail} // '');
		}
	}
	print_table($list, $shared, \@tallies);
	return;
}

sub walk_share
{
	my ($name, $path, $shared, $doors, @numbers) = @_;
	my $walk = DoorWalk->new($name, $shared);
	my %found;
	for my $number (@numbers)
	{
		my $first = @{ $walk->results };
		$walk->walk($doors->[$number]);
		$found{$number} = [ @{ $walk->results }[ $first .. $#{ $walk->results } ] ];
	}
	Storable::store(\%found, $path);
	$walk->stop;
	return;
}

my %columns = (
	damage => [qw(walked through unrecorded unseen)],
	warned => [qw(walked refused noticed)],
	harmless => [qw(walked refused noticed)]);

my %headings = (
	walked => 'walked', through => 'through', unrecorded => 'not on record', unseen => 'unseen, named as such',
	refused => 'refused', noticed => 'with other words');

sub print_table
{
	my ($list, $shared, $tallies) = @_;
	my @columns = @{ $columns{$list} };
	my $format = '%-22s' . (' %21s' x @columns);
	my @lines = (sprintf $format, "doors: $list", map { $headings{$_} } @columns);
	for my $configuration (map { $_->{name} } DoorWalk::configurations($shared))
	{
		my @here = grep { $_->{configuration} eq $configuration } @$tallies;
		push @lines, sprintf $format, $configuration, map { my $column = $_; scalar grep { $_->{$column} } @here } @columns;
	}
	my %unseen = map { $_->{door} => 1 } grep { $_->{unseen} } @$tallies;
	push @lines, 'unseen in the first statements of a session, named as such:', map { "  $_" } sort keys %unseen if %unseen;
	my %through = map { $_->{door} => 1 } grep { $_->{through} || $_->{refused} } @$tallies;
	push @lines, ($list eq 'damage' ? 'THROUGH:' : 'NOT THROUGH:'), map { "  $_" } sort keys %through if %through;
	diag(join "\n", @lines);
	return;
}

1;
