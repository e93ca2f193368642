# An approval is for a statement whose text says all that it does. What the text leaves open (parameters, a prepared
# statement's name, what COPY reads, what comes after the first megabyte, schemas that go by the role's name) is either
# part of what is approved, or there is no approving it.
use strict;
use warnings;
use File::Spec;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('approval_says_all');
my $file = File::Spec->rel2abs($node->basedir . '/rows');
sub write_file { my ($text) = @_; open my $handle, '>', $file or die "$file: $!"; print $handle $text; close $handle; return; }
my $long = 'x' x (1024 * 1024);

# What the session does before (both times), what is approved, and what comes with the token: the same or another, and
# whether it is let through. @ stands for a table of its own, a (text), b (text), with one row, of app's.
my @cases = (
	{ name => 'EXECUTE of the same',
		approved => 'PREPARE p AS DELETE FROM schema_guard.audit WHERE id = 1; EXECUTE p;',
		then => 'PREPARE p AS DELETE FROM schema_guard.audit WHERE id = 1; EXECUTE p;', passes => 1 },
	{ name => 'EXECUTE of another statement by that name',
		approved => 'PREPARE p AS DELETE FROM schema_guard.audit WHERE id = 1; EXECUTE p;',
		then => 'PREPARE p AS DELETE FROM schema_guard.audit; EXECUTE p;' },
	{ name => 'EXECUTE with another parameter',
		approved => 'PREPARE p(bigint) AS DELETE FROM schema_guard.audit WHERE id = $1; EXECUTE p(1);',
		then => 'PREPARE p(bigint) AS DELETE FROM schema_guard.audit WHERE id = $1; EXECUTE p(2);' },
	{ name => 'EXECUTE with the same parameter, which nobody can tell',
		approved => 'PREPARE p(bigint) AS DELETE FROM schema_guard.audit WHERE id = $1; EXECUTE p(1);',
		then => 'PREPARE p(bigint) AS DELETE FROM schema_guard.audit WHERE id = $1; EXECUTE p(1);' },
	{ name => 'EXECUTE within EXPLAIN',
		approved => 'PREPARE p AS DELETE FROM schema_guard.audit WHERE id = 1; EXPLAIN ANALYZE EXECUTE p;',
		then => 'PREPARE p AS DELETE FROM schema_guard.audit; EXPLAIN ANALYZE EXECUTE p;' },
	{ name => 'EXECUTE within CREATE TABLE AS',
		approved => 'PREPARE p AS WITH gone AS (DELETE FROM schema_guard.audit WHERE id = 1 RETURNING id) SELECT * FROM gone; CREATE TEMPORARY TABLE filled AS EXECUTE p;',
		then => 'PREPARE p AS WITH gone AS (DELETE FROM schema_guard.audit RETURNING id) SELECT * FROM gone; CREATE TEMPORARY TABLE filled AS EXECUTE p;' },
	{ name => 'a variable of PL/pgSQL',
		approved => 'DO $$ DECLARE n integer := 1; BEGIN DELETE FROM schema_guard.audit WHERE id = n; END $$;',
		then => 'DO $$ DECLARE n integer := 2; BEGIN DELETE FROM schema_guard.audit WHERE id = n; END $$;' },
	{ name => 'rows of a catalog, by EXECUTE with a parameter',
		approved => 'PREPARE p(text) AS UPDATE pg_class SET relname = relname WHERE relname = $1; EXECUTE p($$nothing$$);',
		then => 'PREPARE p(text) AS UPDATE pg_class SET relname = relname WHERE relname = $1; EXECUTE p($$@$$);' },
	{ name => 'COPY into a table of the guard\'s, from a file', file => "drop_table,record,shop.%,forged,postgres\n",
		approved => "COPY schema_guard.standing_policy (rule, action, object_pattern, reason, set_by) FROM '$file' (FORMAT csv);",
		file_then => "drop_table,allow,%,forged,postgres\n" },
	{ name => 'COPY into a table of the guard\'s, from the client',
		approved => "COPY schema_guard.standing_policy (rule, action, object_pattern, reason, set_by) FROM STDIN (FORMAT csv);\ndrop_table,record,shop.%,forged,postgres\n\\.\n",
		then => "COPY schema_guard.standing_policy (rule, action, object_pattern, reason, set_by) FROM STDIN (FORMAT csv);\ndrop_table,allow,%,forged,postgres\n\\.\n" },
	{ name => 'another end after a megabyte', role => 'app',
		approved => "ALTER TABLE @ ALTER a TYPE text USING /* $long */ a || '';", then => "ALTER TABLE @ ALTER a TYPE text USING /* $long */ 'gone';" },
	{ name => 'the same, longer than a megabyte', role => 'app',
		approved => "ALTER TABLE @ ALTER a TYPE text USING /* $long */ a || '';" },
	{ name => 'rows of a catalog, with another end after a megabyte',
		approved => "UPDATE pg_class SET relname = relname /* $long */ WHERE relname = '\@';",
		then => "UPDATE pg_class SET relname = relname /* $long */ WHERE relname <> 'pg_class';" },
	{ name => 'rows of the audit, with another end after a megabyte',
		approved => "DELETE FROM schema_guard.audit /* $long */ WHERE id = 1;", then => "DELETE FROM schema_guard.audit /* $long */;" },
	{ name => 'a schema by the name of the role', role => 'app',
		approved => 'ALTER TABLE @ ALTER a TYPE varchar(100) USING keep(a);',
		between => 'CREATE SCHEMA app AUTHORIZATION app; CREATE FUNCTION app.keep(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$;',
		after => 'DROP SCHEMA app CASCADE' },
	{ name => 'a temporary schema does not count', role => 'app', approved => 'ALTER TABLE @ ALTER a TYPE varchar(100) USING keep(a);',
		then => 'CREATE TEMPORARY TABLE whatever (i integer); ALTER TABLE @ ALTER a TYPE varchar(100) USING keep(a);', passes => 1 },
	{ name => 'another search_path', role => 'app',
		approved => 'ALTER TABLE @ ALTER a TYPE varchar(100) USING keep(a);',
		then => 'SET search_path = public, pg_catalog; ALTER TABLE public.@ ALTER a TYPE varchar(100) USING keep(a);' },
	{ name => 'COPY into a catalog, from a file', file => "0\t0\t{work_mem=5MB}\n",
		approved => "COPY pg_db_role_setting FROM '$file';", file_then => "0\t0\t{schema_guard.mode=off}\n" },
	{ name => 'COPY into a catalog, from the client',
		approved => "COPY pg_db_role_setting FROM STDIN;\n0\t0\t{work_mem=5MB}\n\\.\n",
		then => "COPY pg_db_role_setting FROM STDIN;\n0\t0\t{schema_guard.mode=off}\n\\.\n" },
);

value($node, q{SET schema_guard.mode = off; SELECT schema_guard.harden();
	CREATE FUNCTION public.keep(text) RETURNS text LANGUAGE sql AS 'SELECT $1'});

# All that is at stake.
sub everything
{
	my ($table) = @_;
	return value($node, qq{SELECT md5(concat((SELECT string_agg(t::text, '|') FROM $table t), (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '$table'::regclass AND attname = 'a'),
		(SELECT count(*) FROM schema_guard.audit WHERE id <= 3), (SELECT string_agg(p::text, '|') FROM schema_guard.standing_policy p),
		(SELECT string_agg(s::text, '|' ORDER BY setdatabase, setrole) FROM pg_db_role_setting s), (SELECT string_agg(row(oid, relname, xmin)::text, '|' ORDER BY oid) FROM pg_class WHERE relname = '$table')))});
}

my $number = 0;
for my $each (@cases)
{
	my $table = sprintf 't_%d', ++$number;
	my %case = map { $_ => $each->{$_} =~ s/\@/$table/gr } keys %$each;
	my $name = $case{name};
	my %as = (role => $case{role} // 'superuser', keep_going => 1);
	accepted($node, "CREATE TABLE $table (a text, b text); INSERT INTO $table VALUES ('precious', 'b')", "$name: a table");
	write_file($case{file}) if defined $case{file};
	my $denied = run_sql($node, $case{approved}, %as);
	like("@{ $denied->{states} }", qr/^SG00[17]$/, "$name: refused") or diag($denied->{err});
	my $token = approve($node, request_named($denied));
	run_sql($node, $case{between}, role => 'superuser') if defined $case{between};
	write_file($case{file_then}) if defined $case{file_then};
	my $before = everything($table);
	my $result = run_sql($node, "SET schema_guard.approval_token = '$token';\n" . ($case{then} // $case{approved}), %as);
	if ($case{passes})
	{
		is("@{ $result->{states} }", '', "$name: passes") or diag($result->{err});
		next;
	}
	is("@{ $result->{states} }", 'SG003', "$name: the approval does not cover it") or diag($result->{err});
	is(everything($table), $before, "$name: nothing has changed");
	value($node, "SET client_min_messages = error; SET schema_guard.mode = off; $case{after}") if defined $case{after};
}

# As drivers send it: the values are not in the text. With a token for one value, another is not deleted.
SKIP:
{
	my $pgbench = $node->config_data('--bindir') . '/pgbench';
	skip 'there is no pgbench', 4 unless -x $pgbench;
	my $bench = sub {
		my ($value, $token) = @_;
		my $script = $node->basedir . "/delete_$value.sql";
		append_to_file($script, "\\set id $value\nDELETE FROM schema_guard.audit WHERE id = :id;\n");
		local $ENV{PGOPTIONS} = defined $token ? "-c schema_guard.approval_token=$token" : '';
		my ($out, $err) = ('', '');
		IPC::Run::run([ 'pgbench', '-n', '-t', 1, '-M', 'extended', '-f', $script, '-d', $node->connstr('postgres') ], '>', \$out, '2>', \$err);
		return $err;
	};
	my $requests = value($node, 'SELECT max(id) FROM schema_guard.request');
	like($bench->(2), qr/cannot .* without an approval/, 'the extended protocol: refused');
	settled($node, "SELECT count(*) FROM schema_guard.request WHERE id > $requests", 1, 'one request');
	my $token = approve($node, value($node, 'SELECT max(id) FROM schema_guard.request'));
	like($bench->(3, $token), qr/does not cover it/, 'the extended protocol: with another value');
	is(value($node, 'SELECT count(*) FROM schema_guard.audit WHERE id = 3'), 1, 'the row is there');
}

# One statement is let change rows of a table, not the transaction that it is in, whether its record is in the audit yet or not.
for my $locked (0, 1)
{
	my $holder = $node->background_psql('postgres');
	my $statement = 'DELETE FROM schema_guard.approver WHERE false';
	my $token = approve($node, request_named(run_sql($node, $statement, role => 'superuser')));
	$holder->query_safe('BEGIN; LOCK TABLE schema_guard.audit IN SHARE MODE') if $locked;
	my $result = run_sql($node, "SET schema_guard.approval_token = '$token';\nBEGIN;\n$statement;\nDELETE FROM schema_guard.approver;\nCOMMIT;",
		role => 'superuser', keep_going => 1);
	is("@{ $result->{states} }", 'SG003', 'the next statement in the transaction' . ($locked ? ', the audit locked' : '')) or diag($result->{err});
	$holder->query_safe('ROLLBACK') if $locked;
	$holder->quit;
	is(value($node, 'SELECT count(*) FROM schema_guard.approver'), 1, 'the approver is one yet');
}
is(scalar(() = server_log($node) =~ /PANIC:|was terminated by signal/g), 0, 'nothing crashed');
$node->stop;
done_testing();
