# What a superuser turns down in a session by SET, or with the connection, leaves a line in the server log; what leaves it
# as it is, or makes it stricter, leaves none.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('turned_down', "session_preload_libraries = 'schema_guard'\n");

sub lines
{
	my ($from) = @_;
	return join ', ', substr(server_log($node), $from) =~ /LOG:  (?:\w{5}: )?schema_guard: ((?:mode|four_eyes|protect_databases|debug_sensors) changed .*)/g;
}

# The statements, in one session, and the lines.
for my $each (
	[ 'SET schema_guard.mode = warn', 'mode changed from enforce to warn' ],
	[ 'SET "Schema_Guard.MODE" = OFF; SET schema_guard.mode = enforce', 'mode changed from enforce to off' ],
	[ 'SET schema_guard.four_eyes = off', 'four_eyes changed from on to off' ],
	[ 'SET LOCAL schema_guard.four_eyes = no', 'four_eyes changed from on to off', in_block => 1 ],
	[ q{SELECT set_config('schema_guard.four_eyes', '0', false)}, 'four_eyes changed from on to off' ],
	[ 'SET schema_guard.four_eyes = off; SET schema_guard.four_eyes = off; RESET schema_guard.four_eyes',
		'four_eyes changed from on to off' ],
	[ q{SET schema_guard.protect_databases = 'shop'}, 'protect_databases changed from "*" to "shop"' ],
	[ q{SET schema_guard.protect_databases = ''}, 'protect_databases changed from "*" to ""' ],
	[ 'SET schema_guard.debug_sensors = utility', 'debug_sensors changed to "utility"' ],
	[ 'SELECT 1', 'four_eyes changed from on to off', settings => '-c schema_guard.four_eyes=off' ],
	[ 'SELECT 1', 'mode changed from enforce to observe', settings => '-c schema_guard.mode=observe' ],
	[ q{SET schema_guard.four_eyes = on; SET schema_guard.mode = enforce; SET schema_guard.protect_databases = '*'; RESET ALL;
		SET schema_guard.debug_sensors = 'all'; SET schema_guard.rehearse = on; DISCARD ALL}, '' ])
{
	my ($sql, $expected, %option) = @$each;
	my $from = length server_log($node);
	my $statements = join ";\n", split /;\s*/, $sql;
	accepted($node, $option{in_block} ? "BEGIN;\n$statements;\nROLLBACK" : $statements, "may be set: $sql", role => 'superuser',
		settings => $option{settings});
	is(lines($from), $expected, "the server log has $sql" . ($option{settings} ? " with $option{settings}" : ''));
}

# Nobody else may, and so leaves nothing.
my $from = length server_log($node);
refused($node, "SET schema_guard.$_", '42501', qr/permission denied/, "app may not set $_")
  for 'four_eyes = off', 'mode = off', q{protect_databases = ''}, 'debug_sensors = utility';
is(lines($from), '', 'what is refused is not logged as done');

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
