-- What a blocked statement says, and which refusals are left to PostgreSQL.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS schema_guard;
RESET client_min_messages;
CREATE ROLE regress_blocked_owner;
CREATE ROLE regress_blocked_other;
CREATE ROLE regress_blocked_third;
CREATE SCHEMA blocked AUTHORIZATION regress_blocked_owner;
GRANT USAGE ON SCHEMA blocked TO regress_blocked_other;

-- Runs a statement and tells the error, without the numbers of requests, which depend on what ran before.
CREATE SCHEMA tell;
GRANT USAGE ON SCHEMA tell TO PUBLIC;
CREATE FUNCTION tell.attempt(statement text, OUT code text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  message := 'passed';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
    hint = PG_EXCEPTION_HINT;
  hint := regexp_replace(regexp_replace(hint, 'Request \d+', 'Request N'), 'approve\(\d+', 'approve(N');
END $$;
-- The newest request, once that many attempts have come out of the journal.
CREATE FUNCTION pg_temp.newest_request(attempted int) RETURNS schema_guard.request
LANGUAGE plpgsql AS $$
DECLARE
  result schema_guard.request;
  newest bigint = (SELECT last_value FROM schema_guard.request_id_seq);
BEGIN
  FOR i IN 1 .. 100 LOOP
    SELECT * INTO result FROM schema_guard.request WHERE id = newest;
    EXIT WHEN result.attempts >= attempted;
    PERFORM pg_sleep(0.05);
  END LOOP;
  RETURN result;
END $$;

SET ROLE regress_blocked_owner;
CREATE TABLE blocked.orders (id int PRIMARY KEY, "when" date, note text);
INSERT INTO blocked.orders SELECT i, '2025-01-01', 'x' FROM generate_series(1, 100) i;
CREATE TABLE blocked."Odd one" (id int);
CREATE TABLE blocked.item (order_id int REFERENCES blocked.orders);
CREATE VIEW blocked.recent AS SELECT id, "when" FROM blocked.orders;
RESET ROLE;
CREATE TABLE tell.third (id int);
ALTER TABLE tell.third OWNER TO regress_blocked_third;
CREATE VIEW tell.outside AS SELECT id FROM tell.third;
VACUUM ANALYZE blocked.orders;

-- As the client has it.
\set VERBOSITY sqlstate
DROP TABLE blocked.orders CASCADE;
\set VERBOSITY terse
DROP TABLE blocked.orders CASCADE;
ALTER TABLE blocked.orders DROP COLUMN "when" CASCADE;
\set VERBOSITY default

-- Message, DETAIL and HINT; what goes by cascade is marked.
\x on
\t on
SELECT * FROM tell.attempt('DROP TABLE blocked.item');
SELECT * FROM tell.attempt('DROP TABLE blocked.orders CASCADE');
SELECT * FROM tell.attempt('DROP TABLE blocked."Odd one", blocked.item');
SELECT * FROM tell.attempt('ALTER TABLE blocked.orders DROP COLUMN note');
-- Again: it joins the request that is pending.
SELECT * FROM tell.attempt('ALTER TABLE blocked.orders DROP COLUMN note');
SELECT status, source, requester = session_user AS mine, command_tag, statement, attempts FROM pg_temp.newest_request(2);

-- Twenty objects and a count.
CREATE SCHEMA blocked_many;
DO $$ BEGIN
  FOR i IN 1 .. 25 LOOP
    EXECUTE format('CREATE TABLE blocked_many.t_%s (id int)', to_char(i, 'FM00'));
  END LOOP;
END $$;
SELECT code, message, split_part(detail, E'\n', 1) AS first,
       array_length(string_to_array(detail, E'\n'), 1) AS lines, split_part(detail, E'\n', -1) AS last
  FROM tell.attempt('DROP SCHEMA blocked_many CASCADE');
SELECT jsonb_array_length(effects) AS effects FROM pg_temp.newest_request(1);

-- PostgreSQL's own errors: no request is filed for what it refuses by itself.
SELECT last_value AS request_before FROM schema_guard.request_id_seq \gset
SELECT * FROM tell.attempt('DROP TABLE blocked.never_was');
SELECT * FROM tell.attempt('DROP TABLE nowhere.at_all');
SELECT * FROM tell.attempt('DROP TABLE blocked.item, blocked.never_was');
SELECT * FROM tell.attempt('ALTER TABLE blocked.orders DROP COLUMN never_was');
SELECT * FROM tell.attempt('ALTER TABLE blocked.never_was DROP COLUMN id');
SELECT * FROM tell.attempt('ALTER TABLE blocked.orders DROP COLUMN ctid');
SELECT * FROM tell.attempt('DROP SCHEMA nowhere CASCADE');
SELECT * FROM tell.attempt('DROP TYPE nowhere.kind CASCADE');
-- The wrong kind.
SELECT * FROM tell.attempt('DROP VIEW blocked.orders');
SELECT * FROM tell.attempt('DROP TABLE blocked.recent');
SELECT * FROM tell.attempt('DROP TYPE blocked.orders');
-- RESTRICT, with dependents.
SELECT * FROM tell.attempt('DROP TABLE blocked.orders');
SELECT * FROM tell.attempt('ALTER TABLE blocked.orders DROP COLUMN "when"');
SELECT code, message FROM tell.attempt('DROP SCHEMA blocked');
SELECT * FROM tell.attempt('DROP OWNED BY regress_blocked_third');
-- System catalogs.
SELECT * FROM tell.attempt('DROP TABLE pg_catalog.pg_class');
-- Lack of privilege.
SET ROLE regress_blocked_other;
SELECT * FROM tell.attempt('DROP TABLE blocked.orders');
SELECT * FROM tell.attempt('DROP TABLE blocked.orders CASCADE');
SELECT * FROM tell.attempt('ALTER TABLE blocked.orders DROP COLUMN note');
SELECT * FROM tell.attempt('DROP SCHEMA blocked CASCADE');
SELECT code, message FROM tell.attempt('DROP OWNED BY regress_blocked_owner CASCADE');
RESET ROLE;
-- What is missing is missing.
SELECT * FROM tell.attempt('DROP TABLE IF EXISTS blocked.never_was, nowhere.at_all');
SELECT * FROM tell.attempt('ALTER TABLE IF EXISTS blocked.never_was DROP COLUMN id');
SELECT * FROM tell.attempt('ALTER TABLE blocked.orders DROP COLUMN IF EXISTS never_was');
SELECT last_value = :request_before AS no_request FROM schema_guard.request_id_seq;
-- But what is there counts.
SELECT code, message FROM tell.attempt('DROP TABLE IF EXISTS blocked.never_was, blocked.item');
SELECT code, message FROM tell.attempt('DROP OWNED BY regress_blocked_third CASCADE');
-- The owner is told as anybody is.
SET ROLE regress_blocked_owner;
SELECT code, message FROM tell.attempt('DROP TABLE blocked.orders CASCADE');
RESET ROLE;
\t off
\x off

-- Everything is still there.
SELECT relname, (SELECT count(*) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
  FROM pg_class c WHERE relnamespace = 'blocked'::regnamespace AND relkind IN ('r', 'v') ORDER BY relname COLLATE "C";

SET client_min_messages = warning;
SET schema_guard.mode = off;
DROP SCHEMA blocked, blocked_many, tell CASCADE;
DROP ROLE regress_blocked_owner, regress_blocked_other, regress_blocked_third;
