# Runs TAP tests as prove does and ends with a count of the assertions that really ran. A file that dies, does
# not keep to its plan, or runs nothing adds a failure, whatever its assertions said.
use strict;
use warnings;
use TAP::Harness;

my $harness = TAP::Harness->new({ timer => 1, failures => 1, merge => 0, color => 0 });
my $aggregate = $harness->runtests(@ARGV);

my $failed = $aggregate->failed;
for my $parser ($aggregate->parsers)
{
	next if $parser->failed;
	$failed++ if $parser->parse_errors || $parser->exit || $parser->wait || !$parser->tests_run;
}
printf "TAP: %d passed, %d failed\n", scalar $aggregate->passed, $failed;
exit($failed == 0 && $aggregate->passed > 0 ? 0 : 1);
