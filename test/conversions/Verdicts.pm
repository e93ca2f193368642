# The file of verdicts: what the guard says of each change of a column's type. The format:
#
#   under: a setting; the first is the usual one, and of the others there is only what differs from it
#   from: a type
#     passes: the types it may become
#     blocks needlessly: those that it may not, although none of the samples loses anything
#     blocks: those that it may not, if they may under the usual setting
#
# A verdict of one form only has it behind its name: "passes as assignment", "passes by cast". Everything else is blocked, or
# refused by PostgreSQL.
package Verdicts;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Utils;
use Text::Wrap ();

our @EXPORT_OK = qw(verdict_of read_verdicts expected_under verdicts_as_text differences);

my @forms = ('as assignment', 'by cast');
my $form = join '|', @forms;
my @verdicts = ('passes', 'blocks', 'blocks needlessly');
my $verdict = join '|', @verdicts;

sub verdict_of
{
	my ($finding) = @_;
	return 'refused' if $finding->{truth} eq 'refused';
	return 'passes' if $finding->{state} ne 'SG001';
	return $finding->{truth} eq 'kept' ? 'blocks needlessly' : 'blocks';
}

# {setting}{source}{target}{form} is the verdict.
sub read_verdicts
{
	my ($path) = @_;
	my (%read, $setting, $source, $name, @in_forms);
	my $number = 0;
	for my $line (split /\n/, slurp_file($path))
	{
		$number++;
		next if $line =~ /^\s*(#.*)?$/;
		if ($line =~ /^under: (.*)$/) { $setting = $1; next; }
		if ($line =~ /^from: (.*)$/) { $source = $1; next; }
		if ($line =~ /^  ($verdict)(?: ($form))?: (.*)$/)
		{
			($name, @in_forms) = ($1, $2 ? $2 : @forms);
			$line = $3;
		}
		elsif ($line !~ s/^    (?=\S)//) { die "$path:$number: not understood: $line"; }
		for my $target (split /; ?/, $line)
		{
			$read{$setting}{$source}{$target}{$_} = $name for @in_forms;
		}
	}
	return \%read;
}

# Of one setting and source, a line for each change of which they say different things.
sub differences
{
	my ($found, $expected) = @_;
	my @lines;
	for my $target (sort keys %$found)
	{
		for my $form (@forms)
		{
			my $is = $found->{$target}{$form};
			my $was = $expected->{$target}{$form} // 'blocks';
			push @lines, "to $target $form: $is, expected: $was" if $is ne $was && $is ne 'refused';
		}
	}
	return @lines;
}

sub source_as_text
{
	my ($source, $targets) = @_;
	my %by_verdict;
	for my $target (sort keys %$targets)
	{
		my @said = map { $targets->{$target}{$_} // 'as usual' } @forms;
		if ($said[0] eq $said[1]) { push @{ $by_verdict{ $said[0] } }, $target; next; }
		push @{ $by_verdict{"$said[$_] $forms[$_]"} }, $target for 0, 1;
	}
	my $text = "from: $source\n";
	for my $name (map { ($_, "$_ $forms[0]", "$_ $forms[1]") } @verdicts)
	{
		next unless $by_verdict{$name};
		local $Text::Wrap::columns = 121;
		local $Text::Wrap::break = qr/(?<=;) /;
		local $Text::Wrap::huge = 'overflow';
		$text .= Text::Wrap::wrap('  ', '    ', "$name: " . join '; ', @{ $by_verdict{$name} }) . "\n";
	}
	return $text;
}

# What is expected under a setting: what differs from the usual one, and otherwise that.
sub expected_under
{
	my ($expected, $usual, $setting, $source) = @_;
	my %targets = map { $_ => { %{ $expected->{$usual}{$source}{$_} } } } keys %{ $expected->{$usual}{$source} // {} };
	my $different = $expected->{$setting}{$source} // {};
	for my $target (keys %$different)
	{
		$targets{$target}{$_} = $different->{$target}{$_} for keys %{ $different->{$target} };
	}
	return \%targets;
}

# The file, as it would be after what was found. Of what this PostgreSQL refuses, another version may know more: that is
# taken over. The two lists give the order, the usual setting first.
sub verdicts_as_text
{
	my ($found, $expected, $settings, $sources) = @_;
	my $text = '';
	my $usual = $settings->[0];
	for my $setting (@$settings)
	{
		$text .= "\nunder: $setting\n";
		for my $source (@$sources)
		{
			my ($said, $known) = map { $_->{$source} // {} } $found->{$setting}, $setting eq $usual ? {} : $found->{$usual};
			my %new;
			for my $target (keys %$said)
			{
				my %unlike = map { $_ => $said->{$target}{$_} } grep { $said->{$target}{$_} ne ($known->{$target}{$_} // 'blocks') } @forms;
				for my $form (grep { $unlike{$_} eq 'refused' } keys %unlike)
				{
					my $elsewhere = $expected->{$setting}{$source}{$target}{$form};
					if (defined $elsewhere) { $unlike{$form} = $elsewhere; }
					else { delete $unlike{$form}; }
				}
				$new{$target} = \%unlike if %unlike;
			}
			$text .= source_as_text($source, \%new) if %new;
		}
	}
	return $text;
}

1;
