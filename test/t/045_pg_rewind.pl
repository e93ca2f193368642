# pg_rewind makes a standby of an old primary: it takes the journal of the new one, as it takes every file, and the guard
# goes on there when the roles change once more.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $configuration = "wal_level = replica\nmax_wal_senders = 5\nhot_standby = on\nwal_log_hints = on\nwal_keep_size = '64MB'\nmax_replication_slots = 4\n"
  . "shared_preload_libraries = 'schema_guard'\n";
my $blocked = q{SELECT count(*), count(DISTINCT event_id) FROM schema_guard.audit WHERE verdict = 'blocked'};
my $old = guarded_cluster('old_primary', $configuration);
accepted($old, 'CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1)', 'a table');
$old->backup('running');
my $new = PostgreSQL::Test::Cluster->new('new_primary');
$new->init_from_backup($old, 'running', has_streaming => 1);
$new->start;
refused($old, 'DROP TABLE kept', 'SG001', qr/kept/, 'the old primary refuses');
arrived($old, 'postgres', $blocked, '1|1', 'on record');
# The worker does not wait for the write-ahead log to be flushed: the journal is.
arrived($new, 'postgres', $blocked, '1|1', 'and on the standby');
$new->promote;

# Each goes its own way, and the old one has something in its journal that it did not absorb.
my $holder = $old->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE schema_guard.audit IN ACCESS EXCLUSIVE MODE');
refused($old, 'TRUNCATE kept', 'SG001', qr/kept/, 'the old primary refuses something else');
$old->stop('immediate');
eval { $holder->quit };
refused($new, 'DROP TABLE kept', 'SG001', qr/kept/, 'the new one refuses');
arrived($new, 'postgres', $blocked, '2|2', 'on record');
ask($new, 'postgres', 'CHECKPOINT');

# Its configuration is the old one's own, and is kept aside, as PostgreSQL's tests do it.
my $settings = slurp_file($old->data_dir . '/postgresql.conf');
silent(run_tool($new, [ 'pg_rewind', '-D', $old->data_dir, '--source-server', $new->connstr('postgres'), '--config-file', $old->data_dir . '/postgresql.conf' ]),
	'pg_rewind');
unlink $old->data_dir . '/postgresql.conf';
append_to_file($old->data_dir . '/postgresql.conf', $settings);
$old->enable_streaming($new);
$old->set_standby_mode;
my $from = log_size($old);
$old->start;
$new->wait_for_catchup($old);
is(ask($old, 'postgres', $blocked), '2|2', 'the rewound one has what the new primary has');
quiet_log($old, $from, 'and is quiet');

$new->stop;
$old->promote;
is(ask($old, 'postgres', $blocked), '2|2', 'promoted again, it has that still');
refused($old, 'TRUNCATE kept', 'SG001', qr/kept/, 'and refuses');
arrived($old, 'postgres', $blocked, '3|3', 'on record, and nothing is there twice');
guard_works($old, 'postgres', 'the rewound one');
is(ask($old, 'postgres', 'SELECT count(*) FROM kept'), 1, 'the table has its row');

$old->stop;
done_testing();
