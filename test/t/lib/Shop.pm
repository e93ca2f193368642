# A database with a bit of everything that a dump has to carry, and what it holds, for comparing.
package Shop;

use strict;
use warnings;
use Exporter 'import';
use SchemaGuardCluster;
use OtherTools;

our @EXPORT = qw(fill_shop contents_of_shop);

my $shop = q{
	CREATE TYPE mood AS ENUM ('good', 'bad');
	CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
	CREATE TABLE customer (id serial PRIMARY KEY, name text NOT NULL, mood mood DEFAULT 'good', gone integer);
	ALTER TABLE customer DROP COLUMN gone;
	INSERT INTO customer (name) SELECT 'c' || i FROM generate_series(1, 100) AS i;
	CREATE TABLE purchase (id positive PRIMARY KEY, customer integer REFERENCES customer, at date);
	INSERT INTO purchase SELECT i, i, '2026-01-01' FROM generate_series(1, 50) AS i;
	CREATE INDEX purchase_at ON purchase (at);
	CREATE VIEW big_purchase AS SELECT id FROM purchase WHERE id > 40;
	CREATE MATERIALIZED VIEW total AS SELECT count(*) AS purchases FROM purchase;
	CREATE TABLE event (at date, value integer) PARTITION BY RANGE (at);
	CREATE TABLE event_2026_01 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TABLE event_rest PARTITION OF event DEFAULT;
	INSERT INTO event VALUES ('2026-01-02', 1), ('2027-01-01', 2);
	CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER touch BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION touch();
	CREATE SEQUENCE ticket START 17;
	SELECT nextval('ticket');
	SELECT lo_from_bytea(4711, 'a large object');};

my $contents = q{
	SELECT 'customer', count(*), sum(id), min(mood) FROM customer;
	SELECT 'purchase', count(*), sum(id) FROM big_purchase;
	SELECT 'total', purchases FROM total;
	SELECT 'event', tableoid::regclass, value FROM event ORDER BY value;
	SELECT 'ticket', last_value FROM ticket;
	SELECT 'large object', convert_from(lo_get(4711), 'UTF8');
	SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
	 WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f', 'c') ORDER BY conrelid::regclass::text, conname;
	SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid = 'public.customer'::regclass AND NOT tgisinternal;
	SELECT relname, relkind, relowner::regrole FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1;};

# The one drop in it takes the column of a table that the same script makes.
sub fill_shop
{
	my ($node, $database) = @_;
	my $result = run_sql($node, "BEGIN; $shop COMMIT;", connection => "dbname=$database");
	die $result->{err} if $result->{status} != 0;
}

sub contents_of_shop
{
	my ($node, $database) = @_;
	my $result = run_tool($node, [ 'psql', '-XAtq' ], database => $database, input => $contents);
	return $result->{out} . $result->{err};
}

1;
