\echo Use "ALTER EXTENSION schema_guard UPDATE TO '1.0test'" to load this file. \quit
-- For the tests only, and installed by test/install-extension only: what the script of a next version may do to the
-- guard's tables, rows, functions and event triggers, while the guard is at work.

ALTER TABLE schema_guard.audit ADD COLUMN test_note text;
ALTER TABLE schema_guard.approver ADD COLUMN test_note text;
UPDATE schema_guard.approver SET test_note = role_name;

CREATE TABLE schema_guard.test_table (id integer);
INSERT INTO schema_guard.test_table VALUES (1);
CREATE TRIGGER protect_rows BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON schema_guard.test_table
    FOR EACH STATEMENT EXECUTE FUNCTION schema_guard.protect_rows();
CREATE TRIGGER skip_replicated_rows BEFORE INSERT OR UPDATE OR DELETE ON schema_guard.test_table
    FOR EACH ROW EXECUTE FUNCTION schema_guard.protect_rows();
ALTER TABLE schema_guard.test_table ENABLE ALWAYS TRIGGER protect_rows, ENABLE ALWAYS TRIGGER skip_replicated_rows;

CREATE FUNCTION schema_guard.test_version() RETURNS text
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT ''1.0test''';
CREATE OR REPLACE FUNCTION schema_guard.on_ddl_command_end() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_on_ddl_command_end' COST 2;

DROP EVENT TRIGGER schema_guard_ddl_command_end;
CREATE EVENT TRIGGER schema_guard_ddl_command_end ON ddl_command_end
    EXECUTE FUNCTION schema_guard.on_ddl_command_end();
ALTER EVENT TRIGGER schema_guard_ddl_command_end ENABLE ALWAYS;
