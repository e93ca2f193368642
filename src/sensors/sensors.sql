-- The rows of every table that the script has made are the guard's own.
DO $$
DECLARE
    guarded regclass;
BEGIN
    FOR guarded IN
        SELECT oid FROM pg_catalog.pg_class
         WHERE relnamespace = 'schema_guard'::pg_catalog.regnamespace AND relkind = 'r' ORDER BY oid
    LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER protect_rows BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
                                  'FOR EACH STATEMENT EXECUTE FUNCTION schema_guard.protect_rows()', guarded);
        EXECUTE pg_catalog.format('CREATE TRIGGER skip_replicated_rows BEFORE INSERT OR UPDATE OR DELETE ON %s '
                                  'FOR EACH ROW EXECUTE FUNCTION schema_guard.protect_rows()', guarded);
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER protect_rows, '
                                  'ENABLE ALWAYS TRIGGER skip_replicated_rows', guarded);
    END LOOP;
END
$$;

-- Ring 1. Last in the script: from here on the guard is at work.
-- These two have no search_path of their own: they resolve the statement's names, and must do so as it will. They
-- run no SQL but through src/pg/query, which sets one.

CREATE FUNCTION schema_guard.on_ddl_command_start() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_on_ddl_command_start';
COMMENT ON FUNCTION schema_guard.on_ddl_command_start() IS
    'Event trigger function: judges a statement before PostgreSQL takes any lock for it.';
CREATE FUNCTION schema_guard.on_ddl_command_end() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_on_ddl_command_end';
COMMENT ON FUNCTION schema_guard.on_ddl_command_end() IS
    'Event trigger function: writes the audit row of a statement that has passed.';
REVOKE ALL ON FUNCTION schema_guard.on_ddl_command_start() FROM PUBLIC;
REVOKE ALL ON FUNCTION schema_guard.on_ddl_command_end() FROM PUBLIC;

CREATE EVENT TRIGGER schema_guard_ddl_command_start ON ddl_command_start
    EXECUTE FUNCTION schema_guard.on_ddl_command_start();
CREATE EVENT TRIGGER schema_guard_ddl_command_end ON ddl_command_end
    EXECUTE FUNCTION schema_guard.on_ddl_command_end();
ALTER EVENT TRIGGER schema_guard_ddl_command_start ENABLE ALWAYS;
ALTER EVENT TRIGGER schema_guard_ddl_command_end ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER schema_guard_ddl_command_start IS 'schema_guard: judges each statement before it begins';
COMMENT ON EVENT TRIGGER schema_guard_ddl_command_end IS 'schema_guard: writes the audit';
