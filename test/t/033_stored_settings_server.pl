# What the server's own command line sets counts as what its files have, and before them: where it has the guard, a
# database or a role can't do without; what it goes before turns nothing down. Whatever the session itself has.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('stored_settings_server');
$node->safe_psql('postgres', q{
	CREATE DATABASE bare;
	CREATE ROLE boss LOGIN SUPERUSER;
	ALTER ROLE boss SET session_preload_libraries = 'passwordcheck';});

sub start_with
{
	my ($options) = @_;
	$node->stop;
	local $ENV{PGAPPNAME};
	system_or_bail('pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, '-o', $options, 'start');
	$node->_update_pid(1);
	return;
}

sub requests { return value($node, 'SELECT count(*) FROM schema_guard.request'); }

sub stored
{
	return value($node, 'SELECT string_agg(s::text, chr(32) ORDER BY setdatabase, setrole) FROM pg_db_role_setting s')
	  . slurp_file($node->data_dir . '/postgresql.auto.conf');
}

my $with_library = '-c session_preload_libraries=schema_guard';
my $strict = '-c schema_guard.mode=enforce';
my $laxer = "schema_guard.mode = off\nschema_guard.four_eyes = off";

# The command line, what the file has, the statement, and 'refused' or 'passes'; in addition: settings of the session, its
# database, what is stored before.
for my $each (
	# the library
	[ $with_library, '', q{ALTER DATABASE postgres SET session_preload_libraries = 'auto_explain'}, 'refused' ],
	[ $with_library, '', q{ALTER ROLE app SET session_preload_libraries = ''}, 'refused' ],
	[ $with_library, '', q{ALTER ROLE app IN DATABASE postgres SET session_preload_libraries = ''}, 'refused' ],
	[ $with_library, '', q{ALTER ROLE ALL SET session_preload_libraries = 'auto_explain'}, 'refused' ],
	[ $with_library, q{session_preload_libraries = 'auto_explain'},
		q{ALTER ROLE app SET session_preload_libraries = 'auto_explain'}, 'refused' ],
	[ $with_library, '', q{ALTER ROLE app SET session_preload_libraries = 'auto_explain', 'schema_guard'}, 'passes' ],
	[ $with_library, '', 'ALTER DATABASE postgres RESET ALL', 'passes' ],
	[ $with_library, '', 'ALTER DATABASE postgres RESET ALL', 'passes',
		stored => 'ALTER DATABASE postgres SET session_preload_libraries = schema_guard' ],
	# where something hides it from the session
	[ $with_library, '', q{LOAD 'schema_guard'; ALTER ROLE app SET session_preload_libraries = ''}, 'refused',
		settings => '-c session_preload_libraries=' ],
	[ $with_library, '', q{LOAD 'schema_guard'; ALTER ROLE app SET session_preload_libraries = ''}, 'refused', role => 'boss' ],
	# however it is written
	[ '-csession_preload_libraries=schema_guard', '', q{ALTER ROLE app SET session_preload_libraries = ''}, 'refused' ],
	[ '--session-preload-libraries=schema_guard', '', q{ALTER ROLE app SET session_preload_libraries = ''}, 'refused' ],
	[ '-e -N 90 -c "Session_Preload_Libraries=auto_explain, schema_guard" -c work_mem=8MB', '',
		q{ALTER ROLE app SET session_preload_libraries = ''}, 'refused' ],
	[ "-c session_preload_libraries=auto_explain $with_library", '', q{ALTER ROLE app SET session_preload_libraries = ''},
		'refused' ],
	[ "$with_library -c session_preload_libraries=auto_explain", '', q{LOAD 'schema_guard'; ALTER ROLE app SET session_preload_libraries = ''},
		'passes' ],
	[ '-c application_name=session_preload_libraries=schema_guard -c work_mem=8MB', '',
		q{LOAD 'schema_guard'; ALTER ROLE app SET session_preload_libraries = ''}, 'passes' ],
	# the mode, and whether one is enough
	[ "$with_library $strict -c schema_guard.four_eyes=on", $laxer, 'ALTER DATABASE postgres SET schema_guard.mode = off', 'refused' ],
	[ "$with_library $strict -c schema_guard.four_eyes=on", $laxer, 'ALTER ROLE app SET schema_guard.four_eyes = off', 'refused' ],
	[ "$with_library $strict", $laxer, 'ALTER DATABASE postgres RESET schema_guard.mode', 'passes',
		stored => 'ALTER DATABASE postgres SET schema_guard.mode = enforce' ],
	[ "$with_library -c schema_guard.mode=warn", '', 'ALTER DATABASE postgres SET schema_guard.mode = warn', 'passes' ],
	[ "$with_library -c schema_guard.mode=warn", '', 'ALTER DATABASE postgres SET schema_guard.mode = observe', 'refused' ],
	[ "$with_library -c schema_guard.mode=warn", '', 'ALTER DATABASE postgres RESET ALL', 'refused',
		stored => 'ALTER DATABASE postgres SET schema_guard.mode = enforce' ],
	# ALTER SYSTEM stores it below, where it waits for a server that is started without them.
	[ "$with_library $strict", '', 'ALTER SYSTEM SET schema_guard.mode = off', 'refused' ],
	[ "$with_library $strict", '', 'ALTER SYSTEM SET schema_guard.four_eyes = off', 'refused' ],
	[ $with_library, '', q{ALTER SYSTEM SET session_preload_libraries = 'auto_explain'}, 'passes' ],
	# from where the extension is not installed
	[ "-c shared_preload_libraries=schema_guard $strict", $laxer, 'ALTER DATABASE postgres SET schema_guard.mode = warn', 'refused',
		database => 'bare' ],
	[ "-c shared_preload_libraries=schema_guard $with_library", '', q{ALTER ROLE app SET session_preload_libraries = ''}, 'refused',
		database => 'bare' ],
	[ '-c shared_preload_libraries=schema_guard', $laxer, 'ALTER DATABASE postgres SET schema_guard.mode = off', 'passes',
		database => 'bare', settings => '-c schema_guard.mode=enforce' ],
	[ '-c shared_preload_libraries=schema_guard -c schema_guard.mode=warn', '', 'ALTER DATABASE postgres SET schema_guard.mode = warn',
		'passes', database => 'bare' ],
  )
{
	my ($options, $lines, $statement, $expected, %option) = @$each;
	my $name = "$options" . ($lines && ", '" . ($lines =~ s/\n/; /gr) . "' in the file")
	  . (join '', map { ", $_: $option{$_}" } sort keys %option) . ": $statement";
	$node->append_conf('postgresql.conf', "$lines\n");
	$node->safe_psql('postgres', "SET schema_guard.mode = off;\n$option{stored}") if $option{stored};
	start_with($options);
	my ($before, $requests) = (stored(), requests());
	my $result = run_sql($node, $statement =~ s/; (?=ALTER)/;\n/r, role => $option{role} // 'superuser', keep_going => 1,
		settings => $option{settings}, connection => $option{database} && "dbname=$option{database}");
	is("@{ $result->{states} }" || 'passes', $expected eq 'refused' ? 'SG007' : 'passes', "$name: $expected") or diag($result->{err});
	is(stored(), $before, "$name: nothing is stored") if $expected eq 'refused';
	is(requests(), $requests, "$name: nobody is asked") if $expected eq 'passes';
	$node->safe_psql('postgres', "SET schema_guard.mode = off;\nALTER SYSTEM RESET ALL;\nALTER DATABASE postgres RESET ALL;
		ALTER ROLE ALL RESET ALL; ALTER ROLE app RESET ALL; ALTER ROLE app IN DATABASE postgres RESET ALL");
	$node->append_conf('postgresql.conf', "schema_guard.mode = enforce\nschema_guard.four_eyes = on\nsession_preload_libraries = ''");
}

# status() and harden() know it as well, whatever role asks.
my $preloaded = q{SELECT state FROM schema_guard.status() WHERE condition = 'in new sessions'};
start_with($with_library);
for my $role (qw(superuser boss))
{
	is(run_sql($node, $preloaded, role => $role)->{out}, 'ok', "status() knows of the command line, asked by $role");
	is(run_sql($node, 'BEGIN; SELECT schema_guard.harden(); ROLLBACK', role => $role)->{out}, 'schema_guard',
		"and harden() has nothing to add, asked by $role");
}
start_with('-c session_preload_libraries=auto_explain');
for my $role (qw(superuser boss))
{
	is(run_sql($node, $preloaded, role => $role)->{out}, 'warning', "another library there: status() says so, asked by $role");
	is(run_sql($node, 'BEGIN; SELECT schema_guard.harden(); ROLLBACK', role => $role)->{out}, 'auto_explain, schema_guard',
		"and harden() keeps it, asked by $role");
}

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
