-- The audit. Its columns are known to src/audit/audit_table.cpp, in this order.

CREATE TABLE schema_guard.audit (
    id bigint GENERATED ALWAYS AS IDENTITY,
    event_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    verdict text NOT NULL,
    rule text,
    command_tag text,
    statement text,
    effects jsonb,
    session_role text,
    effective_role text,
    application_name text,
    client_address inet,
    backend_pid integer,
    transaction_id xid8,
    request_id bigint,
    approval_id bigint,
    sensor text,
    duration interval
);
-- No index: each would cost every statement something. A DBA who looks things up often may add one; see docs/operations.md.
-- Nor is the number unique by constraint, since no statement may fail for the sake of its record, as after a setval() by hand.
COMMENT ON TABLE schema_guard.audit IS
    'Every data definition statement that the guard saw: what passed, in its own transaction, and what was refused or failed.';
COMMENT ON COLUMN schema_guard.audit.verdict IS
    'allowed, approved, exempt, warned, blocked, rehearsed or failed';

CREATE VIEW schema_guard.blocked AS
    SELECT id, occurred_at, rule, command_tag, statement, effects, session_role, effective_role, application_name,
           client_address, request_id, sensor
      FROM schema_guard.audit
     WHERE verdict = 'blocked';
COMMENT ON VIEW schema_guard.blocked IS 'The refused attempts.';

-- How far the journal is absorbed. One row, once something has been; it changes in the transaction that writes the rows.
-- Not inserted here: a publication of all tables would send it to subscribers that don't have the extension yet.
CREATE TABLE schema_guard.journal_position (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    journal_id uuid NOT NULL,
    byte_offset bigint NOT NULL
);
COMMENT ON TABLE schema_guard.journal_position IS 'How far the journal on disk has been absorbed into the tables.';

CREATE FUNCTION schema_guard.absorb_journal(OUT absorbed bigint, OUT damaged_bytes bigint, OUT damaged_at bigint)
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_absorb_journal'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.absorb_journal() IS
    'Absorbs what waits in the journal into the audit now, without a worker. Returns the number of entries, and the bytes passed over as damaged with the place of the first. Raises 55P03 if somebody else is at it or holds a table for more than a second. Superusers and the extension''s owner.';
REVOKE ALL ON FUNCTION schema_guard.absorb_journal() FROM PUBLIC;
