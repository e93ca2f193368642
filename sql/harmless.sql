-- Work that destroys nothing of anybody's passes without a word, and the audit says what it was.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS schema_guard;
RESET client_min_messages;
CREATE SCHEMA harmless;
SET search_path = harmless;
-- The audit's rows since the last call. Refusals and failures have tests of their own, and may be in the audit a moment
-- later; REFRESH CONCURRENTLY has temporary tables that are named by OIDs; event triggers see REINDEX from PostgreSQL 17 on.
CREATE TEMP TABLE seen AS SELECT coalesce(max(id), 0) AS id FROM schema_guard.audit;
\set make_news 'CREATE TEMP VIEW news AS SELECT a.verdict, a.rule, a.command_tag, a.sensor, (SELECT string_agg(DISTINCT concat_ws(\' \', e->>\'rule\', e->>\'object_type\', e->>\'identity\'), \', \') FROM jsonb_array_elements(a.effects) e) AS effects FROM schema_guard.audit a WHERE a.id > (SELECT id FROM seen) AND a.verdict NOT IN (\'blocked\', \'failed\') AND a.command_tag <> \'REINDEX\' AND coalesce(a.effects::text !~ \'pg_temp_[0-9]\', true) ORDER BY a.id'
:make_news;
\set news 'SELECT * FROM pg_temp.news; UPDATE seen SET id = (SELECT max(id) FROM schema_guard.audit);'
:news

-- Temporary tables, in every way in which they go.
CREATE TEMP TABLE t (id int PRIMARY KEY, s serial, x text);
ALTER TABLE t DROP COLUMN x;
DROP TABLE t;
:news
BEGIN;
CREATE TEMP TABLE t (id int) ON COMMIT DROP;
COMMIT;
CREATE TEMP TABLE t (id int);
CREATE TEMP VIEW v AS SELECT id FROM t;
DROP TABLE t CASCADE;
SELECT 1 AS one INTO TEMP t;
DISCARD TEMP;
CREATE TEMP TABLE seen AS SELECT max(id) AS id FROM schema_guard.audit;
:make_news;
:news

-- What the transaction itself has made.
BEGIN;
CREATE TABLE a (id int, x text);
ALTER TABLE a ADD COLUMN y text;
ALTER TABLE a DROP COLUMN x;
ALTER TABLE a DROP COLUMN y;
DROP TABLE a;
COMMIT;
:news
CREATE TABLE a (id int, x text);
BEGIN;
ALTER TABLE a ADD COLUMN y text;
ALTER TABLE a DROP COLUMN y;
SAVEPOINT s;
CREATE TABLE b (id int);
RELEASE s;
DROP TABLE b;
CREATE SCHEMA q CREATE TABLE c (id int);
DROP SCHEMA q CASCADE;
CREATE TABLE d AS SELECT 1 AS one;
SELECT 1 AS one INTO e;
DROP TABLE d, e;
COMMIT;
:news

-- A savepoint that is rolled back takes its objects along: what has the name afterwards is somebody's.
BEGIN;
SAVEPOINT s;
ALTER TABLE a ADD COLUMN y text;
ROLLBACK TO s;
ALTER TABLE a ADD COLUMN y text;
ALTER TABLE a DROP COLUMN y;
COMMIT;
ALTER TABLE a ADD COLUMN y text;
\set VERBOSITY terse
BEGIN;
SAVEPOINT s;
ALTER TABLE a DROP COLUMN y;
ROLLBACK TO s;
ALTER TABLE a ADD COLUMN z text;
ALTER TABLE a DROP COLUMN z;
ALTER TABLE a DROP COLUMN y;
ROLLBACK;
BEGIN;
SAVEPOINT s;
DROP TABLE a;
ROLLBACK TO s;
CREATE TABLE b (id int);
DROP TABLE b, a;
ROLLBACK;
\set VERBOSITY default
SELECT attname FROM pg_attribute WHERE attrelid = 'a'::regclass AND attnum > 0 ORDER BY attnum;

-- Internal deletions: rewrites of a table, its index or its matter.
UPDATE seen SET id = (SELECT max(id) FROM schema_guard.audit);
INSERT INTO a SELECT i, 'x', 'y' FROM generate_series(1, 100) i;
CREATE INDEX a_id ON a (id);
CREATE UNIQUE INDEX a_id_unique ON a (id);
ALTER TABLE a ALTER COLUMN id TYPE bigint;
ALTER TABLE a ALTER COLUMN x TYPE varchar, ALTER COLUMN id SET NOT NULL;
ALTER TABLE a ADD COLUMN w int DEFAULT 1;
ALTER TABLE a ALTER COLUMN w TYPE numeric;
CREATE MATERIALIZED VIEW m AS SELECT id FROM a;
CREATE UNIQUE INDEX ON m (id);
REFRESH MATERIALIZED VIEW m;
REFRESH MATERIALIZED VIEW CONCURRENTLY m;
:news
VACUUM FULL a;
VACUUM FULL m;
CLUSTER a USING a_id;
CLUSTER a;
REINDEX TABLE a;
REINDEX TABLE CONCURRENTLY a;
REINDEX INDEX CONCURRENTLY a_id;
DROP INDEX CONCURRENTLY a_id;
:news

-- Everyday changes.
CREATE VIEW v AS SELECT id FROM a;
CREATE OR REPLACE VIEW v AS SELECT id, x FROM a;
DROP VIEW v;
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2';
DROP FUNCTION f();
DROP INDEX a_id_unique;
CREATE TABLE c AS SELECT 1 AS one;
SELECT 2 AS two INTO d;
CREATE TABLE p (id int) PARTITION BY RANGE (id);
CREATE TABLE p_1 (id int);
ALTER TABLE p ATTACH PARTITION p_1 FOR VALUES FROM (1) TO (10);
ALTER TABLE c ADD CONSTRAINT positive CHECK (one > 0);
ALTER TABLE c DROP CONSTRAINT positive;
COMMENT ON TABLE c IS 'kept';
:news

-- A transaction that fails for its own reasons takes nothing along, and its drops of its own count for nothing.
BEGIN;
CREATE TABLE short_lived (id int);
DROP TABLE short_lived;
SELECT 1 / 0;
ROLLBACK;
-- Statements that the guard has nothing to do with leave no row.
INSERT INTO a (id) VALUES (1);
DELETE FROM a;
CREATE TEMP TABLE t (id int) ON COMMIT DELETE ROWS;
DISCARD PLANS;
:news

SET client_min_messages = warning;
SET schema_guard.mode = off;
DROP SCHEMA harmless CASCADE;
