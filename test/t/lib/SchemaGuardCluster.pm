# A throw-away cluster with the guard in it, and the questions that the tests ask of it again and again.
package SchemaGuardCluster;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

our @EXPORT = qw(guarded_cluster run_sql value accepted refused settled wait_until request_named approve
  journal_file journal_entries server_log log_documents elapsed);

# Role app owns what the tests want to drop; dba is the approver. %e puts the SQLSTATE into each line of the log.
sub guarded_cluster
{
	my ($name, $configuration) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
	$node->append_conf('postgresql.conf', "log_statement = none\nlog_line_prefix = '%m [%p] %e %q%a '\n");
	$node->append_conf('postgresql.conf', $configuration) if defined $configuration;
	$node->start;
	$node->safe_psql('postgres', q{
		CREATE ROLE app LOGIN;
		CREATE ROLE dba LOGIN;
		GRANT CREATE ON SCHEMA public TO app;
		GRANT CREATE ON DATABASE postgres TO app;
		CREATE EXTENSION schema_guard;
		SELECT schema_guard.grant_approver('dba');});
	return $node;
}

# Runs a script in a session of its own. Options: role (default app), settings (sent with the connection request, as
# PGOPTIONS is), keep_going (go on after an error), connection (words added to the connection string).
sub run_sql
{
	my ($node, $sql, %option) = @_;
	my $role = $option{role} // 'app';
	my $connection = $node->connstr('postgres') . ($role eq 'superuser' ? '' : " user=$role");
	$connection .= " $option{connection}" if defined $option{connection};
	local $ENV{PGOPTIONS} = $option{settings} if defined $option{settings};
	my ($status, $out, $err) = $node->psql(
		'postgres', $sql,
		connstr => $connection,
		on_error_stop => $option{keep_going} ? 0 : 1,
		timeout => $PostgreSQL::Test::Utils::timeout_default,
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	my @states = $err =~ /(?:ERROR|FATAL):  (\w{5}):/g;
	return { status => $status, out => $out, err => $err, states => \@states };
}

# What a superuser reads. Not with safe_psql: psql 15 would show NULL and '' alike.
sub value
{
	my ($node, $query) = @_;
	return $node->safe_psql('postgres', $query);
}

sub accepted
{
	my ($node, $sql, $name, %option) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $result = run_sql($node, $sql, %option);
	ok($result->{status} == 0 && !@{ $result->{states} }, $name) or diag($result->{err});
	return $result;
}

# The script ends with one error, of this SQLSTATE and with this text.
sub refused
{
	my ($node, $sql, $state, $text, $name, %option) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $result = run_sql($node, $sql, %option);
	ok("@{ $result->{states} }" eq $state && $result->{err} =~ $text, $name)
	  or diag("expected $state and $text, got: $result->{err}");
	return $result;
}

# Waits for what a background worker brings, and then compares: too much is as wrong as too little.
sub settled
{
	my ($node, $query, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until(sub { value($node, $query) eq $expected });
	return is(value($node, $query), $expected, $name);
}

# True as soon as the condition is. A worker comes within milliseconds; the bound is for machines under load.
sub wait_until
{
	my ($condition) = @_;
	my $end = time + 20;
	while (time < $end)
	{
		return 1 if $condition->();
		Time::HiRes::usleep(20_000);
	}
	return 0;
}

# The number of the request that an error's HINT names.
sub request_named
{
	my ($result) = @_;
	return $result->{err} =~ /HINT:  Request (\d+) / ? $1 : undef;
}

sub approve
{
	my ($node, $request, $valid_for) = @_;
	$valid_for //= '1 hour';
	# The request may still be on its way from the journal.
	wait_until(sub { value($node, "SELECT count(*) FROM schema_guard.request WHERE id = $request") })
	  or die "request $request was not filed";
	my $result =
	  run_sql($node, "SELECT schema_guard.approve($request, 'the test wants it', '$valid_for')", role => 'dba');
	die "not approved: $result->{err}" if $result->{status} != 0;
	return $result->{out};
}

sub journal_file
{
	my ($node) = @_;
	my $database = value($node, "SELECT oid FROM pg_database WHERE datname = 'postgres'");
	return $node->data_dir . "/pg_schema_guard/$database.journal";
}

# The entries from a byte on as [offset, length in all], read as src/audit/journal_format.hpp lays them out.
sub journal_entries
{
	my ($bytes, $from) = @_;
	my @entries;
	for (my $place = $from; $place < length $bytes;)
	{
		my ($mark, undef, undef, $length) = unpack 'LSSL', substr($bytes, $place, 16);
		die "no journal entry at byte $place" if $mark != 0x53474a45;
		push @entries, [ $place, 16 + $length ];
		$place += 16 + $length;
	}
	return @entries;
}

sub server_log
{
	my ($node) = @_;
	return slurp_file($node->logfile);
}

# The text behind the guard's mark, one for each line of the log that carries it.
sub log_documents
{
	my ($node) = @_;
	return server_log($node) =~ /^.*LOG:  (?:\w{5}: )?schema_guard: (\{.*)$/mg;
}

sub elapsed
{
	my ($work) = @_;
	my $begin = time;
	$work->();
	return time - $begin;
}

1;
