-- When sales end: no later than gates can count, and, where people end a sale, when they did.

-- An instant as the audit log has it: RFC 3339, UTC.
CREATE FUNCTION instant_text(instant timestamptz) RETURNS text LANGUAGE sql STABLE
AS $$
    SELECT to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Sales that people ended keep the end that was planned, in versions before this one. The audit log knows
-- when it was. One that was ended before its start never sold: its window is the microsecond before the end.
UPDATE flash_sales s
SET start_time = least(s.start_time, l.ended_at - interval '1 microsecond'),
    end_time   = l.ended_at,
    version    = s.version + 1
FROM (
    SELECT subject, min(at) AS ended_at FROM audit_log
    WHERE action = 'sale.end' AND via <> 'process'
    GROUP BY subject
) l
WHERE s.id = l.subject AND s.state IN ('ended', 'settled') AND l.ended_at < s.end_time;

-- A gate counts microseconds up to 2^53 (`LAST_INSTANT` in sale/src/model/instant.rs). A trigger and no CHECK:
-- a sale that was stored before with a later end can still be posted, paused, ended and moved. A CHECK, even
-- one that is NOT VALID, would refuse each update of its row.
CREATE FUNCTION flash_sales_last_instant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.start_time, NEW.end_time) IS NOT DISTINCT FROM (OLD.start_time, OLD.end_time) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a sale ends by 2255-06-05T23:47:34Z'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'flash_sales_last_instant';
END $$;

CREATE TRIGGER flash_sales_last_instant BEFORE INSERT OR UPDATE OF start_time, end_time ON flash_sales
    FOR EACH ROW WHEN (NEW.end_time > '2255-06-05T23:47:34.740992Z')
    EXECUTE FUNCTION flash_sales_last_instant();
