-- Rejections: admitted purchases that could not become an order. 0007_posting.sql writes them, and 0009_replay.sql
-- makes an order of one after all.

-- No foreign keys: it takes everything.
CREATE TABLE rejections (
    -- The order's id; derived where that is unreadable or belongs to another order.
    id         uuid PRIMARY KEY,
    sale_id    uuid NOT NULL,
    buyer_id   uuid,
    order_id   uuid,
    entry      text NOT NULL,
    epoch      bigint NOT NULL,
    reason     text NOT NULL,
    -- Whether the buyer counts as posted by this row. At most one such row a buyer.
    counted    boolean NOT NULL,
    raw        bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX rejections_by_buyer ON rejections (sale_id, buyer_id);
CREATE UNIQUE INDEX rejections_counted_once ON rejections (sale_id, buyer_id) WHERE counted;
-- A page of the list begins where the one before it ended. Posting writes nothing here in a rush.
CREATE INDEX rejections_by_age ON rejections (created_at, id);
CREATE INDEX rejections_of_sale ON rejections (sale_id, created_at, id);

-- A counted rejection is a buyer that `posted` counts: without its row the sale could not be
-- installed again.
CREATE FUNCTION rejections_keep_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a rejection that is counted is never deleted'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'rejections_keep_counted';
END $$;

CREATE TRIGGER rejections_keep_counted BEFORE DELETE ON rejections
    FOR EACH ROW WHEN (OLD.counted) EXECUTE FUNCTION rejections_keep_counted();
CREATE TRIGGER rejections_never_truncated BEFORE TRUNCATE ON rejections
    FOR EACH STATEMENT EXECUTE FUNCTION rejections_keep_counted();
