# ALTER COLUMN … TYPE … USING: what the guard says of expressions (test/conversions/using), held to what PostgreSQL makes of
# the same values.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../conversions";
use Conversions qw(read_types install attempt);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my (@settings, $source, $number);
for my $line (split /\n/, slurp_file("$FindBin::Bin/../conversions/using"))
{
	$number++;
	next if $line =~ /^\s*(#.*)?$/;
	if ($line =~ /^under: (.*)$/) { push @settings, { setting => $1, changes => [] }; }
	elsif ($line =~ /^from: (.*)$/) { $source = $1; }
	elsif ($line =~ /^  (passes|blocks|blocks needlessly|(?:hides )?\w{5}): (.*)$/)
	{
		my ($verdict, $change, $back) = ($1, split / back: /, $2);
		push @{ $settings[-1]{changes} }, { verdict => $verdict, source => $source, change => $change, back => $back };
	}
	else { die "using:$number: not understood: $line"; }
}

my $node = PostgreSQL::Test::Cluster->new('conversions_using');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_min_messages = panic");
$node->start;
install($node, read_types());
$node->safe_psql('postgres', 'CREATE EXTENSION schema_guard');

# What was found, in the words of the file.
sub verdict
{
	my ($found) = @_;
	my ($refusal, $state, $kept) = ($found->{refusal}, $found->{state}, $found->{truth} eq 'kept');
	return $kept ? 'blocks needlessly' : 'blocks' if $state eq 'SG001' && $refusal eq '00DID';
	return "hides $refusal" if $state eq 'SG001';
	return $refusal eq $state ? $state : "$state, not $refusal" if $refusal ne '00DID';
	return $kept ? 'passes' : 'passes, but loses something';
}

for my $case (@settings)
{
	my @found = attempt($node, $case->{setting}, @{ $case->{changes} });
	for my $change (@{ $case->{changes} })
	{
		my $found = shift @found;
		is(verdict($found), $change->{verdict}, "under $case->{setting}: $change->{source}, $change->{change}")
		  or diag(join ', ', map { "$_ $found->{$_}" } sort keys %$found);
	}
}

$node->stop;
done_testing();
