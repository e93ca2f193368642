# Walks roads (see Road.pm) in a server of their own. What a statement destroys is read from PostgreSQL's catalogs
# before and after it, so that the data is held to the truth and not to the guard's opinion of it.
package Walk;

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Road;
use Test::More;
use Time::HiRes qw(usleep);

# Tables and columns by OID, which a name that is used again can't hide. Composite types are there for their attributes.
my $catalog_query = q{
SELECT c.oid || '.0', CASE c.relkind WHEN 'c' THEN 'drop_type ' ELSE 'drop_table ' END
       || (pg_identify_object('pg_class'::regclass, c.oid, 0)).identity
  FROM pg_class c WHERE c.relkind IN ('r', 'p', 'c') AND c.oid >= 16384 AND c.relpersistence <> 't'
   AND c.relnamespace <> 'schema_guard'::regnamespace
UNION ALL
SELECT c.oid || '.' || a.attnum, 'drop_column ' || (pg_identify_object('pg_class'::regclass, c.oid, a.attnum)).identity
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relkind IN ('r', 'p', 'c') AND c.oid >= 16384 AND c.relpersistence <> 't'
   AND c.relnamespace <> 'schema_guard'::regnamespace;};

# Of 50 ms each, for what is normally there at once.
my $attempts = 100;

my $separator = '-- what the statement left --';

sub new
{
	my ($class, $name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nlog_min_messages = fatal");
	$node->start;
	$node->safe_psql('postgres', q{
		CREATE ROLE road_owner LOGIN;
		CREATE DATABASE road_template;});
	$node->safe_psql('road_template', q{
		CREATE SCHEMA r AUTHORIZATION road_owner;
		CREATE EXTENSION schema_guard;});
	return bless { node => $node, roads => 0 }, $class;
}

sub stop { $_[0]->{node}->stop; }

sub psql
{
	my ($self, $sql, $role) = @_;
	my ($out, $err) = ('', '');
	my $status = $self->{node}->psql($self->{database}, "\\set VERBOSITY verbose\n$sql",
		stdout => \$out, stderr => \$err, extra_params => $role ? [ '-U', $role ] : []);
	return ($status, $out, $err);
}

sub query
{
	my ($self, $sql) = @_;
	my ($status, $out, $err) = $self->psql($sql);
	die "$sql\n$err" if $status != 0;
	return $out;
}

sub catalog_of
{
	my ($text) = @_;
	return { map { /^([\d.]+)\|(.*)$/s ? ($1 => $2) : () } split /\n/, $text };
}

sub catalog { my ($self) = @_; return catalog_of($self->query($catalog_query)); }

# The tables and columns that have gone between two states; the columns of what is gone go without saying.
sub gone
{
	my ($before, $after) = @_;
	my @keys = grep { !exists $after->{$_} } keys %$before;
	my %tables = map { /^(\d+)\.0$/ ? ($1 => 1) : () } @keys;
	return sort grep { !/^drop_type / } map { $before->{$_} } grep { /^(\d+)\.(\d+)$/ && ($2 eq '0' || !$tables{$1}) } @keys;
}

sub last_audit_row { my ($self) = @_; return $self->query('SELECT coalesce(max(id), 0) FROM schema_guard.audit'); }

# The audit rows after `last`: sensor and effects, in the notation of the roads.
sub effects_query
{
	my ($last, $condition) = @_;
	return qq{
SELECT 'effect', a.id, a.sensor, concat(e->>'rule', ' ', e->>'identity', CASE WHEN (e->>'cascaded')::bool THEN ' cascaded' END)
  FROM schema_guard.audit a, jsonb_array_elements(a.effects) e
 WHERE a.id > $last AND e ? 'rule' AND $condition;};
}

sub parse_effects
{
	my ($text) = @_;
	# PostgreSQL 15 puts one more word into the identity of a transform.
	$text =~ s/(?<=\|drop_other for )(\S+) on (?=language )/$1 /g;
	return map { my @f = split /\|/, $_, 4; { id => $f[1], sensor => $f[2], effect => $f[3] } }
	  grep { /^effect\|/ } split /\n/, $text;
}

sub distinct { my %seen; return grep { !$seen{$_}++ } sort @_; }

# The row of a denial comes through the journal, so it may be a moment late.
sub blocked_effects
{
	my ($self, $last) = @_;
	my $query = effects_query($last, "a.verdict = 'blocked'");
	for my $attempt (1 .. $attempts)
	{
		my @found = parse_effects($self->query($query));
		return @found if @found;
		usleep(50_000);
	}
	return;
}

sub walk
{
	my ($self, $road) = @_;
	$self->{database} = sprintf 'road_%d', ++$self->{roads};
	$self->{node}->safe_psql('postgres', qq{
		CREATE DATABASE $self->{database} TEMPLATE road_template;
		GRANT CREATE ON DATABASE $self->{database} TO road_owner;});
	for my $setup ([ 'superuser setup', undef ], [ 'setup', 'road_owner' ])
	{
		next unless defined $road->{ $setup->[0] };
		my ($status, undef, $err) = $self->psql("SET client_min_messages = error;\n$road->{$setup->[0]}", $setup->[1]);
		is($status, 0, "$road->{name}: $setup->[0]") or diag($err), return;
	}
	$self->is_real($road) unless $road->{'own transaction'};
	if (Road::is_harmless($road))
	{
		$self->passes($road);
	}
	else
	{
		$self->is_refused($road, 'superuser', undef);
		$self->is_refused($road, 'owner', 'road_owner') unless $road->{'only superuser'};
		$self->rings_agree($road) unless $road->{'own transaction'};
		$self->disable_event_triggers;
		$self->is_refused_by_ring_3($road);
		$self->is_refused_by_ring_2($road);
	}
	$self->{node}->safe_psql('postgres', "DROP DATABASE $self->{database}");
}

# Without the guard, exactly what the data says goes.
sub is_real
{
	my ($self, $road) = @_;
	my $before = $self->catalog;
	my ($status, $out, $err) =
	  $self->psql("SET schema_guard.mode = off;\nBEGIN;\n$road->{statement}\n\\echo $separator\n$catalog_query\nROLLBACK;");
	is($status, 0, "$road->{name}: runs with the guard off") or diag($err);
	my (undef, $after) = split /\Q$separator\E\n/, $out;
	is_deeply([ gone($before, catalog_of($after // '')) ],
		[ sort(Road::losses($road), @{ $road->{'also gone'} }) ],
		"$road->{name}: that much goes with the guard off");
}

sub refusal
{
	my ($self, $road, $who, $preparation, $role) = @_;
	my $before = $self->catalog;
	my $last = $self->last_audit_row;
	my ($status, $out, $err) = $self->psql($preparation . $road->{statement}, $role);
	if ($road->{swallowed})
	{
		is("$status$err" =~ /ERROR/ ? $err : '', '', "$road->{name}, $who: the client sees no error");
	}
	else
	{
		my @errors = $err =~ /^(?:psql:[^ ]+ )?ERROR:  (\w{5}):/gm;
		is("@errors", 'SG001', "$road->{name}, $who: refused") or diag($err);
	}
	is_deeply([ gone($before, $self->catalog) ], [], "$road->{name}, $who: nothing has gone");
	return $self->blocked_effects($last);
}

sub is_refused
{
	my ($self, $road, $who, $role) = @_;
	my @found = $self->refusal($road, $who, '', $role);
	is_deeply([ sort map { $_->{effect} } @found ], $road->{effects}, "$road->{name}, $who: the audit has the effects");
	is(join(' ', distinct(map { $_->{sensor} } @found)), 'event_trigger', "$road->{name}, $who: seen before it began");
}

# Neither ring finds anything that the other does not, in a run that goes through.
sub rings_agree
{
	my ($self, $road) = @_;
	my $last = $self->last_audit_row;
	my ($status, $out, $err) = $self->psql(
		"SET schema_guard.mode = observe;\nBEGIN;\n$road->{statement}\n" . effects_query($last, 'true') . "\nROLLBACK;");
	my @found = grep { $_->{effect} =~ /^drop_(table|column) / } parse_effects($out);
	is(join(' ', distinct(map { $_->{sensor} } @found)), 'event_trigger', "$road->{name}: the rings agree") or diag($err);
}

sub disable_event_triggers
{
	my ($self) = @_;
	$self->query(q{
		SET schema_guard.mode = off;
		ALTER EVENT TRIGGER schema_guard_ddl_command_start DISABLE;
		ALTER EVENT TRIGGER schema_guard_ddl_command_end DISABLE;});
	return;
}

# Each of the other two rings by itself, with the event triggers out of action and the library in the session.
sub is_refused_by_ring_3
{
	my ($self, $road) = @_;
	my @found = $self->refusal($road, 'utility hook alone', "LOAD 'schema_guard';\nSET schema_guard.debug_sensors = utility;\n");
	is_deeply([ sort map { $_->{effect} } @found ], $road->{effects}, "$road->{name}, utility hook alone: the audit has the effects");
	is(join(' ', distinct(map { $_->{sensor} } @found)), 'utility', "$road->{name}, utility hook alone: seen by it");
}

# Runs last: in the end it lets it happen.
sub is_refused_by_ring_2
{
	my ($self, $road) = @_;
	my $alone = "LOAD 'schema_guard';\nSET schema_guard.debug_sensors = object_access;\n";
	my @expected = Road::seen_by_object_access($road);
	my @who = ([ 'superuser', '' ]);
	push @who, [ 'owner', "SET SESSION AUTHORIZATION road_owner;\n" ] unless $road->{'only superuser'};
	for my $who (@who)
	{
		my $name = "$who->[0] object access alone";
		my @found = $self->refusal($road, $name, "$alone$who->[1]", undef);
		is(join(' ', distinct(map { $_->{sensor} } @found)), 'object_access', "$road->{name}, $name: seen by its OID");
		is_deeply([ Road::without_parts(distinct(@expected, map { Road::uncascaded($_->{effect}) } @found)) ],
			\@expected, "$road->{name}, $name: the audit names nothing else");
	}

	my $before = $self->catalog;
	my $last = $self->last_audit_row;
	my ($status, $out, $err) = $self->psql("${alone}SET schema_guard.mode = observe;\n$road->{statement}");
	is($status, 0, "$road->{name}: runs under observation") or diag($err);
	my @found = parse_effects($self->query(effects_query($last, "a.sensor = 'object_access'")));
	is_deeply([ Road::without_parts(distinct(map { Road::uncascaded($_->{effect}) } @found)) ],
		\@expected,
		"$road->{name}: object access sees what the event trigger foresaw");
	is_deeply([ gone($before, $self->catalog) ],
		[ sort(Road::losses($road), @{ $road->{'also gone'} }) ],
		"$road->{name}: that much goes under observation");
}

# What destroys nothing passes in silence, and the audit says what it was.
sub passes
{
	my ($self, $road) = @_;
	my @who = ([ 'superuser', '' ]);
	push @who, [ 'owner', "SET SESSION AUTHORIZATION road_owner;\n" ] unless $road->{'only superuser'};
	for my $who (@who)
	{
		my $name = "$road->{name}, $who->[0]";
		my $last = $self->last_audit_row;
		my ($status, $out, $err) = $self->psql(
			"BEGIN;\n$who->[1]$road->{statement}\nRESET SESSION AUTHORIZATION;\n" . effects_query($last, 'true') . "\nROLLBACK;");
		is($status, 0, "$name: passes") or diag($err);
		unlike($err, qr/SG0|The rule is/, "$name: without a word of the guard's");
		my @found = parse_effects($out);
		is_deeply([ sort map { $_->{effect} } @found ], $road->{effects}, "$name: the audit has the effects");
		is(join(' ', distinct(map { $_->{sensor} } @found)), 'event_trigger', "$name: seen before it began")
		  if @{ $road->{effects} };
	}
}

1;
