# ALTER COLUMN … TYPE, judged without a lock: what its words mean by the time that the lock is there, and which settings it
# meets while it rewrites the rows. Where that has become another conversion, it is that one which is judged.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('conversions_meanwhile');

# Each case has a schema of its own, which stands for @. The statement is run by app, the owner, and waits for a lock on
# t while another of app's sessions does what is said of `meanwhile`. Then: what the statement has come to, and the rows.
my @meanwhile = (
	{ name => 'the domain is made anew over another type',
		setup => 'CREATE DOMAIN d AS numeric; CREATE TABLE t (c numeric); INSERT INTO t VALUES (1.1), (1.4)',
		statement => 'ALTER TABLE t ALTER c TYPE d', meanwhile => 'ALTER DOMAIN d RENAME TO was; CREATE DOMAIN d AS integer',
		comes_to => 'SG001', rows => '(1.1) (1.4)' },
	{ name => 'the domain is dropped and made anew',
		setup => 'CREATE DOMAIN d AS numeric; CREATE TABLE t (c numeric); INSERT INTO t VALUES (1.1), (1.4)',
		statement => 'ALTER TABLE t ALTER c TYPE d', meanwhile => 'DROP DOMAIN d; CREATE DOMAIN d AS numeric(10, 0)',
		comes_to => 'SG001', rows => '(1.1) (1.4)' },
	{ name => 'the domain is made anew and means the same',
		setup => 'CREATE DOMAIN d AS numeric; CREATE TABLE t (c numeric); INSERT INTO t VALUES (1.1), (1.4)',
		statement => 'ALTER TABLE t ALTER c TYPE d', meanwhile => 'DROP DOMAIN d; CREATE DOMAIN d AS numeric CHECK (value > 0)',
		comes_to => '', rows => '(1.1) (1.4)' },
	{ name => 'a domain on the way of USING is made anew',
		setup => 'CREATE DOMAIN d AS numeric; CREATE TABLE t (c numeric); INSERT INTO t VALUES (1.1), (1.4)',
		statement => 'ALTER TABLE t ALTER c TYPE text USING c::d::text', meanwhile => 'DROP DOMAIN d; CREATE DOMAIN d AS integer',
		comes_to => 'SG001', rows => '(1.1) (1.4)' },
	{ name => 'another type comes to stand before it in search_path',
		setup => 'CREATE SCHEMA @_first; SET search_path = @_first, @; CREATE DOMAIN @.d AS numeric; CREATE TABLE @.t (c numeric); INSERT INTO t VALUES (1.1), (1.4)',
		statement => 'SET search_path = @_first, @; ALTER TABLE t ALTER c TYPE d', meanwhile => 'CREATE DOMAIN @_first.d AS integer',
		comes_to => 'SG001', rows => '(1.1) (1.4)' },
	{ name => 'the names of two columns are exchanged',
		setup => 'CREATE TABLE t (a numeric, b integer); INSERT INTO t VALUES (1.5, 7), (1.4, 8)',
		statement => 'ALTER TABLE t ALTER a TYPE text, ALTER b TYPE bigint',
		meanwhile => 'ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME c TO b',
		comes_to => 'SG001', rows => '(1.5,7) (1.4,8)' },
	{ name => 'the names of two columns are exchanged, and it is all one',
		setup => 'CREATE TABLE t (a integer, b integer); INSERT INTO t VALUES (1, 7)',
		statement => 'ALTER TABLE t ALTER a TYPE text, ALTER b TYPE bigint',
		meanwhile => 'ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME c TO b',
		comes_to => '', rows => '(1,7)' },
	{ name => 'the column is another one of that name',
		setup => 'CREATE TABLE t (a integer, b numeric); INSERT INTO t VALUES (1, 1.5)',
		statement => 'ALTER TABLE t ALTER a TYPE bigint', meanwhile => 'ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a',
		comes_to => 'SG001', rows => '(1,1.5)' },
	{ name => 'the column has got another type',
		setup => 'CREATE TABLE t (c integer)', statement => 'ALTER TABLE t ALTER c TYPE bigint',
		meanwhile => 'ALTER TABLE t ALTER c TYPE numeric; INSERT INTO t VALUES (1.5)', comes_to => 'SG001', rows => '(1.5)' },
	{ name => 'the table is another one of that name',
		setup => 'CREATE TABLE t (c integer); CREATE TABLE other (c numeric); INSERT INTO other VALUES (1.5)',
		statement => 'ALTER TABLE t ALTER c TYPE bigint', meanwhile => 'ALTER TABLE t RENAME TO was; ALTER TABLE other RENAME TO t',
		comes_to => 'SG001', rows => '(1.5)' },
	{ name => 'a cast is created',
		setup => q{CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE t (c mood); INSERT INTO t VALUES ('a'), ('b');
			CREATE FUNCTION gone(mood) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'gone'::text $$},
		statement => 'ALTER TABLE t ALTER c TYPE text', meanwhile => 'CREATE CAST (mood AS text) WITH FUNCTION gone(mood) AS ASSIGNMENT',
		comes_to => 'SG001', rows => '(a) (b)' },
	{ name => 'a child is added whose column is another',
		setup => 'CREATE TABLE t (c integer); CREATE TABLE other (c integer); INSERT INTO other VALUES (1)',
		statement => 'ALTER TABLE t ALTER c TYPE bigint', meanwhile => 'ALTER TABLE other INHERIT t', comes_to => '', rows => '(1)' },
	# What somebody has approved, or a policy lets pass, is not every conversion that these words may mean.
	{ name => 'a lossy one that stays as lossy as it was',
		setup => 'CREATE DOMAIN d AS numeric(10, 1); CREATE TABLE t (c numeric); INSERT INTO t VALUES (1.11)', approved => 1,
		statement => 'ALTER TABLE t ALTER c TYPE d', meanwhile => 'CREATE TABLE whatever (i integer)', comes_to => '', rows => '(1.1)' },
);

# Without another session: what runs within the statement itself, before and while the rows are rewritten.
my $instants = q{INSERT INTO t VALUES (1, '2024-10-27 00:30+00'), (2, '2024-10-27 01:30+00')};
my $kept_instants = '(1,"2024-10-27 00:30:00+00") (2,"2024-10-27 01:30:00+00")';
my $sets = q{CREATE FUNCTION sets(name text, value text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config(name, value, false); RETURN 1; END $$;};
my @within = (
	{ name => 'a default that sets TimeZone',
		setup => "$sets CREATE TABLE t (id integer, c timestamptz); $instants",
		statement => q{ALTER TABLE t ADD COLUMN x integer DEFAULT sets('TimeZone', 'Europe/Berlin'), ALTER c TYPE timestamp},
		comes_to => 'SG001', rows => $kept_instants },
	{ name => 'a default that sets TimeZone to another that never changes',
		setup => "$sets CREATE TABLE t (id integer, c timestamptz); $instants",
		statement => q{ALTER TABLE t ADD COLUMN x integer DEFAULT sets('TimeZone', 'Etc/GMT'), ALTER c TYPE timestamp},
		comes_to => '', rows => '(1,"2024-10-27 00:30:00",1) (2,"2024-10-27 01:30:00",1)' },
	{ name => 'a default that sets what the conversion does not ask',
		setup => "$sets CREATE TABLE t (id integer, c timestamptz); $instants",
		statement => q{ALTER TABLE t ADD COLUMN x integer DEFAULT sets('work_mem', '5MB'), ALTER c TYPE timestamp},
		comes_to => '', rows => '(1,"2024-10-27 00:30:00",1) (2,"2024-10-27 01:30:00",1)' },
	{ name => 'a default that sets extra_float_digits',
		setup => "$sets CREATE TABLE t (id integer, c double precision); INSERT INTO t SELECT i, 0.1::float8 + i FROM generate_series(1, 2) i; UPDATE t SET c = 0.30000000000000004",
		statement => q{ALTER TABLE t ADD COLUMN x integer DEFAULT sets('extra_float_digits', '-5'), ALTER c TYPE text},
		comes_to => 'SG001', rows => '(1,0.30000000000000004) (2,0.30000000000000004)' },
	{ name => "the domain's own CHECK sets TimeZone",
		setup => "$sets CREATE DOMAIN d AS timestamp CHECK (sets('TimeZone', 'Europe/Berlin') = 1); CREATE TABLE t (id integer, c timestamptz); $instants",
		statement => 'ALTER TABLE t ALTER c TYPE d', comes_to => 'SG001', rows => $kept_instants },
	{ name => 'a constraint of the table sets TimeZone',
		setup => "$sets CREATE TABLE t (id integer, c timestamptz CHECK (isfinite(c) AND sets('TimeZone', current_setting('t.zone')) = 1)); SET t.zone = 'UTC'; $instants",
		statement => q{SET t.zone = 'Europe/Berlin'; ALTER TABLE t ALTER c TYPE timestamp}, comes_to => 'SG001', rows => $kept_instants },
	{ name => 'an event trigger that sets search_path',
		setup => 'CREATE SCHEMA @_first; CREATE DOMAIN @_first.d AS integer; CREATE DOMAIN d AS numeric; CREATE TABLE t (c numeric); INSERT INTO t VALUES (1.5)',
		trigger => q{PERFORM set_config('search_path', '@_first, @', true)},
		statement => 'ALTER TABLE t ALTER c TYPE d', comes_to => 'SG001', rows => '(1.5)' },
	{ name => 'an event trigger that sets TimeZone',
		setup => "CREATE TABLE t (id integer, c timestamptz); $instants", trigger => q{PERFORM set_config('TimeZone', 'Europe/Berlin', true)},
		statement => 'ALTER TABLE t ALTER c TYPE timestamp', comes_to => 'SG001', rows => $kept_instants },
);

my $number = 0;

# The setup's tables belong to app; what has to be shown in the rows is not for the time zone to change.
sub prepared
{
	my ($case) = @_;
	my $schema = sprintf 's_%d', ++$number;
	my %case = map { $_ => $case->{$_} =~ s/\@/$schema/gr } keys %$case;
	my $begin = "SET search_path = $schema; SET TimeZone = 'UTC'; SET client_min_messages = warning;";
	my $made = run_sql($node, "CREATE SCHEMA $schema; $begin $case{setup}");
	die "$case{name}: $made->{err}" if $made->{status} != 0;
	return ({ %case, schema => $schema }, $begin);
}

sub come_to
{
	my ($case, $err, $begin) = @_;
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	is($state // '', $case->{comes_to}, "$case->{name}: " . ($case->{comes_to} || 'passes')) or diag($err);
	unlike($err, qr/WARNING|NOTICE/, "$case->{name}: without a word") unless $case->{comes_to};
	is(value($node, "$begin SELECT string_agg(t::text, ' ' ORDER BY ctid) FROM t"), $case->{rows}, "$case->{name}: the rows");
	return;
}

# Psql with the server's answers to the statement still to come.
sub session { return $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app', '-v', 'VERBOSITY=verbose' ]); }

for my $each (@meanwhile)
{
	my ($case, $begin) = prepared($each);
	my $token = '';
	if ($case->{approved})
	{
		my $denied = run_sql($node, "$begin\n$case->{statement}");
		$token = "SET schema_guard.approval_token = '" . approve($node, request_named($denied)) . "';";
	}
	my ($holder, $waiter) = (session(), session());
	$holder->query_safe("$begin SET client_min_messages = error; BEGIN; LOCK TABLE t"); # it renames, with a WARNING
	my $process = $waiter->query_safe("$begin $token SELECT pg_backend_pid()");
	$waiter->query_until(qr/begun/, "\\echo begun\n$case->{statement};\n");
	ok(wait_until(sub { value($node, "SELECT wait_event_type FROM pg_stat_activity WHERE pid = $process") eq 'Lock' }),
		"$case->{name}: the statement waits");
	$holder->query_safe("$case->{meanwhile}; COMMIT");
	$waiter->query('SELECT 1');
	come_to($case, $waiter->{stderr}, $begin);
	$_->quit for $holder, $waiter;
}

for my $each (@within)
{
	my ($case, $begin) = prepared($each);
	value($node, qq{CREATE FUNCTION zzz() RETURNS event_trigger LANGUAGE plpgsql AS \$\$ BEGIN $case->{trigger}; END \$\$;
		CREATE EVENT TRIGGER zzz ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION zzz()}) if $case->{trigger};
	come_to($case, run_sql($node, "$begin\n$case->{statement}")->{err}, $begin);
	value($node, 'DROP EVENT TRIGGER zzz; DROP FUNCTION zzz()') if $case->{trigger};
}

is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
