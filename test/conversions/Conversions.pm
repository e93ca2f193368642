# Changes of a column's type, judged in a server: what PostgreSQL makes of the values, and what the guard says of it.
# Reads the types (types/*) and runs what judges them (judge.sql).
#
# The format:
#
#   type: as SQL writes it
#     setup:    what makes the type
#     like:     another type: its samples too, as far as this type takes them
#     one way:  types whose values do not come back as they were, although no two of them have become one
#     samples:  SQL, one a line; NULL is always one more
#
# The samples are at the edges of the type: pairs that differ by little, what it pads, cuts, rounds, overflows at or has no
# number for.
package Conversions;

use strict;
use warnings;
use Exporter 'import';
use File::Basename qw(dirname);
use IPC::Run;
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(read_types install judge attempt);

my $folder = dirname(__FILE__);

# In the order in which they are made.
my @files = qw(strings numbers times documents made);

sub read_file
{
	my ($path) = @_;
	my (@types, $in_samples);
	my $number = 0;
	for my $line (split /\n/, slurp_file($path))
	{
		$number++;
		next if $line =~ /^\s*(#.*)?$/;
		if ($line =~ /^type: (\S.*)$/)
		{
			push @types, { name => $1, samples => [] };
			$in_samples = 0;
		}
		elsif (@types && $line =~ /^  (setup|like|one way): (.*)$/) { $types[-1]{$1} = $2; }
		elsif (@types && $line eq '  samples:') { $in_samples = 1; }
		elsif ($in_samples && $line =~ /^    (.*)$/) { push @{ $types[-1]{samples} }, $1; }
		else { die "$path:$number: not understood: $line"; }
	}
	return @types;
}

sub read_types { return map { read_file("$folder/types/$_") } @files; }

sub literal
{
	my ($text) = @_;
	return 'NULL' unless defined $text;
	$text =~ s/'/''/g;
	return "'$text'";
}

sub text_array { return 'ARRAY[' . join(', ', map { literal($_) } @_) . ']::text[]'; }

sub install
{
	my ($node, @types) = @_;
	my $sql = "SET client_min_messages = warning;\n" . slurp_file("$folder/judge.sql");
	my $number = 0;
	for my $type (@types)
	{
		$sql .= "$type->{setup};\n" if defined $type->{setup};
		$sql .= sprintf "SELECT judge.add_type(%d, %s, %s, %s, %s);\n", ++$number, literal($type->{name}),
		  text_array(@{ $type->{samples} }), literal($type->{like}), text_array(split /; /, $type->{'one way'} // '');
	}
	$node->safe_psql('postgres', $sql);
	return;
}

# Every change among the types named, under a setting, in two sessions at once. Returns the findings, and what the
# sessions were told beside.
sub judge
{
	my ($node, $setting, @names) = @_;
	my @sessions;
	for my $share (0, 1)
	{
		my $said = '';
		my $script = join "\n", 'SET client_min_messages = warning;', (map { "SET $_;" } split /; /, $setting),
		  sprintf "CALL judge.run(%s, %s, %d);\n", literal($setting), text_array(@names), $share;
		my $harness = IPC::Run::start(
			[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', '-' ],
			'<', \$script, '>&', \$said, IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default));
		push @sessions, { said => \$said, harness => $harness };
	}
	$_->{harness}->finish for @sessions;

	my $rows = $node->safe_psql('postgres', q{
		SELECT concat_ws(E'\t', source, target, CASE WHEN is_cast THEN 'by cast' ELSE 'as assignment' END, truth, state,
		                 coalesce(example, ''))
		  FROM judge.finding WHERE setting = } . literal($setting));
	my @findings;
	for my $row (split /\n/, $rows)
	{
		my %finding;
		@finding{qw(source target form truth state example)} = split /\t/, $row, 6;
		push @findings, \%finding;
	}
	return (\@findings, join '', map { ${ $_->{said} } } @sessions);
}

# Single changes, as {source}, {change} and, if there is one, {back}, under a setting.
sub attempt
{
	my ($node, $setting, @changes) = @_;
	my $sql = join '', "SET client_min_messages = warning;\n", map { "SET $_;\n" } split /; /, $setting;
	$sql .= sprintf "SELECT concat_ws(E'\\t', refusal, state, truth, coalesce(example, '')) FROM judge.attempt(%s, %s, %s);\n",
	  map { literal($_) } @$_{qw(source change back)} for @changes;
	return map {
		my %found;
		@found{qw(refusal state truth example)} = split /\t/, $_, 4;
		\%found;
	} split /\n/, $node->safe_psql('postgres', $sql);
}

1;
