# Walks the doors that no event trigger sees, with the library in shared_preload_libraries; see test/doors/Door.pm and
# DoorWalk.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../doors";
use DoorCrew;
use Test::More;

walk_unseen_doors("$FindBin::RealBin/../doors");
done_testing();
