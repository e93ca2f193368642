-- Requests, approvals and approvers.

CREATE TABLE schema_guard.approver (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role oid NOT NULL,
    role_name text NOT NULL,
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_by text,
    revoked_at timestamptz
);
COMMENT ON TABLE schema_guard.approver IS 'The roles whose members may approve, and those that once might.';
CREATE UNIQUE INDEX approver_current ON schema_guard.approver (role) WHERE revoked_at IS NULL;

CREATE SEQUENCE schema_guard.request_id_seq;
CREATE TABLE schema_guard.request (
    id bigint PRIMARY KEY DEFAULT nextval('schema_guard.request_id_seq'),
    status text NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'joined')),
    joined_to bigint REFERENCES schema_guard.request,
    request_key text NOT NULL,
    source text NOT NULL CHECK (source IN ('denial', 'rehearsal', 'script')),
    requested_by oid NOT NULL,
    authenticated_as oid NOT NULL,
    requester text NOT NULL,
    reason text,
    statement text,
    command_tag text,
    effects jsonb NOT NULL,
    application_name text,
    client_address inet,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_attempt_at timestamptz,
    attempts bigint NOT NULL DEFAULT 0,
    decided_by text,
    decided_at timestamptz,
    decision_reason text
);
COMMENT ON TABLE schema_guard.request IS
    'What has been asked for: by a denied statement, a rehearsal, or request_approval().';
ALTER SEQUENCE schema_guard.request_id_seq OWNED BY schema_guard.request.id;
CREATE INDEX request_pending ON schema_guard.request (request_key) WHERE status = 'pending';

CREATE TABLE schema_guard.approval (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id bigint NOT NULL REFERENCES schema_guard.request,
    token_hash bytea NOT NULL UNIQUE,
    granted_to oid NOT NULL,
    approved_by text NOT NULL,
    approved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    valid_until timestamptz NOT NULL,
    reason text NOT NULL,
    revoked_by text,
    revoked_at timestamptz,
    revocation_reason text
);
COMMENT ON TABLE schema_guard.approval IS
    'What has been approved, for whom and until when. Of the token only its SHA-256 is kept.';

CREATE TABLE schema_guard.approval_effect (
    approval_id bigint NOT NULL REFERENCES schema_guard.approval,
    ordinal integer NOT NULL,
    rule text NOT NULL,
    class_id oid NOT NULL,
    object_id oid NOT NULL,
    sub_id integer NOT NULL,
    detail text NOT NULL,
    object_type text NOT NULL,
    identity text NOT NULL,
    consumed_at timestamptz,
    consumed_by xid8,
    PRIMARY KEY (approval_id, ordinal),
    UNIQUE (approval_id, rule, class_id, object_id, sub_id, detail)
);
COMMENT ON TABLE schema_guard.approval_effect IS
    'The effects that an approval allows, each once, and the transaction that used it.';

CREATE VIEW schema_guard.pending AS
    SELECT id, requester AS requested_by, source, statement, effects, reason, application_name, client_address,
           created_at, last_attempt_at, attempts
      FROM schema_guard.request
     WHERE status = 'pending';
COMMENT ON VIEW schema_guard.pending IS 'The requests that wait for an approver.';

-- Without a search_path of its own: the script's names mean what they mean to the caller.
CREATE FUNCTION schema_guard.request_approval(script text, reason text) RETURNS bigint
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_request_approval';
COMMENT ON FUNCTION schema_guard.request_approval(text, text) IS
    'Files a request for what a script of SQL statements would do to this database now, without running it. Returns the request''s number, or that of a pending request for the same. Raises 22023 if nothing in it needs an approval, or if PostgreSQL would refuse the caller all of it; warns of each statement that it leaves out. Anyone may call it: a request loosens nothing.';

CREATE FUNCTION schema_guard.approve(request_id bigint, reason text, valid_for interval DEFAULT '1 hour') RETURNS text
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_approve'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.approve(bigint, text, interval) IS
    'Approves a pending request: exactly its effects, each once, for the role that asked, for as long as valid_for. Returns the token, which is not kept and cannot be shown again. Raises 42501 for a role that is no approver or, with four_eyes, for the requester, 22023 for a bad argument, 55000 if the request is not pending. Approvers.';

CREATE FUNCTION schema_guard.reject(request_id bigint, reason text) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_reject'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.reject(bigint, text) IS
    'Rejects a pending request. The same attempt then files a new one. Raises what approve() raises. Approvers.';

CREATE FUNCTION schema_guard.revoke(approval_id bigint, reason text) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_revoke'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.revoke(bigint, text) IS
    'Ends an approval: its token is no use from now on, also for transactions under way. What it was used for stays done. Raises 55000 if it has been revoked already. Approvers.';

CREATE FUNCTION schema_guard.grant_approver(role regrole) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_grant_approver'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.grant_approver(regrole) IS
    'Makes a role and its members approvers: they may approve, reject and revoke, and read requests, approvals and the audit. Superusers and the extension''s owner.';

CREATE FUNCTION schema_guard.revoke_approver(role regrole) RETURNS void
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_revoke_approver'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.revoke_approver(regrole) IS
    'Ends what grant_approver() gave. What the role has approved stands. Superusers and the extension''s owner.';

REVOKE ALL ON FUNCTION schema_guard.approve(bigint, text, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION schema_guard.reject(bigint, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION schema_guard.revoke(bigint, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION schema_guard.grant_approver(regrole) FROM PUBLIC;
REVOKE ALL ON FUNCTION schema_guard.revoke_approver(regrole) FROM PUBLIC;
