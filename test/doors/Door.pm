# Reads test/doors/*/*.door. A door is a way into the data: one statement, or a few, in a session of their own. Those in
# damage/ destroy a stored value, a table, or the guard itself; those in warned/ may, and pass with a WARNING; those in
# harmless/ do not, however much they look like it. The format:
#
#   door: a name, unique in its list
#     node:             the parse nodes it is listed under in the file `statements`, with commas between
#     superuser setup:  SQL, run first, by a superuser
#     setup:            SQL, run by the role door_owner, who owns the schema r and may create others
#     statement:        SQL; the first of it is the first statement of its session. What psql knows as :database, :host
#                       and :port is where it runs
#     damage:           a query of one boolean, true if the damage was done (damage/)
#     done:             a query of one boolean, true if the work was really done (harmless/, warned/)
#     rule:             the rule that the audit must name (damage/, warned/)
#     swallowed:        how the error is kept from the client
#     unseen:           why no event trigger can see it in a session's first statements: with nothing but CREATE
#                       EXTENSION, where the library is not loaded yet, it may go through
#     unseen preloaded: why session_preload_libraries does not bring the library either; shared_preload_libraries does
#     only superuser:   why no other role can do it
#     only owner:       why it proves nothing of a superuser
#     only preloaded:   why it takes a preloaded library
#     connection:       words added to the connection string
#     cleanup:          SQL that removes what it leaves outside of its database, run by a superuser in another one
#     from, until:      the first and last major version that has it
package Door;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(read_doors read_list lists exists_in);

my @keys = (
	'node', 'superuser setup', 'setup', 'statement', 'damage', 'done', 'rule', 'swallowed', 'unseen',
	'unseen preloaded', 'only superuser', 'only owner', 'only preloaded', 'connection', 'cleanup', 'from', 'until');

my %needed = (
	damage => [qw(node statement damage rule)],
	warned => [qw(node statement done rule)],
	harmless => [qw(node statement done)]);

sub lists { return sort keys %needed; }

sub read_doors
{
	my ($path, $list) = @_;
	my (@doors, $door, $key);
	my $number = 0;
	for my $line (split /\n/, slurp_file($path))
	{
		$number++;
		next if $line =~ /^\s*(#.*)?$/;
		if ($line =~ /^door: (\S.*)$/)
		{
			$door = { name => $1, list => $list, place => "$path:$number" };
			push @doors, $door;
			$key = undef;
		}
		elsif ($door && $line =~ /^  ([a-z][a-z ]*):(?: (.*))?$/ && grep { $_ eq $1 } @keys)
		{
			$key = $1;
			die "$path:$number: a second $key" if exists $door->{$key};
			$door->{$key} = $2 // '';
		}
		elsif ($key && $line =~ /^    (.*)$/)
		{
			$door->{$key} .= ($door->{$key} eq '' ? '' : "\n") . $1;
		}
		else
		{
			die "$path:$number: not understood: $line";
		}
	}
	for my $each (@doors)
	{
		for my $key (@{ $needed{$list} })
		{
			die "$each->{place}: no $key" unless defined $each->{$key};
		}
		$each->{nodes} = [ split /,\s+/, $each->{node} ];
	}
	return @doors;
}

# A whole list, in the order of its files.
sub read_list
{
	my ($directory, $list) = @_;
	return map { read_doors($_, $list) } sort glob "$directory/$list/*.door";
}

sub exists_in
{
	my ($door, $major) = @_;
	return $major >= ($door->{from} // 0) && $major <= ($door->{until} // $major);
}

1;
