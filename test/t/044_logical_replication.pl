# Logical replication between two guarded databases, with the library preloaded on both sides: the guard judges what is
# asked for on each side, and is not in the way of what replication does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use Replicated;
use SchemaGuardCluster;
use Test::More;

my ($publisher, $subscriber) = publisher_and_subscriber('tables');
my $tables = q{
	CREATE TABLE customer (id integer PRIMARY KEY, name text, note text);
	CREATE TABLE event (at date, value integer, PRIMARY KEY (at, value)) PARTITION BY RANGE (at);
	CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');};
my $rows = q{
	INSERT INTO customer SELECT i, 'c' || i FROM generate_series(1, 100) AS i;
	INSERT INTO event VALUES ('2026-01-05', 1), ('2026-02-05', 2);};
my $what_is_there = q{SELECT count(*), count(*) FILTER (WHERE name = 'x'), (SELECT coalesce(sum(value), 0) FROM event) FROM customer};
accepted($publisher, "$tables $rows", 'the publisher\'s tables');
accepted($subscriber, $tables, 'the subscriber\'s');
my ($far, $near) = (log_size($publisher), log_size($subscriber));

sub replicated
{
	my ($expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	caught_up($publisher, 'shop');
	return is(ask($subscriber, 'postgres', $what_is_there), $expected, $name);
}

# Set-up, the first copy, and changes.
silent(run_sql($publisher, 'CREATE PUBLICATION shop FOR TABLE customer, event', role => 'superuser'), 'CREATE PUBLICATION');
silent(subscribe($publisher, $subscriber, 'shop'), 'CREATE SUBSCRIPTION');
replicated('100|0|3', 'the first copy');
silent(run_sql($publisher, q{UPDATE customer SET name = 'x' WHERE id <= 10; DELETE FROM customer WHERE id > 90; INSERT INTO event VALUES ('2026-01-06', 4)}),
	'changes');
replicated('90|10|7', 'they arrive');
my @administration = (
	[ $publisher, 'ALTER PUBLICATION shop SET (publish_via_partition_root = true)' ],
	[ $subscriber, 'ALTER SUBSCRIPTION shop REFRESH PUBLICATION WITH (copy_data = false)' ],
	[ $subscriber, 'ALTER SUBSCRIPTION shop DISABLE' ],
	[ $subscriber, 'ALTER SUBSCRIPTION shop SET (binary = true)' ],
	[ $subscriber, 'ALTER SUBSCRIPTION shop ENABLE' ]);
for my $step (@administration)
{
	silent(run_sql($step->[0], $step->[1], role => 'superuser'), $step->[1]);
}
accepted($publisher, "INSERT INTO event VALUES ('2026-02-06', 8)", 'another change');
replicated('90|10|15', 'arrives');
quiet_log($publisher, $far, 'the publisher\'s log is quiet');
quiet_log($subscriber, $near, 'and the subscriber\'s');
for my $node ($publisher, $subscriber)
{
	is(ask($node, 'postgres', q{SELECT count(*) FROM schema_guard.audit WHERE verdict <> 'allowed'}), 0, 'all was allowed');
	is(ask($node, 'postgres', q{SELECT count(*) FROM schema_guard.audit WHERE statement LIKE '%hush-hush%' OR effects::text LIKE '%hush-hush%'}),
		0, 'the password is not on record');
}

# Definitions are not replicated: each side is asked.
for my $node ($subscriber, $publisher)
{
	my $refusal = refused($node, 'ALTER TABLE customer DROP COLUMN note', 'SG001', qr/customer\.note/, 'a column: refused');
	my $token = approve($node, request_named($refusal));
	silent(run_sql($node, 'ALTER TABLE customer DROP COLUMN note', settings => with_token($token)), 'approved');
	guard_works($node, 'postgres', 'while it replicates');
}
accepted($publisher, q{INSERT INTO customer VALUES (91, 'x')}, 'a change behind it');
replicated('91|11|15', 'arrives');

# A TRUNCATE is judged where it is asked for. What comes by replication has been judged there, or was none of the subscriber's business.
($far, $near) = (log_size($publisher), log_size($subscriber));
my $refusal = refused($publisher, 'TRUNCATE customer, event', 'SG001', qr/truncate/, 'TRUNCATE: refused on the publisher');
my $token = approve($publisher, request_named($refusal));
silent(run_sql($publisher, 'TRUNCATE customer, event', settings => with_token($token)), 'approved');
replicated('0|0|0', 'it arrives');
quiet_log($subscriber, $near, 'the subscriber\'s log is quiet');
accepted($publisher, $rows, 'rows again');
replicated('100|0|3', 'they arrive');
refused($subscriber, 'TRUNCATE customer', 'SG001', qr/customer/, 'asked for on the subscriber it is refused');

# Who wants to keep the rows whatever the publisher does leaves it out of the publication.
silent(run_sql($publisher, q{ALTER PUBLICATION shop SET (publish = 'insert, update, delete')}, role => 'superuser'), 'a publication without TRUNCATE');
run_sql($publisher, 'SET schema_guard.mode = off; TRUNCATE customer', role => 'superuser');
replicated('100|0|3', 'nothing is lost on the subscriber');

# All tables of a schema, which leaves the guard's own out.
silent(run_sql($publisher, 'CREATE PUBLICATION schemas FOR TABLES IN SCHEMA public', role => 'superuser'), 'a publication of a schema');
silent(subscribe($publisher, $subscriber, 'schemas', 'WITH (copy_data = false)'), 'a subscription to it');
is(ask($subscriber, 'postgres', q{SELECT count(*) FROM pg_subscription_rel JOIN pg_class ON pg_class.oid = srrelid WHERE relnamespace = 'schema_guard'::regnamespace}),
	0, 'has no table of the guard\'s');
silent(run_sql($subscriber, "DROP SUBSCRIPTION $_", role => 'superuser'), "DROP SUBSCRIPTION $_") for qw(shop schemas);
silent(run_sql($publisher, "DROP PUBLICATION $_", role => 'superuser'), "DROP PUBLICATION $_") for qw(shop schemas);
guard_works($subscriber, 'postgres', 'afterwards');

$_->stop for $subscriber, $publisher;
done_testing();
