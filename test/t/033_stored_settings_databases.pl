# A role's setting goes before those of all databases: stored from one of them, it is compared with what each has, and
# with what those have that store nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use SchemaGuardCluster;
use Test::More;

# postgres stays as CREATE EXTENSION leaves it; hard is hardened.
my $node = guarded_cluster('stored_settings_databases');
$node->safe_psql('postgres', 'CREATE DATABASE hard OWNER app; CREATE DATABASE laxer');
$node->safe_psql('hard', q{
	CREATE EXTENSION schema_guard;
	CREATE TABLE precious AS SELECT 1 AS i;
	ALTER TABLE precious OWNER TO app;
	SELECT schema_guard.harden();});

sub stored { return value($node, 'SELECT string_agg(s::text, chr(32) ORDER BY setdatabase, setrole) FROM pg_db_role_setting s'); }
sub off { my ($sql) = @_; return $node->safe_psql('postgres', "SET schema_guard.mode = off;\n$sql"); }

my $warn_here = 'ALTER DATABASE postgres SET schema_guard.mode = warn';

# What is stored before, the statement, and 'refused' or 'passes'; all of it in database postgres.
for my $each (
	# the library, which hard has
	[ '', q{ALTER ROLE app SET session_preload_libraries = 'auto_explain'}, 'refused' ],
	[ '', q{ALTER ROLE app SET session_preload_libraries = ''}, 'refused' ],
	[ '', q{ALTER ROLE app SET session_preload_libraries = 'auto_explain', 'schema_guard'}, 'passes' ],
	[ '', q{ALTER ROLE app IN DATABASE hard SET session_preload_libraries = 'auto_explain'}, 'refused' ],
	[ '', q{ALTER ROLE app IN DATABASE postgres SET session_preload_libraries = 'auto_explain'}, 'passes' ],
	[ '', q{ALTER ROLE ALL SET session_preload_libraries = 'auto_explain'}, 'passes' ], # hard has its own
	[ '', q{ALTER DATABASE postgres SET session_preload_libraries = 'auto_explain'}, 'passes' ],
	[ '', 'ALTER ROLE app RESET ALL', 'passes' ],
	[ '', 'ALTER ROLE app RESET session_preload_libraries', 'passes' ],
	[ 'ALTER ROLE app SET session_preload_libraries = auto_explain', 'ALTER ROLE app RESET ALL', 'passes' ],
	[ 'ALTER ROLE app SET session_preload_libraries = schema_guard', 'ALTER ROLE app RESET ALL', 'refused' ],
	# the mode, laxer in this database only
	[ $warn_here, 'ALTER ROLE app SET schema_guard.mode = warn', 'refused' ],
	[ $warn_here, 'ALTER ROLE app IN DATABASE hard SET schema_guard.mode = warn', 'refused' ],
	[ $warn_here, 'ALTER ROLE app IN DATABASE postgres SET schema_guard.mode = warn', 'passes' ],
	[ "$warn_here; ALTER DATABASE hard SET schema_guard.mode = enforce", 'ALTER ROLE app SET schema_guard.mode = warn', 'refused' ],
	[ "$warn_here; ALTER ROLE ALL SET schema_guard.mode = warn", 'ALTER ROLE app SET schema_guard.mode = warn', 'passes' ],
	[ "ALTER ROLE ALL SET schema_guard.mode = warn; ALTER DATABASE hard SET schema_guard.mode = enforce",
		'ALTER ROLE app SET schema_guard.mode = warn', 'refused' ],
	[ "$warn_here; ALTER ROLE app SET schema_guard.mode = warn", 'ALTER ROLE app SET schema_guard.mode = warn', 'passes' ],
	[ 'ALTER DATABASE laxer SET schema_guard.mode = off; ALTER ROLE app SET schema_guard.mode = enforce',
		'ALTER ROLE app RESET ALL', 'refused' ],
	# and the others
	[ 'ALTER DATABASE postgres SET schema_guard.four_eyes = off', 'ALTER ROLE app SET schema_guard.four_eyes = off', 'refused' ],
	[ 'ALTER DATABASE postgres SET schema_guard.protect_databases = shop',
		'ALTER ROLE app SET schema_guard.protect_databases = shop', 'refused' ],
  )
{
	my ($there, $statement, $expected) = @$each;
	off("$there") if $there;
	my $before = stored();
	my $name = "in another database: $statement" . ($there && ", after $there");
	my $result = run_sql($node, "LOAD 'schema_guard';\nSET schema_guard.mode = enforce;\n$statement", role => 'superuser',
		keep_going => 1);
	is("@{ $result->{states} }" || 'passes', $expected eq 'refused' ? 'SG007' : 'passes', "$name: $expected") or diag($result->{err});
	is(stored(), $before, "$name: nothing is stored") if $expected eq 'refused';
	off('ALTER DATABASE postgres RESET ALL; ALTER DATABASE laxer RESET ALL; ALTER DATABASE hard RESET schema_guard.mode; ALTER ROLE ALL RESET ALL;
		ALTER ROLE app RESET ALL; ALTER ROLE app IN DATABASE postgres RESET ALL; ALTER ROLE app IN DATABASE hard RESET ALL');
}

refused($node, 'TRUNCATE precious', 'SG001', qr/precious/, 'the hardened database is guarded as before', connection => 'dbname=hard');
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
