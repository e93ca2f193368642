-- What one client does over and over. pgbench keeps variables from one iteration to the next, so names are unique.
\set n :n + 1
CREATE TABLE t:n (id bigint PRIMARY KEY, v text);
ALTER TABLE t:n ADD COLUMN w integer;
CREATE INDEX ON t:n (w);
ALTER TABLE t:n ALTER COLUMN w SET NOT NULL;
BEGIN;
CREATE TABLE s:n (id bigint PRIMARY KEY, v text);
DROP TABLE s:n;
COMMIT;
