# The server that doors are in: databases with and without the guard, and sessions. Each session is a psql of its own,
# so that what a door does is the first that its session does.
package DoorHouse;

use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

# What doors find in every database, guarded or not: the schema r, its owner, two more roles, and what predicates ask.
my $roles = q{
CREATE ROLE door_owner LOGIN;
CREATE ROLE door_other;
CREATE ROLE door_boss LOGIN SUPERUSER;
GRANT door_other TO door_owner;};

my $furniture = q{
CREATE SCHEMA r AUTHORIZATION door_owner;
GRANT ALL ON SCHEMA r TO door_other;
GRANT CREATE ON SCHEMA public TO door_owner;
CREATE SCHEMA door;
CREATE VIEW door.setting AS
  SELECT setrole::regrole AS role, unnest(setconfig) AS setting FROM pg_db_role_setting
   WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()));
CREATE FUNCTION door.has_column(relation text, name text) RETURNS boolean LANGUAGE sql AS
  'SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(relation) AND attname = name AND NOT attisdropped)';
CREATE FUNCTION door.schema_guard_watches() RETURNS boolean LANGUAGE sql AS
  $$ SELECT EXISTS (SELECT FROM pg_event_trigger
                     WHERE evtname = 'schema_guard_ddl_command_start' AND evtenabled = 'A') $$;
CREATE FUNCTION door.schema_guard_protects(name text) RETURNS boolean LANGUAGE sql AS
  $$ SELECT EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid
                     WHERE tgrelid = to_regclass('schema_guard.' || name) AND proname = 'protect_rows'
                       AND tgname = 'protect_rows' AND tgenabled = 'A' AND tgtype & 62 = 62) $$;
CREATE FUNCTION door.schema_guard_owns(class regclass, object oid) RETURNS boolean LANGUAGE sql AS
  $$ SELECT EXISTS (SELECT FROM pg_depend JOIN pg_extension e ON refobjid = e.oid
                     WHERE classid = class AND objid = object AND deptype = 'e' AND extname = 'schema_guard') $$;};

# For what the tests do around the doors: with shared_preload_libraries, the guard keeps databases from being dropped.
our $housekeeping = '-c client_min_messages=error -c schema_guard.mode=off';

my $configuration = q{
fsync = off
autovacuum = off
wal_level = logical
max_wal_senders = 4
max_prepared_transactions = 2
allow_in_place_tablespaces = on
timezone = 'UTC'
log_min_messages = fatal
};

sub new
{
	my ($class, $name, $more) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
	$node->append_conf('postgresql.conf', $configuration . ($more // ''));
	$node->start;
	my $self = bless { node => $node }, $class;
	$self->demand('postgres', $roles);
	$self->demand('postgres', 'CREATE DATABASE door_bare; CREATE DATABASE door_guarded;');
	$self->demand('door_bare', $furniture);
	$self->demand('door_guarded', "$furniture CREATE EXTENSION schema_guard;");
	return $self;
}

sub stop { $_[0]->{node}->stop('immediate'); }

# One session. Options: role, stop (at the first error), settings (as PGOPTIONS has them), connection.
sub session
{
	my ($self, $database, $sql, %option) = @_;
	my $node = $self->{node};
	my $role = $option{role} ? " user=$option{role}" : '';
	my $words = $option{connection} ? " $option{connection}" : '';
	my ($out, $err) = ('', '');
	$sql .= "\n";
	local $ENV{PGOPTIONS} = $option{settings} // '';
	IPC::Run::run(
		[
			'psql', '-XAtq', '-d', $node->connstr($database) . $role . $words,
			'-v', 'VERBOSITY=verbose', '-v', 'ON_ERROR_STOP=' . ($option{stop} // 1), '-v', "database=$database",
			'-v', 'host=' . $node->host, '-v', 'port=' . $node->port, '-f', '-'
		],
		'<', \$sql, '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return { status => $?, out => $out, err => $err };
}

# A session that the doors need to be right.
sub demand
{
	my ($self, $database, $sql, %option) = @_;
	my $result = $self->session($database, $sql, %option);
	die "in $database:\n$sql\n$result->{err}" if $result->{status} != 0;
	return $result->{out};
}

# Makes a database anew. With the guard's library preloaded or not, which a database does not inherit.
sub furnish
{
	my ($self, $database, $template, %option) = @_;
	$self->demand('postgres', qq{
		DROP DATABASE IF EXISTS $database WITH (FORCE);
		CREATE DATABASE $database TEMPLATE $template;
		GRANT CREATE ON DATABASE $database TO door_owner;}
		. ($option{preloaded} ? "ALTER DATABASE $database SET session_preload_libraries = 'schema_guard';" : ''),
		settings => $housekeeping);
	return;
}

sub preload
{
	my ($self, $database) = @_;
	$self->demand('postgres', "ALTER DATABASE $database SET session_preload_libraries = 'schema_guard'",
		settings => $housekeeping);
	return;
}

1;
