# No secret in the audit, in a request, in the journal or in the guard's lines of the server log: neither from rows of catalogs
# that hold secrets, nor from what a client has sent in the same string. (Statements of DDL are in 026_audit.)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use SchemaGuardCluster;
use Test::More;

my $node = guarded_cluster('audit_secrets');
$node->safe_psql('postgres', 'SELECT schema_guard.harden()');
my $secret = 'hunter2hunter2';

# Each is refused. What is kept of it: nothing but the mark, or the statement by itself.
my $redacted = qr/^\(redacted/;
my @statements = (
	[ "UPDATE pg_authid SET rolpassword = '$secret' WHERE rolname = 'nobody'", $redacted ],
	[ "INSERT INTO pg_authid (oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword) VALUES (99999, 'x', false, false, false, false, false, false, false, 1, '$secret')", $redacted ],
	[ "WITH changed AS (UPDATE pg_authid SET rolpassword = '$secret' WHERE rolname = 'nobody' RETURNING 1) SELECT * FROM changed", $redacted ],
	[ "UPDATE pg_user_mapping SET umoptions = '{password=$secret}'", $redacted ],
	[ "UPDATE pg_foreign_server SET srvoptions = '{host=$secret}'", $redacted ],
	[ "UPDATE pg_foreign_data_wrapper SET fdwoptions = '{password=$secret}'", $redacted ],
	[ "UPDATE pg_foreign_table SET ftoptions = '{password=$secret}'", $redacted ],
	[ "UPDATE pg_subscription SET subconninfo = 'password=$secret'", $redacted ],
	[ "UPDATE pg_db_role_setting SET setconfig = '{schema_guard.approval_token=$secret}'", $redacted ],
	[ "PREPARE p AS UPDATE pg_authid SET rolpassword = '$secret' WHERE rolname = 'nobody'; EXECUTE p", $redacted ],
	[ "DO \$\$ BEGIN UPDATE pg_authid SET rolpassword = '$secret' WHERE rolname = 'nobody'; END \$\$", $redacted ],
	[ "DO \$\$ BEGIN EXECUTE format('UPDATE pg_authid SET rolpassword = %L', '$secret'); END \$\$", $redacted ],
	[ "SELECT '$secret' \\; UPDATE pg_class SET relname = relname WHERE false \\; SELECT '$secret'", qr/^UPDATE pg_class SET relname = relname WHERE false\s*$/ ],
	[ "SELECT '$secret' \\; DELETE FROM schema_guard.audit \\; SELECT '$secret'", qr/^DELETE FROM schema_guard\.audit\s*$/ ],
	[ "ALTER ROLE app PASSWORD '$secret' \\; DELETE FROM schema_guard.approver", qr/^DELETE FROM schema_guard\.approver\s*$/ ],
	[ "SELECT '$secret' \\; TRUNCATE schema_guard.approval_effect \\; SELECT '$secret'", qr/^TRUNCATE schema_guard\.approval_effect\s*$/ ],
);

for my $each (@statements)
{
	my ($statement, $kept) = @$each;
	my $last = value($node, 'SELECT coalesce(max(id), 0) FROM schema_guard.audit');
	my $result = run_sql($node, $statement, role => 'superuser', keep_going => 1);
	(my $name = substr $statement, 0, 60) =~ s/\s+/ /g;
	like("@{ $result->{states} }", qr/^SG00[17]$/, "$name: refused") or diag($result->{err}), next;
	settled($node, "SELECT count(*) FROM schema_guard.audit WHERE id > $last AND verdict = 'blocked'", 1, "$name: on record");
	my $text = value($node, "SELECT statement FROM schema_guard.audit WHERE id > $last AND verdict = 'blocked'");
	like($text, $kept, "$name: what is kept of it") or diag($text);
	is(value($node, "SELECT count(*) FROM schema_guard.request r WHERE r::text LIKE '%$secret%'"), 0, "$name: the request has no secret");
	unlike($result->{err} =~ s/^.*(?:LINE|CONTEXT|SQL statement).*$//mgr, qr/$secret/, "$name: nor has the refusal");
}
is(value($node, "SELECT count(*) FROM schema_guard.audit AS a WHERE a::text LIKE '%$secret%'"), 0, 'the audit has no secret');
value($node, 'SELECT schema_guard.absorb_journal()');
is(index(slurp_file(journal_file($node)), $secret), -1, 'the journal on disk has none either');
is(scalar(grep { index($_, $secret) >= 0 } log_documents($node)), 0, "nor have the guard's lines of the server log");
$node->stop;
done_testing();
