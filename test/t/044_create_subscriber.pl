# pg_createsubscriber makes a subscriber of a standby, with a publication of all tables: the two have the same objects under
# the same OIDs, and yet each keeps its own record, and an approval for one of them opens nothing on the other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $publisher = guarded_cluster('before', "wal_level = logical\nmax_wal_senders = 8\nmax_replication_slots = 8\nhot_standby = on\n"
	  . "wal_retrieve_retry_interval = '200ms'\nshared_preload_libraries = 'schema_guard'\n");
if (value($publisher, q{SELECT current_setting('server_version_num')::integer}) < 170000)
{
  SKIP: { skip 'PostgreSQL has pg_createsubscriber since version 17', 1; }
	$publisher->stop;
	done_testing();
	exit;
}
accepted($publisher, 'CREATE TABLE customer (id integer PRIMARY KEY); CREATE TABLE other (id integer); INSERT INTO customer VALUES (1)', 'tables');
refused($publisher, 'DROP TABLE customer', 'SG001', qr/customer/, 'a refusal before');
arrived($publisher, 'postgres', 'SELECT count(*) FROM schema_guard.blocked', 1, 'on record');
$publisher->backup('running');
my $subscriber = PostgreSQL::Test::Cluster->new('after');
$subscriber->init_from_backup($publisher, 'running', has_streaming => 1);
$subscriber->set_standby_mode;
$subscriber->start;
$publisher->wait_for_catchup($subscriber);
$subscriber->stop;

my ($far, $near) = (log_size($publisher), log_size($subscriber));
silent(run_tool($publisher, [ 'pg_createsubscriber', '-D', $subscriber->data_dir, '-P', $publisher->connstr('postgres'), '-d', 'postgres',
		'-p', $subscriber->port, '-s', $subscriber->host, '--recovery-timeout', $PostgreSQL::Test::Utils::timeout_default ]), 'pg_createsubscriber');
$subscriber->start;
accepted($publisher, 'INSERT INTO customer VALUES (2)', 'a row');
arrived($subscriber, 'postgres', 'SELECT count(*) FROM customer', 2, 'arrives');
quiet_log($publisher, $far, 'the publisher\'s log is quiet');
quiet_log($subscriber, $near, 'and the subscriber\'s');

my $own = q{SELECT (SELECT count(*) FROM schema_guard.audit), (SELECT count(*) FROM schema_guard.request), (SELECT count(*) FROM schema_guard.approval)};
my $before = ask($subscriber, 'postgres', $own);
my $refusal = refused($publisher, 'DROP TABLE other', 'SG001', qr/other/, 'the publisher refuses');
my $token = approve($publisher, request_named($refusal));
accepted($publisher, 'INSERT INTO customer VALUES (3)', 'another row');
arrived($subscriber, 'postgres', 'SELECT count(*) FROM customer', 3, 'arrives, and what was before it');
is(ask($subscriber, 'postgres', $own), $before, 'the subscriber\'s record is its own');
is(ask($subscriber, 'postgres', q{SELECT 'other'::regclass::oid}), ask($publisher, 'postgres', q{SELECT 'other'::regclass::oid}), 'the OID is the same');
refused($subscriber, 'DROP TABLE other', 'SG002', qr/approval token is unknown/, 'the publisher\'s token opens nothing here', settings => with_token($token));
silent(run_sql($publisher, 'DROP TABLE other', settings => with_token($token)), 'but there');
guard_works($_, 'postgres', 'afterwards') for $publisher, $subscriber;

$_->stop for $subscriber, $publisher;
done_testing();
