# status(): every row in every state that it can have. Each case changes one thing; the rows that it names change with
# it, and no other. Where the remedy is SQL, it is run, and everything is as before.
use strict;
use warnings;
use Cwd ();
use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('status');
my $folder = Cwd::abs_path($node->basedir) . '/libraries';
mkdir $folder or die;
# Some library of that name: what it does is not asked.
my $library = $node->config_data('--pkglibdir') . '/schema_guard';
copy($node->config_data('--pkglibdir') . '/auto_explain.so', "$folder/$_.so") or die for qw(supautils schema_guard);
$node->append_conf('postgresql.conf', "dynamic_library_path = '\$libdir:$folder'");
$node->restart;
$node->safe_psql('postgres', q{
	SELECT schema_guard.harden();
	CREATE ROLE "Odd role" LOGIN;
	CREATE TABLE precious AS SELECT 1 AS i;});

# layer/condition => [state, detail, remedy]
sub status
{
	my ($settings) = @_;
	my $result = run_sql($node, q{\pset fieldsep '~'
		SELECT layer || '/' || condition, state, detail, remedy FROM schema_guard.status()}, role => 'superuser',
			settings => $settings // '');
	die $result->{err} if $result->{status} != 0;
	return { map { my ($key, @rest) = split /~/, $_, -1; ($key => \@rest) } split /\n/, $result->{out} };
}

sub off { my ($sql) = @_; return $node->safe_psql('postgres', "SET schema_guard.mode = off;\n$sql"); }

sub journal { my ($work) = @_; return sub { $work->(journal_file($node)) }; }

my %base = %{ status() };
is(join("\n", map { "$_ $base{$_}[0]" } sort keys %base), join("\n",
	'approval/approvers ok', 'approval/four eyes ok', 'audit/protection ok', 'audit/table ok',
		'event triggers/ddl_command_end ok',
	'event triggers/ddl_command_start ok', 'event triggers/other extensions ok', 'event triggers/switched on ok', 'extension/tables ok',
	'hooks/drop database warning', 'hooks/for all roles ok', 'hooks/in new sessions ok', 'hooks/sensors ok',
	'journal/backlog ok', 'journal/file ok', 'journal/worker ok', 'replication/publications ok', 'rules/mode ok',
		'rules/policy ok', 'rules/stored mode ok'),
	'a hardened database: everything is covered, but for what other databases can do to it');
is_deeply([ grep { $base{$_}[0] eq 'ok' xor $base{$_}[2] eq '' } sort keys %base ], [], 'what is not ok has a remedy');

my $start = 'schema_guard_ddl_command_start';
my $end = 'schema_guard_ddl_command_end';
my $anew = "ALTER EVENT TRIGGER $start ENABLE ALWAYS; ALTER EXTENSION schema_guard ADD EVENT TRIGGER $start";

# Name, what is done (SQL with the guard off, or code), what undoes it ('remedy': what status() says, and SQL in addition), and the rows
# that change: state, detail and remedy. `settings` are those of the session that looks.
my @cases = (
	[ 'an event trigger is disabled', "ALTER EVENT TRIGGER $start DISABLE", 'remedy',
		{ 'event triggers/ddl_command_start' => [ 'error', qr/^event trigger $start is not ENABLE ALWAYS$/,
			qr/^ALTER EVENT TRIGGER $start ENABLE ALWAYS;$/ ] } ],
	[ 'an event trigger does not fire for replicas', "ALTER EVENT TRIGGER $end ENABLE", 'remedy',
		{ 'event triggers/ddl_command_end' => [ 'error', qr/not ENABLE ALWAYS/, qr/ENABLE ALWAYS/ ] } ],
	[ 'an event trigger fires for replicas only', "ALTER EVENT TRIGGER $end ENABLE REPLICA", 'remedy',
		{ 'event triggers/ddl_command_end' => [ 'error', qr/not ENABLE ALWAYS/, qr/ENABLE ALWAYS/ ] } ],
	[ 'an event trigger has gone', "ALTER EXTENSION schema_guard DROP EVENT TRIGGER $start; DROP EVENT TRIGGER $start", 'remedy', 
		{ 'event triggers/ddl_command_start' => [ 'error', qr/^there is none$/,
			qr/^CREATE EVENT TRIGGER $start ON ddl_command_start EXECUTE FUNCTION schema_guard\.on_ddl_command_start\(\);/ ] } ],
	[ 'an event trigger is for some statements only', "ALTER EXTENSION schema_guard DROP EVENT TRIGGER $start; DROP EVENT TRIGGER $start;
		CREATE EVENT TRIGGER $start ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION schema_guard.on_ddl_command_start();
		ALTER EVENT TRIGGER $start ENABLE ALWAYS",
		"DROP EVENT TRIGGER $start; CREATE EVENT TRIGGER $start ON ddl_command_start EXECUTE FUNCTION schema_guard.on_ddl_command_start(); $anew",
		{ 'event triggers/ddl_command_start' => [ 'error', qr/for some command tags only/, qr/WHEN/ ] } ],
	[ 'an event trigger has another name', "ALTER EVENT TRIGGER $start RENAME TO \"Another name\"",
		"ALTER EVENT TRIGGER \"Another name\" RENAME TO $start",
		{ 'event triggers/ddl_command_start' => [ 'ok', qr/Another name/, qr/^$/ ] } ],
	[ 'supautils is preloaded', q{ALTER DATABASE postgres SET session_preload_libraries = 'supautils', 'schema_guard'},
		'ALTER DATABASE postgres SET session_preload_libraries = schema_guard',
		{ 'event triggers/other extensions' => [ 'warning', qr/^session_preload_libraries has supautils/, qr/harden\(\)/ ] } ],
	[ 'nothing is preloaded', 'ALTER DATABASE postgres RESET session_preload_libraries', 'remedy',
		{ 'hooks/in new sessions' => [ 'warning', qr/^not preloaded: .*TRUNCATE, DROP DATABASE.*system catalogs$/,
			qr/^SELECT schema_guard\.harden\(\);$/ ] } ],
	[ 'something else is preloaded', q{ALTER DATABASE postgres SET session_preload_libraries = 'auto_explain'},
		"ALTER DATABASE postgres SET session_preload_libraries = schema_guard",
		{ 'hooks/in new sessions' => [ 'warning', qr/^not preloaded: /, qr/harden/ ] } ],
	[ 'another library of its name is preloaded', qq{ALTER DATABASE postgres SET session_preload_libraries = '$folder/schema_guard'},
		"ALTER DATABASE postgres SET session_preload_libraries = schema_guard",
		{ 'hooks/in new sessions' => [ 'warning', qr/^not preloaded: /, qr/harden/ ] } ],
	[ 'it is preloaded by its file', qq{ALTER DATABASE postgres SET session_preload_libraries = '$library'},
		"ALTER DATABASE postgres SET session_preload_libraries = schema_guard", {} ],
	[ 'it is preloaded for all roles',
		'ALTER DATABASE postgres RESET session_preload_libraries; ALTER ROLE ALL SET session_preload_libraries = schema_guard',
		'ALTER ROLE ALL RESET session_preload_libraries; SELECT schema_guard.harden()', {} ],
	[ 'a role has another list', q{ALTER ROLE app SET session_preload_libraries = 'auto_explain'; ALTER ROLE "Odd role" IN DATABASE postgres SET session_preload_libraries = 'auto_explain'},
		'remedy',
		{ 'hooks/for all roles' => [ 'warning',
			qr/^session_preload_libraries of their own, without schema_guard: app, "Odd role"$|"Odd role", app$/, qr/harden/ ] },
		then => 'ALTER ROLE app RESET ALL; ALTER ROLE app IN DATABASE postgres RESET ALL; ALTER ROLE "Odd role" IN DATABASE postgres RESET ALL' ],
	[ 'a role has another list elsewhere', 'ALTER ROLE app IN DATABASE template1 SET session_preload_libraries = auto_explain',
		'ALTER ROLE app IN DATABASE template1 RESET ALL', {} ],
	[ 'sensors are switched off', '', '', { 'hooks/sensors' => [ 'error', qr/debug_sensors/,
		qr/^RESET schema_guard\.debug_sensors;$/ ] }, settings => '-c schema_guard.debug_sensors=utility' ],
	[ 'the database is not on the list', '', '', { 'hooks/drop database' => [ 'warning',
		qr/^schema_guard\.protect_databases is "shop"$/, qr/Add this database/ ] },
		settings => '-c schema_guard.protect_databases=shop' ],
	[ 'a protecting trigger is disabled',
		'ALTER TABLE schema_guard.approval DISABLE TRIGGER protect_rows; ALTER TABLE schema_guard.audit ENABLE TRIGGER skip_replicated_rows',
		'ALTER TABLE schema_guard.approval ENABLE ALWAYS TRIGGER protect_rows; ALTER TABLE schema_guard.audit ENABLE ALWAYS TRIGGER skip_replicated_rows',
		{ 'audit/protection' => [ 'error', qr/missing or disabled: approval, audit$/,
			qr/ENABLE ALWAYS TRIGGER protect_rows/ ] } ],
	[ 'a protecting trigger has gone', 'DROP TRIGGER protect_rows ON schema_guard.request',
		'CREATE TRIGGER protect_rows BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON schema_guard.request FOR EACH STATEMENT EXECUTE FUNCTION schema_guard.protect_rows();
		 ALTER TABLE schema_guard.request ENABLE ALWAYS TRIGGER protect_rows',
		{ 'audit/protection' => [ 'error', qr/missing or disabled: request$/, qr/ENABLE ALWAYS/ ] } ],
	[ 'a column of the audit has another type', 'ALTER TABLE schema_guard.audit ALTER duration TYPE text',
		'ALTER TABLE schema_guard.audit ALTER duration TYPE interval USING duration::interval',
		{ 'audit/table' => [ 'error', qr/columns have been changed/, qr/absorb_journal/ ] } ],
	[ 'a column of the audit has another name', 'ALTER TABLE schema_guard.audit RENAME duration TO lasted',
		'ALTER TABLE schema_guard.audit RENAME lasted TO duration',
		{ 'audit/table' => [ 'error', qr/columns have been changed/, qr/absorb_journal/ ] } ],
	[ 'everything is published', 'SET client_min_messages = error; CREATE PUBLICATION "All of it" FOR ALL TABLES; CREATE PUBLICATION narrow FOR TABLE precious',
		'DROP PUBLICATION "All of it", narrow',
		{ 'replication/publications' => [ 'warning', qr/^for all tables, .*: "All of it"$/, qr/subscribers/ ] } ],
	[ 'the session has a laxer mode', '', '', { 'rules/mode' => [ 'warning', qr/^observe, in this session$/,
		qr/^RESET schema_guard\.mode;$/ ] }, settings => '-c schema_guard.mode=observe' ],
	[ 'the mode is off', '', '', { 'rules/mode' => [ 'warning', qr/^off, in this session$/, qr/RESET/ ] },
		settings => '-c schema_guard.mode=off' ],
	[ 'a mode is stored in capitals', 'ALTER DATABASE postgres SET schema_guard.mode = "ENFORCE"',
		'ALTER DATABASE postgres RESET schema_guard.mode', {} ],
	[ 'a laxer mode is stored for the database', 'ALTER DATABASE postgres SET schema_guard.mode = warn',
		'ALTER DATABASE postgres RESET schema_guard.mode',
		{ 'rules/mode' => [ 'warning', qr/^warn/, qr/RESET/ ], 'rules/stored mode' => [ 'warning',
			qr/^schema_guard\.mode=warn of database postgres$/, qr/RESET schema_guard\.mode/ ] } ],
	[ 'a laxer mode is stored for roles',
		'ALTER ROLE "Odd role" SET schema_guard.mode = off; ALTER ROLE app IN DATABASE postgres SET schema_guard.mode = observe; ALTER ROLE dba SET schema_guard.mode = enforce',
		'ALTER ROLE "Odd role" RESET ALL; ALTER ROLE app IN DATABASE postgres RESET ALL; ALTER ROLE dba RESET ALL',
		{ 'rules/stored mode' => [ 'warning',
			qr/(?=.*schema_guard\.mode=off of role "Odd role")(?=.*schema_guard\.mode=observe of database postgres of role app)(?!.*enforce)/,
			qr/RESET/ ] } ],
	[ 'a laxer mode is stored for another database', 'ALTER DATABASE template1 SET schema_guard.mode = off',
		'ALTER DATABASE template1 RESET schema_guard.mode', {} ],
	[ 'a policy for everything', q{SELECT schema_guard.set_policy('drop_table', 'record', '%', reason => 'x'), schema_guard.set_policy('truncate_table', 'allow', '%.%', role => 'app', reason => 'x'),
			schema_guard.set_policy('drop_sequence', 'allow', '%', reason => 'x'),
				schema_guard.set_policy('drop_column', 'block', '%', reason => 'x')},
		q{SELECT schema_guard.set_policy('drop_table', 'default', '%', reason => 'x'), schema_guard.set_policy('truncate_table', 'default', '%.%', role => 'app', reason => 'x'),
			schema_guard.set_policy('drop_sequence', 'default', '%', reason => 'x'),
				schema_guard.set_policy('drop_column', 'default', '%', reason => 'x')},
		{ 'rules/policy' => [ 'warning', qr/^switched off: drop_table for everything, truncate_table for everything$/,
			qr/set_policy/ ] } ],
	[ 'a policy for a schema', q{SELECT schema_guard.set_policy('drop_table', 'record', 'public.%', reason => 'x')},
		q{SELECT schema_guard.set_policy('drop_table', 'default', 'public.%', reason => 'x')}, {} ],
	[ 'nobody can approve', q{SELECT schema_guard.revoke_approver('dba')}, q{SELECT schema_guard.grant_approver('dba')},
		{ 'approval/approvers' => [ 'warning', qr/nobody can approve/, qr/grant_approver/ ] } ],
	[ 'another approver', q{SELECT schema_guard.grant_approver('"Odd role"')},
		q{SELECT schema_guard.revoke_approver('"Odd role"')},
		{ 'approval/approvers' => [ 'ok', qr/Odd role, dba|dba, Odd role/, qr/^$/ ] } ],
	[ 'one can approve alone', '', '', { 'approval/four eyes' => [ 'warning', qr/their own/,
		qr/^RESET schema_guard\.four_eyes;$/ ] }, settings => '-c schema_guard.four_eyes=off' ],
	[ 'the journal cannot be opened', journal(sub { chmod 0, $_[0] or die }), journal(sub { chmod 0600, $_[0] or die }),
		{ 'journal/file' => [ 'error', qr/could not open .*Permission denied/, qr/writable/ ],
			'journal/backlog' => [ 'error', qr/./, qr// ] } ],
	[ 'the folder cannot be searched', journal(sub { chmod 0, $_[0] =~ s{/[^/]+$}{}r or die }),
		journal(sub { chmod 0700, $_[0] =~ s{/[^/]+$}{}r or die }),
		{ 'journal/file' => [ 'error', qr/Permission denied/, qr/writable/ ], 'journal/backlog' => [ 'error', qr/./, qr// ] } ],
	[ 'there is no space', journal(sub { rename $_[0], "$_[0].kept"; symlink '/dev/full', $_[0] or die }),
		journal(sub { unlink $_[0]; rename "$_[0].kept", $_[0] or die }),
		{ 'journal/file' => [ 'error', qr/No space left on device/, qr/./ ], 'journal/backlog' => [ 'error', qr/./, qr// ] } ],
	[ 'a folder stands in its place', journal(sub { rename $_[0], "$_[0].kept"; mkdir $_[0] or die }),
		journal(sub { rmdir $_[0]; rename "$_[0].kept", $_[0] or die }),
		{ 'journal/file' => [ 'error', qr/[Dd]irectory/, qr/./ ], 'journal/backlog' => [ 'error', qr/./, qr// ] } ],
);
push @cases, [ 'no event trigger runs', '', '', { 'event triggers/switched on' => [ 'error', qr/event_triggers is off/,
	qr/^RESET event_triggers;$/ ] }, settings => '-c event_triggers=off' ]
  if $node->pg_version->major >= 17;

# The journal is there, so that something can be done to it.
run_sql($node, 'DROP TABLE precious', role => 'superuser');
settled($node, 'SELECT count(*) FROM schema_guard.blocked', 1, 'a refusal, and with it a journal');

my $as_root = $> == 0;
for my $each (@cases)
{
	my ($name, $change, $undo, $rows, %option) = @$each;
	next if $as_root && $name =~ /opened|searched/; # root may do it all the same
	ref $change ? $change->() : off($change);
	my $now = eval { status($option{settings}) };
	ok(defined $now, "$name: status() tells") or diag($@);
	if (defined $now)
	{
		my @changed = grep { "@{ $now->{$_} }" ne "@{ $base{$_} }" } sort keys %base;
		is_deeply(\@changed, [ sort keys %$rows ], "$name: these rows change") or diag(map { "$_: @{ $now->{$_} }\n" } @changed);
		for my $row (sort keys %$rows)
		{
			my ($state, $detail, $remedy) = @{ $rows->{$row} };
			is($now->{$row}[0], $state, "$name: $row is $state");
			like($now->{$row}[1], $detail, "$name: with the detail that it should have");
			like($now->{$row}[2], $remedy, "$name: with the remedy that it should have");
			off("$now->{$row}[2]; " . ($option{then} // '')) if $undo eq 'remedy';
		}
	}
	ref $undo ? $undo->() : off($undo eq 'remedy' ? '' : $undo);
	my $after = status();
	is_deeply([ grep { "@{ $after->{$_} }" ne "@{ $base{$_} }" } sort keys %base ], [], "$name: undone, and all is as before");
}

# No worker slot: what is refused waits in the journal, until the remedy is run.
$node->append_conf('postgresql.conf', "max_worker_processes = 0\nmax_logical_replication_workers = 0");
$node->restart;
my $now = status();
like("@{ $now->{'journal/worker'} }", qr/^warning no slot is free.*Raise max_worker_processes/,
	'no worker slot: status() says so');
run_sql($node, 'DROP TABLE precious', role => 'superuser');
$now = status();
like("@{ $now->{'journal/backlog'} }", qr/^warning \d+ bytes wait to be absorbed SELECT schema_guard\.absorb_journal\(\);$/,
	'what waits in the journal is told');
$node->safe_psql('postgres', $now->{'journal/backlog'}[2]);
is(status()->{'journal/backlog'}[0], 'ok', 'the remedy absorbs it');
is(value($node, 'SELECT count(*) FROM schema_guard.blocked'), 2, 'and it is in the audit');
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE schema_guard.journal_position, schema_guard.audit IN ACCESS EXCLUSIVE MODE');
my $seconds = elapsed(sub { $now = status(); });
is("$now->{'journal/backlog'}[0] $now->{'audit/table'}[0]", 'warning error',
	'locked tables are told') or diag("@{ $now->{'audit/table'} }");
cmp_ok($seconds, '<', 10, 'and not waited for');
$holder->quit;

# With the library in every session of the server, nothing is left to be done.
$node->append_conf('postgresql.conf', "max_worker_processes = 8\nshared_preload_libraries = 'schema_guard'");
$node->restart;
$now = status();
is_deeply([ grep { $now->{$_}[0] ne 'ok' } sort keys %$now ], [], 'preloaded by the server: all is covered');
is($now->{'hooks/in new sessions'}[1], 'loaded by shared_preload_libraries', 'and by what');
off('ALTER ROLE app SET session_preload_libraries = auto_explain; ALTER DATABASE postgres RESET session_preload_libraries');
is_deeply([ grep { status()->{$_}[0] ne 'ok' } sort keys %$now ], [], 'whatever a database or a role has');

# Who may ask.
$node->safe_psql('postgres', 'CREATE ROLE deputy LOGIN IN ROLE dba; CREATE ROLE second LOGIN SUPERUSER');
accepted($node, 'SELECT count(*) FROM schema_guard.status()', "$_ may ask", role => $_) for qw(dba deputy second superuser);
refused($node, 'SELECT * FROM schema_guard.status()', '42501', qr/status/, "$_ may not", role => $_) for ('app', "'Odd role'");
$node->safe_psql('postgres', q{SELECT schema_guard.revoke_approver('dba')});
refused($node, 'SELECT * FROM schema_guard.status()', '42501', qr/status/, "dba may not, no longer being an approver",
	role => 'dba');

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
