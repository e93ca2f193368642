# Walks through doors (see Door.pm): each without the guard first, to show that it leads somewhere, and then with it, as
# the tables' owner and as a superuser, after a plain CREATE EXTENSION and with the library preloaded. What a door has
# destroyed is asked of PostgreSQL, never of the guard.
package DoorWalk;

use strict;
use warnings;
use Door;
use DoorHouse;

my @configurations = (
	{ name => 'owner, plain', role => 'door_owner' },
	{ name => 'superuser, plain' },
	{ name => 'owner, preloaded', role => 'door_owner', preloaded => 1 },
	{ name => 'superuser, preloaded', preloaded => 1 });

# For what neither of these sees, the library in shared_preload_libraries.
my @shared = (
	{ name => 'owner, shared', role => 'door_owner', shared => 1 },
	{ name => 'superuser, shared', shared => 1 });

# Seconds that a row of the audit may take, which is normally there with the error.
my $patience = 20;

sub new
{
	my ($class, $name, $shared) = @_;
	return bless {
		house => DoorHouse->new($name, $shared ? "shared_preload_libraries = 'schema_guard'\n" : ''),
		shared => $shared,
		results => [] }, $class;
}

sub stop { $_[0]->{house}->stop; }

# What was found, for the parent process to print: tests, and one tally for each door and configuration.
sub results { return $_[0]->{results}; }

sub test
{
	my ($self, $ok, $name, $detail) = @_;
	push @{ $self->{results} }, { ok => $ok ? 1 : 0, name => "$self->{door}{name}: $name", detail => $detail };
	return $ok;
}

sub tally
{
	my ($self, %tally) = @_;
	push @{ $self->{results} }, { tally => { door => $self->{door}{name}, %tally } };
	return;
}

sub configurations { my ($shared) = @_; return $shared ? @shared : @configurations; }

sub configurations_of
{
	my ($self, $door) = @_;
	return grep {
		!($door->{'only superuser'} && $_->{role})
		  && !($door->{'only owner'} && !$_->{role})
		  && !($door->{'only preloaded'} && !$_->{preloaded})
	} configurations($self->{shared});
}

# Whether the door may lead through in a configuration, named as one that nothing of the guard's can see there.
sub is_unseen
{
	my ($door, $configuration) = @_;
	return 0 if $configuration->{shared};
	return $door->{ $configuration->{preloaded} ? 'unseen preloaded' : 'unseen' } ? 1 : 0;
}

sub walk
{
	my ($self, $door) = @_;
	$self->{door} = $door;
	# A door that can't even be set up must not keep the others from being walked.
	my $walked = eval {
		if ($door->{list} eq 'damage') { $self->is_real unless $self->{shared}; $self->is_shut; }
		else { $self->is_open; }
		1;
	};
	$self->test(0, 'walked', $@) unless $walked;
	eval { $self->clean_up; 1 } or $self->test(0, 'cleaned up', $@);
	return;
}

sub clean_up
{
	my ($self) = @_;
	my $cleanup = $self->{door}{cleanup};
	$self->{house}->demand('postgres', $cleanup, settings => $DoorHouse::housekeeping) if defined $cleanup;
	return;
}

sub set_up
{
	my ($self, $database) = @_;
	my $house = $self->{house};
	for my $setup ([ 'superuser setup', undef ], [ 'setup', 'door_owner' ])
	{
		my $sql = $self->{door}{ $setup->[0] };
		$house->demand($database, $sql, role => $setup->[1], settings => '-c client_min_messages=error') if defined $sql;
	}
	return;
}

sub furnish
{
	my ($self, $database, $template, $configuration) = @_;
	$self->clean_up;
	$self->{house}->furnish($database, $template, preloaded => $configuration->{preloaded});
	$self->set_up($database);
	$self->{last} = 0;
	return;
}

# Without the guard the predicate comes true, or the door would prove nothing. What is done to the guard itself is done
# with its mode off.
sub is_real
{
	my ($self) = @_;
	my $door = $self->{door};
	my $tampering = $door->{rule} eq 'guard_tampering' || $door->{damage} =~ /schema_guard/;
	$self->furnish('door_without', $tampering ? 'door_guarded' : 'door_bare', {});
	my $result = $self->{house}->session(
		'door_without', ($tampering ? "SET schema_guard.mode = off;\n" : '') . $door->{statement},
		role => $door->{'only superuser'} ? undef : 'door_owner',
		connection => $door->{connection});
	$self->test($result->{status} == 0, 'runs without the guard', $result->{err});
	my $seen = $self->{house}->session('door_without', "SELECT 'predicate', ($door->{damage});", stop => 0);
	$self->test(scalar($seen->{out} =~ /^predicate\|t$/m), 'does damage without the guard', "$seen->{out}$seen->{err}");
	return;
}

# The errors and the guard's words in what a client was told.
sub errors { my ($err) = @_; return join ' ', $err =~ /^(?:psql:\S+ )?(?:ERROR|FATAL|PANIC):  (\w{5}):/mg; }
sub warned_rules { my ($err) = @_; return $err =~ /^DETAIL:  The rule is (\w+)\./mg; }
sub said_twice { my %seen; return join "\n", grep { /(?:NOTICE|WARNING):  / && $seen{$_}++ } split /\n/, $_[0]; }
sub guards_words { my ($text) = @_; return join "\n", grep { /SG0\d\d|schema_guard|The rule is/ } split /\n/, $text; }

# What a door has left behind: the predicate, and the audit's rows since the last time. Where a row of a denial is
# awaited, it is not if the damage was done.
sub look
{
	my ($self, $predicate, $awaited) = @_;
	my $wait = $awaited ? qq{
		DO \$\$ DECLARE until timestamptz := clock_timestamp() + interval '$patience s'; BEGIN
		IF '$awaited' = 'blocked' AND ($predicate) THEN RETURN; END IF;
		WHILE NOT EXISTS (SELECT FROM schema_guard.audit WHERE id > $self->{last} AND verdict = '$awaited')
			AND clock_timestamp() < until LOOP PERFORM pg_sleep(0.01); END LOOP; END \$\$;} : '';
	my $seen = $self->{house}->session(
		'door', qq{SELECT 'predicate', ($predicate);$wait
		SELECT 'audit', id, verdict, rule FROM schema_guard.audit WHERE id > $self->{last} ORDER BY id;},
		stop => 0);
	my @rows = map { { id => $_->[0], verdict => $_->[1], rule => $_->[2] } }
	  map { /^audit\|(\d+)\|(\w*)\|(\w*)$/ ? [ $1, $2, $3 ] : () } split /\n/, $seen->{out};
	$self->{last} = $rows[-1]{id} if @rows;
	my ($answer) = $seen->{out} =~ /^predicate\|([tf])$/m;
	my $text = join ', ', map { "$_->{verdict} $_->{rule}" } @rows;
	return {
		true => defined $answer && $answer eq 't',
		known => defined $answer,
		rows => \@rows,
		text => "audit: $text\n$seen->{err}" };
}

sub is_shut
{
	my ($self) = @_;
	my $door = $self->{door};
	my $state = $door->{rule} eq 'guard_tampering' ? 'SG007' : 'SG001';
	my ($furnished, $preloaded) = (0, 0);
	for my $configuration ($self->configurations_of($door))
	{
		my $name = $configuration->{name};
		if (!$furnished)
		{
			$self->furnish('door', 'door_guarded', $configuration);
		}
		elsif ($configuration->{preloaded} && !$preloaded)
		{
			$self->{house}->preload('door');
		}
		($furnished, $preloaded) = (1, $configuration->{preloaded});
		my $result = $self->{house}->session(
			'door', $door->{statement}, role => $configuration->{role}, connection => $door->{connection});
		my $errors = errors($result->{err});
		my $refused = $door->{swallowed} ? $errors eq '' : $errors eq $state;
		my $seen = $self->look($door->{damage}, $refused ? 'blocked' : undef);
		my $recorded = grep { $_->{verdict} eq 'blocked' && $_->{rule} eq $door->{rule} } @{ $seen->{rows} };
		$furnished = 0 if $seen->{true} || !$seen->{known};
		my $excused = $seen->{true} && is_unseen($door, $configuration);
		$self->tally(
			configuration => $name, walked => 1, unseen => $excused,
			through => $seen->{true} && !$excused, unrecorded => !$recorded && !$excused);
		next if $excused;
		$self->test($refused, "$name: refused" . ($door->{swallowed} ? ', and swallowed' : " with $state"), $result->{err});
		$self->test($seen->{known} && !$seen->{true}, "$name: no damage is done", $seen->{text});
		$self->test($recorded, "$name: on record, blocked by $door->{rule}", $seen->{text});
	}
	return;
}

# What does no damage passes: in silence, or with exactly one WARNING if it is one of those that may.
sub is_open
{
	my ($self) = @_;
	my $door = $self->{door};
	my $made = defined($door->{setup}) || defined($door->{'superuser setup'});
	# What is outside of the database, and is cleaned up, has to be set up each time.
	my $template = $made && !defined $door->{cleanup};
	$self->furnish('door_base', 'door_guarded', {}) if $template;
	for my $configuration ($self->configurations_of($door))
	{
		my $name = $configuration->{name};
		if ($template)
		{
			$self->{house}->furnish('door', 'door_base', preloaded => $configuration->{preloaded});
		}
		else
		{
			$self->furnish('door', 'door_guarded', $configuration);
		}
		$self->{last} = 0;
		my $result = $self->{house}->session(
			'door', $door->{statement}, role => $configuration->{role}, connection => $door->{connection});
		my $errors = errors($result->{err});
		my $warned = $door->{list} eq 'warned';
		my $seen = $self->look($door->{done}, $warned && warned_rules($result->{err}) ? 'warned' : undef);
		my $passed = $result->{status} == 0 && $errors eq '' && $seen->{true};
		my $words = guards_words("$result->{out}$result->{err}");
		my @judged = map { "$_->{verdict} $_->{rule}" } grep { $_->{verdict} =~ /^(blocked|warned)$/ } @{ $seen->{rows} };
		$self->tally(
			configuration => $name, walked => 1, refused => !$passed,
			noticed => $passed && ($warned ? "@judged" ne "warned $door->{rule}" : $words ne '' || @judged));
		$self->test($result->{status} == 0 && $errors eq '', "$name: passes", $result->{err});
		$self->test($seen->{true}, "$name: the work is done", $seen->{text});
		if ($warned)
		{
			my $rules = join ' ', warned_rules($result->{err});
			$self->test($rules eq $door->{rule}, "$name: one WARNING, by $door->{rule}", $result->{err});
		}
		else
		{
			$self->test($words eq '', "$name: without a word of the guard's", $words);
			my $twice = said_twice($result->{err} =~ s/^psql:\S+ //mgr);
			$self->test($twice eq '', "$name: nothing is said twice", $twice);
		}
		$self->test("@judged" eq ($warned ? "warned $door->{rule}" : ''), "$name: the audit says so", $seen->{text});
	}
	return;
}

1;
