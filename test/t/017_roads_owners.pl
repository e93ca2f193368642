# Walks the roads of test/roads/owners.road; see test/roads/Road.pm and Walk.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../roads";
use Road;
use Test::More;
use Walk;

my $walk = Walk->new('roads_owners');
$walk->walk($_) for Road::read_roads("$FindBin::RealBin/../roads/owners.road");
$walk->stop;
done_testing();
