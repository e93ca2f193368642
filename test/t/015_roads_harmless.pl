# Walks the roads of test/roads/harmless.road; see test/roads/Road.pm and Walk.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../roads";
use Road;
use Test::More;
use Walk;

my $walk = Walk->new('roads_harmless');
$walk->walk($_) for Road::read_roads("$FindBin::RealBin/../roads/harmless.road");
$walk->stop;
done_testing();
