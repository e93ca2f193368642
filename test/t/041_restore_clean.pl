# pg_restore --clean drops before it creates: it is refused, rehearsed, approved, and then passes, as any migration.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use OtherTools;
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Shop;
use Test::More;

my $node = guarded_cluster('restore_clean');
my $scratch = PostgreSQL::Test::Utils::tempdir();
my @tables = map { "public.$_" } qw(customer event event_2026_01 event_rest purchase);
guard_database($node, database($node, 'shop'));
fill_shop($node, 'shop');
my $contents = contents_of_shop($node, 'shop');
silent(run_tool($node, [ 'pg_dump', '-Fc', '-f', "$scratch/shop.dump", 'shop' ]), 'a dump');

# The dump's list of contents without the guard, which stays as it is.
my $list = run_tool($node, [ 'pg_restore', '-l', "$scratch/shop.dump" ])->{out};
like($list, qr/EXTENSION - schema_guard/, 'the dump has the extension');
PostgreSQL::Test::Utils::append_to_file("$scratch/list", join '', grep { !/schema_guard/ } split /^/, $list);
my @clean = ('pg_restore', '--clean', '--if-exists', '--single-transaction', '-L', "$scratch/list");

# What has been lost after the dump was made.
sub age
{
	my ($database) = @_;
	my $result = run_sql($node, q{DELETE FROM purchase WHERE id > 10; UPDATE customer SET name = 'x'; CREATE TABLE of_today (id integer)},
		connection => "dbname=$database");
	die $result->{err} if $result->{status} != 0;
	return contents_of_shop($node, $database);
}

# The whole road, for a dump's command with FILE in it.
sub refused_rehearsed_approved
{
	my ($name, $database, @command) = @_;
	my $before = age($database);
	my $result = run_tool($node, [@command], database => $database);
	isnt($result->{status}, 0, "$name: fails");
	like($result->{err}, qr/ERROR:  (?:SG001: )?cannot drop table public\.\w+ without an approval/, "$name: is refused");
	like($result->{err}, qr/Request \d+ was filed/, "$name: with a request");
	is(contents_of_shop($node, $database), $before, "$name: nothing has changed");

	$result = run_tool($node, [@command], database => $database, settings => '-c schema_guard.rehearse=on');
	isnt($result->{status}, 0, "$name: the rehearsal fails");
	like($result->{err}, qr/rehearsal complete: this transaction needs an approval for \d+ effects/, "$name: at its end");
	is(contents_of_shop($node, $database), $before, "$name: nothing has changed by the rehearsal");
	my $request = request_named($result) // 0;
	pending_effects($node, $database, $request, "@tables", "$name: one request for every table");

	my $token = approve_in($node, $database, $request);
	# The rules that warn do so here as well; pg_restore doesn't show it, psql does.
	$result = run_tool($node, [@command], database => $database, settings => with_token($token));
	ok($result->{status} == 0 && $result->{err} !~ /ERROR/, "$name: with the token it passes") or diag($result->{err});
	is(contents_of_shop($node, $database) =~ s/^of_today\|.*\n//mr, $contents, "$name: and everything is as dumped");
	is(ask($node, $database, q{SELECT count(*) FROM of_today}), 0, "$name: what the dump doesn't know stays");
	is( ask($node, $database, q{SELECT string_agg(identity, ' ' ORDER BY identity) FROM schema_guard.approval_effect
			WHERE rule = 'drop_table' AND consumed_at IS NOT NULL}),
		"@tables", "$name: the approval is used up");
	guard_works($node, $database, $name);
}

sub copy { my ($name) = @_; ask($node, 'postgres', "CREATE DATABASE $name TEMPLATE shop OWNER app"); return $name; }

refused_rehearsed_approved('custom', copy('custom'), @clean, '-d', 'custom', "$scratch/shop.dump");
ask($node, 'postgres', 'ALTER DATABASE ' . copy('preloaded') . q{ SET session_preload_libraries = 'schema_guard'});
refused_rehearsed_approved('preloaded', 'preloaded', @clean, '-d', 'preloaded', "$scratch/shop.dump");
silent(run_tool($node, [ @clean, '-f', "$scratch/clean.sql", "$scratch/shop.dump" ]), 'the same as a script');
refused_rehearsed_approved('a script', copy('script'), 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$scratch/clean.sql");

# Into a guarded database that has nothing to drop.
guard_database($node, database($node, 'empty'));
silent(run_tool($node, [ @clean, '-d', 'empty', "$scratch/shop.dump" ]), 'into an empty database it passes');
is(contents_of_shop($node, 'empty'), $contents, 'with everything');

# Without --single-transaction pg_restore goes on behind an error: the tables are kept, and get the dump's rows as well.
copy('goes_on');
my $result = run_tool($node, [ 'pg_restore', '--clean', '--if-exists', '-d', 'goes_on', "$scratch/shop.dump" ]);
isnt($result->{status}, 0, 'without --single-transaction it fails, in the end');
like($result->{err}, qr/cannot drop table public\.$_ without an approval/, "it was refused the table $_") for qw(customer purchase event);
like($result->{err}, qr/cannot change or drop extension schema_guard/, 'and the extension');
cmp_ok(ask($node, 'goes_on', 'SELECT count(*) FROM customer'), '>=', 100, 'no row is lost');
arrived($node, 'goes_on', q{SELECT count(*) FROM schema_guard.pending WHERE source = 'denial'}, 6, 'each refusal filed a request');

# The extension in the list: a superuser who turns the guard off drops it with everything else, and has it made again.
copy('anew');
my @everything = ('pg_restore', '--clean', '--if-exists', '--single-transaction', '-d', 'anew', "$scratch/shop.dump");
like(run_tool($node, [@everything])->{err}, qr/without an approval/, 'the whole dump is refused');
like(run_tool($node, [@everything], role => 'app', settings => '-c schema_guard.mode=off')->{err}, qr/ERROR/, 'also app, who can\'t turn the guard off');
silent(run_tool($node, [@everything], settings => '-c schema_guard.mode=off'), 'with the guard off it passes');
is(contents_of_shop($node, 'anew'), $contents, 'with everything');
is(ask($node, 'anew', 'SELECT count(*) FROM schema_guard.audit'), 0, 'and an audit that begins anew');
ask($node, 'anew', q{SELECT schema_guard.grant_approver('dba')});
guard_works($node, 'anew', 'the new guard');

$node->stop;
done_testing();
