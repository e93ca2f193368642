-- What a DBA does after CREATE EXTENSION: look at what is covered, and cover the rest.

CREATE FUNCTION schema_guard.status(OUT layer text, OUT condition text, OUT state text, OUT detail text, OUT remedy text)
    RETURNS SETOF record
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_status'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.status() IS
    'What covers this database now: a row for each layer and condition, with its state (ok, warning or error), what was found and, unless it is ok, what to do. Tries whether a background worker can be had, which absorbs the journal. Approvers, superusers and the extension''s owner.';
REVOKE ALL ON FUNCTION schema_guard.status() FROM PUBLIC;

CREATE FUNCTION schema_guard.harden() RETURNS text
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_harden'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.harden() IS
    'Has every new session of this database load the guard with its start: adds it to session_preload_libraries of the database, and of roles that have a setting of their own, keeping what is there. No restart. Returns the database''s setting. Superusers and the extension''s owner.';
REVOKE ALL ON FUNCTION schema_guard.harden() FROM PUBLIC;
