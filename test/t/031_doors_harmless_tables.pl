# Walks the harmless doors of ALTER TABLE; see test/doors/Door.pm and DoorWalk.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../doors";
use DoorCrew;
use Test::More;

walk_doors("$FindBin::RealBin/../doors", 'harmless', qw(tables types later_versions));
done_testing();
