# Walks the ways in which a function or a session drops a table; see test/doors/Door.pm and DoorWalk.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../doors";
use DoorCrew;
use Test::More;

walk_doors("$FindBin::RealBin/../doors", 'damage', qw(ways_functions ways_sessions));
done_testing();
