# Restores that begin by dropping whole databases: refused, approved in the database where the command runs, and then
# they pass.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Shop;
use Test::More;

my $node = guarded_cluster('restore_databases');
my $scratch = PostgreSQL::Test::Utils::tempdir();
# DROP DATABASE is nothing that an event trigger sees.
ask($node, 'postgres', 'SELECT schema_guard.harden()');
guard_database($node, database($node, 'shop'));
fill_shop($node, 'shop');
my $contents = contents_of_shop($node, 'shop');
silent(run_tool($node, [ 'pg_dump', '-Fc', '-f', "$scratch/shop.dump", 'shop' ]), 'a dump');
silent(run_tool($node, [ 'pg_dumpall', '--clean', '--if-exists', '-f', "$scratch/all.sql" ]), 'a dump of everything');
my $age = q{UPDATE customer SET name = 'x'};

# pg_restore.
my @restore = ('pg_restore', '--clean', '--if-exists', '--create', '--exit-on-error', '-d', 'postgres', "$scratch/shop.dump");
ask($node, 'shop', $age);
my $refusal = run_tool($node, [@restore]);
isnt($refusal->{status}, 0, 'pg_restore --clean --create fails');
like($refusal->{err}, qr/cannot drop database shop without an approval/, 'is refused');
is(ask($node, 'shop', q{SELECT count(*) FROM customer WHERE name = 'x'}), 100, 'the database is there');
my $token = approve_in($node, 'postgres', request_named($refusal));
silent(run_tool($node, [@restore], settings => with_token($token)), 'with the token it passes');
is(contents_of_shop($node, 'shop'), $contents, 'and everything is as dumped');
is(ask($node, 'postgres', q{SELECT verdict FROM schema_guard.audit WHERE rule = 'drop_database' ORDER BY id DESC LIMIT 1}), 'approved', 'it is on record');
# The guard in it has begun anew.
ask($node, 'shop', q{SELECT schema_guard.grant_approver('dba')});
guard_works($node, 'shop', 'the new database');

# pg_dumpall --clean.
ask($node, 'shop', $age);
my @everything = ('psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$scratch/all.sql");
$refusal = run_tool($node, [@everything]);
like($refusal->{err}, qr/cannot drop database shop without an approval/, 'the script of pg_dumpall --clean is refused');
is(ask($node, 'shop', q{SELECT count(*) FROM customer WHERE name = 'x'}), 100, 'the database is there');

# Roles that are still in use can't be dropped, which PostgreSQL says. It has far more to drop than can be asked for piece by piece: a superuser turns the guard off for it.
my $restored = run_tool($node, [ 'psql', '-Xq', '-f', "$scratch/all.sql" ], settings => '-c schema_guard.mode=off');
my @errors = grep { !/role "\w+" already exists|cannot be dropped/ } $restored->{err} =~ /^.*(?:ERROR|WARNING):.*$/mg;
is("@errors", '', 'with the guard off it runs');
is(contents_of_shop($node, 'shop'), $contents, 'and everything is as dumped');
is(ask($node, 'postgres', 'SHOW session_preload_libraries'), 'schema_guard', 'and the settings of databases are');
ask($node, $_, q{SELECT schema_guard.grant_approver('dba')}) for 'shop', 'postgres';
guard_works($node, $_, "$_, restored by pg_dumpall") for 'shop', 'postgres';

# dropdb and createdb.
$refusal = run_tool($node, [ 'dropdb', 'shop' ]);
like($refusal->{err}, qr/cannot drop database shop without an approval/, 'dropdb is refused');
like(run_tool($node, [ 'dropdb', '--force', 'shop' ])->{err}, qr/cannot drop database shop without an approval/, 'dropdb --force too');
silent(run_tool($node, [ 'dropdb', '--if-exists', 'nothing_of_the_kind' ]), 'what isn\'t there is nobody\'s loss');
$token = approve_in($node, 'postgres', request_named($refusal));
silent(run_tool($node, [ 'dropdb', 'shop' ], settings => with_token($token)), 'approved, it passes');
silent(run_tool($node, [ 'createdb', '-O', 'app', 'shop' ]), 'createdb');

# What is dropped all the time is left out of the protection.
ask($node, 'postgres', q{SET schema_guard.mode = off; ALTER SYSTEM SET schema_guard.protect_databases = 'postgres, shop'});
$node->reload;
ok($node->poll_query_until('postgres', q{SELECT current_setting('schema_guard.protect_databases') = 'postgres, shop'}), 'only some databases are protected');
silent(run_tool($node, [ 'createdb', 'scratch' ]), 'a scratch database');
silent(run_tool($node, [ 'dropdb', 'scratch' ]), 'comes and goes');
like(run_tool($node, [ 'dropdb', 'shop' ])->{err}, qr/cannot drop database shop without an approval/, 'the others are protected');

$node->stop;
done_testing();
