# Walks the doors by which tables, rows and databases go; see test/doors/Door.pm and DoorWalk.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../doors";
use DoorCrew;
use Test::More;

walk_doors("$FindBin::RealBin/../doors", 'damage', qw(drops truncate databases));
done_testing();
