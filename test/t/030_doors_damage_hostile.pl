# Walks the doors that somebody had to think of; see test/doors/Door.pm and DoorWalk.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../doors";
use DoorCrew;
use Test::More;

walk_doors("$FindBin::RealBin/../doors", 'damage', qw(hostile));
done_testing();
