# A publication of all tables has the guard's own among them: each side keeps its own record all the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use Replicated;
use SchemaGuardCluster;
use Test::More;

my ($publisher, $subscriber) = publisher_and_subscriber('everything');
my @own = map { "SELECT $_->[1] FROM schema_guard.$_->[0] ORDER BY 1" } (
	[ audit => 'id, verdict, statement' ],
	[ request => 'id, statement' ],
	[ approval => 'id' ],
	[ approver => 'id' ],
	[ journal_position => 'journal_id' ]);

for my $node ($publisher, $subscriber)
{
	accepted($node, 'CREATE TABLE customer (id integer PRIMARY KEY)', 'a table');
	refused($node, 'DROP TABLE customer', 'SG001', qr/customer/, 'a refusal on either side');
	arrived($node, 'postgres', 'SELECT count(*) FROM schema_guard.blocked', 1, 'and on record');
}
silent(run_sql($publisher, 'CREATE PUBLICATION everything FOR ALL TABLES', role => 'superuser'), 'FOR ALL TABLES');

for my $copy ('true', 'false')
{
	my $name = "copy_data = $copy";
	my $from = log_size($subscriber);
	silent(run_sql($subscriber, 'CREATE SUBSCRIPTION everything CONNECTION ' . connection_to($publisher) . " PUBLICATION everything WITH (copy_data = $copy)",
			role => 'superuser'), "$name: a subscription");
	arrived($subscriber, 'postgres', q{SELECT count(*) FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')}, 0, "$name: all tables are in step");
	my @before = map { ask($subscriber, 'postgres', $_) } @own;
	my $refusal = refused($publisher, 'DROP TABLE customer', 'SG001', qr/customer/, "$name: the publisher refuses");
	my $requests = ask($publisher, 'postgres', 'SELECT count(*) FROM schema_guard.request');
	approve($publisher, request_named($refusal)) if $copy eq 'true';
	accepted($publisher, 'INSERT INTO customer SELECT coalesce(max(id), 0) + 1 FROM customer', "$name: a row");
	arrived($subscriber, 'postgres', 'SELECT count(*) FROM customer', $copy eq 'true' ? 1 : 2, "$name: the row arrives");
	is(ask($subscriber, 'postgres', $own[$_]), $before[$_], "$name: $own[$_] is as it was") for 0 .. $#own;
	quiet_log($subscriber, $from, "$name: the log is quiet");
	silent(run_sql($subscriber, 'DROP SUBSCRIPTION everything', role => 'superuser'), "$name: it ends");
}
# PostgreSQL wants every table of a publication to be there on the other side.
my $unguarded = bare_cluster('unguarded');
$unguarded->start;
ask($unguarded, 'postgres', 'CREATE TABLE customer (id integer PRIMARY KEY)');
refused($unguarded, 'CREATE SUBSCRIPTION everything CONNECTION ' . connection_to($publisher) . ' PUBLICATION everything', '3F000',
	qr/schema "schema_guard" does not exist/, 'a subscriber without the extension fails on the guard\'s', role => 'superuser');
run_sql($publisher, 'CREATE PUBLICATION schemas FOR TABLES IN SCHEMA public', role => 'superuser');
silent(subscribe($publisher, $unguarded, 'schemas'), 'a publication of schemas is for any subscriber');
is(ask($unguarded, 'postgres', 'SELECT count(*) FROM customer'), 2, 'which gets the rows');
run_sql($unguarded, 'DROP SUBSCRIPTION schemas', role => 'superuser');
$unguarded->stop;
guard_works($_, 'postgres', 'afterwards') for $publisher, $subscriber;

$_->stop for $subscriber, $publisher;
done_testing();
