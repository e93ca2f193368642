-- Rules and standing policy.

CREATE FUNCTION schema_guard.rules(OUT name text, OUT default_action text, OUT summary text) RETURNS SETOF record
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'schema_guard_rules'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.rules() IS
    'The rules: name, default action (block, warn, record or allow) and a summary of each. Anyone may call it.';

CREATE VIEW schema_guard.rule AS SELECT name, default_action, summary FROM schema_guard.rules();
COMMENT ON VIEW schema_guard.rule IS 'The rules that statements are judged by, with their default actions.';
GRANT SELECT ON schema_guard.rule TO PUBLIC;

CREATE TABLE schema_guard.standing_policy (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL,
    action text NOT NULL,
    object_pattern text NOT NULL,
    role oid,
    role_name text,
    valid_until timestamptz,
    reason text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_by text,
    ended_at timestamptz,
    end_reason text
);
COMMENT ON TABLE schema_guard.standing_policy IS
    'Every exemption and restriction ever set with set_policy(); the view policy shows those in force.';

CREATE VIEW schema_guard.policy AS
    SELECT id, rule, action, object_pattern, role_name AS role, valid_until, reason, set_by, set_at
      FROM schema_guard.standing_policy
     WHERE ended_at IS NULL AND (valid_until IS NULL OR valid_until > clock_timestamp());
COMMENT ON VIEW schema_guard.policy IS 'The policy in force: what deviates from the rules'' default actions.';
GRANT SELECT ON schema_guard.policy TO PUBLIC;

CREATE FUNCTION schema_guard.set_policy(rule text, action text, object_pattern text DEFAULT '%',
                                        role regrole DEFAULT NULL, valid_until timestamptz DEFAULT NULL,
                                        reason text DEFAULT NULL) RETURNS bigint
    LANGUAGE c AS 'MODULE_PATHNAME', 'schema_guard_set_policy'
    SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION schema_guard.set_policy(text, text, text, regrole, timestamptz, text) IS
    'Sets what a rule does (block, warn, record, allow) for objects whose schema.table is like object_pattern, for members of role or everyone, until valid_until or for good. The action default ends such a policy. Returns its number. A reason is required. Raises 22023 for what does not exist. Superusers and the extension''s owner.';
REVOKE ALL ON FUNCTION schema_guard.set_policy(text, text, text, regrole, timestamptz, text) FROM PUBLIC;
