-- Who changed what: one row for each change that somebody made, written by the statement that makes
-- it, so that there is neither a change without its row nor a row without its change.

CREATE TABLE audit_log (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT now(),
    -- The id of a user, or the name of a user of the machine, or of a process that acts by itself.
    actor           text NOT NULL CHECK (actor <> ''),
    via             text NOT NULL CHECK (via IN ('api', 'cli', 'process')),
    request_id      text,
    -- A word such as sale.pause, and the id of what it was done to.
    action          text NOT NULL,
    subject         uuid NOT NULL,
    -- What was asked for.
    details         jsonb NOT NULL,
    idempotency_key text
);

-- The same key of the same actor does the same thing once.
CREATE UNIQUE INDEX audit_log_once ON audit_log (actor, action, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX audit_log_by_subject ON audit_log (subject, id);

CREATE FUNCTION audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log only grows'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'audit_log_only_grows';
END $$;

CREATE TRIGGER audit_log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_only_grows();

-- Writes the row of a change. Called for each row that a statement changed; `by` is the form of
-- `By` in sale/src/ledger/audit_log.rs.
CREATE FUNCTION log_action(by jsonb, action text, subject uuid, details jsonb) RETURNS void
    LANGUAGE sql VOLATILE
AS $$
    INSERT INTO audit_log (actor, via, request_id, idempotency_key, action, subject, details)
    VALUES (by ->> 'actor', by ->> 'via', by ->> 'requestId', by ->> 'key', action, subject, details)
$$;

-- An instant as the audit log has it: RFC 3339, UTC.
CREATE FUNCTION instant_text(instant timestamptz) RETURNS text LANGUAGE sql STABLE
AS $$
    SELECT to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
