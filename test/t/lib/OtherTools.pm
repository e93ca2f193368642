# What the tests with other programs and extensions have in common: a program is run against a throw-away cluster, and
# the guard must either be silent or say what is expected of it.
package OtherTools;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

our @EXPORT = qw(needs run_tool silent quiet_log log_size bare_cluster database guard_database ask arrived refusal
  pending_effects approve_in with_token guard_works);

# Whether the guard has a word in this; the folder that the tests run in may be called after it.
sub heard
{
	my ($text) = @_;
	$text =~ s{[^\s"']*/schema_guard\.[^\s"']*}{}g;
	return $text =~ /\bSG00\d\b|schema_guard|without an approval|The rule is|Request \d+ /;
}

# Goes on if this machine has what a test is about. Where Debian's release has no such package, the test says so and
# ends; a package that could be installed and is not is a failure.
sub needs
{
	my ($installed, $package) = @_;
	return if $installed;
	my $known = `apt-cache policy $package 2>/dev/null` =~ /Candidate: (?!\(none\))\S/;
	if ($known && ($ENV{PG_CONFIG} // '') =~ m{^/usr/lib/postgresql/\d+/bin/pg_config$})
	{
		fail("package $package is installed");
	}
	else
	{
	  SKIP: { skip "there is no package $package for this PostgreSQL", 1; }
	}
	done_testing();
	exit;
}

# Runs a program as somebody in a database. Options: role (default: the superuser), database (default postgres),
# settings (PGOPTIONS), host and port, input.
sub run_tool
{
	my ($node, $command, %option) = @_;
	local %ENV = %ENV;
	$ENV{PGHOST} = $option{host} // $node->host;
	$ENV{PGPORT} = $option{port} // $node->port;
	$ENV{PGDATABASE} = $option{database} // 'postgres';
	$ENV{PGUSER} = $option{role} if defined $option{role};
	$ENV{PGOPTIONS} = $option{settings} if defined $option{settings};
	my ($input, $out, $err) = ($option{input} // '', '', '');
	note("@$command");
	IPC::Run::run($command, '<', \$input, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $result = { status => $? >> 8 || $? & 127, out => $out, err => $err };
	note($err) if length $err;
	return $result;
}

# It worked, and the guard said nothing.
sub silent
{
	my ($result, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($result->{status} == 0 && !heard($result->{err}), $name) or diag("status $result->{status}: $result->{err}");
	return $result;
}

sub log_size { my ($node) = @_; return -s $node->logfile; }

# The server log has nothing of the guard's from a byte on.
sub quiet_log
{
	my ($node, $from, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @lines = grep { /(?:LOG|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|NOTICE): / && heard($_) }
	  split /\n/, substr(server_log($node), $from);
	return is(join("\n", @lines), '', $name);
}

# A cluster that knows nothing of the guard but has its library.
sub bare_cluster
{
	my ($name, $configuration) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
	$node->append_conf('postgresql.conf', "log_line_prefix = '%m [%p] %e %q%a '\n" . ($configuration // ''));
	return $node;
}

# A database of app's own.
sub database
{
	my ($node, $name) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name OWNER app");
	$node->safe_psql($name, 'GRANT ALL ON SCHEMA public TO app');
	return $name;
}

sub guard_database
{
	my ($node, $name) = @_;
	$node->safe_psql($name, q{CREATE EXTENSION schema_guard; SELECT schema_guard.grant_approver('dba')});
	return $name;
}

# What a superuser reads in any database.
sub ask
{
	my ($node, $database, $query) = @_;
	return $node->safe_psql($database, $query);
}

# The same, for what a background worker brings.
sub arrived
{
	my ($node, $database, $query, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until(sub { ask($node, $database, $query) eq $expected });
	return is(ask($node, $database, $query), $expected, $name);
}

# A script in any database, as app, that the guard refuses.
sub refusal
{
	my ($node, $database, $sql, $text, $name, %option) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return refused($node, $sql, 'SG001', $text, $name, connection => "dbname=$database", %option);
}

# What a request would let pass, in the order of the names.
sub pending_effects
{
	my ($node, $database, $request, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return arrived($node, $database, qq{SELECT string_agg(e ->> 'identity', ' ' ORDER BY e ->> 'identity')
		FROM schema_guard.pending, jsonb_array_elements(effects) AS e WHERE id = $request AND e ->> 'action' = 'block'},
		$expected, $name);
}

# Approves a request, once it has arrived, and returns the token.
sub approve_in
{
	my ($node, $database, $request) = @_;
	wait_until(sub { ask($node, $database, "SELECT count(*) FROM schema_guard.request WHERE id = $request") })
	  or die "request $request was not filed";
	my $result = run_sql($node, "SELECT schema_guard.approve($request, 'the test wants it')",
		role => 'dba', connection => "dbname=$database");
	die "not approved: $result->{err}" if $result->{status} != 0;
	return $result->{out};
}

sub with_token { my ($token) = @_; return "-c schema_guard.approval_token=$token"; }

# Denial, journal, audit and approval in a database: all that the guard is for.
sub guard_works
{
	my ($node, $database, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $there = "dbname=$database";
	silent(run_sql($node, 'CREATE TABLE proof (id integer); INSERT INTO proof VALUES (1)', connection => $there),
		"$name: a table is made in silence");
	my $blocked = ask($node, $database, 'SELECT count(*) FROM schema_guard.blocked');
	my $refusal = refusal($node, $database, 'DROP TABLE proof', qr/public\.proof/, "$name: its drop is refused");
	arrived($node, $database, 'SELECT count(*) FROM schema_guard.blocked', $blocked + 1, "$name: and on record");
	my $token = approve_in($node, $database, request_named($refusal) // 0);
	silent(run_sql($node, 'DROP TABLE proof', connection => $there, settings => with_token($token)),
		"$name: with an approval it passes");
	return is(ask($node, $database, q{SELECT verdict FROM schema_guard.audit WHERE statement = 'DROP TABLE proof' ORDER BY id DESC LIMIT 1}),
		'approved', "$name: and that is on record");
}

1;
