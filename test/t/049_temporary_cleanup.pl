# What a session leaves in its temporary schema is removed when it ends, by the next one in the same place or by
# autovacuum. Lasting columns that depend on it, made while the guard was off, go then: nobody could approve it, and an
# error would come back for whoever is next. It is on record, and nobody is kept from having temporary tables.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('temporary_cleanup', "autovacuum = off\nautovacuum_naptime = 1s\nrestart_after_crash = on\n");
value($node, 'CREATE ROLE guest LOGIN; CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1)');

# Three tables and a type in use; @ is the round's name. And what goes of them.
my $foundations = q{
	SET schema_guard.mode = off;
	CREATE FUNCTION pg_temp.f(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
	CREATE TABLE generated_@ (a text, b text GENERATED ALWAYS AS (pg_temp.f(a)) STORED);
	CREATE DOMAIN pg_temp.words AS text;
	CREATE TYPE composite_@ AS (x integer, y pg_temp.words);
	CREATE TABLE composed_@ (c composite_@);
	INSERT INTO composed_@ VALUES ((1, 'one'));
	CREATE TYPE pg_temp.pair AS (x integer);
	CREATE TABLE typed_@ OF pg_temp.pair;
	INSERT INTO typed_@ VALUES (1);
	CREATE TEMP TABLE basket (id integer);
	CREATE TABLE basketed_@ (id integer, b basket);
	CREATE TEMP TABLE filled AS SELECT 1;
	RESET schema_guard.mode;};
my @lost = ('drop_column column public.basketed_@.b', 'drop_column column public.generated_@.b',
	'drop_column composite type column public.composite_@.y', 'drop_table table public.typed_@');

sub for_round { my ($round, @texts) = @_; return map { s/\@/$round/gr } @texts; }

sub on_record
{
	my ($round, $log, @expected) = @_;
	my $records = qq{FROM schema_guard.audit, jsonb_array_elements(effects) AS e WHERE sensor = 'object_access' AND e ->> 'identity' ~ '_$round(\\.|\$)'};
	settled($node, qq{SELECT string_agg(concat_ws(' ', rule, e ->> 'object_type', e ->> 'identity'), E'\\n' ORDER BY rule, e ->> 'object_type', e ->> 'identity') $records},
		join("\n", sort { $a cmp $b } @expected), "$round: what has gone is on record");
	is(value($node, "SELECT string_agg(DISTINCT concat_ws(' ', verdict, e ->> 'action', e ->> 'cascaded', coalesce(statement, 'no statement')), ',') $records"),
		'warned block true no statement', "$round: as what the policy was against");
	my $said = substr(server_log($node), $log);
	for my $object (@expected)
	{
		my ($identity) = $object =~ /(public\.\S+)$/;
		like($said, qr/^.*LOG:  (?:\w+: )?schema_guard: \{.*"verdict":"warned".*\Q$identity\E/m, "$round: the server log has $identity");
		like($said, qr/DETAIL:  [a-z ]+ \Q$identity\E depended on a temporary object of a session that has ended/, "$round: and why it went");
	}
	is(join("\n", grep { /(?:ERROR|FATAL|PANIC): / && !/57P0\d|08006/ } split /\n/, $said), '', "$round: nobody got an error");
	is(value($node, q{SELECT count(*) FROM schema_guard.request}), 0, "$round: nobody was asked for an approval");
	is(value($node, q{SELECT count(*) FROM kept}), 1, "$round: everything else is there");
}

# A session that has made the foundations, and the process that it is.
sub founded
{
	my ($round) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe(for_round($round, $foundations));
	return ($session, $session->query_safe('SELECT pg_backend_pid()'));
}

my $places = 50; # more than the server gives out before it gives out one again

# The ordinary end, and a session killed, whose place another takes.
for my $library ('', "shared_preload_libraries = 'schema_guard'\n")
{
	my $name = $library ? 'preloaded' : 'plain';
	$node->append_conf('postgresql.conf', $library);
	$node->restart;

	my $log = log_size($node);
	my ($session, $pid) = founded("ended_$name");
	$session->quit;
	ok(wait_until(sub { value($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") == 0 }), "$name: a session ends");
	silent(run_sql($node, 'CREATE TEMP TABLE mine (id integer)', role => $_), "$name: $_ may have a temporary table") for qw(guest app guest);
	on_record("ended_$name", $log, for_round("ended_$name", @lost));

	$log = log_size($node);
	($session, $pid) = founded("killed_$name");
	kill 'KILL', $pid;
	ok(wait_until(sub { substr(server_log($node), $log) =~ /database system is ready to accept connections/ }), "$name: a session is killed");
	eval { $session->quit };
	$node->poll_query_until('postgres', 'SELECT true');
	$log = log_size($node);
	# Each of these has a place of its own, until one has the place of the session that was killed.
	my @sessions;
	my $left = sub { return value($node, "SELECT count(*) FROM pg_class WHERE relname = 'typed_killed_$name'"); };
	while (@sessions < $places && $left->())
	{
		push @sessions, $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'guest' ]);
		$sessions[-1]->query('CREATE TEMP TABLE mine (id integer)');
		is($sessions[-1]{stderr}, '', "$name: guest may have a temporary table");
		$sessions[-1]{stderr} = '';
	}
	is($left->(), 0, "$name: in the place that it had");
	$_->quit for @sessions;
	on_record("killed_$name", $log, for_round("killed_$name", @lost));
}

# Whatever stands in the way of the record, or of the session: the journal has it then, and a rehearsal is of what the
# session itself does.
my $log = log_size($node);
my ($session, $pid) = founded('locked');
$session->query_safe('SET schema_guard.rehearse = on');
my $lock = $node->background_psql('postgres');
$lock->query_safe('BEGIN; LOCK TABLE schema_guard.audit');
$session->quit;
ok(wait_until(sub { value($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") == 0 }), 'a session ends while the audit is locked');
is(value($node, q{SELECT count(*) FROM pg_class WHERE relname = 'typed_locked'}), 0, 'and leaves nothing');
$lock->query_safe('COMMIT');
$lock->quit;
value($node, 'SELECT schema_guard.absorb_journal()');
on_record('locked', $log, for_round('locked', @lost));

# Autovacuum removes the temporary tables alone, and what depends on these.
($session, $pid) = founded('vacuumed');
$log = log_size($node);
kill 'KILL', $pid;
ok(wait_until(sub { substr(server_log($node), $log) =~ /database system is ready to accept connections/ }), 'a session is killed');
eval { $session->quit };
$node->poll_query_until('postgres', 'SELECT true');
$log = log_size($node);
$node->append_conf('postgresql.conf', "autovacuum = on\n");
$node->reload;
arrived($node, 'postgres', q{SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'}, 0, 'autovacuum removes orphans');
on_record('vacuumed', $log, for_round('vacuumed', 'drop_column column public.basketed_@.b'));
like(substr(server_log($node), $log), qr/autovacuum: dropping orphan temp table "postgres\.pg_temp_\d+\.filled"/, 'all of them');
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->reload;

# A session's own will is another matter: that can be refused, and what it would take saved.
my ($own) = for_round('own', $foundations);
my $result = run_sql($node, "$own DISCARD TEMP; SELECT (c).y FROM composed_own; ALTER TABLE composed_own ALTER COLUMN c TYPE text USING c::text", role => 'superuser', keep_going => 1);
is("@{ $result->{states} }", 'SG001', 'DISCARD TEMP is refused');
like($result->{out}, qr/one/, 'and the values are there');
$result = run_sql($node, q{BEGIN; SET LOCAL schema_guard.mode = off; CREATE TEMP TABLE passing (i integer) ON COMMIT DROP; ALTER TABLE kept ADD COLUMN p passing;
	SET LOCAL schema_guard.mode = enforce; COMMIT}, role => 'superuser');
is("@{ $result->{states} }", 'SG001', 'so is ON COMMIT DROP');
guard_works($node, 'postgres', 'afterwards');

$node->stop;
done_testing();
