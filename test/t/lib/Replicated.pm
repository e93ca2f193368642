# Two guarded databases with the library preloaded, for one to publish and the other to subscribe.
package Replicated;

use strict;
use warnings;
use Exporter 'import';
use OtherTools;
use SchemaGuardCluster;

our @EXPORT = qw(publisher_and_subscriber connection_to subscribe caught_up);

my $configuration = join "\n", 'wal_level = logical', 'max_wal_senders = 8', 'max_replication_slots = 8',
  "wal_retrieve_retry_interval = '200ms'", "shared_preload_libraries = 'schema_guard'", '';

sub publisher_and_subscriber
{
	my ($name) = @_;
	return map { guarded_cluster("${name}_$_", $configuration) } qw(publisher subscriber);
}

# As an SQL string. PostgreSQL has no use for the password here.
sub connection_to
{
	my ($publisher) = @_;
	my $text = $publisher->connstr('postgres') . ' password=hush-hush';
	return "'" . $text =~ s/'/''/gr . "'";
}

sub subscribe
{
	my ($publisher, $subscriber, $name, $options) = @_;
	my $connection = connection_to($publisher);
	my $result = run_sql($subscriber, "CREATE SUBSCRIPTION $name CONNECTION $connection PUBLICATION $name " . ($options // ''), role => 'superuser');
	$subscriber->wait_for_subscription_sync($publisher, $name) if $result->{status} == 0;
	return $result;
}

sub caught_up { my ($publisher, $name) = @_; return $publisher->wait_for_catchup($name); }

1;
