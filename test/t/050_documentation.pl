# Every command of the documents works as written, and says what they say: their blocks are run in order, each document
# against a server of its own. What can't be run here is listed, with the reason, in test/documentation/not_run.
use strict;
use warnings;
use utf8;
use Encode qw(decode encode);
use File::Basename qw(dirname);
use File::Spec;
use JSON::PP qw(decode_json);
use lib dirname(__FILE__) . '/../tools';
use Documentation qw(blocks commands mismatch read_document read_list);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = dirname(__FILE__) . '/../..';
my $fixtures = File::Spec->rel2abs(dirname(__FILE__) . '/../documentation');
my %not_run = read_list("$fixtures/not_run");
my %left_out;
my %errors_seen;
my $token = 'sg_none';

# A server with the database shop, app's tables in it, and everything but the extension, which the README creates.
sub start_server
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', 'autovacuum = off');
	$node->start;
	# The superuser of the documents, where the one who runs the tests is called otherwise.
	$node->safe_psql('postgres', q{
		SELECT 'CREATE ROLE postgres SUPERUSER LOGIN' WHERE to_regrole('postgres') IS NULL \gexec
		CREATE ROLE app LOGIN;
		CREATE ROLE dba LOGIN;
		CREATE DATABASE shop OWNER app;
	});
	run_in($node, 'app', 'psql', '-Xq', '-f', "$fixtures/prepare.sql");
	# In a session of its own: PostgreSQL counts rows twice that are inserted and analyzed by the same one.
	$node->safe_psql('shop', 'ANALYZE');
	return $node;
}

sub prepare_guard
{
	my ($node) = @_;
	$node->safe_psql('shop', "CREATE EXTENSION schema_guard; SELECT schema_guard.grant_approver('dba')");
}

# Runs a command as a role of the database shop. Returns its exit status and all that it has said.
sub run_in
{
	my ($node, $role, @command) = @_;
	my $input = ref $command[-1] ? ${ pop @command } : '';
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGUSER => $role, PGDATABASE => 'shop');
	delete $ENV{PGAPPNAME};
	$input = encode('UTF-8', $input);
	my $output = '';
	IPC::Run::run([@command], '<', \$input, '>&', \$output, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $status = $? >> 8;
	$output = decode('UTF-8', $output);
	$token = $1 if $output =~ /\b(sg_[0-9a-f]{64})\b/;
	return ($status, $output);
}

sub with_token
{
	my ($text) = @_;
	return $text =~ s/\bsg_…/$token/gr;
}

sub run_sql
{
	my ($node, $block, $where) = @_;
	my ($role) = $block->{text} =~ /^-- as (\w+)$/m or return fail("$where: says whose session it is");
	my ($error) = $block->{text} =~ /-- ERROR (\w{5})$/m;
	my ($status, $output) = run_in($node, $role, 'psql', '-X', \with_token(<<"SQL"));
$block->{text}
\\echo SQLSTATE :LAST_ERROR_SQLSTATE
SQL
	$output =~ s/^SQLSTATE (\w+)\n\z//m;
	my $sqlstate = $1 // 'lost';
	is($sqlstate, $error // '00000', "$where: SQLSTATE as $role") or diag(encode('UTF-8', $output));
	$errors_seen{$sqlstate} = 1;
	return unless defined $block->{output};
	# The tags of what went before are no news to the reader.
	$output =~ s/^(?:BEGIN|SET)\n//mg unless $block->{output} =~ /^(?:BEGIN|SET)$/m;
	is(encode('UTF-8', mismatch($block->{output}, $output)), '', "$where: output");
}

sub run_commands
{
	my ($node, $block, $where) = @_;
	for my $step (commands($block))
	{
		my $command = $step->{command};
		if ($not_run{$command})
		{
			$left_out{$command} = 1;
			next;
		}
		# In a project with migrations, where the reader would be.
		my $script = encode('UTF-8', "cd '$fixtures/alembic' && " . with_token($command));
		my ($status, $output) = run_in($node, 'app', 'bash', '-c', $script);
		if (defined $step->{output} && $step->{output} =~ /\S/)
		{
			is(encode('UTF-8', mismatch($step->{output}, $output)), '', encode('UTF-8', "$where: output of $command"));
		}
		else
		{
			is($status, 0, encode('UTF-8', "$where: $command")) or diag(encode('UTF-8', $output));
		}
	}
}

# What a refusal leaves behind is normally absorbed when the client has the error, but the server bounds that wait. The
# next block must find it on a slow machine too.
sub absorb
{
	my ($node) = @_;
	$node->poll_query_until('shop', q{
		SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'schema_guard') AS installed \gset
		\if :installed
			SELECT absorbed >= 0 FROM schema_guard.absorb_journal();
		\else
			SELECT true;
		\endif
	}) or die 'the journal is not absorbed';
}

# A json block is a line of the server log, laid out: the first that this document's server has written has the same keys.
sub compare_with_log
{
	my ($node, $block, $where) = @_;
	my ($line) = slurp_file($node->logfile) =~ /schema_guard: (\{.*\})$/m or return fail("$where: the log has such a line");
	my ($shown, $real) = map { eval { decode_json($_) } || {} } encode('UTF-8', $block->{text}), $line;
	is_deeply([ sort keys %$shown ], [ sort keys %$real ], "$where: keys of a log line");
}

my @documents = ("$top/README.md", glob "$top/docs/*.md");
cmp_ok(scalar @documents, '>=', 4, 'the documents are here');

for my $path (@documents)
{
	my ($name) = $path =~ m{([^/]+)\.md$};
	my @blocks = eval { blocks(read_document($path)) };
	is($@, '', "$name: its blocks can be read");
	next unless @blocks;
	my $node = start_server($name);
	prepare_guard($node) unless $name eq 'README';
	for my $block (@blocks)
	{
		my $where = "$name.md line $block->{line}";
		run_sql($node, $block, $where) if $block->{kind} eq 'sql';
		run_commands($node, $block, $where) if $block->{kind} =~ /^(?:console|sh)$/;
		compare_with_log($node, $block, $where) if $block->{kind} eq 'json';
		absorb($node);
	}
	$node->stop;
}

# What the README has installed is what the tests install.
my ($installed) = read_document("$top/README.md") =~ /^apt-get install (.*)$/m;
my %packages = map { $_ => 1 } split ' ', read_document("$top/test/packages") =~ s/^#.*$//mgr;
for my $package (split ' ', $installed // 'none')
{
	ok($packages{ $package =~ s/^(postgresql-(?:server-dev-)?)\d+$/$1\@PG@/r }, "package $package is in test/packages");
}

is_deeply([ sort keys %left_out ], [ sort keys %not_run ], 'what is listed as not run is in the documents');
ok($errors_seen{$_}, "the documents show an example of $_") for qw(SG001 SG002 SG003 SG006 SG007);

done_testing();
