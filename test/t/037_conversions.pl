# ALTER COLUMN … TYPE from each of the common types to each: what passes in silence loses nothing of any value at the edge
# of its type, by what PostgreSQL itself does; what PostgreSQL refuses gets PostgreSQL's error; and each verdict is the
# one in test/conversions/verdicts. This test leaves that file, as it would be now, among its logs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../conversions";
use Conversions qw(read_types install judge);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Verdicts qw(verdict_of read_verdicts expected_under verdicts_as_text differences);

my @around_text = ('text', 'varchar(10)', 'char(10)', 'citext');
my @around_time = (
	@around_text, 'text[]', 'date', 'time', 'time(0)', 'timetz', 'timestamp', 'timestamp(0)', 'timestamptz',
	'timestamptz(0)', 'timestamp[]', 'timestamptz[]', 'interval', 'interval(0)', 'interval day to second',
	'interval year to month');
my @around_floats = (
	@around_text, 'text[]', 'integer', 'bigint', 'numeric', 'numeric(10,2)', 'numeric(10,2)[]', 'real', 'double precision',
	'double precision[]', 'point', 'place');
my @exact = ("TimeZone = 'UTC'", 'extra_float_digits = 1');

my @types = read_types();
my @settings = (
	[ join('; ', @exact), map { $_->{name} } @types ],
	[ "TimeZone = 'Europe/Berlin'; $exact[1]", @around_time ],
	[ "$exact[0]; extra_float_digits = 0", @around_floats ],
	[ "TimeZone = 'Europe/Berlin'; extra_float_digits = 0", @around_time, @around_floats ],
	[ "TimeZone = '+02'; $exact[1]", @around_time ],
	# Local time that was there twice under one name, and a date that never was.
	[ "TimeZone = 'Europe/Moscow'; DateStyle = 'SQL, DMY'; $exact[1]", @around_time ],
	[ "TimeZone = 'Pacific/Apia'; $exact[1]", @around_time ],
	[ "IntervalStyle = 'sql_standard'; $exact[0]; $exact[1]", @around_time ],
	[ "bytea_output = 'escape'; $exact[0]; $exact[1]", 'bytea', 'varchar(3)', @around_text ]);

my $node = PostgreSQL::Test::Cluster->new('conversions');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_min_messages = panic\nwal_level = minimal\nmax_wal_senders = 0");
$node->start;
install($node, @types);
$node->safe_psql('postgres', 'CREATE EXTENSION schema_guard');

# By setting, source, target and form; what is right if it is not what was found.
my (%found, %right);
for my $case (@settings)
{
	my ($setting, @names) = @$case;
	my ($findings, $said) = judge($node, $setting, @names);
	is($said, '', "under $setting: no warning, no failure");

	my (%silent_losses, %wrong_errors, %needless);
	for my $finding (@$findings)
	{
		my ($source, $target, $form, $truth, $state) = @$finding{qw(source target form truth state)};
		my $verdict = verdict_of($finding);
		$found{$setting}{$source}{$target}{$form} = $verdict;
		my $is_silent_loss = $verdict eq 'passes' && $truth eq 'lost';
		$right{$setting}{$source}{$target}{$form} = $is_silent_loss ? 'blocks' : $verdict;
		push @{ $silent_losses{$source} }, "to $target $form: $finding->{example}" if $is_silent_loss;
		my $expected = $form eq 'by cast' ? '42846' : '42804';
		push @{ $wrong_errors{$source} }, "to $target $form: $state"
		  if $truth eq 'refused' ? $state ne $expected : $state !~ /^(00DID|SG001|22...|23514|42P01|42883)$/;
		push @{ $needless{$source} }, "$target $form" if $verdict eq 'blocks needlessly';
	}
	my $count = keys %{ { map { $_ => 1 } @names } };
	is(scalar @$findings, 2 * $count * $count, "under $setting: every change was judged");
	for my $source (sort keys %{ $found{$setting} })
	{
		is(join("\n", sort @{ $silent_losses{$source} // [] }), '', "under $setting: nothing of $source is lost in silence");
		is(join("\n", sort @{ $wrong_errors{$source} // [] }), '', "under $setting: PostgreSQL's own errors, from $source");
	}
	note("under $setting, blocked although no sample loses anything:");
	note("  from $_: to " . join ', ', @{ $needless{$_} }) for sort keys %needless;
}

my $file = "$FindBin::Bin/../conversions/verdicts";
my $expected = read_verdicts($file);
my ($head) = slurp_file($file) =~ /\A((?:#.*\n)*)/;
my @order = map { $_->[0] } @settings;
my @sources = map { $_->{name} } @types;
append_to_file("$PostgreSQL::Test::Utils::log_path/verdicts", $head . verdicts_as_text(\%right, $expected, \@order, \@sources));
for my $setting (@order)
{
	for my $source (grep { $found{$setting}{$_} } @sources)
	{
		my @different = differences($found{$setting}{$source}, expected_under($expected, $order[0], $setting, $source));
		is(join("\n", @different), '', "under $setting: the verdicts on $source are those of the file");
	}
}

$node->stop;
done_testing();
