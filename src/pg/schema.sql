-- schema_guard 1.0. Put together by the Makefile from the .sql file of each room under src/.
\echo Use "CREATE EXTENSION schema_guard" to load this file. \quit

-- Made here and not by CREATE EXTENSION, so that a schema of this name that somebody else owns is an error.
CREATE SCHEMA schema_guard;
COMMENT ON SCHEMA schema_guard IS 'schema_guard: approvals, audit and policy for destructive schema changes';
GRANT USAGE ON SCHEMA schema_guard TO PUBLIC;

-- The rows of the guard's tables are written by the guard alone. Superusers included: ALWAYS, see each table.
CREATE FUNCTION schema_guard.protect_rows() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_protect_rows'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.protect_rows() IS
    'Trigger function on the guard''s own tables. Raises SG007 for whoever writes to them, unless an approval lists it.';
REVOKE ALL ON FUNCTION schema_guard.protect_rows() FROM PUBLIC;
