# Who may do what: nothing for PUBLIC, four eyes however the session has changed its name, and no way to talk the guard
# into something with objects of one's own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('roles');
value($node, q{
	CREATE ROLE guest LOGIN;
	CREATE ROLE approvers;
	CREATE ROLE member LOGIN IN ROLE approvers;
	CREATE ROLE standby LOGIN NOINHERIT IN ROLE approvers;
	CREATE ROLE boss LOGIN SUPERUSER;
	SELECT schema_guard.grant_approver('approvers');});
accepted($node, 'CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1)', 'a table');
my $request = request_named(refused($node, 'DROP TABLE kept', 'SG001', qr/kept/, 'a request of app\'s'));

# PUBLIC.
my @calls = (
	[ approve => "schema_guard.approve($request, 'why not')" ],
	[ reject => "schema_guard.reject($request, 'why not')" ],
	[ revoke => q{schema_guard.revoke(1, 'why not')} ],
	[ grant_approver => q{schema_guard.grant_approver('guest')} ],
	[ revoke_approver => q{schema_guard.revoke_approver('dba')} ],
	[ set_policy => q{schema_guard.set_policy('drop_table', 'allow', reason => 'why not')} ],
	[ absorb_journal => 'schema_guard.absorb_journal()' ]);
for my $call (@calls)
{
	my ($function, $expression) = @$call;
	for my $role (qw(guest app))
	{
		refused($node, "SELECT $expression", '42501', qr/permission denied for function $function/, "$role may not call $function", role => $role);
	}
}
for my $expression ($calls[3][1], $calls[4][1], $calls[5][1], $calls[6][1])
{
	refused($node, "SELECT $expression", '42501', qr/permission denied for function/, "an approver may not call $expression", role => 'dba');
}
# The privilege alone, given away by mistake, is not enough.
value($node, 'SET schema_guard.mode = off; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA schema_guard TO guest');
for my $call (@calls)
{
	refused($node, "SELECT $call->[1]", '42501', qr/permission denied for function $call->[0]|must be/, "EXECUTE alone is not enough for $call->[0]", role => 'guest');
}
value($node, 'REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA schema_guard FROM guest');
for my $table (qw(audit request approval approval_effect approver standing_policy journal_position pending blocked))
{
	refused($node, "SELECT * FROM schema_guard.$table", '42501', qr/permission denied/, "guest may not read $table", role => 'guest');
}
is(value($node, "SELECT status FROM schema_guard.request WHERE id = $request"), 'pending', 'nothing was decided');

# Superusers are not approvers unless named.
refused($node, "SELECT schema_guard.approve($request, 'I may')", '42501', qr/not an approver/, 'a superuser who is no approver', role => 'boss');

# Four eyes. The request is app's; app becomes an approver, and changes its names.
value($node, q{SELECT schema_guard.grant_approver('app')});
refused($node, "SELECT schema_guard.approve($request, 'mine')", '42501', qr/is your own/, 'not one\'s own request');
value($node, 'GRANT dba TO app');
refused($node, "SET ROLE dba; SELECT schema_guard.approve($request, 'mine')", '42501', qr/is your own/, 'nor by SET ROLE');
# Whether the library, which defines the settings, is there already or comes later.
for my $first ('', "COMMENT ON TABLE kept IS 'kept'; ")
{
	my $result = run_sql($node, "${first}SET schema_guard.four_eyes = off; SELECT schema_guard.approve($request, 'mine')", keep_going => 1);
	is($result->{states}[-1], '42501', "${first}four_eyes is not for everyone to switch off");
	$result = run_sql($node, "${first}SET schema_guard.mode = off; DROP TABLE kept", keep_going => 1);
	is($result->{states}[-1], 'SG001', "${first}nor is the mode");
}
for my $setting (qw(four_eyes=off mode=off))
{
	my $result = run_sql($node, "SELECT schema_guard.approve($request, 'mine'); DROP TABLE kept", settings => "-c schema_guard.$setting", keep_going => 1);
	is("@{ $result->{states} }", '42501 SG001', "$setting with the connection request changes nothing");
}
value($node, q{SELECT schema_guard.grant_approver('boss')});
accepted($node, 'CREATE TABLE of_boss (id integer)', 'a table of a superuser\'s', role => 'boss');
my $own = request_named(refused($node, 'DROP TABLE of_boss', 'SG001', qr/of_boss/, 'a request of a superuser\'s', role => 'boss'));
refused($node, "SET SESSION AUTHORIZATION dba; SELECT schema_guard.approve($own, 'mine')", '42501', qr/is your own/, 'nor by SET SESSION AUTHORIZATION', role => 'boss');
my $other = request_named(refused($node, 'SET SESSION AUTHORIZATION app; DROP TABLE kept', 'SG001', qr/kept/, 'asked under another name', role => 'boss'));
accepted($node, 'CREATE TABLE too (id integer)', 'another table');
my $disguised = request_named(refused($node, 'SET SESSION AUTHORIZATION app; DROP TABLE too', 'SG001', qr/too/, 'asked for first under another name', role => 'boss'));
refused($node, "SELECT schema_guard.approve($disguised, 'mine')", '42501', qr/is your own/, 'nor what was asked for by SET SESSION AUTHORIZATION', role => 'boss');
is($other, $request, 'the same denial of the same role joins its request');
is(value($node, 'SELECT count(*) FROM schema_guard.approval'), 0, 'nothing was approved');

# By membership, inherited or not.
accepted($node, "SELECT schema_guard.reject($disguised, 'no')", 'a member of an approving group may reject', role => 'member');
refused($node, "SELECT schema_guard.approve($request, 'no')", '42501', qr/permission denied/, 'one that does not inherit has to take the role first', role => 'standby');
my $token = run_sql($node, "SET ROLE approvers; SELECT schema_guard.approve($request, 'fine')", role => 'standby');
like($token->{out}, qr/^sg_[0-9a-f]{64}$/, 'and then may approve') or diag($token->{err});
is(value($node, 'SELECT approved_by FROM schema_guard.approval'), 'standby', 'on record is who it was, not the group');
refused($node, "SELECT schema_guard.approve($request, 'again')", '55000', qr/not pending: it has been approved by standby/, 'an ended request', role => 'dba');
refused($node, 'SELECT schema_guard.approve(4711, $$what$$)', '42704', qr/request 4711 does not exist/, 'a request that does not exist', role => 'dba');
value($node, q{SELECT schema_guard.revoke_approver('approvers')});
refused($node, 'SELECT schema_guard.revoke(1, $$no$$)', '42501', qr/permission denied|not an approver/, 'revoke_approver ends it, for the members too', role => 'member');
accepted($node, "SELECT count(*) FROM kept; DROP TABLE kept", 'what was approved stands', settings => "-c schema_guard.approval_token=$token->{out}");

# Objects of one's own. The role owns a schema, puts it first, and has there what the guard might take for the real thing.
value($node, 'CREATE SCHEMA trap AUTHORIZATION app');
my $traps = q{
	CREATE TABLE trap.sprung (what text);
	CREATE FUNCTION trap.note(what text) RETURNS void LANGUAGE sql AS 'INSERT INTO trap.sprung VALUES (what)';
	CREATE FUNCTION trap.same(a text, b text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('text ='); RETURN true; END $$;
	CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.same);
	CREATE FUNCTION trap.same(a bigint, b bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('bigint ='); RETURN true; END $$;
	CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.same);
	CREATE FUNCTION trap.same(a bytea, b bytea) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('bytea ='); RETURN true; END $$;
	CREATE OPERATOR trap.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = trap.same);
	CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('clock'); RETURN 'infinity'; END $$;
	CREATE FUNCTION trap.decode(a text, b text) RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('decode'); RETURN ''; END $$;
	CREATE FUNCTION trap.sha256(a bytea) RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('sha256'); RETURN ''; END $$;
	CREATE FUNCTION trap.current_setting(a text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.note('setting'); RETURN ''; END $$;};
accepted($node, $traps, 'traps are laid');
accepted($node, 'CREATE TABLE prey (id integer); INSERT INTO prey VALUES (1)', 'a table');
# The session's temporary schema shadows pg_catalog for relations and types, where a path lets it.
my $shadows = q{
	CREATE TEMP TABLE approval (id bigint, request_id bigint, token_hash bytea, granted_to oid, revoked_at timestamptz, valid_until timestamptz);
	CREATE TEMP TABLE approval_effect (approval_id bigint, ordinal integer, rule text, class_id oid, object_id oid, sub_id integer, consumed_at timestamptz, consumed_by xid8);
	CREATE TEMP TABLE standing_policy (id bigint, rule text, action text, object_pattern text, role oid, valid_until timestamptz, ended_at timestamptz);
	CREATE TEMP TABLE approver (role oid, revoked_at timestamptz);
	CREATE TEMP TABLE request (id bigint, status text, request_key text);
	CREATE TEMP TABLE audit (id bigint);
	CREATE TEMP TABLE pg_class (oid oid, relname name, relkind "char");
	CREATE TEMP TABLE pg_depend (classid oid);
	INSERT INTO standing_policy VALUES (1, 'drop_table', 'allow', '%', NULL, NULL, NULL);};
for my $path ('trap, pg_catalog, public', 'pg_temp, trap, pg_catalog, public', 'trap, schema_guard, pg_catalog, public', "''")
{
	my $before = value($node, 'SELECT count(*) FROM schema_guard.blocked');
	refused($node, "$shadows SET search_path = $path; SET schema_guard.approval_token = 'sg_something'; DROP TABLE public.prey",
		'SG002', qr/public\.prey.*approval token is unknown/, "search_path $path: refused as always");
	settled($node, 'SELECT count(*) FROM schema_guard.blocked', $before + 1, 'and on record');
}
refused($node, "SET search_path = trap, pg_catalog, public; SELECT schema_guard.approve((SELECT max(id) FROM schema_guard.request), 'mine')",
	'42501', qr/is your own/, 'approve() is not taken in either');
is(value($node, 'SELECT count(*) FROM trap.sprung'), 0, 'no trap was sprung');
is(value($node, 'SELECT count(*) FROM prey'), 1, 'the table is there');

# What the statement's own names mean is the session's business: a table that shadows another is the one that goes.
accepted($node, 'CREATE TABLE trap.prey (id integer)', 'a table of the same name in another schema');
refused($node, 'SET search_path = trap, public; DROP TABLE prey', 'SG001', qr/trap\.prey/, 'the one that the path finds first is named');
accepted($node, 'CREATE TEMP TABLE prey (id integer); DROP TABLE prey', 'a temporary one needs no approval');

# Who may not drop gets PostgreSQL's own error, leaves no request and learns nothing.
my $requests = value($node, 'SELECT count(*) FROM schema_guard.request');
value($node, q{CREATE SCHEMA hidden; CREATE TABLE hidden.thing (id integer); INSERT INTO hidden.thing SELECT generate_series(1, 1000)});
refused($node, 'DROP TABLE public.prey', '42501', qr/must be owner of table prey/, 'not the owner', role => 'guest');
refused($node, 'ALTER TABLE public.prey DROP COLUMN id', '42501', qr/must be owner of table prey/, 'not the owner, of a column', role => 'guest');
refused($node, 'DROP SCHEMA trap CASCADE', '42501', qr/must be owner of schema trap/, 'not the owner, of a schema', role => 'guest');
my $hidden = refused($node, 'DROP TABLE hidden.thing', '42501', qr/permission denied for schema hidden/, 'not even allowed to look', role => 'guest');
unlike($hidden->{err}, qr/rows|bytes|Request/, 'and told nothing of it');
refused($node, 'DROP TABLE public.nothing_of_the_kind', '42P01', qr/does not exist/, 'not there');
refused($node, 'DROP EXTENSION schema_guard', '42501', qr/must be owner of extension/, 'not the guard\'s owner');
value($node, 'SELECT schema_guard.absorb_journal()');
is(value($node, 'SELECT count(*) FROM schema_guard.request WHERE requested_by = $$guest$$::regrole'), 0, 'no request of guest\'s');
is(value($node, 'SELECT count(*) FROM schema_guard.blocked WHERE session_role = $$guest$$'), 0, 'and nothing on record as blocked');
is(value($node, 'SELECT count(*) FROM schema_guard.request'), $requests, 'no new request at all');

# The guard's own functions, called in other ways than they are meant for.
for my $function (qw(on_ddl_command_start on_ddl_command_end protect_rows))
{
	my $result = run_sql($node, "SELECT schema_guard.$function()", role => 'superuser');
	like("@{ $result->{states} }", qr/^(?:0A000|39P0\d)$/, "$function() can't be called by itself");
	refused($node, "SELECT schema_guard.$function()", '42501', qr/permission denied/, "nor by anyone else");
}
refused($node, 'CREATE TRIGGER mine BEFORE INSERT ON prey FOR EACH STATEMENT EXECUTE FUNCTION schema_guard.protect_rows()',
	'42501', qr/permission denied for function .*protect_rows/, 'nobody puts protect_rows on a table of their own');
is(value($node, q{SELECT count(*) FROM schema_guard.audit WHERE sensor = 'row_protection'}), 0, 'nor writes audit rows with it');
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');

$node->stop;
done_testing();
