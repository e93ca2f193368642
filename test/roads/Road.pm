# Reads test/roads/*.road and walks them. A road is a way that leads to the loss of a table or a column, or one that
# looks as if it did: setup, the statement, and what the audit must say of it. The format:
#
#   road: a name, unique among all files
#     setup:            SQL, run by the role road_owner, in a database of the road's own
#     superuser setup:  SQL, run before that by the superuser
#     statement:        SQL; what is judged
#     effects:          a line each: rule, identity, and "cascaded" where the statement does not name the object
#     also gone:        what goes beside the effects that are blocked, in the same notation
#     only superuser:   why no other role can run it
#     own transaction:  why it can't run inside a transaction block
#     swallowed:        how the error is kept from the client
#
# A road none of whose effects is drop_table or drop_column is harmless: it must pass.
package Road;

use strict;
use warnings;
use PostgreSQL::Test::Utils;

my @keys = (
	'setup', 'superuser setup', 'statement', 'effects', 'also gone', 'only superuser', 'own transaction',
	'swallowed');

sub read_roads
{
	my ($path) = @_;
	my (@roads, $road, $key);
	my $number = 0;
	for my $line (split /\n/, slurp_file($path))
	{
		$number++;
		next if $line =~ /^\s*(#.*)?$/;
		if ($line =~ /^road: (\S.*)$/)
		{
			$road = { name => $1, place => "$path:$number" };
			push @roads, $road;
			$key = undef;
		}
		elsif ($road && $line =~ /^  ([a-z][a-z ]*):(?: (.*))?$/ && grep { $_ eq $1 } @keys)
		{
			$key = $1;
			die "$path:$number: a second $key" if exists $road->{$key};
			$road->{$key} = defined $2 ? "$2\n" : '';
		}
		elsif ($key && $line =~ /^    (.*)$/)
		{
			$road->{$key} .= "$1\n";
		}
		else
		{
			die "$path:$number: not understood: $line";
		}
	}
	for my $each (@roads)
	{
		for my $needed ('statement', 'effects')
		{
			die "$each->{place}: no $needed" unless defined $each->{$needed};
		}
		$each->{effects} = [ sort split /\n/, $each->{effects} ];
		$each->{'also gone'} = [ split /\n/, $each->{'also gone'} // '' ];
		for my $effect (@{ $each->{effects} })
		{
			die "$each->{place}: not an effect: $effect" unless $effect =~ /^\w+ \S/;
		}
	}
	return @roads;
}

# What the rules drop_table and drop_column say of the effects, without the mark of cascades.
sub losses
{
	my ($road) = @_;
	return sort map { uncascaded($_) } grep { /^drop_(table|column) / } @{ $road->{effects} };
}

sub is_harmless { my @losses = losses($_[0]); return !@losses; }

# The same for what ring 2 sees: it looks at everything that keeps rows.
sub seen_by_object_access
{
	my ($road) = @_;
	return sort map { uncascaded($_) } grep { /^drop_(table|column|materialized_view) / } @{ $road->{effects} };
}

# PostgreSQL may delete a column by itself before its table goes: the effects without such columns.
sub without_parts
{
	my @effects = @_;
	my @tables = map { /^drop_table (.*)$/ ? $1 : () } @effects;
	return grep {
		my $effect = $_;
		!grep { index($effect, "drop_column $_.") == 0 } @tables
	} @effects;
}

sub uncascaded { my ($effect) = @_; $effect =~ s/ cascaded$//; return $effect; }

1;
