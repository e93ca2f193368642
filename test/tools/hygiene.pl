# The house rules for SQL, checked in the installed extension: every function of schema schema_guard has its
# search_path pinned, has a comment, and can be executed by PUBLIC only if test/tools/public_functions lists it.
# test/tools/unpinned_functions lists those that may do without the pinned path. Both lists hold one
# name(argument types) a line, and an entry that fits no function is an error too.
use strict;
use warnings;
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub read_list
{
	my ($name) = @_;
	my @entries = grep { /\S/ && !/^#/ } split /\n/, slurp_file(dirname(__FILE__) . "/$name");
	s/^\s+|\s+$//g for @entries;
	return map { $_ => 1 } @entries;
}

my %public = read_list('public_functions');
my %unpinned = read_list('unpinned_functions');

my $node = PostgreSQL::Test::Cluster->new('hygiene');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION schema_guard');

my $rows = $node->safe_psql('postgres', q{
	SELECT format('%s(%s)', proname,
	              (SELECT string_agg(format_type(type, NULL), ', ' ORDER BY place)
	               FROM unnest(proargtypes) WITH ORDINALITY AS argument (type, place))),
	       coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false),
	       obj_description(oid, 'pg_proc') IS NOT NULL,
	       has_function_privilege('public', oid, 'EXECUTE')
	FROM pg_proc WHERE pronamespace = 'schema_guard'::regnamespace ORDER BY 1});

my %seen;
for my $row (split /\n/, $rows)
{
	my ($function, $pinned, $comment, $executable) = split /\|/, $row;
	$seen{$function} = 1;
	ok($pinned eq 't' || $unpinned{$function}, "$function: search_path is pinned");
	is($comment, 't', "$function: has a comment");
	is($executable, $public{$function} ? 't' : 'f', "$function: PUBLIC may execute it only if listed");
}
ok(%seen > 0, 'schema schema_guard has functions');
ok($seen{$_}, "listed in public_functions: $_ exists") for sort keys %public;
ok($seen{$_}, "listed in unpinned_functions: $_ exists") for sort keys %unpinned;

$node->stop;
done_testing();
