-- Rules, standing policy and modes.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS schema_guard;
RESET client_min_messages;
CREATE ROLE regress_policy_owner;
CREATE ROLE regress_policy_member IN ROLE regress_policy_owner;
CREATE SCHEMA policy;
GRANT ALL ON SCHEMA policy TO regress_policy_owner;
\set VERBOSITY terse

SELECT * FROM schema_guard.rule;

CREATE SCHEMA tell;
GRANT USAGE ON SCHEMA tell TO PUBLIC;
CREATE FUNCTION tell.attempt(statement text, OUT code text, OUT message text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  message := 'passed';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
CREATE VIEW pg_temp.in_force AS
  SELECT rule, action, object_pattern, role, valid_until, reason FROM schema_guard.policy
   WHERE object_pattern LIKE 'policy%' ORDER BY id;
-- The audit's rows of this test's drops, from the newest on. Those of refusals and failures may come a moment later.
CREATE VIEW pg_temp.newest AS
  SELECT verdict, rule, statement, effects->0->>'action' AS action, sensor FROM schema_guard.audit
   WHERE statement LIKE 'DROP TABLE policy%' AND verdict NOT IN ('blocked', 'failed') ORDER BY id DESC;
SELECT format('CREATE TABLE policy.%s (id int)', name)
  FROM unnest('{scratch_1,scratch_2,scratch_3,scratch_4,scratch_5,keep_1,events_old,events_new,mine}'::text[]) name \gexec

-- A pattern.
SELECT schema_guard.set_policy('drop_table', 'allow', 'policy.scratch\_%', reason => 'a playground') > 0 AS set;
SELECT * FROM pg_temp.in_force;
DROP TABLE policy.scratch_1;
SELECT code, message FROM tell.attempt('DROP TABLE policy.keep_1');
SELECT code, message FROM tell.attempt('DROP TABLE policy.scratch_2, policy.keep_1');
-- An exemption of one rule is none of another.
SELECT code, message FROM tell.attempt('ALTER TABLE policy.scratch_2 DROP COLUMN id');
-- allow leaves no row, record one, warn one and a WARNING.
SELECT count(*) FROM pg_temp.newest WHERE statement LIKE '%scratch_1%';
SELECT schema_guard.set_policy('drop_table', 'record', 'policy.scratch\_%', reason => 'a playground, on record') > 0 AS set;
DROP TABLE policy.scratch_2;
SELECT * FROM pg_temp.newest LIMIT 1;
SELECT schema_guard.set_policy('drop_table', 'warn', 'policy.scratch\_%', reason => 'think twice') > 0 AS set;
SELECT * FROM pg_temp.in_force;
DROP TABLE policy.scratch_3;
SELECT * FROM pg_temp.newest LIMIT 1;

-- The pattern with the most letters decides, whatever the order in which they were set.
SELECT schema_guard.set_policy('drop_table', 'block', 'policy.scratch\_4', reason => 'not this one') > 0 AS set;
SELECT schema_guard.set_policy('drop_table', 'allow', 'policy.%', reason => 'everything else') > 0 AS set;
SELECT code, message FROM tell.attempt('DROP TABLE policy.scratch_4');
DROP TABLE policy.events_old;
SELECT schema_guard.set_policy('drop_table', 'default', 'policy.scratch\_4', reason => 'over') IS NULL AS ended;
DROP TABLE policy.scratch_4;
SELECT schema_guard.set_policy('drop_table', 'default', 'policy.scratch\_%', reason => 'over') IS NULL AS ended;
SELECT schema_guard.set_policy('drop_table', 'default', 'policy.%', reason => 'over') IS NULL AS ended;
SELECT code, message FROM tell.attempt('DROP TABLE policy.scratch_5');

-- A role: its members as well, and nobody else; a superuser is a member only if it is one.
ALTER TABLE policy.mine OWNER TO regress_policy_member;
ALTER TABLE policy.events_new OWNER TO regress_policy_member;
SELECT schema_guard.set_policy('drop_table', 'allow', 'policy.%', 'regress_policy_owner', reason => 'retention') > 0 AS set;
SELECT * FROM pg_temp.in_force;
SELECT code, message FROM tell.attempt('DROP TABLE policy.mine');
SET ROLE regress_policy_member;
DROP TABLE policy.mine;
RESET ROLE;
-- At equal letters the role's policy decides, and of two such the stricter.
SELECT schema_guard.set_policy('drop_table', 'block', 'policy.%', reason => 'for everyone') > 0 AS set;
BEGIN;
SET LOCAL ROLE regress_policy_member;
DROP TABLE policy.events_new;
ROLLBACK;
SELECT schema_guard.set_policy('drop_table', 'block', 'policy.%', 'regress_policy_member', reason => 'not him') > 0 AS set;
SET ROLE regress_policy_member;
SELECT code, message FROM tell.attempt('DROP TABLE policy.events_new');
RESET ROLE;
SELECT schema_guard.set_policy('drop_table', 'default', 'policy.%', 'regress_policy_member', reason => 'over') IS NULL AS ended;
SELECT schema_guard.set_policy('drop_table', 'default', 'policy.%', 'regress_policy_owner', reason => 'over') IS NULL AS ended;
SELECT schema_guard.set_policy('drop_table', 'default', 'policy.%', reason => 'over') IS NULL AS ended;

-- An end.
SELECT schema_guard.set_policy('drop_table', 'allow', 'policy.scratch\_5', valid_until => 'infinity', reason => 'x') > 0 AS set;
SELECT * FROM pg_temp.in_force;
SELECT schema_guard.set_policy('drop_table', 'allow', 'policy.scratch\_5',
                               valid_until => clock_timestamp() + '100 ms', reason => 'for a moment') > 0 AS set;
DO $$ BEGIN
  FOR i IN 1 .. 1000 LOOP
    EXIT WHEN NOT EXISTS (SELECT FROM schema_guard.policy WHERE object_pattern = 'policy.scratch\_5');
    PERFORM pg_sleep(0.01);
  END LOOP;
END $$;
SELECT * FROM pg_temp.in_force;
SELECT code, message FROM tell.attempt('DROP TABLE policy.scratch_5');

-- A policy can be stricter than the rule.
CREATE VIEW policy.v AS SELECT 1 AS one;
SELECT schema_guard.set_policy('drop_view', 'block', 'policy.v', reason => 'the reports need it') > 0 AS set;
SELECT code, message FROM tell.attempt('DROP VIEW policy.v');
SELECT schema_guard.set_policy('drop_view', 'default', 'policy.v', reason => 'over') IS NULL AS ended;
DROP VIEW policy.v;

-- What does not exist is said, with what does.
\x on
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy('drop_tabel', 'allow', reason => 'x')$$);
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy('drop_table', 'forbid', reason => 'x')$$);
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy('drop_table', 'allow', 'scratch', reason => 'x')$$);
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy('drop_table', 'allow', 'scratch.%\', reason => 'x')$$);
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy('drop_table', 'allow', 'scratch.%')$$);
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy('drop_table', 'allow', 'scratch.%', reason => ' ')$$);
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy(NULL, 'allow', 'scratch.%', reason => 'x')$$);
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy('drop_table', 'allow', 'scratch.%', valid_until => now(), reason => 'x')$$);
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy('drop_table', 'default', 'scratch.%', reason => 'x')$$);
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy('drop_table', 'allow', 'scratch.%', 'regress_nobody', reason => 'x')$$);
SELECT * FROM tell.attempt($$SET schema_guard.mode = lax$$);
SET ROLE regress_policy_owner;
SELECT * FROM tell.attempt($$SELECT schema_guard.set_policy('drop_table', 'allow', 'scratch.%', reason => 'x')$$);
SELECT * FROM tell.attempt($$SET schema_guard.mode = off$$);
RESET ROLE;
\x off
SELECT count(*) FROM schema_guard.policy WHERE object_pattern LIKE 'scratch%';

-- Modes.
CREATE VIEW policy.w AS SELECT id FROM policy.keep_1;
\set VERBOSITY default
BEGIN;
SET LOCAL schema_guard.mode = warn;
DROP TABLE policy.keep_1 CASCADE;
SELECT * FROM pg_temp.newest LIMIT 1;
ROLLBACK;
\set VERBOSITY terse
BEGIN;
SET LOCAL schema_guard.mode = observe;
DROP TABLE policy.scratch_5;
SELECT * FROM pg_temp.newest LIMIT 1;
ROLLBACK;
SELECT count(*) AS before FROM pg_temp.newest \gset
BEGIN;
SET LOCAL schema_guard.mode = off;
DROP TABLE policy.scratch_5;
SELECT count(*) - :before AS rows FROM pg_temp.newest;
ROLLBACK;
SELECT code, message FROM tell.attempt('DROP TABLE policy.scratch_5');

SET client_min_messages = warning;
SET schema_guard.mode = off;
DROP SCHEMA policy, tell CASCADE;
DROP OWNED BY regress_policy_owner;
DROP ROLE regress_policy_owner, regress_policy_member;
