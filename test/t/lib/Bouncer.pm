# A PgBouncer of its own in front of a cluster, with one server connection for each role, so that clients must share it.
package Bouncer;

use strict;
use warnings;
use OtherTools;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;

# None outlives a test that dies.
my @running;
END { my $status = $?; $_->kill_kill for @running; $? = $status; }

# pgbouncer is in /usr/sbin, which is not in everybody's path.
sub program
{
	my ($found) = grep { -x $_ } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
	return $found;
}

sub start
{
	my ($class, $node, $pool_mode, @more) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir_short();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my ($host, $server_port) = ($node->host, $node->port);
	my $superuser = ask($node, 'postgres', 'SELECT current_user');
	PostgreSQL::Test::Utils::append_to_file("$directory/users", join '', map { qq{"$_" ""\n} } 'app', 'dba', $superuser);
	PostgreSQL::Test::Utils::append_to_file("$directory/pgbouncer.ini", join "\n",
		'[databases]', "* = host=$host port=$server_port", '[pgbouncer]',
		'listen_addr =', "listen_port = $port", "unix_socket_dir = $directory", "logfile = $directory/log",
		'auth_type = trust', "auth_file = $directory/users", "admin_users = $superuser",
		"pool_mode = $pool_mode", 'default_pool_size = 1', @more, '');
	my ($out, $err) = ('', '');
	my $process = IPC::Run::start([ program(), '-q', "$directory/pgbouncer.ini" ], '>', \$out, '2>', \$err);
	push @running, $process;
	my $self = bless { node => $node, host => $directory, port => $port, process => $process }, $class;
	wait_until(sub { -S "$directory/.s.PGSQL.$port" && $self->run('SELECT 1')->{status} == 0 }) or die "pgbouncer did not start: $err";
	return $self;
}

# As run_sql does it, but through the pool.
sub run
{
	my ($self, $sql, %option) = @_;
	my $result = run_tool($self->{node}, [ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-v', 'ON_ERROR_STOP=1' ],
		host => $self->{host}, port => $self->{port}, role => 'app', input => $sql, %option);
	chomp $result->{out};
	$result->{states} = [ $result->{err} =~ /(?:ERROR|FATAL):  (\w{5}):/g ];
	return $result;
}

sub stop { my ($self) = @_; $self->{process}->signal('INT'); $self->{process}->finish; return; }

1;
