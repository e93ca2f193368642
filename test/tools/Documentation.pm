# Reads the documents as test/t/050_documentation.pl runs them: their fenced blocks in order, and their tables.
#
# ```sql      a psql session of its own; "-- as role" says whose, "-- ERROR SG001" what it fails with
# ```console  lines that begin with "$ " are run by the shell, the lines after one are its output
# ```sh       each line is run by the shell, and must succeed
# ```text     the output of the sql block before it
# ```json     a line of the server log, laid out
#
# In expected output, "…" is any text within a line, and a line of it alone any lines; sg_… is the token returned last.
package Documentation;
use strict;
use warnings;
use utf8;
use Exporter qw(import);
our @EXPORT_OK = qw(blocks commands mismatch read_document read_list table);

my %known = map { $_ => 1 } qw(sql console sh text json);

sub read_document
{
	my ($path) = @_;
	open my $file, '<:encoding(UTF-8)', $path or die "cannot read $path: $!";
	local $/;
	my $text = <$file>;
	close $file;
	return $text;
}

# "entry | reason" lines, without comments.
sub read_list
{
	my ($path) = @_;
	my %list;
	for my $line (grep { /\S/ && !/^#/ } split /\n/, read_document($path))
	{
		my ($entry, $reason) = $line =~ /^(.*\S)\s+\|\s+(\S.*)$/ or die "$path: no reason in: $line";
		$list{$entry} = $reason;
	}
	return %list;
}

# A list of { kind, line, text, output }; output is the text block that follows an sql block.
sub blocks
{
	my ($document) = @_;
	my (@blocks, $open);
	my $number = 0;
	for my $line (split /\n/, $document)
	{
		$number++;
		if ($line =~ /^\s*(```+|~~~+)\s*(\S*)/)
		{
			if ($open)
			{
				push @blocks, $open;
				undef $open;
				next;
			}
			die "line $number: a fence must begin its line\n" if $line =~ /^\s/;
			die "line $number: a block must say what it is: " . join(', ', sort keys %known) . "\n" unless $known{$2};
			$open = { kind => $2, line => $number, text => '' };
		}
		elsif ($open)
		{
			$open->{text} .= "$line\n";
		}
	}
	die "line $open->{line}: the block does not end\n" if $open;

	my @result;
	for my $block (@blocks)
	{
		if ($block->{kind} ne 'text')
		{
			push @result, $block;
			next;
		}
		die "line $block->{line}: output of what?\n"
		  unless @result && $result[-1]{kind} eq 'sql' && !defined $result[-1]{output};
		$result[-1]{output} = $block->{text};
	}
	return @result;
}

# The commands of an sh or console block: { command, output }. Output is undefined in an sh block.
sub commands
{
	my ($block) = @_;
	return map { { command => $_ } } grep { /\S/ && !/^#/ } split /\n/, $block->{text} if $block->{kind} eq 'sh';
	my @commands;
	for my $line (split /\n/, $block->{text})
	{
		if ($line =~ /^\$ (.*)/)
		{
			push @commands, { command => $1, output => '' };
		}
		elsif (@commands)
		{
			$commands[-1]{output} .= "$line\n";
		}
		else
		{
			die "line $block->{line}: output before the first command\n";
		}
	}
	return @commands;
}

# Column widths depend on what is in the columns, so runs of blanks and of dashes count as one.
sub lines_of
{
	my ($text) = @_;
	my @lines = map { s/[ \t]+/ /gr =~ s/-{3,}/---/gr =~ s/^ | $//gr } split /\n/, $text;
	shift @lines while @lines && $lines[0] eq '';
	pop @lines while @lines && $lines[-1] eq '';
	return @lines;
}

# Empty if the output is as expected, else what to tell the reader of the test.
sub mismatch
{
	my ($expected, $output) = @_;
	my $pattern = '';
	for my $line (lines_of($expected))
	{
		$pattern .= $line eq '…' ? '(?:.*\n)*?' : join('.*', map { quotemeta } split /…/, $line, -1) . '\n';
	}
	my $actual = join '', map { "$_\n" } lines_of($output);
	return $actual =~ /\A$pattern\z/ ? '' : "expected:\n$expected\nbut it was:\n$output";
}

# The rows of the first table below a heading, as arrays of cells without their code marks. The head is left out.
sub table
{
	my ($document, $heading) = @_;
	my ($section) = $document =~ /^#+ \Q$heading\E\n(.*?)(?=^#+ |\z)/ms or die "no section $heading\n";
	my @lines = $section =~ /^(\|.*\|)$/mg or die "no table below $heading\n";
	my @rows;
	for my $line (@lines[2 .. $#lines])
	{
		my @cells = $line =~ /\|\s*((?:[^|\\]|\\.)*?)\s*(?=\|)/g;
		s/`//g, s/\\\|/|/g for @cells;
		push @rows, \@cells;
	}
	return @rows;
}

1;
