# Walks the doors by which the guard itself goes, or is turned down; see test/doors/Door.pm and DoorWalk.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../doors";
use DoorCrew;
use Test::More;

walk_doors("$FindBin::RealBin/../doors", 'damage', qw(guard guard_tables schema_elements settings catalogs));
done_testing();
