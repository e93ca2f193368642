# pg_dump, pg_dumpall and pg_restore as they are used for copies: nothing of the guard's is in the way, where the
# dump comes from, where it goes to a database that is guarded already, or to one that becomes so by the dump.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Shop;
use Test::More;

my $node = guarded_cluster('dump');
my $scratch = PostgreSQL::Test::Utils::tempdir();
guard_database($node, database($node, 'shop'));
fill_shop($node, 'shop');
my $contents = contents_of_shop($node, 'shop');
my $copies = 0;

# Dumps the shop with these options, and restores it twice. Returns the name of the guarded copy.
sub copied
{
	my ($name, $dump, $restore, %option) = @_;
	my ($guarded, $new) = map { "$_" . ++$copies } qw(guarded new);
	my $file = "$scratch/shop.$copies";
	silent(run_tool($node, [ 'pg_dump', @$dump, '-f', $file, 'shop' ], %option), "$name: dump");
	guard_database($node, database($node, $guarded));
	database($node, $new);
	for my $target ($guarded, $new)
	{
		my @command = map { $_ eq 'FILE' ? $file : $_ } @$restore;
		my $from = log_size($node);
		silent(run_tool($node, [ @command, '-d', $target ], %option), "$name: restore to $target");
		quiet_log($node, $from, "$name: the log is quiet");
		is(contents_of_shop($node, $target), $contents, "$name: everything is there");
	}
	return ($guarded, $new, $file);
}

my @psql = ('psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', 'FILE');
my ($guarded, $new, $plain) = copied('plain', ['-Fp'], \@psql);
unlike(slurp_file($plain), qr/COPY schema_guard|INSERT INTO schema_guard|schema_guard_ddl_command/, 'no row and no trigger of the guard\'s is dumped');
guard_works($node, $guarded, 'a copy that was guarded before');
# Who may approve is data of the extension's, and that is not dumped.
ask($node, $new, q{SELECT schema_guard.grant_approver('dba')});
guard_works($node, $new, 'a copy that was not');
copied('plain, by INSERT', [ '-Fp', '--inserts' ], \@psql);
copied('custom', ['-Fc'], [ 'pg_restore', '--exit-on-error', 'FILE' ]);
copied('custom, in one transaction, checked', ['-Fc'], [ 'pg_restore', '--single-transaction', '--no-comments', 'FILE' ]);
# In parallel, pg_restore empties each table that it has just made before it fills it.
copied('custom, in parallel', ['-Fc'], [ 'pg_restore', '--exit-on-error', '-j', '2', 'FILE' ]);
copied('directory, in parallel', [ '-Fd', '-j', '2' ], [ 'pg_restore', '--exit-on-error', '-j', '2', 'FILE' ]);
copied('tar', ['-Ft'], [ 'pg_restore', '--exit-on-error', 'FILE' ]);
copied('triggers off for the data', [ '-Fp', '--disable-triggers' ], \@psql);
copied('the library loaded first', ['-Fc'], [ 'pg_restore', '--exit-on-error', 'FILE' ],
	settings => '-c session_preload_libraries=schema_guard');

# Piece by piece, as --section has it.
guard_database($node, database($node, 'sections'));
run_tool($node, [ 'pg_dump', '-Fc', '-f', "$scratch/sections", 'shop' ]);
for my $section (qw(pre-data data post-data))
{
	silent(run_tool($node, [ 'pg_restore', '--exit-on-error', "--section=$section", '-d', 'sections', "$scratch/sections" ]), "section $section");
}
is(contents_of_shop($node, 'sections'), $contents, 'the sections make a whole');

# A database that pg_restore creates.
silent(run_tool($node, [ 'pg_dump', '-Fc', '-f', "$scratch/create", 'sections' ]), 'a dump of a copy');
ask($node, 'postgres', 'DROP DATABASE sections');
silent(run_tool($node, [ 'pg_restore', '--exit-on-error', '--create', '-d', 'postgres', "$scratch/create" ]), 'pg_restore --create');
is(contents_of_shop($node, 'sections'), $contents, 'has made the database again');

# A database that is copied as a whole has its guard and its audit, and a journal of its own.
refusal($node, 'shop', 'DROP TABLE purchase CASCADE', qr/purchase/, 'a refusal in the template');
arrived($node, 'shop', 'SELECT count(*) FROM schema_guard.blocked', 1, 'is on record');
ask($node, 'postgres', 'CREATE DATABASE twin TEMPLATE shop OWNER app');
is(ask($node, 'twin', 'SELECT count(*) FROM schema_guard.blocked'), 1, 'and copied with it');
guard_works($node, 'twin', 'a copy by CREATE DATABASE');

# Ordinary roles: the owner, and one whom row security shows a part.
ask($node, 'postgres', 'CREATE ROLE clerk LOGIN');
my $result = run_sql($node, q{
	ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
	GRANT SELECT ON customer, customer_id_seq TO clerk;
	CREATE POLICY small ON customer FOR SELECT TO clerk USING (id <= 3);}, connection => 'dbname=shop');
silent($result, 'row security for the clerk');
silent(run_tool($node, [ 'pg_dump', '-Fc', '-n', 'public', '-f', "$scratch/owner", 'shop' ], role => 'app'), 'the owner dumps');
guard_database($node, database($node, 'owned'));
ask($node, 'owned', 'DROP SCHEMA public; GRANT CREATE ON DATABASE owned TO app');
silent(run_tool($node, [ 'pg_restore', '--exit-on-error', '-d', 'owned', "$scratch/owner" ], role => 'app'), 'and restores');
is(ask($node, 'owned', 'SELECT count(*) FROM customer'), 100, 'all rows');
my @by_clerk = ('pg_dump', '-Fp', '-t', 'customer', '-f', "$scratch/clerk");
like(run_tool($node, [ @by_clerk, 'shop' ], role => 'clerk')->{err}, qr/row-level security/, 'the clerk is told of row security by PostgreSQL');
silent(run_tool($node, [ @by_clerk, '--enable-row-security', 'shop' ], role => 'clerk'), 'and dumps under it');
is(scalar(() = slurp_file("$scratch/clerk") =~ /^\d+\tc\d+\t/mg), 3, 'what the policy shows');

# psql's \copy.
silent(run_tool($node, [ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1' ], role => 'app', database => 'shop', input => <<"SQL"), '\\copy');
\\copy customer TO '$scratch/customer.csv' CSV HEADER
CREATE TABLE again (LIKE customer);
\\copy again FROM '$scratch/customer.csv' CSV HEADER
\\copy (SELECT name FROM again) TO '$scratch/names'
SQL
is(scalar(() = slurp_file("$scratch/names") =~ /^c\d+$/mg), 100, 'went out, in, and out again');

# The whole cluster.
ask($node, 'postgres', q{ALTER DATABASE shop SET session_preload_libraries = 'schema_guard'});
silent(run_tool($node, [ 'pg_dumpall', '-f', "$scratch/all.sql" ]), 'pg_dumpall');
for my $configuration ('', "shared_preload_libraries = 'schema_guard'\n")
{
	my $name = $configuration ? 'a preloaded cluster' : 'a fresh cluster';
	my $other = bare_cluster($configuration ? 'preloaded' : 'fresh', $configuration);
	$other->start;
	# The superuser is there already, which PostgreSQL says.
	my $restored = run_tool($other, [ 'psql', '-Xq', '-f', "$scratch/all.sql" ]);
	my @errors = grep { !/role "\w+" already exists/ } $restored->{err} =~ /^.*(?:ERROR|WARNING|NOTICE):.*$/mg;
	is("@errors", '', "$name: restored in silence");
	is(ask($other, 'shop', 'SHOW session_preload_libraries'), 'schema_guard', "$name: with the settings of databases");
	is(ask($other, 'guarded1', q{SELECT count(*) FROM customer}), 100, "$name: with rows");
	ask($other, $_, q{SELECT schema_guard.grant_approver('dba')}) for 'shop', 'postgres';
	guard_works($other, $_, "$name, $_") for 'shop', 'postgres';
	$other->stop;
}

$node->stop;
done_testing();
