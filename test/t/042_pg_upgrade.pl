# pg_upgrade takes a guarded database along: tables, rows and triggers of the guard's, requests and approvals, which
# are by OID, with the library preloaded and without. From the major version to itself, which is what one machine has.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Shop;
use Test::More;

# What must be the same on both sides. Rows are compared as text, and objects with all that ties them to the extension.
my @kept = (
	[ 'audit', 'SELECT id, verdict, rule, statement, effects, request_id, approval_id FROM schema_guard.audit ORDER BY id' ],
	[ 'request', 'SELECT id, status, requester, effects FROM schema_guard.request ORDER BY id' ],
	[ 'approval', 'SELECT id, request_id, granted_to::regrole, valid_until FROM schema_guard.approval ORDER BY id' ],
	[ 'approver', 'SELECT role::regrole, revoked_at FROM schema_guard.approver' ],
	[ 'policy', 'SELECT rule, action, object_pattern FROM schema_guard.policy' ],
	[   'event triggers',
		q{SELECT evtname, evtenabled, evtfoid::regproc FROM pg_event_trigger ORDER BY 1} ],
	[   'row triggers',
		q{SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname = 'protect_rows' ORDER BY tgrelid::regclass::text} ],
	[   'members',
		q{SELECT (pg_identify_object(classid, objid, objsubid)).* FROM pg_depend
			WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'schema_guard') ORDER BY 1, 4} ],
	[   'privileges',
		q{SELECT relname, relacl FROM pg_class WHERE relnamespace = 'schema_guard'::regnamespace AND relacl IS NOT NULL ORDER BY 1} ],
	[ 'settings', q{SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = 'shop')} ]);

sub upgraded
{
	my ($name, $configuration) = @_;
	my $old = guarded_cluster("${name}_old", $configuration);
	my $new = bare_cluster("${name}_new", $configuration);
	guard_database($old, database($old, 'shop'));
	database($old, 'unguarded');
	fill_shop($old, $_) for 'shop', 'unguarded';
	ask($old, 'shop', q{SELECT schema_guard.set_policy('drop_table', 'record', 'public.event%', reason => 'retention')});
	ask($old, 'postgres', q{ALTER DATABASE shop SET session_preload_libraries = 'schema_guard'});
	my $pending = request_named(refusal($old, 'shop', 'DROP TABLE purchase CASCADE', qr/purchase/, "$name: a refusal"));
	my $decided = request_named(refusal($old, 'shop', 'ALTER TABLE customer DROP COLUMN name', qr/name/, "$name: another"));
	my $token = approve_in($old, 'shop', $decided);
	# The journal does not go along.
	ask($old, $_, 'SELECT schema_guard.absorb_journal()') for 'shop', 'postgres';
	my %before = map { $_->[0] => ask($old, 'shop', $_->[1]) } @kept;
	my $contents = contents_of_shop($old, 'shop');
	$old->stop;

	chomp(my $bin = run_tool($old, [ 'pg_config', '--bindir' ])->{out});
	my @command = ('pg_upgrade', '-b', $bin, '-B', $bin, '-d', $old->data_dir, '-D', $new->data_dir,
		'-s', $new->host, '-p', $old->port, '-P', $new->port);
	for my $check ([ '--check' ], [])
	{
		my $result = run_tool($old, [ @command, @$check ]);
		silent($result, "$name: pg_upgrade @$check") or diag($result->{out});
	}
	ok(!-e $new->data_dir . '/pg_schema_guard', "$name: the journal's directory is not taken along");

	$new->start;
	is(ask($new, 'shop', $_->[1]), $before{ $_->[0] }, "$name: $_->[0]") for @kept;
	is(contents_of_shop($new, $_), $contents, "$name: the database $_") for 'shop', 'unguarded';
	refused($new, 'DELETE FROM schema_guard.audit', 'SG007', qr/audit/, "$name: the audit is protected",
		connection => 'dbname=shop', role => 'superuser');
	silent(run_sql($new, 'ALTER TABLE customer DROP COLUMN name', connection => 'dbname=shop', settings => with_token($token)),
		"$name: what was approved before is approved");
	my $repeat = refusal($new, 'shop', 'DROP TABLE purchase CASCADE', qr/purchase/, "$name: what was refused is refused");
	is(request_named($repeat), $pending, "$name: the repeat joins the request from before");
	silent(run_sql($new, 'DROP TABLE event_rest', connection => 'dbname=shop'), "$name: policy holds");
	guard_works($new, $_, "$name, $_") for 'shop', 'postgres';
	silent(run_tool($new, [ 'vacuumdb', '--all', '--analyze-only' ]), "$name: vacuumdb, as pg_upgrade asks for");
	$new->stop;
}

upgraded('plain', '');
upgraded('preloaded', "shared_preload_libraries = 'schema_guard'\n");
done_testing();
