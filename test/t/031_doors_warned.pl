# Walks the doors that pass with a WARNING; see test/doors/Door.pm and DoorWalk.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../doors";
use DoorCrew;
use Test::More;

walk_doors("$FindBin::RealBin/../doors", 'warned', qw(warned));
done_testing();
